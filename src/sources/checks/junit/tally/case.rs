//! A test, and what became of it.

use super::again::Ended;
use super::text::{beginning, shown};
use super::{OpenElement, Tally};
use crate::platform::Redactor;
use crate::sources::checks::junit::words::{FLAGS, WORDS, Word, is_yes, outcome};
use crate::sources::checks::xml::Element;

/// With class and name as they stand there: of most nothing is shown, and putting text right takes time.
#[derive(Default)]
pub(super) struct Case {
    pub names: [String; 2],
    pub failure: Option<String>,
    /// A failed attempt before one that passed.
    pub flaky: Option<String>,
    pub rerun: Option<String>,
    pub skipped: Option<String>,
    /// Node's runner writes the failure of what is still to be done, which does not fail the run.
    pub is_todo: bool,
    /// The gravest word of its attributes, and which that is.
    word: Option<(Word, String)>,
    has_result: bool,
    /// Whether the report names it at all.
    pub is_named: bool,
}

/// What became of a test.
pub(super) enum Verdict {
    Passed,
    Flaky(String),
    Skipped,
    Failed(String),
}

impl Tally {
    /// Reads what the attributes of a test say.
    pub(super) fn case(&mut self, element: &Element<'_>) -> Result<OpenElement, String> {
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
    pub(super) fn word(
        &mut self,
        key: &str,
        value: Option<&str>,
        into: &mut Option<(Word, String)>,
        of: impl Fn() -> String,
    ) {
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
}

/// Keeps the gravest word.
fn worse(into: &mut Option<(Word, String)>, word: Word, key: &str, value: &str) {
    if into.as_ref().is_none_or(|(before, _)| *before < word) {
        let value: String = value.chars().take(40).collect();
        *into = Some((word, format!("`{key}` is `{value}`")));
    }
}

impl Verdict {
    pub fn ended(&self) -> Ended {
        match self {
            Self::Passed | Self::Flaky(_) => Ended::Passed,
            Self::Skipped => Ended::Skipped,
            Self::Failed(_) => Ended::Failed,
        }
    }
}

impl Case {
    /// Whether Catch2 lets it fail.
    pub(super) fn may_fail(&self) -> bool {
        self.skipped.as_deref().is_some_and(|told| MAY_FAIL.contains(&told))
    }

    pub(super) fn verdict(&self) -> Verdict {
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
pub(super) const MAY_FAIL: [&str; 2] = ["TEST_CASE tagged with !mayfail", "TEST_CASE tagged with !shouldfail"];
