//! Actions: the plan, the facts it rests on, and its outcome.

mod describe;
mod facts;
mod plan_record;
mod request;
mod subjects;
mod target;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use crate::domain::facts::verb::Verb;
pub use describe::{DescriptionPart, describe};
pub use facts::{Facts, RestsOn};
pub use plan_record::{Automatic, LaneUsed, PlanRecord};
pub use request::{
    After, BRANCH_PREFIX, Body, FlagRequest, GitRequest, KubernetesRequest, ObjectRef, PipelineRequest, Request,
    TagRequest,
};
pub use subjects::{GatesAsked, LaneRef, Subjects, lane_of_subject, subject_in_lane};
pub use target::{GitKey, OwnerKey, PipelineKey, System, TagKey, Target};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub verb: Verb,
    pub target: Target,
    /// Roll back to this revision, by default stable, or the one before; of a flag the share of users, in percent.
    pub to: Option<u64>,
}

/// Identity of one action: unique over all journals (a UUID v7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub String);

impl ActionId {
    /// Makes that of an action which is asked for at this time; `what` tells apart what one person asks for at once.
    #[must_use]
    pub fn asked(at: Timestamp, by: &str, what: &str) -> Self {
        let digest = Sha256::digest(format!("{by}\0{what}\0{}", at.as_nanosecond()));
        let mut rest = [0; 10];
        rest.iter_mut().zip(digest).for_each(|(rest, byte)| *rest = byte);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid().to_string())
    }

    /// Returns when it was asked for, as its UUID says, in milliseconds; the other time where it is none.
    #[must_use]
    pub fn asked_at_or(&self, otherwise: Timestamp) -> Timestamp {
        let id = uuid::Uuid::parse_str(&self.0).ok().and_then(|id| id.get_timestamp());
        let (seconds, nanos) = id.map_or((0, 0), |at| at.to_unix());
        let at =
            i64::try_from(seconds).ok().and_then(|seconds| Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok());
        at.filter(|_| id.is_some()).unwrap_or(otherwise)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Outcome {
    /// The status shows the effect.
    Confirmed { shows: String },
    /// The API server took it, but the status did not show the effect in time.
    Unconfirmed { shows: String },
    /// Nothing was sent, or the API server said no.
    Refused { why: String },
    /// The facts moved between plan and request; nothing was sent.
    Moved { what: String },
    /// No answer: it may or may not have happened. Never sent again; settled by looking.
    Unknown {
        /// What happened to the request.
        why: String,
    },
    /// A pull request is open for it: people merge it or close it, which is settled by looking.
    AwaitsMerge { shows: String },
    /// Found done when looking again after an unknown outcome or a crash.
    FoundDone { shows: String },
    /// Found not done when looking again after an unknown outcome or a crash.
    FoundNotDone { shows: String },
}

impl Outcome {
    /// Returns whether the effect is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Confirmed { .. } | Self::FoundDone { .. })
    }

    /// Returns whether the API server took it, whatever has come of it since.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.is_done() || matches!(self, Self::Unconfirmed { .. })
    }

    /// Returns whether it is over: an unknown outcome is not, it has to be settled, nor is what waits for a merge.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Unknown { .. } | Self::AwaitsMerge { .. })
    }

    /// Returns the outcome in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Confirmed { shows } => format!("done: {shows}"),
            Self::Unconfirmed { shows } => format!("accepted, {shows}"),
            Self::Refused { why } => format!("refused: {why}"),
            Self::Moved { what } => format!("not sent, the object changed meanwhile: {what}"),
            Self::Unknown { why } => format!("unknown: {why}; looking at the cluster"),
            Self::AwaitsMerge { shows } => format!("waits for a merge: {shows}"),
            Self::FoundDone { shows } => format!("found done: {shows}"),
            Self::FoundNotDone { shows } => format!("found not done: {shows}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A statement made of it has one key, whether it is shared at once or later by the journal.
    #[test]
    fn an_action_bears_its_time() {
        let at = |id: &str| ActionId(id.to_owned()).asked_at_or(Timestamp::UNIX_EPOCH).as_millisecond();
        assert_eq!(at("01936f1e-0123-7000-8000-000000000000"), 0x0193_6f1e_0123);
        assert_eq!(at("1"), 0);
    }
}
