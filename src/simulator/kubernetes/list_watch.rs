//! Lists in pages, and watches that stay open.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api_error::ApiError;
use super::object;
use super::path::Target;
use super::representation::{self, Representation, json_response};
use super::resources::Kind;
use super::selectors::Selector;
use super::server::{Call, Server};
use super::store::{Change, ChangeKind};
use super::table;
use crate::faults::Fault;

/// How often a quiet watch gets a bookmark.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(10);
/// How long a watch lasts when the client does not say.
const DEFAULT_WATCH_TIMEOUT: Duration = Duration::from_secs(1800);

/// Wraps items as a list of their kind.
pub fn envelope(kind: Kind, version: u64, items: &[Value]) -> Value {
    let resource = kind.resource();
    json!({
        "kind": format!("{}List", resource.title),
        "apiVersion": resource.api_version(),
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    })
}

fn selector(call: &Call<'_>, target: &Target) -> Result<Selector, ApiError> {
    Selector::parse(target.kind, call.query.get("labelSelector"), call.query.get("fieldSelector"))
}

pub fn list(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let selector = selector(call, target)?;
    let (version, objects) = call.server.store.list(target.kind, Some(&target.namespace));
    let mut found: Vec<Arc<Value>> = objects.into_iter().filter(|object| selector.matches(object)).collect();
    if let Some(asked) = call.query.number("resourceVersion").filter(|asked| *asked > version) {
        return Err(ApiError::future_version(asked, version));
    }
    let custom = target.kind.resource().custom;
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if custom {
        metadata["continue"] = json!("");
    }
    let start = continuation(call.query.get("continue"))?;
    found.drain(..start.min(found.len()));
    if let Some(limit) = call.query.number("limit").filter(|limit| *limit > 0) {
        let limit = limit as usize;
        if found.len() > limit {
            metadata["continue"] = json!(format!("sim-{}", start + limit));
            metadata["remainingItemCount"] = json!(found.len() - limit);
            found.truncate(limit);
        }
    }
    let accept = Representation::from_accept(call.header(header::ACCEPT));
    let body = match accept {
        Representation::Table => {
            let rows: Vec<&Value> = found.iter().map(AsRef::as_ref).collect();
            let mut table = table::table(target.kind, &rows, "", true);
            table["metadata"] = metadata;
            table
        }
        Representation::Metadata => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": found.iter().map(|o| representation::metadata(o)).collect::<Vec<_>>(),
        }),
        Representation::Whole => {
            let mut items: Vec<Value> = found.iter().map(|o| Value::clone(o)).collect();
            if !custom {
                // Items of built-in kinds do not carry what the list says.
                for item in &mut items {
                    object::remove(item, &["kind"]);
                    object::remove(item, &["apiVersion"]);
                }
            }
            let mut list = envelope(target.kind, version, &items);
            list["metadata"] = metadata;
            list
        }
    };
    Ok(json_response(200, &body))
}

fn continuation(token: &str) -> Result<usize, ApiError> {
    if token.is_empty() {
        return Ok(0);
    }
    token.strip_prefix("sim-").and_then(|offset| offset.parse().ok()).ok_or_else(ApiError::continue_expired)
}

struct Watch {
    server: Arc<Server>,
    method: String,
    uri: String,
    target: Target,
    selector: Selector,
    form: Representation,
    bookmarks: bool,
    /// The list of columns has not been sent yet.
    first: bool,
    cursor: u64,
    ready: VecDeque<Bytes>,
    changed: watch::Receiver<u64>,
    faults: watch::Receiver<u64>,
    cut: CancellationToken,
    ends: Instant,
    bookmark_at: Instant,
    ended: bool,
}

