//! The HTTP side of a simulated API server: one handler that reads, checks, answers and records.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Request, Response, Uri, header};
use futures::future;
use jiff::Timestamp;
use serde_json::Value;

use super::access::{self, Access, User};
use super::api_error::ApiError;
use super::listener::Connection;
use super::managed_fields::Author;
use super::path::{Query, Route, Target};
use super::resources::Kind;
use super::store::Store;
use super::{discovery, logs, objects, protobuf, reviews};
use crate::faults::{Fault, Faults};

/// Largest request body taken, as in a real API server.
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// How many requests the log keeps.
const MAX_LOGGED_REQUESTS: usize = 20_000;

/// One request that reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    /// Query string, `""` for none.
    pub query: String,
    /// Content type of the body.
    pub content_type: String,
    pub body: String,
    pub at: Timestamp,
    /// HTTP status answered, 0 while there is none.
    pub status: u16,
}

impl Recorded {
    /// Returns whether the request asks for a change.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
            && !self.path.contains("/authorization.k8s.io/")
            && !self.path.contains("/authentication.k8s.io/")
    }

    /// Returns the body as JSON, `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// What the handlers of one server share.
#[derive(Debug)]
pub struct Server {
    pub store: Store,
    pub faults: Faults,
    pub access: Access,
    pub logs: logs::Logs,
    requests: Mutex<(u64, Vec<(u64, Recorded)>)>,
    recording: AtomicBool,
}

/// One request in progress through the handlers.
pub struct Call<'a> {
    pub server: &'a Arc<Server>,
    pub user: &'a User,
    pub method: &'a Method,
    /// Path and query as sent.
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub query: &'a Query,
    pub body: &'a Bytes,
    pub connection: &'a Connection,
}

impl Server {
    /// Returns a server over a store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            faults: Faults::new(),
            access: Access::default(),
            logs: logs::Logs::default(),
            requests: Mutex::default(),
            recording: AtomicBool::new(true),
        }
    }

    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(handle).with_state(Arc::clone(self))
    }

    /// Returns the requests received so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .iter()
            .map(|(_, recorded)| recorded.clone())
            .collect()
    }

    /// Forgets the requests received so far.
    pub fn forget_requests(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
    }

    fn record(&self, recorded: Recorded) -> u64 {
        if !self.recording.load(Ordering::Relaxed) {
            return 0;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.0 += 1;
        let id = requests.0;
        if requests.1.len() >= MAX_LOGGED_REQUESTS {
            requests.1.drain(..MAX_LOGGED_REQUESTS / 2);
        }
        requests.1.push((id, recorded));
        id
    }

    fn answered(&self, id: u64, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(index) = requests.1.binary_search_by_key(&id, |(other, _)| *other) {
            requests.1[index].1.status = status;
        }
    }
}

async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let person = take_person(&mut parts.uri);
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let header = |name| parts.headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let id = server.record(Recorded {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: header(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        at: Timestamp::now(),
        status: 0,
    });
    let fault = server.faults.take_fault(parts.method.as_str(), &parts.uri.to_string());
    let mut cut_afterwards = false;
    match fault {
        None | Some(Fault::Gone) => {}
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        Some(Fault::CutAfterWrite) => cut_afterwards = true,
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::Cut) => return cut(&connection).await,
        Some(Fault::TooManyRequests { retry_after }) => {
            return refuse(&server, id, &ApiError::too_many_requests(retry_after));
        }
        Some(Fault::InternalError) => {
            return refuse(&server, id, &ApiError::internal("etcdserver: request timed out"));
        }
        Some(Fault::Unavailable) => return refuse(&server, id, &ApiError::unavailable()),
        Some(Fault::ExpiredToken) => return refuse(&server, id, &ApiError::unauthorized()),
    }
    let token = person.map(|person| format!("{person}-token"));
    let user = match server.access.authenticate(header(header::AUTHORIZATION).or(token.as_deref())) {
        Ok(user) => user,
        Err(error) => return refuse(&server, id, &error),
    };
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map(|query| query.0)
        .unwrap_or_default();
    let call = Call {
        server: &server,
        user: &user,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        query: &Query::new(pairs),
        body: &body,
        connection: &connection,
    };
    let response = route(&call).unwrap_or_else(|error| error.response());
    server.answered(id, response.status().as_u16());
    if cut_afterwards {
        return cut(&connection).await;
    }
    response
}

