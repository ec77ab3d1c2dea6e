//! Updates from sources: the world takes them in, and changes of a release are recorded.

use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect, Level};
use crate::domain::record::checklist::CheckOutcome;

use crate::domain::facts::cluster::{ClusterIdentity, is_elsewhere};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::object::{OURS, Writer};
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::workload::{PauseReason, Revision, Status};
use crate::domain::record::journal::{Course, Entry};
use crate::domain::rules::checklist::CandidateState;
use crate::domain::world::WorkloadState;
use crate::domain::world::feed::Feed;

/// How long before a change whoever wrote is taken to be behind it.
const ATTRIBUTION_WINDOW: SignedDuration = SignedDuration::from_secs(3);

pub(super) fn feed(core: &mut Core, feed: Feed) -> Vec<Effect> {
    let mut effects = Vec::new();
    match &feed {
        Feed::Access { env, access } => effects.push(Effect::Learn(env.clone(), access.clone())),
        Feed::Link { env, source, link, .. } => link_news(core, env.as_str(), *source, link),
        _ => {}
    }
    let target = match &feed {
        Feed::Workload { target, .. } | Feed::Sample { target, .. } | Feed::History { target, .. } => {
            Some(target.clone())
        }
        _ => None,
    };
    let cluster_of = match &feed {
        Feed::Cluster { env, .. } => Some(env.clone()),
        _ => None,
    };
    let before = target.as_ref().and_then(|target| ObservedWorkload::of(core, target));
    let now = core.now;
    core.world.take(feed, now);
    if let Some(env) = cluster_of {
        effects.extend(super::recovered::take_open(core, &env));
    }
    if let Some(target) = target {
        let late = target.clone();
        match (before, ObservedWorkload::of(core, &target)) {
            (Some(before), Some(after)) => effects.extend(observe(&target, &before, &after, now)),
            (None, Some(_)) if core.journal.unread => core.first_seen.push(target),
            (None, Some(first)) => effects.extend(first.under_way(core, &target)),
            _ => {}
        }
        effects.extend(core.suspend_late(&late));
        effects.extend(super::revert::begin(core, &late));
    }
    effects.extend(super::verdict_log::news(core));
    effects.extend(check_news(core));
    effects.extend(super::autopilot::step(core));
    effects.extend(super::stable_tag::step(core));
    effects
}

/// Returns what is to be written down of changed answers while there is a candidate, and reports what went red.
pub(super) fn check_news(core: &mut Core) -> Vec<Effect> {
    let mut effects = Vec::new();
    // What earlier runs recorded has to be known first, or it would be recorded again.
    if core.journal.unread {
        return effects;
    }
    for (env, check, finding) in core.world.take_unrecorded() {
        let Some(known) = core.world.environment(&env) else { continue };
        let is_signed = !known.settings.sign_offs.roles.is_empty();
        let is_gate = known.checks.iter().any(|other| other.spec.id == check && other.spec.gate);
        let candidate = core.world.candidate(known).filter(|candidate| candidate.standing != CandidateState::Settled);
        // What does not come in yet is expected to be red.
        let comes_in = candidate.as_ref().is_some_and(|candidate| candidate.standing == CandidateState::UnderWay);
        let is_red = finding.found == CheckOutcome::Failed;
        if is_red && is_gate && comes_in {
            core.notice(Level::Warn, format!("{env}: gate {check} is red: {}", finding.summary));
        }
        if let Some(candidate) = candidate {
            let entry = Entry::Checked { cluster: core.cluster(&env), env, check, finding };
            // What voids a GO is known wherever the GO is (law 13).
            effects.extend((is_gate && is_signed && is_red).then(|| Effect::Share(Box::new(entry.clone()))));
            effects.push(Effect::Record { release: candidate.release, entry });
        }
    }
    effects
}

/// Says when a link goes down or comes back; a link that was never up is shown by the header alone.
fn link_news(core: &mut Core, env: &str, source: SourceKind, link: &Link) {
    let was = core.world.environments.iter().find(|e| e.name().as_str() == env).and_then(|e| e.links.get(&source));
    let text = match (was.map(|heard| &heard.link), link) {
        (Some(Link::Up), Link::Down(why)) => {
            Some((Level::Warn, format!("{env}: {} does not answer: {why}", source.as_str())))
        }
        (Some(was), Link::LoggingIn(why)) if *was != *link => Some((Level::Warn, format!("{env}: {why}"))),
        (Some(Link::Down(_) | Link::LoggingIn(_)), Link::Up) => {
            Some((Level::Good, format!("{env}: {} answers again", source.as_str())))
        }
        _ => None,
    };
    if let Some((level, text)) = text {
        core.notice(level, text);
    }
}

