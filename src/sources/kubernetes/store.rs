//! Objects of one kind, as a watch tells of them.

use std::collections::HashMap;

use kube::runtime::watcher::Event;

use super::raw::Raw;

/// Objects by name; a list that is in progress replaces them when it is complete.
pub(super) struct Store<T> {
    kept: HashMap<String, OwnedObject<T>>,
    listing: Option<HashMap<String, OwnedObject<T>>>,
    listed: bool,
}

/// What is kept of an object, and the uids of its owners.
type OwnedObject<T> = (Vec<String>, T);

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { kept: HashMap::new(), listing: None, listed: false }
    }
}

impl<T: PartialEq> Store<T> {
    /// Takes in an event; returns whether what is kept changed. Most of what happens to a pod (probes, annotations,
    /// conditions) changes nothing of what is kept of it.
    pub(super) fn take(&mut self, event: Event<Raw<T>>) -> bool {
        match event {
            Event::Init => self.listing = Some(HashMap::new()),
            Event::InitApply(raw) => {
                let name = raw.name().to_owned();
                if let (Some(listing), Some(kept)) = (&mut self.listing, raw.kept) {
                    listing.insert(name, (raw.owners, kept));
                }
            }
            Event::InitDone => {
                self.kept = self.listing.take().unwrap_or_default();
                self.listed = true;
                return true;
            }
            Event::Apply(raw) => {
                let name = raw.name().to_owned();
                let Some(kept) = raw.kept else { return false };
                let now = (raw.owners, kept);
                if self.kept.get(&name) == Some(&now) {
                    return false;
                }
                self.kept.insert(name, now);
                return true;
            }
            Event::Delete(raw) => return self.kept.remove(raw.name()).is_some(),
        }
        false
    }

    /// Returns whether there was a complete list: before, what is not here may exist all the same.
    pub(super) fn is_listed(&self) -> bool {
        self.listed
    }

    /// Returns what has an owner whose uid is wanted.
    pub(super) fn owned<'a>(&'a self, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'a T> {
        self.kept.values().filter(move |(owners, _)| owners.iter().any(|owner| wanted(owner))).map(|(_, kept)| kept)
    }

    /// Returns the object, where only one is watched.
    pub(super) fn only(&self) -> Option<&T> {
        self.kept.values().next().map(|(_, kept)| kept)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::facts::pod::Pod;

    fn pod(name: &str, phase: &str, version: u32) -> Raw<Pod> {
        let value: Value = json!({
            "metadata": {"name": name, "resourceVersion": version.to_string(), "annotations": {"n": version.to_string()},
                "ownerReferences": [{"uid": "rs1", "controller": true}]},
            "status": {"phase": phase},
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn change_outside_of_kept_fields_is_ignored() {
        let mut pods = Store::default();
        assert!(!pods.take(Event::Init));
        assert!(!pods.take(Event::InitApply(pod("a", "Running", 1))));
        assert!(!pods.is_listed());
        assert!(pods.take(Event::InitDone));
        assert!(pods.is_listed());
        assert!(!pods.take(Event::Apply(pod("a", "Running", 2))), "only its annotations and its version");
        assert!(pods.take(Event::Apply(pod("a", "Failed", 3))));
        assert!(pods.take(Event::Apply(pod("b", "Running", 4))));
        assert_eq!(pods.owned(|owner| owner == "rs1").count(), 2);
        assert!(pods.take(Event::Delete(pod("a", "Failed", 5))));
        assert!(!pods.take(Event::Delete(pod("a", "Failed", 5))), "it was gone");
        assert_eq!(pods.owned(|owner| owner == "rs1").map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn complete_list_replaces_known_objects() {
        let mut pods = Store::default();
        for event in [Event::Init, Event::InitApply(pod("a", "Running", 1)), Event::InitDone] {
            pods.take(event);
        }
        pods.take(Event::Init);
        pods.take(Event::InitApply(pod("b", "Running", 2)));
        assert_eq!(pods.only().map(|pod| pod.name.as_str()), Some("a"));
        assert!(pods.take(Event::InitDone));
        assert_eq!(pods.only().map(|pod| pod.name.as_str()), Some("b"));
        let mut useless = pod("b", "Running", 3);
        useless.kept = None;
        assert!(!pods.take(Event::Apply(useless)));
    }
}
