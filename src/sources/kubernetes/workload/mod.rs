//! One workload: its object, ReplicaSets, pods, analysis runs and events, watched and put together.

mod message;
mod routed;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{SelectAll, StreamExt};
use kube::runtime::watcher::Event;
use serde_json::Value;
use tokio::time::Instant;

use super::KubernetesSource;
use super::disruptions::Disruptions;
use super::experiments::{self, Beside};
use super::health::Health;
use super::heartbeat::{self, Beat};
use super::pod_warnings::PodWarnings;
use super::raw::Raw;
use super::store::Store;
use message::{Stream, WatchMessage, WatchedPart};
use routed::RoutedObjects;

use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::counters::{GivenShare, KnownCanary, KnownPod, PodReadiness};
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::owner::Owned;
use crate::domain::facts::owner::reduce::{About, reconciler};
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::workload::deployment::Deployment;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::router::Router;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::world::feed::Feed;

/// Snapshots are left at most this often; the first after a quiet time at once.
const SNAPSHOT_DEBOUNCE: Duration = Duration::from_millis(33);

/// Watches one workload for ever.
pub(super) async fn run(source: KubernetesSource, health: Health, target: WorkloadKey) {
    let mut beats = heartbeat::beats(&source, &target.workload);
    let refresh = Arc::clone(&source.refresh);
    let (warnings, mut warned) = PodWarnings::new();
    let (disruptions, mut budgets) = Disruptions::new();
    let mut watched = Watched::new(source, health, target, (warnings, disruptions));
    let (mut itself, mut parts) = (watched.own_streams(), watched.part_streams());
    let mut due: Option<Instant> = None;
    let mut last = Instant::now().checked_sub(SNAPSHOT_DEBOUNCE).unwrap_or_else(Instant::now);
    loop {
        let begin_anew = tokio::select! {
            Some(message) = either(&mut itself, &mut parts) => {
                if watched.take(message) && due.is_none() {
                    due = Some(last + SNAPSHOT_DEBOUNCE);
                }
                if watched.selector_changed() {
                    parts = watched.part_streams();
                }
                false
            }
            beat = beats.next() => {
                watched.warnings.ask(&watched.source);
                watched.disruptions.ask(&watched.source);
                beat.is_some_and(|beat| watched.beat(beat))
            }
            Some(budgets) = budgets.recv() => {
                if watched.disruptions.take(budgets) && due.is_none() {
                    due = Some(last + SNAPSHOT_DEBOUNCE);
                }
                false
            }
            Some(warning) = warned.recv() => {
                if watched.warnings.take(warning) && due.is_none() {
                    due = Some(last + SNAPSHOT_DEBOUNCE);
                }
                false
            }
            () = refresh.notified() => true,
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                // What was not left yet makes nothing wait.
                if watched.emit() {
                    last = Instant::now();
                }
                false
            }
        };
        if begin_anew {
            (itself, parts) = (watched.own_streams(), watched.part_streams());
        }
    }
}

/// What the next of two groups of watches says; either may be empty.
async fn either(one: &mut SelectAll<Stream>, other: &mut SelectAll<Stream>) -> Option<WatchMessage> {
    tokio::select! {
        Some(message) = one.next() => Some(message),
        Some(message) = other.next() => Some(message),
        else => None,
    }
}

/// The parts of a workload as the watches told them.
struct Watched {
    source: KubernetesSource,
    health: Health,
    target: WorkloadKey,
    object: Store<Object>,
    owner: Store<Deployment>,
    /// The router whose objects are watched, and what they say.
    router: Option<Router>,
    routed: RoutedObjects,
    /// What owns the manifest, and its object.
    owned: Option<Owned>,
    replicasets: Store<ReplicaSet>,
    pods: Store<Pod>,
    runs: Store<AnalysisRun>,
    /// Experiments, where a step of the object makes some.
    experiments: Option<Store<Experiment>>,
    selector: Option<String>,
    /// Whether the last heartbeat was not answered.
    lost: bool,
    /// A version that a heartbeat saw and the watch has not told of.
    unheard: Option<String>,
    log_of: Option<(String, u32)>,
    /// Which parts the operator may not list, with the API server's words.
    forbidden: BTreeMap<WatchedPart, String>,
    /// Parts that are not waited for, for their watch has failed: a snapshot without them is all there is.
    unanswered: BTreeSet<WatchedPart>,
    warnings: PodWarnings,
    disruptions: Disruptions,
}

