//! `[service]`: the service that is released.

use std::path::PathBuf;

use super::section::{Section, keys};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name, where it is not that of its workload.
    pub name: Option<String>,
    /// Folder of its git repository, where one is configured.
    pub repository: Option<PathBuf>,
    /// What stands before the version in the names of its tags, where it is not `v`.
    pub tag_prefix: Option<String>,
}

pub(super) const SECTION: Section =
    Section { header: "[service]", help: "What is released.", needed: &[], groups: &[FIELDS] };

keys! {
    Service = Service::default();
    name: text, "Its name, where it is not that of its workload.";
    repository: path, "Folder of its git repository; relative to the config file.";
    tag_prefix: text, "Prefix of the version in tag names; `v` by default.";
}
