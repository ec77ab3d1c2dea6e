//! What goes wrong with others: lost requests, stale pictures, writers in between.

use std::time::Duration;

use release_cockpit::domain::record::action::{Outcome, Verb};

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::rules::action::Plan;
use serde_json::{Value, json};
use support::check::{WAIT_TIMEOUT, holds, same, says};
use support::manifests::{canary, image, pause, template, weight};
use support::{Checked, TestNamespace};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::fresh;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

fn steps() -> Vec<Value> {
    vec![weight(34), pause(), weight(67), pause()]
}

async fn release(namespace: &TestNamespace, tag: &str) -> Checked {
    namespace.set_image("Rollout", "api", &image("api", tag)).await
}

async fn at_first_pause(namespace: &TestNamespace) -> Checked<Cockpit> {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    Ok(cockpit)
}

/// A request that the controller overlooks, because it comes right after the controller's own write, takes effect all
/// the same: ten aborts, each at the very moment at which the pause is seen.
pub async fn overlooked_requests(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 1, &[weight(50), pause()])]).await?;
    release(namespace, "1.1.0").await?;
    for _ in 0..10 {
        cockpit.until_paused_at(1).await?;
        cockpit.act(Verb::Abort).await?;
        cockpit.until("the abort", |view| view.is(Phase::Degraded) && view.status.aborted).await?;
        cockpit.act(Verb::Retry).await?;
    }
    cockpit.check_life()
}

/// Right after a new image the status still describes the old one: full promotion is not offered until it is observed,
/// and then promotes the new one.
pub async fn full_promotion_of_a_new_image(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    let old = cockpit.seen()?.rollout().status.stable_hash;
    let slow = template("api", "1.1.0", Some("2s"));
    namespace.merge("Rollout", "api", json!({"spec": {"template": slow}})).await?;
    let plan = loop {
        match cockpit.plan(Verb::PromoteFull) {
            Ok(plan) => break plan,
            Err(_) => cockpit.next().await?,
        }
    };
    holds("another revision is rolling out", plan.record().facts.under_way != old)?;
    cockpit.carry_out(plan).await?;
    cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    cockpit.check_life()
}

/// Somebody who keeps writing to the object does not stop a promotion: nothing that it rests on moves.
pub async fn an_unrelated_writer(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let plan = cockpit.planned(Verb::Promote)?;
    let note =
        |n: u32| namespace.merge("Rollout", "api", json!({"metadata": {"annotations": {"note": n.to_string()}}}));
    note(0).await?;
    cockpit.proxy()?.forget();
    let door = cockpit.dispatcher.clone();
    let writer = async {
        let mut every = interval(Duration::from_millis(50));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut n = 0;
        loop {
            every.tick().await;
            n += 1;
            if let Err(error) = note(n).await {
                return error;
            }
        }
    };
    let outcome = tokio::select! {
        outcome = door.perform(plan) => outcome,
        error = writer => return Err(error),
    };
    let tries: Vec<_> = cockpit.proxy()?.writes().iter().map(|sent| (sent.precondition.clone(), sent.answer)).collect();
    holds(
        &format!("it is confirmed: {}; {tries:?}", outcome.describe()),
        matches!(outcome, Outcome::Confirmed { .. }),
    )?;
    let answers: Vec<_> = cockpit.proxy()?.writes().iter().map(|sent| sent.answer).collect();
    same("the first answer", &answers.first(), &Some(&Some(409)))?;
    same("writes taken", &cockpit.proxy()?.accepted().len(), &1)?;
    cockpit.until_paused_at(3).await?;
    cockpit.check_life()
}

