//! The binary as its user has it: in a terminal.

mod drill;
mod leaving;
mod mouse;
mod recording;
