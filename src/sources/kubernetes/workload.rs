//! One workload: its object, ReplicaSets, pods, analysis runs and events, watched and put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll, StreamExt};
use kube::Api;
use kube::runtime::watcher::Event;
use tokio::time::Instant;

use super::KubernetesSource;
use super::health::{Health, Trouble};
use super::heartbeat::{self, Beat};
use super::pace::paced;
use super::raw::{Raw, Reduced, resource};
use super::store::Store;
use super::watch::{Selection, watch};
use crate::domain::analysis_run::AnalysisRun;
use crate::domain::counters::{GivenShare, KnownCanary, KnownPod, routed_share};
use crate::domain::deployment::Deployment;
use crate::domain::event::KubeEvent;
use crate::domain::feed::Feed;
use crate::domain::ids::{Target, WorkloadKind};
use crate::domain::object::Meta;
use crate::domain::pod::Pod;
use crate::domain::replicaset::ReplicaSet;
use crate::domain::rollout::Rollout;
use crate::domain::signals::Tracks;
use crate::domain::workload::{Object, Snapshot};

/// Snapshots are left at most this often; the first after a quiet time at once.
const SETTLE: Duration = Duration::from_millis(33);

/// One thing that a watch said.
enum Said {
    Object(Event<Raw<Object>>),
    Owner(Event<Raw<Meta>>),
    ReplicaSet(Event<Raw<ReplicaSet>>),
    Pod(Event<Raw<Pod>>),
    Run(Event<Raw<AnalysisRun>>),
    Happened(Event<Raw<KubeEvent>>),
    /// A watch failed: which, and why.
    Failed(&'static str, Trouble),
}

type Stream = BoxStream<'static, Said>;

/// Watches one workload for ever.
pub(super) async fn run(source: KubernetesSource, health: Health, target: Target) {
    let mut beats = heartbeat::beats(&source, &target.workload);
    let refresh = Arc::clone(&source.refresh);
    let mut watched = Watched::new(source, health, target);
    let (mut itself, mut parts) = (watched.own_streams(), watched.part_streams());
    let mut due: Option<Instant> = None;
    let mut last = Instant::now().checked_sub(SETTLE).unwrap_or_else(Instant::now);
    loop {
        let begin_anew = tokio::select! {
            Some(said) = either(&mut itself, &mut parts) => {
                if watched.take(said) && due.is_none() {
                    due = Some(last + SETTLE);
                }
                if watched.selector_changed() {
                    parts = watched.part_streams();
                }
                false
            }
            beat = beats.next() => beat.is_some_and(|beat| watched.beat(beat)),
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
async fn either(one: &mut SelectAll<Stream>, other: &mut SelectAll<Stream>) -> Option<Said> {
    tokio::select! {
        Some(said) = one.next() => Some(said),
        Some(said) = other.next() => Some(said),
        else => None,
    }
}

/// The parts of a workload as the watches told them.
struct Watched {
    source: KubernetesSource,
    health: Health,
    target: Target,
    object: Store<Object>,
    owner: Store<Meta>,
    replicasets: Store<ReplicaSet>,
    pods: Store<Pod>,
    runs: Store<AnalysisRun>,
    selector: Option<String>,
    /// Whether the last heartbeat was not answered.
    lost: bool,
    /// A version that a heartbeat saw and the watch has not told of.
    unheard: Option<String>,
    log_of: Option<(String, u32)>,
}

impl Watched {
    fn new(source: KubernetesSource, health: Health, target: Target) -> Self {
        Self {
            source,
            health,
            target,
            object: Store::default(),
            owner: Store::default(),
            replicasets: Store::default(),
            pods: Store::default(),
            runs: Store::default(),
            selector: None,
            lost: false,
            unheard: None,
            log_of: None,
        }
    }

    fn watch<T: Reduced>(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        selection: Selection,
    ) -> BoxStream<'static, Result<Event<Raw<T>>, Trouble>> {
        let KubernetesSource { client, namespace, .. } = &self.source;
        let api = Api::namespaced_with(paced(client.kube.clone()), namespace, &resource(group, version, kind));
        watch(api, selection, client.redactor().clone())
    }

    fn object_stream(&self) -> Stream {
        let name = &self.target.workload.name;
        let one = Selection { fields: Some(format!("metadata.name={name}")), ..Selection::default() };
        match self.target.workload.kind {
            WorkloadKind::Rollout => {
                said("object", self.watch::<Rollout>("argoproj.io", "v1alpha1", "Rollout", one), |event| {
                    Said::Object(event_as(event, |rollout| Object::Rollout(Box::new(rollout))))
                })
            }
            WorkloadKind::Deployment => {
                said("object", self.watch::<Deployment>("apps", "v1", "Deployment", one), |event| {
                    Said::Object(event_as(event, |deployment| Object::Deployment(Box::new(deployment))))
                })
            }
        }
    }

    /// Events about the object itself; those of its pods and ReplicaSets say nothing that their status does not.
    fn event_stream(&self) -> Stream {
        let fields = format!(
            "involvedObject.kind={},involvedObject.name={}",
            self.target.workload.kind.kind(),
            self.target.workload.name
        );
        let selection = Selection { fields: Some(fields), ..Selection::default() };
        said("events", self.watch::<KubeEvent>("", "v1", "Event", selection), Said::Happened)
    }

    /// The watches of what belongs to the object, begun anew; none before its selector is known.
    fn part_streams(&self) -> SelectAll<Stream> {
        let mut streams = SelectAll::new();
        let Some(selector) = &self.selector else { return streams };
        let labelled = || Selection { labels: Some(selector.clone()), ..Selection::default() };
        let replicasets = self.watch::<ReplicaSet>("apps", "v1", "ReplicaSet", labelled());
        streams.push(said("replicasets", replicasets, Said::ReplicaSet));
        streams.push(said("pods", self.watch::<Pod>("", "v1", "Pod", labelled()), Said::Pod));
        if let Some(Object::Rollout(rollout)) = self.object.only() {
            let runs = self.watch::<AnalysisRun>("argoproj.io", "v1alpha1", "AnalysisRun", Selection::default());
            streams.push(said("analysis runs", runs, Said::Run));
            if let Some(owner) = rollout.spec.workload_ref.as_ref().filter(|owner| owner.kind == "Deployment") {
                let one = Selection { fields: Some(format!("metadata.name={}", owner.name)), ..Selection::default() };
                streams.push(said("template", self.watch::<Meta>("apps", "v1", "Deployment", one), Said::Owner));
            }
        }
        streams
    }

    /// Takes in what a watch said; returns whether the snapshot may have changed.
    fn take(&mut self, said: Said) -> bool {
        self.report(&said);
        match said {
            Said::Object(event) => self.object.take(event),
            Said::Owner(event) => self.owner.take(event),
            Said::ReplicaSet(event) => self.replicasets.take(event),
            Said::Pod(event) => self.pods.take(event),
            Said::Run(event) => self.runs.take(event),
            Said::Happened(Event::Apply(raw) | Event::InitApply(raw)) => {
                if let Some(event) = raw.kept {
                    self.source.outlet.send(Feed::Event { target: self.target.clone(), event });
                }
                false
            }
            Said::Happened(_) | Said::Failed(..) => false,
        }
    }

    /// Reports the link: the object, its ReplicaSets and its pods are needed; the rest may be denied.
    fn report(&self, said: &Said) {
        let (part, heard) = match said {
            // `Init` is said before the list is asked for: it tells nothing of the server.
            Said::Object(Event::Init)
            | Said::ReplicaSet(Event::Init)
            | Said::Pod(Event::Init)
            | Said::Owner(_)
            | Said::Run(_)
            | Said::Happened(_) => return,
            Said::Object(_) => ("object", Ok(())),
            Said::ReplicaSet(_) => ("replicasets", Ok(())),
            Said::Pod(_) => ("pods", Ok(())),
            Said::Failed(part @ ("object" | "replicasets" | "pods"), trouble) => (*part, Err(trouble.clone())),
            Said::Failed(part, trouble) => {
                tracing::warn!(workload = %self.target, part, why = trouble.why, "a watch failed");
                return;
            }
        };
        self.health.report(&format!("{} {part}", self.target.workload), heard);
    }

    /// The watches of the object itself and of what happened to it, begun anew.
    fn own_streams(&self) -> SelectAll<Stream> {
        SelectAll::from_iter([self.object_stream(), self.event_stream()])
    }

    /// Takes in a heartbeat; returns whether the watches have to be begun anew: after an outage they may hang on dead
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

    /// Returns whether the selector of the parts is new; the parts seen so far are forgotten then.
    fn selector_changed(&mut self) -> bool {
        let Some(selector) = self.object.only().map(|object| object.selector().to_owned()) else { return false };
        if selector.is_empty() || self.selector.as_ref() == Some(&selector) {
            return false;
        }
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
        if self.selector.is_some() && (!self.replicasets.is_listed() || !self.pods.is_listed()) {
            return false;
        }
        let snapshot = self.snapshot(object);
        self.tell_tracks(&snapshot);
        self.fetch_log(&snapshot);
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
        let mut runs: Vec<AnalysisRun> = self.runs.owned(|owner| owner == uid).cloned().collect();
        runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.name.clone())));
        Snapshot { object, template_owner: self.owner.only().cloned(), replicasets, pods, runs }
    }

    fn tell_tracks(&self, snapshot: &Snapshot) {
        let (stable, canary) = snapshot.hashes();
        self.tell_canary(snapshot, canary.as_deref());
        let name =
            |hash: Option<String>| hash.and_then(|hash| snapshot.replicaset(&hash).map(|rs| rs.meta.name.clone()));
        let tracks = Tracks { stable: name(stable), canary: name(canary) };
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
        let share = match &snapshot.object {
            Object::Rollout(rollout) => routed_share(rollout),
            Object::Deployment(_) => None,
        };
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

fn said<T: Reduced>(
    part: &'static str,
    events: BoxStream<'static, Result<Event<Raw<T>>, Trouble>>,
    wrap: impl Fn(Event<Raw<T>>) -> Said + Send + 'static,
) -> Stream {
    events
        .map(move |event| match event {
            Ok(event) => wrap(event),
            Err(trouble) => Said::Failed(part, trouble),
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
