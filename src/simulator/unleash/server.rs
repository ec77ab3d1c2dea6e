//! The HTTP server: who asks, and what for.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use json_patch::Patch;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::state::Author;
use super::{ADMIN_TOKEN, ALICE_TOKEN, NewFlag, PROJECT, Shared, TAKE_UP, VIEWER_TOKEN, answer};

/// The most events in one answer, and as many as are given where nobody says how many.
const EVENTS: (usize, usize) = (1000, 50);
/// The most flags in one page of the search, and as many as are given where nobody says how many.
const FLAGS: (usize, usize) = (100, 50);

type Reply = Result<Response, Refusal>;
type Server = State<Arc<Shared>>;
type Asked = Query<HashMap<String, String>>;

/// Binds a free port of 127.0.0.1 and answers from then on.
pub(super) async fn serve(shared: Arc<Shared>, shutdown: CancellationToken) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = router(shared);
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            // Ends only with the task.
            _ = axum::serve(listener, router) => {}
        }
    });
    Ok(address)
}

fn router(shared: Arc<Shared>) -> Router {
    let features = "/api/admin/projects/{project}/features";
    Router::new()
        .route(features, get(list).post(create))
        .route(&format!("{features}/{{name}}"), get(feature).delete(archive))
        .route(&format!("{features}/{{name}}/environments/{{env}}/strategies"), post(add_strategy))
        .route(&format!("{features}/{{name}}/environments/{{env}}/strategies/{{id}}"), patch(change_strategy))
        .route(&format!("{features}/{{name}}/environments/{{env}}/on"), post(on))
        .route(&format!("{features}/{{name}}/environments/{{env}}/off"), post(off))
        .route("/api/admin/features/{name}/tags", post(add_tag))
        .route("/api/admin/features-batch/export", post(export))
        .route("/api/admin/search/events", get(events))
        .route("/api/admin/search/features", get(search))
        .fallback(|headers: HeaderMap, uri: Uri| async move {
            User::of(&headers)?;
            Err::<(), _>(Refusal::no_path(uri.path()))
        })
        .with_state(shared)
}

/// Who asks, by the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Admin,
    Alice,
    Viewer,
}

impl User {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let token = headers.get(header::AUTHORIZATION).ok_or_else(|| Refusal::unauthorized(false))?;
        match token.to_str() {
            Ok(ADMIN_TOKEN) => Ok(Self::Admin),
            Ok(ALICE_TOKEN) => Ok(Self::Alice),
            Ok(VIEWER_TOKEN) => Ok(Self::Viewer),
            _ => Err(Refusal::unauthorized(true)),
        }
    }

    fn who_may_change(headers: &HeaderMap) -> Result<Self, Refusal> {
        match Self::of(headers)? {
            Self::Viewer => Err(Refusal::forbidden()),
            user => Ok(user),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Alice => "alice",
            Self::Viewer => "viewer",
        }
    }

    fn now(self, shared: &Shared) -> Author<'static> {
        (self.name(), shared.clock.now())
    }
}

/// Refuses flags of other projects.
fn of_project(shared: &Shared, project: &str, name: &str) -> Result<(), Refusal> {
    let is_known = shared.state().flags.contains_key(name);
    if is_known && project != PROJECT { Err(Refusal::not_here(name, project)) } else { Ok(()) }
}

async fn list(State(shared): Server, Path(project): Path<String>, headers: HeaderMap) -> Reply {
    User::of(&headers)?;
    Ok(Json(answer::features(&shared.state(), &project)).into_response())
}

async fn feature(State(shared): Server, Path((project, name)): Path<(String, String)>, headers: HeaderMap) -> Reply {
    User::of(&headers)?;
    of_project(&shared, &project, &name)?;
    let state = shared.state();
    let flag = state.flags.get(&name).ok_or_else(|| Refusal::no_feature(&name))?;
    if flag.archived {
        return Err(Refusal::not_found_any_more(&name));
    }
    Ok(Json(answer::feature(&name, flag)).into_response())
}

