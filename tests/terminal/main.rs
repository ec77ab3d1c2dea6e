//! The binary as its user has it: in a terminal.

mod flight;
mod leaving;
mod pty;
