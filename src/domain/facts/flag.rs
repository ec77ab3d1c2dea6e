//! Feature flags: what a provider says of each, in one environment.

pub mod command;
pub mod flagd;
pub mod history;
pub mod launchdarkly;
pub mod of_release;
pub mod rollout;
pub mod rules;
pub mod statement;
pub mod table;
pub mod ticket;
mod turn;
pub mod unleash;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::ids::EnvName;
use crate::domain::facts::object::Writer;
use crate::domain::facts::owner::{self, Owner};
use crate::domain::facts::reduce;

pub use turn::{Share, Turn};

/// What kind of provider it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    #[default]
    Unleash,
    /// Definitions of flagd in a `ConfigMap`.
    Flagd,
    /// The same in a file of a git repository.
    FlagdFile,
    /// Commands of the user's own.
    Command,
    #[serde(rename = "launchdarkly")]
    LaunchDarkly,
    /// A table of the user's own in a database.
    Table,
}

impl ProviderKind {
    /// Returns why it may not tell that a flag was turned off; `None` where its log goes back far enough.
    #[must_use]
    pub fn forgets(self) -> Option<&'static str> {
        match self {
            Self::Unleash => None,
            Self::Flagd | Self::Command | Self::Table => Some("keeps no log of who turned it off"),
            Self::FlagdFile => Some("tells only the latest commits of its branch, and none that turned it off"),
            Self::LaunchDarkly => Some("tells only its latest changes, and none that turned it off"),
        }
    }

    /// Returns how long clients may take until they know of a change, as [`Self::goes`] says.
    #[must_use]
    pub fn taken_up_in(self) -> SignedDuration {
        match self {
            Self::Unleash | Self::LaunchDarkly | Self::Table | Self::Command => SignedDuration::from_secs(15),
            Self::Flagd => SignedDuration::from_mins(2),
            Self::FlagdFile => SignedDuration::from_mins(5),
        }
    }

    /// Says what comes before users notice a change, where that takes more than seconds.
    #[must_use]
    pub fn noticed_once(self) -> Option<&'static str> {
        match self {
            Self::Unleash | Self::LaunchDarkly | Self::Table | Self::Command => None,
            Self::Flagd => Some("flagd has read the ConfigMap: some 2 min where it is mounted"),
            Self::FlagdFile => Some("the commit is applied"),
        }
    }

    /// Says how soon users lose a flag that is turned off instead of a rollback.
    #[must_use]
    pub fn off_instead(self) -> &'static str {
        match self {
            Self::Unleash | Self::LaunchDarkly | Self::Table | Self::Command => "in seconds instead",
            Self::Flagd => "instead, within some 2 min",
            Self::FlagdFile => "by a commit instead, as soon as that is applied",
        }
    }

    /// Says what turning a flag comes to.
    #[must_use]
    pub fn goes(self, turn: Turn) -> &'static str {
        match (self, turn) {
            (Self::Unleash, Turn::Off) => {
                "nobody gets it any more once clients have asked again, by default within 15 s"
            }
            (Self::Unleash, Turn::On) => "whoever its strategies let in gets it; without a strategy everybody does",
            (Self::Unleash, Turn::Share(_)) => {
                "its gradual rollout is set to this share; clients take it up when they ask again, by default within 15 s"
            }
            (Self::Flagd, Turn::Off) => {
                "everybody gets `false` once flagd has read the ConfigMap, some 2 min where it is mounted; a flag without that \
                 variant is disabled: clients take the default in their code"
            }
            (Self::Flagd | Self::FlagdFile, Turn::On) => {
                "whoever its targeting lets in gets it; without targeting everybody does"
            }
            (Self::Flagd, Turn::Share(_)) => {
                "its targeting divides users by this share once flagd has read the ConfigMap, some 2 min where it is mounted; \
                 without a targeting key users get `false`, at 100 % `true`"
            }
            (Self::FlagdFile, Turn::Off) => {
                "everybody gets `false` once the commit is applied and flagd has read the file; a flag without that variant is \
                 disabled: clients take the default in their code"
            }
            (Self::FlagdFile, Turn::Share(_)) => {
                "its targeting divides users by this share once the commit is applied and flagd has read the file; without a \
                 targeting key users get `false`, at 100 % `true`"
            }
            (Self::LaunchDarkly, Turn::Off) => {
                "its off variation is served to everybody, within seconds where clients stream"
            }
            (Self::LaunchDarkly, Turn::On) => "whoever its targets, rules and default rule let in gets it",
            (Self::LaunchDarkly, Turn::Share(_)) => {
                "its default rule divides users by this share, within seconds where clients stream"
            }
            (Self::Table, Turn::Off) => "nobody gets it any more once clients have read the table again",
            (Self::Table, Turn::On) => "whoever the table lets in gets it once clients have read it again",
            (Self::Table, Turn::Share(_)) => "this share of users gets it once clients have read the table again",
            (Self::Command, Turn::Off) => "what happens is up to the command; it is done when its list says `off`",
            (Self::Command, Turn::On) => {
                "what happens is up to the command; it is done when its list says that it is on"
            }
            (Self::Command, Turn::Share(_)) => {
                "what happens is up to the command; it is done when its list says this share"
            }
        }
    }
}

/// A flag of a provider, in an environment of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlagKey {
    pub env: EnvName,
    /// The name that the config gives the provider.
    pub provider: String,
    pub flag: String,
}

/// Who gets what a flag switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagState {
    Off,
    /// Some users, whose share is not known: chosen by constraints, or the provider does not say.
    Some,
    /// A share of all users, in percent.
    Percent(u8),
    On,
}

