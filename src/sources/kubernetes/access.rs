//! What the operator may do, asked up front with `SelfSubjectAccessReview`; who the operator is, with `SelfSubjectReview`.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use super::{KubernetesSource, ReadClient};
use crate::domain::facts::access::{Access, Permission, Right};
use crate::domain::facts::ids::WorkloadKind;
use crate::domain::record::action::Verb;
use crate::domain::world::feed::Feed;

/// How long one question may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Rights are asked again this often, for they may change under us.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Asks for all verbs, again and again.
pub(super) async fn run(source: KubernetesSource) {
    loop {
        let access =
            ask(&source.client, &source.namespace, source.workloads.iter().map(|workload| workload.kind)).await;
        let failed = access.verbs.values().any(|permission| matches!(permission, Permission::Unknown(_)));
        source.outlet.send(Feed::Access { env: source.env.clone(), access });
        tokio::time::sleep(if failed { RETRY_INTERVAL } else { REFRESH_INTERVAL }).await;
    }
}

/// Asks what the operator may do with workloads of these kinds, and who the operator is.
pub async fn ask(client: &ReadClient, namespace: &str, kinds: impl Iterator<Item = WorkloadKind>) -> Access {
    let kinds: Vec<_> = kinds.collect();
    let user = who(client).await;
    let mut asked: BTreeMap<Right, Permission> = BTreeMap::new();
    let mut verbs = BTreeMap::new();
    for verb in Verb::ALL {
        let needed = kinds.iter().flat_map(|kind| kind.rights(verb));
        let mut worst = Permission::Allowed;
        for right in needed {
            if !asked.contains_key(right) {
                asked.insert(*right, may(client, namespace, *right).await);
            }
            match (&worst, asked.get(right)) {
                (_, Some(denied @ Permission::Denied(_))) => worst = denied.clone(),
                (Permission::Allowed, Some(other)) => worst = other.clone(),
                _ => {}
            }
        }
        verbs.insert(verb, worst);
    }
    Access { user, verbs }
}

async fn who(client: &ReadClient) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.kube.clone());
    let review = SelfSubjectReview::default();
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.create(&PostParams::default(), &review)).await.ok()?.ok()?;
    answer.status?.user_info?.username
}

async fn may(client: &ReadClient, namespace: &str, right: Right) -> Permission {
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some(right.verb.to_owned()),
        group: Some(right.resource.group.to_owned()),
        resource: Some(right.resource.plural.to_owned()),
        subresource: right.subresource.map(ToOwned::to_owned),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
        ..Default::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.kube.clone());
    match tokio::time::timeout(REQUEST_TIMEOUT, api.create(&PostParams::default(), &review)).await {
        Ok(Ok(answer)) if answer.status.as_ref().is_some_and(|status| status.allowed) => Permission::Allowed,
        Ok(Ok(_)) => Permission::Denied(format!("{} in {namespace}", right.label())),
        Ok(Err(error)) => Permission::Unknown(client.explain(&error)),
        Err(_) => Permission::Unknown(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}
