//! Tests of Go that are listed more than once.
//!
//! Names are unique there. gotestsum lists a test once more when it failed and was run again (`--rerun-fails`), and the
//! run is well if it passed then. It lists a test in the same way when it was asked for twice (`-count 2`, `-cpu 1,2`),
//! and the run has failed if it failed once. The other tests of the report tell which it was: `-count` holds for all.
//!
//! With Mocha, Jest and others a second test of a name may be another test, and one that passes makes up for no other.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::mem;

use super::case::Case;
use super::{Failure, Tally};
use crate::sources::checks::wording::MAX_LISTED;

/// The tests that a suite lists.
pub(super) struct Listed {
    /// Which suite it is.
    suite: u64,
    /// Whether it names the machine: gotestsum, which runs tests again, does not.
    has_host: bool,
    /// Whether it names the version of Go.
    has_version: bool,
    /// Whether a test in it is not named as Go names them.
    has_other_names: bool,
    tests: HashMap<u64, Seen>,
}

/// What became of the tests of one name.
#[derive(Default)]
struct Seen {
    passed: u32,
    failed: u32,
    skipped: u32,
    has_passed_last: bool,
    /// It passes once more with each of its subtests that is run again.
    has_subtests: bool,
    tells_of_count: bool,
}

/// What the tests of Go in a report say of how often they were run.
#[derive(Default)]
pub(super) struct Runs {
    has_single: bool,
    has_repeated: bool,
    /// Tests that failed and then passed.
    again: Vec<Again>,
}

struct Again {
    key: u64,
    failed: u64,
    /// How often it is listed, beyond once.
    surplus: u64,
}

/// How a test ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Passed,
    Failed,
    Skipped,
}

impl Listed {
    pub fn new(suite: u64, has_host: bool) -> Self {
        Self { suite, has_host, has_version: false, has_other_names: false, tests: HashMap::new() }
    }

    /// Takes note of a property of the suite.
    pub fn property(&mut self, name: &str) {
        self.has_version |= name == "go.version";
    }

    /// Takes note of a test, in a suite of some name. Returns its key.
    pub fn note(&mut self, case: &Case, suite: &str, ended: Ended) -> u64 {
        let [class, name] = &case.names;
        let key = key(self.suite, class, name);
        self.has_other_names |= !is_of_go(case, suite);
        if self.has_host || !has_own_name(name) {
            return key;
        }
        for (end, _) in name.match_indices('/') {
            self.tests.entry(self::key(self.suite, class, &name[..end])).or_default().has_subtests = true;
        }
        let seen = self.tests.entry(key).or_default();
        let count = match ended {
            Ended::Passed => &mut seen.passed,
            Ended::Failed => &mut seen.failed,
            Ended::Skipped => &mut seen.skipped,
        };
        *count = count.saturating_add(1);
        seen.has_passed_last = ended == Ended::Passed;
        // `-count` leaves examples out, and which subtests there are may depend on how those before them ended.
        seen.tells_of_count = !name.contains('/') && !name.starts_with("Example");
        key
    }
}

impl Seen {
    fn again(&self, key: u64) -> Option<Again> {
        // No tool runs a test again after it passed: other patterns are several tests of one name.
        let is_once_more = self.passed == 1 || self.passed > 1 && self.has_subtests;
        let is_again = self.failed > 0 && self.skipped == 0 && self.has_passed_last && is_once_more;
        let listed = u64::from(self.failed) + u64::from(self.passed);
        is_again.then(|| Again { key, failed: u64::from(self.failed), surplus: listed - 1 })
    }
}

impl Runs {
    /// Adds the tests of a suite.
    pub fn add(&mut self, listed: Listed) {
        if listed.has_host || listed.has_other_names && !listed.has_version {
            return;
        }
        for (key, seen) in listed.tests {
            let well = seen.passed.saturating_add(seen.skipped);
            self.has_single |= seen.tells_of_count && well == 1 && seen.failed == 0;
            self.has_repeated |= well > 1 && !seen.has_subtests;
            self.again.extend(seen.again(key));
        }
    }
}

impl Tally {
    /// Counts tests of Go once that failed and passed when they were run again, at the end of a report.
    pub(super) fn join_attempts(&mut self) {
        let runs = mem::take(&mut self.runs);
        if runs.has_repeated {
            return;
        }
        for again in runs.again {
            self.failed = self.failed.saturating_sub(again.failed);
            self.tests = self.tests.saturating_sub(again.surplus);
            let first = self.failures.iter().position(|failure| failure.key == again.key);
            let first = first.map(|first| self.failures.remove(first));
            self.failures.retain(|failure| failure.key != again.key);
            self.flaky = self.flaky.saturating_add(1);
            if !runs.has_single {
                self.doubt_attempts(first.as_ref());
            }
            self.flakes.extend(first.filter(|_| self.flakes.len() < MAX_LISTED));
        }
    }

    fn doubt_attempts(&mut self, of: Option<&Failure>) {
        let name = of.map_or_else(|| "a test".to_owned(), |failure| failure.name.clone());
        self.doubt(|redactor| {
            let name = redactor.cut(&name, 200);
            format!(
                "{name} failed and passed, and nothing tells whether it was run again or asked for twice (`-count`)"
            )
        });
    }
}

fn key(suite: u64, class: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (suite, class, name).hash(&mut hasher);
    // Zero stands for what is no test.
    hasher.finish().max(1)
}

/// Whether a second test of that name can only be the same test. Ginkgo's `[BeforeSuite]` is run by each process.
fn has_own_name(name: &str) -> bool {
    let name = name.trim();
    !(name.is_empty() || name.starts_with('[') && name.ends_with(']'))
}

/// Whether it is named as Go names tests, in a suite that is its package. Elsewhere names are sentences.
fn is_of_go(case: &Case, suite: &str) -> bool {
    let [class, name] = &case.names;
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
