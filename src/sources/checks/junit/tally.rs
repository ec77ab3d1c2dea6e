//! Counts what reports say, element by element.

mod again;
mod case;
mod failsafe;
mod output;
mod suite;
mod text;

use std::io::{BufRead as _, BufReader, Read};

use super::words::{Role, foreign, role};
use crate::platform::Redactor;
use crate::sources::checks::wording::{MAX_LISTED, Wording as _};
use crate::sources::checks::xml::{Element, Piece, Xml};

use again::Runs;
use case::{Case, MAY_FAIL, Verdict};
use failsafe::Failsafe;
use output::Output;
use suite::Suite;
use text::{append, shown};

/// What the reports say, all in all.
#[derive(Default)]
pub(super) struct Tally {
    /// Tests, each once however often it was attempted.
    pub tests: u64,
    pub failed: u64,
    pub skipped: u64,
    /// Tests that passed, and not at the first attempt.
    pub flaky: u64,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// The first flaky tests.
    pub flakes: Vec<Failure>,
    /// Totals that differ from what is listed, and mean nothing bad.
    pub notes: Vec<String>,
    pub redactor: Redactor,
    /// Elements `testcase` so far.
    cases: u64,
    /// Failed attempts so far, of whatever became of the test.
    attempts: u64,
    suites: u64,
    /// How often the tests in the report that is being read were run.
    runs: Runs,
    /// What is not understood in it.
    doubts: Vec<String>,
}

pub(super) struct Failure {
    pub name: String,
    /// As evidence.
    pub line: String,
    /// Of the test, within its suite.
    key: u64,
}

/// An element that is open.
enum OpenElement {
    Suite(Suite),
    Case(Box<Case>),
    /// A failure of an attempt, or of the suite.
    Failure {
        role: Role,
        message: String,
        kind: String,
        text: String,
    },
    Skipped {
        message: String,
        is_todo: bool,
    },
    /// What the tests of a suite printed.
    Output(Output),
    Failsafe(Failsafe),
    /// An element of it.
    FailsafePart {
        name: String,
        text: String,
    },
    Neutral,
}

