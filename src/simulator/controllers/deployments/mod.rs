//! The Deployment controller: rolling update, recreate, pause, and reuse of old `ReplicaSets`.

mod rolling;
mod sets;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::events::Severity;
use super::replica_set_view::ReplicaSet;
use super::rollouts::spec::fence_posts;
use super::{CONTROLLER_MANAGER, Tools};
use crate::kubernetes::api_error::ApiError;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, flag, number, text};
use crate::kubernetes::store::{Key, Part};

/// Who says so in events.
const COMPONENT: &str = "deployment-controller";
const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

/// One pass over one Deployment.
struct Context<'a> {
    tools: &'a mut Tools,
    key: Key,
    object: Arc<Value>,
    /// The wanted `ReplicaSet`.
    new: Option<ReplicaSet>,
    /// All of them, oldest first.
    all: Vec<ReplicaSet>,
}

/// Brings one Deployment a step nearer to its spec.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(object) = tools.store.get(key) else {
        return;
    };
    let mut context = Context { tools, key: key.clone(), object, new: None, all: Vec::new() };
    if context.pass().is_err() {
        let retry = context.tools.clock.after(std::time::Duration::from_millis(200));
        context.tools.queue.add_at(retry, key.clone());
    }
}

impl Context<'_> {
    fn pass(&mut self) -> Result<(), ApiError> {
        self.load_sets();
        self.check_paused_conditions()?;
        if self.is_paused() {
            self.sync_revision(false)?;
            self.scale_in_place()?;
            return self.sync_status();
        }
        if self.is_scaling_event() {
            self.sync_revision(false)?;
            self.scale_in_place()?;
            return self.sync_status();
        }
        if text(&self.object, "/spec/strategy/type") == "Recreate" {
            self.sync_revision(false)?;
            self.recreate()?;
        } else {
            self.sync_revision(true)?;
            self.roll()?;
        }
        if self.is_complete() {
            self.clean_up_history();
        }
        self.sync_status()
    }

    fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }

    fn is_paused(&self) -> bool {
        flag(&self.object, "/spec/paused")
    }

    fn replicas(&self) -> i64 {
        number(&self.object, "/spec/replicas", 1)
    }

    /// Pods above and below the wanted number.
    fn fence_posts(&self) -> (i64, i64) {
        if text(&self.object, "/spec/strategy/type") == "Recreate" {
            return (0, 0);
        }
        fence_posts(
            self.object.pointer("/spec/strategy/rollingUpdate/maxSurge"),
            self.object.pointer("/spec/strategy/rollingUpdate/maxUnavailable"),
            self.replicas(),
        )
    }

    fn old_sets(&self) -> Vec<ReplicaSet> {
        let new = self.new.as_ref().map(|set| set.uid().to_owned());
        self.all.iter().filter(|set| Some(set.uid()) != new.as_deref()).cloned().collect()
    }

    fn say(&mut self, reason: &'static str, message: &str) {
        self.tools.events.record(&self.tools.store, &self.object, COMPONENT, Severity::Normal, reason, message);
    }

    fn write_main(&mut self, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
        let author = Author::update(CONTROLLER_MANAGER);
        self.object = self.tools.store.update(&self.key, Part::Main, &author, |old| {
            let mut new = old.clone();
            change(&mut new);
            Ok(new)
        })?;
        Ok(())
    }

    fn write_status(&mut self, status: Value) -> Result<(), ApiError> {
        let author = Author::update(CONTROLLER_MANAGER);
        self.object = self.tools.store.update(&self.key, Part::Status, &author, |old| {
            let mut new = old.clone();
            object::set(&mut new, &["status"], status);
            Ok(new)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