impl Watched {
    fn new(
        source: KubernetesSource,
        health: Health,
        target: WorkloadKey,
        (warnings, disruptions): (PodWarnings, Disruptions),
    ) -> Self {
        Self {
            source,
            health,
            target,
            object: Store::default(),
            owner: Store::default(),
            router: None,
            routed: RoutedObjects::default(),
            owned: None,
            replicasets: Store::default(),
            pods: Store::default(),
            runs: Store::default(),
            experiments: None,
            selector: None,
            lost: false,
            unheard: None,
            log_of: None,
            forbidden: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            warnings,
            disruptions,
        }
    }

    /// Takes in the object of whatever owns the manifest; returns whether what matters of it changed.
    fn take_owner(&mut self, event: &Event<Raw<Value>>) -> bool {
        let Some(object) = self.object.only() else { return false };
        let template = self.owner.only();
        let is_unseen = template.is_none() && object.workload().template_owner().is_some();
        let resource = if template.is_some() { Resource::DEPLOYMENT } else { object.workload().kind().resource() };
        let meta = template.map_or(object.meta(), |template| &template.meta);
        let about = About { group: resource.group, kind: resource.kind, namespace: &meta.namespace, name: &meta.name };
        let Some(owned) = &mut self.owned else { return false };
        let found = match event {
            Event::Apply(raw) | Event::InitApply(raw) => {
                let Some(value) = &raw.kept else { return false };
                let found = reconciler(owned.owner.kind, value, about);
                Ok(if is_unseen { found.without_agreement() } else { found })
            }
            Event::Init => {
                owned.found = owned.found.take().filter(Result::is_ok);
                return false;
            }
            Event::InitDone if owned.found.is_some() => return true,
            Event::InitDone | Event::Delete(_) => {
                Err(format!("{} is not in namespace {}", owned.owner, self.source.owners.namespace(&owned.owner)))
            }
        };
        let is_news = owned.found.as_ref() != Some(&found);
        owned.found = Some(found);
        is_news
    }

    /// Takes in that the object of whatever owns the manifest cannot be read.
    fn owner_not_read(&mut self, why: String) -> bool {
        let Some(owned) = &mut self.owned else { return false };
        let found = Some(Err(why));
        let is_news = owned.found != found;
        owned.found = found;
        is_news
    }

    /// Takes in what a watch said; returns whether the snapshot may have changed.
    fn take(&mut self, message: WatchMessage) -> bool {
        self.report(&message);
        let rights_changed = self.note_rights(&message);
        match message {
            WatchMessage::Failed(WatchedPart::Owner, problem) => self.owner_not_read(problem.why),
            WatchMessage::Failed(part @ (WatchedPart::Template | WatchedPart::Experiments), _) => {
                self.unanswered.insert(part)
            }
            WatchMessage::Failed(..) => rights_changed,
            WatchMessage::Object(event) => self.object.take(event),
            WatchMessage::TemplateOwner(event) => self.owner.take(event),
            WatchMessage::Router(object, event) => {
                self.router.as_ref().is_some_and(|router| self.routed.take(router, object, event))
            }
            WatchMessage::Owner(event) => self.take_owner(&event),
            WatchMessage::ReplicaSet(event) => self.replicasets.take(event),
            WatchMessage::Pod(event) => self.pods.take(event),
            WatchMessage::AnalysisRun(event) => self.runs.take(event),
            WatchMessage::Experiment(event) => self.experiments.as_mut().is_some_and(|all| all.take(event)),
            WatchMessage::Event(Event::Apply(raw) | Event::InitApply(raw)) => {
                if let Some(event) = raw.kept {
                    self.source.outlet.send(Feed::Event { target: self.target.clone(), event });
                }
                false
            }
            WatchMessage::Event(_) => false,
        }
    }

