//! Every action on a canary by number of replicas.

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::{canary, image, is_version, pause, pause_for, template, weight};
use support::{Checked, TestNamespace};

use super::{fresh, sent_merges};
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

/// A step that sends a little, waits for a person, and sends more.
fn steps() -> Vec<Value> {
    vec![weight(20), pause(), weight(60), pause()]
}

async fn release(namespace: &TestNamespace, tag: &str) -> Checked {
    namespace.set_image("Rollout", "api", &image("api", tag)).await
}

/// Releases 1.1.0, whose pods are long in coming: it is in its first step for a while.
async fn release_slowly(namespace: &TestNamespace, cockpit: &mut Cockpit) -> Checked {
    let slow = template("api", "1.1.0", Some("4s"));
    namespace.merge("Rollout", "api", json!({"spec": {"template": slow}})).await?;
    cockpit
        .until("its first step", |view| {
            view.is(Phase::Progressing) && view.status.canary.is_some() && view.rollout().observed()
        })
        .await
}

/// Step by step to the end: each promotion clears the pause and nothing else, timed pauses end by themselves.
pub async fn promote_to_the_end(namespace: &TestNamespace) -> Checked {
    let steps = [weight(20), pause(), weight(40), pause(), weight(60), pause_for(1), weight(80), pause()];
    let mut cockpit = fresh(namespace, API, [canary("api", 5, &steps)]).await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::Promote)?, "no rollout in progress")?;
    release(namespace, "1.1.0").await?;
    for (index, headline) in [(1, "promote 20 → 40 %"), (3, "promote 40 → 60 %"), (7, "promote 80 → 100 %")] {
        cockpit.until_paused_at(index).await?;
        cockpit.picture(namespace).await?;
        let plan = cockpit.planned(Verb::Promote)?;
        same("headline", &plan.record().headline.as_str(), &headline)?;
        let sent = cockpit.carry_out(plan).await?;
        sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"pauseConditions": null}}))])?;
    }
    cockpit.until_settled().await?;
    cockpit.picture(namespace).await?;
    same("version", &cockpit.seen()?.goes_out().as_str(), &"1.1.0")?;
    cockpit.check_life()
}

/// Full promotion is a request of its own, and skips all that is left.
pub async fn promote_fully(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    let plan = cockpit.planned(Verb::PromoteFull)?;
    same("what has to be typed", &plan.typed(), &Some("bed"))?;
    same("skips", &plan.record().skips.len(), &3)?;
    let sent = cockpit.carry_out(plan).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"promoteFull": true}}))])?;
    cockpit.until("1.1.0 everywhere", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// A pause at a pause step, and its end: no step is skipped.
pub async fn hold_and_resume_at_a_pause(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    says(&cockpit.refused(Verb::Resume)?, "it waits at its step")?;
    let sent = cockpit.act(Verb::Pause).await?;
    sent_merges(&sent, &[("rollouts/api", json!({"spec": {"paused": true}}))])?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    cockpit.picture(namespace).await?;
    says(cockpit.seen()?.status.why.as_deref().unwrap_or_default(), "paused manually (release-cockpit)")?;
    says(&cockpit.refused(Verb::Pause)?, "paused already")?;
    says(&cockpit.refused(Verb::Promote)?, "paused manually")?;
    let sent = cockpit.act(Verb::Resume).await?;
    sent_merges(&sent, &[("rollouts/api", json!({"spec": {"paused": false}}))])?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.check_life()
}

/// A pause in the middle of a step, and its end: it goes on in the same step.
pub async fn hold_and_resume_in_mid_step(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release_slowly(namespace, &mut cockpit).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    same("step index", &cockpit.seen()?.rollout().status.step_index, &Some(0))?;
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Resume).await?;
    same("step index after", &cockpit.seen()?.rollout().status.step_index.is_some_and(|index| index <= 1), &true)?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Abort, and what is offered then; retry from the first step.
pub async fn abort_and_retry(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    says(&cockpit.refused(Verb::Abort)?, "no rollout in progress")?;
    says(&cockpit.refused(Verb::Retry)?, "it was not aborted")?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    let sent = cockpit.act(Verb::Abort).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"abort": true}}))])?;
    cockpit.until("no canary pods", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 3).await?;
    cockpit.picture(namespace).await?;
    let why = cockpit.seen()?.status.why.clone().unwrap_or_default();
    same("why", &why.as_str(), &"aborted: stable serves, the manifest still says 1.1.0")?;
    // Promoting now would ship what was given up.
    says(&cockpit.refused(Verb::Promote)?, "the update was aborted")?;
    says(&cockpit.refused(Verb::PromoteFull)?, "the update was aborted")?;
    says(&cockpit.refused(Verb::Abort)?, "aborted already")?;
    let sent = cockpit.act(Verb::Retry).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"abort": false}}))])?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Somebody paused it midway, and somebody put the earlier template back: only a rollback that resumes it gets users back.
