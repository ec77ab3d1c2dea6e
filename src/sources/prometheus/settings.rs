//! How to reach a Prometheus.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nobody in particular, or the user in the URL.
    #[default]
    Anonymous,
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Bearer(Secret),
}

/// How to reach a Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The base URL, with a path if there is a prefix: what stands before `/api/v1`. It may hold a user and password.
    pub url: Secret,
    /// Who asks.
    pub auth: Auth,
    /// Further headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(String, Secret)>,
    /// A PEM file of the certificate authorities to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl Settings {
    /// How long one answer may take unless configured otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// Settings for a URL, all else at its default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url),
            auth: Auth::Anonymous,
            headers: Vec::new(),
            ca_file: None,
            timeout: Self::TIMEOUT,
        }
    }
}
