//! How far what is known can be trusted: links to the outside and their age.

use jiff::{SignedDuration, Timestamp};

/// State of the link to one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not tried yet.
    #[default]
    Never,
    /// It answers.
    Up,
    /// It does not; what and why, and what to do.
    Down(String),
}

impl Link {
    /// Returns whether it answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self == Self::Up
    }
}

/// What an environment has links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// The Kubernetes API server.
    Kubernetes,
    /// Prometheus.
    Prometheus,
}

impl SourceKind {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Prometheus => "prometheus",
        }
    }
}

/// A link and when it was last heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// State of the link.
    pub link: Link,
    /// When the source last confirmed what is shown (an answer, an event, a bookmark).
    pub at: Option<Timestamp>,
}

/// How old a picture may be before it is called late.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_secs(15);

impl Heard {
    /// Returns the age of the picture; `None` before the first answer.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        self.at.map(|at| now.duration_since(at).max(SignedDuration::ZERO))
    }

    /// Returns whether the picture is fresh: the link is up and not older than [`LATE_AFTER`].
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.link.is_up() && self.age(now).is_some_and(|age| age <= LATE_AFTER)
    }
}
