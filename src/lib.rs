//! Release Cockpit: one screen and one door for a release.
//!
//! The rooms, and who may enter whom (`tests/it/rooms.rs` reads the `use` lines):
//!
//! - [`domain`] is pure: what the product knows. No clock, no I/O, nothing of ours.
//! - [`core`] is pure: what screen and commands share, messages in and effects out.
//! - [`keys`] is pure: the table of commands and the keys that reach them.
//! - [`app`] is pure: the model, and what messages make of it.
//! - [`platform`] is infrastructure that several rooms share: kubeconfigs, clients of API servers, private files,
//!   redaction. It knows [`domain`].
//! - [`config`] is what file, environment and flags say; it knows [`domain`], [`keys`] and [`platform`].
//! - [`cli`] is the command line and what commands print: pure text from what is known.
//! - [`sources`] sense the outside: Kubernetes, Prometheus, git. They never see the door.
//! - [`executors`] move the outside; [`executors::Dispatcher`] is the only way through. They never see the sources.
//! - [`view`] is pure: the model as a picture, in whatever size, glyphs and colours the terminal has.
//! - [`failpoints`] are places at which tests let the program die; without their feature they are empty.
//! - [`runtime`] ties the rooms together: loop, terminal, signals, headless commands. Nobody imports it.

pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod domain;
pub mod executors;
pub mod failpoints;
pub mod keys;
pub mod platform;
pub mod runtime;
pub mod sources;
pub mod view;
