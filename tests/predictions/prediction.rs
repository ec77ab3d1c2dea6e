//! What a plan says will happen, and whether it did.

use std::time::Duration;

use jiff::Timestamp;
use release_cockpit::domain::record::action::{PlanRecord, Verb};
use serde_json::Value;
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
    Paused,
    Resumed,
    /// Pods are replaced, by the same revisions.
    Restarted(Timestamp),
    /// It begins again; the first stop has this share, where its first step tells.
    Retried(Option<u64>),
}

impl Prediction {
    pub fn of(record: &PlanRecord) -> Self {
        let version = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        match record.verb {
            Verb::Rollback | Verb::Abort | Verb::Release => Self::Everybody(version(&record.to)),
            Verb::PromoteFull => Self::Everybody(version(&record.from)),
            Verb::Promote => {
                let share =
                    record.headline.split('→').nth(1).and_then(|end| end.trim().strip_suffix(" %")?.parse().ok());
                let may_pause = record.goes.iter().any(|line| line.contains("may pause it on the way"));
                let at = if may_pause { Self::AtMost } else { Self::Share };
                share.map_or_else(|| Self::Share(100), at)
            }
            Verb::Pause => Self::Paused,
            Verb::Resume => Self::Resumed,
            Verb::Restart => Self::Restarted(
                record.restart_at.as_ref().and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
            ),
            Verb::Retry => {
                let first =
                    record.goes.iter().find_map(|line| line.split("from step 1 setWeight ").nth(1)?.parse().ok());
                Self::Retried(first)
            }
        }
    }

    /// Fails unless it came as predicted. The program has said that it is done.
    pub async fn check(&self, namespace: &TestNamespace, strategy: Strategy, before: &Look) -> Checked {
        match self {
            Self::Everybody(version) => {
                let seen = look(namespace, strategy).await?;
                if seen.serves(version) {
                    return Ok(());
                }
                Err(format!("it was said to be done, and {version} does not serve everybody: {:?}", seen.shares).into())
            }
            Self::Share(share) => {
                let new = |seen: &Look| Self::new_share(seen, before);
                until(namespace, strategy, &format!("{share} %"), |seen| seen.rests() && new(seen) == *share).await
            }
            Self::AtMost(share) => {
                let new = |seen: &Look| Self::new_share(seen, before);
                until(namespace, strategy, &format!("at most {share} %"), |seen| {
                    seen.rests()
                        && seen.object["status"]["currentStepIndex"] != before.object["status"]["currentStepIndex"]
                        && new(seen) <= *share
                })
                .await
            }
            Self::Paused => {
                let seen = look(namespace, strategy).await?;
                unless(seen.object["spec"]["paused"] == true && seen.shares == before.shares, &seen)
            }
            Self::Resumed => {
                let seen = look(namespace, strategy).await?;
                let step = |look: &Look| look.object["status"]["currentStepIndex"].clone();
                unless(seen.object["spec"]["paused"] != true && step(&seen) == step(before), &seen)
            }
            Self::Restarted(at) => {
                let is_new = |made: &String| made.parse::<Timestamp>().is_ok_and(|made| made >= *at);
                let shares = before.shares.clone();
                until(namespace, strategy, "new pods", |seen| {
                    !seen.pods.is_empty() && seen.pods.iter().all(is_new) && seen.shares == shares
                })
                .await
            }
            Self::Retried(share) => {
                let new = |seen: &Look| Self::new_share(seen, before);
                until(namespace, strategy, "the first stop again", |seen| {
                    let as_told = share.is_none_or(|share| new(seen) == share);
                    seen.rests() && seen.object["status"]["abort"] != true && as_told
                })
                .await
            }
        }
    }

    /// The share of what was not the greater part before, or of what is in progress.
    fn new_share(seen: &Look, before: &Look) -> u64 {
        let old = before.shares.iter().max_by_key(|(_, share)| **share).map(|(version, _)| version.clone());
        seen.shares.iter().filter(|(version, _)| Some(*version) != old.as_ref()).map(|(_, share)| share).sum()
    }
}

fn unless(it_did: bool, seen: &Look) -> Checked {
    if it_did { Ok(()) } else { Err(wrong("it came otherwise", seen).into()) }
}

fn wrong(what: &str, seen: &Look) -> String {
    let pods: &Value = &seen.object["status"];
    format!("{what}: {:?} {pods}", seen.shares)
}

async fn until(namespace: &TestNamespace, strategy: Strategy, what: &str, wanted: impl Fn(&Look) -> bool) -> Checked {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let seen = look(namespace, strategy).await?;
        if wanted(&seen) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(wrong(&format!("{what} never came"), &seen).into());
        }
        sleep(Duration::from_millis(100)).await;
    }
}
