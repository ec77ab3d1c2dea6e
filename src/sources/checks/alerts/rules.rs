//! Which alerts a rule could raise: by its own labels, and by those that the series of its query have.

use std::collections::BTreeSet;

use super::promql::{Carried, Query};
use super::{Matchers, has};
use crate::sources::prometheus::PrometheusClient;
use crate::sources::prometheus::answer::{AlertingRule, RaisedAlert};
use crate::sources::prometheus::trouble::QueryError;

/// Most selectors that one request asks for.
const MAX_SELECTORS: usize = 100;

/// Returns whether an alert fires. A state that is not known may be a firing one.
pub(super) fn is_firing(alert: &RaisedAlert) -> bool {
    !matches!(alert.state.as_str(), "pending" | "inactive")
}

/// Returns the name of a rule by which an alert with these labels fires.
pub(super) fn fired<'a>(rules: &'a [AlertingRule], matchers: &Matchers<'_>) -> Option<&'a str> {
    let fires = |rule: &&AlertingRule| {
        rule.alerts.iter().flatten().any(|alert| is_firing(alert) && has(&alert.labels, matchers))
    };
    rules.iter().find(fires).map(|rule| rule.name.as_str())
}

/// Returns the first rule that could raise an alert with these labels, and is not evaluated: why.
pub(super) async fn broken<'a>(
    rules: &'a [AlertingRule],
    matchers: &Matchers<'_>,
    prometheus: &PrometheusClient,
) -> Result<Option<(&'a AlertingRule, &'static str)>, QueryError> {
    for rule in rules {
        let Some(trouble) = rule.trouble() else { continue };
        if could(std::iter::once(rule), matchers, prometheus).await? {
            return Ok(Some((rule, trouble)));
        }
    }
    Ok(None)
}

/// Returns whether any of the rules that work could raise an alert with these labels; asks the server which series there
/// are where the rules alone do not tell.
pub(super) async fn could_raise(
    rules: &[AlertingRule],
    matchers: &Matchers<'_>,
    prometheus: &PrometheusClient,
) -> Result<bool, QueryError> {
    could(rules.iter().filter(|rule| rule.works()), matchers, prometheus).await
}

async fn could<'a>(
    rules: impl Iterator<Item = &'a AlertingRule>,
    matchers: &Matchers<'_>,
    prometheus: &PrometheusClient,
) -> Result<bool, QueryError> {
    let mut selectors = BTreeSet::new();
    for rule in rules {
        match needed(rule, matchers) {
            None => {}
            Some(needed) if needed.is_empty() => return Ok(true),
            Some(needed) => selectors.extend(needed),
        }
    }
    let selectors: Vec<String> = selectors.into_iter().collect();
    for selectors in selectors.chunks(MAX_SELECTORS) {
        if prometheus.has_series(selectors).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the selectors of which one has to select a series; none where none has to, `None` where the rule cannot raise
/// such an alert.
fn needed(rule: &AlertingRule, matchers: &Matchers<'_>) -> Option<Vec<String>> {
    if rule.alerts.iter().flatten().any(|alert| has(&alert.labels, matchers)) {
        return Some(Vec::new());
    }
    let query = Query::parse(&rule.query);
    let mut open: Vec<(&str, String)> = Vec::new();
    let mut by = BTreeSet::new();
    for (name, value) in matchers {
        let own = match *name {
            "alertname" => Some(rule.name.as_str()),
            name => rule.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str),
        };
        let from = match own {
            Some(own) if own == value => continue,
            Some(own) => match template(own)? {
                Template::Label(label) => label,
                Template::Other => continue,
            },
            None => *name,
        };
        match query.as_ref()?.carries(from, value) {
            Carried::No => return None,
            Carried::Yes => {}
            Carried::By(selectors) => {
                open.push((from, value.clone()));
                by.extend(selectors);
            }
        }
    }
    Some(by.into_iter().map(|selector| selector.with(&open)).collect())
}

/// Where a label of a rule gets its value.
enum Template<'a> {
    /// From this label of the series.
    Label(&'a str),
    /// From what nobody can tell beforehand.
    Other,
}

/// Reads the value of a rule's label; `None` where it is no template.
fn template(own: &str) -> Option<Template<'_>> {
    if !own.contains("{{") {
        return None;
    }
    let inner = own.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let label = inner.and_then(|inner| inner.trim_matches(['-', ' ']).strip_prefix("$labels."));
    let is_name = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    Some(label.filter(is_name).map_or(Template::Other, Template::Label))
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

    fn asked(name: &'static str, value: &str) -> Matchers<'static> {
        vec![(name, value.to_owned())]
    }

    #[test]
    fn labels_of_a_rule_decide_before_series_do() {
        let own = rule("up == 0", &[("severity", "page"), ("team", "{{ $labels.squad }}"), ("at", "{{ $value }}")]);
        assert_eq!(needed(&own, &asked("severity", "page")), Some(vec![]));
        assert_eq!(needed(&own, &asked("severity", "ticket")), None);
        assert_eq!(needed(&own, &asked("team", "shop")), Some(vec!["up{squad=\"shop\"}".to_owned()]));
        assert_eq!(needed(&own, &asked("at", "7")), Some(vec![]), "what nobody can tell");
        assert_eq!(needed(&own, &asked("alertname", "High")), Some(vec![]));
        assert_eq!(needed(&own, &asked("alertname", "Low")), None);
        assert_eq!(needed(&own, &asked("namespace", "shop")), Some(vec!["up{namespace=\"shop\"}".to_owned()]));
    }

    #[test]
    fn a_query_brings_only_labels_that_its_series_can_have() {
        for (query, wanted) in [
            ("up{namespace=\"shop\"} < 1", Some("")),
            ("up{namespace='web'} < 1", None),
            ("up{xnamespace=\"shop\"} < 1", Some("up{xnamespace=\"shop\",namespace=\"shop\"}")),
            ("up{namespace!=\"shop\"} == 0", Some("up{namespace!=\"shop\",namespace=\"shop\"}")),
            ("up{job=~\"node.*\"} == 0", Some("up{job=~\"node.*\",namespace=\"shop\"}")),
            ("sum(up) < 1", None),
            ("sum(up{namespace=\"shop\"}) < 1", None),
            ("sum by (namespace) (up) < 1", Some("up{namespace=\"shop\"}")),
            ("absent(up{namespace = \"shop\"})", Some("")),
            ("up < ", None),
        ] {
            let wanted = wanted.map(|wanted| if wanted.is_empty() { Vec::new() } else { vec![wanted.to_owned()] });
            assert_eq!(needed(&rule(query, &[]), &asked("namespace", "shop")), wanted, "{query}");
        }
    }

    #[test]
    fn what_a_rule_raises_now_it_can_raise() {
        let mut sum = rule("sum(up) < 1", &[]);
        assert_eq!(needed(&sum, &asked("cluster", "eu")), None);
        let alert = serde_json::json!({"labels": {"alertname": "High", "cluster": "eu"}, "state": "firing"});
        sum.alerts = Some(vec![serde_json::from_value(alert).unwrap()]);
        assert_eq!(needed(&sum, &asked("cluster", "eu")), Some(vec![]));
        assert_eq!(needed(&sum, &asked("cluster", "us")), None);
    }
}
