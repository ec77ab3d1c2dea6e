//! How the world takes in updates of sources, and derives its state again.

use std::sync::Arc;

use jiff::Timestamp;

use super::rejected::rejected;
use super::verdict::{assess, before_analysis};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{WorkloadId, WorkloadKey};
use crate::domain::facts::workload::{Phase, Snapshot, Status};
use crate::domain::world::feed::Feed;
use crate::domain::world::verdict::{Assessment, CanaryReport, Limits, Verdict};
use crate::domain::world::{Environment, MAX_EVENTS, WorkloadState, World};
use analysis::Rules;

impl World {
    /// Takes in what a source said. What is about unknown environments or workloads is dropped.
    pub fn take(&mut self, feed: Feed, now: Timestamp) {
        match feed {
            Feed::Workload { target, snapshot } => {
                self.take_workload(&target, snapshot, now);
                self.refresh_checks(Some(&target.env), now);
            }
            Feed::Event { target, event } => {
                if let Some(env) = self.environment_mut(&target.env) {
                    env.take_event(target.workload, event);
                }
            }
            Feed::History { target, signals } => {
                self.with_workload(&target, now, |workload| workload.signals = (*signals).clone());
            }
            Feed::Sample { target, sample } => {
                self.with_workload(&target, now, |workload| workload.signals.take(&sample));
            }
            Feed::Counted { target, tracks, report, .. } => {
                let judged = Some(CanaryReport { tracks, report, at: now });
                self.with_workload(&target, now, |workload| workload.judged = judged);
            }
            Feed::Link { env, source, link, at } => {
                if let Some(env) = self.environment_mut(&env) {
                    if let (SourceKind::Prometheus, Link::Down(why)) = (source, &link) {
                        env.note_unqueried(why, now);
                    }
                    env.links.entry(source).or_default().hear(link, at, now);
                }
            }
            Feed::Discovered { env, workloads } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.add_workloads(workloads);
                }
            }
            Feed::Access { env, access } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.access = access;
                }
            }
            Feed::CheckBegun { env, check, at } => {
                if let Some(check) = self.check_mut(&env, &check) {
                    check.begin(at);
                }
            }
            Feed::Checked { env, check, finding } => self.take_finding(&env, &check, &finding, now),
            Feed::Changes { env, subject, gathered } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.changes = Some((subject, gathered));
                }
            }
            Feed::Record { env, known } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.record = Some(known);
                }
            }
            Feed::Ledger(ledger) => self.take_ledger(*ledger, now),
            Feed::Log { target, pod, lines } => {
                self.with_workload(&target, now, |workload| workload.log = Some((pod, lines)));
            }
        }
    }

    fn with_workload(&mut self, target: &WorkloadKey, now: Timestamp, change: impl FnOnce(&mut WorkloadState)) {
        let Some(env) = self.environment_mut(&target.env) else { return };
        if let Some(workload) = env.workload_mut(&target.workload) {
            change(workload);
            env.reassess(now);
        }
    }

    fn take_workload(&mut self, target: &WorkloadKey, snapshot: Option<Arc<Snapshot>>, now: Timestamp) {
        self.with_workload(target, now, |workload| {
            let status = snapshot.as_ref().map(|snapshot| snapshot.status());
            let phase = |status: &Option<Status>| status.as_ref().map(|status| status.phase);
            if phase(&workload.status) != phase(&status) {
                workload.phase_since = status.as_ref().and_then(|status| status.pause.as_ref()?.since).or(Some(now));
            }
            workload.note_course(status.as_ref(), snapshot.as_deref(), now);
            workload.missing = snapshot.is_none();
            workload.snapshot = snapshot;
            workload.status = status;
        });
        let Self { environments, ledger, .. } = self;
        let env = environments.iter_mut().find(|env| env.settings.name == target.env);
        if let Some(workload) = env.and_then(|env| env.workload_mut(&target.workload)) {
            workload.rejected = rejected(ledger, workload);
        }
    }

    /// Tells anew which revisions are rejected, after the record has changed.
    pub(super) fn refresh_rejected(&mut self) {
        let Self { environments, ledger, .. } = self;
        for workload in environments.iter_mut().flat_map(|env| &mut env.workloads) {
            workload.rejected = rejected(ledger, workload);
        }
    }

    /// Derives everything again: verdicts age with the data under them, and a picture that is late is blind.
    pub fn reassess(&mut self, now: Timestamp) {
        for env in &mut self.environments {
            env.reassess(now);
        }
        self.refresh_checks(None, now);
    }
}

