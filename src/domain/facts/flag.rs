//! Feature flags: what a provider says of each, in one environment.

pub mod rules;
pub mod unleash;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::ids::EnvName;

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
        self != Self::Off
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

/// Which way a flag is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    On,
    Off,
}

impl Turn {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
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
    pub created: Option<Timestamp>,
    /// Marked as no longer needed.
    pub is_stale: bool,
    /// Its latest changes here, the newest first, as far as the provider tells.
    #[serde(default)]
    pub changes: Vec<FlagChange>,
    /// Tells apart any two settings of it in this environment; `None` where not all of them are known.
    pub version: Option<String>,
}

impl Flag {
    /// How many of its changes are kept.
    pub const MAX_CHANGES: usize = 8;

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

impl FlagEdit {
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
}

impl From<&Flag> for FlagFacts {
    fn from(flag: &Flag) -> Self {
        Self { state: flag.state, version: flag.version.clone() }
    }
}

impl FlagFacts {
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
            _ => self.state.is_on() == other.state.is_on(),
        }
    }
}
