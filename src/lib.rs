//! Release Cockpit: one screen and one door for a release.
//!
//! The rooms, and who may enter whom (`tests/rooms.rs` reads the `use` lines):
//!
//! - [`domain`] is pure: what the product knows. No clock, no I/O, nothing of ours.
//! - [`simulator`] is real servers on loopback; it knows nothing of the rest.

pub mod domain;
pub mod simulator;
