//! The wire between a cockpit and its API server: it writes down what passes, and does harm on request.
//!
//! What was really sent is told here, not by the code under test. Every cockpit has a wire of its own.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Checked;

/// What befalls the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It never reaches the server, and the connection ends.
    LoseRequest,
    /// The server carries it out, and the connection ends before its answer.
    LoseAnswer,
    /// It is held before the server until its connection ends.
    HoldRequest,
    /// The server carries it out; its answer is held until the connection ends.
    HoldAnswer,
    /// It never reaches the server; this status is answered.
    Answer(u16),
    /// It never reaches the server, and nothing is ever answered.
    Silence,
}

/// One write as it passed.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Method and path, e.g. `PATCH /apis/…/rollouts/api/status`.
    pub line: String,
    /// Content type.
    pub kind: String,
    /// Body, without the precondition.
    pub body: Value,
    /// The precondition: the resourceVersion that the body names.
    pub precondition: Option<String>,
    /// Status that the server answered; `None` where there was no answer.
    pub answer: Option<u16>,
}

impl Sent {
    /// Returns whether the server took it.
    pub fn accepted(&self) -> bool {
        self.answer.is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns whether it only makes a controller look again.
    pub fn is_nudge(&self) -> bool {
        self.body["metadata"]["annotations"]["release-cockpit/nudged-at"].is_string()
    }
}

struct Shared {
    upstream: kube::Client,
    sent: Mutex<Vec<Sent>>,
    harm: Mutex<Option<Harm>>,
    /// Whether a write is held.
    held: watch::Sender<bool>,
}

/// A wire; it is cut when dropped.
pub struct Wire {
    url: String,
    shared: Arc<Shared>,
    _end: DropGuard,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Lays a wire to the server of `config`. Who speaks is told by the requests, not by the wire.
    pub async fn lay(mut config: kube::Config) -> Checked<Self> {
        config.auth_info = kube::config::AuthInfo::default();
        config.default_retry = false;
        config.read_timeout = None;
        let shared = Arc::new(Shared {
            upstream: kube::Client::try_from(config)?,
            sent: Mutex::default(),
            harm: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let end = CancellationToken::new();
        let (router, ended) = (Router::new().fallback(pass).with_state(Arc::clone(&shared)), end.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = async { axum::serve(listener, router).await } => {}
                () = ended.cancelled() => {}
            }
        });
        Ok(Self { url, shared, _end: end.drop_guard() })
    }

    /// Returns where it begins.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns all writes but nudges.
    pub fn sent(&self) -> Vec<Sent> {
        locked(&self.shared.sent).iter().filter(|sent| !sent.is_nudge()).cloned().collect()
    }

    /// Returns the writes that may have had an effect: all but nudges and those that met a conflict.
    pub fn tried(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| sent.answer != Some(409)).collect()
    }

    /// Returns the writes that the server took, but nudges.
    pub fn accepted(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(Sent::accepted).collect()
    }

    /// Forgets what passed.
    pub fn forget(&self) {
        locked(&self.shared.sent).clear();
    }

    /// Does harm to the next write.
    pub fn strike(&self, harm: Harm) {
        *locked(&self.shared.harm) = Some(harm);
        self.shared.held.send_replace(false);
    }

    /// Waits until a write is held.
    pub async fn held(&self) -> Checked {
        self.shared.held.subscribe().wait_for(|held| *held).await?;
        Ok(())
    }

    /// Ends the connection of the held write.
    pub fn drop_held(&self) {
        self.shared.held.send_replace(false);
    }
}

/// Ends the connection without a word.
fn hang_up() -> ! {
    resume_unwind(Box::new("the wire was cut"))
}

impl Shared {
    /// Holds a write until its connection is to end.
    async fn hold(&self) -> ! {
        self.held.send_replace(true);
        // It fails only when the wire is gone.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        hang_up()
    }

    async fn forward(&self, request: Request<Vec<u8>>) -> Response<Body> {
        match self.upstream.send(request.map(kube::client::Body::from)).await {
            Ok(answer) => answer.map(Body::new),
            // The server is away: this end shows it the same way.
            Err(_) => hang_up(),
        }
    }
}

/// Whether a request changes anything.
fn is_write(request: &Request<Vec<u8>>) -> bool {
    request.method() != Method::GET && !request.uri().path().contains("/selfsubject")
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(header::HOST);
    let Ok(body) = to_bytes(body, usize::MAX).await else { hang_up() };
    let request = Request::from_parts(head, body.to_vec());
    if !is_write(&request) {
        return shared.forward(request).await;
    }
    let place = note(&shared, &request);
    let harm = locked(&shared.harm).take();
    match harm {
        Some(Harm::LoseRequest) => hang_up(),
        Some(Harm::Silence) => std::future::pending().await,
        Some(Harm::Answer(status)) => {
            locked(&shared.sent)[place].answer = Some(status);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = Response::new(Body::from("harmed"));
            *answer.status_mut() = status;
            return answer;
        }
        Some(Harm::HoldRequest) => shared.hold().await,
        Some(Harm::LoseAnswer | Harm::HoldAnswer) | None => {}
    }
    let answer = shared.forward(request).await;
    locked(&shared.sent)[place].answer = Some(answer.status().as_u16());
    match harm {
        // Nothing was written: the next try is the one.
        Some(Harm::LoseAnswer | Harm::HoldAnswer) if answer.status() == StatusCode::CONFLICT => {
            *locked(&shared.harm) = harm;
        }
        Some(Harm::LoseAnswer) => hang_up(),
        Some(Harm::HoldAnswer) => shared.hold().await,
        _ => {}
    }
    answer
}

/// Writes a write down; returns its place.
fn note(shared: &Shared, request: &Request<Vec<u8>>) -> usize {
    let mut body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
    let precondition = take_precondition(&mut body);
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut sent = locked(&shared.sent);
    sent.push(Sent {
        line: format!("{} {}", request.method(), request.uri().path()),
        kind: kind.to_owned(),
        body,
        precondition,
        answer: None,
    });
    sent.len() - 1
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
