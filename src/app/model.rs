//! The model: everything the screen shows.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tui_input::Input;

use super::forecast::StepForecast;
use super::lane::LaneDialog;
use crate::core::Core;
use crate::domain::facts::flag::FlagKey;
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::record::checklist::{CheckId, Decision};
use crate::domain::rules::action::Plan;
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::{Environment, WorkloadState};
use crate::keys::Keymap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Screen {
    Deck,
    Rollout,
    Signals,
    /// What has to hold, with evidence and signatures.
    Checklist,
    /// What is in the release.
    Changes,
    Journal,
    /// Feature flags.
    Flags,
}

impl Screen {
    /// All screens with number and title, in the order of the tabs.
    pub const TABS: [(char, &'static str, Self); 7] = [
        ('1', "Deck", Self::Deck),
        ('2', "Rollout", Self::Rollout),
        ('3', "Signals", Self::Signals),
        ('4', "Checklist", Self::Checklist),
        ('5', "Changes", Self::Changes),
        ('6', "Journal", Self::Journal),
        ('7', "Flags", Self::Flags),
    ];
}

/// How the screen may look and behave; from config, environment and flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub ascii: bool,
    pub mouse: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    /// What is known and in progress: the same for screen and commands.
    pub core: Core,
    /// How it is looked at.
    pub ui: Ui,
}

/// How the screen looks at it.
#[derive(Clone, Debug)]
pub struct Ui {
    /// Time zone for clock times.
    pub zone: TimeZone,
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
    /// How many messages there were when they were last looked at.
    pub read: usize,
    pub keymap: Keymap,
    pub look: Look,
    /// What the step in progress can detect.
    pub forecast: StepForecast,
    /// Name of the simulator's scenario, when it runs on that.
    pub simulated: Option<String>,
    /// Whether a frame was drawn too small to act in: then keys are swallowed.
    pub too_small: bool,
}

impl Ui {
    /// Makes the view that the screen opens with.
    #[must_use]
    pub fn new(env: EnvName, keymap: Keymap, look: Look, zone: TimeZone) -> Self {
        Self {
            zone,
            screen: Screen::Deck,
            env,
            workload: None,
            overlay: None,
            filter: String::new(),
            scroll: 0,
            line: 0,
            read: 0,
            keymap,
            look,
            forecast: StepForecast::default(),
            simulated: None,
            too_small: false,
        }
    }
}

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    Help {
        input: Input,
        selected: usize,
    },
    Palette {
        input: Input,
        selected: usize,
    },
    /// The filter is being typed.
    Filter {
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
        title: String,
        refusals: Vec<Refusal>,
    },
    Details {
        title: String,
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
        env: EnvName,
        check: CheckId,
        input: Input,
    },
    /// A reviewer signs: first GO or NO-GO, then the note.
    Sign {
        env: EnvName,
        role: String,
        /// What was chosen, once it was.
        decision: Option<Decision>,
        input: Input,
    },
    /// Promotions are stopped or allowed again: the reason is being typed.
    Freeze {
        env: EnvName,
        /// Whether it ends the freeze that is in force.
        is_end: bool,
        input: Input,
    },
    /// A lane is opened, extended or closed.
    Lane(Box<LaneDialog>),
    /// The share of users who get a feature flag is being typed.
    FlagShare {
        key: FlagKey,
        input: Input,
    },
    /// Leaving while an action is in progress.
    Quit,
}

/// A plan that waits for confirmation.
#[derive(Clone, Debug)]
pub struct Confirm {
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
    pub number: u64,
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
    /// Makes the model that the screen opens with.
    #[must_use]
    pub fn new(core: Core, keymap: Keymap, look: Look, zone: TimeZone) -> Self {
        let first = core.world.chosen().next().map_or_else(|| EnvName::new(""), |env| env.name().clone());
        Self { core, ui: Ui::new(first, keymap, look, zone) }
    }

    /// Returns how many messages were not looked at yet.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.core.noticed.saturating_sub(self.ui.read)
    }

    /// Returns the environment that keys act on.
    #[must_use]
    pub fn environment(&self) -> Option<&Environment> {
        self.core.world.environment(&self.ui.env)
    }

    /// Returns the workload that keys act on.
    #[must_use]
    pub fn selected(&self) -> Option<(&Environment, &WorkloadState)> {
        let env = self.environment()?;
        let workload = match &self.ui.workload {
            Some(id) => env.workload(id).or_else(|| env.workloads.first()),
            None => env.workloads.first(),
        }?;
        Some((env, workload))
    }

    /// Returns the target that keys act on.
    #[must_use]
    pub fn target(&self) -> Option<WorkloadKey> {
        let (env, workload) = self.selected()?;
        Some(WorkloadKey { env: env.settings.name.clone(), workload: workload.id.clone() })
    }
}
