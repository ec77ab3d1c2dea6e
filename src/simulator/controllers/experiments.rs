//! The experiment controller: a `ReplicaSet` for each template, for a while, and analysis runs beside them.
//!
//! Follows Argo Rollouts v1.9 `experiments/experiment.go`. Not simulated: services and weights of templates, and analyses
//! that are required for completion.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::analysis::is_final;
use super::replica_set_view::ReplicaSet;
use super::rollouts::HASH_LABEL;
use super::rollouts::spec::go_duration;
use super::template_hash::template_hash;
use super::{ROLLOUTS_CONTROLLER, Tools};
use crate::clock::later;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, flag, items, number, stamp, text};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

const DEFAULT_SCALE_DOWN_DELAY_SECONDS: i64 = 30;
const DEFAULT_PROGRESS_DEADLINE_SECONDS: i64 = 600;

/// Moves one Experiment on.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(object) = tools.store.get(key) else { return };
    let status = object.get("status").cloned().unwrap_or(json!({}));
    let mut pass = Pass { now: tools.clock.now(), is_ending: is_ending(&object), object, status, tools, key };
    for template in items(&pass.object.clone(), "/spec/templates") {
        pass.reconcile_template(template);
    }
    for analysis in items(&pass.object.clone(), "/spec/analyses") {
        pass.reconcile_analysis(analysis);
    }
    pass.conclude();
    pass.write();
}

fn is_ending(object: &Value) -> bool {
    flag(object, "/spec/terminate") || is_final(text(object, "/status/phase"))
}

/// One pass over one Experiment.
struct Pass<'a> {
    tools: &'a mut Tools,
    key: &'a Key,
    object: Arc<Value>,
    /// The status as it will be written.
    status: Value,
    is_ending: bool,
    now: Timestamp,
}

