//! One workload: its object, ReplicaSets, pods, analysis runs and events, watched and put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll, StreamExt};
use kube::Api;
use kube::runtime::watcher::Event;
use serde_json::Value;
use tokio::time::Instant;

use super::KubernetesSource;
use super::disruptions::Disruptions;
use super::health::{Health, WatchProblem};
use super::heartbeat::{self, Beat};
use super::pod_warnings::PodWarnings;
use super::raw::{Raw, Reduced};
use super::store::Store;
use super::throttle::throttled;
use super::watch::{self, Selection};
use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::counters::{GivenShare, KnownCanary, KnownPod};
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::workload::deployment::{self, Deployment};
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::router::{Routed, Router};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::world::feed::Feed;
use crate::platform::kube_client::api_resource;

/// Snapshots are left at most this often; the first after a quiet time at once.
const SNAPSHOT_DEBOUNCE: Duration = Duration::from_millis(33);

enum WatchMessage {
    Object(Event<Raw<Object>>),
    TemplateOwner(Event<Raw<Deployment>>),
    /// An object of the router, by name.
    Router(String, Event<Raw<Value>>),
    ReplicaSet(Event<Raw<ReplicaSet>>),
    Pod(Event<Raw<Pod>>),
    AnalysisRun(Event<Raw<AnalysisRun>>),
    Event(Event<Raw<KubeEvent>>),
    /// A watch failed: which, and why.
    Failed(WatchedPart, WatchProblem),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum WatchedPart {
    Object,
    Template,
    Router,
    ReplicaSets,
    Pods,
    AnalysisRuns,
    Events,
}

impl WatchedPart {
    fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Template => "template",
            Self::Router => "router",
            Self::ReplicaSets => "replicasets",
            Self::Pods => "pods",
            Self::AnalysisRuns => "analysis runs",
            Self::Events => "events",
        }
    }
}

