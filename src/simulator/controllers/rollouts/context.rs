//! What one pass over a Rollout works with: the Rollout, its `ReplicaSets` by role, and what it will write.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::analysis_runs::Runs;
use super::replicas::{Counts, Sides};
use super::spec::Spec;
use super::status::{Condition, Status};
use super::{DESIRED_REPLICAS, HASH_LABEL, REVISION, Stop, WORKLOAD_GENERATION};
use crate::controllers::events::Severity;
use crate::controllers::replica_set_view::{ReplicaSet, sum};
use crate::controllers::template_hash::steps_hash;
use crate::controllers::{ROLLOUTS_CONTROLLER, Tools};
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::patch::merge;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

/// Pauses and aborts decided on in one pass.
#[derive(Debug, Default)]
pub struct Pauses {
    pub add: Vec<&'static str>,
    pub remove: Vec<&'static str>,
    pub clear: bool,
    pub add_abort: Option<String>,
    pub remove_abort: bool,
}

/// One pass over one Rollout.
pub struct Context<'a> {
    pub tools: &'a mut Tools,
    pub key: Key,
    pub object: Arc<Value>,
    pub spec: Spec,
    /// Status as it was when the pass began.
    pub status: Status,
    /// What the pass has found out for the next status.
    pub next: Status,
    pub pauses: Pauses,
    /// The wanted `ReplicaSet`.
    pub new: Option<ReplicaSet>,
    /// The stable one; the same as `new` when fully promoted.
    pub stable: Option<ReplicaSet>,
    pub all: Vec<ReplicaSet>,
    pub runs: Runs,
}

impl<'a> Context<'a> {
    /// Reads a Rollout and what belongs to it; `None` if it is gone or cannot be worked with.
    pub fn load(tools: &'a mut Tools, key: &Key) -> Result<Option<Self>, Stop> {
        let Some(object) = tools.store.get(key) else {
            return Ok(None);
        };
        let mut context = Self {
            key: key.clone(),
            spec: Spec::default(),
            status: Status::read(object.get("status")),
            next: Status::default(),
            pauses: Pauses::default(),
            new: None,
            stable: None,
            all: Vec::new(),
            runs: Runs::default(),
            object,
            tools,
        };
        let read = Spec::read(context.object.get("spec").unwrap_or(&Value::Null))
            .map_err(|why| format!("The Rollout \"{}\" is invalid: {why}", key.name))
            .and_then(|spec| {
                context.spec = spec;
                context.resolve_workload()
            })
            .and_then(|()| context.validate());
        if let Err(why) = read {
            context.write_invalid(&why)?;
            return Ok(None);
        }
        if context.spec.replicas.is_none() {
            context.write_main(|new| object::set(new, &["spec", "replicas"], json!(1)))?;
            return Ok(None);
        }
        context.load_sets();
        if context.new.is_none() {
            context.create_wanted_set()?;
            context.load_sets();
        }
        context.runs = Runs::load(&context);
        if context.status.is_fully_promoted() && context.status.abort {
            context.pauses.remove_abort = true;
        }
        context.next.restarted_at.clone_from(&context.status.restarted_at);
        context.next.canary.weights.clone_from(&context.status.canary.weights);
        Ok(Some(context))
    }

    fn resolve_workload(&mut self) -> Result<(), String> {
        let Some(reference) = self.spec.workload_ref.clone() else {
            return Ok(());
        };
        if !self.spec.template.is_null() {
            return Err("template must be empty for workload reference rollout".to_owned());
        }
        if reference.kind != "Deployment" {
            return Err(format!("workload of type {} is not supported", reference.kind));
        }
        let key = Key::new(Kind::Deployment, &self.key.namespace, &reference.name);
        let Some(deployment) = self.tools.store.get(&key) else {
            return Err(format!("deployments.apps \"{}/{}\" not found", key.namespace, key.name));
        };
        self.spec.template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        if self.spec.selector.is_null() {
            self.spec.selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
        }
        let generation = object::number(&deployment, "/metadata/generation", 1).to_string();
        if object::annotation(&self.object, WORKLOAD_GENERATION) != Some(&generation) {
            // A lost race is repaired by the next pass.
            let _ = self.write_main(|new| object::annotate(new, WORKLOAD_GENERATION, &generation));
        }
        Ok(())
    }

    /// Writes to the main object.
    pub fn write_main(&mut self, change: impl FnOnce(&mut Value)) -> Result<(), Stop> {
        let author = Author::update(ROLLOUTS_CONTROLLER);
        self.object = self.tools.store.update(&self.key, Part::Main, &author, |old| {
            let mut new = old.clone();
            change(&mut new);
            as_typed(&mut new);
            Ok(new)
        })?;
        Ok(())
    }

    /// Writes the difference between two statuses, and nothing else: what a client wrote meanwhile stays.
    pub fn write_status(&mut self, status: &Status) -> Result<bool, Stop> {
        let Some(patch) = merge::difference(&self.status.write(), &status.write()) else {
            return Ok(false);
        };
        self.store_status(|stored| merge::apply(stored, &patch))?;
        Ok(true)
    }

    /// Writes a whole status: nothing stays that is not in it. Ends the pass if a client wrote meanwhile.
    pub fn replace_status(&mut self, status: Status) -> Result<(), Stop> {
        let stored = self.tools.store.get(&self.key);
        if Status::read(stored.as_ref().and_then(|object| object.get("status"))) != self.status {
            return Err(Stop::Failed);
        }
        let written = status.write();
        self.store_status(|stored| *stored = written)?;
        self.status = status;
        Ok(())
    }

