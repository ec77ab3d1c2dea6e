//! A Deployment's status: figures, and the Available and Progressing conditions.

use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use crate::clock::later;
use crate::controllers::replica_set_view::{ReplicaSet, sum};
use crate::kubernetes::api_error::ApiError;
use crate::kubernetes::object::{self, items, number, stamp, text};

const TIMED_OUT: &str = "ProgressDeadlineExceeded";

impl Context<'_> {
    fn conditions(&self) -> Vec<Value> {
        items(&self.object, "/status/conditions").to_vec()
    }

    fn progressing(&self) -> Option<Value> {
        self.conditions().into_iter().find(|c| text(c, "/type") == "Progressing")
    }

    fn deadline(&self) -> Option<Duration> {
        let seconds = self.object.pointer("/spec/progressDeadlineSeconds").and_then(Value::as_i64)?;
        (seconds < i64::from(i32::MAX)).then(|| Duration::from_secs(seconds.max(0) as u64))
    }

    /// Enters a pause or its end, so that time spent paused does not count as lack of progress.
    pub(super) fn check_paused_conditions(&mut self) -> Result<(), ApiError> {
        if self.deadline().is_none() {
            return Ok(());
        }
        let reason = self.progressing().map(|c| text(&c, "/reason").to_owned()).unwrap_or_default();
        if reason == TIMED_OUT {
            return Ok(());
        }
        let marked = reason == "DeploymentPaused";
        let (reason, message) = match (self.is_paused(), marked) {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        self.enter("Unknown", reason, message)
    }

    /// Enters progress that is not seen in the figures.
    pub(super) fn note_progress(&mut self, reason: &str, message: &str) -> Result<(), ApiError> {
        if self.deadline().is_none() {
            return Ok(());
        }
        self.enter("True", reason, message)
    }

    fn enter(&mut self, word: &str, reason: &str, message: &str) -> Result<(), ApiError> {
        let mut conditions = self.conditions();
        self.set_condition(&mut conditions, "Progressing", word, reason, message);
        let mut status = self.object.get("status").cloned().unwrap_or(json!({}));
        object::set(&mut status, &["conditions"], json!(conditions));
        self.write_status(status)
    }

    fn set_condition(&self, conditions: &mut Vec<Value>, kind: &str, word: &str, reason: &str, message: &str) {
        let now = stamp(self.now());
        let old = conditions.iter().position(|c| text(c, "/type") == kind);
        let mut since = now.clone();
        if let Some(index) = old {
            let before = &conditions[index];
            if text(before, "/status") == word && text(before, "/reason") == reason {
                return;
            }
            if text(before, "/status") == word {
                text(before, "/lastTransitionTime").clone_into(&mut since);
            }
            conditions.remove(index);
        }
        conditions.push(json!({
            "lastTransitionTime": since,
            "lastUpdateTime": now,
            "message": message,
            "reason": reason,
            "status": word,
            "type": kind,
        }));
    }

    fn updated(&self) -> i64 {
        self.new.as_ref().map_or(0, ReplicaSet::current)
    }

    /// Returns whether every pod is of the new template and available, as last written to the status.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete_with(
            self.updated(),
            sum(&self.all, ReplicaSet::current),
            sum(&self.all, ReplicaSet::available),
        )
    }

    fn is_complete_with(&self, updated: i64, total: i64, available: i64) -> bool {
        let replicas = self.replicas();
        updated == replicas && total == replicas && available == replicas
    }

    /// Works out the status and writes it.
    pub(super) fn sync_status(&mut self) -> Result<(), ApiError> {
        self.load_sets();
        let total = sum(&self.all, ReplicaSet::current);
        let updated = self.updated();
        let ready = sum(&self.all, ReplicaSet::ready);
        let available = sum(&self.all, ReplicaSet::available);
        let unavailable = (sum(&self.all, ReplicaSet::wanted) - available).max(0);
        let mut conditions = self.conditions();
        let (_, may_miss) = self.fence_posts();
        if available >= self.replicas() - may_miss {
            self.set_condition(
                &mut conditions,
                "Available",
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            );
        } else {
            self.set_condition(
                &mut conditions,
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            );
        }
        if !self.is_paused() {
            self.sync_progress(&mut conditions, total, updated, ready, available);
        }
        conditions.retain(|c| text(c, "/type") != "ReplicaFailure");
        let failure = self.new.iter().chain(&self.all).find_map(|set| {
            let found = items(set.object(), "/status/conditions").first()?;
            (text(found, "/type") == "ReplicaFailure").then(|| found.clone())
        });
        if let Some(mut failure) = failure {
            let since = failure["lastTransitionTime"].clone();
            object::set(&mut failure, &["lastUpdateTime"], since);
            conditions.push(failure);
        }
        let mut status = json!({});
        for (field, count) in [
            ("availableReplicas", available),
            ("readyReplicas", ready),
            ("replicas", total),
            ("unavailableReplicas", unavailable),
            ("updatedReplicas", updated),
        ] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        status["observedGeneration"] = json!(number(&self.object, "/metadata/generation", 1));
        status["conditions"] = json!(conditions);
        if let Some(count) = self.object.pointer("/status/collisionCount") {
            status["collisionCount"] = count.clone();
        }
        self.write_status(status)
    }

    fn sync_progress(&mut self, conditions: &mut Vec<Value>, total: i64, updated: i64, ready: i64, available: i64) {
        let Some(deadline) = self.deadline() else {
            return;
        };
        let current = self.progressing();
        let reason = current.as_ref().map_or("", |c| text(c, "/reason")).to_owned();
        let settled = total == updated && reason == "NewReplicaSetAvailable";
        if settled {
            return;
        }
        let name = self.new.as_ref().map_or_else(String::new, |set| set.name().to_owned());
        let before = |field: &str| number(&self.object, &format!("/status/{field}"), 0);
        let old_before = before("replicas") - before("updatedReplicas");
        let progressed = updated > before("updatedReplicas")
            || total - updated < old_before
            || ready > before("readyReplicas")
            || available > before("availableReplicas");
        if self.is_complete_with(updated, total, available) {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            self.set_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", &message);
        } else if progressed {
            let message = format!("ReplicaSet \"{name}\" is progressing.");
            let since =
                current.filter(|c| text(c, "/status") == "True").map(|c| text(&c, "/lastTransitionTime").to_owned());
            conditions.retain(|c| text(c, "/type") != "Progressing");
            self.set_condition(conditions, "Progressing", "True", "ReplicaSetUpdated", &message);
            if let (Some(since), Some(last)) = (since, conditions.last_mut()) {
                object::set(last, &["lastTransitionTime"], json!(since));
            }
        } else if let Some(since) = current.as_ref().and_then(|c| object::time(c, "/lastUpdateTime"))
            && reason != "DeploymentPaused"
        {
            let over = later(since, deadline);
            if reason == TIMED_OUT || over < self.now() {
                let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
                self.set_condition(conditions, "Progressing", "False", TIMED_OUT, &message);
                return;
            }
        }
        let since = conditions
            .iter()
            .find(|c| text(c, "/type") == "Progressing")
            .and_then(|c| object::time(c, "/lastUpdateTime"));
        if let Some(since) = since {
            let at = later(since, deadline + Duration::from_secs(1));
            if at > self.now() {
                let key = self.key.clone();
                self.tools.queue.add_at(at, key);
            }
        }
    }
}
