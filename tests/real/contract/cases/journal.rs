//! A journal that cannot be written: what goes on is refused, what stops goes through and is written later.

use std::path::Path;

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::{Outcome, Verb};
use support::check::{holds, same, says};
use support::manifests::{canary, image, pause, weight};
use support::{Checked, TestNamespace};

use crate::contract::cockpit::{Cockpit, Opening};

const API: &str = "rollout/api";

/// Opens a cockpit whose journals are in `folder`, with a canary at its first pause.
async fn at_first_pause(namespace: &TestNamespace, folder: &Path) -> Checked<Cockpit> {
    namespace.create_objects([canary("api", 2, &[weight(50), pause()])]).await?;
    let mut opening = Opening::of(API)?;
    opening.journals = Some(folder.to_owned());
    let mut cockpit = Cockpit::open(namespace, opening).await?;
    cockpit.until_settled().await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    Ok(cockpit)
}

/// It is broken from the start, and mended later.
pub async fn broken_and_mended(namespace: &TestNamespace) -> Checked {
    let place = tempfile::tempdir()?;
    // A file stands where the folder should be: not even root can write there.
    let folder = place.path().join("state");
    std::fs::write(&folder, "in the way")?;
    let mut cockpit = at_first_pause(namespace, &folder).await?;
    cockpit.dispatcher.probe("api 1.1.0").await;
    for verb in [Verb::Promote, Verb::PromoteFull, Verb::Restart] {
        let said = cockpit.refused(verb)?;
        says(&said, "Journal: the journal cannot be written")?;
        says(&said, "pause, abort and rollback still work")?;
    }
    cockpit.act(Verb::Abort).await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| view.is(Phase::Healthy) && view.goes_out() == "1.0.0").await?;
    let state = cockpit.dispatcher.journal().state();
    holds("it is flagged", state.broken.is_some())?;
    // Intent, answer, rejection and outcome of each.
    same("entries in memory", &state.unwritten, &8)?;
    std::fs::remove_file(&folder)?;
    std::fs::create_dir(&folder)?;
    cockpit.dispatcher.probe("api 1.1.0").await;
    same("entries in memory", &cockpit.dispatcher.journal().state().unwritten, &0)?;
    cockpit.act(Verb::Restart).await?;
    cockpit.check_life()
}

/// It breaks after the plan was made: the dispatcher does not send.
pub async fn broken_after_the_plan(namespace: &TestNamespace) -> Checked {
    let place = tempfile::tempdir()?;
    let folder = place.path().join("state");
    std::fs::create_dir(&folder)?;
    let mut cockpit = at_first_pause(namespace, &folder).await?;
    let plan = cockpit.planned(Verb::Promote)?;
    std::fs::remove_dir_all(&folder)?;
    std::fs::write(&folder, "in the way")?;
    cockpit.proxy()?.forget();
    let outcome = cockpit.dispatcher.perform(plan).await;
    let Outcome::Refused { why } = &outcome else { return Err(outcome.describe().into()) };
    says(why, "not sent: the journal cannot be written")?;
    same("writes tried", &cockpit.proxy()?.writes().len(), &0)?;
    same("step", &cockpit.seen()?.rollout().status.step_index, &Some(1))
}