impl FlagState {
    /// Whether anybody may get it.
    #[must_use]
    pub fn is_on(self) -> bool {
        !matches!(self, Self::Off | Self::Percent(0))
    }
}

impl fmt::Display for FlagState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Some => f.write_str("on for some"),
            Self::Percent(percent) => write!(f, "{percent} %"),
            Self::On => f.write_str("on"),
        }
    }
}

/// A feature flag as a provider has it in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    pub name: String,
    pub state: FlagState,
    /// Such as `release` or `kill-switch`, as the provider calls it.
    pub kind: Option<String>,
    /// Who made it; `None` where the provider does not say.
    pub owner: Option<String>,
    pub tags: Vec<String>,
    /// What it is made for, in the tracker of the people who made it.
    #[serde(default)]
    pub ticket: Option<String>,
    pub created: Option<Timestamp>,
    /// Marked as no longer needed.
    pub is_stale: bool,
    /// Its latest changes here, the newest first, as far as the provider tells.
    #[serde(default)]
    pub changes: Vec<FlagChange>,
    /// Tells apart any two settings of it in this environment; `None` where not all of them are known.
    pub version: Option<String>,
    /// What it lies in along with others; `None` where it is kept by itself.
    #[serde(default)]
    pub holder: Option<Holder>,
    #[serde(default)]
    pub when_off: WhenOff,
}

/// What clients get of a flag that is turned off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenOff {
    /// Not what it switches.
    #[default]
    Without,
    /// What it switches, all of them.
    Everybody,
    /// The default in their code.
    CodeDefault,
}

impl WhenOff {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_without(&self) -> bool {
        *self == Self::Without
    }

    fn warning(self) -> Option<&'static str> {
        match self {
            Self::Without => None,
            Self::Everybody => {
                Some("its off variation is `true`: turned off, everybody gets it; change that variation")
            }
            Self::CodeDefault => {
                Some("it has no off variation: turned off, clients take the default in their code; choose a variation")
            }
        }
    }
}

/// An object that holds flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What applies its manifest, and may put back what is changed in the cluster.
    pub owner: Option<Owner>,
    /// Who wrote it last: which flag that was about is not told.
    pub written: Option<Writer>,
}

impl Holder {
    /// Reads who owns and who wrote an entry of a `ConfigMap` from its metadata.
    #[must_use]
    pub fn of(metadata: &Value, key: &str) -> Self {
        let entry = format!("f:{key}");
        let written = reduce::writer(metadata, |fields| fields["f:data"][entry.as_str()].is_object());
        Self { owner: owner::reduce::owner(metadata), written }
    }
}

fn warning(owner: &Owner) -> String {
    format!("{owner} may put it back: change it there, too")
}

impl Flag {
    /// Makes a flag of which nothing else is known.
    #[must_use]
    pub fn of_name(name: &str, state: FlagState) -> Self {
        Self {
            name: name.to_owned(),
            state,
            kind: None,
            owner: None,
            tags: Vec::new(),
            ticket: None,
            created: None,
            is_stale: false,
            changes: Vec::new(),
            version: None,
            holder: None,
            when_off: WhenOff::default(),
        }
    }
}

impl Flag {
    /// How many of its changes are kept.
    pub const MAX_CHANGES: usize = 8;

    /// Says who may put back what is changed, or that off takes nothing away.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        FlagFacts::from(self).warning()
    }

    /// Returns who changed it here last, and when.
    #[must_use]
    pub fn changed(&self) -> Option<&FlagChange> {
        self.changes.first()
    }
}

/// Who changed a flag, how, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChange {
    pub by: String,
    pub at: Timestamp,
    pub what: FlagEdit,
}

/// What was done to a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagEdit {
    On,
    Off,
    /// Who gets it was changed, or something else of it.
    Changed,
}

/// Who changed a flag where that is not told.
const SOMEBODY: &str = "somebody";

impl FlagEdit {
    /// Tells what was done to a flag from how it was seen before and after.
    fn between(before: &Flag, after: &Flag) -> Self {
        match (before.state.is_on(), after.state.is_on()) {
            (false, true) => Self::On,
            (true, false) => Self::Off,
            _ => Self::Changed,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Changed => "changed",
        }
    }
}

/// What was seen of a flag when a plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagFacts {
    pub state: FlagState,
    pub version: Option<String>,
    /// What applies the manifest that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    #[serde(default, skip_serializing_if = "WhenOff::is_without")]
    pub when_off: WhenOff,
}

impl From<&Flag> for FlagFacts {
    fn from(flag: &Flag) -> Self {
        let owner = flag.holder.as_ref().and_then(|holder| holder.owner.clone());
        Self { state: flag.state, version: flag.version.clone(), owner, when_off: flag.when_off }
    }
}

impl FlagFacts {
    /// Says who may put back what is changed, or that off takes nothing away.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let of_owner = self.owner.as_ref().map(warning);
        let all: Vec<String> = of_owner.into_iter().chain(self.when_off.warning().map(str::to_owned)).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Returns what is another setting now; `None` where it is the same.
    #[must_use]
    pub fn moved(&self, now: Option<&Self>) -> Option<String> {
        match now {
            None => Some("the flag was archived or deleted".to_owned()),
            Some(now) if self.is_same(now) => None,
            Some(now) if now.state == self.state => Some("who gets the flag was changed".to_owned()),
            Some(now) => Some(format!("the flag is {} instead of {}", now.state, self.state)),
        }
    }

    /// What is not known of one of the two cannot differ.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.version, &other.version) {
            (Some(own), Some(others)) => own == others,
            _ => self.state == other.state,
        }
    }
}
