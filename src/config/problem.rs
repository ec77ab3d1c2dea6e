//! Errors of a config with their place, all reported together.

use std::fmt;
use std::path::PathBuf;

use crate::domain::facts::text::{plural, sanitize};

/// One thing that is wrong with a config file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong. Never quotes a value that may be a secret.
    pub what: String,
    /// What to do, or what is allowed; may be empty.
    pub help: String,
}

/// Why there is no config.
#[derive(Debug)]
pub enum ConfigError {
    /// The file says things that cannot be.
    Invalid {
        path: PathBuf,
        /// Everything that is wrong, in the order of the file; never empty.
        problems: Vec<Problem>,
    },
    /// The file cannot be read.
    Unreadable { path: PathBuf, error: std::io::Error },
    /// An environment variable is wrong.
    Variable { name: &'static str, why: String },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { path, problems } => {
                for problem in problems {
                    let what = sanitize(&problem.what);
                    writeln!(f, "{}:{}:{}: {what}", path.display(), problem.line, problem.column)?;
                    if !problem.help.is_empty() {
                        writeln!(f, "  {}", sanitize(&problem.help))?;
                    }
                }
                write!(f, "{} in the config", plural(problems.len(), "error"))
            }
            Self::Unreadable { path, error } if error.kind() == std::io::ErrorKind::NotFound => {
                write!(f, "there is no config file {}: `cockpit init` writes one", path.display())
            }
            Self::Unreadable { path, error } => write!(f, "cannot read the config file {}: {error}", path.display()),
            Self::Variable { name, why } => write!(f, "the environment variable {name} {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Returns line and column of a byte of a text, both from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_the_end_has_a_position() {
        assert_eq!(position("ä = 1\nxyz", 0), (1, 1));
        assert_eq!(position("ä = 1\nxyz", 3), (1, 3));
        assert_eq!(position("ä = 1\nxyz", 8), (2, 2));
        assert_eq!(position("ä\n", 99), (2, 1));
        assert_eq!(position("", 0), (1, 1));
    }
}
