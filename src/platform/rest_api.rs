//! What clients of the REST APIs of GitHub, GitLab and Jenkins share: they ask once, and tell a clear no from no answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use k8s_openapi::ByteString;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::registry::is_loopback;
use super::{Redactor, tls};
use crate::domain::facts::text::root_cause;

/// How long one answer may take. After that it is not known whether what was asked for was done.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Longest text that is taken over from a provider, in characters.
const MAX_TEXT_CHARS: usize = 300;
/// The version of GitHub's API.
const GITHUB_VERSION: (&str, &str) = ("X-GitHub-Api-Version", "2022-11-28");

/// Why a provider gave no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestError {
    /// It said no; what it said, and its status.
    Status(u16, String),
    /// No connection came up: nothing was sent.
    NotSent(String),
    /// Something was sent, and nothing usable came back.
    NoAnswer(String),
}

impl RestError {
    /// Whether nothing came of the request. A failure inside the server proves nothing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Status(status, _) => (400..500).contains(status) && !matches!(status, 408 | 409),
            Self::NotSent(_) => true,
            Self::NoAnswer(_) => false,
        }
    }

    /// The same, where a conflict is no sign of having been asked before.
    #[must_use]
    pub fn is_refusal_or_conflict(&self) -> bool {
        self.is_refusal() || matches!(self, Self::Status(409, _))
    }
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status, words) => write!(f, "{status}: {words}"),
            Self::NotSent(why) | Self::NoAnswer(why) => f.write_str(why),
        }
    }
}

/// What reads why a request was refused.
type ReadRefusal = fn(&Value) -> Option<String>;

/// A REST API, as one project of it is reached. Cheap to clone.
#[derive(Clone)]
pub struct RestApi {
    client: Client,
    url: Url,
    said: ReadRefusal,
    project: String,
    redactor: Redactor,
}

impl RestApi {
    /// Makes it; nothing is asked yet. `ca` is what to trust besides the certificate authorities of the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(
        url: &str,
        ca: Option<&[u8]>,
        (headers, said, project): (HeaderMap, ReadRefusal, String),
        redactor: Redactor,
    ) -> Result<Self, String> {
        let url: Url = url.parse().map_err(|_| format!("`{url}` is not an address"))?;
        let mut builder = tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .default_headers(headers)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
        }
        if let Some(pem) = ca {
            let certificates =
                Certificate::from_pem_bundle(pem).map_err(|error| redactor.cut(&root_cause(&error), MAX_TEXT_CHARS))?;
            if certificates.is_empty() {
                return Err("there is no certificate in `ca_file`".to_owned());
            }
            builder = builder.tls_certs_merge(certificates);
        } else if is_loopback(&url) && url.scheme() == "http" {
            // There is nothing to verify: the certificates of the system are not read.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| format!("cannot set up TLS: {}", redactor.cut(&root_cause(&error), MAX_TEXT_CHARS)))?;
        Ok(Self { client, url, said, project, redactor })
    }

    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Asks, once, for what has an answer in JSON.
    ///
    /// # Errors
    /// Why there is no such answer.
    pub async fn ask(&self, method: Method, url: Url, body: Option<Value>) -> Result<Value, RestError> {
        serde_json::from_slice(&self.send(method, url, body).await?.1).map_err(|_| not_readable())
    }

    /// Asks, once, for what may have no answer but its status, or whatever bytes.
    ///
    /// # Errors
    /// Why it was not, or may not have been done.
    pub async fn send(&self, method: Method, url: Url, body: Option<Value>) -> Result<(u16, Vec<u8>), RestError> {
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = self.answer(request).await?;
        let status = response.status().as_u16();
        Ok((status, self.body(response).await?))
    }

    /// Sends a form, once; returns the address that the answer names, where it names one.
    ///
    /// # Errors
    /// Why it was not, or may not have been taken.
    pub async fn submit(&self, url: Url, form: &BTreeMap<String, String>) -> Result<Option<String>, RestError> {
        let response = self.answer(self.client.post(url).form(form)).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Ok(location.map(ToOwned::to_owned))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, RestError> {
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, RestError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                let why = format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20);
                return Err(RestError::NoAnswer(why));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn no_answer(&self, error: &reqwest::Error) -> RestError {
        let why = self.redactor.cut(&root_cause(error), MAX_TEXT_CHARS);
        if error.is_connect() {
            RestError::NotSent(why)
        } else if error.is_timeout() {
            RestError::NoAnswer(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
        } else {
            RestError::NoAnswer(why)
        }
    }

    /// What a status that is no success means.
    async fn refusal(&self, response: Response) -> RestError {
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        // GitHub says 403 as well where too much was asked.
        let is_too_much = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::FORBIDDEN && header("x-ratelimit-remaining") == Some("0"));
        let wait = header(RETRY_AFTER.as_str()).map_or_else(String::new, |wait| format!(", again in {wait} s"));
        let body = self.body(response).await.unwrap_or_default();
        // Not every API refuses in JSON.
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        let said = (self.said)(&serde_json::from_slice(&body).unwrap_or_else(|_| text()));
        let said = said.map_or_else(String::new, |said| format!(": {}", self.redactor.cut(&said, MAX_TEXT_CHARS)));
        let project = &self.project;
        let words = match status {
            _ if is_too_much => format!("too many requests{}", self.redactor.cut(&wait, MAX_TEXT_CHARS)),
            StatusCode::UNAUTHORIZED => "the token is not accepted".to_owned(),
            StatusCode::FORBIDDEN => format!("the token has no right to that in {project}"),
            StatusCode::NOT_FOUND => format!("there is no such thing in {project}, or the token may not see it"),
            status => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        };
        RestError::Status(status.as_u16(), format!("{words}{said}"))
    }
}

/// Returns the header by which a token is given.
///
/// # Errors
/// Why it cannot stand in one.
pub fn bearer(token: &str) -> Result<HeaderMap, String> {
    login(&format!("Bearer {}", token.trim()))
}

/// Returns the header by which a user and a token of theirs are given.
///
/// # Errors
/// Why they cannot stand in one.
pub fn basic(user: &str, token: &str, redactor: &Redactor) -> Result<HeaderMap, String> {
    let bytes = ByteString(format!("{user}:{}", token.trim()).into_bytes());
    let encoded = serde_json::to_value(bytes).map_err(|error| error.to_string())?;
    let encoded = encoded.as_str().unwrap_or_default();
    // A server may repeat the header.
    redactor.add_secret(encoded);
    login(&format!("Basic {encoded}"))
}

fn login(value: &str) -> Result<HeaderMap, String> {
    let mut login = HeaderValue::try_from(value)
        .map_err(|_| "the token has characters that are not allowed in a header".to_owned())?;
    login.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, login);
    Ok(headers)
}

/// Returns the headers of a request to GitHub.
///
/// # Errors
/// Why the token cannot stand in one.
pub fn github_headers(token: &str) -> Result<HeaderMap, String> {
    let mut headers = bearer(token)?;
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(GITHUB_VERSION.0, HeaderValue::from_static(GITHUB_VERSION.1));
    Ok(headers)
}

pub(super) fn not_readable() -> RestError {
    RestError::NoAnswer("the answer is not what the API of the provider says".to_owned())
}
