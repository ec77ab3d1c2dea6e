//! Past releases, read from the journals.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::ids::{WorkloadKey, WorkloadKind};
use crate::domain::facts::signals::Tracks;
use crate::domain::record::action::{ActionId, PlanRecord, Verb};
use crate::domain::record::journal::{Course, Entry, Line};

/// How long before an action a rollout is taken to have begun, where nothing else tells.
const ASSUMED_LEAD: SignedDuration = SignedDuration::from_mins(15);
/// How long after the last thing that is known of it a rollout without an end is looked at.
const ASSUMED_TAIL: SignedDuration = SignedDuration::from_mins(10);

/// A rollout of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub target: WorkloadKey,
    /// The release, e.g. `payments-api 1.5.0`; empty where it was not told by a journal.
    pub release: String,
    pub tracks: Tracks,
    /// When it began, as far as is known.
    pub from: Timestamp,
    /// When it ended, or until when it is looked at.
    pub to: Timestamp,
    /// What was done, oldest first.
    pub deeds: Vec<Deed>,
    pub end: End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When its effect was seen.
    pub at: Timestamp,
    pub verb: Verb,
    pub who: String,
    pub headline: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The new revision became stable.
    Promoted(Timestamp),
    /// An earlier revision was put back.
    RolledBack(Timestamp),
    /// It was given up, and stable served again.
    Aborted(Timestamp),
    Unknown,
}

impl End {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promoted(_) => "promoted",
            Self::RolledBack(_) => "rolled-back",
            Self::Aborted(_) => "aborted",
            Self::Unknown => "unknown",
        }
    }

    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::Promoted(at) | Self::RolledBack(at) | Self::Aborted(at) => Some(at),
            Self::Unknown => None,
        }
    }

    /// Returns when the canary was taken away from users, if it was.
    #[must_use]
    pub fn stopped(self) -> Option<Timestamp> {
        match self {
            Self::RolledBack(at) | Self::Aborted(at) => Some(at),
            Self::Promoted(_) | Self::Unknown => None,
        }
    }
}

/// A rollout that is being read.
struct OpenRollout {
    past: Past,
    last: Timestamp,
    over: bool,
}

/// Returns the rollouts that a journal tells of, in the order in which they began. Those of which the ReplicaSets are not
/// known are left out: no one can tell whose metrics theirs were. One that is still in progress is looked at until now.
#[must_use]
pub fn releases(lines: &[Line], now: Timestamp) -> Vec<Past> {
    let mut release = String::new();
    let mut found: Vec<OpenRollout> = Vec::new();
    let mut asked: BTreeMap<&ActionId, (&str, &PlanRecord)> = BTreeMap::new();
    for line in lines {
        match &line.entry {
            Entry::Opened { release: name, .. } => release.clone_from(name),
            Entry::Observed { target, course: Some(Course::UnderWay { tracks, since }), .. } => {
                let from = since.unwrap_or(line.at).min(line.at);
                begin(&mut found, target, &release, tracks, from, line.at);
            }
            Entry::Observed { target, course: Some(Course::Ended { stable }), .. } => {
                end(&mut found, target, stable.as_deref(), line.at);
            }
            Entry::Observed { target, course: None, .. } => seen(&mut found, target, line.at),
            Entry::Intent { action, operator, plan, .. } => {
                if let Some((target, tracks)) = told_by(plan) {
                    begin(&mut found, target, &release, &tracks, line.at - ASSUMED_LEAD, line.at);
                }
                asked.insert(action, (operator, plan));
            }
            Entry::Outcome { action, outcome } if outcome.is_done() => {
                if let Some((who, plan)) = asked.get(action) {
                    done(&mut found, who, plan, line.at);
                }
            }
            _ => {}
        }
    }
    // The clock of whoever wrote the journal may be ahead: nothing ends before it begins.
    found.into_iter().map(|open| Past { to: open.past.to.min(now).max(open.past.from), ..open.past }).collect()
}

