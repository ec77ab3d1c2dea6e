//! Asks servers: once, without following redirects, with bounded answers and words for what goes wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use super::wording::Wording as _;
use super::{CheckInput, Tools};
use crate::config::HeaderText;
use crate::config::checks::template::{CheckPlaceholder, Template};
use crate::config::secret::Secret;
use crate::platform::{Redactor, tls};
use crate::sources::prometheus::client::{cause, describe, is_broken_gzip, is_loopback, without_user};
use crate::sources::prometheus::trouble::tidy;

/// Largest answer that is read where JSON is asked for, in bytes.
const MAX_BODY_BYTES: usize = 8 << 20;

pub(super) struct Got {
    pub status: u16,
    /// Where it redirects to, without parameters.
    pub to: Option<String>,
    /// What kind of thing the body is, as its header says.
    pub kind: String,
    /// The encoding that the body is still in; gzip is undone on the way.
    pub encoding: Option<String>,
    /// The body, up to the limit that was set.
    pub body: Vec<u8>,
    pub is_longer: bool,
    /// Time from sending the request until the body was read.
    pub took: Duration,
}

/// Returns a URL as it may be shown: without user, password and parameters.
pub(super) fn shown(url: &Url, redactor: &Redactor) -> String {
    let mut url = without_user(url.clone());
    url.set_query(None);
    url.set_fragment(None);
    tidy(url.as_str(), redactor)
}

