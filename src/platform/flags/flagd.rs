//! Definitions of flagd in a `ConfigMap`. Nothing is retried.

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{FlagError, Known, ListsFlags};
use crate::domain::facts::flag::flagd::Document;
use crate::domain::facts::flag::history::note_changes;
use crate::domain::facts::flag::{Flag, Holder, Turn};
use crate::domain::facts::object::OURS as FIELD_MANAGER;
use crate::domain::facts::text::plain_words;
use crate::domain::facts::workload::kind::Resource;
use crate::platform::Redactor;
use crate::platform::kube_client::{REQUEST_TIMEOUT, api_resource, cause, login_error, never_connected};

const CONFIG_MAP: Resource = Resource { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps" };

/// A client of one document in a `ConfigMap`. Cheap to clone.
#[derive(Clone)]
pub struct Flagd {
    api: Api<DynamicObject>,
    config_map: String,
    key: String,
    redactor: Redactor,
}

/// The document as it was read.
pub struct Read {
    pub document: Document,
    pub holder: Holder,
    /// What a write is made conditional on.
    version: String,
}

/// A document to be written in the place of the one that was read.
#[derive(Clone, Debug)]
pub struct Change {
    text: String,
    version: String,
}

impl Read {
    /// Returns a flag of it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<Flag> {
        Some(Flag { holder: Some(self.holder.clone()), ..self.document.flag(name)? })
    }

    /// Returns what turns a flag; `None` where it is turned so already.
    ///
    /// # Errors
    /// Why it cannot be turned.
    pub fn change(&self, name: &str, turn: Turn) -> Result<Option<Change>, String> {
        let text = self.document.turned(name, turn)?;
        Ok(text.map(|text| Change { text, version: self.version.clone() }))
    }
}

impl ListsFlags for Flagd {
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(async move {
            let read = self.read().await?;
            let mut flags = read.document.flags();
            note_changes(&known.flags, &mut flags, read.holder.written.as_ref(), Timestamp::now());
            for flag in &mut flags {
                flag.holder = Some(read.holder.clone());
            }
            flags.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(flags)
        })
    }
}

impl Flagd {
    /// Makes it for an entry of a `ConfigMap`; nothing is asked yet.
    #[must_use]
    pub fn new(client: kube::Client, namespace: &str, config_map: &str, key: &str, redactor: Redactor) -> Self {
        let api = Api::namespaced_with(client, namespace, &api_resource(CONFIG_MAP));
        Self { api, config_map: config_map.to_owned(), key: key.to_owned(), redactor }
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn read(&self) -> Result<Read, FlagError> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.api.get(&self.config_map)).await;
        let object = answer.map_err(|_| no_answer())?.map_err(|error| self.failed(&error))?;
        let unreadable =
            |why: String| FlagError::NoAnswer(format!("ConfigMap {} key {}: {why}", self.config_map, self.key));
        let text = match &object.data["data"][self.key.as_str()] {
            Value::String(text) => text.clone(),
            _ if object.data["binaryData"][self.key.as_str()].is_string() => {
                return Err(unreadable("it is binary, and must be text".to_owned()));
            }
            _ => return Err(unreadable("there is no such key".to_owned())),
        };
        let document = Document::parse(text).map_err(unreadable)?;
        let metadata = serde_json::to_value(&object.metadata).map_err(|error| unreadable(error.to_string()))?;
        let holder = Holder::of(&metadata, &self.key);
        Ok(Read { document, holder, version: object.metadata.resource_version.unwrap_or_default() })
    }

    /// Writes a changed document, once, if nobody wrote the `ConfigMap` since; returns its version.
    ///
    /// # Errors
    /// Why it was not written, or may not have been; 409 where somebody else wrote.
    pub async fn write(&self, change: &Change) -> Result<String, FlagError> {
        let patch = Patch::Merge(json!({
            "metadata": {"resourceVersion": change.version},
            "data": {self.key.as_str(): change.text},
        }));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.api.patch(&self.config_map, &params, &patch)).await;
        let object = answer.map_err(|_| no_answer())?.map_err(|error| self.failed(&error))?;
        Ok(object.metadata.resource_version.unwrap_or_default())
    }

    fn failed(&self, error: &kube::Error) -> FlagError {
        if let kube::Error::Api(status) = error {
            let words = format!("{}: {}", status.reason, plain_words(&status.message));
            return FlagError::Status(status.code, self.redactor.redact(&words).into_owned());
        }
        let why = cause(error, &self.redactor);
        if login_error(error).is_some() || never_connected(error) {
            FlagError::NotSent(why)
        } else {
            FlagError::NoAnswer(why)
        }
    }
}

fn no_answer() -> FlagError {
    FlagError::NoAnswer(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
}
