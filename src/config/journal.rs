//! `[journal]`: where the journal is kept.

use std::path::PathBuf;

use super::section::{Section, keys};

/// The record of what was seen and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalConfig {
    /// Its folder, where it is configured: see [`Config::journals`](super::Config::journals).
    pub dir: Option<PathBuf>,
}

pub(super) const SECTION: Section =
    Section { header: "[journal]", help: "The record of what was seen and done.", needed: &[], groups: &[FIELDS] };

keys! {
    JournalConfig = JournalConfig::default();
    dir: path,
        "Its folder; without it $XDG_STATE_HOME/release-cockpit/journals. Relative to the config file; `~/` is home.";
}
