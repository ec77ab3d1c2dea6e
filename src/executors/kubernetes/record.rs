//! The shared record, of what people state and of the heads of journals: a ConfigMap in the environment's namespace.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{Kubernetes, REQUEST_TIMEOUT, classify, no_answer};
use crate::domain::facts::object::OURS as FIELD_MANAGER;
use crate::domain::record::shared;
use crate::executors::executor::{SendError, SharedRecord};
use crate::failpoints::failpoint;
use crate::platform::cluster_identity::read_identity;

impl Kubernetes {
    /// Reads the shared record.
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) async fn shared_record(&self) -> Result<SharedRecord, SendError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(shared::NAME)).await {
            Ok(Ok(Some(map))) => {
                Ok(SharedRecord { data: map.data.unwrap_or_default(), version: map.metadata.resource_version })
            }
            Ok(Ok(None)) => Ok(SharedRecord::default()),
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }

    /// Writes an entry of the shared record, which is made if need be. Entries that are too many go.
    ///
    /// # Errors
    /// Why it is not there, or not known to be there.
    pub(super) async fn publish(&self, key: &str, value: &str, version: Option<&str>) -> Result<(), SendError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let sent = async {
            failpoint(format_args!("record.before-patch"));
            let mut add = json!({"data": {key: value}});
            if let Some(version) = version {
                add["metadata"] = json!({"resourceVersion": version});
            }
            let add = Patch::Merge(add);
            let map = match api.patch(shared::NAME, &params, &add).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    let made = ConfigMap {
                        metadata: ObjectMeta { name: Some(shared::NAME.to_owned()), ..ObjectMeta::default() },
                        data: Some([(key.to_owned(), value.to_owned())].into()),
                        ..ConfigMap::default()
                    };
                    let by = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
                    failpoint(format_args!("record.before-create"));
                    match api.create(&by, &made).await {
                        // Someone else made it in this moment.
                        Err(kube::Error::Api(status)) if status.code == 409 => {
                            api.patch(shared::NAME, &params, &add).await?
                        }
                        other => other?,
                    }
                }
                other => other?,
            };
            failpoint(format_args!("record.taken"));
            let data = map.data.unwrap_or_default();
            if !shared::surplus(&data, None).is_empty() {
                // What is about elsewhere takes nobody's place.
                let here = read_identity(&self.client, &self.namespace, REQUEST_TIMEOUT, &self.redactor).await;
                let gone = shared::surplus(&data, here.as_ref().ok()).into_iter();
                let gone: serde_json::Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
                failpoint(format_args!("record.before-trim"));
                api.patch(shared::NAME, &params, &Patch::Merge(json!({"data": gone}))).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, sent).await {
            Ok(sent) => sent.map_err(|error| classify(&error, &self.redactor)),
            Err(_) => Err(no_answer()),
        }
    }
}
