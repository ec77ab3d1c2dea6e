//! `sarif`: what static analysis found, as SARIF 2.1.0 (OASIS); the sections in the comments are of that standard.

mod shape;

use super::reports::{ReadContext, Report, apart, find};
use super::wording::{MAX_LISTED, Wording as _, and_more, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Sarif;
use crate::config::checks::sarif::Level;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

use shape::{Log, Outcome, Run};

/// Largest report, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

pub(super) async fn look(asked: &Sarif, _scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(asked.level, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// What the reports say, all in all.
#[derive(Default)]
struct Tally {
    /// Results at or above the level.
    found: u64,
    below: u64,
    suppressed: u64,
    /// The first that were found: how bad, and as a line of evidence.
    lines: Vec<(Level, String)>,
    /// Names of tools that ran.
    tools: Vec<String>,
    /// Rules of what was found.
    rules: Vec<String>,
    redactor: Redactor,
}

fn judge(level: Level, reports: &[Report], reading: &ReadContext) -> Evidence {
    let redactor = &reading.redactor;
    let mut tally = Tally { redactor: redactor.clone(), ..Tally::default() };
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.json::<Log>(MAX_REPORT_BYTES, reading);
        let result = result.and_then(|log| tally.add(&log, level).map_err(|what| report.wrong(what)));
        troubles.extend(result.err());
    }
    tally.lines.sort_by_key(|line| std::cmp::Reverse(line.0));
    let listed = tally.lines.len().min(MAX_LISTED);
    let lines = tally.lines.into_iter().take(MAX_LISTED).map(|(_, line)| line);
    let shown = troubles.iter().take(MAX_LISTED).map(|trouble| redactor.one_line(trouble));
    let aside = match (tally.below, tally.suppressed) {
        (0, 0) => String::new(),
        (below, 0) => format!("; {} below {}", figure(below), level.as_str()),
        (0, suppressed) => format!("; {} suppressed", figure(suppressed)),
        (below, suppressed) => {
            format!("; {} below {}, {} suppressed", figure(below), level.as_str(), figure(suppressed))
        }
    };
    let bar = match level {
        Level::Error => "at level error".to_owned(),
        other => format!("at level {} or above", other.as_str()),
    };
    if tally.found > 0 {
        tally.rules.dedup();
        let rules = redactor.some(tally.rules.iter().map(String::as_str), tally.found);
        let summary = format!("{} {bar}: {rules}{aside}", figures(tally.found, "finding"));
        return Evidence::failed(summary, format!("no finding {bar}, and the report is written again"))
            .with(lines)
            .with(and_more(listed, tally.found))
            .with(shown);
    }
    if let Some(first) = troubles.first() {
        return Evidence::blind(first.clone()).with(shown.skip(1));
    }
    tally.tools.sort();
    tally.tools.dedup();
    let tools = redactor.some(tally.tools.iter().map(String::as_str), tally.tools.len() as u64);
    let written = reports.iter().take(MAX_LISTED).map(|report| format!("{}: {}", report.name, report.written()));
    let files = plural(reports.len(), "file");
    Evidence::passed(format!("no finding {bar}{aside}, by {tools} in {files}")).with(written)
}

impl Tally {
    fn add(&mut self, log: &Log, level: Level) -> Result<(), String> {
        if !log.version.starts_with("2.1") {
            return Err(format!("is SARIF {}, and only 2.1 is read", self.redactor.cut(&log.version, 20)));
        }
        let runs = log.runs.as_deref().unwrap_or_default();
        if runs.is_empty() {
            return Err("contains no run: nothing was analysed".to_owned());
        }
        // What can be read counts, even where another run cannot.
        let mut trouble = Ok(());
        for run in runs {
            trouble = trouble.and(self.run(run, level));
        }
        trouble
    }

    fn run(&mut self, run: &Run, level: Level) -> Result<(), String> {
        let tool = self.redactor.cut(&run.tool.driver.name, 60);
        self.tools.push(tool.clone());
        for result in run.results.iter().flatten() {
            match run.outcome(result) {
                Outcome::Counts(of) if of >= level => {
                    self.found += 1;
                    if self.lines.len() < MAX_LISTED * 10 {
                        let id = self.redactor.cut(run.rule_id(result), 80);
                        self.lines.push((of, line(run, result, of, &self.redactor)));
                        if self.rules.len() < MAX_LISTED && !self.rules.contains(&id) {
                            self.rules.push(id);
                        }
                    }
                }
                Outcome::Counts(_) => self.below += 1,
                Outcome::Suppressed => self.suppressed += 1,
                Outcome::None => {}
            }
        }
        // § 3.14.23: without `results`, the tool did not get as far as looking.
        if run.results.is_none() {
            return Err(format!("{tool} gives no list of results: its run did not get that far"));
        }
        if run.has_results_elsewhere() {
            return Err(format!("{tool} put results into another file, which is not read"));
        }
        if run.invocations.iter().flatten().any(|invocation| invocation.succeeded == Some(false)) {
            return Err(format!("{tool} reports that its run failed"));
        }
        Ok(())
    }
}

/// Writes one result: level, rule, place, message.
fn line(run: &Run, result: &shape::SarifResult, level: Level, redactor: &Redactor) -> String {
    let severity = run.rule(result).and_then(shape::Rule::severity);
    let severity = severity.map_or_else(String::new, |severity| format!(" (security severity {severity})"));
    let place = result.place().map_or_else(String::new, |place| format!(" {}", redactor.cut(&place, 120)));
    let message = redactor.first_line(&run.message(result));
    redactor.one_line(&format!(
        "{} {}{place}: {message}{severity}",
        level.as_str(),
        redactor.cut(run.rule_id(result), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn tally(log: Value, level: Level) -> (Tally, Result<(), String>) {
        let mut tally = Tally::default();
        let log: Log = serde_json::from_value(log).unwrap();
        let result = tally.add(&log, level);
        (tally, result)
    }

    fn log(results: &Value) -> Value {
        json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "lint", "rules": [
                {"id": "A1", "defaultConfiguration": {"level": "error"}, "properties": {"security-severity": "9.8"},
                 "messageStrings": {"told": {"text": "leaks {0}"}}},
                {"id": "A2", "defaultConfiguration": {"level": "note"}},
                {"id": "A3"},
            ]}},
            "results": results,
        }]})
    }

    #[test]
    fn result_level_falls_back_to_rule_then_warning() {
        let results = json!([
            {"ruleId": "A1", "message": {"text": "x"}},
            {"ruleIndex": 1, "message": {"text": "x"}},
            {"ruleId": "A3", "message": {"text": "x"}},
            {"ruleId": "A2/sub", "level": "error", "message": {"text": "x"}},
            {"ruleId": "A1", "level": "none", "message": {"text": "x"}},
            {"ruleId": "A1", "kind": "pass", "message": {"text": "x"}},
            {"rule": {"index": 0}, "message": {"text": "x"}},
        ]);
        for (level, found, below) in [(Level::Error, 3, 2), (Level::Warning, 4, 1), (Level::Note, 5, 0)] {
            let (tally, result) = tally(log(&results), level);
            result.unwrap();
            assert_eq!((tally.found, tally.below), (found, below), "{level:?}");
        }
    }

    #[test]
    fn suppressed_or_absent_results_do_not_count() {
        let results = json!([
            {"ruleId": "A1", "message": {"text": "x"}, "suppressions": [{"kind": "inSource"}]},
            {"ruleId": "A1", "message": {"text": "x"}, "suppressions": [{"kind": "external", "status": "accepted"}]},
            {"ruleId": "A1", "message": {"text": "x"}, "suppressions": [{"kind": "external", "status": "underReview"}]},
            {"ruleId": "A1", "message": {"text": "x"}, "suppressions": []},
            {"ruleId": "A1", "message": {"text": "x"}, "baselineState": "absent"},
        ]);
        let (tally, _) = tally(log(&results), Level::Error);
        assert_eq!((tally.found, tally.suppressed), (2, 2));
    }

    #[test]
    fn evidence_lists_rule_place_message_and_severity() {
        let results = json!([{"ruleId": "A1", "message": {"id": "told", "arguments": ["a key"]}, "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": 7}}}]}]);
        let (tally, _) = tally(log(&results), Level::Error);
        assert_eq!(tally.lines[0].1, "error A1 src/a.py:7: leaks a key (security severity 9.8)");
    }

    #[test]
    fn unsuccessful_run_is_no_evidence() {
        let run = |more: Value| {
            let mut log = log(&json!([]));
            for (key, value) in more.as_object().unwrap() {
                log["runs"][0][key] = value.clone();
            }
            tally(log, Level::Error).1.unwrap_err()
        };
        assert!(run(json!({"results": null})).contains("no list of results"));
        assert!(run(json!({"invocations": [{"executionSuccessful": false}]})).contains("reports that its run failed"));
        let elsewhere = json!({"externalPropertyFileReferences": {"results": [{"location": {"uri": "x"}}]}});
        assert!(run(elsewhere).contains("another file"));
        assert!(tally(json!({"version": "2.1.0", "runs": []}), Level::Error).1.unwrap_err().contains("no run"));
        assert!(tally(json!({"version": "1.0.0", "runs": []}), Level::Error).1.unwrap_err().contains("only 2.1"));
    }
}