    /// Takes note of what may not be listed, and of what may again; returns whether that is news.
    fn note_rights(&mut self, message: &WatchMessage) -> bool {
        let (part, why) = match message {
            WatchMessage::Failed(part, problem) if problem.is_forbidden() => (*part, problem.why.clone()),
            WatchMessage::ReplicaSet(Event::InitDone) => {
                return self.forbidden.remove(&WatchedPart::ReplicaSets).is_some();
            }
            WatchMessage::Pod(Event::InitDone) => return self.forbidden.remove(&WatchedPart::Pods).is_some(),
            _ => return false,
        };
        match part {
            // What was seen before the right was taken away grows old unseen.
            WatchedPart::ReplicaSets => self.replicasets = Store::default(),
            WatchedPart::Pods => self.pods = Store::default(),
            _ => return false,
        }
        self.forbidden.insert(part, why).is_none()
    }

    /// Reports the link: the object, its ReplicaSets and its pods are needed; the rest may be denied.
    fn report(&self, message: &WatchMessage) {
        let (part, heard) = match message {
            // `Init` is said before the list is asked for: it tells nothing of the server.
            WatchMessage::Object(Event::Init)
            | WatchMessage::ReplicaSet(Event::Init)
            | WatchMessage::Pod(Event::Init)
            | WatchMessage::TemplateOwner(_)
            | WatchMessage::Router(_, Ok(_))
            | WatchMessage::Owner(_)
            | WatchMessage::AnalysisRun(_)
            | WatchMessage::Experiment(_)
            | WatchMessage::Event(_) => return,
            WatchMessage::Router(object, Err(trouble)) => {
                tracing::warn!(workload = %self.target, part = object.label(), why = trouble.why, "a watch failed");
                return;
            }
            WatchMessage::Object(_) => (WatchedPart::Object, Ok(())),
            WatchMessage::ReplicaSet(_) => (WatchedPart::ReplicaSets, Ok(())),
            WatchMessage::Pod(_) => (WatchedPart::Pods, Ok(())),
            // Without these the object is shown all the same: stopping needs no more.
            WatchMessage::Failed(part @ (WatchedPart::ReplicaSets | WatchedPart::Pods), problem)
                if problem.is_forbidden() =>
            {
                (*part, Ok(()))
            }
            WatchMessage::Failed(
                part @ (WatchedPart::Object | WatchedPart::ReplicaSets | WatchedPart::Pods),
                trouble,
            ) => (*part, Err(trouble.clone())),
            WatchMessage::Failed(part, trouble) => {
                tracing::warn!(workload = %self.target, part = part.as_str(), why = trouble.why, "a watch failed");
                return;
            }
        };
        self.health.report(&format!("{} {}", self.target.workload, part.as_str()), heard);
    }

    /// Takes in a heartbeat; returns whether the watches have to be restarted: after an outage they may hang on dead
    /// connections, and a watch that has not told of a version seen two beats in a row is deaf.
    fn beat(&mut self, beat: Beat) -> bool {
        let version = match beat {
            Ok(version) => version,
            Err(trouble) => {
                self.lost = !trouble.answered;
                self.health.beat(&self.target.workload, Err(trouble));
                return false;
            }
        };
        let known = self.object.only().map(|object| object.meta().resource_version.clone());
        let deaf = version.is_some() && version != known && version == self.unheard;
        let was_lost = std::mem::take(&mut self.lost);
        self.unheard = version.filter(|version| known.as_ref() != Some(version));
        if deaf {
            self.unheard = None;
        } else {
            // A picture that is not the latest is not confirmed.
            self.health.beat(&self.target.workload, Ok(()));
        }
        deaf || was_lost
    }

