//! `[prometheus]`: where the live signals come from.

mod address;
mod auth;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use reqwest::Url;

use super::counters::{self, CounterSettings};
use super::headers::{self, HeaderText};
use super::query::{self, Query};
use super::reader::{Reader, Table};
use super::section::{Kind, Section, duration_text, keys, words};
use crate::domain::facts::signals::Signal;

use address::Address;
pub(super) use address::without_page;
pub use address::{UrlError, parse_url};
pub use auth::Auth;

/// How to ask one Prometheus for the signals of one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Prometheus<Place = Url> {
    /// Where its API is, without `/api/v1`; ends in `/`, so that paths can be joined.
    pub url: Place,
    /// Whose metrics are asked for.
    pub preset: Preset,
    /// Extra matchers for every query.
    pub labels: BTreeMap<String, String>,
    /// What rates are taken over.
    pub window: SignedDuration,
    /// How often it is asked.
    pub interval: SignedDuration,
    /// How long one answer may take.
    pub timeout: SignedDuration,
    /// Who we are to it.
    pub auth: Auth,
    pub headers: BTreeMap<String, HeaderText>,
    /// Certificate authority to trust besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
    /// The server's certificate is not checked.
    pub insecure: bool,
    /// Own queries, in place of the preset's.
    pub queries: BTreeMap<Signal, Query>,
    /// What is counted for the analysis.
    pub counters: CounterSettings,
}

impl<Place> Prometheus<Place> {
    /// Makes the settings for a server of which only the address is known.
    #[must_use]
    pub fn at(url: Place) -> Self {
        Self {
            url,
            preset: Preset::Plain,
            labels: BTreeMap::new(),
            window: SignedDuration::from_mins(1),
            interval: SignedDuration::from_secs(10),
            timeout: SignedDuration::from_secs(5),
            auth: Auth::None,
            headers: BTreeMap::new(),
            ca_file: None,
            insecure: false,
            queries: BTreeMap::new(),
            counters: CounterSettings::default(),
        }
    }

    fn with_url<Other>(self, url: Other) -> Prometheus<Other> {
        Prometheus {
            url,
            preset: self.preset,
            labels: self.labels,
            window: self.window,
            interval: self.interval,
            timeout: self.timeout,
            auth: self.auth,
            headers: self.headers,
            ca_file: self.ca_file,
            insecure: self.insecure,
            queries: self.queries,
            counters: self.counters,
        }
    }
}

/// Whose metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Preset {
    /// `http_requests_total` with a `code` or `status` label, and `http_request_duration_seconds`.
    #[default]
    Plain,
    Istio,
    IngressNginx,
    Linkerd,
    OtelHttp,
}

impl Preset {
    pub const ALL: [Self; 5] = [Self::Plain, Self::Istio, Self::IngressNginx, Self::Linkerd, Self::OtelHttp];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Istio => "istio",
            Self::IngressNginx => "ingress-nginx",
            Self::Linkerd => "linkerd",
            Self::OtelHttp => "otel-http",
        }
    }
}

words!(Preset);

pub(super) const SECTION: Section = Section {
    header: "[prometheus]",
    help: "Where the live signals come from. Without it verdicts are blind, and promotion is not gated by metrics.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    PrometheusDraft = PrometheusDraft::default();
    url: by_hand(Kind::Text), "Address of the server, without /api/v1.";
    preset: word(Preset), "Labels of the metrics to query.";
    labels: by_hand(Kind::Texts, "{}"), "Extra matchers for every query, e.g. `cluster = \"eu\"`.";
    window: time(secs(5)..=hours(1)), "What rates are taken over: at least two scrapes long.";
    interval: time(secs(1)..=mins(10)), "How often to ask. After three of them without an answer data is stale.";
    timeout: time(millis(100)..=mins(1)), "How long one answer may take.";
    username: by_hand(Kind::Text), "User of basic authentication; requires `password`.";
    password: by_hand(Kind::Secret), "Password of basic authentication.";
    bearer_token: by_hand(Kind::Secret), "Bearer token, instead of user and password.";
    headers: by_hand(Kind::TextsOrSecrets, "{}"), "Extra request headers, e.g. `X-Scope-OrgID = \"payments\"`.";
    ca_file: path, "Certificate authority to trust as well (PEM); relative to the config file.";
    insecure: flag, "Do not check the server's certificate.";
    queries: by_hand(Kind::Table(&query::SECTION)), "Own PromQL in place of the preset's, by signal.";
    counters: by_hand(Kind::Table(&counters::SECTION)), "Own counters in place of the preset's, for the analysis.";
}

