//! What can go wrong with a question to Prometheus: what, where, and what to do.

use std::time::Duration;

use crate::config::secret::SecretError;
use crate::domain::facts::text::sanitize;
use crate::platform::Redactor;

/// Why a client cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("`{0}` is not a valid HTTP header, or its value has characters that are not allowed in a header")]
    Header(String),
    /// The certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {path}: {reason}")]
    CaFile { path: String, reason: String },
    /// The TLS library does not start.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// Why a question has no answer. `at` is the server's URL without user, password and parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("cannot reach {at}: {reason}; is it up, and reachable from here?")]
    Unreachable {
        at: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The certificate is not trusted, or the handshake fails.
    #[error("TLS with {at} fails: {reason}; set `ca_file`, or check the host name")]
    Tls { at: String, reason: String },
    /// The connection ended in the middle of the answer.
    #[error("{at} closed the connection before its answer was complete: {reason}")]
    Cut { at: String, reason: String },
    /// The body is in an encoding that nobody asked for, or its gzip is broken.
    #[error("{at} gave an answer that cannot be unpacked: {what}; is a proxy in front?")]
    Encoded {
        at: String,
        /// The encoding, or what is wrong with it.
        what: String,
    },
    #[error("{at} gave no answer in {} s; is it overloaded, or the timeout too short?", .after.as_secs_f64())]
    TimedOut { at: String, after: Duration },
    /// 401 or 403.
    #[error("{at} denies access ({status}{said}): check the user, token or headers in the config")]
    Denied {
        at: String,
        status: u16,
        /// What the server said, with a colon before it; may be empty.
        said: String,
    },
    /// A redirect: a log-in page, or http where https is wanted.
    #[error("{at} redirects to {to}: set the final URL (a login proxy needs a token)")]
    Redirected { at: String, to: String },
    /// There is no API at this path.
    #[error("{at} has no Prometheus API ({status}): is the path prefix right?")]
    NotFound { at: String, status: u16 },
    /// Something else answers, such as a proxy's log-in page.
    #[error("{at} answers {status} with {what} where JSON was expected: is a proxy in front, or the URL wrong?")]
    NotPrometheus {
        at: String,
        status: u16,
        /// What came, such as `HTML ("Sign in")`.
        what: String,
    },
    /// 400 or 422: the server does not take the query.
    #[error("Prometheus rejects the query ({status} {kind}): {said}")]
    Rejected {
        status: u16,
        /// The server's kind of error, such as `bad_data`.
        kind: String,
        said: String,
    },
    /// An answer to what is no query comes from part of its data only; its warning.
    #[error("{at} answers from part of its data only: {warning}")]
    Partial { at: String, warning: String },
    /// 429 or 5xx.
    #[error("{at} cannot answer now ({status}{said})")]
    Unavailable {
        at: String,
        status: u16,
        /// What the server said, with a colon before it; may be empty.
        said: String,
    },
    /// The JSON is cut off, of the wrong shape, or too long.
    #[error("{at} gave an answer that is not Prometheus': {what}")]
    Malformed {
        at: String,
        /// What is wrong with it.
        what: String,
    },
}

impl QueryError {
    /// Says whether the server itself is the trouble; otherwise it answered, and only this question has no answer.
    #[must_use]
    pub fn is_link(&self) -> bool {
        !matches!(self, Self::Rejected { .. } | Self::Partial { .. })
    }
}

/// The longest text that is taken over from a server.
const MAX_TEXT_CHARS: usize = 200;

/// A text from outside on one line, bounded, nothing in it that moves a cursor or is secret.
#[must_use]
pub fn tidy(text: &str, redactor: &Redactor) -> String {
    let text = redactor.redact(text);
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    let line = sanitize(&line);
    match line.char_indices().nth(MAX_TEXT_CHARS) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.into_owned(),
    }
}

/// What a server said, ready to stand after a status.
#[must_use]
pub fn said(text: &str, redactor: &Redactor) -> String {
    let text = tidy(text, redactor);
    if text.is_empty() { text } else { format!(": {text}") }
}