impl Environment {
    /// Derives the verdicts of its workloads again. A verdict on a state that is not fresh is blind, whatever metrics say.
    fn reassess(&mut self, now: Timestamp) {
        let heard = self.kubernetes();
        let late = heard.at.is_some() && !heard.is_fresh(now);
        for workload in &mut self.workloads {
            workload.reassess(&self.settings.limits, &self.settings.rules, self.settings.has_metrics, now);
            if late && workload.assessment.verdict < Verdict::Blind {
                let reason = format!("state is {}", heard.age_in_words(now));
                workload.assessment = Assessment::new(Verdict::Blind, [reason]);
            }
        }
    }

    /// Notes why workloads have no signals, where they never had any.
    fn note_unqueried(&mut self, why: &str, now: Timestamp) {
        for workload in self.workloads.iter_mut().filter(|workload| workload.signals.at.is_none()) {
            workload.signals.note_unqueried(why);
        }
        self.reassess(now);
    }

    fn take_event(&mut self, workload: WorkloadId, event: KubeEvent) {
        // A repeated event updates its earlier appearance.
        self.events.retain(|(_, seen)| seen.uid != event.uid);
        let place = self.events.partition_point(|(_, seen)| seen.at <= event.at);
        self.events.insert(place, (workload, event));
        while self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }
}

impl WorkloadState {
    /// Remembers what becomes of the revision in progress: left without having become stable, or stable now.
    fn note_course(&mut self, next: Option<&Status>, snapshot: Option<&Snapshot>, now: Timestamp) {
        let uid = |snapshot: &Snapshot| snapshot.object.meta().uid.clone();
        if self.snapshot.as_deref().map(uid) != snapshot.map(uid) {
            self.seen_left.clear();
            self.seen_superseded.clear();
            self.seen_stable.clear();
        }
        let Some(next) = next else { return };
        let hash = |status: &Status| status.canary.as_ref().map(|canary| canary.hash.clone());
        let stable = next.stable.as_ref().map(|stable| stable.hash.clone());
        let was = self.status.as_ref().and_then(hash);
        let backward = self.snapshot.as_ref().and_then(|snapshot| snapshot.direction(|hash| self.rejected.bars(hash)))
            == Some(Direction::Backward);
        let Some(was) = was.filter(|was| hash(next).as_ref() != Some(was)) else { return };
        if stable.as_ref() == Some(&was) {
            self.seen_left.remove(&was);
            self.seen_superseded.remove(&was);
            self.seen_stable.insert(was, now);
        } else if !backward && next.canary.is_none() {
            self.seen_left.insert(was);
        } else if !backward {
            self.seen_superseded.insert(was);
        }
    }

    fn reassess(&mut self, limits: &Limits, rules: &Rules, has_metrics: bool, now: Timestamp) {
        self.assessment = match &self.status {
            None if self.missing => Assessment::new(Verdict::Blind, [format!("{} does not exist", self.id)]),
            None => Assessment::new(Verdict::Blind, ["not seen yet".to_owned()]),
            Some(status) if !has_metrics => without_metrics(status),
            Some(status) => {
                let assessment = assess(status, &self.signals, limits, self.opinion(), now);
                if self.opinion().is_none() { before_analysis(assessment, status, rules) } else { assessment }
            }
        };
    }
}

/// Without metrics only the phase speaks, and the verdict is never green.
fn without_metrics(status: &Status) -> Assessment {
    match status.phase {
        Phase::Degraded if !status.aborted => Assessment::new(Verdict::NoGo, [format!("Degraded: {}", status.message)]),
        _ => Assessment::new(Verdict::Blind, ["no metrics configured".to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::facts::freshness::{Link, SourceKind};
    use crate::domain::facts::ids::EnvName;
    use crate::domain::world::EnvSettings;

    #[test]
    fn repeat_counts_only_while_data_is_fresh() {
        let settings = EnvSettings { namespace: "shop".to_owned(), ..EnvSettings::new("prod") };
        let mut world = World::new([settings]);
        let now = Timestamp::UNIX_EPOCH;
        let says = |link: Link| {
            let at = link.is_up().then_some(now);
            Feed::Link { env: EnvName::new("prod"), source: SourceKind::Kubernetes, link, at }
        };
        let (up, down) = (says(Link::Up), says(Link::Down("gone".to_owned())));
        assert!(!world.repeats(&up, now), "the first answer is news");
        world.take(up.clone(), now);
        assert!(world.repeats(&up, now + SignedDuration::from_secs(3)));
        assert!(!world.repeats(&up, now + SignedDuration::from_secs(60)), "it was late");
        assert!(!world.repeats(&down, now));
        world.take(down, now);
        assert!(!world.repeats(&up, now), "it was down");
    }
}
