//! The watches of a workload and of what belongs to it.

use futures::stream::{BoxStream, SelectAll, StreamExt};
use kube::Api;
use kube::runtime::watcher::Event;
use serde_json::Value;

use super::Watched;
use super::message::{Stream, WatchMessage, WatchedPart, event_as, reported};
use crate::domain::facts::owner::Owner;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::router::{Router, RouterObject};
use crate::domain::facts::workload::{Object, deployment};
use crate::platform::kube_client::api_resource;
use crate::sources::kubernetes::health::WatchProblem;
use crate::sources::kubernetes::raw::{Raw, Reduced};
use crate::sources::kubernetes::throttle::throttled;
use crate::sources::kubernetes::watch::{self, Selection};

impl Watched {
    /// Watches what a selection names of a resource.
    fn watch<T: Reduced>(
        &self,
        resource: Resource,
        selection: Selection,
    ) -> BoxStream<'static, Result<Event<Raw<T>>, WatchProblem>> {
        self.watch_in(&self.source.namespace, resource, selection)
    }

    fn watch_in<T: Reduced>(
        &self,
        namespace: &str,
        resource: Resource,
        selection: Selection,
    ) -> BoxStream<'static, Result<Event<Raw<T>>, WatchProblem>> {
        let client = &self.source.client;
        let api = Api::namespaced_with(throttled(client.kube.clone()), namespace, &api_resource(resource));
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
    pub(super) fn part_streams(&self) -> SelectAll<Stream> {
        let mut streams = SelectAll::new();
        let Some(selector) = &self.selector else { return streams };
        let labelled = || Selection { labels: Some(selector.clone()), ..Selection::default() };
        let replicasets = self.watch(Resource::REPLICASET, labelled());
        streams.push(reported(WatchedPart::ReplicaSets, replicasets, WatchMessage::ReplicaSet));
        streams.push(reported(WatchedPart::Pods, self.watch(Resource::POD, labelled()), WatchMessage::Pod));
        if let Some(Object::Rollout(rollout)) = self.object.only() {
            let runs = self.watch(Resource::ANALYSIS_RUN, Selection::default());
            streams.push(reported(WatchedPart::AnalysisRuns, runs, WatchMessage::AnalysisRun));
            if self.experiments.is_some() {
                let experiments = self.watch(Resource::EXPERIMENT, Selection::default());
                streams.push(reported(WatchedPart::Experiments, experiments, WatchMessage::Experiment));
            }
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
        streams.extend(self.owned.as_ref().and_then(|owned| self.owner_stream(&owned.owner)));
        streams
    }

    /// The watches of the router's own objects.
    fn router_streams(&self, router: &Router) -> Vec<Stream> {
        let stream = |(object, resource): (&RouterObject, Resource)| {
            let fields = Some(format!("metadata.name={}", object.name));
            // What failed stays unread until the object is heard of again, and routes may stay as they are for days.
            let one = Selection { fields, relists: true, ..Selection::default() };
            let namespace = object.namespace.as_ref().unwrap_or(&self.source.namespace);
            let object = object.clone();
            self.watch_in::<Value>(namespace, resource, one)
                .map(move |event| WatchMessage::Router(object.clone(), event))
                .boxed()
        };
        router.read_objects().map(stream).collect()
    }

    /// The watch of the object of whatever owns the manifest, which may lie in another cluster.
    fn owner_stream(&self, owner: &Owner) -> Option<Stream> {
        let resource = owner.kind.resource()?;
        let place = &self.source.owners;
        let client = place.client.as_ref().unwrap_or(&self.source.client);
        let one = Selection { fields: Some(format!("metadata.name={}", owner.name)), ..Selection::default() };
        let api = Api::namespaced_with(throttled(client.kube.clone()), place.namespace(owner), &api_resource(resource));
        let events = watch::watch::<Value>(api, one, client.redactor().clone());
        Some(reported(WatchedPart::Owner, events, WatchMessage::Owner))
    }

    /// The watches of the object itself and of what happened to it, restarted.
    pub(super) fn own_streams(&self) -> SelectAll<Stream> {
        SelectAll::from_iter([self.object_stream(), self.event_stream()])
    }
}
