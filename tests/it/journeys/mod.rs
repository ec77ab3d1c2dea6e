//! A whole release for each scenario of the simulator: by commands, and by the keys that a captain presses.

mod by_command;
mod by_key;
mod journey;
