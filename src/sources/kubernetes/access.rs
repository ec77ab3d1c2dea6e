//! What the operator may do, asked up front with `SelfSubjectAccessReview`; who the operator is, with `SelfSubjectReview`.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;
use serde_json::Value;

use super::raw::Raw;
use super::{KubernetesSource, ReadClient};
use crate::domain::facts::access::{Access, ObjectWrite, Permission};
use crate::domain::facts::ids::{WorkloadId, WorkloadKind};
use crate::domain::facts::text::plain_words;
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::TemplateRef;
use crate::domain::record::action::Verb;
use crate::domain::rules::action::writes;
use crate::domain::world::feed::Feed;
use crate::platform::kube_client::api_resource;

/// How long one question may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Rights are asked again this often, for they may change under us.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
/// Where they could not be asked; doubled each time.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Asks what the operator may do, again and again, and when a person wants to know.
pub(super) async fn run(source: KubernetesSource) {
    let mut wait = RETRY_INTERVAL;
    let mut workloads = source.workloads.clone();
    loop {
        let known = workloads.borrow_and_update().clone();
        let access = ask(&source.client, &source.namespace, &known).await;
        let failed = access.writes.values().any(|permission| matches!(permission, Permission::Unknown(_)));
        source.outlet.send(Feed::Access { env: source.env.clone(), access });
        wait = if failed { (wait * 2).min(REFRESH_INTERVAL) } else { RETRY_INTERVAL };
        let next = if failed { wait } else { REFRESH_INTERVAL };
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = source.refresh.notified() => {}
            () = source.rights.notified() => {}
            Ok(()) = workloads.changed() => {}
        }
    }
}

/// Asks what the operator may do with these workloads, and who the operator is.
pub async fn ask(client: &ReadClient, namespace: &str, workloads: &[WorkloadId]) -> Access {
    let mut answers = Answers { client, namespace, kinds: BTreeMap::new(), writes: BTreeMap::new() };
    for workload in workloads {
        let template = template_owner(client, namespace, workload).await;
        for verb in Verb::ALL {
            for write in writes(workload, template.as_ref(), verb) {
                answers.ask(write).await;
            }
        }
    }
    Access { user: who(client).await, writes: answers.writes }
}

/// The object that a workload's pod template lives in, as far as it can be read.
async fn template_owner(client: &ReadClient, namespace: &str, workload: &WorkloadId) -> Option<TemplateRef> {
    if workload.kind != WorkloadKind::Rollout {
        return None;
    }
    let resource = api_resource(workload.kind.resource());
    let api: Api<Raw<Value>> = Api::namespaced_with(client.kube.clone(), namespace, &resource);
    let found = tokio::time::timeout(REQUEST_TIMEOUT, api.get(&workload.name)).await.ok()?.ok()?;
    Object::reduce(workload.kind, &found.kept?).workload().template_owner().cloned()
}

/// What was answered, so that nothing is asked twice.
struct Answers<'a> {
    client: &'a ReadClient,
    namespace: &'a str,
    /// Of all objects of a kind.
    kinds: BTreeMap<(String, Option<String>), Permission>,
    writes: BTreeMap<ObjectWrite, Permission>,
}

impl Answers<'_> {
    /// Asks for all objects of the kind, and where that is denied for the one by its name.
    async fn ask(&mut self, write: ObjectWrite) {
        if self.writes.contains_key(&write) {
            return;
        }
        let kind = (write.kind.clone(), write.subresource.clone());
        let of_all = match self.kinds.get(&kind) {
            Some(known) => known.clone(),
            None => may(self.client, self.namespace, &ObjectWrite { name: String::new(), ..write.clone() }).await,
        };
        let permission = match &of_all {
            Permission::Denied(_) => may(self.client, self.namespace, &write).await,
            other => other.clone(),
        };
        self.kinds.insert(kind, of_all);
        self.writes.insert(write, permission);
    }
}

async fn who(client: &ReadClient) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.kube.clone());
    let review = SelfSubjectReview::default();
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.create(&PostParams::default(), &review)).await.ok()?.ok()?;
    answer.status?.user_info?.username
}

async fn may(client: &ReadClient, namespace: &str, write: &ObjectWrite) -> Permission {
    let Some(resource) = Resource::of(&write.kind) else {
        return Permission::Unknown(format!("{} is not known here", write.kind));
    };
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some("patch".to_owned()),
        group: Some(resource.group.to_owned()),
        resource: Some(resource.plural.to_owned()),
        subresource: write.subresource.clone(),
        name: Some(write.name.clone()).filter(|name| !name.is_empty()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
        ..Default::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.kube.clone());
    match tokio::time::timeout(REQUEST_TIMEOUT, api.create(&PostParams::default(), &review)).await {
        Ok(Ok(answer)) => match answer.status {
            Some(status) if status.allowed => Permission::Allowed,
            // An authorizer that fails denies nothing by that.
            Some(status) if status.evaluation_error.is_some() && status.denied != Some(true) => {
                Permission::Unknown(plain_words(&status.evaluation_error.unwrap_or_default()))
            }
            _ => Permission::Denied(format!("{} in {namespace}", write.label())),
        },
        Ok(Err(error)) => Permission::Unknown(client.explain(&error)),
        Err(_) => Permission::Unknown(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}
