//! Asks a Prometheus, and tells what went wrong in words that help.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::answer::{AlertingRule, Alerts, Answer, Envelope, Plain, RaisedAlert, RuleGroups};
use super::trouble::{QueryError, SetupError, said, tidy};
use crate::config::{Auth, Prometheus, Revealed};
use crate::platform::{Redactor, tls};

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A client of one Prometheus. Cheap to clone; it never retries on its own.
#[derive(Clone)]
pub struct PrometheusClient {
    client: Client,
    basic: Option<(String, Revealed)>,
    query: Url,
    query_range: Url,
    /// The base URL without what is secret in it.
    at: String,
    timeout: Duration,
    redactor: Redactor,
}

impl fmt::Debug for PrometheusClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusClient").field("at", &self.at).finish_non_exhaustive()
    }
}

impl PrometheusClient {
    /// Builds a client: reads secrets and the CA file, and tells the secrets to the redactor; asks nothing yet.
    pub async fn new(settings: &Prometheus, redactor: &Redactor) -> Result<Self, SetupError> {
        let timeout = settings.timeout.unsigned_abs();
        let mut builder = tls::http_client()
            .default_headers(headers(settings, redactor).await?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout)
            .tls_danger_accept_invalid_certs(settings.insecure)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&settings.url) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
            if settings.url.scheme() == "http" {
                // There is nothing to verify: the certificates of the system are not read.
                builder = builder.tls_certs_only([]);
            }
        }
        if let Some(path) = &settings.ca_file {
            let fail = |reason: String| SetupError::CaFile { path: path.display().to_string(), reason };
            let pem = tokio::fs::read(path).await.map_err(|e| fail(e.to_string()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| fail(cause(&e, redactor)))?;
            if certificates.is_empty() {
                return Err(fail("there is no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| SetupError::Tls(cause(&e, redactor)))?;
        let basic = match &settings.auth {
            Auth::Basic { username, password } => Some((username.clone(), password.reveal(redactor).await?)),
            Auth::None | Auth::Bearer(_) => None,
        };
        let base = without_user(settings.url.clone());
        let endpoint = |name: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}/api/v1/{name}", base.path().trim_end_matches('/')));
            url
        };
        let (query, query_range) = (endpoint("query"), endpoint("query_range"));
        let at = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, basic, query, query_range, at, timeout, redactor: redactor.clone() })
    }

    /// Rebuilds the client, for a token may have been renewed.
    pub(super) async fn renewed(&self, settings: &Prometheus) -> Result<Self, SetupError> {
        Self::new(settings, &self.redactor).await
    }

    /// The server's URL without user and password.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Asks for the value now, by the server's clock.
    pub async fn query(&self, promql: &str) -> Result<Answer, QueryError> {
        self.ask(&self.query, vec![("query", promql.to_owned())]).await
    }

    /// Asks for the value at a time, by the server's clock.
    pub async fn query_at(&self, promql: &str, at: Timestamp) -> Result<Answer, QueryError> {
        self.ask(&self.query, vec![("query", promql.to_owned()), ("time", seconds(at))]).await
    }

    /// Asks for the values from `start` to `end`, a `step` apart.
    pub async fn query_range(
        &self,
        promql: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Answer, QueryError> {
        let form = vec![
            ("query", promql.to_owned()),
            ("start", seconds(start)),
            ("end", seconds(end)),
            ("step", format!("{:.3}", step.as_secs_f64())),
        ];
        self.ask(&self.query_range, form).await
    }

    /// Asks for the alerts that its rules raise, pending ones among them.
    pub async fn alerts(&self) -> Result<Vec<RaisedAlert>, QueryError> {
        Ok(self.get::<Alerts>("alerts", &[]).await?.alerts)
    }

    /// Asks for its alerting rules.
    pub async fn alerting_rules(&self) -> Result<Vec<AlertingRule>, QueryError> {
        let groups = self.get::<RuleGroups>("rules", &[("type", "alert")]).await?.groups;
        let rules = groups.into_iter().flat_map(|group| group.rules);
        Ok(rules.filter(|rule| rule.kind.as_deref() != Some("recording")).collect())
    }

    /// Asks whether any of some selectors had a series in the last hour.
    pub async fn has_series(&self, selectors: &[String]) -> Result<bool, QueryError> {
        let now = Timestamp::now();
        let form =
            [("start", seconds(now - SignedDuration::from_hours(1))), ("end", seconds(now)), ("limit", "1".to_owned())];
        let matches = selectors.iter().map(|selector| ("match[]", selector.clone()));
        let form: Vec<(&str, String)> = form.into_iter().chain(matches).collect();
        let request = self.client.post(self.endpoint("series")).form(&form);
        Ok(!self.plain::<Vec<serde::de::IgnoredAny>>(request).await?.is_empty())
    }

    /// Asks for what is no query.
    async fn get<T: DeserializeOwned>(&self, name: &str, parameters: &[(&str, &str)]) -> Result<T, QueryError> {
        self.plain(self.client.get(self.endpoint(name)).query(parameters)).await
    }

    fn endpoint(&self, name: &str) -> Url {
        let mut url = self.query.clone();
        let base = url.path().strip_suffix("query").unwrap_or_default().to_owned();
        url.set_path(&format!("{base}{name}"));
        url
    }

    async fn plain<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, QueryError> {
        let (status, body) = self.in_time(request).await?;
        let what = match serde_json::from_slice::<Plain<T>>(&body) {
            Ok(plain) if status.is_success() && plain.status == "success" => match plain.into_parts() {
                (Some(data), warnings) => {
                    return match warnings.first() {
                        Some(warning) => {
                            let (at, warning) = (self.at.clone(), tidy(warning, &self.redactor));
                            Err(QueryError::Partial { at, warning })
                        }
                        None => Ok(data),
                    };
                }
                (None, _) => "success without data".to_owned(),
            },
            Ok(_) => "neither success nor an error".to_owned(),
            Err(error) => tidy(&error.to_string(), &self.redactor),
        };
        // What is wrong with it is worded as for a query.
        self.read(status, &body).and(Err(QueryError::Malformed { at: self.at.clone(), what }))
    }

    async fn ask(&self, url: &Url, mut form: Vec<(&'static str, String)>) -> Result<Answer, QueryError> {
        // The server gives up with us: no one would read its answer.
        form.push(("timeout", format!("{:.3}", self.timeout.as_secs_f64())));
        let (status, body) = self.in_time(self.client.post(url.clone()).form(&form)).await?;
        self.read(status, &body)
    }

    async fn in_time(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), QueryError> {
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        exchanged.unwrap_or_else(|_| Err(QueryError::TimedOut { at: self.at.clone(), after: self.timeout }))
    }

    /// Sends the request and reads the answer's body.
    async fn exchange(&self, mut request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), QueryError> {
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password.expose()));
        }
        let mut response = request.send().await.map_err(|e| self.no_answer(&e))?;
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("?");
            // A log-in redirect carries state in its parameters.
            let to = tidy(to.split(['?', '#']).next().unwrap_or_default(), &self.redactor);
            let to = Url::parse(&to).map_or(to, |url| without_user(url).to_string());
            return Err(QueryError::Redirected { at: self.at.clone(), to });
        }
        // gzip was undone on the way, and its header with it.
        let encoding = response.headers().get(CONTENT_ENCODING).map(|name| String::from_utf8_lossy(name.as_bytes()));
        if let Some(encoding) = encoding.filter(|name| !name.eq_ignore_ascii_case("identity")) {
            let what = format!("it is encoded as {}, which was not asked for", tidy(&encoding, &self.redactor));
            return Err(QueryError::Encoded { at: self.at.clone(), what });
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => {
                    let what = format!("it is longer than {} MiB", MAX_ANSWER_BYTES >> 20);
                    return Err(QueryError::Malformed { at: self.at.clone(), what });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok((status, body)),
                Err(error) if is_broken_gzip(&error) => {
                    let what = format!("its gzip is broken ({})", cause(&error, &self.redactor));
                    return Err(QueryError::Encoded { at: self.at.clone(), what });
                }
                Err(error) => {
                    return Err(QueryError::Cut { at: self.at.clone(), reason: cause(&error, &self.redactor) });
                }
            }
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> QueryError {
        let (at, reason) = (self.at.clone(), cause(error, &self.redactor));
        if error.is_timeout() {
            return QueryError::TimedOut { at, after: self.timeout };
        }
        let lower = reason.to_ascii_lowercase();
        if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| lower.contains(word)) {
            return QueryError::Tls { at, reason };
        }
        QueryError::Unreachable { at, reason }
    }

    fn read(&self, status: StatusCode, body: &[u8]) -> Result<Answer, QueryError> {
        let (at, code, redactor) = (self.at.clone(), status.as_u16(), &self.redactor);
        let envelope = serde_json::from_slice::<Envelope>(body);
        let words = |envelope: &Result<Envelope, _>| match envelope {
            Ok(Envelope { error, .. }) => said(error, redactor),
            // An HTML page says nothing to a person that its title does not.
            Err(_) if looks_like_html(body) => title(body, redactor).map(|t| said(&t, redactor)).unwrap_or_default(),
            Err(_) => said(&words_of_gateway(body), redactor),
        };
        match (code, envelope) {
            (401 | 403 | 407, envelope) => Err(QueryError::Denied { at, status: code, said: words(&envelope) }),
            // Prometheus answers unknown paths in plain text, and unknown ids with an error in JSON.
            (404 | 405, Err(_)) => Err(QueryError::NotFound { at, status: code }),
            (429 | 500..=599, envelope) => Err(QueryError::Unavailable { at, status: code, said: words(&envelope) }),
            (_, Ok(envelope)) if !envelope.is_success() => {
                let [kind, said] = [&envelope.kind, &envelope.error].map(|text| tidy(text, redactor));
                Err(QueryError::Rejected { status: code, kind, said })
            }
            (200..=299, Ok(envelope)) => {
                let mut answer = envelope.into_answer().map_err(|what| QueryError::Malformed { at, what })?;
                answer.warnings = answer.warnings.iter().map(|warning| tidy(warning, redactor)).collect();
                Ok(answer)
            }
            (200..=299, Err(error)) if !looks_like_html(body) && !body.is_empty() => {
                let what = if error.is_eof() {
                    format!("the JSON breaks off after {} bytes", body.len())
                } else {
                    tidy(&error.to_string(), redactor)
                };
                Err(QueryError::Malformed { at, what })
            }
            _ => Err(QueryError::NotPrometheus { at, status: code, what: describe(body, redactor) }),
        }
    }
}

