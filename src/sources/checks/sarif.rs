//! `sarif`: what static analysis found, as SARIF 2.1.0 (OASIS); the sections in the comments are of that standard.

mod level;
mod shape;

use super::incoming::{About, Tie, all_foreign};
use super::reading::{ReadContext, apart};
use super::reports::{Report, find};
use super::wording::{MAX_LISTED, Wording as _, and_more, decimal, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Sarif;
use crate::config::checks::sarif::Level;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

use level::Outcome;
use shape::{Log, Run};

/// Largest report, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

pub(super) async fn look(asked: &Sarif, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(&asked, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// What the reports say, all in all.
#[derive(Default)]
struct Tally {
    /// Results at or above the level, or the score.
    found: u64,
    /// Those of them that count by their score alone.
    by_severity: u64,
    below: u64,
    suppressed: u64,
    /// The first that were found: how bad, and as a line of evidence.
    lines: Vec<(Level, String)>,
    /// Names of tools that ran.
    tools: Vec<String>,
    /// Rules of what was found.
    rules: Vec<String>,
    /// What each run has to do with what comes in.
    ties: Vec<Tie>,
    redactor: Redactor,
}

fn judge(asked: &Sarif, reports: &[Report], reading: &ReadContext) -> Evidence {
    let level = asked.level;
    let redactor = &reading.redactor;
    let mut tally = Tally { redactor: redactor.clone(), ..Tally::default() };
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.json::<Log>(MAX_REPORT_BYTES, reading);
        let tie = |about: &About| reading.incoming.tie(about, report.dated());
        let result = result.and_then(|log| tally.add(&log, asked, tie).map_err(|what| report.wrong(what)));
        troubles.extend(result.err());
    }
    let foreign = all_foreign(&tally.ties).filter(|_| troubles.is_empty());
    troubles.extend(foreign.zip(reports.first()).map(|(why, report)| report.wrong(why)));
    troubles.extend(reading.incoming.not_covered(&tally.ties).filter(|_| troubles.is_empty()));
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
    let mut bar = match level {
        Level::Error => "at level error".to_owned(),
        other => format!("at level {} or above", other.as_str()),
    };
    if let Some(severity) = asked.security_severity.filter(|_| tally.by_severity > 0) {
        bar = format!("{bar}, or of security severity {} or above", decimal(severity));
    }
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
    /// Takes in a report; `tie` says what a run has to do with what comes in.
    fn add(&mut self, log: &Log, asked: &Sarif, tie: impl Fn(&About) -> Result<Tie, String>) -> Result<(), String> {
        if !log.version.starts_with("2.1") {
            return Err(format!("is SARIF {}, and only 2.1 is read", self.redactor.cut(&log.version, 20)));
        }
        let runs = log.runs.as_deref().unwrap_or_default();
        if runs.is_empty() {
            return Err("contains no run: nothing was analysed".to_owned());
        }
        // What can be read counts, even where another run cannot.
        let mut trouble = if log.inline_external_properties.iter().any(|part| !part.results.is_empty()) {
            Err("has results in `inlineExternalProperties`, which are not read".to_owned())
        } else {
            Ok(())
        };
        for run in runs {
            let read = match tie(&run.about()) {
                Ok(tie) => {
                    self.ties.push(tie);
                    self.run(run, asked)
                }
                Err(why) => Err(why),
            };
            trouble = trouble.and(read);
        }
        trouble
    }

    fn run(&mut self, run: &Run, asked: &Sarif) -> Result<(), String> {
        let tool = self.redactor.cut(&run.tool.driver.name, 60);
        self.tools.push(tool.clone());
        let mut unknown = None;
        // Results that are below the limit only because nothing says how bad they are.
        let mut without_level = 0_u64;
        for result in run.results.iter().flatten() {
            match run.outcome(result) {
                Outcome::Counts { level, severity, is_default } => {
                    let by_level = level.is_some_and(|level| level >= asked.level);
                    let by_severity = severity.zip(asked.security_severity).is_some_and(|(of, least)| of >= least);
                    if by_level || by_severity {
                        self.by_severity += u64::from(!by_level);
                        self.found(run, result, level, severity);
                    } else {
                        self.below += 1;
                        without_level += u64::from(is_default && severity.is_none());
                    }
                }
                Outcome::Suppressed => self.suppressed += 1,
                Outcome::None => {}
                Outcome::Unknown(why) => {
                    let rule = self.redactor.cut(run.rule_id(result), 80);
                    unknown.get_or_insert_with(|| format!("{tool}, {rule}: {}", self.redactor.cut(&why, 200)));
                }
            }
        }
        // § 3.14.23: without `results`, the tool did not get as far as looking.
        if run.results.is_none() && !run.leaves_out_no_results() {
            return Err(format!("{tool} gives no list of results: its run did not get that far"));
        }
        let external = &run.external_property_file_references;
        if !external.results.is_empty() {
            return Err(format!("{tool} put results into another file, which is not read"));
        }
        if external.driver.is_some() || !external.extensions.is_empty() {
            return Err(format!("{tool} put its rules into another file, which is not read: levels may stand there"));
        }
        if run.invocations.iter().any(|invocation| invocation.execution_successful == Some(false)) {
            return Err(format!("{tool} reports that its run failed"));
        }
        if let Some(said) = run.invocations.iter().find_map(shape::Invocation::error) {
            let said = self.redactor.first_line(said);
            return Err(format!("{tool} met an error, and may not have looked at everything: {said}"));
        }
        if let Some(why) = unknown {
            return Err(why);
        }
        if without_level > 0 && !run.gives_levels() {
            let results = figures(without_level, "finding");
            return Err(format!("{tool} gives no level to {results}: set level = \"warning\" to count them"));
        }
        Ok(())
    }

    fn found(&mut self, run: &Run, result: &shape::SarifResult, level: Option<Level>, severity: Option<f64>) {
        self.found += 1;
        if self.lines.len() < MAX_LISTED * 10 {
            let id = self.redactor.cut(run.rule_id(result), 80);
            self.lines.push((level.unwrap_or(Level::Note), line(run, result, (level, severity), &self.redactor)));
            if self.rules.len() < MAX_LISTED && !self.rules.contains(&id) {
                self.rules.push(id);
            }
        }
    }
}

/// Writes one result: level, rule, place, message.
fn line(
    run: &Run,
    result: &shape::SarifResult,
    (level, severity): (Option<Level>, Option<f64>),
    redactor: &Redactor,
) -> String {
    let severity = severity.map_or_else(String::new, |severity| format!(" (security severity {severity})"));
    let place = result.place().map_or_else(String::new, |place| format!(" {}", redactor.cut(&place, 120)));
    let message = redactor.first_line(&result.message(run.rule(result)));
    redactor.one_line(&format!(
        "{} {}{place}: {message}{severity}",
        level.map_or("none", Level::as_str),
        redactor.cut(run.rule_id(result), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn tally(log: Value, level: Level) -> (Tally, Result<(), String>) {
        let mut tally = Tally::default();
        let log: Log = serde_json::from_value(log).unwrap();
        let asked =
            Sarif { files: crate::config::checks::files::Files::default(), level, security_severity: Some(7.0) };
        let result = tally.add(&log, &asked, |_| Ok(Tie::Unnamed));
        (tally, result)
    }

    /// What is found at level error of one result, in a run of which something is set.
    fn one(result: Value, run: Value) -> Result<u64, String> {
        let mut all = log(&Value::Array(vec![result]));
        let Value::Object(run) = run else { panic!("{run}") };
        for (key, value) in run {
            all["runs"][0][key] = value;
        }
        let (tally, result) = tally(all, Level::Error);
        result.map(|()| tally.found)
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
        // A1 has a score that counts whatever the level.
        for (level, found, below) in [(Level::Error, 4, 2), (Level::Warning, 5, 1), (Level::Note, 6, 0)] {
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
    fn staticcheck_leaves_out_results_where_it_found_nothing() {
        let without = |name: &str, invocations: Value| {
            let mut log = log(&json!([]));
            log["runs"][0]["tool"]["driver"]["name"] = json!(name);
            log["runs"][0]["invocations"] = invocations;
            log["runs"][0].as_object_mut().unwrap().remove("results");
            tally(log, Level::Error).1
        };
        let told = |successful: bool| json!([{"executionSuccessful": successful}]);
        assert_eq!(without("Staticcheck", told(true)), Ok(()));
        for (name, invocations) in [("Staticcheck", told(false)), ("Staticcheck", json!([])), ("Other", told(true))] {
            assert!(without(name, invocations).unwrap_err().contains("gives no list of results"), "{name}");
        }
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
        for list in ["toolExecutionNotifications", "toolConfigurationNotifications"] {
            let told = |level: &str| json!({"invocations": [{"executionSuccessful": true, list: [{"level": level, "message": {"text": "cannot parse r.yml"}}]}]});
            assert!(run(told("error")).ends_with("may not have looked at everything: cannot parse r.yml"), "{list}");
            assert!(run(told("fatal")).contains("met an error"), "{list}");
            let mut warned = log(&json!([]));
            warned["runs"][0]["invocations"] = told("warning")["invocations"].clone();
            assert_eq!(tally(warned, Level::Error).1, Ok(()));
        }
        let mut inline = log(&json!([]));
        inline["inlineExternalProperties"] = json!([{"results": [{"ruleId": "A1", "message": {"text": "x"}}]}]);
        assert!(tally(inline, Level::Error).1.unwrap_err().contains("inlineExternalProperties"));
        let elsewhere = json!({"externalPropertyFileReferences": {"results": [{"location": {"uri": "x"}}]}});
        assert!(run(elsewhere).contains("another file"));
        assert!(tally(json!({"version": "2.1.0", "runs": []}), Level::Error).1.unwrap_err().contains("no run"));
        assert!(tally(json!({"version": "1.0.0", "runs": []}), Level::Error).1.unwrap_err().contains("only 2.1"));
    }
    #[test]
    fn rules_are_found_in_extensions_and_by_guid_index_and_path() {
        let tool = json!({"driver": {"name": "scanner", "rules": null}, "extensions": [
            {"name": "other", "rules": [{"id": "sqli", "guid": "r1", "defaultConfiguration": {"level": "note"}}]},
            {"name": "pack", "guid": "g", "rules": [
                {"id": "sqli", "guid": "r2", "defaultConfiguration": {"level": "error"}}, {"id": "a/b"}]},
        ]});
        for (rule, found) in [
            (json!({"id": "sqli", "toolComponent": {"guid": "g"}}), Ok(1)),
            (json!({"id": "sqli/1/2", "toolComponent": {"guid": "g"}}), Ok(1)),
            (json!({"index": 0, "toolComponent": {"index": 1}}), Ok(1)),
            (json!({"guid": "r2", "toolComponent": {"name": "pack"}}), Ok(1)),
            (json!({"index": 0, "toolComponent": {"index": 0}}), Ok(0)),
            (json!({"id": "sqli"}), Ok(1)),
            (json!({"id": "sqli", "toolComponent": {"guid": "nowhere"}}), Ok(1)),
            (json!({"index": 7, "toolComponent": {"index": 1}}), Err("its rule is not in the file")),
            (json!({"guid": "r9"}), Err("its rule is not in the file")),
        ] {
            let got = one(json!({"rule": rule, "message": {"text": "x"}}), json!({"tool": tool}));
            match found {
                Ok(found) => assert_eq!(got, Ok(found), "{rule}"),
                Err(words) => assert!(got.as_ref().unwrap_err().contains(words), "{rule}: {got:?}"),
            }
        }
    }

    #[test]
    fn configuration_overrides_decide_where_their_run_is_named() {
        let with = |level: &str, result: Value| {
            let overrides = json!([{"ruleConfigurationOverrides": [
                {"descriptor": {"id": "A3"}, "configuration": {"level": level}},
                {"descriptor": {"index": 1}, "configuration": {"level": "error"}}]}]);
            one(result, json!({"invocations": overrides}))
        };
        let a3 = json!({"ruleId": "A3", "message": {"text": "x"}});
        assert_eq!(with("error", a3.clone()), Ok(1));
        assert_eq!(with("note", a3), Ok(0));
        let a2 = json!({"ruleIndex": 1, "message": {"text": "x"}});
        assert_eq!(with("note", a2.clone()), Ok(1));
        let named = json!({"ruleId": "A3", "message": {"text": "x"}, "provenance": {"invocationIndex": 0}});
        assert_eq!(with("error", named), Ok(1));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let result = |more: Value| {
            let mut result = json!({"ruleId": "A3", "message": {"text": "x"}});
            for (key, value) in more.as_object().unwrap() {
                result[key] = value.clone();
            }
            one(result, json!({}))
        };
        for (more, words) in [
            (json!({"level": "critical"}), "the level `critical` is none of"),
            (json!({"kind": "odd"}), "the kind `odd` is not known"),
            (json!({"kind": "review"}), "someone has to look at it"),
            (json!({"kind": "pass", "level": "error"}), "contradict each other"),
            (json!({"baselineState": "odd"}), "the baseline state `odd`"),
            (json!({"properties": {"security-severity": "odd"}}), "no number from 0 to 10"),
        ] {
            let got = result(more.clone());
            assert!(got.as_ref().is_err_and(|why| why.contains(words)), "{more}: {got:?}");
        }
        for fine in
            [json!({"kind": "pass"}), json!({"kind": "informational", "level": "note"}), json!({"level": "note"})]
        {
            assert_eq!(result(fine.clone()), Ok(0), "{fine}");
        }
        assert_eq!(result(json!({"properties": {"security-severity": "9.1"}})), Ok(1));
    }

    #[test]
    fn tool_that_gives_no_levels_is_not_green_at_level_error() {
        let all = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "plain"}},
            "results": [{"ruleId": "A", "message": {"text": "x"}}]}]});
        let why = tally(all.clone(), Level::Error).1.unwrap_err();
        assert_eq!(why, "plain gives no level to 1 finding: set level = \"warning\" to count them");
        assert_eq!(tally(all, Level::Warning).0.found, 1);
    }

    proptest! {
        #[test]
        fn unknown_words_are_never_below(word in "[a-zA-Z]{1,12}") {
            let levels = ["none", "note", "warning", "error"];
            if !levels.contains(&word.as_str()) {
                let result = one(json!({"level": word, "message": {"text": "x"}}), json!({}));
                prop_assert!(result.is_err());
                let rule = json!({"driver": {"name": "x", "rules": [{"id": "A", "defaultConfiguration": {"level": word}}]}});
                let result = one(json!({"ruleId": "A", "message": {"text": "x"}}), json!({"tool": rule}));
                prop_assert!(result.is_err());
            }
            let kinds = ["pass", "fail", "informational", "notApplicable"];
            if !kinds.contains(&word.as_str()) {
                let result = one(json!({"kind": word, "message": {"text": "x"}}), json!({}));
                prop_assert!(result.is_err());
            }
        }
    }
}
