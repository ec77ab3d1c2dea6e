//! `promql`: asks the environment's Prometheus, and holds every number against a condition.

use super::web::fill;
use super::wording::{MAX_LISTED, Wording as _, and_more, decimal, figure};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Promql;
use crate::platform::Redactor;
use crate::sources::prometheus::answer::{Answer, Data};

pub(super) async fn look(asked: &Promql, scene: &CheckInput, tools: &Tools) -> Evidence {
    let Some(prometheus) = &tools.prometheus else {
        return Evidence::blind(
            "there is no Prometheus to ask: set [prometheus] in the config, or for this environment",
        );
    };
    let queries = match fill(&[&asked.query], scene, &tools.redactor) {
        Ok(queries) => queries,
        Err(why) => return Evidence::blind(why),
    };
    let mut tally = Tally { redactor: tools.redactor.clone(), ..Tally::default() };
    for query in queries.into_iter().flatten() {
        match prometheus.query(&query).await {
            Ok(answer) => tally.add(&query, answer, asked),
            Err(error) => tally.troubles.push(error.to_string()),
        }
    }
    tally.evidence(asked)
}

#[derive(Default)]
struct Tally {
    good: u64,
    bad: u64,
    /// The first bad numbers and good ones, as lines of evidence.
    bad_lines: Vec<String>,
    good_lines: Vec<String>,
    /// Worst number and whose it is.
    first_bad: Option<(String, String)>,
    last_good: Option<f64>,
    troubles: Vec<String>,
    redactor: Redactor,
}

impl Tally {
    fn add(&mut self, query: &str, answer: Answer, asked: &Promql) {
        let numbers: Vec<(String, f64)> = match answer.data {
            Data::Scalar(point) => vec![("the query".to_owned(), point.value)],
            Data::Vector(elements) => elements
                .into_iter()
                .map(|element| (labels(&element.metric, &self.redactor), element.value.value))
                .collect(),
            Data::Matrix(_) => {
                let what =
                    "the query gives numbers over time: it must return one number per series, without a bare [5m]";
                self.troubles.push(what.to_owned());
                return;
            }
        };
        if numbers.is_empty() {
            self.troubles.push(format!("Prometheus has no data for {}", self.redactor.cut(query, 200)));
        }
        for warning in answer.warnings {
            self.troubles.push(format!("the answer is not complete: {}", self.redactor.cut(&warning, 200)));
        }
        for (series, value) in numbers {
            let line = self.redactor.one_line(&format!("{} {series}", decimal(value)));
            if value.is_nan() {
                self.troubles.push(format!("{series} is no number (NaN): nothing to divide by?"));
            } else if asked.condition.holds(value) {
                self.good += 1;
                self.last_good = Some(value);
                if self.good_lines.len() < MAX_LISTED {
                    self.good_lines.push(line);
                }
            } else {
                self.bad += 1;
                self.first_bad.get_or_insert_with(|| (decimal(value), series));
                if self.bad_lines.len() < MAX_LISTED {
                    self.bad_lines.push(line);
                }
            }
        }
    }

    fn evidence(self, asked: &Promql) -> Evidence {
        let condition = asked.condition;
        let shown = self.troubles.iter().take(50).map(|trouble| self.redactor.one_line(trouble));
        if let Some((value, series)) = self.first_bad {
            let all = self.good + self.bad;
            let summary = match all {
                1 => format!("{value}, not {condition}"),
                _ => format!(
                    "{} of {} not {condition}: {value} {}",
                    figure(self.bad),
                    figure(all),
                    self.redactor.cut(&series, 100)
                ),
            };
            let listed = self.bad_lines.len();
            return Evidence::failed(summary, format!("every series is {condition}"))
                .with(self.bad_lines)
                .with(and_more(listed, self.bad))
                .with(shown);
        }
        if let Some(first) = self.troubles.first() {
            return Evidence::blind(self.redactor.one_line(first)).with(shown.skip(1)).with(self.good_lines);
        }
        let summary = match (self.good, self.last_good) {
            (1, Some(value)) => format!("{} is {condition}", decimal(value)),
            (0, _) | (_, None) => return Evidence::blind("Prometheus has no data for the query"),
            (all, _) => format!("all {} series are {condition}", figure(all)),
        };
        let listed = self.good_lines.len();
        Evidence::passed(summary).with(self.good_lines).with(and_more(listed, self.good))
    }
}

/// Writes labels as PromQL does.
fn labels(labels: &std::collections::BTreeMap<String, String>, redactor: &Redactor) -> String {
    let labels: Vec<String> = labels
        .iter()
        .take(20)
        .map(|(name, value)| format!("{}={:?}", redactor.cut(name, 60), redactor.cut(value, 60)))
        .collect();
    redactor.cut(&format!("{{{}}}", labels.join(",")), 250)
}

#[cfg(test)]
mod tests;
