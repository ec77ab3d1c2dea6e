//! A flag in several environments: what it is in each, and where one has it that the one before has not.

use jiff::Timestamp;

use crate::domain::facts::flag::{Flag, FlagState};
use crate::domain::world::{Environment, World};

/// What a flag is in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateThere {
    Known(FlagState),
    /// No provider of the environment has it.
    Absent,
    /// A provider does not answer.
    Unknown,
}

/// Returns what a flag of a provider is in an environment.
#[must_use]
pub fn state_in(env: &Environment, provider: &str, name: &str, now: Timestamp) -> StateThere {
    match env.same_flag(provider, name) {
        Some((source, flag)) if source.heard.is_fresh(now) => StateThere::Known(flag.state),
        None if env.flags.iter().all(|source| source.heard.is_fresh(now)) => StateThere::Absent,
        Some(_) | None => StateThere::Unknown,
    }
}

/// Returns the environment before, where a flag is on here and off there.
#[must_use]
pub fn off_before<'w>(world: &'w World, env: &Environment, provider: &str, flag: &Flag) -> Option<&'w Environment> {
    let before = world.previous(env).filter(|_| flag.state.is_on())?;
    let (_, there) = before.same_flag(provider, &flag.name)?;
    (!there.state.is_on()).then_some(before)
}
