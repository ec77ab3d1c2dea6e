//! Carries out requests on one environment's API server; never retries.

mod record;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::executor::{Executor, Payload, Pending, Prepared, SendError, SharedRecord};
use super::owner::OwnerExecutor;
use crate::domain::record::action::{Body, KubernetesRequest, ObjectRef, Request, Target};
use crate::domain::record::anchor::{ANNOTATION, Anchor};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::object::{Container, Meta, OURS as FIELD_MANAGER};
use crate::domain::facts::owner::Owned;
use crate::domain::facts::owner::reduce::About;
use crate::domain::facts::reduce;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::plain_words;
use crate::domain::facts::workload::deployment::{self, Deployment};
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::TemplateRef;
use crate::domain::facts::workload::router::{Routed, Router, RouterObject};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::rules::action::{Seen, SeenWorkload, TemplateError, annotate, images_patch, restore_patch};
use crate::platform::Redactor;
use crate::platform::cluster_identity::read_identity;
pub use crate::platform::kube_client::REQUEST_TIMEOUT;
use crate::platform::kube_client::{
    ClientError, api_resource, cause, client, client_for_writing, for_writing, login_error, never_connected,
};
use crate::platform::kubeconfig::Cluster;

/// The executor of one environment's API server. Read-only environments have none.
#[derive(Clone)]
pub struct Kubernetes {
    client: kube::Client,
    namespace: String,
    redactor: Redactor,
    /// Reads what owns manifests, in the cluster that it runs in.
    owners: Option<OwnerExecutor>,
}

impl Kubernetes {
    /// Makes it, with a client that never retries.
    ///
    /// # Errors
    /// What the client cannot be built from.
    pub fn new(config: kube::Config, namespace: &str, redactor: Redactor) -> Result<Self, ClientError> {
        let client = client(for_writing(config), &redactor)?;
        Ok(Self { client, namespace: namespace.to_owned(), redactor, owners: None })
    }

    /// Makes it for a cluster, with its login.
    ///
    /// # Errors
    /// What the client cannot be built from.
    pub fn of(cluster: &Cluster, namespace: &str, redactor: Redactor) -> Result<Self, ClientError> {
        let client = client_for_writing(cluster, &redactor)?;
        Ok(Self { client, namespace: namespace.to_owned(), redactor, owners: None })
    }

    /// Makes what reads and suspends the owners of manifests, where that is in the same cluster.
    #[must_use]
    pub fn owners(&self, argo_cd_namespace: &str) -> OwnerExecutor {
        OwnerExecutor::new(self.client.clone(), argo_cd_namespace, &self.namespace, self.redactor.clone())
    }

    /// Sets what looks at the owners of manifests.
    #[must_use]
    pub fn with_owners(self, owners: OwnerExecutor) -> Self {
        Self { owners: Some(owners), ..self }
    }

    fn api(&self, kind: &str) -> Result<Api<DynamicObject>, SendError> {
        Ok(Api::namespaced_with(self.client.clone(), &self.namespace, &api_resource(known(kind)?)))
    }

    /// Reads an object as JSON.
    async fn get(&self, kind: &str, name: &str) -> Result<Value, SendError> {
        self.get_in(&self.namespace, known(kind)?, name).await
    }

