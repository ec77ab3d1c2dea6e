//! Settings of all kinds that send HTTP requests: URLs, headers, secrets.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::config::headers::{self, HeaderText};
use crate::config::prometheus::without_page;
use crate::config::reader::{Reader, Table};
use crate::config::secret::{self, Secret};
use crate::config::section::{Field, Kind};

/// The key of request headers.
pub(super) const HEADERS: Field =
    Field::new("headers", Kind::TextsOrSecrets, "Extra request headers; a secret one names its source.")
        .or(|| "{}".to_owned());

/// Reads `headers`.
pub(super) fn headers(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<String, HeaderText> {
    headers::read(reader, table)
}

/// Reads where a secret comes from.
pub(super) fn secret(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<Secret> {
    secret::read(reader, table.get(key)?, key)
}

/// Notes where a header says who we are, and another key does as well.
pub(super) fn one_authorization(
    reader: &mut Reader,
    table: &Table<'_>,
    key: &str,
    headers: &BTreeMap<String, HeaderText>,
) {
    if table.get(key).is_some() && headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        let what = format!("the header `Authorization` is there twice: `{key}` sets it too");
        reader.note(table.key_at("headers"), what, "");
    }
}

/// Reads an address. It is not quoted: it may hold a password.
pub(super) fn url(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<Url> {
    let text = reader.text(table, key)?;
    let url: Option<Url> = text.value.trim().parse().ok();
    let url =
        url.filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|h| !h.is_empty()));
    let Some(url) = url else {
        let what = format!("`{key}` is not an http:// or https:// address with a host");
        reader.note(text.at, what, "write for example \"https://payments.example/healthz\"");
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        let what = format!("`{key}` contains a user or password");
        reader.note(text.at, what, "write headers = { Authorization = { env = \"NAME\" } }");
        return None;
    }
    Some(url)
}

/// Reads the address of a server that paths are added to: it ends in `/`.
pub(in crate::config) fn base(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<Url> {
    let mut url = url(reader, table, key)?;
    if let Some((server, path)) = without_page(&url) {
        let what = format!("`{key}` ends in {path}, which is not part of the server's address");
        let server = server.as_str().trim_end_matches('/');
        reader.note(table.key_at(key), what, format!("write {key} = \"{server}\", without {path}"));
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        reader.note(table.key_at(key), format!("`{key}` has a `?` or `#`"), "write the address of the server alone");
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}