pub async fn rollback_of_what_somebody_paused_and_put_back(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 4, &[weight(50)])]).await?;
    release_slowly(namespace, &mut cockpit).await?;
    namespace.merge("Rollout", "api", json!({"spec": {"paused": true}})).await?;
    cockpit
        .until("users of both", |view| {
            view.status.message == "manually paused" && view.status.serving.shares.len() == 2
        })
        .await?;
    let earlier = json!({"spec": {"template": {
        "metadata": {"annotations": null},
        "spec": {"containers": [{"name": "app", "image": image("api", "1.0.0"), "ports": [{"containerPort": 8080}]}]},
    }}});
    namespace.merge("Rollout", "api", earlier).await?;
    cockpit.until("the earlier template", |view| view.rollout().observed() && view.goes_out() == "1.0.0").await?;
    let plan = cockpit.planned(Verb::Rollback)?;
    same("headline", &plan.record().headline.as_str(), &"finish the rollback to 1.0.0")?;
    let sent = cockpit.carry_out(plan).await?;
    sent_merges(&sent, &[("rollouts/api", json!({"spec": {"paused": false}}))])?;
    for pod in namespace.list("Pod", "app=api").await? {
        let is_ready = pod["metadata"]["deletionTimestamp"].is_null();
        let is_old = is_version(&pod["spec"]["containers"][0]["image"], "api", "1.0.0");
        same("a pod of the bad version", &(is_ready && !is_old), &false)?;
    }
    cockpit.check_life()
}

/// While it is paused manually an abort alone would leave the canary's pods: it is resumed after it.
pub async fn abort_while_held(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    let sent = cockpit.act(Verb::Abort).await?;
    let wanted = [
        ("rollouts/api/status", json!({"status": {"abort": true}})),
        ("rollouts/api", json!({"spec": {"paused": false}})),
    ];
    sent_merges(&sent, &wanted)?;
    cockpit.until("no canary pods", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 3).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Somebody held it after the plan was made: it is resumed all the same.
pub async fn abort_of_what_somebody_held(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    let plan = cockpit.planned(Verb::Abort)?;
    namespace.merge("Rollout", "api", json!({"spec": {"paused": true}})).await?;
    let sent = cockpit.carry_out(plan).await?;
    let wanted = [
        ("rollouts/api/status", json!({"status": {"abort": true}})),
        ("rollouts/api", json!({"spec": {"paused": false}})),
    ];
    sent_merges(&sent, &wanted)?;
    cockpit.until("no canary pods", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 3).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// A full promotion that does not get through takes an abort back, unless it is withdrawn with it.
pub async fn abort_of_a_full_promotion(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0-unready").await?;
    // Pods that never get ready keep the promotion in progress.
    cockpit.until("a canary pod", |view| view.rollout().observed() && view.status.replicas.updated == 1).await?;
    says(&cockpit.begin(Verb::PromoteFull).await?, "still serving 100 % of 1.0.0")?;
    cockpit.until("the full promotion", |view| view.rollout().status.promote_full).await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::PromoteFull)?, "being promoted fully already")?;
    let sent = cockpit.act(Verb::Abort).await?;
    sent_merges(&sent, &[("rollouts/api/status", json!({"status": {"abort": true, "promoteFull": false}}))])?;
    cockpit.until("stable alone", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 3).await?;
    holds("no promotion is left", !cockpit.seen()?.rollout().status.promote_full)?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Replaces all pods, keeps the revision.
pub async fn restart(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    let before: Vec<_> = cockpit.seen()?.snapshot.pods.iter().map(|pod| pod.name.clone()).collect();
    // Pods made in the second of the request do not count as older than it.
    cockpit.until_next_second().await?;
    let plan = cockpit.planned(Verb::Restart)?;
    let at = plan.record().restart_at.clone().unwrap_or_default();
    let sent = cockpit.carry_out(plan).await?;
    sent_merges(&sent, &[("rollouts/api", json!({"spec": {"restartAt": at}}))])?;
    cockpit
        .until("new pods", |view| view.is_settled() && view.snapshot.pods.iter().all(|pod| !before.contains(&pod.name)))
        .await?;
    same("revision", &cockpit.seen()?.status.stable.as_ref().map(|stable| stable.number), &Some(1))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}
