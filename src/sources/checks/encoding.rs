//! Texts in other encodings than UTF-8, as the text itself says: by its first bytes, or in the declaration of XML.

use std::io::{self, Chain, Cursor, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

/// The declaration of XML stands within so many bytes.
const HEAD_BYTES: u64 = 1024;
const CHUNK_BYTES: usize = 16 << 10;

/// Returns the text as UTF-8. What is not valid in its encoding is an error; UTF-8 itself is passed on as it stands.
pub(super) fn decoded<R: Read>(mut from: R) -> io::Result<Decoded<R>> {
    let mut head = Vec::new();
    from.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    let encoding = encoding_of(&head)?;
    let from = Cursor::new(head).chain(from);
    if encoding == UTF_8 {
        return Ok(Decoded::Utf8(from));
    }
    Ok(Decoded::Other(Box::new(Transcoder {
        from,
        encoding,
        decoder: encoding.new_decoder_with_bom_removal(),
        bytes: Vec::new(),
        text: Vec::new(),
        given: 0,
        is_done: false,
    })))
}

fn encoding_of(head: &[u8]) -> io::Result<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Ok(encoding);
    }
    let Some(label) = declared(head) else { return Ok(UTF_8) };
    match Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT) {
        // A declaration that can be read byte by byte is not in UTF-16: .NET writes the word, and then UTF-8.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(UTF_8),
        Some(encoding) => Ok(encoding),
        None => {
            let label: String = label.chars().take(40).collect();
            Err(io::Error::other(format!(
                "declares the encoding `{label}`, which is not known: have it written as UTF-8"
            )))
        }
    }
}

/// Returns the encoding that the declaration of XML names.
fn declared(head: &[u8]) -> Option<String> {
    let head: String = head.iter().copied().take_while(u8::is_ascii).map(char::from).collect();
    let declaration = head.trim_start().strip_prefix("<?xml")?.split_once("?>")?.0;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_owned())
}

/// Text that is UTF-8, or becomes it as it is read.
pub(super) enum Decoded<R> {
    Utf8(Chain<Cursor<Vec<u8>>, R>),
    Other(Box<Transcoder<R>>),
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Utf8(from) => from.read(buffer),
            Self::Other(from) => from.read(buffer),
        }
    }
}

pub(super) struct Transcoder<R> {
    from: Chain<Cursor<Vec<u8>>, R>,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    bytes: Vec<u8>,
    /// What is decoded.
    text: Vec<u8>,
    /// How much of it was handed on.
    given: usize,
    is_done: bool,
}

impl<R: Read> Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.is_done {
            self.decode()?;
        }
        let count = buffer.len().min(self.text.len() - self.given);
        buffer[..count].copy_from_slice(&self.text[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }

    fn decode(&mut self) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let count = self.from.read(&mut chunk)?;
        self.is_done = count == 0;
        self.bytes.extend_from_slice(&chunk[..count]);
        let room = self.decoder.max_utf8_buffer_length_without_replacement(self.bytes.len()).unwrap_or(CHUNK_BYTES * 4);
        self.text = vec![0; room];
        self.given = 0;
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.bytes, &mut self.text, self.is_done);
        self.text.truncate(written);
        self.bytes.drain(..read);
        if let DecoderResult::Malformed(..) = result {
            let name = self.encoding.name();
            return Err(io::Error::other(format!("is not valid in its encoding {name}: have it written as UTF-8")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let mut from = decoded(bytes).map_err(|error| error.to_string())?;
        from.read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn declared_encodings_are_read() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>caf\xe9</a>";
        assert!(read(latin).unwrap().ends_with("<a>café</a>"));
        let windows = b"<?xml version=\"1.0\" encoding = \"windows-1252\" ?><a>\x80</a>";
        assert!(read(windows).unwrap().ends_with("<a>€</a>"));
        let text = format!("<a>{}é漢🎉</a>", "x".repeat(CHUNK_BYTES));
        for (mark, unit) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)] {
            let bytes: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect();
            assert_eq!(read(&bytes).unwrap(), text);
            assert!(read(&bytes[..bytes.len() - 1]).unwrap_err().contains("is not valid in its encoding UTF-16"));
        }
        // As .NET writes it.
        assert!(read("<?xml version='1.0' encoding='utf-16'?><a>é</a>".as_bytes()).unwrap().ends_with("é</a>"));
        assert_eq!(read("é".as_bytes()).unwrap(), "é");
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn unknown_or_broken_encodings_are_refused() {
        for label in ["klingon", "utf-7", "iso-2022-cn"] {
            let error = read(format!("<?xml version='1.0' encoding='{label}'?><a/>").as_bytes()).unwrap_err();
            assert!(error.contains(&format!("declares the encoding `{label}`")), "{error}");
        }
        let broken = b"<?xml version='1.0' encoding='Shift_JIS'?><a>\xff\xff</a>";
        assert!(read(broken).unwrap_err().contains("is not valid in its encoding Shift_JIS"));
    }
}
