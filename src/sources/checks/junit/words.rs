//! The words of JUnit reports: elements, outcomes as attributes, and reports of other kinds.
//!
//! There is no standard. What is not listed here is not guessed at.

/// What an element is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Suite,
    Case,
    /// It failed, in the end.
    Failure,
    /// An attempt failed, and a later one did not: Surefire, nextest, Playwright.
    Flaky,
    /// Another attempt failed as well.
    Rerun,
    Skipped,
    /// What was printed.
    Output,
    /// Properties and the like, which say nothing about the outcome.
    Neutral,
    Unknown,
}

pub(super) fn role(element: &str) -> Role {
    match plain(element).as_str() {
        "testsuites" | "testsuite" => Role::Suite,
        "testcase" => Role::Case,
        "failure" | "error" => Role::Failure,
        "flakyfailure" | "flakyerror" => Role::Flaky,
        "rerunfailure" | "rerunerror" => Role::Rerun,
        "skipped" | "skip" | "ignored" | "disabled" | "pending" => Role::Skipped,
        "systemout" | "systemerr" => Role::Output,
        "properties" | "property" | "stdout" | "stderr" | "output" | "log" | "logs" | "attachments" | "attachment"
        | "metadata" | "tags" | "tag" | "labels" | "label" | "description" | "links" | "link" | "categories"
        | "category" | "traits" | "trait" | "parameters" | "passed" | "success" => Role::Neutral,
        _ => Role::Unknown,
    }
}

/// What an attribute says of a test. Later ones outweigh earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Passed,
    Flaky,
    Skipped,
    /// Skipped for GoogleTest; for CTest perhaps a failure.
    NotRun,
    Failed,
}

/// Attributes of a test whose value is a word.
pub(super) const WORDS: [&str; 6] = ["status", "result", "outcome", "state", "verdict", "conclusion"];
/// Attributes of a test that say yes or no, or count, and what they say when it is yes and no.
pub(super) const FLAGS: [(&str, Word, Word); 7] = [
    ("success", Word::Passed, Word::Failed),
    ("passed", Word::Passed, Word::Failed),
    ("failed", Word::Failed, Word::Passed),
    ("failures", Word::Failed, Word::Passed),
    ("errors", Word::Failed, Word::Passed),
    ("skipped", Word::Skipped, Word::Passed),
    ("executed", Word::Passed, Word::Skipped),
];

/// Reads an outcome; `None` where the word is not known.
pub(super) fn outcome(word: &str) -> Option<Word> {
    Some(match plain(word).as_str() {
        // `run` and `completed` are GoogleTest's and CTest's: what failed says so in an element.
        "pass" | "passed" | "ok" | "success" | "successful" | "succeeded" | "run" | "completed" | "executed"
        | "expected" | "bpass" | "xfail" | "xfailed" => Word::Passed,
        "flaky" => Word::Flaky,
        "skip" | "skipped" | "disabled" | "suppressed" | "ignored" | "ignore" | "pending" | "todo" | "untested"
        | "notexecuted" | "inconclusive" | "bfail" | "excluded" | "filtered" => Word::Skipped,
        "notrun" => Word::NotRun,
        "fail" | "failed" | "failure" | "failing" | "error" | "errored" | "broken" | "crash" | "crashed"
        | "timeout" | "timedout" | "abort" | "aborted" | "cancelled" | "canceled" | "killed" | "incomplete"
        | "unexpected" | "panicked" | "panic" | "hookerror" | "cleanuperror" | "xpassed" | "invalidspecstate"
        | "undefined" | "ambiguous" | "unresolved" | "blocked" | "xpass" | "interrupted" | "invalid" | "notok"
        | "unsuccessful" => Word::Failed,
        _ => return None,
    })
}

/// Reads a yes, a no or a count.
pub(super) fn is_yes(value: &str) -> Option<bool> {
    match plain(value).as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        number => number.parse::<u64>().ok().map(|number| number > 0),
    }
}

/// Letters and digits, small: `Timed Out` and `timed-out` are one word.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Says whose report begins with an element, and what to do.
pub(super) fn foreign(element: &str) -> Option<&'static str> {
    Some(match plain(element).as_str() {
        "assemblies" | "assembly" => "xUnit.net: write JUnit with `-junit FILE`, or with `dotnet test --logger junit`",
        "testrun" if element.contains('-') => "NUnit 3: convert it, or write JUnit with `dotnet test --logger junit`",
        "testrun" => "Visual Studio (TRX): convert it, or write JUnit with `dotnet test --logger junit`",
        "testresults" => "NUnit 2: convert it, or write JUnit",
        "testngresults" => "TestNG: name the files in its folder junitreports",
        "robot" => "Robot Framework: write JUnit with `--xunit FILE`",
        "testlog" | "testresult" => "Boost.Test: write JUnit with `--log_format=JUNIT`",
        "site" => "CTest's dashboard: write JUnit with `--output-junit FILE`",
        "catch" | "catch2testrun" | "catchtestrun" => "Catch2: write JUnit with `-r junit`",
        "doctest" => "doctest: write JUnit with `-r=junit`",
        "events" => "Open Test Reporting: name JUnit's own files",
        "coverage" | "report" => "a coverage tool: that is for a check of kind `coverage`",
        "checkstyle" => "Checkstyle, and not of tests: name only reports of tests",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_spelling_and_never_guessed() {
        for word in ["Timed Out", "timed-out", "TIMEDOUT"] {
            assert_eq!(outcome(word), Some(Word::Failed), "{word}");
        }
        assert_eq!(outcome("Not Run"), Some(Word::NotRun));
        for word in ["", "weird", "passing grade", "0", "not passed"] {
            assert_eq!(outcome(word), None, "{word}");
        }
        assert_eq!(
            ["1", "0", "True", "maybe", "-1"].map(is_yes),
            [Some(true), Some(false), Some(true), None, Some(true)]
        );
        assert_eq!(role("system-out"), Role::Output);
        assert_eq!(role("Failure"), Role::Failure);
        assert_eq!(role("problem"), Role::Unknown);
    }
}