/// Returns what is recorded of the rollouts that were seen before the journals of earlier runs were read.
pub(super) fn first_seen(core: &mut Core) -> Vec<Effect> {
    let targets = std::mem::take(&mut core.first_seen);
    targets.iter().filter_map(|target| ObservedWorkload::of(core, target)?.under_way(core, target)).collect()
}

/// What is compared to tell whether something worth a line happened.
struct ObservedWorkload {
    status: Status,
    cluster: Option<ClusterIdentity>,
    /// Whether a rollback is in progress.
    backward: bool,
    /// Whether the controller records which revision is stable.
    records_stable: bool,
    /// Whether the manifest has a template of which no revision was made yet.
    has_unseen_template: bool,
    /// When the ReplicaSet of the revision in progress was made.
    since: Option<Timestamp>,
    /// Whoever wrote last what people write.
    writer: Option<Writer>,
}

impl ObservedWorkload {
    fn of(core: &Core, target: &WorkloadKey) -> Option<Self> {
        let (_, workload): (_, &WorkloadState) = core.world.find(target)?;
        let status = workload.status.clone()?;
        let canary = status.canary.as_ref();
        let replicaset = canary.and_then(|canary| workload.snapshot.as_ref()?.replicaset(&canary.hash));
        let object = workload.snapshot.as_ref().map(|snapshot| (snapshot.object.workload(), &snapshot.replicasets));
        Some(Self {
            records_stable: object.is_none_or(|(object, _)| object.records_stable()),
            has_unseen_template: object.is_some_and(|(object, sets)| object.has_unseen_template(sets)),
            cluster: core.cluster(&target.env),
            backward: workload.direction() == Some(Direction::Backward),
            since: replicaset.and_then(|replicaset| replicaset.meta.created),
            writer: workload
                .snapshot
                .as_ref()
                .and_then(|snapshot| snapshot.object.meta().written_since(core.now - ATTRIBUTION_WINDOW).cloned()),
            status,
        })
    }

    /// Returns the ReplicaSets of a rollout in progress.
    fn course(&self) -> Option<Course> {
        let name = |revision: &Revision| revision.replicaset.clone();
        let canary = self.status.canary.as_ref().map(name)?;
        let tracks = Tracks { stable: self.status.stable.as_ref().map(name), canary: Some(canary) };
        Some(Course::UnderWay { tracks, since: self.since })
    }

    /// Returns what is recorded of a rollout that is seen for the first time in this run, unless an earlier run did.
    fn under_way(&self, core: &Core, target: &WorkloadKey) -> Option<Effect> {
        let course = self.course()?;
        let recorded = core.courses.iter().any(|((other, cluster), known)| {
            other == target && !is_elsewhere(self.cluster.as_ref(), cluster.as_ref()) && *known == course
        });
        if recorded {
            return None;
        }
        let version = self.version()?;
        let release = format!("{} {}", target.workload.name, self.taken_back().unwrap_or_else(|| version.clone()));
        let text = format!("{version} is in progress");
        let (target, cluster) = (target.clone(), core.cluster(&target.env));
        Some(Effect::Record { release, entry: Entry::Observed { target, cluster, text, course: Some(course) } })
    }

    /// Returns the version that a rollback in progress takes back.
    fn taken_back(&self) -> Option<String> {
        self.backward.then(|| self.status.stable.as_ref().map(Revision::version))?
    }

    /// Returns the revision in progress of a workload whose controller records none as stable, if it served everybody.
    fn served_all(&self) -> Option<&Revision> {
        let canary = self.status.canary.as_ref().filter(|_| !self.records_stable)?;
        Some(canary).filter(|canary| self.status.serving.is_all(&canary.hash))
    }

    /// Returns whether it is held by hand.
    fn held(&self) -> bool {
        self.status.pause.as_ref().is_some_and(|pause| pause.reason == PauseReason::Manual)
    }

