//! The binary as its user has it: in a terminal.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod drill;
mod flight;
mod leaving;
mod mouse;
mod pty;
