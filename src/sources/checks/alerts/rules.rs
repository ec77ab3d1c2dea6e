//! Which alerts a rule could raise: by its own labels, and by those that the series of its query have.

use std::collections::BTreeSet;

use super::{Matchers, has};
use crate::sources::prometheus::PrometheusClient;
use crate::sources::prometheus::answer::AlertingRule;
use crate::sources::prometheus::trouble::QueryError;

/// Most names of metrics that one request selects by.
const MAX_NAMES: usize = 100;

/// What a word is to a query when it stands before a parenthesis.
const AGGREGATIONS: [&str; 12] =
    ["sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile"];
/// Words after which a list of labels follows.
const LABEL_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words of the language that name no metric.
const WORDS: [&str; 10] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"];

/// Returns whether any of the rules could raise an alert with these labels; asks the server which series there are
/// where the rules alone do not tell.
pub(super) async fn could_raise(
    rules: &[AlertingRule],
    matchers: &Matchers<'_>,
    prometheus: &PrometheusClient,
) -> Result<bool, QueryError> {
    let mut names: BTreeSet<(Matchers<'_>, String)> = BTreeSet::new();
    for rule in rules.iter().filter(|rule| rule.works()) {
        match left_open(rule, matchers) {
            None => {}
            Some(open) if open.is_empty() => return Ok(true),
            Some(open) => names.extend(metrics(&rule.query).into_iter().map(|name| (open.clone(), name))),
        }
    }
    let names: Vec<(Matchers<'_>, String)> = names.into_iter().collect();
    for names in names.chunks(MAX_NAMES) {
        let selectors: Vec<String> = names.iter().map(|(open, name)| selector(name, open)).collect();
        if prometheus.has_series(&selectors).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn selector(metric: &str, labels: &Matchers<'_>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{metric}{{{}}}", labels.join(","))
}

/// Returns the labels that only a series can bring; `None` where the rule cannot raise such an alert.
fn left_open<'a>(rule: &AlertingRule, matchers: &Matchers<'a>) -> Option<Matchers<'a>> {
    if rule.alerts.iter().flatten().any(|alert| has(&alert.labels, matchers)) {
        return Some(Vec::new());
    }
    let mut open = Vec::new();
    for (name, value) in matchers {
        let own = match *name {
            "alertname" => Some(rule.name.as_str()),
            name => rule.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str),
        };
        match own {
            // A template is filled from the series, by any of its labels.
            Some(own) if own == value || own.contains("{{") => {}
            Some(_) => return None,
            None if makes(&rule.query, name, value) => {}
            None if !keeps(&rule.query, name) => return None,
            None if selects(&rule.query, name, value) => {}
            None => open.push((*name, value.clone())),
        }
    }
    Some(open)
}

/// Returns whether a query makes a label itself: `label_replace` and `label_join` name it as text, and
/// `absent(up{job="x"})` has it without a series.
fn makes(query: &str, name: &str, value: &str) -> bool {
    let as_text = ["\"", "'"].iter().any(|quote| query.contains(&format!("{quote}{name}{quote}")));
    as_text || query.contains("absent") && selects(query, name, value)
}

/// Returns whether a query selects by this very value, so that it is about what is asked for.
fn selects(query: &str, name: &str, value: &str) -> bool {
    let compact = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (query, value) = (compact(query), compact(value));
    ["\"", "'"].iter().any(|quote| {
        let matcher = format!("{name}={quote}{value}{quote}");
        query.match_indices(&matcher).any(|(at, _)| query[..at].ends_with(['{', ',']))
    })
}

/// Returns whether the outermost aggregation of a query, if there is one, keeps a label.
fn keeps(query: &str, label: &str) -> bool {
    // The labels then are those of the other side.
    if query.contains("group_right") {
        return true;
    }
    let mut rest = query.trim_start();
    while let Some(inner) = rest.strip_prefix('(') {
        rest = inner.trim_start();
    }
    let (word, after) = split_word(rest);
    if !AGGREGATIONS.contains(&word) || matches!(word, "topk" | "bottomk") {
        return true;
    }
    let after = after.trim_start();
    let clause = match after.strip_prefix('(') {
        Some(_) => after.get(closing(after)..).unwrap_or_default().trim_start(),
        None => after,
    };
    let (word, list) = split_word(clause);
    let list = list.trim_start();
    let named = || {
        let inner = list.strip_prefix('(').and_then(|inner| inner.split(')').next()).unwrap_or_default();
        inner.split(',').any(|name| name.trim().trim_matches('"') == label)
    };
    match word {
        "by" => named() || query.contains("group_left"),
        "without" => !named(),
        _ => query.contains("group_left"),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()))
}