/// Metrics whose address may still be missing: an environment adds to what holds for all of them.
pub(super) type PrometheusDraft = Prometheus<Address>;

impl Default for PrometheusDraft {
    fn default() -> Self {
        Self::at(Address::Unknown)
    }
}

impl PrometheusDraft {
    /// Completes it, for the environment or the file whose table this is.
    pub(super) fn finish(self, reader: &mut Reader, table: &Table<'_>, fallback: Option<&Url>) -> Option<Prometheus> {
        let was_wrong = self.url == Address::Wrong;
        let finished = self.complete(fallback);
        match &finished {
            None if was_wrong => {}
            None => reader.note(
                table.at,
                format!("{} configures Prometheus, but has no URL", table.section.header),
                "write `url = \"http://…\"`, or start with --prometheus URL",
            ),
            Some(asked) if asked.interval > asked.window => reader.note(
                if table.get("interval").is_some() { table.key_at("interval") } else { table.key_at("window") },
                format!(
                    "`interval` ({}) is longer than `window` ({}): what happens between two queries would be missed",
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
        let was_wrong = self.url == Address::Wrong;
        let finished = self.complete(fallback);
        if finished.is_none() && !was_wrong {
            let help =
                "write `url = \"http://…\"` there or here, `prometheus = false` here, or start with --prometheus URL";
            reader.note(env.at, "[prometheus] has no `url`, and this environment does not name one", help);
        }
        finished
    }

    /// Completes it where an address is known.
    pub(super) fn complete(self, fallback: Option<&Url>) -> Option<Prometheus> {
        let url = match &self.url {
            Address::BuiltinCheck(url) => url.clone(),
            Address::Unknown | Address::Wrong => fallback?.clone(),
        };
        Some(self.with_url(url))
    }
}

/// Reads metrics over those that hold so far. Labels, headers and queries add up; who we are is said as a whole.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, base: PrometheusDraft) -> PrometheusDraft {
    let mut draft = base;
    read_keys(reader, table, &mut draft);
    address::read(reader, table, &mut draft.url);
    draft.labels.extend(read_labels(reader, table));
    draft.headers.extend(headers::read(reader, table));
    reader.over(table, "queries", &mut draft.queries, query::read);
    reader.over(table, "counters", &mut draft.counters, counters::read);
    if let Some(auth) = auth::read(reader, table) {
        draft.auth = auth;
    }
    if draft.insecure && table.get("insecure").is_some() && table.get("ca_file").is_some() {
        let what = "`insecure` checks no certificate, so `ca_file` has no effect";
        reader.note(table.key_at("insecure"), what, "leave one of them out");
    }
    if draft.auth != Auth::None && draft.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        let at = if table.get("headers").is_some() { table.key_at("headers") } else { table.at };
        reader.note(at, "the header `Authorization` is there twice: `bearer_token` and `password` set it too", "");
    }
    draft
}

/// Whether Prometheus allows a label of this name.
pub(super) fn is_label(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn read_labels(reader: &mut Reader, table: &Table<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, value) in reader.entries(table, "labels") {
        if !is_label(name.value) {
            let what = format!("`{}` is not the name of a label", name.value);
            reader.note(name.at, what, "letters, digits and `_`, and no digit first");
        } else if let Some(text) = reader.text_of(value, name.value) {
            labels.insert(name.value.to_owned(), text.value);
        }
    }
    labels
}
