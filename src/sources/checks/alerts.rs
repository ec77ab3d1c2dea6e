//! `alerts`: what is firing, by an Alertmanager (API v2) or by the environment's Prometheus.
//!
//! Nothing that fires is green only where something could: an alert or a rule is known that the matchers fit.

mod promql;
mod promql_reader;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::web::{fill, headers, json, request, token};
use super::wording::{MAX_LISTED, Wording as _, and_more, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Alerts;
use crate::platform::Redactor;
use crate::sources::prometheus::PrometheusClient;
use crate::sources::prometheus::answer::{AlertingRule, RaisedAlert};
use crate::sources::prometheus::trouble::QueryError;

/// An alert, whoever tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alert {
    since: String,
    labels: BTreeMap<String, String>,
    summary: String,
    /// It is silenced, or inhibited by another one.
    is_suppressed: bool,
}

/// An alert of an Alertmanager (`gettableAlert`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gettable {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

/// The state of one that is silenced or inhibited.
const SUPPRESSED: &str = "suppressed";

/// Labels with their values: an alert fits that has all of them.
type Matchers<'a> = Vec<(&'a str, String)>;

pub(super) async fn look(asked: &Alerts, scene: &CheckInput, tools: &Tools) -> Evidence {
    match firing(asked, scene, tools).await {
        Ok(alerts) => judge(&alerts, asked, &tools.redactor),
        Err(why) => Evidence::blind(tools.redactor.one_line(&why)),
    }
}

async fn firing(asked: &Alerts, scene: &CheckInput, tools: &Tools) -> Result<Vec<Alert>, String> {
    let names: Vec<&String> = asked.matchers.keys().collect();
    let mut alerts = Vec::new();
    let matchers: Vec<Matchers<'_>> = fill(&asked.matchers.values().collect::<Vec<_>>(), scene, &tools.redactor)?
        .into_iter()
        .map(|values| names.iter().map(|name| name.as_str()).zip(values).collect())
        .collect();
    match (&asked.url, &tools.prometheus) {
        (Some(base), prometheus) => {
            let mut doubt = None;
            for matchers in &matchers {
                match of_alertmanager(asked, base, matchers, prometheus.as_ref(), tools).await {
                    Ok(known) => alerts.extend(known),
                    Err(why) => doubt = doubt.or(Some(why)),
                }
            }
            // What fires is red, whatever else is unknown.
            let is_firing = alerts.iter().any(|alert| !alert.is_suppressed);
            if let Some(why) = doubt.filter(|_| !is_firing) {
                return Err(why);
            }
        }
        (None, Some(prometheus)) => alerts = of_prometheus(prometheus, &matchers, &tools.redactor).await?,
        (None, None) => {
            let what = "no Alertmanager to query: set `url` of an Alertmanager, or [prometheus] in the config";
            return Err(what.to_owned());
        }
    }
    alerts.sort();
    alerts.dedup();
    Ok(alerts)
}

async fn of_alertmanager(
    asked: &Alerts,
    base: &Url,
    matchers: &Matchers<'_>,
    prometheus: Option<&PrometheusClient>,
    tools: &Tools,
) -> Result<Vec<Alert>, String> {
    // Values hold no quotes and no backslashes: see `fill`.
    let filters: Vec<String> = matchers.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let mut known = gettable(asked, base, &filters, tools).await?;
    // A proxy may lose the filter on the way.
    known.retain(|alert| has(&alert.labels, matchers));
    if known.iter().all(|alert| alert.status.state == SUPPRESSED) {
        could_fire(asked, base, matchers, !known.is_empty(), prometheus, tools).await?;
    }
    let told = |alert: Gettable| Alert {
        is_suppressed: alert.status.state == SUPPRESSED,
        ..made(alert.labels, &alert.annotations, Some(&alert.starts_at), &tools.redactor)
    };
    Ok(known.into_iter().map(told).collect())
}

/// Asks an Alertmanager for its alerts, silenced and inhibited ones among them.
async fn gettable(asked: &Alerts, base: &Url, filters: &[String], tools: &Tools) -> Result<Vec<Gettable>, String> {
    let mut url = base.clone();
    url.set_path(&format!("{}api/v2/alerts", base.path()));
    let mut query = vec![("active", "true"), ("silenced", "true"), ("inhibited", "true")];
    query.extend(filters.iter().map(|filter| ("filter", filter.as_str())));
    let mut request = request(Method::GET, &url, tools)?.query(&query).headers(headers(&asked.headers, tools).await?);
    if let Some(secret) = &asked.bearer_token {
        request = request.header(AUTHORIZATION, token(secret, "Bearer ", tools).await?);
    }
    let hint = "`url`, `bearer_token` and `headers`";
    json(request, &url, "Alertmanager", hint, &tools.redactor).await
}

