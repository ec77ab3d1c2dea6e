//! What comes from outside does no harm, and what is secret stays so: screens, reports, files, programs that are run.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "fixtures of the screens, of which a few are used")]
mod common;
mod echo;
mod files;
mod outlets;
mod program;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, reason = "written for the tests of the terminal")]
mod pty;
mod secrets;
mod strings;
