//! Predictions kept, over releases that nobody thought of (law 10): any steps, delays and limits, brought anywhere by
//! deploys, by people with kubectl and by earlier actions. The simulator's controllers run on a clock moved by hand, so that
//! hours pass in milliseconds. The matrix beside this holds them to the real ones.
//!
//! ```sh
//! cargo test --test real -- predictions::generated
//! PROPTEST_CASES=20000 cargo test --test real -- predictions::generated
//! ```

mod bed;
mod release;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};
use release_cockpit::domain::record::action::{PlanRecord, Verb};
use release_cockpit::domain::rules::refusal::Refusal;
use serde_json::{Value, json};
use support::Checked;

use super::oracle::Look;
use super::prediction::{Prediction, weight_to_come};
use super::way_back::{RESOLUTION_SECONDS, TOLERANCE};
use bed::{Bed, Ended, NOTHING_COMES_AFTER};
use release::{Event, Plugin, Release, manifest};

const CASES: u32 = 400;

pub fn case() -> Trial {
    Trial::test("predictions::generated::whatever_is_predicted_comes", || {
        let more = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
        let config = ProptestConfig {
            cases: more.unwrap_or(CASES),
            failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
            max_shrink_iters: 400,
            ..ProptestConfig::default()
        };
        // The same ones each time, so that whoever changes something else is not surprised; with PROPTEST_CASES others.
        let mut runner = match more {
            None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
            Some(_) => TestRunner::new(config),
        };
        let run = |release: Release| run(release).map_err(|why| TestCaseError::fail(words(&why)));
        runner.run(&Release::any(), run).map_err(|why| why.to_string().into())
    })
}

fn run(release: Release) -> Checked {
    let mut bed = Bed::new(release.objects)?;
    let mut past = Past::default();
    for event in release.events {
        past.take(&bed.look());
        match event {
            Event::Deploy { version, is_well } => {
                bed.edit(false, &json!({"spec": {"template": manifest(version, is_well)}}))?;
            }
            Event::Wait { seconds } => bed.advance(Duration::from_secs(seconds.into()))?,
            Event::Theirs(plugin) => by_plugin(&mut bed, plugin)?,
            Event::Ours(verb) => {
                let ended = ours(&mut bed, &mut past, verb, None);
                ended.map_err(|why| format!("{verb}: {}\n{}", words(&why), bed.describe()))?;
            }
            Event::BackTo { revision } => {
                let ended = ours(&mut bed, &mut past, Verb::Rollback, Some(revision));
                ended.map_err(|why| format!("back to {revision}: {}\n{}", words(&why), bed.describe()))?;
            }
        }
    }
    Ok(())
}

fn words(failed: &Failed) -> String {
    failed.message().unwrap_or("failed").to_owned()
}

/// What the versions have been through, told from who was served.
#[derive(Default)]
struct Past {
    /// Those that served everybody at some time.
    released: BTreeSet<String>,
    /// Those that we took users away from.
    rejected: BTreeSet<String>,
}

impl Past {
    fn take(&mut self, look: &Look) {
        let Some((version, 100)) = look.shares.first_key_value() else { return };
        self.released.insert(version.clone());
        let status = &look.object["status"];
        if status["stableRS"] == status["currentPodHash"] {
            self.rejected.remove(version);
        }
    }

    fn decide(&mut self, record: &PlanRecord) {
        let Some(version) = record.from_images.first().and_then(|image| image.rsplit(':').next()) else { return };
        match record.verb {
            Verb::Abort | Verb::Rollback if record.moves_backward() => drop(self.rejected.insert(version.to_owned())),
            Verb::Retry => drop(self.rejected.remove(version)),
            _ => {}
        }
    }

    /// What is gated by nothing gives users to nobody but a version that they had before and that nobody rejected
    /// (laws 1, 3 and 11).
    fn check(&self, record: &PlanRecord, before: &Look, after: &Look) -> Checked {
        // The weight that a pause does not hold back was let through before.
        if !record.moves_backward() || weight_to_come(record).is_some() {
            return Ok(());
        }
        // Of an earlier revision the cluster does not say whether it ever came to its end, where only one or none serves.
        let is_known = before.shares.len() > 1;
        for (version, share) in &after.shares {
            let gains = *share > before.shares.get(version).copied().unwrap_or(0) + 1;
            let may = (self.released.contains(version) || !is_known) && !self.rejected.contains(version);
            if gains && !may {
                return Err(format!("{version} gains users by what no gate holds: {:?}", before.shares).into());
            }
        }
        Ok(())
    }
}

