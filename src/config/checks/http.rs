//! `http`: the response of a server.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Url;
use serde_json::Value as Json;
use toml::de::DeValue;

use super::web;
use crate::config::headers::HeaderText;
use crate::config::reader::{Reader, Table, Value};
use crate::config::section::{Field, Kind, Section, ToToml as _, millis, mins, words, words_of};

/// A server answers as it should.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    pub url: Url,
    pub method: Method,
    /// Statuses that are right; never empty.
    pub status: Vec<u16>,
    /// How long the whole answer may take.
    pub within: Option<SignedDuration>,
    /// What has to be in the body.
    pub contains: Option<String>,
    /// What has to be at a JSON pointer (RFC 6901) of the body.
    pub equals: Option<(String, Json)>,
    pub headers: BTreeMap<String, HeaderText>,
}

/// How to ask. `POST` sends no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::Get, Self::Head, Self::Post];

    /// Returns the word in config and request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`http`",
    help: "A server answers as it should. Redirects are not followed.",
    needed: &["url"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "Whom to ask."),
    Field::new("method", Kind::Word(words_of::<Method>), "How to ask; POST sends no body.")
        .or(|| Method::default().to_toml()),
    Field::new("status", Kind::Statuses, "The status that is right, or a list of some.")
        .or(|| DEFAULT_STATUS.to_string()),
    Field::new("within", Kind::Time(millis(1), mins(10)), "How long the answer may take."),
    Field::new("contains", Kind::Text, "What has to be in the body."),
    Field::new("pointer", Kind::Text, "JSON pointer into the response body, such as `/status`."),
    Field::new("equals", Kind::Scalar, "What has to be there."),
    web::HEADERS,
];

/// The status that is right, unless something else is said.
const DEFAULT_STATUS: u16 = 200;

words!(Method);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Http> {
    let method = reader.word::<Method>(table, "method").unwrap_or_default();
    let within = reader.time(table, "within");
    let contains = reader.text(table, "contains").map(|text| text.value);
    let equals = equals(reader, table);
    let headers = web::headers(reader, table);
    let status = match table.get("status") {
        Some(value) => statuses(reader, value),
        None => Some(vec![DEFAULT_STATUS]),
    };
    if method == Method::Head {
        for key in ["contains", "pointer"].into_iter().filter(|key| table.get(key).is_some()) {
            reader.note(table.key_at(key), format!("a response to HEAD has no body for `{key}`"), "use GET");
        }
    }
    if table.get("url").is_none() {
        reader.note(table.at, "`http` has no `url`", "write url = \"https://…\"");
    }
    Some(Http { url: web::url(reader, table, "url")?, method, status: status?, within, contains, equals, headers })
}

fn statuses(reader: &mut Reader, value: Value<'_>) -> Option<Vec<u16>> {
    let at = value.span().start;
    let list: Vec<&DeValue<'_>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().map(toml::Spanned::get_ref).collect(),
        one => vec![one],
    };
    let read: Vec<u16> = list.iter().filter_map(|value| status(value)).collect();
    if read.is_empty() || read.len() != list.len() {
        reader.note(at, "`status` must be an HTTP status or a list of some", "write for example 200 or [200, 204]");
        return None;
    }
    Some(read)
}

fn status(value: &DeValue<'_>) -> Option<u16> {
    let DeValue::Integer(number) = value else { return None };
    u16::from_str_radix(number.as_str(), number.radix()).ok().filter(|status| (100..600).contains(status))
}

fn equals(reader: &mut Reader, table: &Table<'_>) -> Option<(String, Json)> {
    match (table.get("pointer"), table.get("equals")) {
        (None, None) => None,
        (Some(_), None) => {
            reader.note(table.key_at("pointer"), "`pointer` has no `equals`: what should be there?", "");
            None
        }
        (None, Some(_)) => {
            reader.note(table.key_at("equals"), "`equals` has no `pointer`: where should it be?", "");
            None
        }
        (Some(_), Some(value)) => {
            let pointer = reader.text(table, "pointer")?;
            if !pointer.value.starts_with('/') {
                reader.note(pointer.at, "a JSON pointer begins with `/`", "write for example \"/status\"");
                return None;
            }
            let wanted = scalar(value.get_ref());
            if wanted.is_none() {
                reader.note(value.span().start, "`equals` must be text, a number, true or false", "");
            }
            Some((pointer.value, wanted?))
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Json> {
    match value {
        DeValue::String(text) => Some(Json::from(text.as_ref())),
        DeValue::Boolean(flag) => Some(Json::from(*flag)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Json::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().filter(|n| n.is_finite()).map(Json::from),
        _ => None,
    }
}
