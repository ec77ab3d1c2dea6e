//! Hides secrets in text from outside.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::facts::credentials::{self, HIDDEN};

/// A shorter value occurs in too many words to be hidden in them.
const MIN_SECRET_BYTES: usize = 6;

/// The secrets that this process has read, to be hidden where others repeat them. Made once; clones share what they know.
///
/// Whatever servers and programs say is redacted before it is shown, logged or written down, and before it is cut: half a
/// secret is not recognized any more.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Mutex<BTreeSet<String>>>);

impl Redactor {
    /// Adds a secret, wherever it came from.
    pub fn add_secret(&self, value: &str) {
        if value.trim().len() >= MIN_SECRET_BYTES {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(value.trim().to_owned());
        }
    }

    /// Hides all known secrets in a text, and whatever else is shaped like a credential.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
        if found.is_empty() {
            return credentials::hidden(text);
        }
        // One may be part of another.
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let text = found.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN));
        Cow::Owned(credentials::hidden(&text).into_owned())
    }

    /// Redacts a text and puts it on one line of at most `max_chars` characters. Control characters other than white
    /// space stay: whoever shows the text makes them visible.
    #[must_use]
    pub fn cut(&self, text: &str, max_chars: usize) -> String {
        let text = self.redact(text);
        let mut line = String::new();
        let mut left = max_chars;
        for word in text.split_whitespace() {
            let space = usize::from(!line.is_empty());
            if space == 1 {
                line.push(' ');
            }
            left = left.saturating_sub(space);
            for c in word.chars() {
                if left == 0 {
                    line.push('…');
                    return line;
                }
                line.push(c);
                left -= 1;
            }
        }
        line
    }
}

/// Does not show the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_hidden_the_longest_first() {
        let redactor = Redactor::default();
        redactor.add_secret("a-planted-one");
        redactor.clone().add_secret("a-planted-one-and-more");
        assert_eq!(redactor.redact("you sent a-planted-one-and-more, a-planted-one?"), "you sent •••, •••?");
        assert_eq!(redactor.redact("nothing of it"), "nothing of it");
        redactor.add_secret("ab");
        assert_eq!(redactor.redact("about"), "about");
        assert!(!format!("{redactor:?}").contains("planted"));
    }

    #[test]
    fn truncated_line_contains_no_part_of_a_secret() {
        let redactor = Redactor::default();
        redactor.add_secret("a-planted-one");
        assert_eq!(redactor.cut("you sent\n a-planted-one", 14), "you sent •••");
        assert_eq!(redactor.cut("ab cd", 3), "ab …");
        assert_eq!(redactor.cut("a\u{1b}[2J", 9), "a\u{1b}[2J");
    }
}
