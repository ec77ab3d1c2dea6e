//! `junit`: JUnit XML reports, read piece by piece: whatever their size, only counts and some failures are kept.
//!
//! There is no standard; what is read is what Ant, Maven, Gradle, pytest, gotestsum, Newman and others agree on:
//! `testsuites`, `testsuite` (nested or not), `testcase`, `failure`, `error`, `skipped`.

use std::io::Read;

use super::reports::{ReadContext, Report, apart, find};
use super::wording::{MAX_LISTED, Wording as _, and_more, figure, figures};
use super::xml::{Doctype, Element, Piece, Xml};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Junit;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

/// Most files that are listed as evidence of what passed.
const MAX_LISTED_FILES: usize = 50;

pub(super) async fn look(asked: &Junit, _scene: &CheckInput, tools: &Tools) -> Evidence {
    let files = asked.files.clone();
    apart(tools, move |reading| match find(&files, Some("**/*.xml"), reading) {
        Ok(reports) => judge(&reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// What the reports say, all in all.
#[derive(Default)]
struct Tally {
    tests: u64,
    failed: u64,
    skipped: u64,
    /// The first failures, as lines of evidence.
    failures: Vec<String>,
    names: Vec<String>,
    redactor: Redactor,
}

/// An element that is open.
enum OpenElement {
    Suite {
        name: String,
        promised: Option<u64>,
        promised_failures: u64,
        tests: u64,
        failed: u64,
    },
    /// With class and name as they stand there: of most nothing is shown, and putting text right takes time.
    Case {
        names: [String; 2],
        failure: Option<String>,
        skipped: bool,
    },
    Failure {
        message: String,
        kind: String,
        text: String,
    },
    Skipped,
    Other,
}

fn judge(reports: &[Report], reading: &ReadContext) -> Evidence {
    let mut tally = Tally { redactor: reading.redactor.clone(), ..Tally::default() };
    let mut troubles = Vec::new();
    let mut read = Vec::new();
    for report in reports {
        let before = tally.tests;
        let result = report.open(reading).and_then(|text| tally.add(text).map_err(|what| report.wrong(what)));
        match result {
            Ok(()) => {
                let tests = figures(tally.tests - before, "test");
                read.push(format!("{}: {tests}, {}", report.name, report.written()));
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    tally.evidence(reports.len(), &troubles, read)
}

impl Tally {
    fn evidence(self, files: usize, troubles: &[String], read: Vec<String>) -> Evidence {
        let listed = self.failures.len();
        let shown = troubles.iter().take(MAX_LISTED).map(|trouble| self.redactor.one_line(trouble));
        if self.failed > 0 {
            let names = self.redactor.some(self.names.iter().map(String::as_str), self.failed);
            let summary = format!("{} failed of {}: {names}", figure(self.failed), figure(self.tests));
            return Evidence::failed(summary, "no test fails, and the report is written again")
                .with(self.failures)
                .with(and_more(listed, self.failed))
                .with(shown);
        }
        if let Some(first) = troubles.first() {
            return Evidence::blind(first.clone()).with(shown.skip(1));
        }
        let files = plural(files, "file");
        if self.tests == self.skipped {
            let what = match self.tests {
                0 => format!("no test in {files}: nothing was tested"),
                all => format!("all of {} skipped: nothing was tested", figures(all, "test")),
            };
            return Evidence::blind(what).with(read.into_iter().take(MAX_LISTED_FILES));
        }
        let skipped = if self.skipped > 0 { format!(", {} skipped", figure(self.skipped)) } else { String::new() };
        let all = read.len() as u64;
        Evidence::passed(format!("{} passed{skipped}, in {files}", figure(self.tests - self.skipped)))
            .with(read.into_iter().take(MAX_LISTED_FILES))
            .with(and_more(MAX_LISTED_FILES, all))
    }

    /// Adds what a report says; what it said up to where it is broken counts as well.
    fn add(&mut self, text: impl Read) -> Result<(), String> {
        let mut xml = Xml::new(text, Doctype::Refused);
        let mut open: Vec<OpenElement> = Vec::new();
        loop {
            match xml.next()? {
                Piece::Open(element) => {
                    if open.is_empty() && !matches!(element.name(), "testsuites" | "testsuite") {
                        return Err(format!(
                            "is no JUnit report: it begins with <{}>",
                            self.redactor.cut(element.name(), 40)
                        ));
                    }
                    let next = self.open(&element, open.last())?;
                    open.push(next);
                }
                Piece::Text(more) => {
                    if let Some(OpenElement::Failure { text, .. }) = open.last_mut() {
                        append(text, &more);
                    }
                }
                Piece::Close => {
                    if let Some(closed) = open.pop() {
                        self.close(closed, &mut open)?;
                    }
                }
                Piece::End => return Ok(()),
            }
        }
    }

    fn open(&self, element: &Element<'_>, parent: Option<&OpenElement>) -> Result<OpenElement, String> {
        Ok(match element.name() {
            "testsuites" | "testsuite" => {
                let [name, tests, failures, errors] = element.attributes(["name", "tests", "failures", "errors"])?;
                let failures = number("failures", failures.as_deref(), &self.redactor)?.unwrap_or_default();
                let errors = number("errors", errors.as_deref(), &self.redactor)?.unwrap_or_default();
                OpenElement::Suite {
                    name: self.redactor.cut(&name.unwrap_or_default(), 120),
                    promised: number("tests", tests.as_deref(), &self.redactor)?,
                    promised_failures: failures.saturating_add(errors),
                    tests: self.tests,
                    failed: self.failed,
                }
            }
            "testcase" => {
                let [class, name, status] = element.attributes(["classname", "name", "status"])?;
                let names = [class, name].map(|name| beginning(name.unwrap_or_default()));
                // GoogleTest says so of what it does not run.
                let skipped = status.is_some_and(|status| matches!(status.as_str(), "notrun" | "skipped" | "disabled"));
                OpenElement::Case { names, failure: None, skipped }
            }
            "failure" | "error" if matches!(parent, Some(OpenElement::Case { .. } | OpenElement::Suite { .. })) => {
                let [message, kind] = element.attributes(["message", "type"])?;
                let [message, kind] = [message, kind].map(Option::unwrap_or_default);
                OpenElement::Failure {
                    message: self.redactor.first_line(&message),
                    kind: self.redactor.one_line(&kind),
                    text: String::new(),
                }
            }
            "skipped" => OpenElement::Skipped,
            _ => OpenElement::Other,
        })
    }

    fn close(&mut self, closed: OpenElement, around: &mut [OpenElement]) -> Result<(), String> {
        match closed {
            OpenElement::Failure { message, kind, text } => {
                let told = [message, self.redactor.first_line(&text), kind].into_iter().find(|told| !told.is_empty());
                let told = told.unwrap_or_else(|| "no message".to_owned());
                match around.last_mut() {
                    Some(OpenElement::Case { failure, .. }) => {
                        failure.get_or_insert(told);
                    }
                    Some(OpenElement::Suite { name, .. }) => self.fail(&name.clone(), &told),
                    _ => {}
                }
            }
            OpenElement::Case { names, failure, skipped } => {
                self.tests = self.tests.saturating_add(1);
                match failure {
                    Some(told) => self.fail(&shown(&names, &self.redactor), &told),
                    None if skipped => self.skipped += 1,
                    None => {}
                }
            }
            OpenElement::Suite { name, promised, promised_failures, tests, failed } => {
                let (held, failures) = (self.tests - tests, self.failed - failed);
                if promised_failures > failures {
                    let told = format!("reports {promised_failures} failures and names {failures} of them");
                    self.fail(&name, &told);
                    self.failed = self.failed.saturating_add(promised_failures - failures - 1);
                }
                if let Some(promised) = promised.filter(|promised| *promised > held) {
                    let (held, promised) = (figure(held), figure(promised));
                    return Err(format!("is truncated: suite `{name}` announces {promised} tests and has {held}"));
                }
            }
            OpenElement::Skipped => {
                if let Some(OpenElement::Case { skipped, .. }) = around.last_mut() {
                    *skipped = true;
                }
            }
            OpenElement::Other => {}
        }
        Ok(())
    }

    fn fail(&mut self, name: &str, told: &str) {
        self.failed = self.failed.saturating_add(1);
        if self.failures.len() < MAX_LISTED {
            self.failures.push(self.redactor.one_line(&format!("{name}: {told}")));
            self.names.push(name.to_owned());
        }
    }
}

/// As much of a text as its first line may need, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// Keeps the beginning of a text.
fn append(text: &mut String, more: &str) {
    let more = if text.is_empty() { more.trim_start() } else { more };
    text.push_str(&more[..fitting(more, MAX_TEXT_BYTES.saturating_sub(text.len()))]);
}

/// The beginning of a text, and no more memory than that: a name may have megabytes, and tests may be nested.
fn beginning(mut text: String) -> String {
    text.truncate(fitting(&text, MAX_TEXT_BYTES));
    text.shrink_to(MAX_TEXT_BYTES);
    text
}

/// How many bytes of a text fit, in whole characters.
fn fitting(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()
}

/// What is shown of a test's class and name.
fn shown(names: &[String; 2], redactor: &Redactor) -> String {
    let names = names.each_ref().map(|name| redactor.one_line(name));
    let name = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
    if name.is_empty() { "a test without a name".to_owned() } else { redactor.cut(&name, 200) }
}

fn number(name: &str, value: Option<&str>, redactor: &Redactor) -> Result<Option<u64>, String> {
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return Ok(None) };
    let number = value.trim().parse();
    number.map(Some).map_err(|_| format!("`{name}` is `{}`, and no number", redactor.cut(value, 40)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> (Tally, Result<(), String>) {
        let mut tally = Tally::default();
        let result = tally.add(text.as_bytes());
        (tally, result)
    }

    #[test]
    fn failures_and_skips_are_counted_with_the_first_line_of_their_message() {
        let (tally, result) = tally(
            "<testsuites><testsuite name='a' tests='5' failures='1' errors='1' skipped='1'>\
             <testcase classname='c' name='ok'/>\
             <testcase classname='c' name='bad'><failure type='AssertionError'>\n\n expected &lt;1&gt;\nat line 3\
             </failure></testcase>\
             <testcase name='worse'><error message='boom&#10;at x'/><system-out>noise</system-out></testcase>\
             <testcase name='later'><skipped/></testcase>\
             <testsuite name='b' tests='1'><testcase name='inner'/></testsuite>\
             </testsuite></testsuites>",
        );
        result.unwrap();
        assert_eq!((tally.tests, tally.failed, tally.skipped), (5, 2, 1));
        assert_eq!(tally.failures, ["c bad: expected <1>", "worse: boom"]);
    }

    #[test]
    fn long_names_are_truncated_and_their_memory_freed() {
        let kept = beginning("é".repeat(1 << 20));
        assert_eq!(kept, "é".repeat(MAX_TEXT_BYTES / 2));
        assert!(kept.capacity() <= MAX_TEXT_BYTES, "{} bytes are held", kept.capacity());
        assert_eq!(
            beginning(format!("a{}", "é".repeat(MAX_TEXT_BYTES))).len(),
            MAX_TEXT_BYTES - 1,
            "no character is halved"
        );
    }

    #[test]
    fn suite_must_contain_the_tests_it_counts() {
        let (_, result) = tally("<testsuite name='s' tests='3'><testcase name='a'/></testsuite>");
        assert_eq!(result.unwrap_err(), "is truncated: suite `s` announces 3 tests and has 1");
        let (tally, result) = tally("<testsuite name='s' tests='1' errors='2'><testcase name='a'/></testsuite>");
        result.unwrap();
        assert_eq!(tally.failed, 2);
        assert_eq!(tally.failures, ["s: reports 2 failures and names 0 of them"]);
    }

    #[test]
    fn failure_outside_of_a_test_fails() {
        let (tally, result) =
            tally("<testsuite name='s'><error message='no fixture'/><testcase name='a'/></testsuite>");
        result.unwrap();
        assert_eq!(tally.failures, ["s: no fixture"]);
    }
}
