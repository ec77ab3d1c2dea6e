//! The hand that writes to one environment's API server. It sends what a plan says, once.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use crate::domain::access::{Access, Permission};
use crate::domain::action::{Body, ObjectRef, Request, TemplateError, Verb, restore_patch};
use crate::domain::checklist::record;
use crate::domain::object::OURS as FIELD_MANAGER;
use crate::domain::reduce;
use crate::domain::text::plain_words;
use crate::domain::workload::Object;
use crate::kill_points::pass;
use crate::platform::Redactor;
use crate::platform::kube_client::{ClientError, cause, client};

/// How long one answer may take. After that the request is unknown.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Why a request did not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The API server, or this side, said no; nothing happened.
    Refused(String),
    /// The object is another one than the request was made for: the facts decide whether it is sent again.
    Conflict,
    /// No answer, or one that tells nothing: it may have happened.
    Unknown(String),
}

impl SendError {
    /// Returns it in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Refused(why) | Self::Unknown(why) => why.clone(),
            Self::Conflict => "somebody else wrote at the same time".to_owned(),
        }
    }
}

/// The hand of one environment. Read-only environments have none.
#[derive(Clone)]
pub struct Executor {
    client: kube::Client,
    namespace: String,
    /// Verbs that RBAC does not deny.
    verbs: BTreeSet<Verb>,
    redactor: Redactor,
}

impl Executor {
    /// Makes the hand, with a client that never retries by itself.
    ///
    /// # Errors
    /// What the client cannot be built from.
    pub fn new(mut config: kube::Config, namespace: &str, redactor: Redactor) -> Result<Self, ClientError> {
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(5));
        config.read_timeout = Some(DEADLINE);
        config.write_timeout = Some(DEADLINE);
        let client = client(config, &redactor)?;
        Ok(Self { client, namespace: namespace.to_owned(), verbs: Verb::ALL.into(), redactor })
    }

    /// Builds the verbs anew from what the operator may do: a denied verb is not there at all.
    pub fn learn(&mut self, access: &Access) {
        self.verbs = Verb::ALL.into_iter().filter(|verb| !matches!(access.of(*verb), Permission::Denied(_))).collect();
    }

    /// Returns whether a verb is there.
    #[must_use]
    pub fn can(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    fn api(&self, object: &ObjectRef) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(&object.kind))
    }

    /// Reads an object as JSON.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get(&self, object: &ObjectRef) -> Result<Value, SendError> {
        self.get_kind(&object.kind, &object.name).await
    }

    async fn get_kind(&self, kind: &str, name: &str) -> Result<Value, SendError> {
        let api = self.api(&ObjectRef { kind: kind.to_owned(), name: name.to_owned() });
        match tokio::time::timeout(DEADLINE, api.get(name)).await {
            Ok(Ok(object)) => {
                serde_json::to_value(object).map_err(|error| SendError::Unknown(format!("unreadable answer: {error}")))
            }
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(SendError::Unknown(format!("no answer in {} s", DEADLINE.as_secs()))),
        }
    }

    /// Reads a workload, reduced.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look(&self, object: &ObjectRef) -> Result<Object, SendError> {
        let value = self.get(object).await?;
        reduce::object(&value).ok_or_else(|| SendError::Unknown("the answer is no workload".to_owned()))
    }

    /// Returns the bytes-to-be of a request, conditional on `resource_version`.
    ///
    /// Putting a template back needs the ReplicaSet and the object itself: they are read now, and the write is
    /// conditional on what was read.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub async fn prepare(&self, request: &Request, resource_version: &str) -> Result<Prepared, SendError> {
        let conditional = |body: &Value| {
            let mut body = body.clone();
            body["metadata"]["resourceVersion"] = json!(resource_version);
            body
        };
        match &request.body {
            Body::Merge(body) => Ok(Prepared { patch: Patch::Merge(conditional(body)), live: None }),
            Body::Strategic(body) => Ok(Prepared { patch: Patch::Strategic(conditional(body)), live: None }),
            Body::RestoreTemplate { replicaset } => {
                let (replicaset, live) =
                    tokio::join!(self.get_kind("ReplicaSet", replicaset), self.get(&request.object));
                let (replicaset, live) = (replicaset?, live?);
                let patch = restore_patch(&replicaset, &live, true).map_err(|error| match error {
                    TemplateError::Same(_) => SendError::Refused(format!("nothing to do: {error}")),
                    TemplateError::NoTemplate(_) => SendError::Refused(error.to_string()),
                })?;
                let patch = serde_json::from_value(patch)
                    .map_err(|error| SendError::Refused(format!("the patch cannot be made: {error}")))?;
                Ok(Prepared { patch: Patch::Json::<()>(patch).into_value()?, live: Some(live) })
            }
        }
    }

    /// Touches an object so that its controller looks at it again: an annotation, conditional on `resource_version`.
    ///
    /// Argo Rollouts (1.9) puts the result of its own status write back into its cache without comparing versions. A
    /// request that arrives within some 50 ms of such a write is in etcd but not seen, until something changes.
    ///
    /// # Errors
    /// Refused, conflict or unknown.
    pub async fn nudge(&self, object: &ObjectRef, resource_version: &str, at: Timestamp) -> Result<String, SendError> {
        let body = json!({"metadata": {"annotations": {"release-cockpit/nudged-at": at.to_string()}}});
        let request = Request { object: object.clone(), subresource: None, body: Body::Merge(body) };
        let prepared = self.prepare(&request, resource_version).await?;
        self.send(&request, &prepared).await
    }

    /// Sends a prepared request, once; returns the object's new resourceVersion.
    ///
    /// # Errors
    /// Refused, conflict or unknown.
    pub async fn send(&self, request: &Request, prepared: &Prepared) -> Result<String, SendError> {
        let api = self.api(&request.object);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let name = &request.object.name;
        let sent = async {
            match &request.subresource {
                Some(subresource) => api.patch_subresource(subresource, name, &params, &prepared.patch).await,
                None => api.patch(name, &params, &prepared.patch).await,
            }
        };
        match tokio::time::timeout(DEADLINE, sent).await {
            Ok(Ok(object)) => Ok(object.metadata.resource_version.unwrap_or_default()),
            Ok(Err(error)) => Err(classify(&error, &self.redactor)),
            Err(_) => Err(SendError::Unknown(format!("no answer in {} s", DEADLINE.as_secs()))),
        }
    }
}

