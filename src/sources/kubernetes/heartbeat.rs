//! The heartbeat: a cheap question every few seconds, so that the age on the screen is the truth even when nothing
//! changes, and a dead link is noticed before any watch times out.

use std::time::Duration;

use kube::Api;

use super::KubernetesSource;
use super::client::trouble;
use super::health::{Health, Trouble};
use super::raw::{Raw, resource};
use crate::domain::ids::WorkloadKind;
use crate::domain::object::Meta;

/// How often to ask.
const EVERY: Duration = Duration::from_secs(3);
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Asks for the first workload again and again.
pub(super) async fn run(source: KubernetesSource, health: Health) {
    let Some(workload) = source.workloads.first() else { return };
    let kind = match workload.kind {
        WorkloadKind::Rollout => resource("argoproj.io", "v1alpha1", "Rollout"),
        WorkloadKind::Deployment => resource("apps", "v1", "Deployment"),
    };
    let api: Api<Raw<Meta>> = Api::namespaced_with(source.client.clone(), &source.namespace, &kind);
    loop {
        let asked = tokio::time::timeout(DEADLINE, api.get_opt(&workload.name)).await;
        health.beat(match asked {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble { why: format!("no answer in {} s", DEADLINE.as_secs()), answered: false }),
        });
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = source.refresh.notified() => {}
        }
    }
}