/// Returns the ReplicaSets that an action on a rollout in progress tells of, by the hashes of their templates.
fn told_by(plan: &PlanRecord) -> Option<(&WorkloadKey, Tracks)> {
    let target = plan.target.workload()?;
    let (under_way, stable) = (&plan.facts.under_way, &plan.facts.stable);
    let known = target.workload.kind == WorkloadKind::Rollout && !under_way.is_empty() && !stable.is_empty();
    let name = |hash: &String| format!("{}-{hash}", target.workload.name);
    let tracks = || Tracks { stable: Some(name(stable)), canary: Some(name(under_way)) };
    (known && under_way != stable).then(|| (target, tracks()))
}

/// Returns the rollout of a target that is not over.
fn open_of<'a>(found: &'a mut [OpenRollout], target: &WorkloadKey) -> Option<&'a mut OpenRollout> {
    found.iter_mut().rev().find(|open| open.past.target == *target && !open.over)
}

fn begin(
    found: &mut Vec<OpenRollout>,
    target: &WorkloadKey,
    release: &str,
    tracks: &Tracks,
    from: Timestamp,
    at: Timestamp,
) {
    if tracks.canary.is_none() || tracks.stable.is_none() {
        return;
    }
    if let Some(open) = open_of(found, target) {
        if open.past.tracks.canary == tracks.canary {
            open.go_on(at);
            return;
        }
        open.over = true;
    }
    // A canary that is tried again has been there for long: what it did before is another story.
    let before = found.iter().filter(|open| open.past.target == *target).map(|open| open.past.to).max();
    let from = before.map_or(from, |before| from.max(before.min(at)));
    let past = Past {
        target: target.clone(),
        release: release.to_owned(),
        tracks: tracks.clone(),
        from,
        to: at + ASSUMED_TAIL,
        deeds: Vec::new(),
        end: End::Unknown,
    };
    found.push(OpenRollout { past, last: at, over: false });
}

fn seen(found: &mut [OpenRollout], target: &WorkloadKey, at: Timestamp) {
    if let Some(open) = open_of(found, target) {
        open.go_on(at);
    }
}

fn end(found: &mut [OpenRollout], target: &WorkloadKey, stable: Option<&str>, at: Timestamp) {
    let Some(open) = open_of(found, target) else { return };
    let promoted = stable.is_some() && stable == open.past.tracks.canary.as_deref();
    if promoted {
        open.past.end = End::Promoted(at);
    } else if open.past.end.stopped().is_none() {
        open.past.end = End::RolledBack(at);
    }
    open.last = at;
    open.past.to = at;
    open.over = true;
}

fn done(found: &mut [OpenRollout], who: &str, plan: &PlanRecord, at: Timestamp) {
    let Some(open) = found.iter_mut().rev().find(|open| Some(&open.past.target) == plan.target.workload()) else {
        return;
    };
    open.past.deeds.push(Deed { at, verb: plan.verb, who: who.to_owned(), headline: plan.headline.clone() });
    // Of a rollback the end may be seen a moment before its outcome is written.
    if open.over {
        return;
    }
    open.go_on(at);
    match plan.verb {
        Verb::Rollback => open.past.end = End::RolledBack(at),
        Verb::Abort => open.past.end = End::Aborted(at),
        Verb::Retry => open.past.end = End::Unknown,
        _ => {}
    }
}

impl OpenRollout {
    fn go_on(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
        self.past.to = self.last + ASSUMED_TAIL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadId};
    use crate::domain::record::action::Outcome;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn target() -> WorkloadKey {
        WorkloadKey { env: EnvName::new("prod"), workload: WorkloadId::new(WorkloadKind::Rollout, "web") }
    }