    async fn get_in(&self, namespace: &str, resource: Resource, name: &str) -> Result<Value, SendError> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &api_resource(resource));
        match tokio::time::timeout(REQUEST_TIMEOUT, api.get(name)).await {
            Ok(Ok(object)) => {
                serde_json::to_value(object).map_err(|error| SendError::Unknown(format!("unreadable answer: {error}")))
            }
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }

    /// Reads a workload with what tells who is served: its ReplicaSets, the Deployment behind its template, and the
    /// objects of its router. Without the right to read those its own status has to do.
    async fn look(&self, target: &Target) -> Result<Seen, SendError> {
        let of = object_of(target)?;
        let object = parse(&self.get(&of.kind, &of.name).await?)?;
        let mut snapshot = Snapshot::of_object(object);
        let router = snapshot.object.workload().router();
        let template = snapshot.object.workload().template_owner().cloned();
        let written = async {
            let is_elsewhere = template.is_some();
            let owner = self.template_owner(template).await;
            let owned = match &owner {
                Some(owner) => self.owned(&owner.meta, Resource::DEPLOYMENT).await,
                // Whether git agrees is asked of the object that the template lies in.
                None if is_elsewhere => self.owned(snapshot.object.meta(), Resource::DEPLOYMENT).await,
                None => self.owned(snapshot.object.meta(), snapshot.object.workload().kind().resource()).await,
            };
            (owner, owned)
        };
        let (replicasets, routed, (owner, owned)) =
            tokio::join!(self.replicasets(&snapshot.object), self.routed(router.as_ref()), written);
        let replicasets = replicasets?;
        snapshot.routed = routed;
        snapshot.template_owner = owner.map(Box::new);
        snapshot.owned = owned;
        let replicasets_known = replicasets.is_some();
        // Their pods are served like those of the workload itself.
        let (of_experiments, own): (Vec<_>, Vec<_>) =
            replicasets.unwrap_or_default().into_iter().partition(|rs| rs.experiment.is_some());
        snapshot.replicasets = own;
        snapshot.experiments = Experiment::of_replicasets(of_experiments);
        Ok(SeenWorkload { snapshot, replicasets_known }.into())
    }

    /// Returns the ReplicaSets of a workload and of experiments with its labels, newest revision first; `None` where they may
    /// not be read.
    async fn replicasets(&self, object: &Object) -> Result<Option<Vec<ReplicaSet>>, SendError> {
        let api = self.api(Resource::REPLICASET.kind)?;
        let labelled = ListParams::default().labels(object.selector());
        let listed = match tokio::time::timeout(REQUEST_TIMEOUT, api.list(&labelled)).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 401 | 403 | 404) => return Ok(None),
            Ok(Err(error)) => return Err(classify(&error, &self.redactor)),
            Err(_) => return Err(no_answer()),
        };
        let values = listed.items.into_iter().filter_map(|item| serde_json::to_value(item).ok());
        let uid = &object.meta().uid;
        let mut replicasets: Vec<ReplicaSet> = values
            .map(|value| (reduce::owner_uids(&value).contains(uid), reduce::replicaset(&value)))
            .filter(|(is_own, rs)| *is_own || rs.experiment.is_some())
            .map(|(_, rs)| rs)
            .collect();
        replicasets.sort_by_key(|rs| std::cmp::Reverse((rs.revision(), rs.meta.created)));
        Ok(Some(replicasets))
    }

    /// Returns what the router's own objects say, and which cannot be read.
    async fn routed(&self, router: Option<&Router>) -> Vec<Routed> {
        let Some(router) = router else { return Vec::new() };
        let look = |(object, resource): (&RouterObject, Resource)| {
            let object = object.clone();
            async move {
                let namespace = object.namespace.as_ref().unwrap_or(&self.namespace);
                match self.get_in(namespace, resource, &object.name).await {
                    Ok(found) => router.read(&object, Some(&found)),
                    Err(SendError::Refused(why)) if why.starts_with("404") => router.read(&object, None),
                    Err(SendError::Refused(why)) if why.starts_with("401") || why.starts_with("403") => {
                        object.unreadable(&why)
                    }
                    Err(error) => object.failed(&error.to_string()),
                }
            }
        };
        futures::future::join_all(router.read_objects().map(look)).await.concat()
    }

    /// Returns the Deployment that the pod template lives in, where there is one and it can be read.
    async fn template_owner(&self, owner: Option<TemplateRef>) -> Option<Deployment> {
        let owner = owner.filter(|owner| owner.kind == Resource::DEPLOYMENT.kind)?;
        Some(deployment::reduce(&self.get(&owner.kind, &owner.name).await.ok()?))
    }

    /// Returns what owns the manifest that a template lies in, where something does.
    async fn owned(&self, meta: &Meta, resource: Resource) -> Option<Owned> {
        let owner = meta.owner.clone()?;
        let about = About { group: resource.group, kind: resource.kind, namespace: &meta.namespace, name: &meta.name };
        Some(self.owners.as_ref()?.look_at(owner, about).await)
    }

    async fn seen(&self, target: &Target) -> Result<Seen, SendError> {
        let object = object_of(target)?;
        workload(&self.get(&object.kind, &object.name).await?)
    }

    /// Reads the object that a request goes to, and with it the target, be it the same or another.
    async fn both(&self, target: &Target, object: &ObjectRef) -> Result<(Value, Seen), SendError> {
        if *object == object_of(target)? {
            let live = self.get(&object.kind, &object.name).await?;
            let seen = workload(&live)?;
            return Ok((live, seen));
        }
        tokio::try_join!(self.get(&object.kind, &object.name), self.seen(target))
    }

    async fn restore(
        &self,
        target: &Target,
        request: &KubernetesRequest,
        replicaset: &str,
        head: Option<&Anchor>,
    ) -> Result<Prepared, SendError> {
        let (replicaset, (live, seen)) =
            tokio::try_join!(self.get(Resource::REPLICASET.kind, replicaset), self.both(target, &request.object))?;
        let mut patch = restore_patch(&replicaset, &live, true).map_err(|error| match error {
            TemplateError::Same(_) => SendError::Refused(format!("nothing to do: {error}")),
            TemplateError::NoTemplate(_) | TemplateError::NoContainer(_) => SendError::Refused(error.to_string()),
        })?;
        if let Some(head) = head {
            annotate(&mut patch, &live, ANNOTATION, &head.value());
        }
        prepared(patch, seen)
    }

    async fn set_images(
        &self,
        target: &Target,
        request: &KubernetesRequest,
        (images, mark): (&[Container], &str),
        head: Option<&Anchor>,
    ) -> Result<Prepared, SendError> {
        let (live, seen) = self.both(target, &request.object).await?;
        let mut patch = images_patch(&live, images, mark).map_err(|error| SendError::Refused(error.to_string()))?;
        if let Some(head) = head {
            annotate(&mut patch, &live, ANNOTATION, &head.value());
        }
        prepared(patch, seen)
    }

    async fn patch(
        &self,
        object: &ObjectRef,
        subresource: Option<&str>,
        patch: &Patch<Value>,
    ) -> Result<String, SendError> {
        let api = self.api(&object.kind)?;
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let name = &object.name;
        let sent = async {
            match subresource {
                Some(subresource) => api.patch_subresource(subresource, name, &params, patch).await,
                None => api.patch(name, &params, patch).await,
            }
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, sent).await {
            Ok(Ok(object)) => Ok(object.metadata.resource_version.unwrap_or_default()),
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }
}

