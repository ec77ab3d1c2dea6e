//! Named places at which a test may let the program die, as a power cut would.
//!
//! They are for tests only: without the cargo feature `failpoints` they are empty and compile to nothing. With it,
//! `COCKPIT_FAIL_AT=NAME:N` ends the process by SIGKILL at the N-th passing of a place, and `COCKPIT_FAILPOINTS=FILE` writes
//! down the names of all places that were passed. `tests/crash` finds the places of an action that way, so that a new one
//! needs no entry anywhere.

#[cfg(feature = "failpoints")]
mod armed;
#[cfg(feature = "failpoints")]
mod stream;

#[cfg(feature = "failpoints")]
pub use armed::{failpoint, failpoint_after};
#[cfg(feature = "failpoints")]
pub use stream::FailpointStream;

#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn failpoint(_name: std::fmt::Arguments<'_>) {}

/// Passes a place at which something is half done when the program dies: `last` does that half.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn failpoint_after(_name: std::fmt::Arguments<'_>, _last: impl FnOnce()) {}
