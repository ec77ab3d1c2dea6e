//! `[log]`: the program's own log.

use super::section::{Section, keys, words};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// How much goes to it.
    pub level: LogLevel,
}

/// How much goes to the log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub const ALL: [Self; 6] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the word in config and on the command line, which is also that of a tracing filter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

words!(LogLevel);

pub(super) const SECTION: Section = Section {
    header: "[log]",
    help: "The program's own log, in $XDG_STATE_HOME/release-cockpit.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    LogConfig = LogConfig::default();
    level: word(LogLevel), "Log level.";
}
