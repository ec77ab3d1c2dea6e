//! What the watches of a workload say.

use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher::Event;
use serde_json::Value;

use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::deployment::Deployment;
use crate::domain::facts::workload::router::RouterObject;
use crate::sources::kubernetes::health::WatchProblem;
use crate::sources::kubernetes::raw::{Raw, Reduced};

pub(super) enum WatchMessage {
    Object(Event<Raw<Object>>),
    TemplateOwner(Event<Raw<Deployment>>),
    /// An object of the router, or why it cannot be heard of.
    Router(RouterObject, Result<Event<Raw<Value>>, WatchProblem>),
    /// The object of whatever owns the manifest.
    Owner(Event<Raw<Value>>),
    ReplicaSet(Event<Raw<ReplicaSet>>),
    Pod(Event<Raw<Pod>>),
    AnalysisRun(Event<Raw<AnalysisRun>>),
    Experiment(Event<Raw<Experiment>>),
    Event(Event<Raw<KubeEvent>>),
    /// A watch failed: which, and why.
    Failed(WatchedPart, WatchProblem),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WatchedPart {
    Object,
    Template,
    Owner,
    ReplicaSets,
    Pods,
    AnalysisRuns,
    Experiments,
    Events,
}

impl WatchedPart {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Template => "template",
            Self::Owner => "owner",
            Self::ReplicaSets => "replicasets",
            Self::Pods => "pods",
            Self::AnalysisRuns => "analysis runs",
            Self::Experiments => "experiments",
            Self::Events => "events",
        }
    }
}

pub(super) type Stream = BoxStream<'static, WatchMessage>;

pub(super) fn reported<T: Reduced>(
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

pub(super) fn event_as<T, U>(event: Event<Raw<T>>, wrap: impl Fn(T) -> U) -> Event<Raw<U>> {
    match event {
        Event::Apply(raw) => Event::Apply(raw.map(wrap)),
        Event::Delete(raw) => Event::Delete(raw.map(wrap)),
        Event::Init => Event::Init,
        Event::InitApply(raw) => Event::InitApply(raw.map(wrap)),
        Event::InitDone => Event::InitDone,
    }
}
