//! `headers`: extra headers of requests.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};
use toml::de::DeValue;

use super::reader::{Reader, Table};
use super::secret::{self, Revealed, Secret, SecretError};
use crate::platform::Redactor;

/// Value of a request header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderText {
    Plain(String),
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

/// Reads request headers; what looks like a secret must say where it comes from.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<String, HeaderText> {
    let mut headers = BTreeMap::new();
    for (name, value) in reader.entries(table, "headers") {
        let Ok(header) = HeaderName::try_from(name.value) else {
            reader.note(name.at, format!("`{}` is not the name of a header", name.value), "");
            continue;
        };
        if matches!(value.get_ref(), DeValue::Table(_)) || is_secret(&header) {
            if let Some(secret) = secret::read(reader, value, name.value) {
                headers.insert(name.value.to_owned(), HeaderText::Secret(secret));
            }
        } else if let Some(text) = reader.text_of(value, name.value) {
            if HeaderValue::from_str(&text.value).is_ok() {
                headers.insert(name.value.to_owned(), HeaderText::Plain(text.value));
            } else {
                reader.note(text.at, format!("the value of `{}` cannot stand in a header", name.value), "");
            }
        }
    }
    headers
}

/// Returns whether a header carries a secret, as far as its name tells.
fn is_secret(header: &HeaderName) -> bool {
    let name = header.as_str();
    ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"]
        .iter()
        .any(|word| name.contains(word))
}
