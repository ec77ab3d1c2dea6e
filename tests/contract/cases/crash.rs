//! A cockpit that is killed in the middle of an action: the next one finds the open intent and settles it by looking.

use release_cockpit::domain::action::{Outcome, Verb};
use release_cockpit::domain::journal::{Entry, open_intents};
use release_cockpit::executors::recovery;

use super::{fresh, holds, same};
use crate::Checked;
use crate::child::Order;
use crate::cockpit::{Cockpit, Opening};
use crate::manifests::{canary, deployment, image, pause, weight};
use crate::stage::Stage;
use crate::wire::{Harm, Wire};

/// Kills a cockpit while its write is held; returns how the next cockpit settled it, and how many writes the server took.
async fn killed(stage: &Stage, workload: &str, verb: Verb, harm: Harm) -> Checked<(Outcome, usize)> {
    let journals = tempfile::tempdir()?;
    let wire = Wire::lay(stage.bed.config("alice").await?).await?;
    wire.strike(harm);
    let order = Order {
        kubeconfig: stage.bed.kubeconfig().to_owned(),
        url: wire.url().to_owned(),
        namespace: stage.namespace.clone(),
        workload: workload.to_owned(),
        verb,
        journals: journals.path().to_owned(),
    };
    let mut child = order.start()?;
    tokio::select! {
        held = wire.held() => held?,
        ended = child.wait() => return Err(format!("the child ended early: {ended:?}").into()),
    }
    child.kill().await?;
    wire.drop_held();
    let mut opening = Opening::of(workload)?;
    opening.journals = Some(journals.path().to_owned());
    let mut next = Cockpit::open(stage, opening).await?;
    same("open intents on disk", &open_intents(&next.lines()?).len(), &1)?;
    let found = recovery::find(&next.dispatcher);
    let [(action, record)] = found.open.as_slice() else { return Err("one open intent was due".into()) };
    same("verb", &record.verb, &verb)?;
    recovery::settle(&next.dispatcher, action, record).await;
    next.check_life()?;
    same("writes of the next", &next.wire()?.sent().len(), &0)?;
    let outcome = next.lines()?.into_iter().rev().find_map(|line| match line.entry {
        Entry::Outcome { outcome, .. } => Some(outcome),
        _ => None,
    });
    Ok((outcome.ok_or("no outcome was written")?, wire.accepted().len()))
}

async fn at_first_pause(stage: &Stage) -> Checked {
    let mut cockpit = fresh(stage, "rollout/api", [canary("api", 2, &[weight(50), pause()])]).await?;
    stage.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await
}

/// Between intent and request: it was not done, and it is not done now.
pub async fn before_the_request(stage: &Stage) -> Checked {
    at_first_pause(stage).await?;
    let (outcome, taken) = killed(stage, "rollout/api", Verb::Promote, Harm::HoldRequest).await?;
    holds(&outcome.words(), matches!(outcome, Outcome::FoundNotDone { .. }))?;
    same("writes taken", &taken, &0)
}

/// Between request and outcome: it was done, once.
pub async fn after_the_request(stage: &Stage) -> Checked {
    at_first_pause(stage).await?;
    let (outcome, taken) = killed(stage, "rollout/api", Verb::Promote, Harm::HoldAnswer).await?;
    holds(&outcome.words(), matches!(outcome, Outcome::FoundDone { .. }))?;
    same("writes taken", &taken, &1)
}

/// A rollback of a Deployment, between request and outcome.
pub async fn in_a_rollback(stage: &Stage) -> Checked {
    let mut cockpit = fresh(stage, "deployment/api", [deployment("api", 2)]).await?;
    stage.set_image("Deployment", "api", &image("api", "1.1.0")).await?;
    cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    let (outcome, taken) = killed(stage, "deployment/api", Verb::Rollback, Harm::HoldAnswer).await?;
    holds(&outcome.words(), matches!(outcome, Outcome::FoundDone { .. }))?;
    same("writes taken", &taken, &1)
}
