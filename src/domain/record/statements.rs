//! Statements in the order in which they were read, each once. There may be tens of thousands of them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::Deref;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What makes two copies the same statement.
pub trait Stated {
    fn identity(&self) -> impl Hash + Eq;
}

/// Names a statement that another one follows: clocks of two machines do not say which of two came first, this does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementRef {
    pub who: String,
    /// When, by their own clock.
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    from = "Vec<T>",
    into = "Vec<T>",
    bound(serialize = "T: Clone + Serialize", deserialize = "T: Stated + Deserialize<'de>")
)]
pub struct Statements<T> {
    all: Vec<T>,
    /// Where those are whose identities have this hash. Anybody may write a statement, so that two may have the same.
    places: HashMap<u64, Vec<usize>>,
}

impl<T: Stated> Statements<T> {
    /// Returns the copy that is known of a statement.
    pub fn known_mut(&mut self, statement: &T) -> Option<&mut T> {
        let place = self.place(statement)?;
        self.all.get_mut(place)
    }

    /// Adds a statement; returns whether it was not known.
    pub fn add(&mut self, statement: T) -> bool {
        let is_new = self.place(&statement).is_none();
        if is_new {
            self.places.entry(hash(&statement)).or_default().push(self.all.len());
            self.all.push(statement);
        }
        is_new
    }

    fn place(&self, statement: &T) -> Option<usize> {
        let places = self.places.get(&hash(statement))?.iter();
        places.copied().find(|place| self.all.get(*place).is_some_and(|known| known.identity() == statement.identity()))
    }
}

fn hash<T: Stated>(statement: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    statement.identity().hash(&mut hasher);
    hasher.finish()
}

impl<T> Default for Statements<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Deref for Statements<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<'a, T> IntoIterator for &'a Statements<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl<T: PartialEq> PartialEq for Statements<T> {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl<T: Stated> From<Vec<T>> for Statements<T> {
    fn from(all: Vec<T>) -> Self {
        let mut statements = Self::default();
        for statement in all {
            statements.add(statement);
        }
        statements
    }
}

impl<T> From<Statements<T>> for Vec<T> {
    fn from(statements: Statements<T>) -> Self {
        statements.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Said {
        text: u8,
        verified: bool,
    }

    impl Stated for Said {
        fn identity(&self) -> impl Hash + Eq {
            self.text
        }
    }

    proptest! {
        #[test]
        fn each_is_kept_once_in_the_order_of_reading(texts in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut statements = Statements::default();
            let mut expected: Vec<u8> = Vec::new();
            for text in texts {
                let is_new = statements.add(Said { text, verified: false });
                prop_assert_eq!(is_new, !expected.contains(&text));
                if is_new {
                    expected.push(text);
                }
            }
            let kept: Vec<u8> = statements.iter().map(|said| said.text).collect();
            prop_assert_eq!(kept, expected);
            let again: Statements<Said> = serde_json::from_str(&serde_json::to_string(&statements).unwrap()).unwrap();
            prop_assert_eq!(again, statements);
        }
    }

    #[test]
    fn the_known_copy_can_be_changed() {
        let mut statements = Statements::from(vec![Said { text: 1, verified: false }]);
        statements.known_mut(&Said { text: 1, verified: true }).unwrap().verified = true;
        assert!(statements[0].verified && statements.len() == 1);
        assert!(statements.known_mut(&Said { text: 2, verified: true }).is_none());
    }
}
