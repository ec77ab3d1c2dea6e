//! Every action on a Deployment, and what kubectl says of it meanwhile.

use release_cockpit::domain::facts::workload::{Phase, Revision};
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::{deployment, image, template};
use support::proxy::Recorded;
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::{Cockpit, View};

const API: &str = "deployment/api";

async fn release(namespace: &TestNamespace, tag: &str, cause: &str) -> Checked {
    let body = json!({
        "metadata": {"annotations": {"kubernetes.io/change-cause": cause}},
        "spec": {"template": template("api", tag, None)},
    });
    namespace.merge("Deployment", "api", body).await
}

/// Sends out pods that are long in coming, so that it stands in the middle of its roll.
async fn release_slowly(namespace: &TestNamespace, cockpit: &mut Cockpit, tag: &str) -> Checked {
    cockpit.until_next_second().await?;
    let slow = template("api", tag, Some("3s"));
    namespace.merge("Deployment", "api", json!({"spec": {"template": slow}})).await?;
    cockpit.until("the middle of its roll", |view| mid_roll(view, tag)).await
}

fn mid_roll(view: &View<'_>, tag: &str) -> bool {
    view.deployment().observed()
        && view.status.canary.is_some()
        && view.goes_out() == tag
        && view.status.replicas.updated > 0
}

fn settled_at(view: &View<'_>, tag: &str) -> bool {
    view.is_settled() && view.goes_out() == tag
}

/// The one write that was due: strategic merge patch, and its body.
fn sent_strategic(sent: &[Recorded], body: &Value) -> Checked {
    let [one] = sent else { return Err(format!("one write was due: {sent:?}").into()) };
    holds("the path is right", one.path.ends_with("/deployments/api"))?;
    same("type", &one.content_type.as_str(), &"application/strategic-merge-patch+json")?;
    same("body", &one.body, body)
}

