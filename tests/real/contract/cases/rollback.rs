//! Rolling back a Rollout: to stable, to the revision before, to a chosen one.

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::facts::workload::rollout::Rollout;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::{canary, image, pause, rollout, traffic_routed, weight};
use support::proxy::Recorded;
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

fn steps() -> Vec<Value> {
    vec![weight(34), pause(), weight(67), pause()]
}

async fn release(namespace: &TestNamespace, cockpit: &mut Cockpit, tag: &str) -> Checked {
    cockpit.until_next_second().await?;
    namespace.set_image("Rollout", "api", &image("api", tag)).await
}

/// Sends a version out and promotes it to the end.
async fn release_fully(namespace: &TestNamespace, cockpit: &mut Cockpit, tag: &str) -> Checked {
    release(namespace, cockpit, tag).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::PromoteFull).await?;
    cockpit.until(tag, |view| view.is_settled() && view.goes_out() == tag).await
}

/// The one write of a rollback: the whole template, conditional, as a JSON patch.
fn sent_template(sent: &[Recorded], path: &str, tag: &str) -> Checked {
    let [one] = sent else { return Err(format!("one write was due: {sent:?}").into()) };
    holds("the path is right", one.path.ends_with(path))?;
    same("type", &one.content_type.as_str(), &"application/json-patch+json")?;
    same("first operation", &one.body[0]["path"], &json!("/spec/template"))?;
    same("image", &one.body[0]["value"]["spec"]["containers"][0]["image"], &json!(image("api", tag)))?;
    same("hash label", &one.body[0]["value"]["metadata"]["labels"].get("rollouts-pod-template-hash"), &None)
}

/// Returns the template hash that serves, the number of revisions, and the highest.
fn history(cockpit: &Cockpit) -> Checked<(String, usize, u64)> {
    let view = cockpit.seen()?;
    let sets = &view.snapshot.replicasets;
    let highest = sets.iter().map(release_cockpit::domain::facts::replicaset::ReplicaSet::revision).max().unwrap_or(0);
    Ok((view.rollout().status.stable_hash, sets.len(), highest))
}

