//! The address of a Prometheus.

use reqwest::Url;

use crate::config::reader::{Reader, Table};

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
    #[error("is not an http:// or https:// address with a host: write for example `http://prometheus.monitoring:9090`")]
    NoUrl,
    /// It contains a user or password.
    #[error("contains a user or password: write `username` and `password` (or `bearer_token`) under [prometheus]")]
    Credentials,
    /// It holds a query or a fragment.
    #[error("has a `?` or `#`: write the address alone, and extra matchers under `labels`")]
    Query,
}

/// Where a Prometheus is, as far as what was read says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::config) enum Address {
    #[default]
    Unknown,
    /// What says it is wrong, which was noted.
    Wrong,
    BuiltinCheck(Url),
}

/// Reads `url` over what holds so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut Address) {
    let Some(text) = reader.text(table, "url") else {
        if table.get("url").is_some() {
            *into = Address::Wrong;
        }
        return;
    };
    *into = match parse_url(&text.value) {
        Ok(url) => Address::BuiltinCheck(url),
        Err(error) => {
            reader.note(text.at, format!("`url` {error}"), "");
            Address::Wrong
        }
    };
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
