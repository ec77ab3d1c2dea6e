//! The work queue of the controllers: each object once, some of them later.

use std::collections::{BTreeSet, HashSet, VecDeque};

use jiff::Timestamp;

use crate::kubernetes::store::Key;

#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    later: BTreeSet<(Timestamp, Key)>,
}

impl Queue {
    /// Adds an object, unless it waits already.
    pub fn add(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Adds an object at a time to come. Controllers ask again on every pass; one alarm for each time is enough.
    pub fn add_at(&mut self, at: Timestamp, key: Key) {
        self.later.insert((at, key));
    }

    /// Returns the next object to look at, moving over those whose time has come.
    pub fn next(&mut self, now: Timestamp) -> Option<Key> {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.later.pop_first() {
                self.add(key);
            }
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }

    /// Returns when the next object falls due, apart from those that are ready.
    pub fn due(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::resources::Kind;

    fn key(name: &str) -> Key {
        Key::new(Kind::Pod, "shop", name)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_object_waits_once_and_comes_when_due() {
        let mut queue = Queue::default();
        queue.add(key("a"));
        queue.add(key("a"));
        queue.add_at(at(10), key("b"));
        queue.add_at(at(10), key("b"));
        assert_eq!(queue.next(at(0)), Some(key("a")));
        assert_eq!(queue.next(at(0)), None);
        assert_eq!(queue.due(), Some(at(10)));
        assert_eq!(queue.next(at(10)), Some(key("b")));
        assert_eq!(queue.next(at(10)), None);
    }
}
