//! A Rollout's `ReplicaSets`: found, created, numbered, cleaned up.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::{DESIRED_REPLICAS, HASH_LABEL, REVISION, REVISION_HISTORY, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::controllers::template_hash::{normal, template_hash};
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;

/// Old `ReplicaSets` kept when the spec does not say.
const DEFAULT_HISTORY_LIMIT: i64 = 10;
/// Annotations of a Rollout that its `ReplicaSets` do not inherit.
const NOT_INHERITED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    "notified.notifications.argoproj.io",
];

impl Context<'_> {
    /// Finds the `ReplicaSets` and their roles.
    pub fn load_sets(&mut self) {
        self.all = self
            .tools
            .store
            .owned_of_kind(object::uid(&self.object), Kind::ReplicaSet)
            .into_iter()
            .map(ReplicaSet::new)
            .collect();
        self.all.sort_by_key(ReplicaSet::created);
        let hash = template_hash(ROLLOUTS_CONTROLLER, &self.spec.template, self.status.collision_count);
        let by_hash = |sets: &[ReplicaSet], hash: &str| sets.iter().find(|set| set.label(HASH_LABEL) == hash).cloned();
        self.new = by_hash(&self.all, &hash).or_else(|| {
            let wanted = normal(&self.spec.template);
            self.all.iter().find(|set| normal(&super::metadata::clean_template(set)) == wanted).cloned()
        });
        self.stable = if self.status.stable_rs.is_empty() { None } else { by_hash(&self.all, &self.status.stable_rs) };
    }

    /// Creates the `ReplicaSet` of a new template, without pods.
    pub fn create_wanted_set(&mut self) -> Result<(), Stop> {
        if self.all.is_empty() && self.status.stable_rs.is_empty() {
            let message = format!("Rollout resource added to informer: {}/{}", self.key.namespace, self.key.name);
            self.say("RolloutAddedToInformer", &message);
        }
        let revision = (self.highest_old_revision() + 1).to_string();
        let hash = template_hash(ROLLOUTS_CONTROLLER, &self.spec.template, self.status.collision_count);
        let mut template = self.spec.template.clone();
        object::remove(&mut template, &["metadata", "creationTimestamp"]);
        object::set(&mut template, &["metadata", "labels", HASH_LABEL], json!(hash));
        let labels = template["metadata"]["labels"].clone();
        let mut selector = self.spec.selector.clone();
        object::set(&mut selector, &["matchLabels", HASH_LABEL], json!(hash));
        let mut annotations = self.inherited_annotations();
        annotations.insert(DESIRED_REPLICAS.to_owned(), json!(self.replicas().to_string()));
        annotations.insert(REVISION.to_owned(), json!(revision));
        let name = format!("{}-{hash}", self.key.name);
        let mut set = json!({
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [object::controller_reference(&self.object)],
            },
            "spec": {
                "replicas": 0,
                "selector": selector,
                "template": template,
            },
        });
        if self.spec.min_ready_seconds > 0 {
            set["spec"]["minReadySeconds"] = json!(self.spec.min_ready_seconds);
        }
        super::metadata::inject(&mut set, self.metadata_for_created());
        let author = Author::update(ROLLOUTS_CONTROLLER);
        let created = self.tools.store.create(Kind::ReplicaSet, &self.key.namespace, set, &author);
        match created {
            Ok(_) => {}
            Err(error) if error.reason == "AlreadyExists" => {
                // Someone else's ReplicaSet has this name: count the collision and hash again.
                let mut status = self.status.clone();
                status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
                self.write_status(&status)?;
                return Err(Stop::Failed);
            }
            Err(error) => {
                let message = format!("Failed to create new replica set \"{name}\": {error}");
                self.warn("ReplicaSetCreateError", &message);
                return Err(Stop::Failed);
            }
        }
        self.set_revision(&revision)?;
        self.say("NewReplicaSetCreated", &format!("Created ReplicaSet {name} (revision {revision})"));
        let mut status = self.status.clone();
        let message = format!("Created new replica set \"{name}\"");
        status.set_condition(self.condition("Progressing", "True", "NewReplicaSetCreated", &message));
        self.replace_status(status)
    }

    fn highest_old_revision(&self) -> i64 {
        let new = self.new.as_ref().map(ReplicaSet::uid);
        self.all.iter().filter(|set| Some(set.uid()) != new).map(|set| set.revision(REVISION)).max().unwrap_or(0)
    }

    fn inherited_annotations(&self) -> Map<String, Value> {
        self.object
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(key, _)| !NOT_INHERITED.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn set_revision(&mut self, revision: &str) -> Result<(), Stop> {
        if object::annotation(&self.object, REVISION) == Some(revision) {
            return Ok(());
        }
        self.write_main(|new| object::annotate(new, REVISION, revision))?;
        self.say("RolloutUpdated", &format!("Rollout updated to revision {revision}"));
        Ok(())
    }

    /// Gives the wanted `ReplicaSet` the highest revision, and the Rollout the same. A restored one remembers the
    /// numbers it had.
    pub fn sync_revision(&mut self) -> Result<(), Stop> {
        let Some(set) = self.new.clone() else {
            return Ok(());
        };
        let wanted = self.highest_old_revision() + 1;
        let current = set.revision(REVISION);
        let inherited = self.inherited_annotations();
        let missing = inherited.iter().any(|(key, value)| set.annotation(key) != value.as_str());
        let patience = object::number(set.object(), "/spec/minReadySeconds", 0);
        if current < wanted || missing || patience != self.spec.min_ready_seconds {
            let min_ready = self.spec.min_ready_seconds;
            let replaced = self.update_set(&set, |new| {
                for (key, value) in &inherited {
                    object::set(new, &["metadata", "annotations", key], value.clone());
                }
                if current < wanted {
                    object::annotate(new, REVISION, &wanted.to_string());
                }
                // The real controller also does this for an annotation that it has merely copied.
                if current > 0 && (current < wanted || missing) {
                    let history = match object::annotation(new, REVISION_HISTORY) {
                        Some(before) => format!("{before},{current}"),
                        None => current.to_string(),
                    };
                    object::annotate(new, REVISION_HISTORY, &history);
                }
                if min_ready > 0 {
                    object::set(new, &["spec", "minReadySeconds"], json!(min_ready));
                } else {
                    object::remove(new, &["spec", "minReadySeconds"]);
                }
            })?;
            self.new = Some(replaced);
        }
        let revision = self.new.as_ref().and_then(|set| set.annotation(REVISION)).unwrap_or("1").to_owned();
        self.set_revision(&revision)
    }

    /// Changes a `ReplicaSet` and returns it; every role that it plays sees the change.
    pub fn update_set(&mut self, set: &ReplicaSet, change: impl FnOnce(&mut Value)) -> Result<ReplicaSet, Stop> {
        let author = Author::update(ROLLOUTS_CONTROLLER);
        let object = self.tools.store.update(&set.key(), Part::Main, &author, |old| {
            let mut new = old.clone();
            change(&mut new);
            Ok(new)
        })?;
        let changed = ReplicaSet::new(object);
        for role in self.all.iter_mut().chain(self.new.as_mut()).chain(self.stable.as_mut()) {
            if role.uid() == changed.uid() {
                *role = changed.clone();
            }
        }
        Ok(changed)
    }

    /// Deletes the oldest `ReplicaSets` that are scaled down, beyond the limit.
    pub fn clean_up_history(&mut self) {
        let limit = self.spec.revision_history_limit.unwrap_or(DEFAULT_HISTORY_LIMIT);
        let others = self.others();
        let surplus = others.len() as i64 - limit;
        let runs = self.runs.all.clone();
        for set in others.iter().take(surplus.max(0) as usize) {
            let generation = object::number(set.object(), "/metadata/generation", 0);
            let observed = object::number(set.object(), "/status/observedGeneration", 0);
            if set.wanted() != 0 || set.current() != 0 || generation > observed {
                continue;
            }
            // Gone already is as good.
            let _ = self.tools.store.delete(&set.key(), None);
            for run in &runs {
                if object::label(run, HASH_LABEL) == Some(set.label(HASH_LABEL)) {
                    let key = crate::kubernetes::store::Key::of(Kind::AnalysisRun, run);
                    let _ = self.tools.store.delete(&key, None);
                }
            }
        }
    }
}
