//! `alerts`: firing alerts.

use std::collections::BTreeMap;

use reqwest::Url;

use super::template::{self, Template};
use super::web;
use crate::config::headers::HeaderText;
use crate::config::reader::{Reader, Table};
use crate::config::secret::Secret;
use crate::config::section::{Field, Kind, Section};

#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    /// Address of an Alertmanager; ends in `/`. Without it the environment's Prometheus is asked.
    pub url: Option<Url>,
    /// Labels with these values tell which alerts are about this; never empty.
    pub matchers: BTreeMap<String, Template>,
    /// Who we are to the Alertmanager.
    pub bearer_token: Option<Secret>,
    pub headers: BTreeMap<String, HeaderText>,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`alerts`",
    help: "No alert is firing that has these labels. Placeholders: {{env}}, {{namespace}}, {{workload}} (asked once for \
           each), {{service}}, {{version}}, {{commit}}.",
    needed: &["matchers"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "Address of an Alertmanager; without it the environment's Prometheus is queried."),
    Field::new("matchers", Kind::Texts, "Labels that tell which alerts, e.g. { namespace = \"{{namespace}}\" }."),
    Field::new("bearer_token", Kind::Secret, "Bearer token for the Alertmanager."),
    web::HEADERS,
];

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Alerts> {
    let url = web::base(reader, table, "url");
    let headers = web::headers(reader, table);
    let bearer_token = web::secret(reader, table, "bearer_token");
    web::one_authorization(reader, table, "bearer_token", &headers);
    if table.get("url").is_none() {
        for key in ["bearer_token", "headers"].into_iter().filter(|key| table.get(key).is_some()) {
            let what = format!("`{key}` is for an Alertmanager, and there is no `url` of one");
            reader.note(table.key_at(key), what, "for Prometheus set it under [prometheus]");
        }
    }
    let mut matchers = BTreeMap::new();
    let entries = reader.entries(table, "matchers");
    let all = entries.len();
    for (name, value) in entries {
        let is_label = name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.value.starts_with(|c: char| c.is_ascii_digit());
        if name.value.is_empty() || !is_label {
            let what = format!("`{}` is not the name of a label", name.value);
            reader.note(name.at, what, "letters, digits and `_`, and no digit first");
            continue;
        }
        let template = reader.text_of(value, name.value).and_then(|text| template::read(reader, &text, name.value));
        if let Some(template) = template {
            matchers.insert(name.value.to_owned(), template);
        }
    }
    if all == 0 {
        let help = "write for example matchers = { namespace = \"{{namespace}}\" }: some alerts always fire";
        reader.note(table.at, "`alerts` has no `matchers`", help);
    }
    let whole = all > 0 && matchers.len() == all && url.is_some() == table.get("url").is_some();
    whole.then_some(Alerts { url, matchers, bearer_token, headers })
}