async fn create(State(shared): Server, headers: HeaderMap, body: Bytes) -> Reply {
    let user = User::who_may_change(&headers)?;
    let body = read(&body)?;
    let name = body["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(Refusal::bad_data)?;
    let kind = body["type"].as_str().unwrap_or("release").to_owned();
    let (by, at) = user.now(&shared);
    let mut state = shared.state();
    let flag = NewFlag { name: name.to_owned(), kind, by: by.to_owned(), at };
    if !state.create(flag, &shared.environments) {
        return Err(Refusal::name_exists());
    }
    let made = state.flags.get(name).map(|flag| answer::created(name, flag));
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Its answer is that of the real one: what was asked.
async fn add_tag(State(shared): Server, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Reply {
    User::who_may_change(&headers)?;
    let body = read(&body)?;
    let value = body["value"].as_str().ok_or_else(Refusal::bad_data)?;
    shared.state().add_tag(&name, value)?;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn archive(State(shared): Server, Path((project, name)): Path<(String, String)>, headers: HeaderMap) -> Reply {
    let user = User::who_may_change(&headers)?;
    of_project(&shared, &project, &name)?;
    shared.state().archive(&name, user.now(&shared))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Project, flag and environment.
type Place = Path<(String, String, String)>;

async fn add_strategy(State(shared): Server, Path(place): Place, headers: HeaderMap, body: Bytes) -> Reply {
    let user = User::who_may_change(&headers)?;
    let (project, name, env) = &place;
    of_project(&shared, project, name)?;
    let strategy = shared.state().add_strategy((name, env), read(&body)?, user.now(&shared))?;
    Ok(Json(strategy).into_response())
}

async fn change_strategy(
    State(shared): Server,
    Path((project, name, env, id)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    let user = User::who_may_change(&headers)?;
    of_project(&shared, &project, &name)?;
    let patch: Patch = serde_json::from_slice(&body).map_err(|_| Refusal::bad_data())?;
    let take_up = shared.clock.scale(TAKE_UP);
    let changed = shared.state().patch_strategy((&name, &env), (&id, &patch), user.now(&shared), take_up)?;
    Ok(Json(changed).into_response())
}

async fn on(State(shared): Server, Path(place): Place, headers: HeaderMap) -> Reply {
    turn(&shared, &place, &headers, true)
}

async fn off(State(shared): Server, Path(place): Place, headers: HeaderMap) -> Reply {
    turn(&shared, &place, &headers, false)
}

fn turn(shared: &Shared, (project, name, env): &(String, String, String), headers: &HeaderMap, on: bool) -> Reply {
    let user = User::who_may_change(headers)?;
    of_project(shared, project, name)?;
    let take_up = shared.clock.scale(TAKE_UP);
    shared.state().turn((name, env), on, user.now(shared), take_up)?;
    Ok(StatusCode::OK.into_response())
}

async fn export(State(shared): Server, headers: HeaderMap, body: Bytes) -> Reply {
    User::of(&headers)?;
    let body = read(&body)?;
    let environment = body["environment"].as_str().ok_or_else(Refusal::bad_data)?;
    Ok(Json(answer::export(&shared.state(), body["project"].as_str(), environment)).into_response())
}

async fn events(State(shared): Server, Query(asked): Asked, headers: HeaderMap) -> Reply {
    User::of(&headers)?;
    let about = (only(&asked, "project")?, only(&asked, "feature")?);
    Ok(Json(answer::events(&shared.state(), about, limit(&asked, EVENTS))).into_response())
}

async fn search(State(shared): Server, Query(asked): Asked, headers: HeaderMap) -> Reply {
    User::of(&headers)?;
    let offset = asked.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
    let project = only(&asked, "project")?;
    Ok(Json(answer::search(&shared.state(), project, offset, limit(&asked, FLAGS))).into_response())
}

/// Reads `IS:NAME`, the one form of a filter that is known here.
fn only<'a>(asked: &'a HashMap<String, String>, key: &str) -> Result<Option<&'a str>, Refusal> {
    match asked.get(key) {
        None => Ok(None),
        Some(text) => text.strip_prefix("IS:").map(Some).ok_or_else(Refusal::bad_data),
    }
}

fn limit(asked: &HashMap<String, String>, (most, default): (usize, usize)) -> usize {
    asked.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(default).min(most)
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::bad_data())
}
