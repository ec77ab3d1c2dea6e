//! The Rollout controller. It takes the decisions of Argo Rollouts v1.9 in the same order, traps included.

mod analysis_runs;
mod blue_green;
mod canary;
mod conditions;
mod context;
mod experiments;
mod metadata;
mod persist;
mod phase;
mod promote;
mod replicas;
mod restart;
mod scaling;
mod services;
mod sets;
pub mod spec;
pub mod status;
mod traffic;
mod validation;

use std::time::Duration;

use super::Tools;
use crate::kubernetes::api_error::ApiError;
use crate::kubernetes::store::Key;

/// Annotation that holds the revision, on Rollouts and `ReplicaSets`.
pub const REVISION: &str = "rollout.argoproj.io/revision";
/// Label that holds the hash of the pod template.
pub const HASH_LABEL: &str = "rollouts-pod-template-hash";
const REVISION_HISTORY: &str = "rollout.argoproj.io/revision-history";
const DESIRED_REPLICAS: &str = "rollout.argoproj.io/desired-replicas";
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";
const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
const SCALE_DOWN_DEADLINE: &str = "scale-down-deadline";

/// How soon a pass that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Why a pass over a Rollout ended early.
#[derive(Debug)]
enum Stop {
    /// Nothing more to do for now.
    Done,
    /// Something that was read has changed or vanished meanwhile.
    Failed,
}

impl From<ApiError> for Stop {
    fn from(_: ApiError) -> Self {
        Self::Failed
    }
}

/// Brings one Rollout a step nearer to its spec.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    if let Err(Stop::Failed) = pass(tools, key) {
        let retry = tools.clock.after(RETRY_INTERVAL);
        tools.queue.add_at(retry, key.clone());
    }
}

fn pass(tools: &mut Tools, key: &Key) -> Result<(), Stop> {
    let Some(mut context) = context::Context::load(tools, key)? else {
        return Ok(());
    };
    context.check_paused_conditions()?;
    if context.is_scaling_event()? {
        return context.sync_replicas_only();
    }
    if context.spec.strategy.blue_green.is_some() { context.blue_green() } else { context.canary() }
}

#[cfg(test)]
mod tests;
