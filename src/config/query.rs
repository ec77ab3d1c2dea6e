//! `[prometheus.queries]`: PromQL with placeholders.

use std::collections::BTreeMap;
use std::fmt;

use super::reader::{Reader, Table};
use super::section::{Field, Kind, Section};
use crate::domain::facts::signals::Signal;
use crate::domain::facts::suggest::nearest;

/// What a query may leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// The namespace of the workload.
    Namespace,
    /// The name of the workload.
    Workload,
    /// A regular expression for the names of the track's pods.
    Pods,
    /// The window that rates are taken over, e.g. `1m`.
    Window,
    /// The configured extra matchers, e.g. `cluster="eu"`; empty without any.
    Labels,
}

impl Placeholder {
    pub const ALL: [Self; 5] = [Self::Namespace, Self::Workload, Self::Pods, Self::Window, Self::Labels];

    /// Returns the name between the braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Pods => "pods",
            Self::Window => "window",
            Self::Labels => "labels",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum QueryPart {
    Text(String),
    Open(Placeholder),
}

/// PromQL with placeholders, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    parts: Vec<QueryPart>,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    #[error("there is no placeholder `{{{{{name}}}}}`{}: there are {}", did_you_mean(near.as_deref()), all_placeholders())]
    Unknown { name: String, near: Option<String> },
    /// It does not tell the tracks apart.
    #[error("it has no `{{{{pods}}}}`, so that stable and canary would get the same number")]
    NoPods,
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{{{{{near}}}}}`?)"))
}

fn all_placeholders() -> String {
    Placeholder::ALL.map(|placeholder| format!("`{{{{{}}}}}`", placeholder.name())).join(", ")
}

impl Query {
    /// Takes a query apart. `{{name}}` is a placeholder; single braces belong to PromQL, so that `up{{{labels}}}` is
    /// the placeholder `labels` in PromQL's braces.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.trim().is_empty() {
            return Err(QueryError::Empty);
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (before, inner) = (&rest[..open], &rest[open + 2..]);
            let word = inner.find("}}").map(|close| &inner[..close]).filter(|word| is_name(word.trim()));
            let Some(word) = word else {
                // The first brace is PromQL's own; the next one may still open a placeholder.
                literal.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
                continue;
            };
            literal.push_str(before);
            let name = word.trim();
            let Some(placeholder) = Placeholder::ALL.into_iter().find(|placeholder| placeholder.name() == name) else {
                let near = nearest(name, Placeholder::ALL.map(Placeholder::name)).map(ToOwned::to_owned);
                return Err(QueryError::Unknown { name: name.to_owned(), near });
            };
            if !literal.is_empty() {
                parts.push(QueryPart::Text(std::mem::take(&mut literal)));
            }
            parts.push(QueryPart::Open(placeholder));
            rest = &inner[word.len() + 2..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(QueryPart::Text(literal));
        }
        Ok(Self { parts })
    }

    /// Takes a query apart that has to tell stable from canary.
    pub fn per_track(text: &str) -> Result<Self, QueryError> {
        let query = Self::parse(text)?;
        if query.has(Placeholder::Pods) { Ok(query) } else { Err(QueryError::NoPods) }
    }

    /// Whether it leaves this open.
    #[must_use]
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.parts.contains(&QueryPart::Open(placeholder))
    }

    /// Returns the PromQL, with what `value` gives in place of the placeholders.
    #[must_use]
    pub fn fill(&self, value: impl Fn(Placeholder) -> String) -> String {
        self.parts.iter().fold(String::new(), |mut out, part| {
            match part {
                QueryPart::Text(text) => out.push_str(text),
                QueryPart::Open(placeholder) => out.push_str(&value(*placeholder)),
            }
            out
        })
    }
}

/// Writes the query as it stands in a config.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fill(|placeholder| format!("{{{{{}}}}}", placeholder.name())))
    }
}

pub(super) const SECTION: Section = Section {
    header: "[prometheus.queries]",
    help: "Own PromQL by signal. Each gives one number per track; `{{pods}}` tells the tracks apart. Placeholders: \
           {{namespace}}, {{workload}}, {{pods}} (a regular expression for the track's pods), {{window}}, {{labels}}.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("rps", Kind::Text, "Requests per second."),
    Field::new("error_ratio", Kind::Text, "Failed requests over all requests, 0 to 1."),
    Field::new("p50", Kind::Text, "Median latency in seconds."),
    Field::new("p95", Kind::Text, "95th percentile of latency in seconds."),
    Field::new("p99", Kind::Text, "99th percentile of latency in seconds."),
    Field::new("saturation", Kind::Text, "CPU cores per pod, or whatever fills up first."),
];

/// Reads own queries over those that hold so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut BTreeMap<Signal, Query>) {
    for signal in Signal::ALL {
        let Some(text) = reader.text(table, signal.name()) else { continue };
        match Query::per_track(&text.value) {
            Ok(query) => {
                into.insert(signal, query);
            }
            Err(error) => reader.note(text.at, format!("in the query `{}`: {error}", signal.name()), ""),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> String {
        Query::parse(text).unwrap().fill(|placeholder| placeholder.name().to_uppercase())
    }

    #[test]
    fn placeholders_are_filled_and_promql_keeps_its_braces() {
        assert_eq!(
            filled(r#"rate(x{pod=~"{{pods}}",{{ labels }}}[{{window}}])"#),
            r#"rate(x{pod=~"PODS",LABELS}[WINDOW])"#
        );
        assert_eq!(filled("up{{{labels}}}"), "up{LABELS}");
        assert_eq!(filled("{{{"), "{{{");
        assert_eq!(filled("x{a=\"{{\"}"), "x{a=\"{{\"}");
    }

    #[test]
    fn an_unknown_placeholder_names_those_there_are() {
        let error = Query::parse("up{pod=~\"{{pod}}\"}").unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no placeholder `{{pod}}` (did you mean `{{pods}}`?): there are `{{namespace}}`, `{{workload}}`, \
             `{{pods}}`, `{{window}}`, `{{labels}}`"
        );
        assert_eq!(Query::parse(" "), Err(QueryError::Empty));
        assert_eq!(Query::per_track("up"), Err(QueryError::NoPods));
    }

    #[test]
    fn every_signal_has_a_query_of_its_own() {
        assert_eq!(FIELDS.len(), Signal::ALL.len());
        assert!(Signal::ALL.iter().all(|signal| SECTION.field(signal.name()).is_some()));
    }

    proptest! {
        #[test]
        fn writing_it_and_reading_it_again_is_the_same(text in r#"[ a{}"-]{0,12}(\{\{(pods|window)\}\}){0,2}[a{}]{0,6}"#) {
            if let Ok(query) = Query::parse(&text) {
                let again = Query::parse(&query.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), query.to_string());
            }
        }
    }
}
