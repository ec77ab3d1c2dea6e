//! A client of the admin API of Unleash. It never retries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::{FlagError, MAX_TEXT_CHARS};
use crate::domain::facts::flag::{Flag, FlagChange, unleash};
use crate::domain::facts::text::root_cause;
use crate::platform::{Redactor, tls};

/// How long one answer may take. After that a request is unknown.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes: 5,000 flags are some 3 MB.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// Most that the search gives in one page.
const PAGE: usize = 100;
/// Most pages that are asked for.
const MAX_PAGES: usize = 100;
/// Events that are looked through for who changed a flag last.
const MAX_EVENTS: usize = 1000;
/// The API that people and programs administer flags with.
const ADMIN: [&str; 2] = ["api", "admin"];

/// Where in Unleash the flags of an environment are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address of the server.
    pub url: Url,
    pub project: String,
    /// The environment as Unleash calls it.
    pub environment: String,
}

/// A client for one project and environment. Cheap to clone.
#[derive(Clone)]
pub struct Unleash {
    client: Client,
    place: Place,
    token: HeaderValue,
    redactor: Redactor,
}

impl Unleash {
    /// Makes it; nothing is asked yet. The token is known to the redactor already.
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: Place, token: &str, redactor: Redactor) -> Result<Self, String> {
        let mut token = HeaderValue::try_from(token.trim())
            .map_err(|_| "the token has characters that are not allowed in a header".to_owned())?;
        token.set_sensitive(true);
        let mut builder = tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        let host = place.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
            if place.url.scheme() == "http" {
                // There is nothing to verify: the certificates of the system are not read.
                builder = builder.tls_certs_only([]);
            }
        }
        let client = builder
            .build()
            .map_err(|error| format!("cannot set up TLS: {}", redactor.cut(&root_cause(&error), MAX_TEXT_CHARS)))?;
        Ok(Self { client, place, token, redactor })
    }

    /// Reads all flags of the project. Who made them, who gets them and who changed them last is read as far as the token
    /// may.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn list(&self, owners: &mut BTreeMap<String, Option<String>>) -> Result<Vec<Flag>, FlagError> {
        let features = self.features(&[]);
        let (answer, strategies, changes) =
            tokio::join!(self.ask(Method::GET, features, None), self.strategies(), self.changes());
        let (answer, environment) = (answer?, &self.place.environment);
        let mut flags = unleash::list(&answer, environment, strategies.as_ref()).ok_or_else(not_readable)?;
        if unleash::lacks_environment(&answer, environment) {
            return Err(self.no_environment());
        }
        if flags.iter().any(|flag| !owners.contains_key(&flag.name)) {
            self.read_owners(owners).await;
            let names: BTreeSet<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
            owners.retain(|name, _| names.contains(name.as_str()));
            // What the search does not name is not asked for again each time.
            for flag in &flags {
                owners.entry(flag.name.clone()).or_default();
            }
        }
        for flag in &mut flags {
            flag.owner = owners.get(&flag.name).cloned().flatten();
            flag.changes = changes.get(&flag.name).cloned().unwrap_or_default();
        }
        flags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(flags)
    }

    /// Reads one flag; `None` where it is archived or deleted.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn flag(&self, name: &str) -> Result<Option<Flag>, FlagError> {
        fit_for_a_path(name)?;
        let answer = match self.ask(Method::GET, self.features(&[name]), None).await {
            Ok(answer) => answer,
            Err(FlagError::Status(404, _)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let environment = &self.place.environment;
        if answer["archived"] != true && !unleash::has_environment(&answer, environment) {
            return Err(self.no_environment());
        }
        Ok(unleash::feature(&answer, environment))
    }

    /// Turns a flag on or off, once. Nothing is made conditional: Unleash has no way to.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn turn(&self, name: &str, to: &str) -> Result<(), FlagError> {
        fit_for_a_path(name)?;
        let url = self.features(&[name, "environments", &self.place.environment, to]);
        self.send(Method::POST, url, None).await.map(|_| ())
    }

    fn no_environment(&self) -> FlagError {
        let Place { environment, project, .. } = &self.place;
        FlagError::Status(404, format!("there is no environment {environment} in project {project}"))
    }

    async fn strategies(&self) -> Option<unleash::Strategies> {
        let url = self.url(&["features-batch", "export"]);
        let what = json!({"environment": self.place.environment, "project": self.place.project});
        unleash::strategies(&self.ask(Method::POST, url, Some(what)).await.ok()?)
    }

    async fn changes(&self) -> BTreeMap<String, Vec<FlagChange>> {
        let mut url = self.url(&["search", "events"]);
        url.query_pairs_mut()
            .append_pair("project", &format!("IS:{}", self.place.project))
            .append_pair("limit", &MAX_EVENTS.to_string());
        let events = self.ask(Method::GET, url, None).await;
        events.map(|events| unleash::changes(&events, &self.place.environment)).unwrap_or_default()
    }

    async fn read_owners(&self, owners: &mut BTreeMap<String, Option<String>>) {
        for page in 0..MAX_PAGES {
            let mut url = self.url(&["search", "features"]);
            url.query_pairs_mut()
                .append_pair("project", &format!("IS:{}", self.place.project))
                .append_pair("limit", &PAGE.to_string())
                .append_pair("offset", &(page * PAGE).to_string());
            let Ok(answer) = self.ask(Method::GET, url, None).await else { return };
            let found = unleash::owners(&answer);
            let is_last = found.len() < PAGE;
            owners.extend(found);
            if is_last {
                return;
            }
        }
    }

    fn features(&self, rest: &[&str]) -> Url {
        let project = ["projects", self.place.project.as_str(), "features"];
        self.url(&[&project[..], rest].concat())
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.place.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(ADMIN).extend(parts);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, body: Option<Value>) -> Result<Value, FlagError> {
        let mut response = self.send(method, url, body).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(FlagError::NoAnswer(format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20)));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| not_readable())
    }

    async fn send(&self, method: Method, url: Url, body: Option<Value>) -> Result<Response, FlagError> {
        let mut request = self.client.request(method, url).header(AUTHORIZATION, self.token.clone());
        if let Some(body) = body {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    fn no_answer(&self, error: &reqwest::Error) -> FlagError {
        let why = self.redactor.cut(&root_cause(error), MAX_TEXT_CHARS);
        if error.is_connect() {
            FlagError::NotSent(why)
        } else if error.is_timeout() {
            FlagError::NoAnswer(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
        } else {
            FlagError::NoAnswer(why)
        }
    }

    /// What a status that is no success means.
    async fn refusal(&self, mut response: Response) -> FlagError {
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse::<u32>().ok());
        // The first piece holds the message; a longer one says nothing more.
        let body = response.chunk().await.ok().flatten().unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let said = said["message"].as_str().map_or_else(String::new, |said| self.redactor.cut(said, MAX_TEXT_CHARS));
        let words = match status {
            StatusCode::UNAUTHORIZED => "the token is not accepted".to_owned(),
            StatusCode::TOO_MANY_REQUESTS => match wait {
                Some(seconds) => format!("too many requests, again in {seconds} s"),
                None => "too many requests".to_owned(),
            },
            _ if said.is_empty() => status.canonical_reason().unwrap_or("no reason given").to_owned(),
            _ => String::new(),
        };
        let joint = if words.is_empty() || said.is_empty() { "" } else { ": " };
        FlagError::Status(status.as_u16(), format!("{words}{joint}{said}"))
    }
}

/// The parts `.` and `..` of a path go elsewhere, even where they are encoded.
fn fit_for_a_path(name: &str) -> Result<(), FlagError> {
    match name {
        "" | "." | ".." => Err(FlagError::NotSent(format!("`{name}` is no name of a flag"))),
        _ => Ok(()),
    }
}

fn not_readable() -> FlagError {
    FlagError::NoAnswer("the answer is none of Unleash's admin API".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_one_part_of_the_path() {
        let place = |url: &str| Place {
            url: url.parse().unwrap(),
            project: "default".to_owned(),
            environment: "production".to_owned(),
        };
        let client = |url| Unleash::new(place(url), "token", Redactor::default()).unwrap();
        let bare = client("https://unleash.example");
        let prefixed = client("https://example/unleash/");
        let at = |client: &Unleash, name: &str| client.features(&[name]).to_string();
        let start = "https://unleash.example/api/admin/projects/default/features/";
        assert_eq!(at(&bare, "checkout.v2"), format!("{start}checkout.v2"));
        assert_eq!(at(&bare, "a/b?c#d"), format!("{start}a%2Fb%3Fc%23d"));
        assert!(at(&prefixed, "x").starts_with("https://example/unleash/api/admin/"), "{}", at(&prefixed, "x"));
    }
}