fn ours(bed: &mut Bed, past: &mut Past, verb: Verb, to: Option<u64>) -> Checked {
    let before = bed.look();
    let plan = match bed.plan(verb, to) {
        Ok(plan) => plan,
        Err(refusals) => return check_refusal(bed, verb, &before, &refusals),
    };
    let prediction = Prediction::of(plan.record());
    let (began, said) = (bed.now(), bed.rollback_time().filter(|_| verb == Verb::Rollback && to.is_none()));
    let told = || format!("{:?}, {:?}", plan.record().headline, plan.record().goes);
    let ended = bed.carry_out(&plan)?;
    past.check(plan.record(), &before, &bed.look()).map_err(|why| format!("{}; said: {}", words(&why), told()))?;
    past.decide(plan.record());
    match ended {
        Ended::Done => {
            let took = bed.now().duration_since(began).as_secs_f64();
            if let Some(said) = said.filter(|said| took > said * (1.0 + TOLERANCE) + RESOLUTION_SECONDS) {
                return Err(format!("it took {took:.0} s, and {said:.0} s were said; said: {}", told()).into());
            }
            came(bed, &prediction, &before).map_err(|why| format!("{}; said: {}", words(&why), told()).into())
        }
        // It was said that it is not done.
        Ended::Unfinished(_) => Ok(()),
        // A pause does not hold back the last weight of a router. That has to be said beforehand, and it is no success.
        Ended::Failed(_) if prediction == Prediction::Paused(Some(100)) && bed.look().shares.len() == 1 => Ok(()),
        Ended::Failed(why) => Err(format!("{why}; said: {}", told()).into()),
    }
}

fn came(bed: &mut Bed, prediction: &Prediction, before: &Look) -> Checked {
    let give_up_at = bed.now() + SignedDuration::try_from(NOTHING_COMES_AFTER)?;
    loop {
        let seen = bed.look();
        // Pods that never get ready keep it from coming to rest; that is shown, and nobody's prediction.
        if prediction.has_come(&seen, before) || gave_up(&seen) {
            return Ok(());
        }
        let is_over = prediction.is_met_when_done() || bed.now() >= give_up_at;
        if is_over || !bed.advance_to_next(NOTHING_COMES_AFTER)? {
            break;
        }
    }
    Err(format!("{prediction:?} did not come; before: {:?}", before.shares).into())
}

/// Whether the controller says that pods do not get ready.
fn gave_up(look: &Look) -> bool {
    let status = &look.object["status"];
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    status["phase"] == "Degraded" || conditions.any(|condition| condition["reason"] == "ProgressDeadlineExceeded")
}

/// What moves backward is refused only where there is nothing to take back (law 3).
fn check_refusal(bed: &mut Bed, verb: Verb, before: &Look, refusals: &[Refusal]) -> Checked {
    let status = &before.object["status"];
    let is_under_way = status["currentPodHash"] != status["stableRS"] && status["stableRS"].is_string();
    if verb == Verb::Abort && is_under_way && status["abort"] != true && bed.plan(Verb::Rollback, None).is_err() {
        return Err(format!("neither abort nor rollback is offered: {refusals:?}").into());
    }
    Ok(())
}

/// As the plugin of Argo Rollouts 1.9 does it.
fn by_plugin(bed: &mut Bed, plugin: Plugin) -> Checked {
    let is_of_rollouts = matches!(plugin, Plugin::Promote | Plugin::Abort);
    if is_of_rollouts && bed.look().object["kind"] != "Rollout" {
        return Ok(());
    }
    let status = bed.look().object["status"].clone();
    let is_paused = status["pauseConditions"].as_array().is_some_and(|pauses| !pauses.is_empty());
    match plugin {
        Plugin::Promote if is_paused => bed.edit(true, &json!({"status": {"pauseConditions": null}})),
        Plugin::Promote => Ok(()),
        Plugin::Abort => bed.edit(true, &json!({"status": {"abort": true}})),
        Plugin::Pause => bed.edit(false, &json!({"spec": {"paused": true}})),
        Plugin::Resume => bed.edit(false, &json!({"spec": {"paused": Value::Null}})),
    }
}
