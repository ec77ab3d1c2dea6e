//! The command line: arguments and output. Pure: the runtime carries commands out.

pub mod args;
pub mod backtest;
pub mod changes;
#[cfg(feature = "demo")]
pub mod drill;
pub mod exit;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod flag_environments;
pub mod flags;
pub mod gate;
pub mod journal;
pub mod judge;
pub mod lane;
pub mod lint_flags;
pub mod output;
pub mod owner;
pub mod plan;
pub mod preflight;
pub mod print;
pub mod status;
pub mod target;
pub mod watch;
mod worse;

pub use args::{Args, Command};
pub use exit::Exit;
