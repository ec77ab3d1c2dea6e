//! How answers leave the program.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::facts::text::{has_unsafe, is_unsafe};

/// Writes JSON on one line, safe for a terminal: what would move the cursor or hide text is written as `\u….`, which
/// means the same to every reader of JSON.
#[must_use]
pub fn json_line(value: &Value) -> String {
    json_safe(&value.to_string()).into_owned()
}

/// Writes JSON on several lines, safe for a terminal.
#[must_use]
pub fn json_pretty(value: &Value) -> String {
    // Writing a value cannot fail.
    serde_json::to_string_pretty(value).unwrap_or_default().lines().map(json_safe).collect::<Vec<_>>().join("\n")
}

/// Makes a line of JSON safe for a terminal.
#[must_use]
pub fn json_safe(line: &str) -> Cow<'_, str> {
    if !has_unsafe(line) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if is_unsafe(c) {
            // JSON takes UTF-16: two escapes for what lies beyond the first plane.
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn json_is_equal_and_has_no_control_characters(text in any::<String>()) {
            let value = json!({"text": format!("{text}\u{202e}\u{9b}\u{e0001}\u{1b}")});
            for written in [json_line(&value), json_pretty(&value)] {
                prop_assert!(!written.chars().any(|c| c != '\n' && is_unsafe(c)));
                prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
            }
        }
    }
}
