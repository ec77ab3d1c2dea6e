//! Rules for `[prometheus]`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use jiff::SignedDuration;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use toml::de::DeValue;

use super::{counters, presets, secrets, section};
use crate::config::counters::CounterSettings;
use crate::config::fields::signal;
use crate::config::prometheus::{Auth, HeaderText, Preset, Prometheus, parse_url};
use crate::config::query::Query;
use crate::config::reader::{At, Reader, Table, Value, duration_text};
use crate::domain::signals::Signal;

/// Metrics whose address may still be missing: an environment adds to what holds for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    url: Option<Url>,
    /// An address is there but wrong, which was noted.
    bad_url: bool,
    preset: Option<Preset>,
    labels: BTreeMap<String, String>,
    window: Option<SignedDuration>,
    interval: Option<SignedDuration>,
    timeout: Option<SignedDuration>,
    auth: Auth,
    headers: BTreeMap<String, HeaderText>,
    ca_file: Option<PathBuf>,
    insecure: Option<bool>,
    queries: BTreeMap<Signal, Query>,
    counters: CounterSettings,
}

const WINDOW: RangeInclusive<SignedDuration> = SignedDuration::from_secs(5)..=SignedDuration::from_hours(1);
const INTERVAL: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_mins(10);
const TIMEOUT: RangeInclusive<SignedDuration> = SignedDuration::from_millis(100)..=SignedDuration::from_mins(1);

impl Draft {
    /// Completes it, for the environment or the file whose table this is.
    pub(super) fn finish(self, reader: &mut Reader, table: &Table<'_>, fallback: Option<&Url>) -> Option<Prometheus> {
        let bad_url = self.bad_url;
        let finished = self.with_fallback(fallback);
        match &finished {
            None if bad_url => {}
            None => reader.note(
                table.at,
                format!("{} says how to ask Prometheus, but not where it is", table.section.header),
                "write `url = \"http://…\"`, or start with --prometheus URL",
            ),
            Some(asked) if asked.interval > asked.window => reader.note(
                if table.get("interval").is_some() { table.key_at("interval") } else { table.key_at("window") },
                format!(
                    "`interval` ({}) is longer than `window` ({}): what happens between two looks would never be seen",
                    duration_text(asked.interval),
                    duration_text(asked.window)
                ),
                "",
            ),
            Some(_) => {}
        }
        finished
    }

    /// Completes what holds for all environments, for one that says nothing of its own.
    pub(super) fn finish_for(self, reader: &mut Reader, env: &Table<'_>, fallback: Option<&Url>) -> Option<Prometheus> {
        let bad_url = self.bad_url;
        let finished = self.with_fallback(fallback);
        if finished.is_none() && !bad_url {
            let help =
                "write `url = \"http://…\"` there or here, `prometheus = false` here, or start with --prometheus URL";
            reader.note(env.at, "[prometheus] has no `url`, and this environment does not name one", help);
        }
        finished
    }

    /// Completes it where an address is known.
    pub(super) fn with_fallback(self, fallback: Option<&Url>) -> Option<Prometheus> {
        let plain = Prometheus::at(self.url.or_else(|| fallback.cloned())?);
        Some(Prometheus {
            url: plain.url,
            preset: self.preset.unwrap_or(plain.preset),
            labels: self.labels,
            window: self.window.unwrap_or(plain.window),
            interval: self.interval.unwrap_or(plain.interval),
            timeout: self.timeout.unwrap_or(plain.timeout),
            auth: self.auth,
            headers: self.headers,
            ca_file: self.ca_file,
            insecure: self.insecure.unwrap_or(plain.insecure),
            queries: self.queries,
            counters: self.counters,
        })
    }
}

