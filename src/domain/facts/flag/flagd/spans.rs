//! Where values lie in the text of a JSON document that was read before: so that one is changed and the rest stays as it is.

use std::ops::Range;

/// Returns where the value lies that these names lead to; of a name that stands twice the last counts, as everywhere.
pub(super) fn value(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let start = skip_blank(text.as_bytes(), 0);
    let whole = start..end_of_value(text.as_bytes(), start);
    path.iter().try_fold(whole, |object, name| {
        members(text, object).into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    })
}

/// Returns where the elements of an array lie.
pub(super) fn elements(text: &str, array: Range<usize>) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = skip_blank(bytes, array.start + 1);
    while bytes.get(at).is_some_and(|byte| *byte != b']') && at < array.end {
        let value = at..end_of_value(bytes, at);
        at = after_comma(bytes, value.end);
        found.push(value);
    }
    found
}

/// Returns the white space behind the opening bracket of an object, and whether the object is empty.
pub(super) fn opening(text: &str, object: &Range<usize>) -> (Range<usize>, bool) {
    let first = skip_blank(text.as_bytes(), object.start + 1);
    (object.start + 1..first, text.as_bytes().get(first) == Some(&b'}'))
}

fn members(text: &str, object: Range<usize>) -> Vec<(String, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = skip_blank(bytes, object.start + 1);
    while bytes.get(at) == Some(&b'"') && at < object.end {
        let key = at..end_of_value(bytes, at);
        let start = skip_blank(bytes, skip_blank(bytes, key.end) + 1);
        let value = start..end_of_value(bytes, start);
        at = after_comma(bytes, value.end);
        let Some(key) = text.get(key).and_then(|key| serde_json::from_str(key).ok()) else { break };
        found.push((key, value));
    }
    found
}

fn skip_blank(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// Returns where the next member or element begins, or the closing bracket is.
fn after_comma(bytes: &[u8], end: usize) -> usize {
    let at = skip_blank(bytes, end);
    if bytes.get(at) == Some(&b',') { skip_blank(bytes, at + 1) } else { at }
}

fn end_of_value(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ if depth == 0 => return at + scalar(bytes, at),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a number, or of `true`, `false` or `null`.
fn scalar(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let is_over = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
    rest.iter().take_while(|byte| !is_over(byte)).count()
}