type Stream = BoxStream<'static, WatchMessage>;

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
    /// The router whose objects are watched, and what each of them says.
    router: Option<Router>,
    routed: BTreeMap<String, Routed>,
    replicasets: Store<ReplicaSet>,
    pods: Store<Pod>,
    runs: Store<AnalysisRun>,
    selector: Option<String>,
    /// Whether the last heartbeat was not answered.
    lost: bool,
    /// A version that a heartbeat saw and the watch has not told of.
    unheard: Option<String>,
    log_of: Option<(String, u32)>,
    /// Which parts the operator may not list, with the API server's words.
    forbidden: BTreeMap<WatchedPart, String>,
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
            routed: BTreeMap::new(),
            replicasets: Store::default(),
            pods: Store::default(),
            runs: Store::default(),
            selector: None,
            lost: false,
            unheard: None,
            log_of: None,
            forbidden: BTreeMap::new(),
            warnings,
            disruptions,
        }
    }

    /// Watches what a selection names of a resource.
    fn watch<T: Reduced>(
        &self,
        resource: Resource,
        selection: Selection,
    ) -> BoxStream<'static, Result<Event<Raw<T>>, WatchProblem>> {
        let client = &self.source.client;
        let api = Api::namespaced_with(throttled(client.kube.clone()), &self.source.namespace, &api_resource(resource));
        watch::watch(api, selection, client.redactor().clone())
    }

    fn object_stream(&self) -> Stream {
        let name = &self.target.workload.name;
        let one = Selection { fields: Some(format!("metadata.name={name}")), ..Selection::default() };
        let kind = self.target.workload.kind;
        reported(WatchedPart::Object, self.watch::<Value>(kind.resource(), one), move |event| {
            WatchMessage::Object(event_as(event, |value| Object::reduce(kind, &value)))
        })
    }

    /// Events about the object itself; those of its pods are asked for while they are not ready.
    fn event_stream(&self) -> Stream {
        let fields = format!(
            "involvedObject.kind={},involvedObject.name={}",
            self.target.workload.kind.kind(),
            self.target.workload.name
        );
        let selection = Selection { fields: Some(fields), ..Selection::default() };
        reported(WatchedPart::Events, self.watch(Resource::EVENT, selection), WatchMessage::Event)
    }

    /// The watches of what belongs to the object, restarted; none before its selector is known.
    fn part_streams(&self) -> SelectAll<Stream> {
        let mut streams = SelectAll::new();
        let Some(selector) = &self.selector else { return streams };
        let labelled = || Selection { labels: Some(selector.clone()), ..Selection::default() };
        let replicasets = self.watch(Resource::REPLICASET, labelled());
        streams.push(reported(WatchedPart::ReplicaSets, replicasets, WatchMessage::ReplicaSet));
        streams.push(reported(WatchedPart::Pods, self.watch(Resource::POD, labelled()), WatchMessage::Pod));
        if let Some(Object::Rollout(rollout)) = self.object.only() {
            let runs = self.watch(Resource::ANALYSIS_RUN, Selection::default());
            streams.push(reported(WatchedPart::AnalysisRuns, runs, WatchMessage::AnalysisRun));
            let owner = rollout.spec.workload_ref.as_ref();
            if let Some(owner) = owner.filter(|owner| owner.kind == Resource::DEPLOYMENT.kind) {
                let one = Selection { fields: Some(format!("metadata.name={}", owner.name)), ..Selection::default() };
                let owner = self.watch::<Value>(Resource::DEPLOYMENT, one);
                streams.push(reported(WatchedPart::Template, owner, |event| {
                    WatchMessage::TemplateOwner(event_as(event, |value| deployment::reduce(&value)))
                }));
            }
        }
        streams.extend(self.router.iter().flat_map(|router| self.router_streams(router)));
        streams
    }

    /// The watches of the router's own objects. Where they cannot be read the controller's report is all there is.
    fn router_streams(&self, router: &Router) -> Vec<Stream> {
        let Some(resource) = router.kind.resource() else { return Vec::new() };
        let stream = |name: &String| {
            let one = Selection { fields: Some(format!("metadata.name={name}")), ..Selection::default() };
            let name = name.clone();
            reported(WatchedPart::Router, self.watch::<Value>(resource, one), move |event| {
                WatchMessage::Router(name.clone(), event)
            })
        };
        router.names.iter().map(stream).collect()
    }

    fn take_routed(&mut self, name: String, event: &Event<Raw<Value>>) -> bool {
        let Some(router) = &self.router else { return false };
        let routed = match event {
            Event::Apply(raw) | Event::InitApply(raw) => router.read(&name, raw.kept.as_ref()),
            // What is there follows; what is not, is not there when the list is complete.
            Event::Init => {
                self.routed.remove(&name);
                return false;
            }
            Event::InitDone if self.routed.contains_key(&name) => return true,
            Event::Delete(_) | Event::InitDone => router.read(&name, None),
        };
        let before = self.routed.remove(&name);
        let changed = before != routed;
        self.routed.extend(routed.map(|routed| (name, routed)));
        changed
    }

    /// Takes in what a watch said; returns whether the snapshot may have changed.
    fn take(&mut self, message: WatchMessage) -> bool {
        self.report(&message);
        let rights_changed = self.note_rights(&message);
        match message {
            WatchMessage::Failed(..) => rights_changed,
            WatchMessage::Object(event) => self.object.take(event),
            WatchMessage::TemplateOwner(event) => self.owner.take(event),
            WatchMessage::Router(name, event) => self.take_routed(name, &event),
            WatchMessage::ReplicaSet(event) => self.replicasets.take(event),
            WatchMessage::Pod(event) => self.pods.take(event),
            WatchMessage::AnalysisRun(event) => self.runs.take(event),
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
            WatchMessage::Failed(part, problem) if problem.is_forbidden => (*part, problem.why.clone()),
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
            | WatchMessage::Router(..)
            | WatchMessage::AnalysisRun(_)
            | WatchMessage::Event(_) => return,
            WatchMessage::Object(_) => (WatchedPart::Object, Ok(())),
            WatchMessage::ReplicaSet(_) => (WatchedPart::ReplicaSets, Ok(())),
            WatchMessage::Pod(_) => (WatchedPart::Pods, Ok(())),
            // Without these the object is shown all the same: stopping needs no more.
            WatchMessage::Failed(part @ (WatchedPart::ReplicaSets | WatchedPart::Pods), problem)
                if problem.is_forbidden =>
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

    /// The watches of the object itself and of what happened to it, restarted.
    fn own_streams(&self) -> SelectAll<Stream> {
        SelectAll::from_iter([self.object_stream(), self.event_stream()])
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

    /// Returns whether the selector of the parts, or the router, is new; the parts seen so far are forgotten then.
    fn selector_changed(&mut self) -> bool {
        let Some(object) = self.object.only() else { return false };
        let (selector, router) = (object.selector().to_owned(), object.workload().router());
        if selector.is_empty() || self.selector.as_ref() == Some(&selector) && self.router == router {
            return false;
        }
        self.router = router;
        self.routed.clear();
        self.replicasets = Store::default();
        self.pods = Store::default();
        self.runs = Store::default();
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
            && is_known(WatchedPart::Pods, self.pods.is_listed());
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
        runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.name.clone())));
        Snapshot {
            object,
            template_owner: self.owner.only().cloned().map(Box::new),
            routed: self.routed.values().cloned().collect(),
            replicasets,
            pods,
            runs,
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
        let ready = canary.into_iter().flat_map(|hash| snapshot.pods_of(hash)).filter(|pod| pod.is_ready());
        let known =
            |pod: &Pod| KnownPod { name: pod.name.clone(), created: pod.created.map(jiff::Timestamp::as_millisecond) };
        let share = snapshot.object.workload().routed_share();
        let mut told = KnownCanary { pods: ready.map(known).collect(), share: None };
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

fn reported<T: Reduced>(
    part: WatchedPart,
    events: BoxStream<'static, Result<Event<Raw<T>>, WatchProblem>>,
    wrap: impl Fn(Event<Raw<T>>) -> WatchMessage + Send + 'static,
) -> Stream {
    events
        .map(move |event| match event {
            Ok(event) => wrap(event),
            Err(trouble) => WatchMessage::Failed(part, trouble),
        })
        .boxed()
}

fn event_as<T, U>(event: Event<Raw<T>>, wrap: impl Fn(T) -> U) -> Event<Raw<U>> {
    match event {
        Event::Apply(raw) => Event::Apply(raw.map(wrap)),
        Event::Delete(raw) => Event::Delete(raw.map(wrap)),
        Event::Init => Event::Init,
        Event::InitApply(raw) => Event::InitApply(raw.map(wrap)),
        Event::InitDone => Event::InitDone,
    }
}
