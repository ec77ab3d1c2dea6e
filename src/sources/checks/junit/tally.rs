//! Counts what reports say, element by element.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read};

use super::words::{FLAGS, Role, WORDS, Word, foreign, is_yes, outcome, role};
use crate::platform::Redactor;
use crate::sources::checks::wording::{MAX_LISTED, Wording as _, figure};
use crate::sources::checks::xml::{Element, Piece, Xml};

/// Most remarks about totals that are kept.
const MAX_NOTES: usize = 20;

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
    /// What is not understood in the report that is being read.
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
    Neutral,
}

struct Suite {
    number: u64,
    name: String,
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
    /// Whether a second test of one name can only be another attempt.
    has_unique_names: bool,
    /// Whether it names the machine: gotestsum, which runs tests again, does not.
    has_host: bool,
    /// The tests in it, by their key.
    seen: HashMap<u64, Seen>,
}

/// What became of the tests of one name.
#[derive(Default)]
struct Seen {
    passed: u32,
    failed: u32,
    skipped: u32,
    has_passed_last: bool,
}

/// With class and name as they stand there: of most nothing is shown, and putting text right takes time.
#[derive(Default)]
struct Case {
    names: [String; 2],
    failure: Option<String>,
    /// A failed attempt before one that passed.
    flaky: Option<String>,
    rerun: Option<String>,
    skipped: Option<String>,
    /// Node's runner writes the failure of what is still to be done, which does not fail the run.
    is_todo: bool,
    /// The gravest word of its attributes, and which that is.
    word: Option<(Word, String)>,
    has_result: bool,
    /// Whether the report names it at all.
    is_named: bool,
}

/// What became of a test.
enum Verdict {
    Passed,
    Flaky(String),
    Skipped,
    Failed(String),
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
        let mut xml = Xml::new(text);
        let mut open: Vec<OpenElement> = Vec::new();
        loop {
            match xml.next()? {
                Piece::Open(element) => {
                    if element.name() == "property" {
                        property(&element, &mut open)?;
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
                        self.close(closed, &mut open);
                    }
                }
                Piece::End => break,
            }
        }
        match self.doubts.first() {
            Some(first) => Err(first.clone()),
            None => Ok(()),
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

    fn suite(&mut self, element: &Element<'_>) -> Result<OpenElement, String> {
        let [name, tests, failures, errors, failed, skipped, disabled, status, result, outcome, host] = element
            .attributes([
                "name", "tests", "failures", "errors", "failed", "skipped", "disabled", "status", "result", "outcome",
                "hostname",
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
            number: self.suites,
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
            has_unique_names: false,
            has_host: host.is_some(),
            seen: HashMap::new(),
        }))
    }

    fn case(&mut self, element: &Element<'_>) -> Result<OpenElement, String> {
        const WORDS_AT: usize = 2;
        const FLAGS_AT: usize = WORDS_AT + WORDS.len();
        const COUNT: usize = FLAGS_AT + FLAGS.len();
        let mut keys = [""; COUNT];
        keys[..WORDS_AT].copy_from_slice(&["classname", "name"]);
        keys[WORDS_AT..FLAGS_AT].copy_from_slice(&WORDS);
        for (key, (flag, ..)) in keys[FLAGS_AT..].iter_mut().zip(FLAGS) {
            *key = flag;
        }
        let mut values = element.attributes(keys)?;
        let names = [values[0].take(), values[1].take()];
        let is_named = names.iter().any(Option::is_some);
        let names = names.map(|name| beginning(name.unwrap_or_default()));
        let has_result = values[WORDS_AT + 1].is_some();
        let mut case = Case { has_result, is_named, ..Case::default() };
        for (key, value) in WORDS.iter().zip(&values[WORDS_AT..FLAGS_AT]) {
            self.word(key, value.as_deref(), &mut case.word, || {
                format!("test {}", shown(&names, &Redactor::default()))
            });
        }
        for ((key, yes, no), value) in FLAGS.iter().zip(&values[FLAGS_AT..]) {
            let Some(value) = value.as_deref().filter(|value| !value.trim().is_empty()) else { continue };
            match is_yes(value) {
                Some(said) => worse(&mut case.word, if said { *yes } else { *no }, key, value),
                None => self.unknown(key, value, &format!("test {}", shown(&names, &Redactor::default()))),
            }
        }
        case.names = names;
        Ok(OpenElement::Case(Box::new(case)))
    }

