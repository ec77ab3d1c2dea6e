//! `junit`: JUnit XML reports, read piece by piece: whatever their size, only counts and some failures are kept.
//!
//! There is no standard; what is read is what Ant, Maven, Gradle, pytest, gotestsum, nextest, GoogleTest, CTest, Newman
//! and others agree on: `testsuites`, `testsuite` (nested or not), `testcase`, `failure`, `error`, `skipped`, and the
//! attempts of a test that was run again. What is not known is never taken for a pass.

mod tally;
mod words;

use super::reading::{ReadContext, apart};
use super::reports::{Report, find};
use super::wording::{MAX_LISTED, Wording as _, and_more, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Junit;
use crate::config::checks::junit::Flaky;
use crate::domain::facts::text::plural;

use tally::Tally;

/// What a folder stands for.
pub(super) const IN_FOLDER: &str = "**/*.xml";
/// Most files that are listed as evidence of what passed.
const MAX_LISTED_FILES: usize = 50;

pub(super) async fn look(asked: &Junit, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| match find(&asked.files, Some(IN_FOLDER), reading) {
        Ok(reports) => judge(asked.flaky, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

fn judge(flaky: Flaky, reports: &[Report], reading: &ReadContext) -> Evidence {
    let mut tally = Tally::new(reading.redactor.clone());
    let mut troubles = Vec::new();
    let mut read = Vec::new();
    for report in reports {
        let before = tally.tests;
        let result = report.of_candidate(reading).and_then(|report| report.open_encoded(reading));
        let result = result.and_then(|text| tally.add(text).map_err(|what| report.wrong(what)));
        match result {
            Ok(()) => {
                let tests = figures(tally.tests - before, "test");
                read.push(format!("{}: {tests}, {}", report.name, report.written()));
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    evidence(tally, flaky, reports.len(), &troubles, read)
}

fn evidence(tally: Tally, flaky: Flaky, files: usize, troubles: &[String], read: Vec<String>) -> Evidence {
    let redactor = tally.redactor.clone();
    let shown = troubles.iter().take(MAX_LISTED).map(|trouble| redactor.one_line(trouble));
    let names = |failures: &[tally::Failure], all| redactor.some(failures.iter().map(|one| one.name.as_str()), all);
    let lines = |failures: Vec<tally::Failure>| failures.into_iter().map(|one| one.line);
    if tally.failed > 0 {
        let listed = tally.failures.len();
        let names = names(&tally.failures, tally.failed);
        let summary = format!("{} failed of {}: {names}", figure(tally.failed), figure(tally.tests));
        return Evidence::failed(summary, "no test fails, and the report is written again")
            .with(lines(tally.failures))
            .with(and_more(listed, tally.failed))
            .with(shown);
    }
    if flaky == Flaky::Fail && tally.flaky > 0 {
        let listed = tally.flakes.len();
        let names = names(&tally.flakes, tally.flaky);
        let summary = format!("{} flaky of {}: {names}", figure(tally.flaky), figure(tally.tests));
        return Evidence::failed(summary, "every test passes at its first attempt, and the report is written again")
            .with(lines(tally.flakes))
            .with(and_more(listed, tally.flaky))
            .with(shown);
    }
    if let Some(first) = troubles.first() {
        return Evidence::blind(first.clone()).with(shown.skip(1));
    }
    let files = plural(files, "file");
    if tally.tests == tally.skipped {
        let what = match tally.tests {
            0 => format!("no test in {files}: nothing was tested"),
            all => format!("all of {} skipped: nothing was tested", figures(all, "test")),
        };
        return Evidence::blind(what).with(read.into_iter().take(MAX_LISTED_FILES));
    }
    let aside = |count: u64, what: &str| if count > 0 { format!(", {} {what}", figure(count)) } else { String::new() };
    let (flaky, skipped) = (aside(tally.flaky, "of them flaky"), aside(tally.skipped, "skipped"));
    let all = read.len() as u64;
    Evidence::passed(format!("{} passed{flaky}{skipped}, in {files}", figure(tally.tests - tally.skipped)))
        .with(lines(tally.flakes).map(|line| redactor.one_line(&format!("flaky: {line}"))))
        .with(tally.notes)
        .with(read.into_iter().take(MAX_LISTED_FILES))
        .with(and_more(MAX_LISTED_FILES, all))
}