/// Makes a request. What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
pub(super) fn request(method: Method, url: &Url, tools: &Tools) -> Result<RequestBuilder, String> {
    let client = if is_loopback(url) {
        let mut builder = tls::http_client().redirect(reqwest::redirect::Policy::none()).no_proxy();
        if url.scheme() == "http" {
            // There is nothing to verify: the certificates of the system are not read.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| format!("cannot set up TLS: {}", cause(&error, &tools.redactor)))?
    } else {
        tools.http.clone()
    };
    let agent = concat!("release-cockpit/", env!("CARGO_PKG_VERSION"));
    Ok(client.request(method, url.clone()).header(reqwest::header::USER_AGENT, agent))
}

/// Reads the headers' values, secrets among them.
pub(super) async fn headers(config: &BTreeMap<String, HeaderText>, tools: &Tools) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in config {
        let value = value
            .reveal(&tools.redactor)
            .await
            .map_err(|error| format!("header {}: {error}", tools.redactor.cut(name, 60)))?;
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{}` is no header", tools.redactor.cut(name, 60)))?;
        headers.insert(key, sensitive(value.expose())?);
    }
    Ok(headers)
}

/// Reads a token for a header.
pub(super) async fn token(secret: &Secret, prefix: &str, tools: &Tools) -> Result<HeaderValue, String> {
    let value = secret.reveal(&tools.redactor).await.map_err(|error| error.to_string())?;
    sensitive(&format!("{prefix}{}", value.expose().trim()))
}

fn sensitive(value: &str) -> Result<HeaderValue, String> {
    let bad = "a secret or header has characters that are not allowed in a header".to_owned();
    let mut value = HeaderValue::try_from(value).map_err(|_| bad)?;
    // Keeps it out of debug output.
    value.set_sensitive(true);
    Ok(value)
}

/// Sends a request and reads up to so many bytes of the answer.
pub(super) async fn send(request: RequestBuilder, url: &Url, most: usize, redactor: &Redactor) -> Result<Got, String> {
    let at = shown(url, redactor);
    let began = Instant::now();
    let mut response = request.send().await.map_err(|error| no_answer(&at, &error, redactor))?;
    if response.url().host_str() != url.host_str() || response.url().path() != url.path() {
        return Err(format!("{at} redirects to {}: set the final URL", shown(response.url(), redactor)));
    }
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .map(|text| tidy(text, redactor))
    };
    let to = header(LOCATION).map(|to| to.split(['?', '#']).next().unwrap_or_default().to_owned());
    let kind = header(reqwest::header::CONTENT_TYPE).unwrap_or_default();
    let encoding = header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut is_longer = false;
    while !is_longer {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = most - body.len();
                is_longer = chunk.len() > room;
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => break,
            Err(error) if is_broken_gzip(&error) => {
                return Err(format!("{at} answers in gzip that cannot be unpacked: {}", cause(&error, redactor)));
            }
            Err(error) => {
                return Err(format!(
                    "{at} closed the connection before its answer was complete: {}",
                    cause(&error, redactor)
                ));
            }
        }
    }
    Ok(Got { status, to, kind, encoding, body, is_longer, took: began.elapsed() })
}

fn no_answer(at: &str, error: &reqwest::Error, redactor: &Redactor) -> String {
    let reason = cause(error, redactor);
    let lower = reason.to_ascii_lowercase();
    if error.is_timeout() {
        format!("{at} gave no answer in time")
    } else if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| lower.contains(word)) {
        format!("TLS with {at} fails: {reason}; is the certificate trusted here, and the host name right?")
    } else if error.is_redirect() {
        format!("{at} redirects without end: set the final URL")
    } else {
        format!("cannot reach {at}: {reason}; is it up, and reachable from here?")
    }
}

impl Got {
    /// Returns why the body cannot be read, where it is in an encoding that nobody asked for.
    pub fn unread_encoding(&self) -> Option<String> {
        let encoding = self.encoding.as_ref()?;
        Some(format!("the answer is encoded as {encoding}, which was not asked for: is a proxy in front?"))
    }

    /// Reads the body as JSON of an API; `whose` is its name, and `hint` what to check where it refuses us.
    pub fn json<T: DeserializeOwned>(
        &self,
        url: &Url,
        whose: &str,
        hint: &str,
        redactor: &Redactor,
    ) -> Result<T, String> {
        let at = shown(url, redactor);
        let status = self.status;
        let said = || match serde_json::from_slice::<serde_json::Value>(&self.body) {
            Ok(json) => match json.get("message").or(json.get("error")).or(Some(&json)) {
                Some(serde_json::Value::String(text)) => format!(": {}", redactor.first_line(&redactor.cut(text, 200))),
                _ => String::new(),
            },
            Err(_) => String::new(),
        };
        match status {
            200..=299 if let Some(why) = self.unread_encoding() => Err(format!("{at}: {why}")),
            200..=299 if self.is_longer => Err(format!("{at} answers more than {} MiB", MAX_BODY_BYTES >> 20)),
            200..=299 => serde_json::from_slice(&self.body).map_err(|error| {
                let what = if error.is_data() {
                    format!("JSON of another shape ({error})")
                } else {
                    describe(&self.body, redactor)
                };
                format!("{at} answers with {}, not as {whose} does: is the address right?", redactor.cut(&what, 150))
            }),
            300..=399 => {
                let to = self.to.as_deref().unwrap_or("?");
                Err(format!("{at} redirects to {to}: set the final URL, or a token"))
            }
            401 | 403 | 407 => Err(format!("{at} denies access ({status}{}): check {hint}", said())),
            404 => Err(format!("{at} is not there (404{}): check {hint}", said())),
            429 => Err(format!("{at} is rate limiting (429{}): too many requests", said())),
            500..=599 => Err(format!("{at} cannot answer now ({status}{})", said())),
            _ => Err(format!("{at} answers {status}{}", said())),
        }
    }
}

pub(super) async fn json<T: DeserializeOwned>(
    request: RequestBuilder,
    url: &Url,
    whose: &str,
    hint: &str,
    redactor: &Redactor,
) -> Result<T, String> {
    send(request, url, MAX_BODY_BYTES, redactor).await?.json(url, whose, hint, redactor)
}

/// Asks for something that older servers do not have: `None` where it is not there (404).
pub(super) async fn json_if_there<T: DeserializeOwned>(
    request: RequestBuilder,
    url: &Url,
    whose: &str,
    hint: &str,
    redactor: &Redactor,
) -> Result<Option<T>, String> {
    let got = send(request, url, MAX_BODY_BYTES, redactor).await?;
    if got.status == 404 { Ok(None) } else { got.json(url, whose, hint, redactor).map(Some) }
}

/// Fills templates: once for each workload where one of them names it, else once. A value that could break out of its
/// quotes is refused.
pub(super) fn fill(
    templates: &[&Template],
    scene: &CheckInput,
    redactor: &Redactor,
) -> Result<Vec<Vec<String>>, String> {
    let per_workload = templates.iter().any(|template| template.has(CheckPlaceholder::Workload));
    if per_workload && scene.workloads.is_empty() {
        return Err("no workload is known yet that {{workload}} could stand for".to_owned());
    }
    let names = scene.workloads.iter().map(|workload| Some(workload.name.as_str()));
    let names: Vec<Option<&str>> = if per_workload { names.collect() } else { vec![None] };
    let one = |workload: Option<&str>| {
        templates.iter().map(|template| template.fill(|open| value(open, workload, scene, redactor))).collect()
    };
    names.into_iter().map(one).collect()
}

fn value(
    open: CheckPlaceholder,
    workload: Option<&str>,
    scene: &CheckInput,
    redactor: &Redactor,
) -> Result<String, String> {
    let value = text(open, workload, scene)?;
    let fits = |c: char| c.is_alphanumeric() || " ._-:/+@~".contains(c);
    if !value.chars().all(fits) {
        let name = open.name();
        return Err(format!("{{{{{name}}}}} is `{}`, which cannot stand in a query", redactor.cut(&value, 60)));
    }
    Ok(value)
}

/// Returns what the release puts in place of a placeholder.
///
/// # Errors
/// It is not known.
pub(super) fn text(open: CheckPlaceholder, workload: Option<&str>, scene: &CheckInput) -> Result<String, String> {
    let value = match open {
        CheckPlaceholder::Env => scene.env.as_ref().map(|env| env.as_str().to_owned()).unwrap_or_default(),
        CheckPlaceholder::Namespace => scene.namespace.clone(),
        CheckPlaceholder::Workload => workload.unwrap_or_default().to_owned(),
        CheckPlaceholder::Service => scene.service.clone(),
        CheckPlaceholder::Version => scene.version.clone(),
        CheckPlaceholder::Commit => scene.commit.as_ref().map(|built| built.commit.clone()).unwrap_or_default(),
    };
    match (value.is_empty(), open) {
        (false, _) => Ok(value),
        (true, CheckPlaceholder::Commit) => {
            let remedy = "label the image with org.opencontainers.image.revision, or tag the commit in the repository \
                of [service]";
            let why = scene.commit_doubt.as_deref().unwrap_or(remedy);
            Err(format!("the value of {{{{commit}}}} is unknown: {why}"))
        }
        (true, open) => Err(format!("the value of {{{{{}}}}} is unknown", open.name())),
    }
}
