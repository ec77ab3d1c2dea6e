//! A client of registries that speak the OCI distribution API. It never retries; answering a challenge is no retry.

pub mod credentials;
pub mod docker_config;
pub mod look;
pub mod tag;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url};

use super::{Redactor, tls};
use crate::domain::facts::registry::challenge::{self, Challenge};
use crate::domain::facts::registry::manifest::{ACCEPTED, is_not_found};
use crate::domain::facts::registry::{DOCKER_HUB, Repository};
use crate::domain::facts::text::root_cause;
use credentials::Credentials;
use tag::StoredManifest;
use token::Tokens;

/// How long one answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest manifest that is read, in bytes: as much as registries take.
const MAX_MANIFEST_BYTES: usize = 4 << 20;
/// Most of an answer that only says why not.
const MAX_ERROR_BYTES: usize = 16 << 10;
const MAX_REDIRECTS: usize = 3;
const MAX_TEXT_CHARS: usize = 200;
/// The longest that a registry can make us wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Why a registry gave no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// 401: it does not know who asks, or does not accept it.
    NotLoggedIn(String),
    /// 403: which right is missing, and what it said.
    Forbidden(String),
    /// 429, and when to ask again.
    TooManyRequests(Option<Duration>),
    /// Another status; with what it said.
    Status(u16, String),
    /// No answer came, or none that can be read.
    NoAnswer(String),
    /// It was not asked: nobody was there, or there was no token to ask with.
    NotAsked(String),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoggedIn(why) => write!(f, "401: {why}"),
            Self::Forbidden(why) => write!(f, "403: {why}"),
            Self::TooManyRequests(Some(wait)) => write!(f, "429: too many requests, again in {} s", wait.as_secs()),
            Self::TooManyRequests(None) => f.write_str("429: too many requests"),
            Self::Status(status, why) => write!(f, "{status}: {why}"),
            Self::NoAnswer(why) | Self::NotAsked(why) => f.write_str(why),
        }
    }
}

/// Where a registry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPlace {
    /// As images name it.
    pub host: String,
    /// Where its API is, without `/v2/`; ends in `/`.
    pub url: Url,
    /// Certificate authorities to trust besides those of the system (PEM).
    pub ca: Option<Vec<u8>>,
}

/// What a client asks for the right to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Pull,
    /// To pull and to push.
    Push,
}

impl Right {
    /// Returns the scope that a token needs for it.
    fn scope(self, repository: &Repository) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{}:{actions}", repository.name)
    }
}

/// A client of one registry. Cheap to clone; clones share their tokens.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    place: Arc<RegistryPlace>,
    credentials: Arc<Credentials>,
    tokens: Tokens,
    redactor: Redactor,
    right: Right,
}

/// An answer that is there.
struct Found {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Found {
    fn header(&self, name: impl reqwest::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE)
    }
}

/// Returns where the API of a registry is that only its name is known of.
#[must_use]
pub fn default_url(host: &str) -> Option<Url> {
    let host = if host == DOCKER_HUB { "registry-1.docker.io" } else { host };
    format!("https://{host}/").parse().ok()
}