impl Executor {
    /// Adds what a person said to the shared record, which is made if need be. Statements that are too many go.
    ///
    /// # Errors
    /// Why it is not there, or not known to be there.
    pub async fn publish(&self, key: &str, value: &str) -> Result<(), SendError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let sent = async {
            pass(format_args!("record.before-patch"));
            let add = Patch::Merge(json!({"data": {key: value}}));
            let map = match api.patch(record::NAME, &params, &add).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    let made = ConfigMap {
                        metadata: ObjectMeta { name: Some(record::NAME.to_owned()), ..ObjectMeta::default() },
                        data: Some([(key.to_owned(), value.to_owned())].into()),
                        ..ConfigMap::default()
                    };
                    let by = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
                    pass(format_args!("record.before-create"));
                    match api.create(&by, &made).await {
                        // Somebody else made it in this moment.
                        Err(kube::Error::Api(status)) if status.code == 409 => {
                            api.patch(record::NAME, &params, &add).await?
                        }
                        other => other?,
                    }
                }
                other => other?,
            };
            pass(format_args!("record.taken"));
            let gone = map.data.iter().flat_map(|data| record::surplus(data.keys()));
            let gone: serde_json::Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
            if !gone.is_empty() {
                pass(format_args!("record.before-trim"));
                api.patch(record::NAME, &params, &Patch::Merge(json!({"data": gone}))).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(DEADLINE, sent).await {
            Ok(sent) => sent.map_err(|error| classify(&error, &self.redactor)),
            Err(_) => Err(SendError::Unknown(format!("no answer in {} s", DEADLINE.as_secs()))),
        }
    }
}

/// A request ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    patch: Patch<Value>,
    /// The object as it was read just now, where it had to be.
    pub live: Option<Value>,
}

trait IntoValue {
    fn into_value(self) -> Result<Patch<Value>, SendError>;
}

impl IntoValue for Patch<()> {
    /// A JSON patch carries no type: only the marker changes.
    fn into_value(self) -> Result<Patch<Value>, SendError> {
        match self {
            Self::Json(patch) => Ok(Patch::Json(patch)),
            _ => Err(SendError::Refused("not a JSON patch".to_owned())),
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    let (group, version) = if kind == "Rollout" { ("argoproj.io", "v1alpha1") } else { ("apps", "v1") };
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Tells what an error means for the request: a clear no, a conflict, or nothing known.
fn classify(error: &kube::Error, redactor: &Redactor) -> SendError {
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

/// Whether an error is about the connection that a request was to go over: name, address or certificate.
fn never_connected(error: &kube::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(http) = this.downcast_ref::<hyper_util::client::legacy::Error>() {
            return http.is_connect();
        }
        cause = this.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> ObjectRef {
        ObjectRef { kind: "Rollout".to_owned(), name: "api".to_owned() }
    }

    /// Asks a server that ends the connection as soon as a byte of anything has come.
    async fn hung_up_on(scheme: &str) -> SendError {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.readable().await.unwrap();
            }
        });
        let executor = Executor::new(kube::Config::new(url.parse().unwrap()), "shop", Redactor::default()).unwrap();
        executor.get(&rollout()).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_handshake_that_fails_has_sent_nothing_and_an_answer_that_fails_may_have() {
        let SendError::Refused(why) = hung_up_on("https").await else { panic!("the request cannot have been sent") };
        assert!(why.starts_with("not sent"), "{why}");
        assert!(matches!(hung_up_on("http").await, SendError::Unknown(_)));
    }
}
