//! A server that answers as LaunchDarkly's published REST API says (its OpenAPI document, version 20240415: feature flags and
//! audit log). What it stands for of LaunchDarkly is what that document says, and no more. Three answers are not published, and
//! chosen here: flags of an environment that is not there are listed without it, a page has at most 100 flags, and a JSON patch
//! whose test fails is a conflict.

mod patch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::check::{Checked, holds};
use crate::http_client;
use crate::local_server::LocalServer;

pub const PROJECT: &str = "shop";
/// Its environments.
pub const PRODUCTION: &str = "production";
pub const TEST: &str = "test";
/// A token that may do everything, and one that may read.
pub const TOKEN: &str = "api-token-of-the-test";
pub const READER: &str = "api-reader-of-the-test";

const MAX_PAGE: usize = 100;

/// What befalls requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Patches are carried out, and a gateway answers that it heard nothing.
    AnswerLost,
    /// Patches are not carried out, and a gateway answers that it heard nothing.
    RequestLost,
    /// Patches are answered so.
    Says(u16, &'static str, &'static str),
    /// Somebody else changes the flag right before each patch.
    SomebodyFirst,
    /// The first patch conflicts with another request.
    ConflictOnce,
    /// Lists and the log are answered with 503.
    NoLists,
    /// Whatever is read is answered so, with 200.
    Garbage(&'static str),
    /// Whatever is asked for is too much until so many milliseconds from then on.
    TooMany(i64),
}

#[derive(Debug, Default)]
struct Kept {
    flags: BTreeMap<String, Value>,
    entries: Vec<Value>,
    fault: Fault,
    /// The token that took the place of the first, once it was replaced.
    token: Option<String>,
    /// Method, address and body of each request to the API, in order.
    log: Vec<String>,
}

#[derive(Debug, Default)]
struct Served(Mutex<Kept>);

/// The server; it ends when dropped.
#[derive(Debug)]
pub struct LaunchDarklyApi {
    served: Arc<Served>,
    server: LocalServer,
}

