//! A Deployment's `ReplicaSets`: found, created, numbered, scaled, cleaned up.

use serde_json::{Map, Value, json};

use super::{COMPONENT, Context, DESIRED_REPLICAS, HASH_LABEL, MAX_REPLICAS, REVISION, REVISION_HISTORY};
use crate::controllers::CONTROLLER_MANAGER;
use crate::controllers::events::Severity;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::controllers::template_hash::{normal, template_hash};
use crate::kubernetes::api_error::ApiError;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, number};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;

/// Annotations of a Deployment that its `ReplicaSets` do not inherit.
const NOT_INHERITED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

impl Context<'_> {
    pub(super) fn load_sets(&mut self) {
        self.all = self
            .tools
            .store
            .owned_of_kind(object::uid(&self.object), Kind::ReplicaSet)
            .into_iter()
            .map(ReplicaSet::new)
            .collect();
        self.all.sort_by_key(ReplicaSet::created);
        let wanted = normal(self.object.pointer("/spec/template").unwrap_or(&Value::Null));
        self.new = self.all.iter().find(|set| normal(set.template()) == wanted).cloned();
    }

    fn highest_old_revision(&self) -> i64 {
        self.old_sets().iter().map(|set| set.revision(REVISION)).max().unwrap_or(0)
    }

    fn inherited(&self) -> Map<String, Value> {
        self.object
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(key, _)| !NOT_INHERITED.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Numbers the wanted `ReplicaSet`, creating it if need be and allowed.
    pub(super) fn sync_revision(&mut self, create: bool) -> Result<(), ApiError> {
        let revision = self.highest_old_revision() + 1;
        match self.new.clone() {
            Some(set) => self.renumber(&set, revision)?,
            None if create => self.create_set(revision)?,
            None => return Ok(()),
        }
        let revision = self.new.as_ref().and_then(|set| set.annotation(REVISION)).unwrap_or("1").to_owned();
        if object::annotation(&self.object, REVISION) != Some(&revision) {
            self.write_main(|new| object::annotate(new, REVISION, &revision))?;
        }
        Ok(())
    }

    fn renumber(&mut self, set: &ReplicaSet, revision: i64) -> Result<(), ApiError> {
        let current = set.revision(REVISION);
        let inherited = self.inherited();
        let missing = inherited.iter().any(|(key, value)| set.annotation(key) != value.as_str());
        let patience = number(&self.object, "/spec/minReadySeconds", 0);
        let same_patience = number(set.object(), "/spec/minReadySeconds", 0) == patience;
        if current >= revision && !missing && same_patience {
            return Ok(());
        }
        self.update_set(set, |new| {
            for (key, value) in &inherited {
                object::set(new, &["metadata", "annotations", key], value.clone());
            }
            if current < revision {
                object::annotate(new, REVISION, &revision.to_string());
                if current > 0 {
                    let history = match object::annotation(new, REVISION_HISTORY) {
                        Some(before) => format!("{before},{current}"),
                        None => current.to_string(),
                    };
                    object::annotate(new, REVISION_HISTORY, &history);
                }
            }
            if patience > 0 {
                object::set(new, &["spec", "minReadySeconds"], json!(patience));
            } else {
                object::remove(new, &["spec", "minReadySeconds"]);
            }
        })?;
        Ok(())
    }

    fn create_set(&mut self, revision: i64) -> Result<(), ApiError> {
        let mut template = self.object.pointer("/spec/template").cloned().unwrap_or_default();
        let collisions = self.object.pointer("/status/collisionCount").and_then(Value::as_i64);
        let hash = template_hash(CONTROLLER_MANAGER, &template, collisions);
        object::set(&mut template, &["metadata", "labels", HASH_LABEL], json!(hash));
        let mut selector = self.object.pointer("/spec/selector").cloned().unwrap_or_default();
        object::set(&mut selector, &["matchLabels", HASH_LABEL], json!(hash));
        let (surge, _) = self.fence_posts();
        let replicas = self.replicas();
        let mut annotations = self.inherited();
        annotations.insert(DESIRED_REPLICAS.to_owned(), json!(replicas.to_string()));
        annotations.insert(MAX_REPLICAS.to_owned(), json!((replicas + surge).to_string()));
        annotations.insert(REVISION.to_owned(), json!(revision.to_string()));
        let name = format!("{}-{hash}", self.key.name);
        let count = self.new_set_count(0);
        let mut set = json!({
            "metadata": {
                "name": name,
                "labels": template["metadata"]["labels"],
                "annotations": annotations,
                "ownerReferences": [object::controller_reference(&self.object)],
            },
            "spec": {"replicas": count, "selector": selector, "template": template},
        });
        let patience = number(&self.object, "/spec/minReadySeconds", 0);
        if patience > 0 {
            set["spec"]["minReadySeconds"] = json!(patience);
        }
        let created =
            self.tools.store.create(Kind::ReplicaSet, &self.key.namespace, set, &Author::update(CONTROLLER_MANAGER));
        let created = match created {
            Ok(created) => created,
            Err(error) => {
                let message = format!("Failed to create new replica set \"{name}\": {error}");
                self.tools.events.record(
                    &self.tools.store,
                    &self.object,
                    COMPONENT,
                    Severity::Warning,
                    "ReplicaSetCreateError",
                    &message,
                );
                return Err(error);
            }
        };
        let created = ReplicaSet::new(created);
        self.all.push(created.clone());
        self.new = Some(created);
        if count > 0 {
            self.say("ScalingReplicaSet", &format!("Scaled up replica set {name} from 0 to {count}"));
        }
        self.note_progress("NewReplicaSetCreated", &format!("Created new replica set \"{name}\""))
    }

    pub(super) fn update_set(
        &mut self,
        set: &ReplicaSet,
        change: impl FnOnce(&mut Value),
    ) -> Result<ReplicaSet, ApiError> {
        let author = Author::update(CONTROLLER_MANAGER);
        let object = self.tools.store.update(&set.key(), Part::Main, &author, |old| {
            let mut new = old.clone();
            change(&mut new);
            Ok(new)
        })?;
        let changed = ReplicaSet::new(object);
        for role in self.all.iter_mut().chain(self.new.as_mut()) {
            if role.uid() == changed.uid() {
                *role = changed.clone();
            }
        }
        Ok(changed)
    }

    /// Scales a `ReplicaSet` if need be. Returns whether it changed size.
    pub(super) fn scale(&mut self, set: &ReplicaSet, to: i64) -> Result<bool, ApiError> {
        let (surge, _) = self.fence_posts();
        let desired = self.replicas().to_string();
        let most = (self.replicas() + surge).to_string();
        let told = set.annotation(DESIRED_REPLICAS) == Some(desired.as_str())
            && set.annotation(MAX_REPLICAS) == Some(most.as_str());
        let from = set.wanted();
        if from == to && told {
            return Ok(false);
        }
        self.update_set(set, |new| {
            object::set(new, &["spec", "replicas"], json!(to));
            object::annotate(new, DESIRED_REPLICAS, &desired);
            object::annotate(new, MAX_REPLICAS, &most);
        })?;
        if from == to {
            return Ok(false);
        }
        let direction = if from < to { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {to}", set.name());
        self.say("ScalingReplicaSet", &message);
        Ok(true)
    }

    pub(super) fn clean_up_history(&mut self) {
        let limit = number(&self.object, "/spec/revisionHistoryLimit", 10);
        let old = self.old_sets();
        let surplus = old.len() as i64 - limit;
        for set in old.iter().take(surplus.max(0) as usize) {
            if set.wanted() == 0 && set.current() == 0 {
                // Gone already is as good.
                let _ = self.tools.store.delete(&set.key(), None);
            }
        }
    }
}
