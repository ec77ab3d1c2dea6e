//! The command line: what can be asked, and what is answered. Pure: the runtime does what is asked.

pub mod args;
pub mod exit;

pub use args::{Args, Command};
pub use exit::Exit;
