//! Keys and commands: one table of commands, and the keys that reach them.

pub mod chord;
pub mod command;
pub mod keymap;

pub use chord::{Chord, Key};
pub use command::{COMMANDS, Command, CommandSpec, Group};
pub use keymap::{Keymap, KeymapError};
