//! HTTP to the providers that have an API of their own. Nothing is retried.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::{FlagError, Login, MAX_TEXT_CHARS};
use crate::domain::facts::text::root_cause;
use crate::platform::{Redactor, tls};

/// How long one answer may take. After that a request is unknown.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// When LaunchDarkly accepts requests again, in milliseconds since 1970.
const RATE_LIMIT_RESET: &str = "x-ratelimit-reset";

/// Where at a provider the flags of an environment are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address of the server.
    pub url: Url,
    pub project: String,
    /// The environment as the provider calls it.
    pub environment: String,
}

impl Place {
    /// Makes an address of the server; each part is encoded, so that no name reaches another path.
    pub(super) fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    pub(super) fn no_environment(&self) -> FlagError {
        let Self { environment, project, .. } = self;
        FlagError::Status(404, format!("there is no environment {environment} in project {project}"))
    }
}

/// The parts `.` and `..` of a path go elsewhere, even where they are encoded.
pub(super) fn fit_for_a_path(name: &str) -> Result<(), FlagError> {
    match name {
        "" | "." | ".." => Err(FlagError::NotSent(format!("`{name}` is no name of a flag"))),
        _ => Ok(()),
    }
}

/// A server with what it lets us in with. Cheap to clone.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    login: Login,
    redactor: Redactor,
}

impl Api {
    /// Makes it; nothing is asked yet. The token is known to the redactor already.
    pub(super) fn new(server: &Url, login: Login, redactor: Redactor) -> Result<Self, String> {
        header(&login.token())?;
        let mut builder = tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
            if server.scheme() == "http" {
                // There is nothing to verify: the certificates of the system are not read.
                builder = builder.tls_certs_only([]);
            }
        }
        let client = builder
            .build()
            .map_err(|error| format!("cannot set up TLS: {}", redactor.cut(&root_cause(&error), MAX_TEXT_CHARS)))?;
        Ok(Self { client, login, redactor })
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request, once; `None` where the answer is no JSON.
    pub(super) async fn ask(&self, request: RequestBuilder, max_bytes: usize) -> Result<Option<Value>, FlagError> {
        let mut response = self.send(request).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > max_bytes {
                return Err(FlagError::NoAnswer(format!("the answer is longer than {} MiB", max_bytes >> 20)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Sends a request, once. With a token that was replaced meanwhile it goes out again: refused for who we are, it did nothing.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, FlagError> {
        let again = request.try_clone();
        let token = self.login.token();
        let sent = request.header(AUTHORIZATION, header(&token).map_err(FlagError::NotSent)?).send().await;
        let mut response = sent.map_err(|error| self.no_answer(&error))?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(again) = again
            && let Some(token) = self.login.instead_of(&token).await
            && let Ok(token) = header(&token)
        {
            let sent = again.header(AUTHORIZATION, token).send().await;
            response = sent.map_err(|error| self.no_answer(&error))?;
        }
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
        let wait = seconds_to_wait(response.headers(), Timestamp::now());
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

/// What says who we are.
fn header(token: &str) -> Result<HeaderValue, String> {
    let mut header = HeaderValue::try_from(token.trim())
        .map_err(|_| "the token has characters that are not allowed in a header".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns after how many seconds the server may be asked again, where it says.
fn seconds_to_wait(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let until_reset = || {
        let left = number(RATE_LIMIT_RESET)?.checked_sub(now.as_millisecond())?;
        Some(left.max(0).saturating_add(999) / 1000)
    };
    number(RETRY_AFTER.as_str()).filter(|seconds| *seconds >= 0).or_else(until_reset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown_and_never_two_headers() {
        assert!(header(" hush\n").unwrap().is_sensitive());
        assert_eq!(header(" hush\n").unwrap(), "hush");
        assert!(header("one\ntwo").is_err());
    }

    #[test]
    fn how_long_to_wait_is_told_in_seconds_or_as_a_time() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let wait = |name: &'static str, value: &str| {
            seconds_to_wait(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]), now)
        };
        assert_eq!(wait("retry-after", "7"), Some(7));
        assert_eq!(wait("x-ratelimit-reset", "1700000004001"), Some(5));
        assert_eq!(wait("x-ratelimit-reset", "1699999990000"), Some(0));
        for nonsense in ["-9223372036854775808", "9223372036854775808", "soon", ""] {
            assert_eq!(wait("x-ratelimit-reset", nonsense), None, "{nonsense}");
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }
}
