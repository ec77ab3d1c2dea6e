//! `alerts`: what is firing, by an Alertmanager (API v2) or by the environment's Prometheus.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::web::{fill, headers, json, request, token};
use super::wording::{MAX_LISTED, Wording as _, and_more, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Alerts;
use crate::platform::Redactor;
use crate::sources::prometheus::PrometheusClient;

/// An alert, whoever tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alert {
    since: String,
    labels: BTreeMap<String, String>,
    summary: String,
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

pub(super) async fn look(asked: &Alerts, scene: &CheckInput, tools: &Tools) -> Evidence {
    match firing(asked, scene, tools).await {
        Ok(alerts) => judge(&alerts, asked, &tools.redactor),
        Err(why) => Evidence::blind(why),
    }
}

async fn firing(asked: &Alerts, scene: &CheckInput, tools: &Tools) -> Result<Vec<Alert>, String> {
    let names: Vec<&String> = asked.matchers.keys().collect();
    let mut alerts = Vec::new();
    let matchers: Vec<Vec<(&str, String)>> =
        fill(&asked.matchers.values().collect::<Vec<_>>(), scene, &tools.redactor)?
            .into_iter()
            .map(|values| names.iter().map(|name| name.as_str()).zip(values).collect())
            .collect();
    match (&asked.url, &tools.prometheus) {
        (Some(_), _) => {
            for matchers in &matchers {
                alerts.extend(of_alertmanager(asked, matchers, tools).await?);
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

async fn of_alertmanager(asked: &Alerts, matchers: &[(&str, String)], tools: &Tools) -> Result<Vec<Alert>, String> {
    let Some(base) = &asked.url else { return Ok(Vec::new()) };
    let mut url = base.clone();
    url.set_path(&format!("{}api/v2/alerts", base.path()));
    let mut query = vec![
        ("active".to_owned(), "true".to_owned()),
        ("silenced".to_owned(), "false".to_owned()),
        ("inhibited".to_owned(), "false".to_owned()),
    ];
    // Values hold no quotes and no backslashes: see `fill`.
    query.extend(matchers.iter().map(|(name, value)| ("filter".to_owned(), format!("{name}=\"{value}\""))));
    let mut request = request(Method::GET, &url, tools)?.query(&query).headers(headers(&asked.headers, tools).await?);
    if let Some(secret) = &asked.bearer_token {
        request = request.header(AUTHORIZATION, token(secret, "Bearer ", tools).await?);
    }
    let hint = "`url`, `bearer_token` and `headers`";
    let alerts: Vec<Gettable> = json(request, &url, "Alertmanager", hint, &tools.redactor).await?;
    let matching = alerts.into_iter().filter(|alert| alert.status.state != "suppressed");
    // A proxy may lose the filter on the way.
    let matching = matching.filter(|alert| has(&alert.labels, matchers));
    Ok(matching.map(|alert| made(alert.labels, &alert.annotations, Some(&alert.starts_at), &tools.redactor)).collect())
}

async fn of_prometheus(
    prometheus: &PrometheusClient,
    matchers: &[Vec<(&str, String)>],
    redactor: &Redactor,
) -> Result<Vec<Alert>, String> {
    let alerts = prometheus.alerts().await.map_err(|error| error.to_string())?;
    let firing = alerts.into_iter().filter(|alert| alert.state == "firing");
    let matching = firing.filter(|alert| matchers.iter().any(|matchers| has(&alert.labels, matchers)));
    let matching: Vec<Alert> =
        matching.map(|alert| made(alert.labels, &alert.annotations, alert.active_at.as_deref(), redactor)).collect();
    // A server without rules has no alerts either. Some servers do not tell their rules.
    if matching.is_empty() && prometheus.alerting_rules().await == Ok(0) {
        let at = prometheus.at();
        return Err(format!(
            "{at} has no alerting rules: nothing could fire; is it the right server, or `url` missing?"
        ));
    }
    Ok(matching)
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
    Alert { labels, since, summary: summary.map(|text| redactor.first_line(text)).unwrap_or_default() }
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
    let all = alerts.len() as u64;
    if all == 0 {
        let names: Vec<&str> = asked.matchers.keys().map(String::as_str).collect();
        return Evidence::passed(format!(
            "nothing is firing, by {whose} (matched on {})",
            redactor.cut(&names.join(", "), 100)
        ));
    }
    let names = redactor.some(alerts.iter().map(Alert::name), all);
    let listed = alerts.len().min(MAX_LISTED);
    let is = if all == 1 { "is" } else { "are" };
    Evidence::failed(format!("{} {is} firing: {names}", figures(all, "alert")), "none of them is firing")
        .with(alerts.iter().take(MAX_LISTED).map(|alert| alert.line(redactor)))
        .with(and_more(listed, all))
}

#[cfg(test)]
mod tests;
