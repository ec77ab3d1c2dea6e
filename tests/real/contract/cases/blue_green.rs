//! Every action on a blue-green rollout.

use release_cockpit::domain::facts::workload::{Phase, Role};
use release_cockpit::domain::record::action::Verb;
use serde_json::json;
use support::check::{holds, same, says};
use support::manifests::{blue_green, image};
use support::{Checked, TestNamespace};

use super::{fresh, sent_merges};
use crate::contract::cockpit::{Cockpit, View};

const API: &str = "rollout/api";

/// Whether it waits for its promotion, and its pods have been seen as well: Rollout and ReplicaSet are told apart.
fn preview_waits(view: &View<'_>) -> bool {
    let preview = view.snapshot.replicaset(&view.rollout().status.current_hash);
    let is_seen = preview.is_some_and(|preview| preview.available == preview.desired);
    view.is(Phase::Paused) && view.status.message == "BlueGreenPause" && is_seen
}

/// Brings 1.0.0 up and 1.1.0 before its promotion.
async fn with_preview(namespace: &TestNamespace) -> Checked<Cockpit> {
    let mut cockpit = fresh(namespace, API, blue_green("api", 2)).await?;
    cockpit.picture(namespace).await?;
    cockpit.until_next_second().await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until("the preview", preview_waits).await?;
    cockpit.picture(namespace).await?;
    Ok(cockpit)
}

/// The preview waits for a person, is promoted, takes the traffic; the old pods stay for their delay.
pub async fn promote(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    let view = cockpit.seen()?;
    same("why", &view.status.why.as_deref(), &Some("preview is ready: paused until promoted"))?;
    let hash = view.status.canary.as_ref().map(|canary| canary.hash.clone()).unwrap_or_default();
    same("roles", &view.snapshot.roles(&hash), &vec![Role::Preview])?;
    let sent = cockpit.act(Verb::Promote).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"pauseConditions": null}}))])?;
    cockpit.until("the switch", |view| view.is(Phase::Healthy) && view.goes_out() == "1.1.0").await?;
    same("roles", &cockpit.seen()?.snapshot.roles(&hash), &vec![Role::Stable, Role::Active])?;
    cockpit.picture(namespace).await?;
    cockpit.until_settled().await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Full promotion, while the preview waits.
pub async fn promote_fully(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    let sent = cockpit.act(Verb::PromoteFull).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"promoteFull": true}}))])?;
    cockpit.until("the switch", |view| view.is(Phase::Healthy) && view.goes_out() == "1.1.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// A pause and its end leave the preview waiting.
pub async fn hold_and_resume(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::Promote)?, "paused manually")?;
    cockpit.act(Verb::Resume).await?;
    cockpit.until("the preview", |view| preview_waits(view) && !view.rollout().spec.paused).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Abort, also while held; then retry.
pub async fn abort_and_retry(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    cockpit.act(Verb::Pause).await?;
    let sent = cockpit.act(Verb::Abort).await?;
    let wanted = [
        ("rollouts/api/status", json!({"status": {"abort": true}})),
        ("rollouts/api", json!({"spec": {"paused": false}})),
    ];
    sent_merges(&sent, &wanted)?;
    cockpit.until("the abort", |view| view.is(Phase::Degraded) && view.status.aborted).await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::PromoteFull)?, "the update was aborted")?;
    // While the preview's pods still run Argo would switch to them without the pause.
    let runs = |view: &View<'_>| {
        let new = view.snapshot.replicaset(&view.rollout().status.current_hash);
        new.is_some_and(|rs| rs.desired + rs.current > 0 && rs.scale_down_at.is_some())
    };
    match cockpit.plan(Verb::Retry) {
        Err(refusals) => says(&crate::contract::cockpit::lines(&refusals), "without the pause")?,
        // It may be late already.
        Ok(_) => holds("the preview's pods are on their way out", !runs(&cockpit.seen()?))?,
    }
    let gone = |view: &View<'_>| {
        let new = view.snapshot.replicaset(&view.rollout().status.current_hash);
        new.is_some_and(|rs| rs.desired + rs.current == 0) && view.snapshot.pods.len() == 2
    };
    cockpit.until("no preview pods", gone).await?;
    let sent = cockpit.act(Verb::Retry).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"abort": false}}))])?;
    cockpit.until("the preview", preview_waits).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Back to what is active, while the preview waits: nothing is promoted.
pub async fn rollback_to_stable(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    let stable = cockpit.seen()?.rollout().status.stable_hash;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0 alone", |view| view.is(Phase::Healthy) && view.goes_out() == "1.0.0").await?;
    let status = cockpit.seen()?.rollout().status;
    same("hashes", &(&status.current_hash, &status.active_hash), &(&stable, &stable))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// After the switch, back to the version before: its pods come up, then the active service switches to them.
pub async fn rollback_after_the_switch(namespace: &TestNamespace) -> Checked {
    let mut cockpit = with_preview(namespace).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until("no old pods", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("the switch", |view| view.is(Phase::Healthy) && view.goes_out() == "1.0.0").await?;
    let status = cockpit.seen()?.rollout().status;
    same("active", &status.active_hash, &status.stable_hash)?;
    says(&cockpit.refused(Verb::Rollback)?, "already back on 1.0.0")?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Replaces all pods while the preview waits.
pub async fn restart(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, blue_green("api", 2)).await?;
    let sent = cockpit.act(Verb::Restart).await?;
    same("path", &sent[0].path.ends_with("/rollouts/api"), &true)?;
    cockpit.until_settled().await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}