/// A JSON patch that was made from what was seen.
fn prepared(patch: Value, seen: Seen) -> Result<Prepared, SendError> {
    let patch = serde_json::from_value(patch)
        .map_err(|error| SendError::Refused(format!("the patch cannot be made: {error}")))?;
    Ok(Prepared { payload: Payload::Kubernetes(Patch::Json(patch)), seen: Some(seen) })
}

impl Executor for Kubernetes {
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        version: &'a str,
        head: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let request = own(request)?;
            // Annotations are no part of a subresource.
            let head = head.filter(|_| request.subresource.is_none());
            let patch = match &request.body {
                Body::Merge(body) => Patch::Merge(anchored(conditional(body, version), head)),
                Body::Strategic(body) => Patch::Strategic(anchored(conditional(body, version), head)),
                // Needs the ReplicaSet and the object itself: the write is conditional on what is read now.
                Body::RestoreTemplate { replicaset } => return self.restore(target, request, replicaset, head).await,
                Body::SuspendAutomation { .. } | Body::ResumeAutomation => {
                    return Err(SendError::Refused("a workload has no automation".to_owned()));
                }
                Body::SetImages { images, mark } => {
                    return self.set_images(target, request, (images, mark), head).await;
                }
            };
            Ok(Prepared { payload: Payload::Kubernetes(patch), seen: None })
        })
    }

    fn send<'a>(&'a self, _: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let request = own(request)?;
            let Payload::Kubernetes(patch) = &prepared.payload else { return Err(not_for_us()) };
            self.patch(&request.object, request.subresource.as_deref(), patch).await
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(self.look(target))
    }

    fn look_again<'a>(&'a self, target: &'a Target, request: &'a Request) -> Pending<'a, (Seen, String)> {
        Box::pin(async move {
            let request = own(request)?;
            let (live, seen) = self.both(target, &request.object).await?;
            Ok((seen, live["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()))
        })
    }

    /// An annotation makes the controller look again. Argo Rollouts (1.9) puts the result of its own status write back
    /// into its cache without comparing versions: a request that arrives within some 50 ms of such a write is in etcd but
    /// not seen, until something changes. Whoever may write to the status alone changes its message: the controller works
    /// it out anew whenever it looks.
    fn nudge<'a>(&'a self, target: &'a Target, seen: &'a Seen) -> Pending<'a, ()> {
        Box::pin(async move {
            let object = object_of(target)?;
            let now = Timestamp::now();
            let annotation = json!({"metadata": {"annotations": {"release-cockpit/nudged-at": now.to_string()}}});
            let patch = Patch::Merge(conditional(&annotation, seen.version()));
            let answer = match self.patch(&object, None, &patch).await {
                Err(SendError::Refused(why)) if why.starts_with("403") => {
                    let message = json!({"status": {"message": format!("{FIELD_MANAGER}: nudged at {now}")}});
                    let patch = Patch::Merge(conditional(&message, seen.version()));
                    self.patch(&object, Some("status"), &patch).await
                }
                answer => answer,
            };
            answer.map(|_| ())
        })
    }

    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        Box::pin(async move {
            let read = read_identity(&self.client, &self.namespace, REQUEST_TIMEOUT, &self.redactor).await;
            read.map_err(SendError::Unknown)
        })
    }

    fn shared_record(&self) -> Pending<'_, SharedRecord> {
        Box::pin(self.shared_record())
    }

    fn publish<'a>(&'a self, key: &'a str, value: &'a str, version: Option<&'a str>) -> Pending<'a, ()> {
        Box::pin(self.publish(key, value, version))
    }
}

