//! Requests and answers that are lost: what is unknown is never sent again, and is settled by looking.

use release_cockpit::domain::record::action::{Outcome, Verb};
use release_cockpit::domain::record::receipt::Receipt;
use serde_json::Value;
use support::check::{holds, same, says};
use support::manifests::{canary, image, pause, weight};
use support::proxy::WriteFault;
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

fn steps() -> Vec<Value> {
    vec![weight(34), pause(), weight(67), pause()]
}

async fn at_first_pause(namespace: &TestNamespace) -> Checked<Cockpit> {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    Ok(cockpit)
}

/// Lets a verb's only write fail; returns how it was settled, after checking that it was unknown first and that the
/// write was tried once.
async fn failed(cockpit: &mut Cockpit, verb: Verb, fault: WriteFault) -> Checked<Outcome> {
    let plan = cockpit.planned(verb)?;
    cockpit.receipts.clear();
    cockpit.proxy()?.forget();
    cockpit.proxy()?.fail_next_write(fault);
    let outcome = cockpit.dispatcher.perform(plan).await;
    cockpit.absorb();
    let outcomes: Vec<_> = cockpit
        .receipts
        .iter()
        .filter_map(|receipt| match receipt {
            Receipt::Ended { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
        .collect();
    same(&format!("how many of {outcomes:?}"), &outcomes.len(), &2)?;
    holds("it was unknown first", matches!(outcomes[0], Outcome::Unknown { .. }))?;
    same("what was settled", &outcomes[1], &outcome)?;
    same("writes tried", &cockpit.proxy()?.writes_without_conflicts().len(), &1)?;
    Ok(outcome)
}

fn found_done(outcome: &Outcome) -> Checked {
    holds(&format!("it is found done: {}", outcome.describe()), matches!(outcome, Outcome::FoundDone { .. }))
}

fn found_not_done(outcome: &Outcome) -> Checked {
    holds(&format!("it is found not done: {}", outcome.describe()), matches!(outcome, Outcome::FoundNotDone { .. }))
}

/// The answer is lost after the write was done.
pub async fn lost_answers(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    found_done(&failed(&mut cockpit, Verb::Promote, WriteFault::LoseAnswer).await?)?;
    cockpit.until_paused_at(3).await?;
    found_done(&failed(&mut cockpit, Verb::Pause, WriteFault::LoseAnswer).await?)?;
    cockpit.until("the hold", |view| view.rollout().spec.paused).await?;
    found_done(&failed(&mut cockpit, Verb::Resume, WriteFault::LoseAnswer).await?)?;
    cockpit.until_paused_at(3).await?;
    found_done(&failed(&mut cockpit, Verb::Rollback, WriteFault::LoseAnswer).await?)?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.check_life()
}

/// An abort whose answer is lost, at the moment at which the controller overlooks it: it is done all the same.
pub async fn a_lost_answer_to_an_overlooked_abort(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    for _ in 0..3 {
        found_done(&failed(&mut cockpit, Verb::Abort, WriteFault::LoseAnswer).await?)?;
        cockpit.until("the abort", |view| view.status.aborted && view.rollout().status.aborted_at.is_some()).await?;
        cockpit.act(Verb::Retry).await?;
        cockpit.until_paused_at(1).await?;
    }
    cockpit.check_life()
}

/// The request is lost before it reaches the server: found not done, and asked for again by a person only.
pub async fn a_lost_request(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    found_not_done(&failed(&mut cockpit, Verb::Promote, WriteFault::LoseRequest).await?)?;
    same("step", &cockpit.seen()?.rollout().status.step_index, &Some(1))?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.check_life()
}

/// 500 tells nothing: the write may have been done.
pub async fn an_internal_error(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    found_not_done(&failed(&mut cockpit, Verb::Abort, WriteFault::Answer(500)).await?)?;
    cockpit.act(Verb::Abort).await?;
    cockpit.check_life()
}

/// No answer at all: after its deadline the request is unknown.
pub async fn silence(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    found_not_done(&failed(&mut cockpit, Verb::Rollback, WriteFault::Silence).await?)?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.check_life()
}

/// 429 and 422 are clear: nothing was done, and nothing is tried again.
pub async fn a_clear_no(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    for status in [429, 422] {
        let plan = cockpit.planned(Verb::Pause)?;
        cockpit.proxy()?.forget();
        cockpit.proxy()?.fail_next_write(WriteFault::Answer(status));
        let outcome = cockpit.dispatcher.perform(plan).await;
        cockpit.absorb();
        let Outcome::Refused { why } = &outcome else { return Err(outcome.describe().into()) };
        says(why, &status.to_string())?;
        same("writes tried", &cockpit.proxy()?.writes_without_conflicts().len(), &1)?;
    }
    cockpit.check_life()
}
