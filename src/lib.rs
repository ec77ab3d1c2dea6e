//! Release Cockpit: one screen and one door for a release.
//!
//! The rooms, and who may enter whom (`tests/rooms.rs` reads the `use` lines):
//!
//! - [`domain`] is pure: what the product knows. No clock, no I/O, nothing of ours.
//! - [`keys`] is pure: the table of commands and the keys that reach them.
//! - [`app`] is pure: the model, and what messages make of it.
//! - [`config`] reads what file, environment and flags say; it imports `domain` and `keys`.
//! - [`cli`] is what the command line asks and answers, pure; it imports `config`, `domain` and `keys`.
//! - [`simulator`] is real servers on loopback; it knows nothing of the rest.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod keys;
pub mod simulator;
