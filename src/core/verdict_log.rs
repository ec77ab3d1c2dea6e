//! The verdicts of rollouts in progress as the journal has them: each change once, whatever brought it about, be it a number,
//! the state, or the age of either.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::workload::Revision;
use crate::domain::record::journal::Entry;
use crate::domain::record::regression::Regression;
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState};

/// How long a verdict holds before it is recorded, so that one that comes and goes is no news. NO-GO is recorded at once.
const MIN_VERDICT_AGE: SignedDuration = SignedDuration::from_secs(5);

/// What was recorded last, by rollout.
pub(super) type VerdictLog = BTreeMap<WorkloadKey, Recorded>;

#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// Template hash of the revision in progress.
    hash: String,
    verdict: Verdict,
    /// Another one that is not recorded yet, and since when it holds.
    next: Option<(Verdict, Timestamp)>,
    /// Whether it was shared that the revision regressed.
    regressed: bool,
}

impl Recorded {
    /// Begins with what a rollout is when it is seen first. That is no news, unless it is NO-GO: nothing was recorded yet.
    fn first(hash: &str, verdict: Verdict) -> Self {
        let verdict = if verdict == Verdict::NoGo { Verdict::Blind } else { verdict };
        Self { hash: hash.to_owned(), verdict, next: None, regressed: false }
    }

    /// Returns whether a verdict is to be recorded now.
    fn is_news(&mut self, verdict: Verdict, now: Timestamp) -> bool {
        if verdict == self.verdict {
            self.next = None;
            return false;
        }
        let since = self.next.filter(|(next, _)| *next == verdict).map_or(now, |(_, since)| since);
        if verdict == Verdict::NoGo || now.duration_since(since) >= MIN_VERDICT_AGE {
            (self.verdict, self.next) = (verdict, None);
            return true;
        }
        self.next = Some((verdict, since));
        false
    }
}

/// Returns what is to be recorded of the verdicts now.
pub(super) fn news(core: &mut Core) -> Vec<Effect> {
    // What earlier runs recorded has to be known first.
    if core.journal.unread {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let mut verdicts = std::mem::take(&mut core.verdicts);
    for env in &core.world.environments {
        for workload in &env.workloads {
            let target = WorkloadKey { env: env.name().clone(), workload: workload.id.clone() };
            let canary = workload.status.as_ref().and_then(|status| status.canary.as_ref());
            let Some(hash) = canary.map(|canary| &canary.hash) else {
                verdicts.remove(&target);
                continue;
            };
            let verdict = workload.assessment.verdict;
            let known = verdicts.entry(target.clone()).or_insert_with(|| Recorded::first(hash, verdict));
            if known.hash != *hash {
                *known = Recorded::first(hash, verdict);
            }
            if let Some(regression) = regression(core, env, workload).filter(|_| !known.regressed) {
                known.regressed = true;
                let release = format!("{} {}", workload.id.name, regression.version);
                let entry = Entry::Regressed(Box::new(regression));
                effects.push(Effect::Share(Box::new(entry.clone())));
                effects.push(Effect::Record { release, entry });
            }
            if known.is_news(verdict, core.now) {
                effects.extend(record(core, target, workload));
                effects.extend((verdict == Verdict::NoGo).then_some(Effect::Ring));
            }
        }
    }
    core.verdicts = verdicts;
    effects
}

/// Returns what others have to know of a canary that regressed here, where nobody recorded it yet. Nothing is shared of metrics
/// that the file does not name.
fn regression(core: &Core, env: &Environment, workload: &WorkloadState) -> Option<Regression> {
    let said = workload.opinion().filter(|said| said.is_regressed())?;
    let is_backward = workload.direction() == Some(Direction::Backward);
    if is_backward || !env.settings.is_declared || !env.settings.has_metrics || workload.regressed.is_some() {
        return None;
    }
    let (uid, canary, stable) = workload.versus()?;
    Some(Regression {
        target: WorkloadKey { env: env.name().clone(), workload: workload.id.clone() },
        cluster: env.cluster.clone(),
        uid: uid.to_owned(),
        canary: canary.to_owned(),
        stable: stable.to_owned(),
        version: workload.status.as_ref()?.canary.as_ref().map(Revision::version)?,
        why: said.report.reasons.first().cloned().unwrap_or_default(),
        by: core.identity(env.name()).0,
        at: said.at,
    })
}

fn record(core: &Core, target: WorkloadKey, workload: &WorkloadState) -> Option<Effect> {
    let status = workload.status.as_ref()?;
    // A rollback belongs to the release that it takes back.
    let is_backward = workload.direction() == Some(Direction::Backward);
    let about = if is_backward { status.stable.as_ref() } else { status.canary.as_ref() };
    let release = format!("{} {}", target.workload.name, about.map(Revision::version)?);
    let reasons: Vec<&str> = workload.assessment.describe().collect();
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    let text = format!("verdict {}{why}", workload.assessment.verdict.label());
    let cluster = core.cluster(&target.env);
    Some(Effect::Record { release, entry: Entry::Observed { target, cluster, text, course: None } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_that_is_no_go_at_first_sight_is_recorded() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(Recorded::first("a", Verdict::NoGo).is_news(Verdict::NoGo, now));
        for verdict in [Verdict::Go, Verdict::Wait, Verdict::Blind] {
            assert!(!Recorded::first("a", verdict).is_news(verdict, now));
        }
    }

    #[test]
    fn a_verdict_that_comes_and_goes_is_no_news_and_no_go_is_at_once() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut log = Recorded { hash: "a".to_owned(), verdict: Verdict::Wait, next: None, regressed: false };
        assert!(!log.is_news(Verdict::Blind, at(0)) && !log.is_news(Verdict::Wait, at(3)));
        assert!(!log.is_news(Verdict::Blind, at(4)) && !log.is_news(Verdict::Blind, at(8)));
        assert!(log.is_news(Verdict::Blind, at(9)) && !log.is_news(Verdict::Blind, at(30)));
        assert!(log.is_news(Verdict::NoGo, at(31)) && !log.is_news(Verdict::NoGo, at(32)));
        assert!(!log.is_news(Verdict::Go, at(33)) && log.is_news(Verdict::Go, at(38)));
    }
}