fn seconds(time: Timestamp) -> String {
    format!("{:.3}", time.as_millisecond() as f64 / 1000.0)
}

async fn headers(settings: &Prometheus, redactor: &Redactor) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: String| {
        let bad = || SetupError::Header(tidy(name, redactor));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| bad())?;
        // Keeps it out of debug output.
        value.set_sensitive(true);
        headers.insert(key, value);
        Ok::<_, SetupError>(())
    };
    for (name, value) in &settings.headers {
        add(name, value.reveal(redactor).await?.expose().to_owned())?;
    }
    if let Auth::Bearer(token) = &settings.auth {
        add(AUTHORIZATION.as_str(), format!("Bearer {}", token.reveal(redactor).await?.expose().trim()))?;
    }
    Ok(headers)
}

/// Says whether a server runs here.
pub(in crate::sources) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// A URL without user and password.
pub(in crate::sources) fn without_user(mut url: Url) -> Url {
    // Fails only for URLs that cannot hold a user.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

/// The innermost cause: the outer layers only repeat that something failed. It names no URL.
pub(in crate::sources) fn cause(error: &reqwest::Error, redactor: &Redactor) -> String {
    let mut innermost: Option<&dyn std::error::Error> = error.source();
    while let Some(inner) = innermost.and_then(std::error::Error::source) {
        innermost = Some(inner);
    }
    match innermost {
        Some(inner) => tidy(&inner.to_string(), redactor),
        None if error.is_decode() => "its encoding is broken".to_owned(),
        None => "the request failed".to_owned(),
    }
}

/// Says whether a body cannot be unpacked: what ends a connection early is an error of `hyper`, which has its cause inside.
pub(in crate::sources) fn is_broken_gzip(error: &reqwest::Error) -> bool {
    error.source().and_then(|inner| inner.downcast_ref::<std::io::Error>()).is_some()
}

fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// What something in front of a Prometheus says, which answers in a shape of its own.
fn words_of_gateway(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = |key: &str| json.as_ref()?.get(key)?.as_str().map(ToOwned::to_owned);
    ["error", "message", "error_description", "msg", "detail"]
        .into_iter()
        .find_map(text)
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

fn title(body: &[u8], redactor: &Redactor) -> Option<String> {
    let page = String::from_utf8_lossy(&body[..body.len().min(64 << 10)]);
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")? + "<title".len();
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(tidy(&page[start..end], redactor))
}

/// Says what came where something else was expected.
pub(in crate::sources) fn describe(body: &[u8], redactor: &Redactor) -> String {
    if body.trim_ascii().is_empty() {
        "nothing".to_owned()
    } else if looks_like_html(body) {
        title(body, redactor).map_or_else(|| "HTML".to_owned(), |title| format!("HTML (\u{201c}{title}\u{201d})"))
    } else {
        format!("text (\u{201c}{}\u{201d})", tidy(&String::from_utf8_lossy(&body[..body.len().min(80)]), redactor))
    }
}