/// Reads metrics over those that hold so far. Labels, headers and queries add up; who we are is said as a whole.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, base: Draft) -> Draft {
    let time = |reader: &mut Reader, key, range| reader.time(table, key, range).map(|time| time.value);
    let (mut labels, mut headers, mut queries) = (base.labels, base.headers, base.queries);
    labels.extend(read_labels(reader, table));
    headers.extend(read_headers(reader, table));
    queries.extend(read_queries(reader, table));
    let ca_file = reader.path(table, "ca_file").or(base.ca_file);
    let insecure = reader.flag(table, "insecure");
    if insecure == Some(true) && table.get("ca_file").is_some() {
        let what = "`insecure` checks no certificate, so `ca_file` has no effect";
        reader.note(table.key_at("insecure"), what, "leave one of them out");
    }
    let url = read_url(reader, table);
    let bad_url = url.is_none() && (base.bad_url || table.get("url").is_some());
    let auth = read_auth(reader, table).unwrap_or(base.auth);
    if auth != Auth::None && headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        let at = if table.get("headers").is_some() { table.key_at("headers") } else { table.at };
        reader.note(at, "the header `Authorization` is there twice: `bearer_token` and `password` set it too", "");
    }
    Draft {
        url: url.or(base.url),
        bad_url,
        preset: reader.word(table, "preset", &presets()).or(base.preset),
        labels,
        window: time(reader, "window", &WINDOW).or(base.window),
        interval: time(reader, "interval", &INTERVAL).or(base.interval),
        timeout: time(reader, "timeout", &TIMEOUT).or(base.timeout),
        auth,
        headers,
        ca_file,
        insecure: insecure.or(base.insecure),
        queries,
        counters: counters::read(reader, table, base.counters),
    }
}

fn read_url(reader: &mut Reader, table: &Table<'_>) -> Option<Url> {
    let text = reader.text(table, "url")?;
    parse_url(&text.value).map_err(|error| reader.note(text.at, format!("`url` {error}"), "")).ok()
}

fn read_labels(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, value) in reader.entries(table, "labels") {
        let mut chars = name.value.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let what = format!("`{}` is not the name of a label", name.value);
            reader.note(name.at, what, "letters, digits and `_`, and no digit first");
        } else if let Some(text) = reader.text_of(value, name.value) {
            labels.insert(name.value.to_owned(), text.value);
        }
    }
    labels
}

/// Reads request headers; what looks like a secret must say where it comes from.
pub(in crate::config) fn read_headers(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<String, HeaderText> {
    let mut headers = BTreeMap::new();
    for (name, value) in reader.entries(table, "headers") {
        let Ok(header) = HeaderName::try_from(name.value) else {
            reader.note(name.at, format!("`{}` is not the name of a header", name.value), "");
            continue;
        };
        if matches!(value.get_ref(), DeValue::Table(_)) || is_secret(&header) {
            if let Some(secret) = secrets::read(reader, value, name.value) {
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

fn read_queries(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<Signal, Query> {
    let mut queries = BTreeMap::new();
    let Some(own) = section(reader, table, "queries") else { return queries };
    for field in own.section.fields {
        let (Some(signal), Some(text)) = (signal(field.key), reader.text(&own, field.key)) else { continue };
        match Query::per_track(&text.value) {
            Ok(query) => {
                queries.insert(signal, query);
            }
            Err(error) => reader.note(text.at, format!("in the query `{}`: {error}", field.key), ""),
        }
    }
    queries
}

/// Reads who we are; `None` where the table does not say.
fn read_auth(reader: &mut Reader, table: &Table<'_>) -> Option<Auth> {
    let username = reader.text(table, "username");
    let secret = |reader: &mut Reader, key: &str| -> Option<At<Option<crate::config::Secret>>> {
        let value: Value<'_> = table.get(key)?;
        Some(At { value: secrets::read(reader, value, key), at: table.key_at(key) })
    };
    let password = secret(reader, "password");
    let bearer = secret(reader, "bearer_token");
    if let (Some(bearer), true) = (&bearer, username.is_some() || password.is_some()) {
        reader.note(bearer.at, "`bearer_token` and `username` with `password` exclude each other", "keep one of them");
    }
    if let Some(bearer) = bearer {
        return bearer.value.map(Auth::Bearer);
    }
    match (username, password) {
        (Some(username), Some(password)) => {
            if username.value.contains(':') {
                reader.note(username.at, "a `username` cannot hold a `:`", "");
            }
            Some(Auth::Basic { username: username.value, password: password.value? })
        }
        (Some(username), None) => {
            reader.note(username.at, "`username` has no `password`", "");
            None
        }
        (None, Some(password)) => {
            reader.note(password.at, "`password` has no `username`", "");
            None
        }
        (None, None) => None,
    }
}
