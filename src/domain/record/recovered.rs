//! What journals of earlier runs contain: decisions, statements, and open actions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::record::action::{ActionId, PlanRecord, Verb};
use crate::domain::record::flag_off::FlagOffs;
use crate::domain::record::journal::{Course, Entry, Line, open_intents};
use crate::domain::record::ledger::Ledger;
use crate::domain::record::shared;

/// How long after it was made a statement is shared once more at start: a crash may have come before it was.
const RESHARE_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Where the course of a rollout stood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeenCourse {
    pub target: WorkloadKey,
    pub cluster: Option<ClusterIdentity>,
    pub at: Timestamp,
    pub course: Course,
}

/// What was found at start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recovered {
    /// Open intents, whose outcome has to be settled by looking.
    pub open: Vec<(ActionId, PlanRecord)>,
    /// Canaries that autopilot held, by workload and template hash: whoever resumed one since has decided.
    pub held: Vec<(WorkloadKey, String)>,
    /// Canaries that somebody moved on here after they were proven worse, by workload and template hash.
    #[serde(default)]
    pub moved_on: Vec<(WorkloadKey, String)>,
    pub courses: Vec<SeenCourse>,
    /// What they say of checklists.
    pub ledger: Ledger,
    /// What people stated here lately.
    pub stated: Vec<Entry>,
    /// Journals that cannot be read, with the reason.
    pub broken: Vec<String>,
}

impl Recovered {
    /// Takes in a journal. The intents of one that a living process is writing to (`alive`) are not open.
    pub fn take(&mut self, lines: &[Line], alive: bool, now: Timestamp) {
        self.held.extend(held(lines));
        self.moved_on.extend(moved_on(lines));
        self.stated.extend(stated_lately(lines, now));
        self.courses.extend(courses(lines));
        for line in lines {
            self.ledger.take(line);
        }
        if !alive {
            self.open.extend(open_intents(lines));
        }
    }
}

fn stated_lately(lines: &[Line], now: Timestamp) -> impl Iterator<Item = Entry> {
    let since = now - RESHARE_WINDOW;
    // An opening that somebody removed from the record would be there again.
    let is_opening = |entry: &Entry| matches!(entry, Entry::Lane(lane) if !lane.is_end);
    let is_person = move |entry: &Entry| {
        !matches!(entry, Entry::Checked { .. }) && !is_opening(entry) && shared::statement(entry).is_some()
    };
    let stated = lines.iter().filter(move |line| line.at >= since && is_person(&line.entry));
    let mut offs = FlagOffs::default();
    for line in lines {
        offs.take_line(line);
    }
    let offs: Vec<Entry> = offs.since(since).cloned().map(Entry::TurnedOff).collect();
    stated.map(|line| line.entry.clone()).chain(offs)
}

fn courses(lines: &[Line]) -> impl Iterator<Item = SeenCourse> {
    lines.iter().filter_map(|line| match &line.entry {
        Entry::Observed { target, cluster, course: Some(course), .. } => {
            Some(SeenCourse { target: target.clone(), cluster: cluster.clone(), at: line.at, course: course.clone() })
        }
        _ => None,
    })
}

/// Returns what autopilot paused.
fn held(lines: &[Line]) -> Vec<(WorkloadKey, String)> {
    let mut asked: BTreeMap<&ActionId, &PlanRecord> = BTreeMap::new();
    let mut held = Vec::new();
    for line in lines {
        match &line.entry {
            Entry::Intent { action, plan, .. } if plan.automatic.is_some() && plan.verb == Verb::Pause => {
                asked.insert(action, plan);
            }
            Entry::Outcome { action, outcome } if outcome.is_done() => {
                if let Some(plan) = asked.get(action) {
                    held.extend(plan.target.workload().cloned().zip(plan.from_hash.clone()));
                }
            }
            _ => {}
        }
    }
    held
}

/// Returns which canaries a person moved on after a regression was proven: that was decided in knowledge of it.
fn moved_on(lines: &[Line]) -> Vec<(WorkloadKey, String)> {
    let mut regressed: BTreeSet<(&WorkloadKey, &str)> = BTreeSet::new();
    let mut asked: BTreeMap<&ActionId, &PlanRecord> = BTreeMap::new();
    let mut moved_on = Vec::new();
    let moves_on = |plan: &PlanRecord| {
        plan.automatic.is_none() && matches!(plan.verb, Verb::Resume | Verb::Promote | Verb::PromoteFull)
    };
    for line in lines {
        match &line.entry {
            Entry::Regressed(found) => {
                regressed.insert((&found.target, &found.canary));
            }
            Entry::Intent { action, plan, .. } if moves_on(plan) => {
                asked.insert(action, plan);
            }
            Entry::Outcome { action, outcome } if outcome.is_done() => {
                let plan = asked.get(action).and_then(|plan| Some((plan.target.workload()?, &plan.facts.under_way)));
                let known = plan.filter(|(target, canary)| regressed.contains(&(*target, canary.as_str())));
                moved_on.extend(known.map(|(target, canary)| (target.clone(), canary.clone())));
            }
            _ => {}
        }
    }
    moved_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::record::checklist::{Acknowledgement, CheckId};
    use crate::domain::record::lane::Lane;
    use crate::domain::record::lane::tests::opening;
    use crate::domain::record::proof::Proof;

    #[test]
    fn statements_of_the_last_hour_are_shared_again() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(5);
        let stated = |check: &str, minutes: i64| {
            let at = now - SignedDuration::from_mins(minutes);
            let entry = Entry::Acknowledged(Acknowledgement {
                env: EnvName::new("prod"),
                cluster: None,
                check: CheckId::new(check),
                who: "ada".to_owned(),
                verified: true,
                note: "seen".to_owned(),
                at,
                subject: "api 1.5.0".to_owned(),
                signature: None,
                proof: Proof::default(),
            });
            Line::after(None, at, entry)
        };
        let note = Entry::Note { who: "ada".to_owned(), text: "hello".to_owned() };
        let opening = opening(1, 100);
        let end = Lane { is_end: true, ..opening.clone() };
        let lanes = [opening, end].map(|lane| Line::after(None, now, Entry::Lane(Box::new(lane))));
        let mut lines = vec![stated("old", 61), stated("new", 1), Line::after(None, now, note)];
        lines.extend(lanes);
        let mut recovered = Recovered::default();
        recovered.take(&lines, false, now);
        let again: Vec<String> = recovered.stated.iter().map(Entry::sentence).collect();
        assert_eq!(again, ["ada acknowledged new: “seen”", "alice closed the lane hotfix in prod: “incident 4711”"]);
    }
}
