//! How the world takes in updates of sources, and derives its state again.

use std::sync::Arc;

use jiff::Timestamp;

use super::rejected::{RecordOf, rejected};
use super::verdict::{assess, assess_without_metrics, before_analysis, takes_all};
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::direction::Direction;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::workload::{Snapshot, Status};
use crate::domain::record::ledger::Ledger;
use crate::domain::world::feed::Feed;
use crate::domain::world::flag_rollouts::UsersCompared;
use crate::domain::world::verdict::{Assessment, CanaryReport, Reason, Verdict};
use crate::domain::world::{EnvSettings, Environment, MAX_EVENTS, WorkloadState, World};

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
            Feed::Counted { target, tracks, report, flags, .. } => {
                let judged = Some(CanaryReport { tracks, report, at: now, flags });
                let Some(env) = self.environment_mut(&target.env) else { return };
                if let Some(workload) = env.workload_mut(&target.workload) {
                    let flags = |said: &Option<CanaryReport>| said.as_ref().and_then(|said| said.flags.clone());
                    let (before, after) = (flags(&workload.judged), flags(&judged));
                    workload.judged = judged;
                    let is_same = before.zip(after).is_some_and(|(before, after)| Arc::ptr_eq(&before, &after));
                    if !is_same {
                        env.note_release_flags();
                    }
                    env.reassess(now);
                }
            }
            Feed::Link { env, source, link, at } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.links.entry(source).or_default().hear(link, at, now);
                    if source == SourceKind::Prometheus {
                        env.reassess(now);
                    }
                }
            }
            Feed::Discovered { env, workloads } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.add_workloads(workloads);
                }
            }
            Feed::Cluster { env, identity } => self.take_cluster(&env, identity, now),
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
            Feed::Changes { env: name, subject, gathered } => {
                if let Some(env) = self.environment_mut(&name) {
                    env.take_changes(subject, gathered);
                    env.reassess(now);
                }
                self.refresh_checks(Some(&name), now);
            }
            Feed::Repository { env: name, found } => {
                if let Some(env) = self.environment_mut(&name) {
                    env.has_repository = Some(found);
                }
                self.refresh_checks(Some(&name), now);
            }
            Feed::Record { env, known } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.record = Some(known);
                }
                if self.refresh_lanes(now) {
                    self.refresh_checks(None, now);
                }
            }
            Feed::Flags { env: name, provider, link, at, flags } => {
                if let Some(env) = self.environment_mut(&name) {
                    env.take_flags(&provider, (link, at), flags, now);
                    env.reassess(now);
                }
                self.refresh_checks(Some(&name), now);
            }
            Feed::FlagCompared { env, provider, flag, every, result } => {
                if let Some(env) = self.environment_mut(&env) {
                    env.take_comparison(&provider, &flag, UsersCompared { at: now, every, result });
                }
            }
            Feed::Registry { env, host, link, answers } => {
                if let Some(known) = self.environment_mut(&env) {
                    known.take_registry(&host, link, answers);
                }
                self.refresh_checks(Some(&env), now);
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
        if let Some(env) = environments.iter_mut().find(|env| env.settings.name == target.env) {
            env.refresh_rejected(ledger, Some(&target.workload));
            // A canary that ended does not hand its flags on to the next.
            env.note_release_flags();
            env.reassess(now);
        }
    }

    /// Tells anew which revisions are rejected, after the record has changed.
    pub(super) fn refresh_rejected(&mut self) {
        let Self { environments, ledger, .. } = self;
        for env in environments {
            env.refresh_rejected(ledger, None);
        }
    }

    /// Learns which cluster an environment is: what was read of the record before may be about another one.
    fn take_cluster(&mut self, env: &EnvName, identity: ClusterIdentity, now: Timestamp) {
        let Some(known) = self.environment_mut(env).filter(|known| known.cluster.as_ref() != Some(&identity)) else {
            return;
        };
        known.cluster = Some(identity);
        self.refresh_rejected();
        self.refresh_lanes(now);
        self.note_findings(env);
        self.refresh_checks(None, now);
    }

    /// Derives everything again: verdicts age with the data under them, and a picture that is late is blind.
    pub fn reassess(&mut self, now: Timestamp) {
        for env in &mut self.environments {
            env.reassess(now);
        }
        // One may be over.
        self.refresh_lanes(now);
        self.refresh_checks(None, now);
    }
}

impl Environment {
    /// Tells anew which revisions of one of its workloads, or of all, are rejected.
    fn refresh_rejected(&mut self, ledger: &Ledger, only: Option<&WorkloadId>) {
        let (name, here) = (&self.settings.name, self.cluster.as_ref());
        for workload in self.workloads.iter_mut().filter(|workload| only.is_none_or(|only| workload.id == *only)) {
            let record = RecordOf { ledger, env: name, here };
            workload.rejected = rejected(&record, workload);
            workload.regressed = workload.versus().and_then(|of| ledger.regression(here, of)).cloned();
        }
    }

