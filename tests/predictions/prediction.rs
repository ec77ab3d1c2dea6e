//! What a plan says will happen, and whether it did.

use std::time::Duration;

use jiff::Timestamp;
use release_cockpit::domain::record::action::{PlanRecord, Verb};
use support::check::WAIT_TIMEOUT;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use super::oracle::{Look, look};
use super::strategy::Strategy;

/// What a dialog shows as the end of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// When it is done, everybody is served by this version.
    Everybody(String),
    /// When it comes to rest, the new version has this share of the users, in percent.
    Share(u64),
    /// An analysis may pause it again before it has this share.
    AtMost(u64),
    /// A router still gets the weight that its step asks for, in percent, where that is said.
    Paused(Option<u64>),
    Resumed,
    /// Pods are replaced, by the same revisions.
    Restarted(Timestamp),
    /// It begins again; the first stop has this share, where it has steps.
    Retried(Option<u64>),
}

impl Prediction {
    pub fn of(record: &PlanRecord) -> Self {
        let version = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let share: Option<u64> =
            record.headline.split('→').nth(1).and_then(|end| end.trim().strip_suffix(" %")?.parse().ok());
        match record.verb {
            Verb::Rollback | Verb::Abort | Verb::Release => Self::Everybody(version(&record.to)),
            Verb::PromoteFull => Self::Everybody(version(&record.from)),
            Verb::Promote => {
                let may_pause = record.goes.iter().any(|line| line.contains("may pause it on the way"));
                let at = if may_pause { Self::AtMost } else { Self::Share };
                share.map_or_else(|| Self::Share(100), at)
            }
            Verb::Pause => Self::Paused(weight_to_come(record)),
            // The last two are about no workload.
            Verb::Resume
            | Verb::SuspendAutomation
            | Verb::ResumeAutomation
            | Verb::Revert
            | Verb::FlagOff
            | Verb::FlagOn
            | Verb::FlagSet
            | Verb::FlagLower
            | Verb::MoveTag => Self::Resumed,
            Verb::Restart => Self::Restarted(
                record.restart_at.as_ref().and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
            ),
            Verb::Retry => Self::Retried(share),
        }
    }

    /// Fails unless it came as predicted. The program has said that it is done.
    pub async fn check(&self, namespace: &TestNamespace, strategy: Strategy, before: &Look) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let seen = look(namespace, strategy).await?;
            if self.has_come(&seen, before) {
                return Ok(());
            }
            if self.is_met_when_done() || Instant::now() >= deadline {
                return Err(format!("{self:?} did not come: {:?} {}", seen.shares, seen.object["status"]).into());
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether it has to be so at the moment when the program says that it is done; else some time after.
    pub fn is_met_when_done(&self) -> bool {
        matches!(self, Self::Everybody(_) | Self::Paused(_) | Self::Resumed)
    }

    pub fn has_come(&self, seen: &Look, before: &Look) -> bool {
        let step = |look: &Look| look.object["status"]["currentStepIndex"].clone();
        match self {
            Self::Everybody(version) => seen.serves(version),
            Self::Share(share) => seen.rests() && Self::new_share(seen, before) == *share,
            Self::AtMost(share) => {
                seen.rests() && step(seen) != step(before) && Self::new_share(seen, before) <= *share
            }
            Self::Paused(weight) => {
                let is_told = match weight {
                    Some(share) => Self::new_share(seen, before) == *share,
                    None => seen.shares == before.shares,
                };
                seen.object["spec"]["paused"] == true && is_told
            }
            Self::Resumed => {
                let as_before = !before.waits_for_person() || step(seen) == step(before);
                seen.object["spec"]["paused"] != true && as_before
            }
            Self::Restarted(at) => {
                let is_new = |made: &String| made.parse::<Timestamp>().is_ok_and(|made| made >= *at);
                // It may be about to take the weight of its step still.
                let as_before = !before.waits_for_person() || step(seen) == step(before);
                !seen.pods.is_empty() && seen.pods.iter().all(is_new) && as_before
            }
            Self::Retried(share) => {
                let as_told = share.is_none_or(|share| Self::new_share(seen, before) == share);
                seen.rests() && seen.object["status"]["abort"] != true && as_told
            }
        }
    }

    /// The share of what goes out; where its template lives elsewhere, of what was not the greater part before.
    fn new_share(seen: &Look, before: &Look) -> u64 {
        let image = seen.object["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
        if let Some(version) = image.and_then(|image| image.rsplit(':').next()) {
            return seen.shares.get(version).copied().unwrap_or(0);
        }
        let old = before.shares.iter().max_by_key(|(_, share)| **share).map(|(version, _)| version.clone());
        seen.shares.iter().filter(|(version, _)| Some(*version) != old.as_ref()).map(|(_, share)| share).sum()
    }
}

/// The weight that a router still gets after a pause, as it is said beforehand.
pub fn weight_to_come(record: &PlanRecord) -> Option<u64> {
    let said = record.goes.iter().find_map(|line| line.strip_prefix("the weight still goes to "))?;
    said.split_once(" %")?.0.parse().ok()
}