/// Back to stable while a canary is in progress: its ReplicaSet is found again, no revision is made, no step runs.
async fn to_stable(namespace: &TestNamespace, cockpit: &mut Cockpit) -> Checked {
    let (stable, _, _) = history(cockpit)?;
    release(namespace, cockpit, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    let (_, sets, _) = history(cockpit)?;
    let sent = cockpit.act(Verb::Rollback).await?;
    sent_template(&sent, "/rollouts/api", "1.0.0")?;
    // At once: it never waits at a step.
    cockpit
        .until("stable at once", |view| {
            view.is_settled() && view.rollout().status.current_hash == stable && view.goes_out() == "1.0.0"
        })
        .await?;
    let (again, sets_after, _) = history(cockpit)?;
    same("stable", &again, &stable)?;
    same("ReplicaSets", &sets_after, &sets)?;
    let view = cockpit.seen()?;
    same("steps", &view.status.step.map(|step| step.index), &Some(view.snapshot.steps().len()))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// A canary by number of replicas.
pub async fn to_stable_of_a_basic_canary(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    to_stable(namespace, &mut cockpit).await
}

/// A canary whose weight a router sets.
pub async fn to_stable_of_a_routed_canary(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, traffic_routed("api", 3, &steps())).await?;
    to_stable(namespace, &mut cockpit).await
}

/// Metadata and anti-affinity that the controller injects into ReplicaSets must not come back with the template.
pub async fn to_stable_with_injected_metadata(namespace: &TestNamespace) -> Checked {
    let strategy = json!({"canary": {
        "maxSurge": 1, "maxUnavailable": 0, "steps": steps(),
        "canaryMetadata": {"labels": {"role": "canary"}, "annotations": {"note": "new"}},
        "stableMetadata": {"labels": {"role": "stable"}},
        "antiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 1}},
    }});
    let mut cockpit = fresh(namespace, API, [rollout("api", 3, &strategy)]).await?;
    to_stable(namespace, &mut cockpit).await
}

/// A canary that is paused manually: it is resumed in the same write.
pub async fn to_stable_while_held(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    let sent = cockpit.act(Verb::Rollback).await?;
    sent_template(&sent, "/rollouts/api", "1.0.0")?;
    same("the hold", &sent[0].body[1], &json!({"op": "replace", "path": "/spec/paused", "value": false}))?;
    cockpit.until("stable at once", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// An aborted canary: the template is put back, and the abort is over.
pub async fn to_stable_after_an_abort(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Abort).await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("stable", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    same("aborted", &cockpit.seen()?.status.aborted, &false)?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// After a full promotion the revision before comes back for everybody, without a step. Rolling back once more says so.
pub async fn to_the_revision_before(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release_fully(namespace, &mut cockpit, "1.1.0").await?;
    let (_, sets, highest) = history(&cockpit)?;
    let plan = cockpit.planned(Verb::Rollback)?;
    same("headline", &plan.record().headline.as_str(), &"roll back to 1.0.0")?;
    says(&plan.record().goes.join("; "), "no steps")?;
    let sent = cockpit.carry_out(plan).await?;
    let [template, full] = sent.as_slice() else { return Err(format!("two writes were due: {sent:?}").into()) };
    sent_template(std::slice::from_ref(template), "/rollouts/api", "1.0.0")?;
    same("the second", &full.body["status"], &json!({"promoteFull": true}))?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.picture(namespace).await?;
    let (_, sets_after, highest_after) = history(&cockpit)?;
    same("the same ReplicaSets with a new number", &(sets_after, highest_after), &(sets, highest + 1))?;
    says(&cockpit.refused(Verb::Rollback)?, "already back on 1.0.0")?;
    // Whoever means it can still say so.
    let again = cockpit
        .plan_to(Verb::Rollback, Some(highest))
        .map_err(|refusals| crate::contract::cockpit::lines(&refusals))?;
    same("named revision", &again.record().headline.as_str(), &"promote 1.1.0 again")?;
    cockpit.check_life()
}

/// The controller refuses the spec that a new version came with: nobody gets that, and it is what is taken back. What serves
/// is neither left nor rejected.
pub async fn of_what_the_controller_refuses(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release_fully(namespace, &mut cockpit, "1.1.0").await?;
    let (stable, ..) = history(&cockpit)?;
    let surge = |pods: u32| json!({"spec": {"strategy": {"canary": {"maxSurge": pods, "maxUnavailable": 0}}}});
    namespace.merge("Rollout", "api", surge(0)).await?;
    release(namespace, &mut cockpit, "1.2.0").await?;
    let is_refused = |rollout: Rollout| {
        let image = rollout.spec.containers.first().map(|container| container.image.clone()).unwrap_or_default();
        rollout.is_invalid() && rollout.observed() && image.ends_with("1.2.0")
    };
    cockpit.until("the refusal", |view| is_refused(view.rollout())).await?;
    let plan = cockpit.planned(Verb::Rollback)?;
    same("headline", &plan.record().headline.as_str(), &"roll back to 1.1.0")?;
    same("rejects", &plan.record().from_hash, &None)?;
    let sent = cockpit.carry_out(plan).await?;
    sent_template(&sent, "/rollouts/api", "1.1.0")?;
    let object = namespace.get("Rollout", "api").await?;
    same("the manifest", &object["spec"]["template"]["spec"]["containers"][0]["image"], &json!(image("api", "1.1.0")))?;
    same("stable", &object["status"]["stableRS"], &json!(stable))?;
    // With a spec that is right again everything is as before.
    namespace.merge("Rollout", "api", surge(1)).await?;
    cockpit.until("health", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    cockpit.check_life()
}

/// While stable comes back and the bad canary's pods still go, rolling back once more must not bring it back.
pub async fn twice_in_a_row(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 6, &steps())]).await?;
    release(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.act(Verb::Rollback).await?;
    loop {
        cockpit.until("anything", |_| true).await?;
        let view = cockpit.seen()?;
        if view.is_settled() && view.goes_out() == "1.0.0" {
            break;
        }
        let offered = cockpit.plan(Verb::Rollback).ok().filter(|plan| !plan.record().headline.ends_with(" 1.0.0"));
        if let Some(plan) = offered {
            return Err(format!("a second rollback is offered: {}", plan.record().headline).into());
        }
        cockpit.next().await?;
    }
    cockpit.check_life()
}

/// To a revision that is named.
pub async fn to_a_named_revision(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 2, &steps())]).await?;
    let (first, _, _) = history(&cockpit)?;
    release_fully(namespace, &mut cockpit, "1.1.0").await?;
    release_fully(namespace, &mut cockpit, "1.2.0").await?;
    let plan_to = |cockpit: &mut Cockpit, to| {
        cockpit.plan_to(Verb::Rollback, Some(to)).map_err(|refusals| crate::contract::cockpit::lines(&refusals))
    };
    says(&plan_to(&mut cockpit, 3).err().unwrap_or_default(), "revision 3 (1.2.0) is the one in the manifest")?;
    says(&plan_to(&mut cockpit, 9).err().unwrap_or_default(), "there is no revision 9: there are 3, 2, 1")?;
    let plan = plan_to(&mut cockpit, 1)?;
    let sent = cockpit.carry_out(plan).await?;
    sent_template(&sent[..1], "/rollouts/api", "1.0.0")?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    same("stable", &cockpit.seen()?.rollout().status.stable_hash, &first)?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// With `rollbackWindow` the revision before comes back at once.
pub async fn within_the_rollback_window(namespace: &TestNamespace) -> Checked {
    let mut object = canary("api", 2, &steps());
    object["spec"]["rollbackWindow"] = json!({"revisions": 3});
    let mut cockpit = fresh(namespace, API, [object]).await?;
    release_fully(namespace, &mut cockpit, "1.1.0").await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0 at once", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    holds("it is Healthy", cockpit.seen()?.is(Phase::Healthy))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}
