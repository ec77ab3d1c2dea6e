//! Suspends the automation of what owns manifests (Argo CD, Flux) and gives it back, on the API server of the cluster that
//! it runs in; never retries.

use std::time::Duration;

use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use super::kubernetes::{REQUEST_TIMEOUT, classify, conditional, no_answer, not_for_us, own};
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::object::OURS as FIELD_MANAGER;
use crate::domain::facts::owner::reduce::{About, reconciler};
use crate::domain::facts::owner::{Owned, Owner, OwnerKind, Reconciler};
use crate::domain::record::action::{Body, OwnerKey, Request, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::Seen;
use crate::domain::rules::action::owner::{not_agreed, resume_patch, suspend_patch};
use crate::platform::Redactor;
use crate::platform::cluster_identity::read_identity;
use crate::platform::kube_client::{ClientError, api_resource, client_for_writing};
use crate::platform::kubeconfig::Cluster;

/// How long a look at a workload waits for its owner: who is served is more urgent.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// The annotation by which Argo CD is asked to look at git now.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// How long it may take to compare.
const COMPARE_TIMEOUT: Duration = Duration::from_secs(20);
const COMPARE_INTERVAL: Duration = Duration::from_millis(250);

/// The executor of what owns the manifests of one environment.
#[derive(Clone)]
pub struct OwnerExecutor {
    client: kube::Client,
    /// The namespace of Argo CD's applications.
    argo_cd_namespace: String,
    /// The namespace of the workloads.
    namespace: String,
    redactor: Redactor,
}

impl OwnerExecutor {
    pub(super) fn new(client: kube::Client, argo_cd_namespace: &str, namespace: &str, redactor: Redactor) -> Self {
        let (argo_cd_namespace, namespace) = (argo_cd_namespace.to_owned(), namespace.to_owned());
        Self { client, argo_cd_namespace, namespace, redactor }
    }

    /// Makes it for the cluster that the owners' objects lie in; `namespace` is that of the workloads.
    ///
    /// # Errors
    /// What the client cannot be built from.
    pub fn of(
        cluster: &Cluster,
        argo_cd_namespace: &str,
        namespace: &str,
        redactor: Redactor,
    ) -> Result<Self, ClientError> {
        Ok(Self::new(client_for_writing(cluster, &redactor)?, argo_cd_namespace, namespace, redactor))
    }

    fn api(&self, owner: &Owner) -> Result<Api<DynamicObject>, SendError> {
        let resource = owner.kind.resource();
        let resource =
            resource.ok_or_else(|| SendError::Refused(format!("{owner} has no object that could be written")))?;
        let namespace = owner.namespace.as_deref().unwrap_or(&self.argo_cd_namespace);
        Ok(Api::namespaced_with(self.client.clone(), namespace, &api_resource(resource)))
    }

    async fn get(&self, owner: &Owner) -> Result<Value, SendError> {
        let api = self.api(owner)?;
        match tokio::time::timeout(REQUEST_TIMEOUT, api.get(&owner.name)).await {
            Ok(Ok(object)) => {
                serde_json::to_value(object).map_err(|error| SendError::Unknown(format!("unreadable answer: {error}")))
            }
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }

    /// Looks at the owner of a workload's manifest; what cannot be read is said, and holds up nothing.
    pub(super) async fn look_at(&self, owner: Owner, about: About<'_>) -> Owned {
        if owner.kind.resource().is_none() {
            return Owned { owner, found: None };
        }
        let found = match tokio::time::timeout(LOOK_TIMEOUT, self.get(&owner)).await {
            Ok(Ok(value)) => Ok(reconciler(owner.kind, &value, about)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer in {} ms", LOOK_TIMEOUT.as_millis())),
        };
        Owned { owner, found: Some(found) }
    }

    /// Asks Argo CD to look at git now; others have their own pace.
    pub(super) async fn refresh(&self, owner: &Owner) -> Result<(), SendError> {
        if owner.kind != OwnerKind::ArgoCd {
            return Ok(());
        }
        let api = self.api(owner)?;
        let look = json!({"metadata": {"annotations": {REFRESH: "hard"}}});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match tokio::time::timeout(REQUEST_TIMEOUT, api.patch(&owner.name, &params, &Patch::Merge(look))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }

    /// Has Argo CD compare the cluster with git as it is now, and returns the application once it has: what it said before may
    /// be about an older commit.
    async fn compared(&self, key: &OwnerKey) -> Result<Value, SendError> {
        self.refresh(&key.owner).await?;
        let until = Instant::now() + COMPARE_TIMEOUT;
        while Instant::now() < until {
            sleep(COMPARE_INTERVAL).await;
            let live = self.get(&key.owner).await?;
            // It takes the annotation away with what it found; its time has whole seconds only.
            if live["metadata"]["annotations"][REFRESH].is_null() {
                return match not_agreed(&self.reconciler(key, &live)) {
                    None => Ok(live),
                    Some(why) => Err(SendError::Refused(format!("not resumed: {why}"))),
                };
            }
        }
        let seconds = COMPARE_TIMEOUT.as_secs();
        Err(SendError::Refused(format!("not resumed: Argo CD has not compared git with the cluster in {seconds} s")))
    }

    fn reconciler(&self, key: &OwnerKey, value: &Value) -> Reconciler {
        let resource = key.template.kind.resource();
        let (namespace, name) = (self.namespace.as_str(), key.template.name.as_str());
        reconciler(key.owner.kind, value, About { group: resource.group, kind: resource.kind, namespace, name })
    }
}

fn owner_of(target: &Target) -> Result<&OwnerKey, SendError> {
    match target {
        Target::Owner(key) => Ok(key),
        Target::Workload(_) | Target::Git(_) | Target::Flag(_) | Target::Pipeline(_) | Target::Tag(_) => {
            Err(SendError::Refused(format!("{target} owns no manifest")))
        }
    }
}

impl Executor for OwnerExecutor {
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        _: &'a str,
        _: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let key = owner_of(target)?;
            let request = own(request)?;
            let live = match request.body {
                Body::ResumeAutomation => self.compared(key).await?,
                _ => self.get(&key.owner).await?,
            };
            let kind = key.owner.kind;
            let patch = match &request.body {
                Body::SuspendAutomation { by, at } => suspend_patch(kind, &live, by, *at),
                Body::ResumeAutomation => resume_patch(kind, &live),
                Body::Merge(_) | Body::Strategic(_) | Body::RestoreTemplate { .. } | Body::SetImages { .. } => {
                    Err(format!("{} is no workload", key.owner))
                }
            };
            let patch = patch.map_err(SendError::Refused)?;
            // What it was is noted from what is read now: the write is conditional on just that.
            let seen = self.reconciler(key, &live);
            let patch = Patch::Merge(conditional(&patch, &seen.resource_version));
            Ok(Prepared { payload: Payload::Kubernetes(patch), seen: Some(seen.into()) })
        })
    }

    fn send<'a>(&'a self, target: &'a Target, _: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let owner = &owner_of(target)?.owner;
            let api = self.api(owner)?;
            let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            let Payload::Kubernetes(patch) = &prepared.payload else { return Err(not_for_us()) };
            match tokio::time::timeout(REQUEST_TIMEOUT, api.patch(&owner.name, &params, patch)).await {
                Ok(Ok(object)) => Ok(object.metadata.resource_version.unwrap_or_default()),
                Ok(Err(error)) => Err(classify(&error, &self.redactor)),
                Err(_) => Err(no_answer()),
            }
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(async move {
            let key = owner_of(target)?;
            Ok(self.reconciler(key, &self.get(&key.owner).await?).into())
        })
    }

    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        Box::pin(async move {
            let read = read_identity(&self.client, &self.namespace, REQUEST_TIMEOUT, &self.redactor).await;
            read.map_err(SendError::Unknown)
        })
    }
}