    /// Returns whether the selector of the parts, or the router, is new, or there may be experiments now; the parts seen so
    /// far are forgotten then.
    fn selector_changed(&mut self) -> bool {
        let Some(object) = self.object.only() else { return false };
        let (selector, router) = (object.selector().to_owned(), object.workload().router());
        let owner = self.owner.only().map_or(&object.meta().owner, |template| &template.meta.owner).clone();
        // Whether git agrees is asked of the object that the template lies in.
        let owner = owner.filter(|_| self.knows_template(object));
        // Those of a step that was taken out may go on.
        let has_experiments = self.experiments.is_some() || experiments::are_expected(object);
        let is_same_owner = self.owned.as_ref().map(|owned| &owned.owner) == owner.as_ref();
        let is_same = is_same_owner && self.router == router && self.experiments.is_some() == has_experiments;
        if selector.is_empty() || self.selector.as_ref() == Some(&selector) && is_same {
            return false;
        }
        self.router = router;
        self.routed = RoutedObjects::default();
        self.owned = owner.map(|owner| Owned { owner, found: None });
        self.replicasets = Store::default();
        self.pods = Store::default();
        self.runs = Store::default();
        self.experiments = has_experiments.then(Store::default);
        self.selector = Some(selector);
        true
    }

    /// Leaves a snapshot, once enough is known for one that does not mislead; returns whether it was left.
    fn emit(&mut self) -> bool {
        if !self.object.is_listed() {
            return false;
        }
        let Some(object) = self.object.only().cloned() else {
            self.source.outlet.send(Feed::Workload { target: self.target.clone(), snapshot: None });
            return true;
        };
        // Before the controller has looked at a `workloadRef` there is no selector, and nothing to wait for.
        let is_known = |part, listed| listed || self.forbidden.contains_key(&part);
        let all_known = is_known(WatchedPart::ReplicaSets, self.replicasets.is_listed())
            && is_known(WatchedPart::Pods, self.pods.is_listed())
            && self.knows_template(&object)
            && self.knows_router()
            && self.knows_experiments();
        if self.selector.is_some() && !all_known {
            return false;
        }
        let snapshot = self.snapshot(object);
        self.tell_tracks(&snapshot);
        self.fetch_log(&snapshot);
        self.warnings.note(&snapshot);
        self.disruptions.note(&snapshot);
        self.disruptions.ask(&self.source);
        self.warnings.ask(&self.source);
        self.source.outlet.send(Feed::Workload { target: self.target.clone(), snapshot: Some(Arc::new(snapshot)) });
        true
    }

    /// Returns whether the template is known that lies in another object, or it is not to be had.
    fn knows_template(&self, object: &Object) -> bool {
        let is_watched =
            object.workload().template_owner().is_some_and(|owner| owner.kind == Resource::DEPLOYMENT.kind);
        !is_watched || self.owner.is_listed() || self.unanswered.contains(&WatchedPart::Template)
    }

    /// Returns whether it is known what the router's own objects say, or they are not to be had.
    fn knows_router(&self) -> bool {
        self.router.as_ref().is_none_or(|router| self.routed.is_complete(router))
    }

    /// Returns whether the experiments are known, or they are not to be had.
    fn knows_experiments(&self) -> bool {
        self.unanswered.contains(&WatchedPart::Experiments) || self.experiments.as_ref().is_none_or(Store::is_listed)
    }