    fn store_status(&mut self, change: impl FnOnce(&mut Value)) -> Result<(), Stop> {
        let author = Author::update(ROLLOUTS_CONTROLLER);
        self.object = self.tools.store.update(&self.key, Part::Status, &author, |old| {
            let mut new = old.clone();
            change(&mut new["status"]);
            Ok(new)
        })?;
        Ok(())
    }

    pub fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }

    /// Builds a condition of now.
    pub fn condition(&self, kind: &str, status: &str, reason: &str, message: &str) -> Condition {
        Condition::new(kind, status, reason, message, self.now())
    }

    /// Records an event about the Rollout.
    pub fn say(&mut self, reason: &'static str, message: &str) {
        self.record(Severity::Normal, reason, message);
    }

    /// Records a warning about the Rollout.
    pub fn warn(&mut self, reason: &'static str, message: &str) {
        self.record(Severity::Warning, reason, message);
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: &str) {
        self.tools.events.record(&self.tools.store, &self.object, ROLLOUTS_CONTROLLER, severity, reason, message);
    }

    pub fn again_at(&mut self, at: Timestamp) {
        self.tools.queue.add_at(at, self.key.clone());
    }

    /// Returns the wanted number of pods.
    pub fn replicas(&self) -> i64 {
        self.spec.replicas()
    }

    pub fn revision(&self) -> i64 {
        object::annotation(&self.object, REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Returns the hash of the wanted `ReplicaSet`, `""` without one.
    pub fn new_hash(&self) -> &str {
        self.new.as_ref().map_or("", |set| set.label(HASH_LABEL))
    }

    /// Returns the `ReplicaSets` that are neither wanted nor stable.
    pub fn others(&self) -> Vec<ReplicaSet> {
        let role = |set: &Option<ReplicaSet>, name: &str| set.as_ref().is_some_and(|set| set.name() == name);
        self.all.iter().filter(|set| !role(&self.new, set.name()) && !role(&self.stable, set.name())).cloned().collect()
    }

    /// Returns the pods that each side of the canary should go to next.
    pub fn wanted_counts(&self) -> Counts {
        let others = self.others();
        self.sides(&others).counts()
    }

    /// Returns whether each side of the canary has the pods that the step asks for.
    pub fn is_at_desired(&self) -> bool {
        let others = self.others();
        self.sides(&others).at_desired()
    }

    fn sides<'s>(&'s self, others: &'s [ReplicaSet]) -> Sides<'s> {
        Sides { spec: &self.spec, status: &self.status, new: self.new.as_ref(), stable: self.stable.as_ref(), others }
    }

    /// Returns whether the Rollout is aborted, as decided so far.
    pub fn is_aborted(&self) -> bool {
        !self.pauses.remove_abort && (self.pauses.add_abort.is_some() || self.status.abort)
    }

    /// Returns whether an update must stand still: a person has paused it, or an analysis came to no result.
    pub fn is_halted(&self) -> bool {
        self.spec.paused || self.status.pause("InconclusiveAnalysisRun").is_some()
    }

    /// Returns whether the template, or the steps, are not those that the status is about.
    pub fn template_or_steps_changed(&self) -> bool {
        let steps = self.status.current_step_hash.is_empty() || self.status.current_step_hash != self.steps_hash();
        steps || self.template_changed()
    }

    /// Returns whether the template is not the one that the status is about.
    pub fn template_changed(&self) -> bool {
        !self.status.current_pod_hash.is_empty() && self.status.current_pod_hash != self.new_hash()
    }

    /// Returns the hash of the canary steps, `""` for blue-green.
    pub fn steps_hash(&self) -> String {
        match &self.spec.strategy.canary {
            Some(canary) => steps_hash(&canary.raw_steps),
            None => String::new(),
        }
    }

    /// Returns whether the wanted `ReplicaSet` is fully available and knows that it should be.
    pub fn is_saturated(&self, set: &ReplicaSet) -> bool {
        let replicas = self.replicas();
        set.wanted() == replicas && set.revision(DESIRED_REPLICAS) == replicas && set.available() == replicas
    }

    /// Sums a figure over all `ReplicaSets`.
    pub fn total(&self, figure: impl Fn(&ReplicaSet) -> i64) -> i64 {
        sum(&self.all, figure)
    }

    /// Returns whether a rollback may skip the steps: the wanted `ReplicaSet` is older than stable, and few enough
    /// lie between (`spec.rollbackWindow`).
    pub fn is_rollback_within_window(&self) -> bool {
        let (Some(new), Some(stable), Some(window)) = (&self.new, &self.stable, &self.spec.rollback_window) else {
            return false;
        };
        if new.created() >= stable.created() || window.revisions <= 0 {
            return false;
        }
        let between =
            self.all.iter().filter(|set| set.created() < stable.created() && set.created() > new.created()).count()
                as i64;
        between < window.revisions
    }
}

/// What becomes of a Rollout that passes through the controller's own types: `paused: false` goes, and every container
/// gets its `resources`.
fn as_typed(rollout: &mut Value) {
    if !object::flag(rollout, "/spec/paused") {
        object::remove(rollout, &["spec", "paused"]);
    }
    if let Some(Value::Array(containers)) = rollout.pointer_mut("/spec/template/spec/containers") {
        for container in containers {
            if container.get("resources").is_none() {
                object::set(container, &["resources"], json!({}));
            }
        }
    }
}
