//! What comes from outside does no harm, and what is secret stays so: screens, reports, files, programs that are run.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the screens use the rest of it")]
#[path = "../common/mod.rs"]
mod common;
mod echo;
mod files;
mod outlets;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, reason = "written for the tests of the terminal")]
mod pty;
mod secrets;
mod strings;
