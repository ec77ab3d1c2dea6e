//! Text from outside as Markdown (CommonMark with GitHub's tables and strikethrough): it shows as it was written.

use crate::domain::facts::text::is_unsafe;

/// Characters that mean something wherever they stand.
const ESCAPED_ANYWHERE: &str = r"\`*_[]<>|~&$";
/// Characters that mean something at the beginning of a line.
const ESCAPED_AT_START: &str = "#+-=:!";

/// Returns text from outside as one line of Markdown that shows as it was written: what has a meaning is escaped, line
/// breaks are spaces, other control, bidi and invisible characters are gone.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut digits_only = true;
    let line = line(text);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let ends_number = digits_only && !out.is_empty() && matches!(c, '.' | ')');
        let starts_list = ends_number && chars.peek().is_none_or(|next| *next == ' ');
        if ESCAPED_ANYWHERE.contains(c) || out.is_empty() && ESCAPED_AT_START.contains(c) || starts_list {
            out.push('\\');
        }
        digits_only &= c.is_ascii_digit();
        out.push(c);
    }
    out
}

/// Returns text as one line without control, bidi and invisible characters.
#[must_use]
pub fn line(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(|word| word.chars().filter(|c| !is_unsafe(*c)).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_escaped() {
        for (text, wanted) in [
            ("plain words, 1.5.0 (#12)!", "plain words, 1.5.0 (#12)!"),
            ("*bold* _it_ `code`", r"\*bold\* \_it\_ \`code\`"),
            ("[x](https://evil)", r"\[x\](https://evil)"),
            ("<script>&lt;", r"\<script\>\&lt;"),
            ("# title", r"\# title"),
            ("- item", r"\- item"),
            ("12. item", r"12\. item"),
            ("3)", r"3\)"),
            ("1.5.0", "1.5.0"),
            ("a | b ~~c~~", r"a \| b \~\~c\~\~"),
            ("a\nb\r\n\tc", "a b c"),
            ("a\u{202e}b\u{1b}[31mc", r"ab \[31mc"),
            ("漢字 ünï", "漢字 ünï"),
            ("", ""),
        ] {
            assert_eq!(escape(text), wanted, "{text}");
        }
    }

    /// What a reader of Markdown shows of an item of a list: its text, and whether there is anything but text.
    fn shown(item: &str) -> (String, bool) {
        use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
        let (mut text, mut plain) = (String::new(), true);
        for event in
            Parser::new_ext(item, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
        {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::Start(Tag::List(None) | Tag::Item) | Event::End(TagEnd::List(false) | TagEnd::Item) => {}
                _ => plain = false,
            }
        }
        (text, plain)
    }

    proptest! {
        #[test]
        fn escaped_text_renders_as_written(
            text in "([-+*_#=~`>|<&;:!\\[\\]\\(\\)\\\\.0-9 ax/\"']|<b>|&lt;|http://x|\n){0,12}",
        ) {
            prop_assert_eq!(shown(&format!("- {}", escape(&text))), (line(&text), true), "{}", escape(&text));
        }

        #[test]
        fn no_control_character_or_markup_survives(text in any::<String>()) {
            let shown = escape(&text);
            prop_assert!(!shown.chars().any(is_unsafe));
            let mut escaped = false;
            for c in shown.chars() {
                prop_assert!(escaped || c == '\\' || !ESCAPED_ANYWHERE.contains(c), "{shown}");
                escaped = c == '\\' && !escaped;
            }
            prop_assert!(!escaped);
        }
    }
}