    /// Derives the verdicts of its workloads again. A verdict on a state that is not fresh is blind, whatever metrics say.
    fn reassess(&mut self, now: Timestamp) {
        let heard = self.kubernetes();
        let late = heard.at.is_some() && !heard.is_fresh(now);
        let metrics = self.links.get(&SourceKind::Prometheus);
        let trouble = metrics.and_then(|heard| heard.link.why()).map(ToOwned::to_owned);
        let unknown: Vec<Option<Reason>> = {
            let of = |workload: &WorkloadState| self.flags_unknown_to(workload.opinion()?);
            self.workloads.iter().map(of).collect()
        };
        for (workload, unknown) in self.workloads.iter_mut().zip(unknown) {
            workload.signals.trouble.clone_from(&trouble);
            workload.reassess(&self.settings, unknown, now);
            if late && workload.assessment.verdict < Verdict::Blind {
                let reason = format!("state is {}", heard.age_in_words(now));
                workload.assessment = Assessment::new(Verdict::Blind, [reason]);
            }
        }
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
            self.seen_serving.clear();
        }
        let Some(next) = next else { return };
        let settled = next.stable.as_ref().filter(|_| next.canary.is_none() && !has_unseen_template(snapshot));
        self.seen_serving
            .extend(settled.filter(|stable| next.serving.is_all(&stable.hash)).map(|stable| stable.hash.clone()));
        let hash = |status: &Status| status.canary.as_ref().map(|canary| canary.hash.clone());
        let stable = next.stable.as_ref().map(|stable| stable.hash.clone());
        let was = self.status.as_ref().and_then(hash);
        let backward = self.snapshot.as_ref().and_then(|snapshot| snapshot.direction(|hash| self.rejected.bars(hash)))
            == Some(Direction::Backward);
        let Some(was) = was.filter(|was| hash(next).as_ref() != Some(was)) else { return };
        // Of a Deployment the newest other revision is told to be stable, also where it never served: while its pods are waited
        // for to end (`Recreate`) the next one has no ReplicaSet yet.
        let records_stable = snapshot.is_some_and(|next| next.object.workload().records_stable());
        let is_settled = next.canary.is_none() && !has_unseen_template(snapshot);
        // What was gone back from served as well, and became nothing by that.
        let is_left =
            snapshot.and_then(|next| next.direction(|hash| self.rejected.bars(hash))) == Some(Direction::Backward);
        let served_all = || !is_left && self.status.iter().chain([next]).any(|status| status.serving.is_all(&was));
        if stable.as_ref() == Some(&was) && (records_stable || is_settled || served_all()) {
            self.seen_left.remove(&was);
            self.seen_superseded.remove(&was);
            self.seen_stable.insert(was, now);
        } else if !backward && is_settled {
            self.seen_left.insert(was);
        } else if !backward {
            self.seen_superseded.insert(was);
        }
    }

    /// `unknown`: why what the analysis found may not hold for the flags of now.
    fn reassess(&mut self, settings: &EnvSettings, unknown: Option<Reason>, now: Timestamp) {
        self.assessment = match &self.status {
            None if self.missing => Assessment::new(Verdict::Blind, [format!("{} does not exist", self.id)]),
            None => Assessment::new(Verdict::Blind, ["not seen yet".to_owned()]),
            Some(status) if !settings.has_metrics => assess_without_metrics(status),
            Some(status) => {
                let assessment = assess(status, &self.signals, &settings.limits, self.opinion(), now);
                match (self.opinion(), unknown) {
                    (None, _) => before_analysis(assessment, status, &settings.rules),
                    (Some(_), Some(reason)) if assessment.verdict == Verdict::Go && !takes_all(status) => {
                        Assessment { verdict: reason.verdict, reasons: vec![reason] }
                    }
                    (Some(_), _) => assessment,
                }
            }
        };
        // What this machine finds itself is told with its own figures.
        let is_own = self.opinion().is_some_and(CanaryReport::is_regressed);
        if let Some(regression) = self.regressed.as_ref().filter(|_| !is_own) {
            let reason = Reason { verdict: Verdict::NoGo, text: regression.reason() };
            self.assessment.verdict = Verdict::NoGo;
            self.assessment.reasons.insert(0, reason);
        }
    }
}

fn has_unseen_template(snapshot: Option<&Snapshot>) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.object.workload().has_unseen_template(&snapshot.replicasets))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::facts::freshness::Link;
    use crate::domain::facts::ids::{EnvName, Track};
    use crate::domain::facts::signals::{NoData, Signal, Signals};

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

    #[test]
    fn a_refusing_prometheus_is_the_reason_before_any_reading() {
        let id: WorkloadId = "rollout/api".parse().unwrap();
        let settings = EnvSettings { workloads: vec![id.clone()], ..EnvSettings::new("prod") };
        let mut world = World::new([settings]);
        let now = Timestamp::UNIX_EPOCH;
        let env = EnvName::new("prod");
        let link = |link: Link| Feed::Link { env: env.clone(), source: SourceKind::Prometheus, link, at: None };
        let reading = |world: &World| {
            let workload = world.environment(&env).unwrap().workload(&id).unwrap();
            workload.signals.reading(Track::Stable, Signal::Rps, now)
        };
        assert_eq!(reading(&world), Err(NoData::NotYet));
        let refused = Err(NoData::Failed("401: no org id".to_owned()));
        world.take(link(Link::Down("401: no org id".to_owned())), now);
        assert_eq!(reading(&world), refused);
        let target = WorkloadKey { env: env.clone(), workload: id.clone() };
        world.take(Feed::History { target, signals: Arc::new(Signals::default()) }, now);
        assert_eq!(reading(&world), refused, "a history without a look changes nothing");
        world.take(link(Link::Up), now);
        assert_eq!(reading(&world), Err(NoData::NotYet));
    }
}
