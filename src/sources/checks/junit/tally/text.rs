//! Text of a report, as much of it as is shown.

use crate::platform::Redactor;
use crate::sources::checks::wording::Wording as _;

/// As much of a text as its first line may need, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 4096;

/// Keeps the beginning of a text.
pub(super) fn append(text: &mut String, more: &str) {
    let more = if text.is_empty() { more.trim_start() } else { more };
    text.push_str(&more[..fitting(more, MAX_TEXT_BYTES.saturating_sub(text.len()))]);
}

/// The beginning of a text, and no more memory than that: a name may have megabytes, and tests may be nested.
pub(super) fn beginning(mut text: String) -> String {
    text.truncate(fitting(&text, MAX_TEXT_BYTES));
    text.shrink_to(MAX_TEXT_BYTES);
    text
}

/// How many bytes of a text fit, in whole characters.
pub(super) fn fitting(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()
}

/// What is shown of a test's class and name.
pub(super) fn shown(names: &[String; 2], redactor: &Redactor) -> String {
    let names = names.each_ref().map(|name| redactor.one_line(name));
    let name = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
    if name.is_empty() { "a test without a name".to_owned() } else { redactor.cut(&name, 200) }
}

pub(super) fn number(name: &str, value: Option<&str>, redactor: &Redactor) -> Result<Option<u64>, String> {
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return Ok(None) };
    let number = value.trim().parse();
    number.map(Some).map_err(|_| format!("`{name}` is `{}`, and no number", redactor.cut(value, 40)))
}