impl Registry {
    /// Makes it; nothing is asked yet. What is secret in the credentials is known to the redactor already.
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: RegistryPlace, credentials: Credentials, redactor: Redactor) -> Result<Self, String> {
        let mut builder = tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&place.url) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
        }
        if let Some(pem) = &place.ca {
            let certificates =
                Certificate::from_pem_bundle(pem).map_err(|error| redactor.cut(&root_cause(&error), MAX_TEXT_CHARS))?;
            if certificates.is_empty() {
                return Err("there is no certificate in `ca_file`".to_owned());
            }
            builder = builder.tls_certs_merge(certificates);
        } else if is_loopback(&place.url) && place.url.scheme() == "http" {
            // There is nothing to verify: the certificates of the system are not read.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| format!("cannot set up TLS: {}", redactor.cut(&root_cause(&error), MAX_TEXT_CHARS)))?;
        let (place, credentials) = (Arc::new(place), Arc::new(credentials));
        Ok(Self { client, place, credentials, tokens: Tokens::default(), redactor, right: Right::Pull })
    }

    /// Makes it one that may move tags: it asks for the right to push, too.
    #[must_use]
    pub fn that_pushes(self) -> Self {
        Self { right: Right::Push, ..self }
    }

    /// Asks for a manifest; `None` where the registry says that it has none. The body of `HEAD` is empty.
    async fn manifest(
        &self,
        method: Method,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Found>, RegistryError> {
        let url = self.url(repository, &["manifests", reference])?;
        let response = self.send(method, url, repository, None).await?;
        if response.status() != StatusCode::NOT_FOUND {
            return self.found(response).await.map(Some);
        }
        let body = self.body(response, MAX_ERROR_BYTES).await?;
        if is_not_found(&body) {
            return Ok(None);
        }
        Err(RegistryError::Status(404, "that is not how a registry says that it has no such image".to_owned()))
    }

    /// Asks for the list of referrers; `None` where the registry has no API for them.
    async fn referrers(&self, repository: &Repository, digest: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let url = self.url(repository, &["referrers", digest])?;
        let response = self.send(Method::GET, url, repository, None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.found(response).await.map(|found| Some(found.body)),
        }
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn url(&self, repository: &Repository, rest: &[&str]) -> Result<Url, RegistryError> {
        let dots = rest.iter().any(|part| matches!(*part, "" | "." | ".."));
        if !repository.is_valid() || dots {
            return Err(RegistryError::NoAnswer(format!("not asked: {repository} is no name of a repository")));
        }
        let mut url = self.place.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v2").extend(repository.name.split('/')).extend(rest);
        }
        Ok(url)
    }

    /// Sends a request with what says who we are. Where the registry wants a token, it is fetched and the request sent
    /// with it: what was answered with 401 was not carried out.
    async fn send(
        &self,
        method: Method,
        url: Url,
        repository: &Repository,
        manifest: Option<&StoredManifest>,
    ) -> Result<Response, RegistryError> {
        let scope = self.right.scope(repository);
        let known = self.tokens.get(&scope).or_else(|| self.credentials.up_front());
        let response = self.follow((&method, manifest), url.clone(), known.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let wanted = response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let authorization = match wanted.filter_map(challenge::parse).max_by_key(|one| *one != Challenge::Basic) {
            Some(Challenge::Bearer(place)) if !self.credentials.is_token() => {
                let token = self.fetch_token(&place, &scope).await;
                Some(token.map_err(|error| match error {
                    RegistryError::NoAnswer(why) => RegistryError::NotAsked(why),
                    error => error,
                })?)
            }
            Some(Challenge::Basic) => self.basic(&scope),
            Some(Challenge::Bearer(_)) | None => None,
        };
        match authorization {
            Some(authorization) => self.follow((&method, manifest), url, Some(&authorization)).await,
            None => Ok(response),
        }
    }

    /// Returns user and password as they are sent. Whoever pushes sends them with the next request at once: a manifest is not
    /// sent only to be asked who sends it.
    fn basic(&self, scope: &str) -> Option<HeaderValue> {
        let basic = self.credentials.basic();
        if let Some(basic) = basic.as_ref().filter(|_| self.right == Right::Push) {
            self.tokens.keep(scope, basic.clone(), token::DEFAULT_VALIDITY);
        }
        basic
    }

    /// Sends a request, and follows where it is sent on to, unless it writes. Who we are is told to this registry only.
    async fn follow(
        &self,
        (method, manifest): (&Method, Option<&StoredManifest>),
        mut url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RegistryError> {
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.client.request(method.clone(), url.clone()).header(ACCEPT, ACCEPTED.join(", "));
            if let Some(authorization) = authorization.filter(|_| url.origin() == self.place.url.origin()) {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            if let Some(manifest) = manifest {
                request = request.header(CONTENT_TYPE, &manifest.media_type).body(manifest.bytes.clone());
            }
            let response = request.send().await.map_err(|error| self.no_answer(&error))?;
            if !response.status().is_redirection() || manifest.is_some() {
                return Ok(response);
            }
            let to = response.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            url = to.filter(|to| may_follow(&url, to)).ok_or_else(|| {
                RegistryError::Status(
                    response.status().as_u16(),
                    "it sends on to where nothing can be asked".to_owned(),
                )
            })?;
        }
        Err(RegistryError::NoAnswer(format!("it sends on more than {MAX_REDIRECTS} times")))
    }

    /// Reads an answer, or says what its status means.
    async fn found(&self, response: Response) -> Result<Found, RegistryError> {
        if response.status().is_success() {
            let headers = response.headers().clone();
            return Ok(Found { headers, body: self.body(response, MAX_MANIFEST_BYTES).await? });
        }
        Err(self.refusal(response).await)
    }

    /// What a status that is no success means.
    async fn refusal(&self, response: Response) -> RegistryError {
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let said = self.said(response).await;
        let right = match self.right {
            Right::Pull => "no right to pull",
            Right::Push => "no right to pull and push",
        };
        match status {
            StatusCode::UNAUTHORIZED => RegistryError::NotLoggedIn(self.credentials.not_accepted()),
            StatusCode::FORBIDDEN if said.is_empty() => RegistryError::Forbidden(right.to_owned()),
            StatusCode::FORBIDDEN => RegistryError::Forbidden(format!("{right}: {said}")),
            StatusCode::TOO_MANY_REQUESTS => {
                RegistryError::TooManyRequests(wait.map(|wait| Duration::from_secs(wait).min(MAX_RETRY_AFTER)))
            }
            _ if said.is_empty() => {
                let reason = status.canonical_reason().unwrap_or("no reason given");
                RegistryError::Status(status.as_u16(), reason.to_owned())
            }
            _ => RegistryError::Status(status.as_u16(), said),
        }
    }

    /// Returns the first message of an error on one line, with its code.
    async fn said(&self, response: Response) -> String {
        let body = self.body(response, MAX_ERROR_BYTES).await.unwrap_or_default();
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = value["errors"][0]["message"].as_str().or(value["error_description"].as_str());
        let code = value["errors"][0]["code"].as_str().filter(|code| !code.is_empty());
        match (code, message.filter(|message| !message.is_empty())) {
            (Some(code), Some(message)) => self.redactor.cut(&format!("{code}: {message}"), MAX_TEXT_CHARS),
            (Some(one), None) | (None, Some(one)) => self.redactor.cut(one, MAX_TEXT_CHARS),
            (None, None) => String::new(),
        }
    }

    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > most {
                return Err(RegistryError::NoAnswer(format!("the answer is longer than {} KiB", most >> 10)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn no_answer(&self, error: &reqwest::Error) -> RegistryError {
        if error.is_connect() {
            return RegistryError::NotAsked(self.redactor.cut(&root_cause(error), MAX_TEXT_CHARS));
        }
        RegistryError::NoAnswer(if error.is_timeout() {
            format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())
        } else {
            self.redactor.cut(&root_cause(error), MAX_TEXT_CHARS)
        })
    }
}

/// Whether a request may go on there: never from TLS to what is readable on the way.
fn may_follow(from: &Url, to: &Url) -> bool {
    match to.scheme() {
        "https" => true,
        "http" => from.scheme() == "http",
        _ => false,
    }
}

/// Whether an address is on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests;