pub fn watch(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let selector = selector(call, target)?;
    let store = &call.server.store;
    let changed = store.subscribe();
    let asked = call.query.get("resourceVersion");
    let (version, objects) = store.list(target.kind, Some(&target.namespace));
    let from_start = asked.is_empty() || asked == "0";
    let cursor = if from_start { version } else { asked.parse().map_err(|_| ApiError::not_a_watch_version(asked))? };
    let timeout = call.query.number("timeoutSeconds").map_or(DEFAULT_WATCH_TIMEOUT, Duration::from_secs);
    let now = Instant::now();
    let initial = call.query.is("sendInitialEvents");
    let mut open = Watch {
        server: Arc::clone(call.server),
        method: call.method.to_string(),
        uri: call.uri.to_string(),
        target: target.clone(),
        selector,
        form: Representation::from_accept(call.header(header::ACCEPT)),
        bookmarks: call.query.is("allowWatchBookmarks"),
        first: true,
        cursor,
        ready: VecDeque::new(),
        changed,
        faults: call.server.faults.changes(),
        cut: call.connection.token().clone(),
        ends: now + timeout,
        bookmark_at: now + BOOKMARK_INTERVAL,
        ended: false,
    };
    // Without a version a watch begins with what exists; with one it may ask for it.
    let suppressed = call.query.get("sendInitialEvents") == "false";
    if initial || (from_start && !suppressed) {
        open.cursor = version;
        for object in &objects {
            if open.selector.matches(object) {
                open.emit("ADDED", object);
            }
        }
    }
    // A watch without a version that takes bookmarks learns where what exists ends, asked for or not.
    if initial || (asked.is_empty() && open.bookmarks && !suppressed) {
        open.bookmark(true);
    }
    let body = Body::from_stream(stream::unfold(open, |mut open| async move {
        let item = open.next().await?;
        Some((item, open))
    }));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl Watch {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            self.changed.borrow_and_update();
            self.faults.borrow_and_update();
            match self.server.faults.fault_of_open_watch(&self.method, &self.uri) {
                Some(Fault::Cut) => {
                    self.cut.cancel();
                    return Some(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Some(Fault::Gone) => {
                    self.expire(self.server.store.version());
                    continue;
                }
                // Nothing more comes, and nothing says so.
                Some(Fault::Hang) => {
                    tokio::select! {
                        _ = self.faults.changed() => {}
                        () = self.cut.cancelled() => return Some(Err(io::ErrorKind::ConnectionReset.into())),
                    }
                    continue;
                }
                _ => {}
            }
            self.collect();
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                () = self.cut.cancelled() => return Some(Err(io::ErrorKind::ConnectionReset.into())),
                _ = self.changed.changed() => {}
                _ = self.faults.changed() => {}
                () = tokio::time::sleep_until(self.ends) => return None,
                () = tokio::time::sleep_until(self.bookmark_at), if self.bookmarks => self.bookmark(false),
            }
        }
    }

    fn collect(&mut self) {
        match self.server.store.changes_since(self.cursor) {
            Ok(changes) => {
                for change in changes {
                    self.cursor = change.version;
                    self.show(&change);
                }
            }
            Err(expired) => self.expire(expired.oldest),
        }
    }

    fn show(&mut self, change: &Change) {
        let key = &change.key;
        let elsewhere = !self.target.namespace.is_empty() && self.target.namespace != key.namespace;
        if key.kind != self.target.kind || elsewhere {
            return;
        }
        let before = change.previous.as_ref().is_some_and(|object| self.selector.matches(object));
        let after = change.what != ChangeKind::Deleted && self.selector.matches(&change.object);
        match (before, after) {
            (false, true) => self.emit("ADDED", &change.object),
            (true, true) => self.emit("MODIFIED", &change.object),
            (true, false) => self.emit("DELETED", &change.object),
            (false, false) => {}
        }
    }

    fn emit(&mut self, event: &str, object: &Value) {
        let shown = self.form.event(self.target.kind, object, self.first);
        self.first = false;
        self.line(&json!({"type": event, "object": shown}));
    }

    fn line(&mut self, event: &Value) {
        self.bookmark_at = Instant::now() + BOOKMARK_INTERVAL;
        self.ready.push_back(Bytes::from(format!("{event}\n")));
    }

    fn bookmark(&mut self, initial_end: bool) {
        let resource = self.target.kind.resource();
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if initial_end {
            object::set(&mut metadata, &["annotations", "k8s.io/initial-events-end"], json!("true"));
        }
        let mut object = json!({
            "kind": resource.title,
            "apiVersion": resource.api_version(),
            "metadata": metadata,
        });
        if self.form == Representation::Table {
            object = table::bookmark(&metadata);
        } else if self.form == Representation::Metadata {
            object = representation::metadata(&object);
        }
        self.line(&json!({"type": "BOOKMARK", "object": object}));
    }

    fn expire(&mut self, oldest: u64) {
        let error = ApiError::expired(self.cursor, oldest);
        self.line(&json!({"type": "ERROR", "object": error.status()}));
        self.ended = true;
    }
}