    /// Reads an attribute that says an outcome.
    fn word(&mut self, key: &str, value: Option<&str>, into: &mut Option<(Word, String)>, of: impl Fn() -> String) {
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return };
        match outcome(value) {
            Some(word) => worse(into, word, key, value),
            None => self.unknown(key, value, &of()),
        }
    }

    fn unknown(&mut self, key: &str, value: &str, of: &str) {
        self.doubt(|redactor| {
            let (value, of) = (redactor.cut(value, 40), redactor.cut(of, 120));
            format!("`{key}` of {of} is `{value}`, and no outcome that is known: have failures written as <failure>")
        });
    }

    fn close(&mut self, closed: OpenElement, around: &mut [OpenElement]) {
        match closed {
            OpenElement::Failure { role, message, kind, text } => {
                let told = [message, self.redactor.first_line(&text), kind].into_iter().find(|told| !told.is_empty());
                let told = told.unwrap_or_else(|| "no message".to_owned());
                // Catch2 leaves out of its totals what may fail, and counts what should have failed.
                let is_expected = matches!(around.last(), Some(OpenElement::Case(case)) if case.may_fail());
                self.attempts = self.attempts.saturating_add(u64::from(!is_expected));
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
                let suite = around.iter_mut().rev().find_map(|element| match element {
                    OpenElement::Suite(suite) => Some(suite),
                    _ => None,
                });
                self.count(&case, suite);
            }
            OpenElement::Suite(suite) => self.settle(suite),
            OpenElement::Skipped { message, is_todo } => {
                if let Some(OpenElement::Case(case)) = around.last_mut() {
                    case.is_todo |= is_todo;
                    case.skipped.get_or_insert(message);
                }
            }
            OpenElement::Neutral => {}
        }
    }

    fn count(&mut self, case: &Case, suite: Option<&mut Suite>) {
        self.tests = self.tests.saturating_add(1);
        self.cases = self.cases.saturating_add(1);
        let key = suite.as_ref().map_or(0, |suite| case.key(suite.number));
        let mut unnamed = Seen::default();
        let seen = match suite {
            Some(suite) if case.has_own_name() => {
                suite.has_unique_names |= !suite.has_host && case.is_of_go(&suite.name);
                suite.seen.entry(key).or_default()
            }
            _ => &mut unnamed,
        };
        seen.has_passed_last = false;
        match case.verdict() {
            Verdict::Passed => {
                seen.passed += 1;
                seen.has_passed_last = true;
                if !case.is_named {
                    self.doubt(|_| UNNAMED.to_owned());
                }
            }
            Verdict::Flaky(told) => {
                seen.passed += 1;
                seen.has_passed_last = true;
                self.flake(&shown(&case.names, &self.redactor), &told);
            }
            Verdict::Skipped => {
                seen.skipped += 1;
                self.skipped += 1;
            }
            Verdict::Failed(told) => {
                seen.failed += 1;
                if case.failure.is_none() {
                    self.attempts = self.attempts.saturating_add(1);
                }
                self.fail(&shown(&case.names, &self.redactor), &told, key);
            }
        }
    }

    /// Ends a suite: tests that were run again count once, and totals may tell of more failures.
    fn settle(&mut self, suite: Suite) {
        let (held, listed) = (self.cases - suite.cases, self.attempts - suite.attempts);
        let Suite { name, promised_failures, .. } = suite;
        if promised_failures > listed {
            let told = format!("reports {} failures and names {} of them", figure(promised_failures), figure(listed));
            self.fail(&name, &told, 0);
            self.failed = self.failed.saturating_add(promised_failures - listed - 1);
            self.attempts = self.attempts.saturating_add(promised_failures - listed);
        } else if let Some((Word::Failed, said)) = suite.word.filter(|_| self.failed == suite.failed && listed == 0) {
            self.fail(&name, &said, 0);
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
        // `go test -count 2` runs each test again, even after it passed, and fails if any attempt does.
        if suite.has_unique_names && suite.seen.values().all(|seen| seen.passed < 2) {
            self.join_attempts(suite.seen);
        }
    }

    /// Counts a test once that failed and then passed.
    fn join_attempts(&mut self, seen: HashMap<u64, Seen>) {
        for (key, seen) in seen {
            // No tool runs a test again after it passed: other patterns are several tests of one name.
            if seen.failed > 0 && seen.passed == 1 && seen.skipped == 0 && seen.has_passed_last {
                self.failed -= u64::from(seen.failed);
                self.tests -= u64::from(seen.failed);
                let first = self.failures.iter().position(|failure| failure.key == key);
                let first = first.map(|first| self.failures.remove(first));
                self.failures.retain(|failure| failure.key != key);
                self.flaky = self.flaky.saturating_add(1);
                self.flakes.extend(first.filter(|_| self.flakes.len() < MAX_LISTED));
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

impl Case {
    /// Whether it is named as Go names tests, in a suite that is its package. Elsewhere names are sentences.
    fn is_of_go(&self, suite: &str) -> bool {
        let [class, name] = &self.names;
        let mut kinds = ["Test", "Example", "Fuzz", "Benchmark"].into_iter();
        let rest = kinds.find_map(|kind| name.strip_prefix(kind));
        // What comes after a slash is the name of a subtest.
        let is_identifier = |rest: &str| {
            let function = rest.split('/').next().unwrap_or_default();
            !rest.starts_with(char::is_lowercase)
                && function.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !rest.contains(char::is_whitespace)
        };
        class == suite && rest.is_some_and(is_identifier)
    }
}

/// Notes whose suite it is. Go's names are unique, so gotestsum's second `testcase` of a name is another attempt. With
/// Mocha, Jest and others it may be another test of the same name, and one that passes makes up for no other.
fn property(element: &Element<'_>, open: &mut [OpenElement]) -> Result<(), String> {
    let suite = open.iter_mut().rev().find_map(|element| match element {
        OpenElement::Suite(suite) => Some(suite),
        _ => None,
    });
    if let Some(suite) = suite {
        let [name] = element.attributes(["name"])?;
        suite.has_unique_names |= name.as_deref() == Some("go.version");
    }
    Ok(())
}

/// Keeps the gravest word.
fn worse(into: &mut Option<(Word, String)>, word: Word, key: &str, value: &str) {
    if into.as_ref().is_none_or(|(before, _)| *before < word) {
        let value: String = value.chars().take(40).collect();
        *into = Some((word, format!("`{key}` is `{value}`")));
    }
}

impl Case {
    fn key(&self, suite: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (suite, &self.names).hash(&mut hasher);
        // Zero stands for what is no test.
        hasher.finish().max(1)
    }

    /// Whether a second test of that name can only be another attempt. Ginkgo's `[BeforeSuite]` is run by each process.
    fn has_own_name(&self) -> bool {
        let name = self.names[1].trim();
        !(name.is_empty() || name.starts_with('[') && name.ends_with(']'))
    }

    /// Whether Catch2 lets it fail.
    fn may_fail(&self) -> bool {
        self.skipped.as_deref().is_some_and(|told| MAY_FAIL.contains(&told))
    }

    fn verdict(&self) -> Verdict {
        let (word, said) = match &self.word {
            Some((word, said)) => (Some(*word), said.as_str()),
            None => (None, ""),
        };
        if self.is_todo {
            return Verdict::Skipped;
        }
        if let Some(told) = self.failure.as_ref().or(self.rerun.as_ref()) {
            return Verdict::Failed(told.clone());
        }
        if word == Some(Word::Failed) {
            return Verdict::Failed(said.to_owned());
        }
        if let Some(told) = &self.flaky {
            return Verdict::Flaky(told.clone());
        }
        if word == Some(Word::NotRun) && self.could_not_run() {
            let told = self.skipped.as_deref().filter(|told| !told.is_empty()).unwrap_or(said);
            return Verdict::Failed(format!("not run: {told}"));
        }
        match (&self.skipped, word) {
            (Some(_), _) | (None, Some(Word::Skipped | Word::NotRun)) => Verdict::Skipped,
            (None, Some(Word::Flaky)) => Verdict::Flaky(said.to_owned()),
            _ => Verdict::Passed,
        }
    }

    /// Tells CTest's "Not Run", which fails its run, from what was skipped on purpose. CTest names each test twice, and
    /// gives no `result`, as GoogleTest does.
    fn could_not_run(&self) -> bool {
        let told = self.skipped.as_deref().unwrap_or_default();
        let is_on_purpose = told.starts_with("SKIP_") || told.eq_ignore_ascii_case("disabled");
        self.names[0] == self.names[1] && !self.has_result && !is_on_purpose
    }
}

/// What Catch2 says of a test that may fail, or should: it writes the failure too, and ends well.
const MAY_FAIL: [&str; 2] = ["TEST_CASE tagged with !mayfail", "TEST_CASE tagged with !shouldfail"];

/// pytest leaves a test like this where its run was interrupted, or ended by `pytest.exit()`.
const UNNAMED: &str = "a test has neither name nor outcome: the run broke off in it";

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
mod tests;