impl Tally {
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, ..Self::default() }
    }

    /// Adds what a report says; what it said up to where it is broken counts as well.
    pub fn add(&mut self, text: impl Read) -> Result<(), String> {
        self.doubts.clear();
        let mut text = BufReader::with_capacity(64 << 10, text);
        let beginning = text.fill_buf().map_err(|error| error.to_string())?;
        if matches!(beginning.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Err("is JSON, and no JUnit XML: have the tool write JUnit".to_owned());
        }
        if beginning.trim_ascii_start().starts_with(b"TAP version") {
            return Err("looks like TAP, and no JUnit XML: have the tool write JUnit".to_owned());
        }
        let result = self.read(Xml::new(text));
        self.join_attempts();
        result?;
        match self.doubts.first() {
            Some(first) => Err(first.clone()),
            None => Ok(()),
        }
    }

    fn read(&mut self, mut xml: Xml<impl Read>) -> Result<(), String> {
        let mut open: Vec<OpenElement> = Vec::new();
        let failed = self.failed;
        loop {
            match xml.next()? {
                Piece::Open(element) => {
                    if element.name() == "property" {
                        property(&element, &mut open)?;
                    }
                    let next = self.open(&element, open.last())?;
                    open.push(next);
                }
                Piece::Text(more) => match open.last_mut() {
                    Some(OpenElement::Failure { text, .. } | OpenElement::FailsafePart { text, .. }) => {
                        append(text, &more);
                    }
                    Some(OpenElement::Output(output)) => output.add(&more),
                    _ => {}
                },
                Piece::Close => {
                    if let Some(closed) = open.pop() {
                        self.close(closed, &mut open);
                    }
                }
                Piece::End => {
                    if self.failed == failed {
                        self.take_totals_of_node(&xml);
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Node writes a test with subtests as a suite, which has no place for a failure of its own: only its comments count it.
    fn take_totals_of_node(&mut self, xml: &Xml<impl Read>) {
        let total = |key: &str| -> Option<u64> {
            xml.comments().find_map(|comment| comment.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
        };
        let (Some(_), Some(failed), Some(cancelled)) = (total("tests"), total("fail"), total("cancelled")) else {
            return;
        };
        let failed = failed.saturating_add(cancelled);
        if failed > 0 {
            self.fail("node --test", &format!("it counts {failed} failed and names none of them"), 0);
        }
    }

    /// Notes what is not understood. Reading goes on: what comes may have failed.
    fn doubt(&mut self, what: impl FnOnce(&Redactor) -> String) {
        if self.doubts.is_empty() {
            self.doubts.push(what(&self.redactor));
        }
    }

    fn open(&mut self, element: &Element<'_>, parent: Option<&OpenElement>) -> Result<OpenElement, String> {
        let name = element.name();
        let found = role(name);
        match (parent, found) {
            (None | Some(OpenElement::Suite(_) | OpenElement::Case(_)), Role::Suite) => self.suite(element),
            (None, _) if name == failsafe::ROOT => self.failsafe(element),
            (Some(OpenElement::Failsafe(_)), _) => {
                Ok(OpenElement::FailsafePart { name: name.to_owned(), text: String::new() })
            }
            (None, _) => {
                let name = self.redactor.cut(name, 40);
                Err(match foreign(name.as_str()) {
                    Some(whose) => format!("is no JUnit report: <{name}> is of {whose}"),
                    None => format!("is no JUnit report: it begins with <{name}>"),
                })
            }
            (Some(OpenElement::Suite(_) | OpenElement::Case(_)), Role::Case) => self.case(element),
            (Some(OpenElement::Suite(_)), Role::Failure)
            | (Some(OpenElement::Case(_)), Role::Failure | Role::Flaky | Role::Rerun) => {
                let [message, kind] = element.attributes(["message", "type"])?;
                let [message, kind] = [message, kind].map(Option::unwrap_or_default);
                Ok(OpenElement::Failure {
                    role: found,
                    message: self.redactor.first_line(&message),
                    kind: self.redactor.one_line(&kind),
                    text: String::new(),
                })
            }
            (Some(OpenElement::Suite(_) | OpenElement::Case(_)), Role::Skipped) => {
                let [message, kind] = element.attributes(["message", "type"])?;
                let message = message.unwrap_or_default();
                let is_todo = kind.as_deref() == Some("todo") || MAY_FAIL.contains(&message.as_str());
                Ok(OpenElement::Skipped { message: self.redactor.first_line(&message), is_todo })
            }
            (Some(OpenElement::Suite(_)), Role::Output) => Ok(OpenElement::Output(Output::of_suite())),
            (Some(OpenElement::Case(_)), Role::Output) => Ok(OpenElement::Output(Output::of_test())),
            (Some(OpenElement::Suite(_) | OpenElement::Case(_)), Role::Neutral) => Ok(OpenElement::Neutral),
            (Some(OpenElement::Suite(_) | OpenElement::Case(_)), _) => {
                let name = name.to_owned();
                let place = match parent {
                    Some(OpenElement::Case(case)) => format!("test {}", shown(&case.names, &self.redactor)),
                    Some(OpenElement::Suite(suite)) => format!("suite {}", suite.name),
                    _ => String::new(),
                };
                self.doubt(|redactor| {
                    let name = redactor.cut(&name, 40);
                    format!(
                        "<{name}> in {place} is no element of JUnit that is known: have failures written as <failure>"
                    )
                });
                Ok(OpenElement::Neutral)
            }
            (Some(_), Role::Suite | Role::Case | Role::Failure | Role::Flaky | Role::Rerun) => {
                let name = name.to_owned();
                self.doubt(|redactor| format!("<{}> stands where none belongs", redactor.cut(&name, 40)));
                Ok(OpenElement::Neutral)
            }
            (Some(_), _) => Ok(OpenElement::Neutral),
        }
    }

    fn close(&mut self, closed: OpenElement, around: &mut [OpenElement]) {
        match closed {
            OpenElement::Failure { role, message, kind, text } => {
                let text = self.redactor.first_line(&text);
                let told = [&message, &text, &kind].into_iter().find(|told| !told.is_empty());
                let told = told.map_or_else(|| "no message".to_owned(), Clone::clone);
                // Catch2 leaves out of its totals what may fail, and counts what should have failed.
                let is_expected = matches!(around.last(), Some(OpenElement::Case(case)) if case.may_fail());
                self.attempts = self.attempts.saturating_add(u64::from(!is_expected));
                if is_harmless(&kind, suite_around(around)) {
                    return;
                }
                match around.last_mut() {
                    Some(OpenElement::Case(case)) => {
                        let into = match role {
                            Role::Flaky => &mut case.flaky,
                            Role::Rerun => &mut case.rerun,
                            _ => &mut case.failure,
                        };
                        into.get_or_insert(told);
                    }
                    Some(OpenElement::Suite(suite)) => self.fail(&suite.name.clone(), &told, 0),
                    _ => {}
                }
            }
            OpenElement::Case(case) => {
                self.count(&case, suite_around(around));
            }
            OpenElement::Suite(suite) => self.settle(suite),
            OpenElement::Skipped { message, is_todo } => {
                if let Some(OpenElement::Case(case)) = around.last_mut() {
                    case.is_todo |= is_todo;
                    case.skipped.get_or_insert(message);
                }
            }
            OpenElement::Output(output) => {
                if let (Some(told), Some(suite)) = (output.finish(), suite_around(around)) {
                    suite.told.get_or_insert(told);
                }
            }
            OpenElement::Failsafe(summary) => self.settle_failsafe(&summary),
            OpenElement::FailsafePart { name, text } => {
                if let Some(OpenElement::Failsafe(summary)) = around.last_mut() {
                    self.failsafe_part(summary, &name, &text);
                }
            }
            OpenElement::Neutral => {}
        }
    }

    fn count(&mut self, case: &Case, suite: Option<&mut Suite>) {
        self.tests = self.tests.saturating_add(1);
        self.cases = self.cases.saturating_add(1);
        let verdict = case.verdict();
        let key = suite.map_or(0, |suite| suite.listed.note(case, &suite.name, verdict.ended()));
        match verdict {
            Verdict::Passed if !case.is_named => self.doubt(|_| UNNAMED.to_owned()),
            Verdict::Passed => {}
            Verdict::Flaky(told) => self.flake(&shown(&case.names, &self.redactor), &told),
            Verdict::Skipped => self.skipped += 1,
            Verdict::Failed(told) => {
                if case.failure.is_none() {
                    self.attempts = self.attempts.saturating_add(1);
                }
                self.fail(&shown(&case.names, &self.redactor), &told, key);
            }
        }
    }

    fn flake(&mut self, name: &str, told: &str) {
        self.flaky = self.flaky.saturating_add(1);
        if self.flakes.len() < MAX_LISTED {
            let line = self.redactor.one_line(&format!("{name}: {told}"));
            self.flakes.push(Failure { name: name.to_owned(), line, key: 0 });
        }
    }

    fn fail(&mut self, name: &str, told: &str, key: u64) {
        self.failed = self.failed.saturating_add(1);
        if self.failures.len() < MAX_LISTED {
            let line = self.redactor.one_line(&format!("{name}: {told}"));
            self.failures.push(Failure { name: name.to_owned(), line, key });
        }
    }
}

/// Tells what is written and counted as a failure, and fails no run: what doctest only warns of, and tests that prove
/// expected to fail.
fn is_harmless(kind: &str, suite: Option<&mut Suite>) -> bool {
    kind == "TodoTestSucceeded" || kind.starts_with("WARN") && suite.is_some_and(|suite| suite.is_of_doctest)
}

/// Returns the innermost suite.
fn suite_around(open: &mut [OpenElement]) -> Option<&mut Suite> {
    open.iter_mut().rev().find_map(|element| match element {
        OpenElement::Suite(suite) => Some(suite),
        _ => None,
    })
}

/// Takes note of a property of the suite around it.
fn property(element: &Element<'_>, open: &mut [OpenElement]) -> Result<(), String> {
    if let (Some(suite), [Some(name), value]) = (suite_around(open), element.attributes(["name", "value"])?) {
        suite.listed.property(&name);
        suite.property(&name, value.as_deref().unwrap_or_default().trim());
    }
    Ok(())
}

/// pytest leaves a test like this where its run was interrupted, or ended by `pytest.exit()`.
const UNNAMED: &str = "a test has neither name nor outcome: the run broke off in it";

#[cfg(test)]
mod tests;
