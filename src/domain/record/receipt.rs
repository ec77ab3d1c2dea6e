//! Receipts: progress of actions and statements while they are carried out.

use serde::{Deserialize, Serialize};

use crate::domain::record::action::{ActionId, Outcome, PlanRecord, Target, Verb};
use crate::domain::record::journal::{Entry, JournalState, Line};

/// A report on an action, a statement or the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// The intent is written, the action is in progress.
    Begun {
        action: ActionId,
        target: Target,
        verb: Verb,
    },
    /// It was taken up; what it still lacks. It ends when nothing is lacking any more.
    Accepted {
        action: ActionId,
        record: Box<PlanRecord>,
        lacks: String,
    },
    /// It ended, or became unknown; an unknown one is settled later by another receipt.
    Ended {
        action: ActionId,
        record: Box<PlanRecord>,
        outcome: Outcome,
        /// What the journal says of it: told together, so that a screen on which it is done also lets one leave.
        lines: Vec<Line>,
    },
    /// What a crash left open is not about what is behind the name of its environment now: it stays open, and this is why.
    LeftOpen {
        record: Box<PlanRecord>,
        why: String,
    },
    Written(Vec<Line>),
    /// Whether the journal can be written.
    Journal(JournalState),
    /// What a person stated was written and shared, or not; why not.
    Stated {
        entry: Box<Entry>,
        /// Whether it is on disk: only then it counts.
        written: Result<(), String>,
        /// Whether others can see it.
        shared: Result<(), String>,
        /// Whether it is signed where a key is configured.
        signed: Result<(), String>,
    },
}
