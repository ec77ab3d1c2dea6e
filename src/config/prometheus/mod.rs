//! What is configured of an environment's Prometheus.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use reqwest::Url;

use super::counters::CounterSettings;
use super::query::Query;
use super::secret::{Revealed, Secret, SecretError};
use crate::domain::signals::Signal;
use crate::platform::Redactor;

/// How to ask one Prometheus for the signals of one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Prometheus {
    /// Where its API is, without `/api/v1`; ends in `/`, so that paths can be joined.
    pub url: Url,
    /// Whose metrics are asked for.
    pub preset: Preset,
    /// Extra matchers for every query.
    pub labels: BTreeMap<String, String>,
    /// What rates are taken over.
    pub window: SignedDuration,
    /// How often it is asked.
    pub interval: SignedDuration,
    /// How long one answer may take.
    pub timeout: SignedDuration,
    /// Who we are to it.
    pub auth: Auth,
    /// Extra request headers.
    pub headers: BTreeMap<String, HeaderText>,
    /// Certificate authority to trust besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
    /// The server's certificate is not checked.
    pub insecure: bool,
    /// Own queries, in place of the preset's.
    pub queries: BTreeMap<Signal, Query>,
    /// What is counted for the judge.
    pub counters: CounterSettings,
}

impl Prometheus {
    /// Makes the settings for a server of which only the address is known.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            preset: Preset::Plain,
            labels: BTreeMap::new(),
            window: SignedDuration::from_mins(1),
            interval: SignedDuration::from_secs(10),
            timeout: SignedDuration::from_secs(5),
            auth: Auth::None,
            headers: BTreeMap::new(),
            ca_file: None,
            insecure: false,
            queries: BTreeMap::new(),
            counters: CounterSettings::default(),
        }
    }
}

/// Whose metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Preset {
    /// `http_requests_total` with a `code` or `status` label, and `http_request_duration_seconds`.
    #[default]
    Plain,
    /// Istio's standard metrics.
    Istio,
    /// The ingress-nginx controller.
    IngressNginx,
    /// Linkerd's proxy.
    Linkerd,
    /// OpenTelemetry's HTTP server metrics.
    OtelHttp,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Istio, Self::IngressNginx, Self::Linkerd, Self::OtelHttp];

    /// Returns the word in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Istio => "istio",
            Self::IngressNginx => "ingress-nginx",
            Self::Linkerd => "linkerd",
            Self::OtelHttp => "otel-http",
        }
    }
}

/// Who we are to a server.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Auth {
    /// Nobody in particular.
    #[default]
    None,
    /// Basic authentication.
    Basic {
        /// Name of the user.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// Value of a request header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderText {
    /// As written.
    Plain(String),
    /// A secret.
    Secret(Secret),
}

impl HeaderText {
    /// Returns the value, which may be a secret.
    pub async fn reveal(&self, redactor: &Redactor) -> Result<Revealed, SecretError> {
        match self {
            Self::Plain(text) => Ok(Revealed::new(text.clone())),
            Self::Secret(secret) => secret.reveal(redactor).await,
        }
    }
}

/// Reads the address of a Prometheus.
pub fn parse_url(text: &str) -> Result<Url, UrlError> {
    let mut url: Url = text.trim().parse().map_err(|_| UrlError::NoUrl)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::NoUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    if let Some(before) = url.path().trim_end_matches('/').strip_suffix("/api/v1").map(ToOwned::to_owned) {
        // What people copy from the documentation; we add it ourselves.
        url.set_path(&before);
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Why a text is no address of a Prometheus. Does not quote it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no address.
    #[error("is not an http:// or https:// address with a host: write for example `http://prometheus.monitoring:9090`")]
    NoUrl,
    /// It holds a user or password.
    #[error("holds a user or password: write `username` and `password` (or `bearer_token`) under [prometheus]")]
    Credentials,
    /// It holds a query or a fragment.
    #[error("has a `?` or `#`: write the address alone, and extra matchers under `labels`")]
    Query,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_in_a_slash_and_knows_no_api_path() {
        for (text, url) in [
            ("http://p:9090", "http://p:9090/"),
            ("https://p/prom", "https://p/prom/"),
            ("https://p/prom/api/v1/", "https://p/prom/"),
        ] {
            assert_eq!(parse_url(text).unwrap().as_str(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_not_quoted() {
        for (text, error) in [
            ("p:9090", UrlError::NoUrl),
            ("http://", UrlError::NoUrl),
            ("ftp://p", UrlError::NoUrl),
            ("http://u:s3cret@p", UrlError::Credentials),
            ("http://p/?token=s3cret", UrlError::Query),
        ] {
            assert_eq!(parse_url(text), Err(error), "{text}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
