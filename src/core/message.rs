//! Messages of the core, and the effects they may have.

use serde::{Deserialize, Serialize};

use super::Level;
use crate::domain::facts::access::Access;
use crate::domain::record::receipt::Receipt;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::journal::Entry;
use crate::domain::record::recovered::Recovered;
use crate::domain::rules::action::Plan;
use crate::domain::world::feed::Feed;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Msg {
    Feed(Feed),
    /// An action or a statement went on.
    Receipt(Receipt),
    /// The journals of earlier runs were read.
    Recovered(Box<Recovered>),
    Clock,
    /// The machine slept, or its clock jumped.
    Woke,
    /// The program has a message for the operator.
    Notice(Level, String),
}

/// Something to be done outside the core.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "few at a time, and each is carried out at once")]
pub enum Effect {
    Perform(Box<Plan>),
    /// Write an entry into a release's journal; what a person states is shared, too.
    Record {
        release: String,
        entry: Entry,
    },
    /// Share what voids a GO with everybody who looks at the environment.
    Share(Box<Entry>),
    /// Tell the executors what the operator may do.
    Learn(EnvName, Access),
    Refresh,
    /// Ask what the operator may do once more.
    AskRights,
    /// Run a check of an environment again, or all of them.
    RunChecks(EnvName, Option<CheckId>),
    /// Make a person look: the bell.
    Ring,
}