/// A request to an API server; any other is not for one.
pub(super) fn own(request: &Request) -> Result<&KubernetesRequest, SendError> {
    request.kubernetes().ok_or_else(not_for_us)
}

pub(super) fn not_for_us() -> SendError {
    SendError::Refused("not sent: it is no request to an API server".to_owned())
}

pub(super) fn conditional(body: &Value, version: &str) -> Value {
    let mut body = body.clone();
    body["metadata"]["resourceVersion"] = json!(version);
    body
}

/// Notes the head of the journal in the annotations of the object itself, not of its template.
fn anchored(mut body: Value, head: Option<&Anchor>) -> Value {
    if let Some(head) = head {
        body["metadata"]["annotations"][ANNOTATION] = head.value().into();
    }
    body
}

pub(super) fn no_answer() -> SendError {
    SendError::Unknown(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
}

/// The object that a target is.
fn object_of(target: &Target) -> Result<ObjectRef, SendError> {
    let key = target.workload().ok_or_else(|| SendError::Refused(format!("{target} is no Kubernetes object")))?;
    Ok(ObjectRef { kind: key.workload.kind.kind().to_owned(), name: key.workload.name.clone() })
}

fn parse(value: &Value) -> Result<Object, SendError> {
    Object::parse(value).ok_or_else(|| SendError::Unknown("the answer is no workload".to_owned()))
}

fn workload(value: &Value) -> Result<Seen, SendError> {
    parse(value).map(Seen::from)
}

fn known(kind: &str) -> Result<Resource, SendError> {
    Resource::of(kind).ok_or_else(|| SendError::Refused(format!("{kind} is not known here")))
}

/// Tells what an error means for the request: a clear no, a conflict, or nothing known.
pub(super) fn classify(error: &kube::Error, redactor: &Redactor) -> SendError {
    match error {
        kube::Error::Api(status) if status.code == 409 => SendError::Conflict,
        // The API server said no before doing anything.
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 408 => {
            let words = format!("{} {}: {}", status.code, status.reason, plain_words(&status.message));
            SendError::Refused(redactor.redact(&words).into_owned())
        }
        // A 5xx may come after the write: etcd may have taken it.
        kube::Error::Api(status) => {
            let words = format!("{} {}", status.code, plain_words(&status.message));
            SendError::Unknown(redactor.redact(&words).into_owned())
        }
        other => {
            let cause = cause(other, redactor);
            if login_error(other).is_some() {
                return SendError::Refused(format!("not sent: {cause}"));
            }
            // The connection never came up: no byte was sent.
            if cause.to_lowercase().contains("connection refused") {
                SendError::Refused("not sent: connection refused; is the API server up?".to_owned())
            } else if never_connected(other) {
                SendError::Refused(format!("not sent, there is no connection: {cause}"))
            } else {
                SendError::Unknown(cause)
            }
        }
    }
}