    /// Says who is behind a change that only people make, where one of them has just written: ` (kubectl-edit, 1 s ago)`.
    /// The controller's part in it comes a moment after theirs.
    fn whose(&self, now: Timestamp) -> String {
        let other = self.writer.as_ref().filter(|writer| writer.manager != OURS);
        other.map_or_else(String::new, |writer| format!(" ({})", writer.describe(now)))
    }

    fn version(&self) -> Option<String> {
        self.status.canary.as_ref().or(self.status.stable.as_ref()).map(Revision::version)
    }
}

/// Returns the journal entries for what changed, while a release is in progress or has just ended.
fn observe(target: &WorkloadKey, before: &ObservedWorkload, after: &ObservedWorkload, now: Timestamp) -> Vec<Effect> {
    if before.status.canary.is_none() && after.status.canary.is_none() {
        return Vec::new();
    }
    // The release that this is about: the one in progress, also in the moment when it has become stable; of a rollback,
    // the one that is taken back.
    let Some(version) = after.status.canary.as_ref().or(before.status.canary.as_ref()).map(Revision::version) else {
        return Vec::new();
    };
    let taken_back = [after, before].into_iter().find_map(ObservedWorkload::taken_back);
    let release = format!("{} {}", target.workload.name, taken_back.as_ref().unwrap_or(&version));
    // What one change of the object says is one line.
    let mut texts: Vec<String> = Vec::new();
    let mut course = None;
    let hash = |seen: &ObservedWorkload| seen.status.canary.as_ref().map(|canary| canary.hash.clone());
    let is_new = after.status.canary.is_some() && hash(before) != hash(after);
    if is_new {
        let text = match &taken_back {
            Some(bad) => format!("rollback from {bad} to {version} began{}", after.whose(now)),
            None => format!("{version} began{}", after.whose(now)),
        };
        texts.push(text);
        course = after.course();
    }
    if (before.status.phase, &before.status.message) != (after.status.phase, &after.status.message) {
        let message =
            if after.status.message.is_empty() { String::new() } else { format!(": {}", after.status.message) };
        let by_hand = before.status.aborted != after.status.aborted || before.held() != after.held();
        let whose = if by_hand && !is_new { after.whose(now) } else { String::new() };
        texts.push(format!("{}{message}{whose}", after.status.phase));
    }
    if before.status.step != after.status.step {
        if let Some(step) = after.status.step {
            texts.push(format!("step {} of {}", (step.index + 1).min(step.total), step.total));
        }
    }
    // A Deployment waits for its old pods to end before it makes the next ReplicaSet (`Recreate`): that ends nothing.
    if before.status.canary.is_some() && after.status.canary.is_none() && !after.has_unseen_template {
        let now = after.version().unwrap_or_default();
        let stable = after.status.stable.as_ref().map(|stable| stable.replicaset.clone());
        let text = if taken_back.is_some() {
            format!("rolled back: {now} is stable")
        } else {
            format!("rollout complete: {now} is stable")
        };
        texts.push(text);
        course = Some(Course::Ended { stable });
    }
    let state = (!texts.is_empty()).then(|| (texts.join("; "), course));
    let needs_person = |seen: &ObservedWorkload| seen.status.pause.as_ref().is_some_and(|pause| pause.needs_person);
    let ring = !needs_person(before) && needs_person(after);
    // What the next one takes the place of, or nothing yet.
    let is_replaced = (is_new && !after.backward) || after.has_unseen_template;
    let replaced = before.served_all().filter(|_| is_replaced).map(|served| {
        let release = format!("{} {}", target.workload.name, served.version());
        let course = Some(Course::Ended { stable: Some(served.replicaset.clone()) });
        let text = format!("{} served everybody", served.version());
        let (target, cluster) = (target.clone(), after.cluster.clone());
        Effect::Record { release, entry: Entry::Observed { target, cluster, text, course } }
    });
    let observed = state.into_iter().map(|(text, course)| Effect::Record {
        release: release.clone(),
        entry: Entry::Observed { target: target.clone(), cluster: after.cluster.clone(), text, course },
    });
    replaced.into_iter().chain(observed).chain(ring.then_some(Effect::Ring)).collect()
}
