//! The client for reading, and its errors in plain words.

use std::time::Duration;

use kube::core::Status;

use super::health::Trouble;
use crate::config::client::{ClientError, cause, client};
use crate::config::secret::hide;

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes the client for reading and watching. It does not retry by itself: an outage is shown, not hidden.
///
/// # Errors
/// What the client cannot be built from (TLS material, proxy).
pub fn for_reading(mut config: kube::Config) -> Result<kube::Client, ClientError> {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    // Watches are quiet for long: deadlines are set per call.
    config.read_timeout = None;
    client(config)
}

/// Returns an error in words: what, where, and what to do.
#[must_use]
pub fn explain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => explain_status(status),
        other => explain_cause(&cause(other)),
    }
}

/// Returns what kept a request from being answered, in words.
fn explain_cause(cause: &str) -> String {
    const LOST: [&str; 5] = ["reset by peer", "broken pipe", "connection closed", "unexpected eof", "end of file"];
    let lower = cause.to_lowercase();
    if cause.contains("UnknownIssuer") || cause.contains("certificate") {
        format!("TLS: {cause}; check certificate-authority in the kubeconfig")
    } else if cause.contains("refused") {
        "connection refused; is the API server up?".to_owned()
    } else if LOST.iter().any(|word| lower.contains(word)) {
        format!("connection lost: {cause}; is the API server up?")
    } else if cause.contains("dns") || cause.contains("lookup") {
        format!("{cause}; check the server's name in the kubeconfig")
    } else {
        cause.to_owned()
    }
}

/// Returns an error as a trouble of a part.
#[must_use]
pub fn trouble(error: &kube::Error) -> Trouble {
    Trouble { why: explain(error), answered: matches!(error, kube::Error::Api(_)) }
}

/// Returns the API server's answer in words.
#[must_use]
pub fn explain_status(status: &Status) -> String {
    let told = match status.code {
        401 => format!(
            "401 Unauthorized: {}; the token may have expired, log in again",
            or(&status.message, "no valid credentials")
        ),
        403 => format!("403 Forbidden: {}", status.message),
        404 => format!(
            "404 Not Found: {}",
            or(&status.message, "the API server does not know that kind; is Argo Rollouts installed?")
        ),
        429 => format!("429 Too Many Requests: {}", or(&status.message, "the API server asks to slow down")),
        code => format!("{code} {}: {}", status.reason, status.message),
    };
    // It may quote what was sent.
    hide(&told).into_owned()
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.trim().is_empty() { other } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_in_words() {
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
            ("something else", "something else"),
        ];
        for (cause, wanted) in words {
            assert_eq!(explain_cause(cause), wanted);
        }
    }
}