/// Returns whether an alert with these labels could fire, where an Alertmanager has none that does: it knows no rules, so
/// the environment's Prometheus is asked for its own. Labels that all alerts have come from there, not from a rule.
async fn could_fire(
    asked: &Alerts,
    base: &Url,
    matchers: &Matchers<'_>,
    is_known: bool,
    prometheus: Option<&PrometheusClient>,
    tools: &Tools,
) -> Result<(), String> {
    let nothing = format!("matches nothing: Alertmanager knows no alert with {}", written(matchers, &tools.redactor));
    let (prometheus, rules) = match prometheus {
        Some(prometheus) => (prometheus, prometheus.alerting_rules().await),
        None if is_known => return Ok(()),
        None => return Err(format!("{nothing}; set [prometheus], so that its rules tell whether one could fire")),
    };
    let rules = match rules {
        Ok(rules) => rules,
        Err(_) if is_known => return Ok(()),
        Err(error) => return Err(format!("{nothing}, and its rules: {error}")),
    };
    if is_known && rules.iter().all(AlertingRule::works) {
        return Ok(());
    }
    let all = gettable(asked, base, &[], tools).await?;
    // Of one kind of alert all may have it from their rule.
    let kinds: BTreeSet<Option<&String>> = all.iter().map(|alert| alert.labels.get("alertname")).collect();
    let external = |matcher: &(&str, String)| {
        kinds.len() > 1 && all.iter().all(|alert| has(&alert.labels, std::slice::from_ref(matcher)))
    };
    let of_rules: Matchers<'_> = matchers.iter().filter(|matcher| !external(matcher)).cloned().collect();
    if let (false, Some(name)) = (is_known, rules::fired(&rules, &of_rules)) {
        let name = tools.redactor.cut(name, 80);
        return Err(format!("Prometheus fires {name}, and Alertmanager does not know it: does Prometheus reach it?"));
    }
    could_be_raised(&rules, &of_rules, is_known || of_rules.is_empty(), &nothing, prometheus).await
}

/// Returns whether the rules could raise an alert with these labels: none that could is broken and, where no such alert
/// is known, one can.
async fn could_be_raised(
    rules: &[AlertingRule],
    matchers: &Matchers<'_>,
    is_known: bool,
    nothing: &str,
    prometheus: &PrometheusClient,
) -> Result<(), String> {
    let unknown = |error: QueryError| format!("{nothing}, and the series of its rules are unknown: {error}");
    let at = prometheus.at();
    // What could fire and is not looked at is worse than what cannot fire.
    match rules::broken(rules, matchers, prometheus).await {
        Ok(None) => {}
        Ok(Some((rule, trouble))) => return Err(format!("rule {} of {at} could raise one, and {trouble}", rule.name)),
        Err(error) if is_known => {
            return Err(format!("a rule of {at} is not evaluated, and its series are unknown: {error}"));
        }
        Err(error) => return Err(unknown(error)),
    }
    if is_known || rules::could_raise(rules, matchers, prometheus).await.map_err(unknown)? {
        return Ok(());
    }
    Err(format!("{nothing}, and {}", no_rule(rules, prometheus)))
}

