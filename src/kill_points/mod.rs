//! Named places at which a test may let the program die, as a power cut would.
//!
//! They are for tests only: without the cargo feature `kill-points` they are empty and compile to nothing. With it,
//! `COCKPIT_KILL_AT=NAME:N` ends the process by SIGKILL at the N-th passing of a place, and `COCKPIT_KILL_LIST=FILE` writes
//! down the names of all places that were passed. `tests/crash` finds the places of an action that way, so that a new one
//! needs no entry anywhere.

#[cfg(feature = "kill-points")]
mod armed;
#[cfg(feature = "kill-points")]
mod stream;

#[cfg(feature = "kill-points")]
pub use armed::{pass, pass_after};
#[cfg(feature = "kill-points")]
pub use stream::Watched;

#[cfg(not(feature = "kill-points"))]
#[inline]
pub fn pass(_name: std::fmt::Arguments<'_>) {}

/// Passes a place at which something is half done when the program dies: `last` does that half.
#[cfg(not(feature = "kill-points"))]
#[inline]
pub fn pass_after(_name: std::fmt::Arguments<'_>, _last: impl FnOnce()) {}