/// Makes the controller look until it has taken note: what comes right after a write of its own it overlooks.
async fn noticed(namespace: &TestNamespace, noted: impl Fn(&Value) -> bool) -> Checked {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while !noted(&namespace.get("Rollout", "api").await?) {
        if Instant::now() >= deadline {
            return Err("the controller never took note".into());
        }
        let at = jiff::Timestamp::now().to_string();
        namespace.merge("Rollout", "api", json!({"metadata": {"annotations": {"look": at}}})).await?;
        sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Writes to the status as somebody else.
async fn somebody_sets(namespace: &TestNamespace, status: Value, noted: impl Fn(&Value) -> bool) -> Checked {
    namespace.merge_status("Rollout", "api", json!({"status": status})).await?;
    noticed(namespace, noted).await
}

async fn somebody_promotes(namespace: &TestNamespace) -> Checked {
    somebody_sets(namespace, json!({"pauseConditions": null}), |object| object["status"]["currentStepIndex"] != 1).await
}

/// Carries out a plan that must be found out of date: nothing is taken by the server.
async fn must_be_moved(cockpit: &mut Cockpit, plan: Plan, why: &str) -> Checked {
    cockpit.proxy()?.forget();
    let outcome = cockpit.dispatcher.perform(plan).await;
    let Outcome::Moved { what } = &outcome else { return Err(format!("not refused: {}", outcome.describe()).into()) };
    says(what, why)?;
    same("writes taken", &cockpit.proxy()?.accepted().len(), &0)
}

/// Somebody promoted, aborted, held or sent another image out between the question and the answer.
pub async fn facts_that_moved(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    // Promoted: the plan would have skipped a step.
    let plan = cockpit.planned(Verb::Promote)?;
    somebody_promotes(namespace).await?;
    cockpit.until_paused_at(3).await?;
    must_be_moved(&mut cockpit, plan, "it is at step 4 instead of 2").await?;
    // Held.
    let plan = cockpit.planned(Verb::PromoteFull)?;
    namespace.merge("Rollout", "api", json!({"spec": {"paused": true}})).await?;
    must_be_moved(&mut cockpit, plan, "it was paused manually").await?;
    namespace.merge("Rollout", "api", json!({"spec": {"paused": false}})).await?;
    cockpit.until_paused_at(3).await?;
    // Aborted.
    let plan = cockpit.planned(Verb::Promote)?;
    somebody_sets(namespace, json!({"abort": true}), |object| object["status"]["abortedAt"].is_string()).await?;
    must_be_moved(&mut cockpit, plan, "it was aborted").await?;
    cockpit.until("the abort", |view| view.is(Phase::Degraded) && view.status.aborted).await?;
    // Another image.
    let plan = cockpit.planned(Verb::Retry)?;
    release(namespace, "1.2.0").await?;
    cockpit.until("1.2.0", |view| view.paused_at(1) && view.goes_out() == "1.2.0").await?;
    must_be_moved(&mut cockpit, plan, "another revision is rolling out").await?;
    cockpit.check_life()
}

/// What stops goes on as long as the revision is the one that was seen, and not when it is another one.
pub async fn stops_that_rest_on_the_revision_alone(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let plan = cockpit.planned(Verb::Pause)?;
    somebody_promotes(namespace).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.carry_out(plan).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    cockpit.act(Verb::Resume).await?;
    cockpit.until_paused_at(3).await?;
    let (abort, rollback) = (cockpit.planned(Verb::Abort)?, cockpit.planned(Verb::Rollback)?);
    let late = cockpit.planned(Verb::Rollback)?;
    namespace.merge_status("Rollout", "api", json!({"status": {"pauseConditions": null}})).await?;
    cockpit.until("it is no longer paused there", |view| !view.paused_at(3)).await?;
    // It may have become stable meanwhile: then the controller goes back step by step unless it is told to complete that.
    let outcome = cockpit.dispatcher.perform(rollback).await;
    holds(&format!("it went through: {}", outcome.describe()), outcome.is_done())?;
    let rollout = namespace.get("Rollout", "api").await?;
    let named = &rollout["spec"]["template"]["spec"]["containers"][0]["image"];
    same("the image", named, &json!(image("api", "1.0.0")))?;
    same("who is stable", &rollout["status"]["stableRS"], &rollout["status"]["currentPodHash"])?;
    same("who serves", &rollout["status"]["updatedReplicas"], &json!(3))?;
    release(namespace, "1.2.0").await?;
    cockpit.until("1.2.0", |view| view.paused_at(1) && view.goes_out() == "1.2.0").await?;
    must_be_moved(&mut cockpit, abort, "another revision is rolling out").await?;
    must_be_moved(&mut cockpit, late, "another revision is rolling out").await?;
    cockpit.check_life()
}

/// The object was deleted and made anew: another one, whatever it looks like.
pub async fn another_object_of_the_same_name(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let plan = cockpit.planned(Verb::Abort)?;
    namespace.delete_object("Rollout", "api").await?;
    cockpit
        .until_any("it is missing", |cockpit| cockpit.world.find(&cockpit.target).is_some_and(|(_, w)| w.missing))
        .await?;
    says(&cockpit.refused(Verb::Pause)?, "rollout/api does not exist")?;
    // Another template: the ReplicaSet of the old one may still be there, and its name with it.
    let mut anew = canary("api", 3, &steps());
    anew["spec"]["template"] = template("api", "2.0.0", None);
    namespace.create_objects([anew]).await?;
    // Even a deleted object may be written back into the controller's cache.
    noticed(namespace, |object| object["status"]["phase"] == "Healthy").await?;
    cockpit.until("the new one", |view| view.is(Phase::Healthy)).await?;
    release(namespace, "1.1.0").await?;
    cockpit.until_paused_at(1).await?;
    must_be_moved(&mut cockpit, plan, "deleted and recreated").await?;
    cockpit.check_life()
}
