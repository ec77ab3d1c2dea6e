//! Reads XML piece by piece: bounded, well-formed to the end, and without entities of its own.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};

/// Longest tag or text that is taken in at once, in bytes.
const MAX_TOKEN_BYTES: usize = 16 << 20;
const MAX_DEPTH: usize = 100;
/// How many comments are kept, and of which length in bytes.
const MAX_COMMENTS: usize = 16;
const MAX_COMMENT_BYTES: usize = 80;

/// A piece of a document.
pub(super) enum Piece<'a> {
    Open(Element<'a>),
    /// Text in it, in as many parts as it comes.
    Text(Cow<'a, str>),
    /// The element that began last ends.
    Close,
    /// The document ends, and is complete.
    End,
}

/// The beginning of an element.
pub(super) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// Returns its name, without a namespace's prefix.
    pub fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Returns the values of some attributes; their names are given in small letters, and may stand in any case and
    /// with a namespace's prefix.
    pub fn attributes<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N], String> {
        let mut values = [const { None }; N];
        // The reader's own check for what stands twice takes for ever where there are very many.
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| format!("is no XML: {error}"))?;
            let key = attribute.key.local_name().into_inner();
            let Some(i) = names.iter().position(|name| name.eq_ignore_ascii_case(key)) else { continue };
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| format!("in the attribute `{}`: {error}", names[i]))?;
            if values[i].replace(value.into_owned()).is_some() {
                return Err(format!("is no XML: the attribute `{}` is repeated", names[i]));
            }
        }
        Ok(values)
    }
}

/// A document that is read piece by piece. It may name a DTD, which is never fetched, and may not declare entities.
pub(super) struct Xml<R> {
    reader: Reader<Metered<BufReader<R>>>,
    buffer: Vec<u8>,
    depth: usize,
    has_root: bool,
    /// The latest comments right below the root.
    comments: VecDeque<String>,
}

impl<R: Read> Xml<R> {
    pub fn new(from: R) -> Self {
        let metered = Metered { from: BufReader::with_capacity(64 << 10, from), taken: 0 };
        let mut reader = Reader::from_reader(metered);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0, has_root: false, comments: VecDeque::new() }
    }

    /// Returns the latest short comments right below the root, the newest first.
    pub fn comments(&self) -> impl Iterator<Item = &str> {
        self.comments.iter().map(String::as_str)
    }

    pub fn next(&mut self) -> Result<Piece<'_>, String> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().taken = 0;
            match self.reader.read_event_into(&mut self.buffer).map_err(|error| describe(&error))? {
                Event::Decl(_) | Event::PI(_) => {}
                Event::Comment(text) => {
                    if self.depth == 1 && text.len() <= MAX_COMMENT_BYTES {
                        self.comments.truncate(MAX_COMMENTS - 1);
                        self.comments.push_front(text.trim().to_owned());
                    }
                }
                Event::DocType(text) => doctype(&text)?,
                Event::Text(text) if self.depth == 0 => {
                    if !text.trim().is_empty() {
                        return Err("is no XML: there is text outside of its elements".to_owned());
                    }
                }
                Event::CData(_) | Event::GeneralRef(_) if self.depth == 0 => {
                    return Err("is no XML: there is text outside of its elements".to_owned());
                }
                // Empty elements come as a beginning and an end.
                Event::Start(start) | Event::Empty(start) => {
                    if self.depth == 0 && self.has_root {
                        return Err("is no XML: there is a second document in it".to_owned());
                    }
                    if self.depth == MAX_DEPTH {
                        return Err(format!("is nested more than {MAX_DEPTH} deep, and is not read"));
                    }
                    self.depth += 1;
                    self.has_root = true;
                    return Ok(Piece::Open(Element(start.into_owned())));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Piece::Close);
                }
                Event::Text(text) => return Ok(Piece::Text(Cow::Owned(text.into_inner().into_owned()))),
                Event::CData(text) => return Ok(Piece::Text(Cow::Owned(text.into_inner().into_owned()))),
                Event::GeneralRef(name) => {
                    let char = name.resolve_char_ref().map_err(|error| describe(&error))?;
                    let text = match char {
                        Some(char) => Some(char.to_string()),
                        None => escape::resolve_predefined_entity(&name).map(ToOwned::to_owned),
                    };
                    let text = text.ok_or("uses an entity that XML does not know: such files are not read")?;
                    return Ok(Piece::Text(Cow::Owned(text)));
                }
                Event::Eof if !self.has_root => return Err("is empty: there is no XML in it".to_owned()),
                Event::Eof if self.depth > 0 => return Err("breaks off: its elements are not closed".to_owned()),
                Event::Eof => return Ok(Piece::End),
            }
        }
    }
}