/// Returns the place after the parenthesis that closes the first one.
fn closing(text: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Returns the names of the metrics that a query selects.
fn metrics(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '{' => past(rest, '}'),
            '[' => past(rest, ']'),
            '"' | '\'' | '`' => past(rest, first),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if c.is_ascii_alphabetic() || matches!(c, '_' | ':') => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
                let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                let after = after.trim_start();
                let lower = word.to_ascii_lowercase();
                if LABEL_LISTS.contains(&lower.as_str()) {
                    rest = if after.starts_with('(') { &after[closing(after)..] } else { after };
                    continue;
                }
                if !after.starts_with('(')
                    && !WORDS.contains(&lower.as_str())
                    && !AGGREGATIONS.contains(&lower.as_str())
                {
                    names.insert(word.to_owned());
                }
                end
            }
            // A number may end in a unit: 5m, 1e9, 0x1f.
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    names
}

/// Returns the place after the next such character; text in quotes is passed over.
fn past(text: &str, end: char) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices().skip(1) {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == end => return at + c.len_utf8(),
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(query: &str, labels: &[(&str, &str)]) -> AlertingRule {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        AlertingRule {
            name: "High".to_owned(),
            query: query.to_owned(),
            labels: Some(labels),
            ..AlertingRule::default()
        }
    }

    #[test]
    fn metrics_of_a_query_are_named() {
        for (query, names) in [
            ("up == 0", "up"),
            (
                "sum by (job, le) (rate(http_requests_total{code=~\"5..\",x='}'}[5m] offset 1h)) > 0.05",
                "http_requests_total",
            ),
            ("a:b:rate5m / on(pod) group_left(node) c unless d and bool_x > bool 1e9", "a:b:rate5m bool_x c d"),
            ("absent(up{job=\"x\"}) or vector(1) # up2\n", "up"),
            ("histogram_quantile(0.99, sum(rate(lat_bucket[5m])) by (le)) > 0x1f", "lat_bucket"),
            ("{__name__=\"x\"} > 1", ""),
        ] {
            assert_eq!(metrics(query).into_iter().collect::<Vec<_>>().join(" "), names, "{query}");
        }
    }

    #[test]
    fn an_aggregation_drops_labels_that_it_does_not_name() {
        for (query, kept) in [
            ("up == 0", true),
            ("sum(up) > 0", false),
            ("(sum by (ns, job) (up)) > 0", true),
            ("sum(rate(x{a=\")\"}[5m])) by (ns) / 2 > 0", true),
            ("sum(up) by (job) > 0", false),
            ("sum without (ns) (up) > 0", false),
            ("sum without (pod) (up) > 0", true),
            ("topk(3, up) > 0", true),
            ("sum(up) * on() group_left(ns) y", true),
            ("rate(sum_total[5m]) > 0", true),
        ] {
            assert_eq!(keeps(query, "ns"), kept, "{query}");
        }
    }

    #[test]
    fn labels_of_a_rule_decide_before_series_do() {
        let asked = |name: &'static str, value: &str| vec![(name, value.to_owned())];
        let open = |rule: &AlertingRule, matchers| left_open(rule, &matchers).map(|open| open.len());
        let own = rule("up == 0", &[("severity", "page"), ("team", "{{ $labels.team }}")]);
        assert_eq!(open(&own, asked("severity", "page")), Some(0));
        assert_eq!(open(&own, asked("severity", "ticket")), None);
        assert_eq!(open(&own, asked("team", "shop")), Some(0), "a template");
        assert_eq!(open(&own, asked("alertname", "High")), Some(0));
        assert_eq!(open(&own, asked("alertname", "Low")), None);
        assert_eq!(open(&own, asked("namespace", "shop")), Some(1));
        assert_eq!(open(&rule("sum(up) < 1", &[]), asked("namespace", "shop")), None);
        assert_eq!(open(&rule("sum(up{namespace=\"shop\"}) < 1", &[]), asked("namespace", "shop")), None);
        assert_eq!(open(&rule("up{namespace=\"shop\"} < 1", &[]), asked("namespace", "shop")), Some(0));
        assert_eq!(open(&rule("up{xnamespace=\"shop\"} < 1", &[]), asked("namespace", "shop")), Some(1));
        assert_eq!(open(&rule("absent(up{job = \"shop\"})", &[]), asked("job", "shop")), Some(0));
        assert_eq!(open(&rule("label_replace(up, \"ns\", \"$1\", \"x\", \"y\")", &[]), asked("ns", "shop")), Some(0));
    }
}
