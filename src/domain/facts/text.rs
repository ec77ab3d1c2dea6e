//! Text from outside, made safe and short; figures for the screen.

use std::borrow::Cow;

use jiff::SignedDuration;

/// Returns whether a character may change what a terminal shows beyond its own cell.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a text has a character that [`is_unsafe`].
#[must_use]
pub fn has_unsafe(text: &str) -> bool {
    // Most text is printable ASCII, which is told without decoding it; a fold has no way out early and is vectorised.
    let is_printable = |all: bool, byte: &u8| all & matches!(byte, b' '..=b'~');
    !text.as_bytes().iter().fold(true, is_printable) && text.chars().any(is_unsafe)
}

/// Makes control, bidi and invisible characters visible as `\n`, `\e`, `\u{202e}`; other text stays as it is.
///
/// Everything that came from outside passes here before it reaches the terminal ([law 7](crate#laws)).
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !has_unsafe(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            '\u{1b}' => out.push_str("\\e"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The longest text that is taken over from a server, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// Returns what a server said on one line, bounded. A page of HTML says nothing to a person: it gives nothing.
#[must_use]
pub fn plain_words(text: &str) -> String {
    if text.trim_start().starts_with('<') {
        return String::new();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TEXT_CHARS) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}

/// Makes text of several lines safe: each line as [`sanitize`] does, while line breaks stay.
#[must_use]
pub fn sanitize_lines(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_unsafe(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(sanitize).collect::<Vec<_>>().join("\n"))
}

/// Returns a text as one word of a shell: it is pasted into one, and must not be more than a word there.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", sanitize(text).replace('\'', r"'\''")))
}

/// Returns an age or a wait in at most two units: `0.4 s`, `41 s`, `2m14s`, `3h12m`, `6d 4h`.
#[must_use]
pub fn duration(time: SignedDuration) -> String {
    let millis = time.as_millis();
    if millis < 0 {
        return format!("-{}", duration(time.abs()));
    }
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, (millis % 1000) / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Returns a ratio in percent with two decimals: `0.31 %`.
#[must_use]
pub fn percent(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

/// Returns seconds as `182 ms` below ten seconds, else as `12.3 s`.
#[must_use]
pub fn latency(seconds: f64) -> String {
    if seconds < 10.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// Returns a request rate as `41 /s`, with one decimal below ten.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1} /s") } else { format!("{per_second:.0} /s") }
}

/// Returns `n thing`, in the plural where n is not one: `2 pods`, `3 entries`.
#[must_use]
pub fn plural(n: usize, thing: &str) -> String {
    match thing.strip_suffix('y') {
        _ if n == 1 => format!("{n} {thing}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{n} {stem}ies"),
        _ => format!("{n} {thing}s"),
    }
}

/// Returns the innermost cause of an error: the layers around it only repeat that something failed.
#[must_use]
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns a time as Kubernetes writes it: RFC 3339, whole seconds, UTC.
#[must_use]
pub fn rfc3339_seconds(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        let hostile = "a\u{1b}]52;c;x\u{7}\u{202e}b\u{200b}\r\n\u{9b}c";
        let shown = sanitize(hostile);
        assert!(!shown.chars().any(is_unsafe), "{shown}");
        assert_eq!(sanitize("plain ünïcode 漢字"), "plain ünïcode 漢字");
        assert_eq!(sanitize_lines("a\n\u{9b}b\n"), "a\n\\u{9b}b\n");
    }

    #[test]
    fn an_unsafe_character_is_found_anywhere() {
        for c in (0..=0x3000).chain([0xfeff, 0xfff9, 0x1d173, 0xe0001, 0x1f600]).filter_map(char::from_u32) {
            for before in ["", "12345678", "é", "1234567", "15 × 3 – 4, × and more of it"] {
                for after in ["", "abcdefghijklmn", "×"] {
                    assert_eq!(has_unsafe(&format!("{before}{c}{after}")), is_unsafe(c), "{before}{c:?}{after}");
                }
            }
        }
    }

    #[test]
    fn shell_words_are_quoted() {
        assert_eq!(shell_word("arn:aws:eks:eu-west-1:1:cluster/prod"), "arn:aws:eks:eu-west-1:1:cluster/prod");
        assert_eq!(shell_word("a; rm -rf ~ 'b'\n"), r"'a; rm -rf ~ '\''b'\''\n'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn server_message_is_short_and_html_is_dropped() {
        assert_eq!(plain_words("  etcdserver:\n request timed out\n"), "etcdserver: request timed out");
        assert_eq!(plain_words("\n<html><body>503</body></html>"), "");
        assert_eq!(plain_words(&"é".repeat(1000)).chars().count(), MAX_TEXT_CHARS + 1);
    }

    #[test]
    fn durations_have_at_most_two_units() {
        let show = |s| duration(SignedDuration::from_secs(s));
        assert_eq!(duration(SignedDuration::from_millis(440)), "0.4 s");
        assert_eq!(show(41), "41 s");
        assert_eq!(show(134), "2m14s");
        assert_eq!(show(11_520), "3h12m");
        assert_eq!(show(532_800), "6d 4h");
        assert_eq!(show(-41), "-41 s");
    }
}
