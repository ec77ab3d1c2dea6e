//! What containers print: a bounded log for each pod, the one before the last restart included.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Response, header};
use futures::stream;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::api_error::ApiError;
use super::object;
use super::path::Target;
use super::resources::Kind;
use super::server::Call;
use super::store::Key;

/// Lines kept for each container.
const MAX_LINES: usize = 500;

#[derive(Debug, Clone)]
struct Line {
    at: Timestamp,
    text: String,
}

#[derive(Debug, Default)]
struct Log {
    current: VecDeque<Line>,
    /// How many lines of the current container have been dropped.
    dropped: usize,
    previous: Option<VecDeque<Line>>,
}

/// The logs of one cluster, by pod uid.
#[derive(Debug)]
pub struct Logs {
    logs: Arc<Mutex<HashMap<String, Log>>>,
    changed: watch::Sender<u64>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { logs: Arc::default(), changed: watch::Sender::new(0) }
    }
}

impl Logs {
    /// Adds a line to a pod's log.
    pub fn print(&self, uid: &str, text: &str) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.entry(uid.to_owned()).or_default();
        log.current.push_back(Line { at: Timestamp::now(), text: text.to_owned() });
        if log.current.len() > MAX_LINES {
            log.current.pop_front();
            log.dropped += 1;
        }
        drop(logs);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Starts the log of a restarted container; the old one stays as the previous.
    pub fn restart(&self, uid: &str) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.entry(uid.to_owned()).or_default();
        log.previous = Some(std::mem::take(&mut log.current));
        log.dropped = 0;
    }

    pub fn forget(&self, uid: &str) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Answers `pods/log`.
    pub fn answer(&self, call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
        if call.method != Method::GET {
            return Err(ApiError::method_not_allowed());
        }
        let key = Key::new(Kind::Pod, &target.namespace, &target.name);
        let pod = call.server.store.get(&key).ok_or_else(|| ApiError::not_found(Kind::Pod, &target.name))?;
        let container = check_container(&pod, call.query.get("container"))?;
        let uid = object::uid(&pod).to_owned();
        let previous = call.query.is("previous");
        let stamps = call.query.is("timestamps");
        let lines = {
            let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            let log = logs.get(&uid);
            if previous {
                let Some(lines) = log.and_then(|log| log.previous.clone()) else {
                    return Err(ApiError::bad_request(format!(
                        "previous terminated container \"{container}\" in pod \"{}\" not found",
                        target.name
                    )));
                };
                lines
            } else if let Some(log) = log {
                log.current.clone()
            } else {
                refuse_unstarted(&pod, &container)?;
                VecDeque::new()
            }
        };
        let tail = call.query.number("tailLines").map_or(lines.len(), |n| n as usize);
        let seen = lines.len();
        let text: String = lines.iter().skip(seen.saturating_sub(tail)).map(|line| line.show(stamps)).collect();
        let body =
            if call.query.is("follow") && !previous { self.follow(uid, text, seen, stamps) } else { Body::from(text) };
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Ok(response)
    }

    fn follow(&self, uid: String, text: String, seen: usize, stamps: bool) -> Body {
        let logs = Arc::clone(&self.logs);
        let changed = self.changed.subscribe();
        let first = Some(Bytes::from(text));
        Body::from_stream(stream::unfold((logs, changed, first, seen), move |(logs, mut changed, first, seen)| {
            let uid = uid.clone();
            async move {
                if let Some(text) = first.filter(|text| !text.is_empty()) {
                    let item: Result<Bytes, std::io::Error> = Ok(text);
                    return Some((item, (logs, changed, None, seen)));
                }
                loop {
                    changed.changed().await.ok()?;
                    let (text, total) = {
                        let logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
                        let log = logs.get(&uid)?;
                        let total = log.dropped + log.current.len();
                        let skip = seen.saturating_sub(log.dropped);
                        let text: String = log.current.iter().skip(skip).map(|line| line.show(stamps)).collect();
                        (text, total)
                    };
                    // A restart starts a shorter log: the stream of the old container ends.
                    if total < seen {
                        return None;
                    }
                    if !text.is_empty() {
                        return Some((Ok(Bytes::from(text)), (logs, changed, None, total)));
                    }
                }
            }
        }))
    }
}

impl Line {
    fn show(&self, stamps: bool) -> String {
        if stamps { format!("{} {}\n", self.at, self.text) } else { format!("{}\n", self.text) }
    }
}

fn check_container(pod: &Value, asked: &str) -> Result<String, ApiError> {
    let names: Vec<&str> = object::items(pod, "/spec/containers").iter().map(object_name).collect();
    if asked.is_empty() {
        return Ok(names.first().copied().unwrap_or_default().to_owned());
    }
    if names.contains(&asked) {
        return Ok(asked.to_owned());
    }
    Err(ApiError::bad_request(format!("container {asked} is not valid for pod {}", object::name(pod))))
}

fn object_name(container: &Value) -> &str {
    object::text(container, "/name")
}

fn refuse_unstarted(pod: &Value, container: &str) -> Result<(), ApiError> {
    let waiting = object::items(pod, "/status/containerStatuses")
        .iter()
        .map(|status| object::text(status, "/state/waiting/reason"))
        .find(|reason| !reason.is_empty());
    let Some(reason) = waiting else { return Ok(()) };
    let why =
        if reason == "ContainerCreating" { reason.to_owned() } else { "trying and failing to pull image".to_owned() };
    Err(ApiError::bad_request(format!(
        "container \"{container}\" in pod \"{}\" is waiting to start: {why}",
        object::name(pod)
    )))
}
