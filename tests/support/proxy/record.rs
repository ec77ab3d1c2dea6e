//! What came through a proxy.

use std::time::Instant;

use axum::body::Bytes;
use axum::http::{Method, Request, header};
use serde_json::Value;

/// One request as it came, and how it was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub at: Instant,
    pub method: Method,
    pub path: String,
    pub query: String,
    /// Whether it changes anything: what only asks for one's own rights does not.
    pub is_write: bool,
    pub content_type: String,
    /// JSON of a write, without the precondition and the head of the journal.
    pub body: Value,
    /// The head of the journal that is noted in an annotation of the object.
    pub journal_head: Option<String>,
    /// The precondition: the resourceVersion that the body names.
    pub precondition: Option<String>,
    /// Status that the server answered, whatever became of the answer; `None` where it was not asked.
    pub answer: Option<u16>,
}

impl Recorded {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let path = request.uri().path().to_owned();
        let is_write = !request.method().is_safe() && !path.contains("/selfsubject");
        let mut body =
            if is_write { serde_json::from_slice(request.body()).unwrap_or(Value::Null) } else { Value::Null };
        let precondition = take_precondition(&mut body);
        let journal_head = take_journal_head(&mut body);
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Self {
            at: Instant::now(),
            method: request.method().clone(),
            path,
            query: request.uri().query().unwrap_or_default().to_owned(),
            is_write,
            content_type: kind.unwrap_or_default().to_owned(),
            body,
            journal_head,
            precondition,
            answer: None,
        }
    }

    /// Method and path, e.g. `PATCH /apis/…/rollouts/api/status`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether the server took it.
    pub fn is_accepted(&self) -> bool {
        self.answer.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether it goes to the shared record of what people said and what was rejected.
    pub fn is_record(&self) -> bool {
        self.path.ends_with("/configmaps/release-cockpit") || self.path.ends_with("/configmaps")
    }

    /// Whether it only makes a controller look again.
    pub fn is_nudge(&self) -> bool {
        self.body["metadata"]["annotations"]["release-cockpit/nudged-at"].is_string() || is_nudge_of_status(&self.body)
    }
}

/// Whether a patch makes a controller look again for somebody who may write to the status alone.
pub fn is_nudge_of_status(body: &Value) -> bool {
    body["status"]["message"].as_str().is_some_and(|message| message.starts_with("release-cockpit: nudged"))
}

/// Takes the resourceVersion out of a merge or JSON patch.
fn take_precondition(body: &mut Value) -> Option<String> {
    if let Some(operations) = body.as_array_mut() {
        let place = operations.iter().position(|operation| operation["path"] == "/metadata/resourceVersion")?;
        return operations.remove(place)["value"].as_str().map(ToOwned::to_owned);
    }
    let metadata = body.get_mut("metadata")?.as_object_mut()?;
    let version = metadata.remove("resourceVersion")?.as_str()?.to_owned();
    if metadata.is_empty() {
        body.as_object_mut()?.remove("metadata");
    }
    Some(version)
}

/// Takes the annotation with the head of the journal out of a merge or JSON patch, and what was sent for its sake alone.
fn take_journal_head(body: &mut Value) -> Option<String> {
    const KEY: &str = "release-cockpit/journal";
    let text = |value: Value| value.as_str().map(ToOwned::to_owned);
    if let Some(operations) = body.as_array_mut() {
        let path = format!("/metadata/annotations/{}", KEY.replace('/', "~1"));
        if let Some(place) = operations.iter().position(|operation| operation["path"] == path.as_str()) {
            return text(operations.remove(place)["value"].take());
        }
        let place = operations.iter().position(|operation| operation["path"] == "/metadata/annotations")?;
        let annotations = operations[place]["value"].as_object_mut()?;
        let head = text(annotations.remove(KEY)?);
        if annotations.is_empty() {
            operations.remove(place);
        }
        return head;
    }
    let metadata = body.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let head = text(annotations.remove(KEY)?);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    if metadata.is_empty() {
        body.as_object_mut()?.remove("metadata");
    }
    head
}
