//! The client for reading, and its errors in plain words.

use std::time::Duration;

use kube::core::Status;

use super::health::{Denial, WatchProblem};
use crate::domain::facts::text::plain_words;
use crate::platform::Redactor;
use crate::platform::kube_client::{ClientError, cause, client, client_of, login_error};
use crate::platform::kubeconfig::Cluster;
use crate::platform::login::LoginError;

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits for a login: shorter than any limit of its own, so that the login is what it fails of.
const LOGIN_PATIENCE: Duration = Duration::from_secs(2);

/// A client for reading and watching one API server. Its errors come in words, without what is secret in them.
#[derive(Clone)]
pub struct ReadClient {
    pub kube: kube::Client,
    redactor: Redactor,
}

impl ReadClient {
    /// Makes a client that does not retry on its own: an outage is shown, not hidden.
    ///
    /// # Errors
    /// What the client cannot be built from (TLS material, proxy).
    pub fn new(config: kube::Config, redactor: &Redactor) -> Result<Self, ClientError> {
        Ok(Self { kube: client(for_reading(config), redactor)?, redactor: redactor.clone() })
    }

    /// Makes a client of a cluster, with its login.
    ///
    /// # Errors
    /// What the client cannot be built from (files of the kubeconfig, TLS material, proxy).
    pub fn of(cluster: &Cluster, redactor: &Redactor) -> Result<Self, ClientError> {
        let config = for_reading(cluster.config.clone());
        Ok(Self { kube: client_of(cluster, config, LOGIN_PATIENCE, redactor)?, redactor: redactor.clone() })
    }

    /// Returns an error in words: what, where, and what to do.
    #[must_use]
    pub fn explain(&self, error: &kube::Error) -> String {
        explain(error, &self.redactor)
    }

    /// Returns an error as a trouble of a part.
    #[must_use]
    pub fn trouble(&self, error: &kube::Error) -> WatchProblem {
        trouble(error, &self.redactor)
    }

    /// Returns what hides secrets in what is quoted.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

fn for_reading(mut config: kube::Config) -> kube::Config {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Watches are quiet for long: deadlines are set per call.
    config.read_timeout = None;
    config
}

fn explain(error: &kube::Error, redactor: &Redactor) -> String {
    if let Some(login) = login_error(error) {
        return login.to_string();
    }
    match error {
        kube::Error::Api(status) => explain_status(status, redactor),
        kube::Error::SerdeError(error) if error.is_eof() => {
            "the answer breaks off; does something in front of the API server cut it short?".to_owned()
        }
        kube::Error::SerdeError(_) => {
            "the answer is not JSON of Kubernetes; is a log-in page in front of the API server, or the server's address in \
             the kubeconfig wrong?"
                .to_owned()
        }
        other => explain_cause(&cause(other, redactor)),
    }
}

/// Returns what kept a request from being answered, in words.
fn explain_cause(cause: &str) -> String {
    const CONNECTION_LOST_CAUSES: [&str; 5] =
        ["reset by peer", "broken pipe", "connection closed", "unexpected eof", "end of file"];
    let lower = cause.to_lowercase();
    if lower.contains("close_notify") {
        "connection lost: the other side hung up; is the API server up?".to_owned()
    } else if lower.contains("not valid yet") || lower.contains("expired") {
        format!("TLS: {cause}; is this machine's clock right?")
    } else if cause.contains("UnknownIssuer") || cause.contains("certificate") {
        format!("TLS: {cause}; check certificate-authority in the kubeconfig")
    } else if cause.contains("refused") {
        "connection refused; is the API server up?".to_owned()
    } else if CONNECTION_LOST_CAUSES.iter().any(|word| lower.contains(word)) {
        format!("connection lost: {cause}; is the API server up?")
    } else if cause.contains("dns") || cause.contains("lookup") {
        format!("{cause}; check the server's name in the kubeconfig")
    } else {
        cause.to_owned()
    }
}

/// Returns an error as a trouble of a part.
pub(super) fn trouble(error: &kube::Error, redactor: &Redactor) -> WatchProblem {
    WatchProblem {
        why: explain(error, redactor),
        answered: matches!(error, kube::Error::Api(_)),
        denial: match error {
            kube::Error::Api(status) if status.code == 403 => Some(Denial::Forbidden),
            kube::Error::Api(status) if status.code == 404 => Some(Denial::Missing),
            _ => None,
        },
        is_login: matches!(login_error(error), Some(LoginError::Waiting(_))),
    }
}

/// Returns the API server's answer in words.
pub(super) fn explain_status(status: &Status, redactor: &Redactor) -> String {
    let message = plain_words(&status.message);
    let told = match status.code {
        401 => format!(
            "401 Unauthorized: {}; the token may have expired, log in again",
            or(&message, "no valid credentials")
        ),
        403 => format!("403 Forbidden: {message}"),
        404 => format!(
            "404 Not Found: {}",
            or(&message, "the API server does not know that kind; is Argo Rollouts installed?")
        ),
        429 => format!("429 Too Many Requests: {}", or(&message, "the API server asks to slow down")),
        code if status.reason == NOT_A_STATUS => {
            let words = or(&message, "a page that is not of the API server; is a load balancer in front of it?");
            format!("{code}{}: {words}", phrase(code))
        }
        code => format!("{code} {}: {message}", status.reason),
    };
    // It may quote what was sent.
    redactor.redact(&told).into_owned()
}

/// What the library gives as the reason where the answer was none of the API server's own.
const NOT_A_STATUS: &str = "Failed to parse error data";

/// Returns what HTTP calls a status that load balancers answer with, a space before it.
fn phrase(code: u16) -> &'static str {
    match code {
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        504 => " Gateway Timeout",
        _ => "",
    }
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.trim().is_empty() { other } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_explained() {
        let words = [
            ("Connection refused (os error 111)", "connection refused; is the API server up?"),
            (
                "Connection reset by peer (os error 104)",
                "connection lost: Connection reset by peer (os error 104); is the API server up?",
            ),
            (
                "failed to lookup address information",
                "failed to lookup address information; check the server's name in the kubeconfig",
            ),
            (
                "peer closed connection without sending TLS close_notify: https://docs.rs/…",
                "connection lost: the other side hung up; is the API server up?",
            ),
            (
                "invalid peer certificate: certificate not valid yet",
                "TLS: invalid peer certificate: certificate not valid yet; is this machine's clock right?",
            ),
            ("something else", "something else"),
        ];
        for (cause, wanted) in words {
            assert_eq!(explain_cause(cause), wanted);
        }
    }

    #[test]
    fn html_and_other_non_json_answers_are_named() {
        let page = Status::failure("<html><body>busy</body></html>", NOT_A_STATUS).with_code(503);
        assert_eq!(
            explain_status(&page, &Redactor::default()),
            "503 Service Unavailable: a page that is not of the API server; is a load balancer in front of it?"
        );
        let own = Status::failure("etcdserver: request timed out", "InternalError").with_code(500);
        assert_eq!(explain_status(&own, &Redactor::default()), "500 InternalError: etcdserver: request timed out");
        let read = |text| {
            explain(&kube::Error::SerdeError(serde_json::from_str::<Status>(text).unwrap_err()), &Redactor::default())
        };
        assert!(read("{\"kind\": \"Ro").starts_with("the answer breaks off"));
        assert!(read("<html>").starts_with("the answer is not JSON"));
    }
}
