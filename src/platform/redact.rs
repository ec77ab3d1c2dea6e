//! Hides secrets in text from outside.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::credentials::{self, HIDDEN};

/// A shorter value occurs in too many words to be hidden in them.
const MIN_SECRET_BYTES: usize = 6;

/// The values that this process was told, so that they can be hidden where a server repeats them.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Takes down that a value is secret, wherever it came from.
pub fn remember(value: &str) {
    if value.trim().len() >= MIN_SECRET_BYTES {
        TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(value.trim().to_owned());
    }
}

/// Hides in the words of others every secret that this process was told, and whatever else is shaped like a credential.
///
/// All that servers and programs say passes here before it is shown, logged or written down.
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known: Vec<&String> = told.iter().filter(|value| text.contains(value.as_str())).collect();
    if known.is_empty() {
        return credentials::hidden(text);
    }
    // One may be part of another.
    known.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let text = known.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), HIDDEN));
    Cow::Owned(credentials::hidden(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_hidden_in_the_words_of_others() {
        remember("a-planted-one");
        remember("a-planted-one-and-more");
        assert_eq!(hide("you sent a-planted-one-and-more, a-planted-one?"), "you sent •••, •••?");
        assert_eq!(hide("nothing of it"), "nothing of it");
        remember("ab");
        assert_eq!(hide("about"), "about");
    }
}
