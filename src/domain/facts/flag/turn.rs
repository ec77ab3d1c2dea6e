//! What a flag is turned to: on, off, or to a share of all users.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FlagState;

/// What a flag is turned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    On,
    Off,
    /// This share of all users gets it, whatever it was before.
    Share(Share),
}

impl Turn {
    /// Whether a flag in this state is what it is turned to.
    #[must_use]
    pub fn is_reached(self, state: FlagState) -> bool {
        match self {
            Self::On => state.is_on(),
            Self::Off => !state.is_on(),
            Self::Share(share) => state == share.state(),
        }
    }

    /// Whether it surely takes the flag from users and gives it to none, where it is in this state now.
    #[must_use]
    pub fn takes_from(self, state: FlagState) -> bool {
        match (self, state) {
            (Self::Off, _) => true,
            (Self::Share(share), FlagState::Percent(percent)) => share.percent() < percent,
            (Self::Share(share), FlagState::On) => share != Share::ALL,
            // Who gets it now may be others than those of the share.
            (Self::On, _) | (Self::Share(_), FlagState::Some | FlagState::Off) => false,
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::Off => f.write_str("off"),
            Self::Share(share) => share.fmt(f),
        }
    }
}

/// A share of all users in percent, from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Share(u8);

impl Share {
    pub const ALL: Self = Self(100);

    #[must_use]
    pub fn percent(self) -> u8 {
        self.0
    }

    /// Returns how a flag is listed that this share gets.
    #[must_use]
    pub fn state(self) -> FlagState {
        if self == Self::ALL { FlagState::On } else { FlagState::Percent(self.0) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

impl From<Share> for u8 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl TryFrom<u8> for Share {
    type Error = String;

    fn try_from(percent: u8) -> Result<Self, String> {
        match percent {
            0 => Err("0 % is nobody: turn the flag off".to_owned()),
            1..=100 => Ok(Self(percent)),
            _ => Err(format!("{percent} % is more than everybody")),
        }
    }
}

impl FromStr for Share {
    type Err = String;

    /// Reads a whole number of percent, with its sign or without.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches('%').trim_end();
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err("a whole number of percent is needed, from 1 to 100".to_owned());
        }
        number.parse::<u8>().map_err(|_| format!("{number} % is more than everybody"))?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_from_1_to_100_percent() {
        let read = |text: &str| text.parse::<Share>().map(Share::percent);
        assert_eq!(read("25"), Ok(25));
        assert_eq!(read(" 100 % "), Ok(100));
        assert_eq!(read("1%"), Ok(1));
        assert_eq!(read("0"), Err("0 % is nobody: turn the flag off".to_owned()));
        for more in ["101", "256", "9999999999999999999999"] {
            assert_eq!(read(more), Err(format!("{more} % is more than everybody")));
        }
        for nothing in ["", "%", "all", "2.5", "-1", "+5", "0x10", "25 percent", "٢٥"] {
            assert_eq!(
                read(nothing),
                Err("a whole number of percent is needed, from 1 to 100".to_owned()),
                "{nothing}"
            );
        }
    }

    fn states() -> impl Strategy<Value = FlagState> {
        prop_oneof![
            Just(FlagState::Off),
            Just(FlagState::Some),
            Just(FlagState::On),
            (1..=99_u8).prop_map(FlagState::Percent)
        ]
    }

    fn users(state: FlagState) -> Option<u8> {
        match state {
            FlagState::Off => Some(0),
            FlagState::Some => None,
            FlagState::Percent(percent) => Some(percent),
            FlagState::On => Some(100),
        }
    }

    proptest! {
        /// Law 3 and law 1: only what takes the flag from users goes past no gate.
        #[test]
        fn a_share_takes_from_users_only_where_fewer_get_it(state in states(), percent in 1..=100_u8) {
            let share = Share::try_from(percent).unwrap();
            let turn = Turn::Share(share);
            prop_assert_eq!(turn.takes_from(state), users(state).is_some_and(|now| percent < now));
            prop_assert_eq!(turn.is_reached(state), users(state) == Some(percent));
            prop_assert!(!Turn::On.takes_from(state) && Turn::Off.takes_from(state));
        }

        #[test]
        fn a_turn_is_written_and_read_alike(percent in 1..=100_u8) {
            for turn in [Turn::On, Turn::Off, Turn::Share(percent.try_into().unwrap())] {
                let text = serde_json::to_string(&turn).unwrap();
                prop_assert_eq!(serde_json::from_str::<Turn>(&text).unwrap(), turn);
            }
        }
    }
}
