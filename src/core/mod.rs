//! The state machine behind screen and commands: messages in, effects out.
//!
//! [`update()`] does no I/O and reads no clock; the same messages give the same core. Screen and commands differ in what
//! they show and ask, never in what they conclude, refuse or record.

pub mod autopilot;
pub mod checklist;
pub mod flag_autopilot;
mod lanes;
mod message;
mod on_feed;
mod on_receipt;
mod plans;
mod recovered;
mod revert;
pub mod stable_tag;
mod verdict_log;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::pipeline::PipelineCall;
use crate::domain::record::action::{ActionId, Outcome, PlanRecord, Target, Verb};
use crate::domain::record::journal::{Course, Line};
use crate::domain::rules::action::InProgress;
use crate::domain::world::World;

pub use autopilot::Autopilot;
pub use lanes::LaneQuestion;
pub use message::{Effect, Msg};
pub use on_receipt::UNSIGNED;
pub use plans::Recheck;
pub use revert::Revert;
pub use stable_tag::TagMove;

const MAX_NOTICES: usize = 200;

/// What is known, what was decided and what is in progress.
#[derive(Clone, Debug, Default)]
pub struct Core {
    /// What is known of the world.
    pub world: World,
    pub now: Timestamp,
    /// Who acts, as this machine knows; the API server's word is in the environment's access.
    pub operator: String,
    /// Messages to the operator, newest last, bounded.
    pub notices: VecDeque<Notice>,
    /// How many messages there were.
    pub noticed: usize,
    /// What the guardrails lead to.
    pub autopilot: Autopilot,
    pub in_flight: BTreeMap<Target, InFlight>,
    /// Actions that were not settled before a later one took their place: how they end says nothing of that one.
    pub superseded: BTreeMap<ActionId, Superseded>,
    /// How many were begun here.
    begun: u64,
    /// What is to become of git after rollbacks.
    pub reverts: BTreeMap<WorkloadKey, Revert>,
    /// What is to become of tags after releases and rollbacks.
    pub tags: BTreeMap<WorkloadKey, TagMove>,
    pub journal: JournalView,
    /// Where the course of each rollout stood, by the journals of earlier runs.
    courses: BTreeMap<(WorkloadKey, Option<ClusterIdentity>), Course>,
    /// Intents that earlier runs left open, until it is known to which cluster they were sent.
    found_open: Vec<(ActionId, PlanRecord)>,
    /// Intents that stay open, and why: they were sent to what other clusters call the same.
    pub left_open: Vec<(PlanRecord, String)>,
    /// Workloads that were seen before those were read.
    first_seen: Vec<WorkloadKey>,
    /// The verdicts of rollouts in progress as they were recorded last.
    verdicts: verdict_log::VerdictLog,
}

/// The journal as far as it is kept in memory.
#[derive(Clone, Debug, Default)]
pub struct JournalView {
    /// Its last lines, oldest first, bounded.
    pub lines: VecDeque<Line>,
    /// Why it cannot be written, if so; entries are kept in memory meanwhile.
    pub broken: Option<String>,
    /// Entries kept in memory because they could not be written.
    pub unwritten: usize,
    /// Whether those of earlier runs are still being read: what was decided, and what is open, is unknown yet.
    pub unread: bool,
}

/// A message to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub at: Timestamp,
    pub level: Level,
    pub text: String,
}

/// How severe a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Info,
    Good,
    Warn,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    pub action: ActionId,
    pub record: PlanRecord,
    pub since: Timestamp,
    /// An outcome that is not settled yet (unknown).
    pub outcome: Option<Outcome>,
    /// What it still lacks, once the API server and the controller have taken it.
    pub accepted: Option<String>,
    /// Whether what owns the manifest was suspended along with it, or that was tried.
    pub owner_asked: bool,
    /// Whether this process began it; else it was found open.
    pub begun_here: bool,
}

/// An action whose place a later one took before it was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superseded {
    pub flying: InFlight,
    pub by: Verb,
}

impl InFlight {
    /// Makes one that has just begun.
    #[must_use]
    pub fn new(action: ActionId, record: PlanRecord, since: Timestamp) -> Self {
        Self { action, record, since, outcome: None, accepted: None, owner_asked: false, begun_here: false }
    }

