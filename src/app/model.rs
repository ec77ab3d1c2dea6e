//! The model: everything the screen shows.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;

use crate::domain::action::{ActionId, Outcome, Plan, PlanRecord, Refusal};
use crate::domain::checklist::{CheckId, Decision};
use crate::domain::ids::{EnvName, Target, WorkloadId};
use crate::domain::journal::Line;
use crate::domain::world::{Environment, WorkloadState, World};
use crate::keys::Keymap;

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// All environments.
    Deck,
    /// One workload in depth.
    Rollout,
    /// Its signals over time.
    Signals,
    /// What has to hold, with evidence and signatures.
    Checklist,
    /// What is in the release.
    Changes,
    /// What happened.
    Journal,
}

impl Screen {
    /// All screens with number and title, in the order of the tabs.
    pub const TABS: [(char, &'static str, Self); 6] = [
        ('1', "Deck", Self::Deck),
        ('2', "Rollout", Self::Rollout),
        ('3', "Signals", Self::Signals),
        ('4', "Checklist", Self::Checklist),
        ('5', "Changes", Self::Changes),
        ('6', "Journal", Self::Journal),
    ];
}

/// How the screen may look and behave; from config, environment and flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// ASCII glyphs only.
    pub ascii: bool,
    /// Mouse is captured.
    pub mouse: bool,
}

/// Everything the screen shows.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is known of the world.
    pub world: World,
    /// What time it is.
    pub now: Timestamp,
    /// Time zone for clock times.
    pub zone: TimeZone,
    /// Who acts, as this machine knows: the user's name; the API server's word is in the environment's access.
    pub operator: String,
    /// Which screen is shown.
    pub screen: Screen,
    /// The environment that keys act on.
    pub env: EnvName,
    /// The workload that keys act on.
    pub workload: Option<WorkloadId>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// The filter of the lists on the screen (rollout pods and events, journal).
    pub filter: String,
    /// First visible line of the screen's main list, clamped when drawn.
    pub scroll: usize,
    /// Selected line of the checklist, clamped where it is used.
    pub line: usize,
    /// What the program has to say, newest last, bounded.
    pub notices: VecDeque<Notice>,
    /// How many notices were not looked at.
    pub unread: usize,
    /// What the guardrails lead to.
    pub autopilot: super::autopilot::Autopilot,
    /// Actions on their way.
    pub in_flight: BTreeMap<Target, InFlight>,
    /// The journal.
    pub journal: JournalView,
    /// Keys in force.
    pub keymap: Keymap,
    /// How it may look.
    pub look: Look,
    /// Name of the simulator's scenario, when it runs on that.
    pub simulated: Option<String>,
    /// Whether a frame was drawn too small to act in: then keys are swallowed.
    pub too_small: bool,
    /// Whether Ctrl-C or `q` was pressed once while something is in flight.
    pub quit_asked: bool,
}

/// The journal as the screen shows it.
#[derive(Clone, Debug, Default)]
pub struct JournalView {
    /// Its last lines, oldest first, bounded.
    pub lines: VecDeque<Line>,
    /// Why it cannot be written, if so; entries are kept in memory meanwhile.
    pub broken: Option<String>,
    /// Entries kept in memory because they could not be written.
    pub unwritten: usize,
    /// Whether those of earlier runs are still being read: what was decided, and what is open, is not known yet.
    pub unread: bool,
}

/// Something the program has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// How weighty.
    pub level: Level,
    /// What.
    pub text: String,
}

/// How weighty a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the record.
    Info,
    /// Went well.
    Good,
    /// Needs attention.
    Warn,
    /// Failed.
    Error,
}

/// An action on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Which action; known once the door took it.
    pub action: Option<ActionId>,
    /// What it does.
    pub record: PlanRecord,
    /// Since when.
    pub since: Timestamp,
    /// An outcome that is not settled yet (unknown).
    pub outcome: Option<Outcome>,
}

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Keys and commands, searchable.
    Help {
        /// What is searched for.
        input: Input,
        /// Selected line.
        selected: usize,
    },
    /// Commands by name.
    Palette {
        /// What is typed.
        input: Input,
        /// Selected line.
        selected: usize,
    },
    /// The filter is being typed.
    Filter {
        /// What is typed.
        input: Input,
    },
    /// An action waits for confirmation.
    Confirm(Box<Confirm>),
    /// Revisions to roll back to.
    Revisions {
        /// Selected line, into [`revision_choices`](super::revisions::revision_choices).
        selected: usize,
    },
    /// Refusals of an action, in full.
    Refused {
        /// What was asked.
        title: String,
        /// Why not.
        refusals: Vec<Refusal>,
    },
    /// A text in full.
    Details {
        /// Its title.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// First visible line, clamped when drawn.
        scroll: usize,
    },
    /// What the program said so far.
    Notices {
        /// First visible line from the newest, clamped when drawn.
        scroll: usize,
    },
    /// A manual check is acknowledged: the note is being typed.
    Acknowledge {
        /// In which environment.
        env: EnvName,
        /// Which check.
        check: CheckId,
        /// The note.
        input: Input,
    },
    /// A reviewer signs: first GO or NO-GO, then the note.
    Sign {
        /// In which environment.
        env: EnvName,
        /// In which role.
        role: String,
        /// What was chosen, once it was.
        decision: Option<Decision>,
        /// The note.
        input: Input,
    },
    /// Leaving while an action is on its way.
    Quit,
}

/// A plan that waits for confirmation.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The plan.
    pub plan: Plan,
    /// When the dialog opened: answers within 300 ms of it do not count.
    pub opened: Timestamp,
    /// What was typed, where the plan wants a name typed.
    pub typed: Input,
    /// Why it can no longer be confirmed: the object moved, or it expired.
    pub stale: Option<String>,
}

impl Confirm {
    /// Returns whether the name that has to be typed was typed, or none has to be.
    #[must_use]
    pub fn name_fits(&self) -> bool {
        self.plan.typed().is_none_or(|name| name == self.typed.value())
    }
}

/// One revision to roll back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionChoice {
    /// Revision number.
    pub number: u64,
    /// Images, main one first.
    pub images: Vec<String>,
    /// When its ReplicaSet was made.
    pub created: Option<Timestamp>,
    /// `kubernetes.io/change-cause`.
    pub change_cause: Option<String>,
    /// What differs from the revision in the manifest.
    pub differs: Vec<String>,
    /// Why it cannot be chosen, if so.
    pub refusal: Option<String>,
}

impl Model {
    /// Returns the environment that keys act on.
    #[must_use]
    pub fn environment(&self) -> Option<&Environment> {
        self.world.environment(&self.env)
    }

    /// Returns the workload that keys act on.
    #[must_use]
    pub fn selected(&self) -> Option<(&Environment, &WorkloadState)> {
        let env = self.environment()?;
        let workload = match &self.workload {
            Some(id) => env.workload(id).or_else(|| env.workloads.first()),
            None => env.workloads.first(),
        }?;
        Some((env, workload))
    }

    /// Returns the target that keys act on.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let (env, workload) = self.selected()?;
        Some(Target { env: env.settings.name.clone(), workload: workload.id.clone() })
    }
}
