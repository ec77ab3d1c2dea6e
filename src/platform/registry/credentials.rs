//! Who we are to a registry.

use std::fmt;

use reqwest::header::HeaderValue;

/// Who we are to a registry. `Debug` shows nothing that is secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody: what anybody may pull.
    Anonymous,
    Basic {
        username: String,
        password: String,
    },
    /// A token that is sent as it is.
    Token(String),
    /// A token that is exchanged for one that may pull, as `docker login` keeps it for some registries.
    Identity(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(…)",
            Self::Token(_) => "Token(…)",
            Self::Identity(_) => "Identity(…)",
        })
    }
}

impl Credentials {
    /// Returns the parts that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::Anonymous => None,
            Self::Basic { password: secret, .. } | Self::Token(secret) | Self::Identity(secret) => {
                Some(secret.as_str())
            }
        }
        .into_iter()
    }

    pub(super) fn is_token(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// What is sent before a registry says how it wants to know who asks.
    pub(super) fn up_front(&self) -> Option<HeaderValue> {
        match self {
            Self::Token(token) => bearer(token),
            Self::Anonymous | Self::Basic { .. } | Self::Identity(_) => None,
        }
    }

    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let Self::Basic { username, password } = self else { return None };
        let encoded = serde_json::to_value(k8s_openapi::ByteString(format!("{username}:{password}").into_bytes()));
        sensitive(format!("Basic {}", encoded.ok()?.as_str()?))
    }

    /// What a 401 means.
    pub(super) fn not_accepted(&self) -> String {
        match self {
            Self::Anonymous => "it wants a login: set `username` and `password`, or run `docker login`".to_owned(),
            Self::Basic { username, .. } => format!("the login of {username} is not accepted"),
            Self::Token(_) | Self::Identity(_) => "the token is not accepted".to_owned(),
        }
    }
}

/// Returns the header of a token; `None` where it has characters that are not allowed there.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    sensitive(format!("Bearer {}", token.trim()))
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_authentication_is_written_as_the_standard_has_it() {
        // The example of RFC 7617, section 2.
        let login = Credentials::Basic { username: "Aladdin".to_owned(), password: "open sesame".to_owned() };
        assert_eq!(login.basic().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{login:?} {:?}", login.basic()).contains("sesame"));
    }
}
