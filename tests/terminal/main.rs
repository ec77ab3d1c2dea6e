//! The binary as its user has it: in a terminal.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod drill;
mod flight;
mod leaving;
mod mouse;
#[expect(dead_code, reason = "the benches use the rest of it")]
mod pty;