/// Hold and resume in the middle of a roll.
pub async fn hold_and_resume(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [deployment("api", 3)]).await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::Resume)?, "not paused")?;
    for verb in [Verb::Promote, Verb::PromoteFull, Verb::Abort, Verb::Retry] {
        says(&cockpit.refused(verb)?, "a Deployment has no")?;
    }
    release_slowly(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.picture(namespace).await?;
    sent_strategic(&cockpit.act(Verb::Pause).await?, &json!({"spec": {"paused": true}}))?;
    cockpit.until("the hold", |view| view.is(Phase::Paused)).await?;
    cockpit.picture(namespace).await?;
    says(cockpit.seen()?.status.why.as_deref().unwrap_or_default(), "paused manually (release-cockpit)")?;
    says(&cockpit.refused(Verb::Restart)?, "it is paused")?;
    sent_strategic(&cockpit.act(Verb::Resume).await?, &json!({"spec": {"paused": null}}))?;
    cockpit.until("1.1.0", |view| settled_at(view, "1.1.0")).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Undo as kubectl does it: template and annotations from history; then to a named revision.
pub async fn rollback(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [deployment("api", 2)]).await?;
    says(&cockpit.refused(Verb::Rollback)?, "there is no earlier revision")?;
    release(namespace, "1.1.0", "release 1.1.0").await?;
    cockpit.until("1.1.0", |view| settled_at(view, "1.1.0")).await?;
    release(namespace, "1.2.0", "release 1.2.0").await?;
    cockpit.until("1.2.0", |view| settled_at(view, "1.2.0")).await?;
    let sent = cockpit.act(Verb::Rollback).await?;
    same("type", &sent[0].content_type.as_str(), &"application/json-patch+json")?;
    same("operations", &sent[0].body.as_array().map(Vec::len), &Some(2))?;
    cockpit.until("1.1.0", |view| settled_at(view, "1.1.0")).await?;
    cockpit.picture(namespace).await?;
    let live = namespace.get("Deployment", "api").await?;
    let cause = &live["metadata"]["annotations"]["kubernetes.io/change-cause"];
    same("change cause", cause, &json!("release 1.1.0"))?;
    same("revisions", &cockpit.seen()?.snapshot.replicasets.len(), &3)?;
    let plan =
        cockpit.plan_to(Verb::Rollback, Some(1)).map_err(|refusals| crate::contract::cockpit::lines(&refusals))?;
    cockpit.carry_out(plan).await?;
    cockpit.until("1.0.0", |view| settled_at(view, "1.0.0")).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// In the middle of a roll, back to what still serves; a second time does not go forward again.
pub async fn rollback_in_mid_roll(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [deployment("api", 4)]).await?;
    release_slowly(namespace, &mut cockpit, "1.1.0-unready").await?;
    let plan = cockpit.planned(Verb::Rollback)?;
    same("headline", &plan.record().headline.as_str(), &"roll back to 1.0.0")?;
    cockpit.carry_out(plan).await?;
    loop {
        cockpit.absorb();
        if settled_at(&cockpit.seen()?, "1.0.0") {
            break;
        }
        let offered = cockpit.plan(Verb::Rollback).ok().filter(|plan| !plan.record().headline.ends_with(" 1.0.0"));
        if let Some(plan) = offered {
            return Err(format!("a second rollback is offered: {}", plan.record().headline).into());
        }
        cockpit.next().await?;
    }
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// A held Deployment is rolled back all the same: it is resumed in the same write.
pub async fn rollback_while_held(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [deployment("api", 3)]).await?;
    release_slowly(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.deployment().paused && view.deployment().observed()).await?;
    let sent = cockpit.act(Verb::Rollback).await?;
    let lifted = json!({"op": "replace", "path": "/spec/paused", "value": false});
    same("the hold", &sent[0].body.as_array().and_then(|operations| operations.last()), &Some(&lifted))?;
    cockpit.until("1.0.0", |view| settled_at(view, "1.0.0")).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Restart makes a new revision with the same image.
pub async fn restart(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [deployment("api", 2)]).await?;
    let before: Vec<_> = cockpit.seen()?.snapshot.pods.iter().map(|pod| pod.name.clone()).collect();
    let plan = cockpit.planned(Verb::Restart)?;
    let at = plan.record().restart_at.clone().unwrap_or_default();
    let annotation = json!({"kubectl.kubernetes.io/restartedAt": at});
    let sent = cockpit.carry_out(plan).await?;
    sent_strategic(&sent, &json!({"spec": {"template": {"metadata": {"annotations": annotation}}}}))?;
    let replaced = |view: &View<'_>| view.snapshot.pods.iter().all(|pod| !before.contains(&pod.name));
    cockpit.until("new pods", |view| view.is_settled() && replaced(view)).await?;
    same("revisions", &cockpit.seen()?.snapshot.replicasets.len(), &2)?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Pods that crash: the deadline passes, the cause is named, what still serves is counted; rollback mends it.
pub async fn crash_until_the_deadline(namespace: &TestNamespace) -> Checked {
    let mut object = deployment("api", 3);
    object["spec"]["progressDeadlineSeconds"] = json!(3);
    let mut cockpit = fresh(namespace, API, [object]).await?;
    namespace.set_image("Deployment", "api", &image("api", "1.1.0-crash")).await?;
    cockpit.until("the crash", |view| view.snapshot.pods.iter().any(|pod| pod.reason == "CrashLoopBackOff")).await?;
    cockpit.picture(namespace).await?;
    cockpit.until("the deadline", |view| view.is(Phase::Degraded)).await?;
    cockpit.picture(namespace).await?;
    let why = cockpit.seen()?.status.why.clone().unwrap_or_default();
    says(&why, "progress deadline exceeded, 1 pod of the new version still run")?;
    says(&why, "CrashLoopBackOff: back-off 10s")?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| settled_at(view, "1.0.0")).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Recreate: nothing serves in between, and the figures say so.
pub async fn recreate(namespace: &TestNamespace) -> Checked {
    let mut object = deployment("api", 2);
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    let mut cockpit = fresh(namespace, API, [object]).await?;
    namespace.set_image("Deployment", "api", &image("api", "1.1.0-unready")).await?;
    let waits = |why: &Option<String>| why.as_ref().is_some_and(|why| why.contains("0 of 2 available"));
    cockpit.until("new pods", |view| view.status.replicas.updated == 2 && waits(&view.status.why)).await?;
    cockpit.picture(namespace).await?;
    same("strategy", &cockpit.seen()?.status.strategy.as_str(), &"Recreate")?;
    // Nothing of the version before is left, and the new one never served.
    let in_progress = cockpit.seen()?.status.canary.as_ref().map(Revision::version);
    same("in progress", &in_progress.as_deref(), &Some("1.1.0-unready"))?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| settled_at(view, "1.0.0")).await?;
    cockpit.check_life()
}