impl LaunchDarklyApi {
    pub async fn start() -> Checked<Self> {
        let served = Arc::new(Served::default());
        let routes = Router::new()
            .route("/api/v2/flags/{project}", get(list))
            .route("/api/v2/flags/{project}/{key}", get(one).patch(change))
            .route("/api/v2/auditlog", get(audit_log))
            .route("/requests", get(requests))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Makes a boolean flag that is on in both environments, for 25 % in the first.
    pub fn create(&self, name: &str) -> String {
        let mut kept = self.served.kept();
        let here = |fallthrough: Value| {
            json!({
                "_environmentName": "", "_site": {"href": "/", "type": "text/html"}, "archived": false, "salt": "s", "sel": "s",
                "lastModified": Timestamp::now().as_millisecond(), "trackEvents": false, "trackEventsFallthrough": false,
                "on": true, "version": 1, "targets": [], "contextTargets": [], "rules": [], "prerequisites": [],
                "fallthrough": fallthrough, "offVariation": 1,
            })
        };
        let quarter = json!([{"variation": 0, "weight": 25_000}, {"variation": 1, "weight": 75_000}]);
        let flag = json!({
            "key": name, "name": name, "kind": "boolean", "_version": 1, "archived": false, "deprecated": false,
            "creationDate": 1_764_000_000_000_i64 + i64::try_from(kept.flags.len()).unwrap_or_default(), "temporary": true,
            "tags": ["web"], "customProperties": {}, "experiments": {"baselineIdx": 0, "items": []}, "_links": {},
            "variations": [{"_id": "a", "value": true}, {"_id": "b", "value": false}],
            "_maintainer": {"_id": "m", "_links": {}, "role": "writer", "email": "ada@shop.example"},
            "environments": {PRODUCTION: here(json!({"rollout": {"variations": quarter}})), TEST: here(json!({"variation": 0}))},
        });
        kept.flags.insert(name.to_owned(), flag);
        name.to_owned()
    }

    /// Somebody changes how a flag is set up in production.
    pub fn set(&self, name: &str, settings: &Value) {
        let mut kept = self.served.kept();
        for (key, value) in settings.as_object().into_iter().flatten() {
            kept.change(name, PRODUCTION, (key, value.clone()), "updateRules", "updated the flag");
        }
    }

    pub fn archive(&self, name: &str) {
        if let Some(flag) = self.served.kept().flags.get_mut(name) {
            flag["archived"] = json!(true);
        }
    }

    /// Lets in who has this token, and nobody with the one of before.
    pub fn rotate(&self, token: &str) {
        self.served.kept().token = Some(token.to_owned());
    }

    pub fn fails(&self, fault: Fault) {
        self.served.kept().fault = fault;
    }

    /// Asks it as anybody could, not by the client of the program.
    async fn ask(&self, path: &str) -> Checked<Value> {
        let url = format!("{}/{path}", self.server.url);
        let token = self.served.kept().token().to_owned();
        let request = http_client().get(url).header("Authorization", token).header("LD-API-Version", "20240415");
        let answer = request.header("X-Not-Logged", "1").send().await?;
        let status = answer.status();
        holds(&format!("GET {path}: {status}"), status.is_success())?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// Whether a flag is on in an environment.
    pub async fn is_on(&self, name: &str, environment: &str) -> Checked<bool> {
        let flag = self.ask(&format!("api/v2/flags/{PROJECT}/{name}?env={environment}")).await?;
        Ok(flag["environments"][environment]["on"] == true)
    }

    /// The weight of the first variation in the default rule of a flag, of 100,000.
    pub async fn weight(&self, name: &str, environment: &str) -> Checked<Value> {
        let mut flag = self.ask(&format!("api/v2/flags/{PROJECT}/{name}?env={environment}")).await?;
        Ok(flag["environments"][environment]["fallthrough"]["rollout"]["variations"][0]["weight"].take())
    }

    /// How often the audit log says that a flag was turned off in an environment.
    pub async fn times_off(&self, name: &str, environment: &str) -> Checked<usize> {
        let log =
            self.ask(&format!("api/v2/auditlog?limit=20&spec=proj/{PROJECT}:env/{environment}:flag/{name}")).await?;
        let entries = log["items"].as_array().cloned().unwrap_or_default();
        Ok(entries.iter().filter(|entry| entry["titleVerb"] == "turned off the flag").count())
    }

    /// What it was asked, in order.
    pub async fn requests(&self) -> Checked<Vec<String>> {
        let lines = self.ask("requests").await?;
        let lines = lines.as_array().cloned().unwrap_or_default();
        Ok(lines.iter().filter_map(|line| line.as_str().map(ToOwned::to_owned)).collect())
    }

    /// The patches among that.
    pub async fn patches(&self) -> Checked<Vec<String>> {
        Ok(self.requests().await?.into_iter().filter(|line| line.starts_with("PATCH ")).collect())
    }
}

impl Served {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and lets in who has a token.
    fn lets_in(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<(), Box<Response>> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut kept = self.kept();
        let by_the_test = headers.contains_key("x-not-logged");
        if !by_the_test {
            kept.log.push(format!("{method} {uri} {}", String::from_utf8_lossy(body)).trim_end().to_owned());
        }
        let may_write = header("authorization") == kept.token();
        let no = if !may_write && header("authorization") != READER {
            Some(says(401, "unauthorized", "Invalid access token"))
        } else if *method == Method::PATCH && !may_write {
            Some(says(403, "forbidden", "Forbidden. Access to the requested resource was denied."))
        } else if header("ld-api-version") != "20240415" {
            Some(says(400, "invalid_request", "another version answers otherwise"))
        } else if by_the_test {
            None
        } else {
            kept.answer_of_fault(method, uri)
        };
        no.map_or(Ok(()), |no| Err(Box::new(no)))
    }
}

impl Kept {
    fn token(&self) -> &str {
        self.token.as_deref().unwrap_or(TOKEN)
    }

    /// What a fault makes of a request that it keeps from being carried out.
    fn answer_of_fault(&mut self, method: &Method, uri: &Uri) -> Option<Response> {
        let (is_patch, is_list) = (*method == Method::PATCH, uri.path().split('/').count() < 6);
        match self.fault {
            Fault::RequestLost if is_patch => Some(says(503, "service_unavailable", "no answer from upstream")),
            Fault::Says(status, code, words) if is_patch => Some(says(status, code, words)),
            Fault::ConflictOnce if is_patch => {
                self.fault = Fault::None;
                Some(says(409, "optimistic_locking_error", "Conflict. Optimistic lock error. Try again later."))
            }
            Fault::NoLists if is_list => Some(says(503, "service_unavailable", "no answer from upstream")),
            Fault::Garbage(body) if !is_patch => Some((StatusCode::OK, body).into_response()),
            Fault::TooMany(millis) => {
                let reset = (Timestamp::now().as_millisecond() + millis).to_string();
                let words = says(429, "rate_limited", "You've exceeded the API rate limit.");
                Some(([("x-ratelimit-reset", reset)], words).into_response())
            }
            _ => None,
        }
    }

    /// Changes one setting of a flag, and notes who did.
    fn change(&mut self, name: &str, environment: &str, (key, value): (&str, Value), action: &str, verb: &str) {
        let at = Timestamp::now().as_millisecond();
        let Some(flag) = self.flags.get_mut(name) else { return };
        let here = &mut flag["environments"][environment];
        // What is so already is left unchanged.
        if here[key] == value {
            return;
        }
        here[key] = value;
        here["version"] = json!(here["version"].as_u64().unwrap_or_default() + 1);
        here["lastModified"] = json!(at);
        let resource = format!("proj/{PROJECT}:env/{environment}:flag/{name}");
        self.entries.insert(
            0,
            json!({
                "_id": format!("{}", self.entries.len()), "_accountId": "a", "_links": {}, "date": at, "kind": "flag",
                "name": name, "description": "", "shortDescription": "", "titleVerb": verb,
                "accesses": [{"action": action, "resource": resource}],
                "member": {"_id": "m", "_links": {}, "email": "ops@shop.example"},
            }),
        );
    }

    fn turn(&mut self, name: &str, environment: &str, on: bool) {
        let verb = if on { "turned on the flag" } else { "turned off the flag" };
        self.change(name, environment, ("on", json!(on)), "updateOn", verb);
    }
}

fn says(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", "application/json")], json!({"code": code, "message": message}).to_string())
        .into_response()
}

fn shows(body: &Value) -> Response {
    (StatusCode::OK, [("content-type", "application/json")], body.to_string()).into_response()
}

type Asked = Query<Vec<(String, String)>>;

fn value<'a>(asked: &'a Asked, key: &str) -> Option<&'a str> {
    asked.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// A flag with the settings of one environment; a summary leaves out who is targeted.
fn shown(flag: &Value, environment: Option<&str>, is_summary: bool) -> Value {
    let mut flag = flag.clone();
    let all = flag["environments"].take();
    let mut here = all.as_object().cloned().unwrap_or_default();
    here.retain(|name, _| environment.is_none_or(|environment| name == environment));
    for settings in here.values_mut().filter(|_| is_summary) {
        for key in ["targets", "contextTargets", "rules", "prerequisites", "fallthrough", "offVariation"] {
            settings.as_object_mut().map(|settings| settings.remove(key));
        }
        settings["_summary"] = json!({"prerequisites": 0, "variations": {}});
    }
    flag["environments"] = Value::Object(here);
    flag
}

async fn list(
    State(served): State<Arc<Served>>,
    Path(project): Path<String>,
    asked: Asked,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = served.lets_in(&Method::GET, &uri, &headers, &Bytes::new()) {
        return *no;
    }
    if project != PROJECT {
        return says(404, "not_found", "Unknown project key");
    }
    let number =
        |key: &str, otherwise: usize| value(&asked, key).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (limit, offset) = (number("limit", 20).min(MAX_PAGE), number("offset", 0));
    let kept = served.kept();
    let mut flags: Vec<&Value> = kept.flags.values().filter(|flag| flag["archived"] != true).collect();
    match value(&asked, "sort") {
        Some("-targetingModifiedDate") => {
            let env = value(&asked, "env").unwrap_or_default();
            flags.sort_by_key(|flag| std::cmp::Reverse(flag["environments"][env]["lastModified"].as_i64()));
        }
        _ => flags.sort_by_key(|flag| flag["creationDate"].as_i64()),
    }
    let is_summary = value(&asked, "summary") != Some("0");
    // Without an environment that is asked for, none is shown.
    let env = value(&asked, "env").unwrap_or("-");
    let page = flags.iter().skip(offset).take(limit).map(|flag| shown(flag, Some(env), is_summary));
    let items: Vec<Value> = page.collect();
    let next =
        (offset + items.len() < flags.len()).then(|| json!({"href": "/api/v2/flags", "type": "application/json"}));
    let mut links = json!({"self": {"href": uri.to_string(), "type": "application/json"}});
    if let Some(next) = next {
        links["next"] = next;
    }
    shows(&json!({"items": items, "totalCount": flags.len(), "_links": links}))
}

async fn one(
    State(served): State<Arc<Served>>,
    Path((project, key)): Path<(String, String)>,
    asked: Asked,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = served.lets_in(&Method::GET, &uri, &headers, &Bytes::new()) {
        return *no;
    }
    let kept = served.kept();
    match kept.flags.get(&key).filter(|_| project == PROJECT) {
        Some(flag) => shows(&shown(flag, value(&asked, "env"), false)),
        None => says(404, "not_found", "Unknown feature flag key"),
    }
}

async fn change(
    State(served): State<Arc<Served>>,
    Path((project, key)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(no) = served.lets_in(&Method::PATCH, &uri, &headers, &body) {
        return *no;
    }
    let mut kept = served.kept();
    let kept = &mut *kept;
    if project != PROJECT || !kept.flags.contains_key(&key) {
        return says(404, "not_found", "Unknown feature flag key");
    }
    if kept.fault == Fault::SomebodyFirst {
        kept.change(&key, PRODUCTION, ("trackEvents", json!(true)), "updateTrackEvents", "updated the flag");
    }
    let content = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let done = if content == "application/json; domain-model=launchdarkly.semanticpatch" {
        patch::semantic(kept, &key, &asked)
    } else {
        patch::by_path(kept, &key, &asked)
    };
    match done {
        Err(no) => *no,
        Ok(()) if kept.fault == Fault::AnswerLost => says(504, "gateway_timeout", "no answer from upstream"),
        Ok(()) => shows(&kept.flags[&key]),
    }
}

async fn audit_log(State(served): State<Arc<Served>>, asked: Asked, uri: Uri, headers: HeaderMap) -> Response {
    if let Err(no) = served.lets_in(&Method::GET, &uri, &headers, &Bytes::new()) {
        return *no;
    }
    let limit: usize = value(&asked, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
    if !(1..=20).contains(&limit) {
        return says(400, "invalid_request", "limit is between 1 and 20");
    }
    let spec = value(&asked, "spec").unwrap_or("*");
    let fits = |entry: &&Value| {
        let resource = entry["accesses"][0]["resource"].as_str().unwrap_or_default();
        spec.strip_suffix('*').map_or(resource == spec, |start| resource.starts_with(start))
    };
    let items: Vec<Value> = served.kept().entries.iter().filter(fits).take(limit).cloned().collect();
    shows(&json!({"items": items, "_links": {}}))
}

async fn requests(State(served): State<Arc<Served>>) -> Response {
    shows(&json!(served.kept().log))
}
