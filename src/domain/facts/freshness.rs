//! Links to the outside, the age of the state, and whether it is fresh.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// State of the link to one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    #[default]
    Never,
    Up,
    /// It does not; what and why, and what to do.
    Down(String),
    /// It waits for a login of the operator; what that says: an address, a code.
    LoggingIn(String),
    /// Nothing is sent to it, e.g. because its address comes from a config that nobody trusts; why.
    NotAsked(String),
}

/// What a login is called that says nothing.
pub const LOGGING_IN: &str = "logging in";

impl Link {
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self == Self::Up
    }

    /// Returns why there is no answer; `None` while there is one, and before the first.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Down(why) | Self::LoggingIn(why) | Self::NotAsked(why) => Some(why),
            Self::Never | Self::Up => None,
        }
    }
}

/// What an environment has links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SourceKind {
    Kubernetes,
    Prometheus,
}

impl SourceKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Prometheus => "prometheus",
        }
    }
}

/// A link and when it was last heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub link: Link,
    /// When the source last confirmed what is shown (an answer, an event, a bookmark).
    pub at: Option<Timestamp>,
}

/// How old a picture may be before it is called late.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// How far something heard may lie ahead of the clock, which is read apart. Beyond that the clock was set back, and
/// nothing can be derived from the two.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(2);

impl Heard {
    /// Takes in how the link is now; `at` is when the source confirmed what is shown, if it did.
    pub fn hear(&mut self, link: Link, at: Option<Timestamp>, now: Timestamp) {
        self.link = link;
        // What is reported late does not make the state older, unless its age is unknown.
        let known = self.at.filter(|known| now.duration_since(*known) >= -MAX_CLOCK_SKEW);
        if at.is_some() {
            self.at = at.max(known);
        }
    }

    /// Returns the age of the state; `None` before the first answer, and when the clock was set back since.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        let age = now.duration_since(self.at?);
        (age >= -MAX_CLOCK_SKEW).then(|| age.max(SignedDuration::ZERO))
    }

    /// Returns how old the state is, in words that follow `the state is`.
    #[must_use]
    pub fn age_in_words(&self, now: Timestamp) -> String {
        match (self.at, self.age(now)) {
            (_, Some(age)) => format!("{} old", super::text::duration(age)),
            (None, None) => "never confirmed".to_owned(),
            (Some(_), None) => "of unknown age: the system clock was set back".to_owned(),
        }
    }

    /// Returns whether the state is fresh: the link is up and not older than [`LATE_AFTER`].
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.link.is_up() && self.age(now).is_some_and(|age| age <= LATE_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const HEARTBEAT: SignedDuration = SignedDuration::from_secs(3);

    fn heard(at: Timestamp) -> Heard {
        Heard { link: Link::Up, at: Some(at) }
    }

    #[test]
    fn future_timestamp_is_not_fresh_and_has_no_age() {
        let now = Timestamp::UNIX_EPOCH;
        let early = heard(now + HOUR);
        assert!(!early.is_fresh(now));
        assert_eq!(early.age(now), None);
        assert!(early.age_in_words(now).contains("set back"));
        // The clock is read apart from what is heard.
        let just = heard(now + SignedDuration::from_millis(20));
        assert!(just.is_fresh(now));
        assert_eq!(just.age(now), Some(SignedDuration::ZERO));
    }

    #[test]
    fn first_answer_after_clock_set_back_is_fresh() {
        let now = Timestamp::UNIX_EPOCH;
        let mut picture = heard(now + HOUR);
        picture.hear(Link::Down("gone".to_owned()), None, now);
        assert_eq!(picture.age(now), None, "a failure confirms nothing");
        picture.hear(Link::Up, Some(now), now);
        assert!(picture.is_fresh(now));
        assert!(!picture.is_fresh(now + LATE_AFTER + HEARTBEAT));
    }

    #[test]
    fn late_message_makes_nothing_older() {
        let now = Timestamp::UNIX_EPOCH;
        let mut picture = heard(now);
        picture.hear(Link::Up, Some(now - HEARTBEAT), now);
        assert_eq!(picture.at, Some(now));
    }
}
