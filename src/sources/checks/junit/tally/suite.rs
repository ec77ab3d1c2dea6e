//! A suite, and the totals that it gives.

use super::again::Listed;
use super::text::{beginning, number};
use super::{OpenElement, Tally};
use crate::sources::checks::junit::words::Word;
use crate::sources::checks::wording::{Wording as _, figure};
use crate::sources::checks::xml::Element;

/// Most remarks about totals that are kept.
const MAX_NOTES: usize = 20;

pub(super) struct Suite {
    pub name: String,
    promised: Option<u64>,
    promised_failures: u64,
    promised_skipped: u64,
    word: Option<(Word, String)>,
    /// What was counted before it began.
    tests: u64,
    cases: u64,
    failed: u64,
    skipped: u64,
    attempts: u64,
    pub is_of_doctest: bool,
    /// Whether nothing in it was run.
    is_dry_run: bool,
    /// What its properties or its output tell of a failure.
    pub told: Option<String>,
    pub listed: Listed,
}

impl Suite {
    /// Takes note of a property. Ginkgo says only there that a run fails although every spec is well.
    pub fn property(&mut self, name: &str, value: &str) {
        let told = match (name, value) {
            ("SpecialSuiteFailureReason", reason) if !reason.is_empty() => beginning(reason.to_owned()),
            ("SuiteSucceeded", "false") => "Ginkgo says that the suite failed".to_owned(),
            ("SuiteHasProgrammaticFocus", "true") => "only specs with focus were run, which Ginkgo rejects".to_owned(),
            ("DryRun", value) => {
                self.is_dry_run = value == "true";
                return;
            }
            _ => return,
        };
        // The reason comes last.
        if name == "SpecialSuiteFailureReason" || self.told.is_none() {
            self.told = Some(told);
        }
    }
}

impl Tally {
    /// Reads what the attributes of a suite say.
    pub(super) fn suite(&mut self, element: &Element<'_>) -> Result<OpenElement, String> {
        let [name, tests, failures, errors, failed, skipped, disabled, status, result, outcome, host, doctest] =
            element.attributes([
                "name",
                "tests",
                "failures",
                "errors",
                "failed",
                "skipped",
                "disabled",
                "status",
                "result",
                "outcome",
                "hostname",
                "doctest_version",
            ])?;
        let count =
            |name: &str, value: Option<&str>| number(name, value, &self.redactor).map(Option::<u64>::unwrap_or_default);
        let failures = count("failures", failures.as_deref())?.saturating_add(count("errors", errors.as_deref())?);
        // Here they may be anything, and are only used where they are counts.
        let [failed, skipped, disabled] =
            [failed, skipped, disabled].map(|value| value.and_then(|value| value.trim().parse().ok()).unwrap_or(0_u64));
        let name = self.redactor.cut(&name.unwrap_or_default(), 120);
        let promised = number("tests", tests.as_deref(), &self.redactor)?;
        let mut word = None;
        for (key, value) in [("status", status), ("result", result), ("outcome", outcome)] {
            self.word(key, value.as_deref(), &mut word, || format!("suite {name}"));
        }
        self.suites += 1;
        Ok(OpenElement::Suite(Suite {
            name,
            promised,
            promised_failures: failures.max(failed),
            promised_skipped: skipped.max(disabled),
            word,
            tests: self.tests,
            cases: self.cases,
            failed: self.failed,
            skipped: self.skipped,
            attempts: self.attempts,
            is_of_doctest: doctest.is_some(),
            is_dry_run: false,
            told: None,
            listed: Listed::new(self.suites, host.is_some()),
        }))
    }

    /// Ends a suite: its totals may tell of more failures and skipped tests than it lists.
    pub(super) fn settle(&mut self, suite: Suite) {
        let (held, listed) = (self.cases - suite.cases, self.attempts - suite.attempts);
        let Suite { name, promised_failures, .. } = suite;
        if promised_failures > listed {
            let told = format!("reports {} failures and names {} of them", figure(promised_failures), figure(listed));
            self.fail(&name, &told, 0);
            self.failed = self.failed.saturating_add(promised_failures - listed - 1);
            self.attempts = self.attempts.saturating_add(promised_failures - listed);
        } else if self.failed == suite.failed && listed == 0 {
            let said = suite.word.filter(|(word, _)| *word == Word::Failed).map(|(_, said)| said);
            if let Some(said) = said.or(suite.told) {
                self.fail(&name, &said, 0);
            }
        }
        if suite.is_dry_run {
            self.doubt(|_| format!("suite `{name}` is of a dry run: nothing was tested"));
        }
        match suite.promised {
            Some(promised) if held == 0 && promised > 0 => {
                self.doubt(|_| format!("suite `{name}` announces {} tests and lists none", figure(promised)));
            }
            // pytest counts subtests, and Surefire attempts.
            Some(promised) if promised > held && self.notes.len() < MAX_NOTES => {
                let (promised, held) = (figure(promised), figure(held));
                self.notes
                    .push(self.redactor.one_line(&format!("suite `{name}` counts {promised} tests and lists {held}")));
            }
            _ => {}
        }
        // Some tools say only in the totals that tests were skipped.
        let (tests, failed) = (self.tests - suite.tests, self.failed - suite.failed);
        let skipped = self.skipped - suite.skipped;
        // Mocha's reporter counts skipped tests that it does not list.
        let unlisted = suite.promised.unwrap_or_default().saturating_sub(held);
        let unsaid = suite.promised_skipped.saturating_sub(skipped).saturating_sub(unlisted);
        self.skipped += unsaid.min(tests.saturating_sub(skipped).saturating_sub(failed));
        self.runs.add(suite.listed);
    }
}
