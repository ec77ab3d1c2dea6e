//! Reads the shared record: what people said to checklists, and the heads of journals.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use super::raw::Raw;
use super::{KubernetesSource, ReadClient};
use crate::config::SignersFile;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{WorkloadId, WorkloadKind};
use crate::domain::record::anchor::{self, Anchor};
use crate::domain::record::ledger::Ledger;
use crate::domain::record::proof::Keys;
use crate::domain::record::shared::{NAME, read};
use crate::domain::world::feed::Feed;
use crate::platform::kube_client::api_resource;

/// How often to look: people sign rarely, and want to see it soon.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How soon to look again after a look that failed, at first: nothing is promoted before the record is read.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the anchors of journals in a namespace, with their keys.
///
/// # Errors
/// Why they are not known.
pub async fn anchors(client: &ReadClient, namespace: &str) -> Result<Vec<(String, Anchor)>, String> {
    let api: Api<ConfigMap> = Api::namespaced(client.kube.clone(), namespace);
    match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(NAME)).await {
        Ok(Ok(found)) => Ok(anchor::read(&found.and_then(|map| map.data).unwrap_or_default())),
        Ok(Err(error)) => Err(client.explain(&error)),
        Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}

/// Reads the anchors in the annotations of workloads, with the workloads: of all in a namespace, or where those may not be
/// listed of these.
///
/// # Errors
/// Why they are not known.
pub async fn workload_anchors(
    client: &ReadClient,
    namespace: &str,
    known: &[WorkloadId],
) -> Result<Vec<(String, Anchor)>, String> {
    let of_kind = |kind: WorkloadKind| async move {
        let api: Api<Raw<Value>> = Api::namespaced_with(client.kube.clone(), namespace, &api_resource(kind.resource()));
        let looked = async {
            match api.list_metadata(&ListParams::default()).await {
                Ok(listed) => Ok(listed.items),
                // The cluster does not know the kind.
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    let mut found = Vec::new();
                    for id in known.iter().filter(|id| id.kind == kind) {
                        found.extend(api.get_metadata_opt(&id.name).await?);
                    }
                    Ok(found)
                }
                Err(error) => Err(error),
            }
        };
        let found = match tokio::time::timeout(REQUEST_TIMEOUT, looked).await {
            Ok(found) => found.map_err(|error| client.explain(&error))?,
            Err(_) => return Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
        };
        let anchors = found.into_iter().filter_map(|object| {
            let value = object.metadata.annotations?.remove(anchor::ANNOTATION)?;
            Some((WorkloadId::new(kind, object.metadata.name?).to_string(), anchor::parse(&value)?))
        });
        Ok(anchors.collect::<Vec<_>>())
    };
    let all = futures::future::join_all(WorkloadKind::ALL.map(of_kind)).await;
    Ok(all.into_iter().collect::<Result<Vec<_>, String>>()?.into_iter().flatten().collect())
}

/// What reads statements: the keys that prove them are read anew each time, for somebody's may be taken back.
struct Reader {
    file: Option<SignersFile>,
    keys: Option<Keys>,
}

impl Reader {
    fn read(&mut self, source: &KubernetesSource, here: &ClusterIdentity, data: &BTreeMap<String, String>) -> Ledger {
        if let Some(file) = &self.file {
            let signers = file.read();
            match &mut self.keys {
                Some(keys) => keys.use_signers(signers),
                None => self.keys = Some(Keys::new(signers)),
            }
        }
        read((&source.env, here), data, jiff::Timestamp::now(), self.keys.as_mut())
    }
}

/// Reads the statements apart from everything else: there may be hundreds of signatures, and the disk may not answer.
async fn stated(
    source: &KubernetesSource,
    here: &ClusterIdentity,
    data: BTreeMap<String, String>,
    mut reader: Reader,
) -> Result<(Ledger, Reader), String> {
    let (own, here) = (source.clone(), here.clone());
    let mut reading = tokio::task::spawn_blocking(move || {
        let ledger = reader.read(&own, &here, &data);
        (ledger, reader)
    });
    loop {
        match tokio::time::timeout(REQUEST_TIMEOUT, &mut reading).await {
            Ok(done) => return done.map_err(|error| error.to_string()),
            Err(_) => tell(source, Err("allowed_signers is not read: the disk does not answer".to_owned())),
        }
    }
}

fn tell(source: &KubernetesSource, known: Result<(), String>) {
    source.outlet.send(Feed::Record { env: source.env.clone(), known });
}

/// Looks again and again, and at once when a look is asked for.
pub(super) async fn run(source: KubernetesSource) {
    let api: Api<ConfigMap> = Api::namespaced(source.client.kube.clone(), &source.namespace);
    let mut known = source.identity.subscribe();
    let Some(here) = known.wait_for(Option::is_some).await.ok().and_then(|here| here.clone()) else { return };
    let reader = || Reader { file: source.signers.clone(), keys: None };
    let mut kept = reader();
    let mut retry = FIRST_RETRY;
    loop {
        let look = tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(NAME)).await;
        let known = match look {
            Ok(Ok(found)) => {
                let data = found.and_then(|map| map.data).unwrap_or_default();
                match stated(&source, &here, data, std::mem::replace(&mut kept, reader())).await {
                    Ok((ledger, reader)) => {
                        kept = reader;
                        source.outlet.send(Feed::Ledger(Box::new(ledger)));
                        Ok(())
                    }
                    Err(why) => Err(why),
                }
            }
            Ok(Err(error)) => Err(source.client.explain(&error)),
            Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
        };
        let wait = if known.is_ok() { POLL_INTERVAL } else { retry };
        retry = if known.is_ok() { FIRST_RETRY } else { (retry * 2).min(POLL_INTERVAL) };
        tell(&source, known);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = source.refresh.notified() => {}
        }
    }
}
