//! `[prometheus.counters]`: own counters in place of the preset's, for the analysis.

use std::fmt;

use super::query::{Query, QueryError};
use super::reader::{Reader, Table};
use super::section::{Kind, Section, keys};

/// What is said of counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterSettings {
    /// Own counters, in place of the preset's.
    pub own: Option<OwnCounters>,
    /// The label that tells apart Prometheus servers which scrape the same targets, besides the usual ones.
    pub replica_label: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCounters {
    pub requests: Selector,
    /// Those of them that failed.
    pub errors: Selector,
    /// Latencies in seconds: the buckets of a histogram, or a native histogram.
    pub latency: Option<Selector>,
}

/// A selector of series, with placeholders: a name and matchers in braces, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Query);

/// Why a text selects no counters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It is more than a selector.
    #[error(
        "it is no plain selector: write the counter itself, such as `requests_total{{pod=~\"{{{{pods}}}}\"}}`, without rate(), sum() or a range"
    )]
    NotPlain,
}

impl Selector {
    /// Reads a selector that tells the tracks apart.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let query = Query::per_track(text.trim())?;
        if is_plain(&query.fill(|_| "x".to_owned())) { Ok(Self(query)) } else { Err(SelectorError::NotPlain) }
    }

    /// Reads what tells errors: a selector of its own, or matchers to add to that of the requests.
    pub fn parse_errors(text: &str, requests: &Self) -> Result<Self, SelectorError> {
        let matchers = text.trim().trim_matches(',');
        let starts = matchers.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').trim_start();
        if !starts.starts_with(['=', '!']) {
            return Self::parse(text);
        }
        let all = requests.0.to_string();
        let (before, _) = all.rsplit_once('}').ok_or(SelectorError::NotPlain)?;
        let comma =
            if before.trim_end().ends_with(['{', ',']) && !before.trim_end().ends_with("}}") { "" } else { "," };
        Self::parse(&format!("{before}{comma}{matchers}}}"))
    }

    /// Returns it with its placeholders.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.0
    }
}

/// Writes the selector as it stands in a config.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns whether a text is one name with one pair of braces, or the braces alone.
fn is_plain(text: &str) -> bool {
    let Some(inner) = text.trim().strip_suffix('}') else { return false };
    let Some((name, inner)) = inner.split_once('{') else { return false };
    let named = name.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    let mut quote = None;
    let mut escaped = false;
    let mut clean = true;
    for c in inner.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"' | '\'') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None => clean &= !matches!(c, '{' | '}' | '(' | ')' | '[' | ']'),
        }
    }
    named && clean && quote.is_none()
}

pub(super) const SECTION: Section = Section {
    header: "[prometheus.counters]",
    help: "Own counters for the judge, which counts requests and needs no rates. Each is a plain selector with `{{pods}}`; \
           without them those of the preset are counted. Placeholders are those of [prometheus.queries].",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    CounterSettings = CounterSettings::default();
    requests: by_hand(Kind::Text), "All requests, e.g. `hits_total{pod=~\"{{pods}}\"}`.";
    errors: by_hand(Kind::Text), "Failed ones: a matcher such as `code=~\"5..\"`, or a counter of their own.";
    latency: by_hand(Kind::Text), "Latency in seconds: the `_bucket` series of a histogram, or a native one.";
    replica_label: text,
        "Label of the server, where several scrape the same pods; `replica` and `prometheus_replica` are known.";
}

/// Reads counters over those that hold so far. Requests and errors are said together: a share of what one file counts in
/// what another one counts would be none.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut CounterSettings) {
    read_keys(reader, table, into);
    let requests = selector(reader, table, "requests", Selector::parse);
    let errors = match &requests {
        Some(requests) => selector(reader, table, "errors", |text| Selector::parse_errors(text, requests)),
        None => None,
    };
    let latency = selector(reader, table, "latency", Selector::parse);
    for (key, other) in [("requests", "errors"), ("errors", "requests"), ("latency", "requests")] {
        if table.get(key).is_some() && table.get(other).is_none() {
            let help = "errors are a share of requests, and both are counted the same way";
            reader.note(table.key_at(key), format!("`{key}` requires `{other}`"), help);
        }
    }
    if let (Some(requests), Some(errors)) = (requests, errors) {
        into.own = Some(OwnCounters { requests, errors, latency });
    }
}

fn selector(
    reader: &mut Reader,
    table: &Table<'_>,
    key: &str,
    parse: impl FnOnce(&str) -> Result<Selector, SelectorError>,
) -> Option<Selector> {
    let text = reader.text(table, key)?;
    parse(&text.value).map_err(|error| reader.note(text.at, format!("in the counter `{key}`: {error}"), "")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HITS: &str = r#"hits_total{namespace="{{namespace}}",pod=~"{{pods}}",{{labels}}}"#;

    #[test]
    fn a_selector_is_a_name_and_matchers() {
        for good in [HITS, r#"{__name__="a:b",pod=~"{{pods}}"}"#, r#"a{b="}(\"[",pod=~'{{pods}}'}"#] {
            assert_eq!(Selector::parse(good).unwrap().to_string(), good);
        }
        let bad = [
            r#"rate(hits_total{pod=~"{{pods}}"}[1m])"#,
            r#"hits_total{pod=~"{{pods}}"}[1m]"#,
            r#"a{pod=~"{{pods}}"} or b{pod=~"{{pods}}"}"#,
            r#"a{pod=~"{{pods}}}"#,
            r"{{pods}}",
        ];
        for bad in bad {
            assert_eq!(Selector::parse(bad), Err(SelectorError::NotPlain), "{bad}");
        }
        assert_eq!(Selector::parse("hits_total{}"), Err(SelectorError::Query(QueryError::NoPods)));
    }

    #[test]
    fn errors_are_selected_by_a_matcher_or_an_own_counter() {
        let requests = Selector::parse(HITS).unwrap();
        let errors = |text: &str| Selector::parse_errors(text, &requests).unwrap().to_string();
        let with = |more: &str| HITS.replace("{{labels}}}", &format!("{{{{labels}}}},{more}}}"));
        assert_eq!(errors(r#"code=~"5..""#), with(r#"code=~"5..""#));
        assert_eq!(errors(r#"outcome!="ok",code!="0","#), with(r#"outcome!="ok",code!="0""#));
        assert_eq!(errors(r#"misses_total{pod=~"{{pods}}"}"#), r#"misses_total{pod=~"{{pods}}"}"#);
        let comma = Selector::parse(r#"a{pod=~"{{pods}}",}"#).unwrap();
        let errors = Selector::parse_errors(r#"b="c""#, &comma).unwrap();
        assert_eq!(errors.to_string(), r#"a{pod=~"{{pods}}",b="c"}"#);
    }
}