async fn of_prometheus(
    prometheus: &PrometheusClient,
    matchers: &[Matchers<'_>],
    redactor: &Redactor,
) -> Result<Vec<Alert>, String> {
    let alerts = prometheus.alerts().await.map_err(|error| error.to_string())?;
    let rules = prometheus.alerting_rules().await;
    let mut matching = Vec::new();
    let mut doubt = None;
    for matchers in matchers {
        let known: Vec<&RaisedAlert> = alerts.iter().filter(|alert| has(&alert.labels, matchers)).collect();
        let firing = known.iter().filter(|alert| rules::is_firing(alert));
        matching.extend(
            firing.map(|alert| made(alert.labels.clone(), &alert.annotations, alert.active_at.as_deref(), redactor)),
        );
        let is_known = !known.is_empty();
        let nothing = format!("matches nothing: no alert has {}", written(matchers, redactor));
        let told = match &rules {
            Ok(rules) if rules.is_empty() => Ok(()),
            Ok(rules) => could_be_raised(rules, matchers, is_known, &nothing, prometheus).await,
            Err(_) if is_known => Ok(()),
            Err(error) => Err(format!("{nothing}, and the rules are unknown: {error}")),
        };
        doubt = doubt.or(told.err());
    }
    // What fires is red, whatever else is unknown.
    if !matching.is_empty() {
        return Ok(matching);
    }
    if let Some(why) = doubt {
        return Err(why);
    }
    // A server without rules has no alerts either. Some servers do not tell their rules.
    if rules.is_ok_and(|rules| rules.is_empty()) {
        let at = prometheus.at();
        return Err(format!(
            "{at} has no alerting rules: nothing could fire; is it the right server, or `url` missing?"
        ));
    }
    Ok(matching)
}

/// Says that no rule could raise such an alert, and which one is broken: it may be the one that should.
fn no_rule(rules: &[AlertingRule], prometheus: &PrometheusClient) -> String {
    let broken = rules.iter().find_map(|rule| Some(format!("; rule {} {}", rule.name, rule.trouble()?)));
    let broken = broken.unwrap_or_default();
    format!("no rule of {} could raise one{broken}", prometheus.at())
}

/// Writes labels as they stand in a selector.
fn written(matchers: &[(&str, String)], redactor: &Redactor) -> String {
    let labels: Vec<String> = matchers.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    redactor.cut(&labels.join(", "), 100)
}

fn has(labels: &BTreeMap<String, String>, matchers: &[(&str, String)]) -> bool {
    matchers.iter().all(|(name, value)| labels.get(*name) == Some(value))
}

fn made(
    labels: BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    since: Option<&str>,
    redactor: &Redactor,
) -> Alert {
    let summary = ["summary", "message", "description"].into_iter().find_map(|name| annotations.get(name));
    let since = match since.map(|since| (since, since.parse::<Timestamp>())) {
        Some((_, Ok(time))) => crate::domain::facts::text::rfc3339_seconds(time),
        Some((text, Err(_))) => redactor.cut(text, 40),
        None => "?".to_owned(),
    };
    let is_suppressed = false;
    Alert { labels, since, is_suppressed, summary: summary.map(|text| redactor.first_line(text)).unwrap_or_default() }
}

impl Alert {
    fn name(&self) -> &str {
        self.labels.get("alertname").map_or("an alert without a name", String::as_str)
    }

    fn line(&self, redactor: &Redactor) -> String {
        let labels = self.labels.iter().filter(|(name, _)| *name != "alertname").take(20);
        let labels: Vec<String> =
            labels.map(|(name, value)| format!("{}={}", redactor.cut(name, 40), redactor.cut(value, 60))).collect();
        let summary =
            if self.summary.is_empty() { String::new() } else { format!(": {}", redactor.cut(&self.summary, 150)) };
        redactor.one_line(&format!(
            "{} since {}{summary} ({})",
            redactor.cut(self.name(), 80),
            self.since,
            labels.join(", ")
        ))
    }
}

fn judge(alerts: &[Alert], asked: &Alerts, redactor: &Redactor) -> Evidence {
    let whose = if asked.url.is_some() { "Alertmanager" } else { "Prometheus" };
    let (suppressed, alerts): (Vec<&Alert>, Vec<&Alert>) = alerts.iter().partition(|alert| alert.is_suppressed);
    let all = alerts.len() as u64;
    if all == 0 {
        let names: Vec<&str> = asked.matchers.keys().map(String::as_str).collect();
        let matched = redactor.cut(&names.join(", "), 100);
        if suppressed.is_empty() {
            return Evidence::passed(format!("nothing is firing, by {whose} (matched on {matched})"));
        }
        let count = suppressed.len() as u64;
        let names = redactor.some(suppressed.iter().map(|alert| alert.name()), count);
        let lines = suppressed.iter().take(MAX_LISTED).map(|alert| format!("suppressed: {}", alert.line(redactor)));
        return Evidence::passed(format!(
            "nothing is firing, {count} silenced or inhibited, by {whose} (matched on {matched}): {names}"
        ))
        .with(lines.collect::<Vec<_>>());
    }
    let names = redactor.some(alerts.iter().map(|alert| alert.name()), all);
    let listed = alerts.len().min(MAX_LISTED);
    let is = if all == 1 { "is" } else { "are" };
    Evidence::failed(format!("{} {is} firing: {names}", figures(all, "alert")), "none of them is firing")
        .with(alerts.iter().take(MAX_LISTED).map(|alert| alert.line(redactor)))
        .with(and_more(listed, all))
}

#[cfg(test)]
mod tests;