/// Takes `/as/NAME` off the front of a path. kubectl sends no token to a server without TLS: the address of the
/// server says who it is instead.
fn take_person(uri: &mut Uri) -> Option<String> {
    let whole = uri.to_string();
    let (person, rest) = whole.strip_prefix("/as/")?.split_once('/')?;
    *uri = format!("/{rest}").parse().ok()?;
    Some(person.to_owned())
}

/// What the server answers for paths that it has no handler for: not even a `Status`.
fn not_found_page() -> Response<Body> {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn refuse(server: &Server, id: u64, error: &ApiError) -> Response<Body> {
    server.answered(id, error.code);
    error.response()
}

async fn cut(connection: &Connection) -> Response<Body> {
    connection.cut();
    // The connection task ends before this wakes; the sleep only keeps a broken one from waiting for ever.
    tokio::time::sleep(Duration::from_secs(5)).await;
    ApiError::unavailable().response()
}

fn route(call: &Call<'_>) -> Result<Response<Body>, ApiError> {
    match Route::parse(call.uri.path()) {
        Route::Unknown(asked) => {
            let verb = if call.method == Method::GET { "list" } else { "create" };
            let request = access::Request {
                verb,
                group: &asked.group,
                resource: &asked.plural,
                namespace: &asked.namespace,
                name: "",
            };
            if call.server.access.allows(call.user, &request, &call.server.store) {
                return Ok(not_found_page());
            }
            Err(ApiError::forbidden_kind(&asked.group, &asked.plural, &request.refusal(&call.user.name)))
        }
        Route::Plain(parts) => {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let open = matches!(parts.first().copied(), Some("version" | "livez" | "readyz" | "healthz"));
            let stranger = !call.user.groups.iter().any(|group| group == "system:authenticated");
            if stranger && !open {
                return Err(ApiError::forbidden_path(&call.user.name, "get", call.uri.path()));
            }
            discovery::answer(&parts, call.headers)
        }
        Route::Review { group, plural } => reviews::answer(call, &group, &plural),
        Route::Objects(target) => objects::answer(call, &target),
    }
}

impl Call<'_> {
    /// Returns an error unless the user may do this.
    pub fn authorize(&self, verb: &str, target: &Target) -> Result<(), ApiError> {
        let resource = target.kind.resource();
        let with_subresource = if target.subresource.is_empty() {
            resource.plural.to_owned()
        } else {
            format!("{}/{}", resource.plural, target.subresource)
        };
        // RBAC sees a request for one namespace as one inside of it.
        let namespace = if target.kind == Kind::Namespace { &target.name } else { &target.namespace };
        let name = target.name.as_str();
        let request = access::Request { verb, group: resource.group, resource: &with_subresource, namespace, name };
        if self.server.access.allows(self.user, &request, &self.server.store) {
            return Ok(());
        }
        Err(ApiError::forbidden(resource, &target.name, &request.refusal(&self.user.name)))
    }

    /// Returns a header as text, `""` if absent.
    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns who writes, for `managedFields`.
    pub fn author(&self, apply: bool) -> Author {
        let named = self.query.get("fieldManager");
        let manager = if named.is_empty() {
            self.header(header::USER_AGENT).split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown")
        } else {
            named
        };
        Author { manager: manager.to_owned(), apply, dry_run: self.query.get("dryRun") == "All" }
    }

    /// Reads the body as a patch.
    pub fn patch(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(self.body).map_err(|error| {
            ApiError::bad_request(if error.is_eof() {
                "error decoding patch: unexpected end of JSON input".to_owned()
            } else {
                format!("error decoding patch: {error}")
            })
        })
    }

    /// Reads the body as JSON; YAML is taken where it is also JSON.
    pub fn json(&self) -> Result<Value, ApiError> {
        if let Some(object) = protobuf::read_object(self.body) {
            return Ok(object);
        }
        serde_json::from_slice(self.body)
            .map_err(|error| ApiError::bad_request(format!("error decoding the body of the request: {error}")))
    }
}