    /// Whether a verb that goes forward has to wait for it. What is accepted only waits to be carried out.
    #[must_use]
    pub fn blocks(&self, verb: Verb) -> bool {
        if self.awaits_merge() {
            // Until then git says nothing else: only another commit has to wait.
            return verb == self.record.verb || verb == Verb::Release;
        }
        // A pipeline tells nobody that it runs: it is never begun a second time meanwhile.
        if verb == Verb::Release && self.record.pipeline().is_some() {
            return true;
        }
        self.accepted.is_none()
    }

    /// What a plan needs to know of it.
    #[must_use]
    pub fn in_progress(&self) -> InProgress {
        InProgress {
            target: self.record.target.clone(),
            verb: self.record.verb,
            to_hash: self.record.to_hash.clone(),
            is_in_doubt: self.outcome.is_some(),
        }
    }

    /// Whether it is a program that ends with this one.
    #[must_use]
    pub fn runs_here(&self) -> bool {
        self.begun_here
            && self.outcome.is_none()
            && self.record.pipeline().is_some_and(|request| matches!(request.call, PipelineCall::Command(_)))
    }

    /// Whether people have yet to merge its pull request.
    #[must_use]
    pub fn awaits_merge(&self) -> bool {
        matches!(self.outcome, Some(Outcome::AwaitsMerge { .. }))
    }
}

impl Core {
    /// Makes a core of a world; the journals of earlier runs are yet to be read.
    #[must_use]
    pub fn new(world: World, operator: String, now: Timestamp) -> Self {
        let journal = JournalView { unread: true, ..JournalView::default() };
        Self { world, now, operator, journal, ..Self::default() }
    }

    /// Returns the action in progress on a workload, or on what changes it: the file that names its images, or its pipeline.
    #[must_use]
    pub fn in_flight_on(&self, key: &WorkloadKey) -> Option<&InFlight> {
        let by_git = || self.in_flight.iter().find(|(target, _)| target.changes().as_ref() == Some(key));
        self.in_flight.get(&Target::from(key.clone())).or_else(|| by_git().map(|(_, flying)| flying))
    }

    /// Returns the actions that are not settled, those whose place others took as well.
    pub fn unsettled(&self) -> impl Iterator<Item = &InFlight> {
        self.in_flight.values().chain(self.superseded.values().map(|superseded| &superseded.flying))
    }

    fn unsettled_mut(&mut self, target: &Target, action: &ActionId) -> Option<&mut InFlight> {
        let in_flight = self.in_flight.get_mut(target).filter(|flying| flying.action == *action);
        in_flight.or_else(|| self.superseded.get_mut(action).map(|superseded| &mut superseded.flying))
    }

    /// Adds a message to the operator.
    pub fn notice(&mut self, level: Level, text: impl Into<String>) {
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(Notice { at: self.now, level, text: text.into() });
        self.noticed += 1;
    }
}

/// Takes in a message and returns what has to be done outside.
pub fn update(core: &mut Core, msg: Msg, now: Timestamp) -> Vec<Effect> {
    core.now = now;
    match msg {
        Msg::Feed(feed) => on_feed::feed(core, feed),
        Msg::Receipt(receipt) => on_receipt::receipt(core, receipt),
        Msg::Recovered(found) => recovered::recovered(core, *found),
        Msg::Clock => clock(core),
        Msg::Woke => woke(core),
        Msg::Notice(level, text) => {
            core.notice(level, text);
            Vec::new()
        }
    }
}

fn clock(core: &mut Core) -> Vec<Effect> {
    core.world.reassess(core.now);
    let mut effects = verdict_log::news(core);
    effects.extend(on_feed::check_news(core));
    effects.extend(autopilot::step(core));
    effects.extend(stable_tag::step(core));
    effects
}

fn woke(core: &mut Core) -> Vec<Effect> {
    core.autopilot.start_over();
    core.world.reassess(core.now);
    // Evidence dated by a clock that was ahead would never be looked for again.
    let checks = core.world.environments.iter().map(|env| Effect::RunChecks(env.name().clone(), None));
    checks.chain([Effect::Refresh]).collect()
}
