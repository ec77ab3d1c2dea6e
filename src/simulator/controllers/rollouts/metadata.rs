//! Labels and annotations that the controller injects into the pods of one side, and takes out again.

use serde_json::{Value, json};

use super::context::Context;
use super::{EPHEMERAL_METADATA, HASH_LABEL, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

/// Injects metadata into a `ReplicaSet`'s template, in place of what was injected before. Returns whether
/// anything changed.
pub fn inject(set: &mut Value, metadata: Option<&Value>) -> bool {
    let before = injected(set);
    let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let changed = swap(&mut template, before.as_ref(), metadata);
    if !changed {
        return false;
    }
    object::set(set, &["spec", "template"], template);
    match metadata {
        Some(metadata) => object::annotate(set, EPHEMERAL_METADATA, &metadata.to_string()),
        None => drop(object::remove(set, &["metadata", "annotations", EPHEMERAL_METADATA])),
    }
    true
}

fn injected(set: &Value) -> Option<Value> {
    serde_json::from_str(object::annotation(set, EPHEMERAL_METADATA)?).ok()
}

/// Puts `after` into an object's metadata and takes out what only `before` had.
fn swap(object: &mut Value, before: Option<&Value>, after: Option<&Value>) -> bool {
    let original = object.clone();
    for field in ["annotations", "labels"] {
        let keys =
            |metadata: Option<&Value>| metadata.and_then(|m| m.get(field)?.as_object().cloned()).unwrap_or_default();
        let wanted = keys(after);
        for (key, value) in &wanted {
            object::set(object, &["metadata", field, key], value.clone());
        }
        for (key, _) in keys(before).iter().filter(|(key, _)| !wanted.contains_key(*key)) {
            object::remove(object, &["metadata", field, key]);
        }
        let pointer = format!("/metadata/{field}");
        if object.pointer(&pointer) == Some(&json!({})) {
            object::remove(object, &["metadata", field]);
        }
    }
    *object != original
}

/// Returns a `ReplicaSet`'s template without what was injected.
pub fn clean_template(set: &ReplicaSet) -> Value {
    let mut object = set.object().clone();
    inject(&mut object, None);
    object.pointer("/spec/template").cloned().unwrap_or_default()
}

impl Context<'_> {
    fn side_metadata(&self, stable: bool) -> Option<&Value> {
        let strategy = &self.spec.strategy;
        if let Some(canary) = &strategy.canary {
            if stable { canary.stable_metadata.as_ref() } else { canary.canary_metadata.as_ref() }
        } else {
            let blue_green = strategy.blue_green.as_ref()?;
            if stable { blue_green.active_metadata.as_ref() } else { blue_green.preview_metadata.as_ref() }
        }
    }

    /// Returns what a `ReplicaSet` about to be created gets: the first one will be the stable one.
    pub fn metadata_for_created(&self) -> Option<&Value> {
        self.side_metadata(self.stable.is_none())
    }

    /// Gives each side its metadata, pods included.
    pub fn sync_metadata(&mut self) -> Result<(), Stop> {
        let promoted = self.status.is_fully_promoted();
        let canary = self.side_metadata(false).cloned();
        let stable = self.side_metadata(true).cloned();
        if let Some(new) = self.new.clone() {
            let wanted = if promoted { &stable } else { &canary };
            self.sync_set_metadata(&new, wanted.as_ref())?;
        }
        if !promoted
            && let Some(set) = self.stable.clone()
            && Some(set.name()) != self.new.as_ref().map(ReplicaSet::name)
        {
            self.sync_set_metadata(&set, stable.as_ref())?;
        }
        for set in self.others() {
            self.sync_set_metadata(&set, None)?;
        }
        Ok(())
    }

    fn sync_set_metadata(&mut self, set: &ReplicaSet, wanted: Option<&Value>) -> Result<(), Stop> {
        let before = injected(set.object());
        let mut changed = set.object().clone();
        if !inject(&mut changed, wanted) {
            return Ok(());
        }
        let hash = set.label(HASH_LABEL).to_owned();
        self.update_set(set, |new| *new = changed)?;
        let author = Author::update(ROLLOUTS_CONTROLLER);
        for pod in self.tools.store.owned_of_kind(set.uid(), Kind::Pod) {
            if object::label(&pod, HASH_LABEL) != Some(&hash) {
                continue;
            }
            // A pod that vanishes meanwhile needs no label.
            let _ = self.tools.store.update(&Key::of(Kind::Pod, &pod), Part::Main, &author, |old| {
                let mut new = old.clone();
                swap(&mut new, before.as_ref(), wanted);
                Ok(new)
            });
        }
        Ok(())
    }
}