    fn snapshot(&self, object: Object) -> Snapshot {
        // With `workloadRef` the ReplicaSets belong to the Rollout all the same.
        let uid = object.meta().uid.clone();
        let mut replicasets: Vec<ReplicaSet> = self.replicasets.owned(|owner| owner == uid).cloned().collect();
        replicasets.sort_by_key(|rs| std::cmp::Reverse((rs.revision(), rs.meta.created)));
        let owners: Vec<&str> = replicasets.iter().map(|rs| rs.meta.uid.as_str()).collect();
        let mut pods: Vec<Pod> = self.pods.owned(|owner| owners.contains(&owner)).cloned().collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        self.warnings.fill(&mut pods);
        let mut runs: Vec<AnalysisRun> = self.runs.owned(|owner| owner == uid).cloned().collect();
        let beside = Beside { replicasets: &self.replicasets, pods: &self.pods, runs: &self.runs };
        let (mut experiments, their_runs) = experiments::of_owner(self.experiments.as_ref(), &uid, &beside);
        for experiment in &mut experiments {
            self.warnings.fill(&mut experiment.pods);
        }
        runs.extend(their_runs);
        runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.name.clone())));
        Snapshot {
            object,
            template_owner: self.owner.only().cloned().map(Box::new),
            routed: self.routed.all(),
            owned: self.owned.clone(),
            replicasets,
            pods,
            runs,
            experiments,
            budgets: self.disruptions.known(),
            unseen: self.forbidden.iter().map(|(part, why)| (part.as_str().to_owned(), why.clone())).collect(),
        }
    }

    fn tell_tracks(&self, snapshot: &Snapshot) {
        let hashes = snapshot.hashes();
        self.tell_canary(snapshot, hashes.canary.as_deref());
        let name =
            |hash: Option<String>| hash.and_then(|hash| snapshot.replicaset(&hash).map(|rs| rs.meta.name.clone()));
        let tracks = Tracks { stable: name(hashes.stable), canary: name(hashes.canary) };
        self.source.tracks.send_if_modified(|all: &mut BTreeMap<_, _>| {
            let known = all.get(&self.target.workload) == Some(&tracks);
            if !known {
                all.insert(self.target.workload.clone(), tracks.clone());
            }
            !known
        });
    }

    fn tell_canary(&self, snapshot: &Snapshot, canary: Option<&str>) {
        let pods = canary.into_iter().flat_map(|hash| snapshot.pods_of(hash));
        let share = snapshot.object.workload().routed_share();
        let mut told = KnownCanary { pods: pods.filter_map(known_pod).collect(), share: None };
        self.source.canaries.send_if_modified(|all| {
            let before = all.get(&self.target.workload);
            let same = |given: &GivenShare| share == Some(given.share);
            told.share = before.and_then(|before| before.share).filter(same).or_else(|| {
                share.map(|share| GivenShare { share, since: jiff::Timestamp::now().as_duration().as_secs_f64() })
            });
            let news = before != Some(&told);
            if news {
                all.insert(self.target.workload.clone(), told.clone());
            }
            news
        });
    }

    /// Asks for the log of the first failing pod, once per restart of it.
    fn fetch_log(&mut self, snapshot: &Snapshot) {
        let Some(pod) = snapshot.pods.iter().find(|pod| pod.is_failing()) else {
            self.log_of = None;
            return;
        };
        let key = (pod.name.clone(), pod.restarts);
        if self.log_of.as_ref() == Some(&key) {
            return;
        }
        self.log_of = Some(key);
        let (source, target, pod) = (self.source.clone(), self.target.clone(), pod.clone());
        tokio::spawn(async move {
            let lines = tokio::select! {
                () = source.cancel.cancelled() => return,
                lines = super::log::tail(&source.client, &source.namespace, &pod) => lines,
            };
            source.outlet.send(Feed::Log { target, pod: pod.name, lines });
        });
    }
}
/// Returns what counting has to know of a pod; `None` of one that was ready, and is not.
fn known_pod(pod: &Pod) -> Option<KnownPod> {
    let created = pod.created.map(jiff::Timestamp::as_millisecond);
    let readiness = match (pod.is_ready(), pod.start_seconds, created) {
        (true, Some(seconds), Some(created)) => PodReadiness::Since(created + i64::from(seconds) * 1000),
        (true, ..) => PodReadiness::Ready,
        (false, ..) if pod.restarts == 0 && !pod.ended => PodReadiness::Starting,
        (false, ..) => return None,
    };
    Some(KnownPod { name: pod.name.clone(), created, readiness })
}
