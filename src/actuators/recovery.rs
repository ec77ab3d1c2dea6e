//! After a crash: intents without an outcome are settled by looking at the cluster. Nothing is sent again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::confirmation::settle_unknown;
use super::door::Door;
use super::journal::{self, JournalError};
use crate::domain::action::{ActionId, PlanRecord, Verb};
use crate::domain::checklist::{Ledger, record};
use crate::domain::guardrails::Decided;
use crate::domain::ids::Target;
use crate::domain::journal::{Entry, Line, open_intents};
use crate::kill_points::pass;

/// How long after it was said a statement is shared once more at start.
const LATELY: SignedDuration = SignedDuration::from_hours(1);

/// What was found at start.
#[derive(Debug, Default)]
pub struct Found {
    /// Open intents that are being settled.
    pub open: Vec<(ActionId, PlanRecord)>,
    /// Revisions that were given up, in order: which workload, template hash.
    pub given_up: Vec<(Target, String)>,
    /// What became of canaries that autopilot acted on: which workload, template hash, what.
    pub decided: Vec<(Target, String, Decided)>,
    /// What they say of checklists.
    pub ledger: Ledger,
    /// What people said here lately: a crash may have come before it was shared.
    pub said: Vec<Entry>,
    /// Journals that cannot be read, with the reason.
    pub broken: Vec<String>,
}

/// Finds the open intents of all journals, leaving out those of actions that a living process has on its way.
#[must_use]
pub fn find(door: &Door) -> Found {
    let mut found = Found::default();
    let journals = match journal::list(door.journal().dir()) {
        Ok(journals) => journals,
        Err(error) => {
            found.broken.push(format!("{}: {error}", door.journal().dir().display()));
            return found;
        }
    };
    for path in journals {
        match journal::read(&path) {
            Ok(contents) => {
                let release = contents.lines.iter().find_map(|line| match &line.entry {
                    Entry::Opened { release, .. } => Some(release.clone()),
                    _ => None,
                });
                let alive = release.is_some_and(|release| door.journal().is_in_flight(&release));
                found.given_up.extend(given_up(&contents.lines));
                found.decided.extend(decided(&contents.lines));
                found.said.extend(said_lately(&contents.lines));
                contents.lines.iter().for_each(|line| found.ledger.take(line));
                if !alive {
                    found.open.extend(open_intents(&contents.lines));
                }
            }
            Err(error @ JournalError::Broken { .. }) => found.broken.push(error.to_string()),
            Err(error) => tracing::warn!(%error, "journal not read"),
        }
    }
    found
}

/// Returns what people said within the last hour.
fn said_lately(lines: &[Line]) -> impl Iterator<Item = Entry> {
    let since = Timestamp::now() - LATELY;
    let said = lines.iter().filter(move |line| line.at >= since && record::statement(&line.entry).is_some());
    said.map(|line| line.entry.clone())
}

/// Shares once more what people said here lately. Where it is shared already that changes nothing: its key is the same.
pub async fn share_again(door: &Door, said: Vec<Entry>) {
    for entry in said {
        let Some(env) = entry.checklist_of() else { continue };
        if door.executor_soon(env).await.is_none() {
            continue;
        }
        if let Err(why) = door.share(&entry).await {
            tracing::warn!(why, "what was said is kept on this machine only");
        }
    }
}

/// Returns the revisions that aborts and rollbacks of a journal gave up.
fn given_up(lines: &[Line]) -> Vec<(Target, String)> {
    let mut asked: BTreeMap<&ActionId, &PlanRecord> = BTreeMap::new();
    let mut given_up = Vec::new();
    for line in lines {
        match &line.entry {
            Entry::Intent { action, plan, .. } if matches!(plan.verb, Verb::Abort | Verb::Rollback) => {
                asked.insert(action, plan);
            }
            Entry::Outcome { action, outcome } if outcome.is_done() => {
                if let Some((target, hash)) =
                    asked.get(action).and_then(|plan| Some((plan.target.clone(), plan.from_hash.clone()?)))
                {
                    given_up.push((target, hash));
                }
            }
            _ => {}
        }
    }
    given_up
}

/// Returns what autopilot held, and what somebody kept against it.
fn decided(lines: &[Line]) -> Vec<(Target, String, Decided)> {
    let mut asked: BTreeMap<&ActionId, &PlanRecord> = BTreeMap::new();
    let mut decided = Vec::new();
    for line in lines {
        match &line.entry {
            Entry::Kept { target, hash, .. } => decided.push((target.clone(), hash.clone(), Decided::Kept)),
            Entry::Intent { action, plan, .. } if plan.automatic.is_some() && plan.verb == Verb::Pause => {
                asked.insert(action, plan);
            }
            Entry::Outcome { action, outcome } if outcome.is_done() => {
                if let Some(plan) = asked.get(action) {
                    decided.extend(plan.from_hash.clone().map(|hash| (plan.target.clone(), hash, Decided::Held)));
                }
            }
            _ => {}
        }
    }
    decided
}

/// Settles one open intent by looking. Where its environment is not configured here, or read-only, it stays open.
pub async fn settle(door: &Door, action: &ActionId, record: &PlanRecord) {
    let Some(executor) = door.executor_soon(&record.target.env).await else {
        tracing::warn!(workload = %record.target, "an open intent stays open: no executor for its environment");
        return;
    };
    pass(format_args!("recovery.found"));
    let _mark = door.journal().mark_in_flight(&record.release);
    let outcome = settle_unknown(&executor, record).await;
    pass(format_args!("recovery.looked"));
    door.conclude(action, record, outcome).await;
    pass(format_args!("recovery.concluded"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::{Acknowledgement, CheckId};
    use crate::domain::ids::EnvName;

    #[test]
    fn what_was_said_within_the_hour_is_shared_once_more() {
        let now = Timestamp::now();
        let said = |check: &str, minutes: i64| {
            let at = now - SignedDuration::from_mins(minutes);
            let entry = Entry::Acknowledged(Acknowledgement {
                env: EnvName::new("prod"),
                check: CheckId::new(check),
                who: "ada".to_owned(),
                verified: true,
                note: "seen".to_owned(),
                at,
                subject: "api 1.5.0".to_owned(),
            });
            Line::after(None, at, entry)
        };
        let note = Entry::Note { who: "ada".to_owned(), text: "hello".to_owned() };
        let lines = [said("old", 61), said("new", 1), Line::after(None, now, note)];
        let again: Vec<String> = said_lately(&lines).map(|entry| entry.sentence()).collect();
        assert_eq!(again, ["ada acknowledged new: “seen”"]);
    }
}