/// Refuses what a DOCTYPE of its own could change: entities, and values of attributes that are left out.
fn doctype(text: &str) -> Result<(), String> {
    let Some((_, subset)) = text.split_once('[') else { return Ok(()) };
    let subset = subset.to_ascii_uppercase();
    if subset.contains("ENTITY") || subset.contains("ATTLIST") || subset.contains('%') {
        return Err("declares entities or attributes in its DOCTYPE: such files are not read".to_owned());
    }
    Ok(())
}

fn describe(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Io(error) => error.to_string(),
        quick_xml::Error::Syntax(error) => format!("breaks off, or is no XML: {error}"),
        other => format!("is no XML: {other}"),
    }
}

/// Counts what one piece takes, and fails where it is too much.
struct Metered<R> {
    from: R,
    taken: usize,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.from.read(buffer)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken > MAX_TOKEN_BYTES {
            let what = format!("contains a text of more than {} MiB, and is not read", MAX_TOKEN_BYTES >> 20);
            return Err(io::Error::other(what));
        }
        self.from.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
        self.from.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Writes the pieces down, or what is wrong.
    fn read(text: &str) -> String {
        let mut xml = Xml::new(text.as_bytes());
        let mut out = String::new();
        loop {
            match xml.next() {
                Ok(Piece::Open(element)) => {
                    let [value] = element.attributes(["a"]).unwrap_or_else(|error| [Some(error)]);
                    write!(out, "<{} {}>", element.name(), value.unwrap_or_default()).unwrap();
                }
                Ok(Piece::Text(text)) => out += &text,
                Ok(Piece::Close) => out += "</>",
                Ok(Piece::End) => return out,
                Err(error) => return format!("! {error}"),
            }
        }
    }

    #[test]
    fn well_formed_xml_is_read_to_the_end() {
        let text = "\u{feff}<?xml version='1.0'?><!-- x --><n:r a='1&lt;2'>x &amp; &#252;<![CDATA[<y>]]><e/></n:r>\n";
        assert_eq!(read(text), "<r 1<2>x & ü<y><e ></></>");
        for named in
            ["<!DOCTYPE r SYSTEM 'http://x/y.dtd'><r/>", "<!DOCTYPE r><r/>", "<!DOCTYPE r [<!ELEMENT r ANY>]><r/>"]
        {
            assert_eq!(read(named), "<r ></>");
        }
        assert_eq!(read("<r x:A='1'/>"), "<r 1></>");
    }

    #[test]
    fn malformed_xml_is_refused() {
        let deep = "<a>".repeat(200);
        let long = format!("<a>{}</a>", "x".repeat(MAX_TOKEN_BYTES + (1 << 20)));
        for (text, words) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("<r>", "breaks off"),
            ("<r><a></r>", "is no XML"),
            ("<r", "breaks off, or is no XML"),
            ("<r/><r/>", "second document"),
            ("<r/>x", "text outside"),
            ("x<r/>", "text outside"),
            ("<r>&x;</r>", "an entity that XML does not know"),
            ("<r>&#x110000;</r>", "is no XML"),
            ("<!DOCTYPE r [<!ATTLIST r a CDATA 'x'>]><r/>", "declares entities or attributes"),
            ("<!DOCTYPE r [%x;]><r/>", "declares entities or attributes"),
            (deep.as_str(), "nested more than 100 deep"),
            (long.as_str(), "more than 16 MiB"),
        ] {
            let found = read(text);
            assert!(found.starts_with('!') && found.contains(words), "{}: {found}", &text[..text.len().min(80)]);
        }
        assert!(read("<r a='1' a='2'/>").contains("is repeated"));
        assert!(read("<r a='&x;'/>").contains("in the attribute `a`"));
        let bomb = "<!DOCTYPE r [<!ENTITY a 'x'>]><r>&a;</r>";
        assert!(read(bomb).contains("declares entities"));
    }
}
