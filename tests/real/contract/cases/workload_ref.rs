//! A canary whose template lives in a Deployment.

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::{holds, same};
use support::manifests::{image, pause, weight, workload_ref};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

fn steps() -> Vec<Value> {
    vec![weight(50), pause()]
}

/// Sends a version out, by the Deployment.
async fn release(namespace: &TestNamespace, tag: &str) -> Checked {
    namespace.set_image("Deployment", "api", &image("api", tag)).await
}

async fn with_canary(namespace: &TestNamespace) -> Checked<Cockpit> {
    let mut cockpit = fresh(namespace, API, workload_ref("api", 2, &steps())).await?;
    cockpit.picture(namespace).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    Ok(cockpit)
}

/// Promotion, then back to the version before.
pub async fn promote_and_roll_back(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_canary(namespace).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Back to stable while the canary is in progress: the Deployment's template is put back, and nothing else of it.
pub async fn rollback_to_stable(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_canary(namespace).await?;
    let stable = cockpit.seen()?.rollout().status.stable_hash;
    let before = namespace.get("Deployment", "api").await?;
    let sent = cockpit.act(Verb::Rollback).await?;
    holds("the Deployment is written to", sent.len() == 1 && sent[0].path.ends_with("/deployments/api"))?;
    cockpit.until("stable at once", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    let view = cockpit.seen()?;
    same("stable", &view.rollout().status.current_hash, &stable)?;
    same("ReplicaSets", &view.snapshot.replicasets.len(), &2)?;
    let after = namespace.get("Deployment", "api").await?;
    let own = |object: &Value| {
        let mut annotations = object["metadata"]["annotations"].clone();
        // The Deployment controller counts its revisions there, and the request notes the head of the journal.
        for key in ["deployment.kubernetes.io/revision", "release-cockpit/journal"] {
            annotations.as_object_mut().map(|map| map.remove(key));
        }
        annotations
    };
    same("annotations of the Deployment", &own(&after), &own(&before))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Back to stable while it is held: the pause is the Rollout's, and is lifted there.
pub async fn rollback_while_held(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_canary(namespace).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    let sent = cockpit.act(Verb::Rollback).await?;
    same("writes", &sent.len(), &2)?;
    same("the second", &sent[1].body, &json!({"spec": {"paused": false}}))?;
    cockpit.until("stable", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Abort and retry, hold and resume.
pub async fn abort_retry_hold(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_canary(namespace).await?;
    cockpit.act(Verb::Abort).await?;
    cockpit.until("stable alone", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 2).await?;
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Retry).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    cockpit.act(Verb::Resume).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Restart).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}
