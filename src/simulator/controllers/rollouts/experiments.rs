//! The experiments of a canary: started at their step, waited for, cancelled.
//!
//! Follows Argo Rollouts v1.9 `rollout/experiment.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::context::Context;
use super::replicas::current_step;
use super::{HASH_LABEL, REVISION, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::analysis::is_final;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, items, text};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

impl Context<'_> {
    /// Starts the experiment of the current step, reacts to its end, and cancels all others.
    pub fn reconcile_experiments(&mut self) -> Result<(), Stop> {
        let all = self.tools.store.owned_of_kind(object::uid(&self.object), Kind::Experiment);
        if self.is_aborted() || self.status.promote_full {
            self.cancel_experiments(&all);
            return Ok(());
        }
        if ["InconclusiveAnalysisRun", "InconclusiveExperiment"]
            .iter()
            .any(|reason| self.status.pause(reason).is_some())
        {
            return Ok(());
        }
        let step =
            current_step(&self.spec, &self.status).and_then(|(step, index)| Some((step?.experiment.clone()?, index)));
        let mut current = None;
        if let Some((step, index)) = step {
            let experiment = match self.current_experiment(&all) {
                Some(experiment) => Some(experiment),
                None => self.create_experiment(&step, index)?,
            };
            if let Some(experiment) = experiment {
                self.react_to(&experiment);
                current = Some(object::name(&experiment).to_owned());
            }
        }
        let others: Vec<_> = all.into_iter().filter(|one| current.as_deref() != Some(object::name(one))).collect();
        self.cancel_experiments(&others);
        Ok(())
    }

    /// Returns whether the experiment of the current step has ended well.
    pub fn is_experiment_successful(&self) -> bool {
        let all = self.tools.store.owned_of_kind(object::uid(&self.object), Kind::Experiment);
        self.current_experiment(&all).is_some_and(|experiment| text(&experiment, "/status/phase") == "Successful")
    }

    fn current_experiment(&self, all: &[Arc<Value>]) -> Option<Arc<Value>> {
        let name = self.status.canary.current_experiment.as_deref()?;
        all.iter().find(|one| object::name(one) == name).cloned()
    }

    fn react_to(&mut self, experiment: &Value) {
        match text(experiment, "/status/phase") {
            "Inconclusive" => self.pauses.add.push("InconclusiveExperiment"),
            "Error" | "Failed" => {
                let why = match text(experiment, "/status/message") {
                    "" => "Experiment analysis phase is error/failed".to_owned(),
                    message => format!("Experiment analysis phase is error/failed: {message}"),
                };
                self.pauses.add_abort = Some(why);
            }
            "Successful" => {}
            _ => self.next.canary.current_experiment = Some(object::name(experiment).to_owned()),
        }
    }

    fn create_experiment(&mut self, step: &Value, index: i64) -> Result<Option<Arc<Value>>, Stop> {
        let (Some(stable), Some(new)) = (self.stable.clone(), self.new.clone()) else { return Ok(None) };
        let template = |template: &Value| {
            let from: &ReplicaSet = if text(template, "/specRef") == "stable" { &stable } else { &new };
            let mut pods = from.template().clone();
            for (key, value) in template.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten() {
                object::set(&mut pods, &["metadata", "labels", key], value.clone());
            }
            json!({"name": template["name"], "replicas": template.get("replicas").unwrap_or(&json!(1)), "template": pods})
        };
        let hash = self.new_hash().to_owned();
        let analysis = |analysis: &Value| {
            let args: Vec<Value> = items(analysis, "/args").iter().map(|arg| self.resolve_arg(arg, &hash)).collect();
            json!({"name": analysis["name"], "templateName": analysis["templateName"], "args": args})
        };
        let mut spec = json!({
            "templates": items(step, "/templates").iter().map(template).collect::<Vec<_>>(),
            "analyses": items(step, "/analyses").iter().map(analysis).collect::<Vec<_>>(),
        });
        for field in ["duration", "scaleDownDelaySeconds"] {
            if let Some(value) = step.get(field) {
                spec[field] = value.clone();
            }
        }
        if let Some(seconds) = self.object.pointer("/spec/progressDeadlineSeconds") {
            spec["progressDeadlineSeconds"] = seconds.clone();
        }
        let base = format!("{}-{hash}-{}-{index}", self.key.name, self.revision());
        let author = Author::update(ROLLOUTS_CONTROLLER);
        for collision in 0.. {
            let name = if collision == 0 { base.clone() } else { format!("{base}-{collision}") };
            let experiment = json!({
                "metadata": {
                    "name": name,
                    "labels": {HASH_LABEL: hash},
                    "annotations": {REVISION: self.revision().to_string()},
                    "ownerReferences": [object::controller_reference(&self.object)],
                },
                "spec": spec,
            });
            match self.tools.store.create(Kind::Experiment, &self.key.namespace, experiment, &author) {
                Ok(created) => {
                    self.say("ExperimentCreated", &format!("Created Experiment '{name}'"));
                    return Ok(Some(created));
                }
                Err(error) if error.reason == "AlreadyExists" => {}
                Err(_) => break,
            }
        }
        Err(Stop::Failed)
    }

    fn cancel_experiments(&mut self, experiments: &[Arc<Value>]) {
        let author = Author::update(ROLLOUTS_CONTROLLER);
        for experiment in experiments {
            if is_final(text(experiment, "/status/phase")) || object::flag(experiment, "/spec/terminate") {
                continue;
            }
            // One deleted meanwhile is cancelled as well.
            let _ = self.tools.store.update(&Key::of(Kind::Experiment, experiment), Part::Main, &author, |old| {
                let mut new = old.clone();
                object::set(&mut new, &["spec", "terminate"], json!(true));
                Ok(new)
            });
        }
    }
}