impl Pass<'_> {
    /// Returns when the time of the experiment is over, once it runs.
    fn end(&self) -> Option<Timestamp> {
        let available = object::time(&self.status, "/availableAt")?;
        let duration = go_duration(self.object.pointer("/spec/duration")?.as_str()?)?;
        Some(later(available, duration))
    }

    fn is_over(&self) -> bool {
        self.end().is_some_and(|end| end <= self.now)
    }

    fn reconcile_template(&mut self, template: &Value) {
        let name = text(template, "/name").to_owned();
        let asked = number(template, "/replicas", 1);
        let wanted = if self.is_ending || self.is_over() { 0 } else { asked };
        let set = match self.set_of(&name) {
            Some(set) => Some(self.scale(set, wanted)),
            None if wanted > 0 => self.create_set(template, &name, wanted),
            None => None,
        };
        let mut entry = self.entry("templateStatuses", &name);
        let count = |figure: fn(&ReplicaSet) -> i64| set.as_ref().map_or(0, figure);
        let counts = [
            ("replicas", count(ReplicaSet::current)),
            ("updatedReplicas", count(ReplicaSet::current)),
            ("readyReplicas", count(ReplicaSet::ready)),
            ("availableReplicas", count(ReplicaSet::available)),
        ];
        if counts.iter().any(|(field, count)| number(&entry, &format!("/{field}"), -1) != *count) {
            entry["lastTransitionTime"] = json!(stamp(self.now));
        }
        for (field, count) in counts {
            entry[field] = json!(count);
        }
        if !matches!(text(&entry, "/status"), "Successful" | "Failed" | "Error") {
            let (status, message) = self.template_status(&entry, &name, wanted);
            entry["status"] = json!(status);
            if let Some(message) = message {
                entry["message"] = json!(message);
            }
        }
        self.enter("templateStatuses", entry);
    }

    fn template_status(&mut self, entry: &Value, name: &str, wanted: i64) -> (&'static str, Option<String>) {
        if self.is_ending || self.is_over() {
            return ("Successful", None);
        }
        if number(entry, "/availableReplicas", 0) == wanted {
            return ("Running", None);
        }
        let seconds = number(&self.object, "/spec/progressDeadlineSeconds", DEFAULT_PROGRESS_DEADLINE_SECONDS);
        let since = object::time(entry, "/lastTransitionTime").unwrap_or(self.now);
        let deadline = later(since, self.tools.clock.scale(Duration::from_secs(seconds.max(0) as u64)));
        if deadline < self.now {
            let message = format!("Template '{name}' exceeded its progressDeadlineSeconds ({seconds})");
            return ("Failed", Some(message));
        }
        self.tools.queue.add_at(later(deadline, Duration::from_secs(1)), self.key.clone());
        ("Progressing", None)
    }

    fn set_of(&self, template: &str) -> Option<ReplicaSet> {
        let name = format!("{}-{template}", self.key.name);
        let sets = self.tools.store.owned_of_kind(object::uid(&self.object), Kind::ReplicaSet);
        sets.into_iter().find(|set| object::name(set) == name).map(ReplicaSet::new)
    }

    fn create_set(&mut self, template: &Value, name: &str, wanted: i64) -> Option<ReplicaSet> {
        let mut pods = template.get("template").cloned().unwrap_or_default();
        let hash = template_hash("experiments", &json!([self.key.name, name, pods]), None);
        object::set(&mut pods, &["metadata", "labels", HASH_LABEL], json!(hash));
        let labels = pods.pointer("/metadata/labels").cloned().unwrap_or_default();
        let set = json!({
            "metadata": {
                "name": format!("{}-{name}", self.key.name),
                "labels": labels,
                "annotations": {"experiment.argoproj.io/name": self.key.name},
                "ownerReferences": [object::controller_reference(&self.object)],
            },
            "spec": {"replicas": wanted, "selector": {"matchLabels": labels}, "template": pods},
        });
        let author = Author::update(ROLLOUTS_CONTROLLER);
        // A name that is taken is seen by the next pass.
        self.tools.store.create(Kind::ReplicaSet, &self.key.namespace, set, &author).ok().map(ReplicaSet::new)
    }

    /// Scales up at once, and down when the delay after the end is over.
    fn scale(&mut self, set: ReplicaSet, wanted: i64) -> ReplicaSet {
        if set.wanted() == wanted {
            return set;
        }
        if wanted == 0 {
            let seconds = number(&self.object, "/spec/scaleDownDelaySeconds", DEFAULT_SCALE_DOWN_DELAY_SECONDS);
            let ended = object::time(&self.status, "/endedAt").unwrap_or(self.now);
            let due = later(ended, self.tools.clock.scale(Duration::from_secs(seconds.max(0) as u64)));
            if due > self.now {
                self.tools.queue.add_at(due, self.key.clone());
                return set;
            }
        }
        let changed = self.tools.store.update(&set.key(), Part::Main, &Author::update(ROLLOUTS_CONTROLLER), |old| {
            let mut new = old.clone();
            object::set(&mut new, &["spec", "replicas"], json!(wanted));
            Ok(new)
        });
        changed.map_or(set, ReplicaSet::new)
    }

    fn reconcile_analysis(&mut self, analysis: &Value) {
        let name = text(analysis, "/name").to_owned();
        let mut entry = self.entry("analysisRuns", &name);
        if is_final(text(&entry, "/phase")) || object::time(&self.status, "/availableAt").is_none() {
            return;
        }
        let run = format!("{}-{name}", self.key.name);
        let key = Key::new(Kind::AnalysisRun, &self.key.namespace, &run);
        match self.tools.store.get(&key) {
            Some(found) => {
                if self.is_ending || self.is_over() {
                    self.terminate(&key);
                }
                if let Some(phase) = found.pointer("/status/phase") {
                    entry["phase"] = phase.clone();
                }
                if let Some(message) = found.pointer("/status/message") {
                    entry["message"] = message.clone();
                }
            }
            None if self.is_ending => return,
            None => match self.create_run(analysis, &run) {
                Ok(()) => {
                    entry["analysisRun"] = json!(run);
                    entry["phase"] = json!("Pending");
                }
                Err(why) => {
                    entry["phase"] = json!("Error");
                    entry["message"] = json!(format!("Failed to create AnalysisRun for analysis '{name}': {why}"));
                }
            },
        }
        self.enter("analysisRuns", entry);
    }

    fn create_run(&mut self, analysis: &Value, run: &str) -> Result<(), String> {
        let name = text(analysis, "/templateName");
        let key = Key::new(Kind::AnalysisTemplate, &self.key.namespace, name);
        let template =
            self.tools.store.get(&key).ok_or_else(|| format!("analysistemplate.argoproj.io \"{name}\" not found"))?;
        let mut args = items(&template, "/spec/args").to_vec();
        for arg in items(analysis, "/args") {
            args.retain(|other| other.get("name") != arg.get("name"));
            args.push(arg.clone());
        }
        let run = json!({
            "metadata": {"name": run, "ownerReferences": [object::controller_reference(&self.object)]},
            "spec": {"args": args, "metrics": items(&template, "/spec/metrics")},
        });
        let author = Author::update(ROLLOUTS_CONTROLLER);
        let created = self.tools.store.create(Kind::AnalysisRun, &self.key.namespace, run, &author);
        created.map(|_| ()).map_err(|error| error.message)
    }

    fn terminate(&mut self, run: &Key) {
        // A run deleted meanwhile has ended as well.
        let _ = self.tools.store.update(run, Part::Main, &Author::update(ROLLOUTS_CONTROLLER), |old| {
            let mut new = old.clone();
            object::set(&mut new, &["spec", "terminate"], json!(true));
            Ok(new)
        });
    }

    /// Works out the phase.
    fn conclude(&mut self) {
        if is_final(text(&self.status, "/phase")) {
            return;
        }
        let (templates, message) = worst(items(&self.status, "/templateStatuses"), "status", TEMPLATE_STATUSES);
        if templates == "Running" && object::time(&self.status, "/availableAt").is_none() {
            self.status["availableAt"] = json!(stamp(self.now));
            self.tools.queue.add(self.key.clone());
        }
        if let Some(end) = self.end().filter(|end| *end > self.now) {
            self.tools.queue.add_at(end, self.key.clone());
        }
        let (runs, why) = worst(items(&self.status, "/analysisRuns"), "phase", RUN_PHASES);
        let (phase, message) = match (templates, runs) {
            ("Failed" | "Error", _) => (templates, message),
            (_, "Failed" | "Error" | "Inconclusive") => (runs, why),
            ("Successful", "Successful") => ("Successful", String::new()),
            ("Running" | "Successful", _) => ("Running", message),
            _ => ("Pending", message),
        };
        self.status["phase"] = json!(phase);
        if message.is_empty() {
            object::remove(&mut self.status, &["message"]);
        } else {
            self.status["message"] = json!(message);
        }
        if is_final(phase) {
            self.status["endedAt"] = json!(stamp(self.now));
            self.tools.queue.add(self.key.clone());
        }
    }

    fn entry(&self, list: &str, name: &str) -> Value {
        let found = items(&self.status, &format!("/{list}")).iter().find(|entry| text(entry, "/name") == name);
        found.cloned().unwrap_or_else(|| json!({"name": name}))
    }

    fn enter(&mut self, list: &str, entry: Value) {
        let mut entries = items(&self.status, &format!("/{list}")).to_vec();
        match entries.iter_mut().find(|known| known["name"] == entry["name"]) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
        self.status[list] = json!(entries);
    }

    fn write(self) {
        if self.object.get("status") == Some(&self.status) {
            return;
        }
        let status = self.status;
        // Gone in the meantime: nothing to tell.
        let _ = self.tools.store.update(self.key, Part::Status, &Author::update(ROLLOUTS_CONTROLLER), |old| {
            let mut new = old.clone();
            new["status"] = status;
            Ok(new)
        });
    }
}

/// From best to worst.
const TEMPLATE_STATUSES: &[&str] = &["Successful", "Running", "Progressing", "Failed", "Error"];
const RUN_PHASES: &[&str] = &["Successful", "Pending", "Running", "Inconclusive", "Error", "Failed"];

/// Returns the worst of a list, and its message; what says nothing has not begun.
fn worst(entries: &[Value], field: &str, order: &'static [&'static str]) -> (&'static str, String) {
    let rank = |entry: &Value| order.iter().position(|known| entry[field] == *known).unwrap_or(2);
    let worst = entries.iter().max_by_key(|entry| rank(entry));
    worst.map_or((order[0], String::new()), |entry| (order[rank(entry)], text(entry, "/message").to_owned()))
}