    fn tracks() -> Tracks {
        Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) }
    }

    fn journal(entries: Vec<(i64, Entry)>) -> Vec<Line> {
        let opened = Entry::Opened { release: "web 1.5.0".to_owned(), program: "0.1.0".to_owned(), config: None };
        let all = std::iter::once((0, opened)).chain(entries);
        all.fold(Vec::new(), |mut lines, (second, entry)| {
            let line = Line::after(lines.last(), at(second), entry);
            lines.push(line);
            lines
        })
    }

    fn under_way(since: Option<i64>) -> Entry {
        let course = Some(Course::UnderWay { tracks: tracks(), since: since.map(at) });
        Entry::Observed { target: target(), cluster: None, text: "1.5.0 began".to_owned(), course }
    }

    fn ended(stable: &str) -> Entry {
        let course = Some(Course::Ended { stable: Some(stable.to_owned()) });
        Entry::Observed { target: target(), cluster: None, text: "ended".to_owned(), course }
    }

    /// An action with the facts of the rollout in progress.
    fn acted(verb: Verb) -> [Entry; 2] {
        let plan: PlanRecord = serde_json::from_value(serde_json::json!({
            "verb": verb, "target": target(), "context": "c", "namespace": "n", "release": "web 1.5.0",
            "headline": format!("{verb} it"), "from": "", "to": "", "goes": [], "skips": [], "not_undone": [],
            "requests": [], "resource_version": "1", "picture_at": null, "from_hash": "7f", "to_hash": "5d",
            "to_images": [], "restart_at": null,
            "facts": {"uid": "u", "under_way": "7f", "stable": "5d", "step": 1, "paused": false, "pauses": [],
                      "phase": "Paused", "aborted": false},
        }))
        .unwrap();
        let action = ActionId("a".to_owned());
        let intent =
            Entry::Intent { action: action.clone(), operator: "ada".to_owned(), plan: Box::new(plan), settings: None };
        [intent, Entry::Outcome { action, outcome: Outcome::Confirmed { shows: String::new() } }]
    }

    #[test]
    fn rollout_is_found_with_replicasets_and_end() {
        let [intent, outcome] = acted(Verb::Rollback);
        let lines = journal(vec![(60, under_way(Some(10))), (300, intent), (302, outcome), (305, ended("web-5d"))]);
        let [past] = releases(&lines, at(9000)).try_into().unwrap();
        assert_eq!((past.release.as_str(), &past.tracks), ("web 1.5.0", &tracks()));
        assert_eq!((past.from, past.to, past.end), (at(10), at(305), End::RolledBack(at(302))));
        assert_eq!((past.deeds[0].who.as_str(), past.deeds[0].verb), ("ada", Verb::Rollback));
    }

    #[test]
    fn retry_after_promotion_is_another_rollout() {
        let lines = journal(vec![
            (0, under_way(None)),
            (100, ended("web-5d")),
            (500, under_way(Some(0))),
            (600, under_way(Some(0))),
            (900, ended("web-7f")),
        ]);
        let [first, second] = releases(&lines, at(9000)).try_into().unwrap();
        assert_eq!((first.end, first.to), (End::RolledBack(at(100)), at(100)));
        assert_eq!((second.end, second.from, second.to), (End::Promoted(at(900)), at(100), at(900)));
    }

    #[test]
    fn rollout_without_recorded_start_begins_at_its_first_action() {
        let [intent, outcome] = acted(Verb::Abort);
        let [past] = releases(&journal(vec![(2000, intent), (2003, outcome)]), at(9000)).try_into().unwrap();
        assert_eq!(past.tracks, tracks());
        assert_eq!((past.from, past.end), (at(2000) - ASSUMED_LEAD, End::Aborted(at(2003))));
        assert_eq!(past.to, at(2003) + ASSUMED_TAIL);
    }

    #[test]
    fn rollout_in_progress_is_looked_at_until_now() {
        let lines = journal(vec![(60, under_way(Some(10)))]);
        for (now, to) in [(90, 90), (60 + 3600, 60 + ASSUMED_TAIL.as_secs()), (5, 10)] {
            let [past] = releases(&lines, at(now)).try_into().unwrap();
            assert_eq!((past.from, past.to, past.end), (at(10), at(to), End::Unknown));
        }
    }

    #[test]
    fn journal_without_rollouts_yields_none() {
        let text = Entry::Note { who: "ada".to_owned(), text: "hm".to_owned() };
        assert_eq!(releases(&journal(vec![(1, text), (2, ended("web-5d"))]), at(9000)), []);
        assert_eq!(releases(&[], at(9000)), []);
    }
}
