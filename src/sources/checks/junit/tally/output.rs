//! What tests printed. Meson writes as the output of a suite what a program printed that speaks TAP, and how it ended;
//! that it broke off, or failed after its last test, has no element of its own. Nor has it with Bats, or `dotnet test`.

use super::text::fitting;

/// As much of a line as is looked at, in bytes.
const MAX_LINE_BYTES: usize = 200;

/// What Meson adds to the errors of a program whose tests are all well.
const EXITED: &str = "(test program exited with status code ";

/// What Bats adds to the output of the test in which a file broke off.
const TOO_FEW: &str = "bats warning: Executed ";

/// What `dotnet test --logger junit` adds to the errors of a suite where its test host crashed: the tests that did not
/// run are left out.
const ABORTED: &str = "Error - The active test run was aborted";

/// What is known of an output, line by line.
pub(super) struct Output {
    line: String,
    /// Whether it is TAP, once its first line is there.
    is_tap: Option<bool>,
    planned: Option<u64>,
    tests: u64,
    broke_off: Option<String>,
}

impl Output {
    pub fn of_suite() -> Self {
        Self { line: String::new(), is_tap: None, planned: None, tests: 0, broke_off: None }
    }

    /// The output of a single test is not read as TAP.
    pub fn of_test() -> Self {
        Self { is_tap: Some(false), ..Self::of_suite() }
    }

    /// Takes in a part of the text.
    pub fn add(&mut self, text: &str) {
        let mut parts = text.split('\n');
        self.append(parts.next().unwrap_or_default());
        for part in parts {
            self.end_line();
            self.append(part);
        }
    }

    /// Says what failed, by the whole output.
    pub fn finish(mut self) -> Option<String> {
        self.end_line();
        let missing = self.planned.filter(|planned| self.tests < *planned);
        let missing = missing.map(|planned| format!("its TAP announces {planned} tests and lists {}", self.tests));
        self.broke_off.or(missing)
    }

    fn append(&mut self, part: &str) {
        let room = MAX_LINE_BYTES.saturating_sub(self.line.len());
        self.line.push_str(&part[..fitting(part, room)]);
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if [EXITED, TOO_FEW, ABORTED].iter().any(|told| line.starts_with(told)) {
            self.broke_off.get_or_insert_with(|| line.trim_matches(['(', ')']).to_owned());
        }
        if line.is_empty() {
            return;
        }
        let planned = line.strip_prefix("1..").and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let is_test = line.starts_with("ok") || line.starts_with("not ok");
        let is_tap = planned.is_some() || is_test || line.starts_with("TAP version ");
        if !*self.is_tap.get_or_insert(is_tap) {
            return;
        }
        self.planned = self.planned.or(planned);
        self.tests += u64::from(is_test);
        if line.starts_with("Bail out!") {
            self.broke_off.get_or_insert_with(|| line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&str]) -> Option<String> {
        let mut output = Output::of_suite();
        for part in parts {
            output.add(part);
        }
        output.finish()
    }

    #[test]
    fn tap_that_breaks_off_fails() {
        assert_eq!(told(&["1..2\nok 1 a\n", "not ok 2 # TODO later"]), None);
        assert_eq!(told(&["1..0 # SKIP not here"]), None);
        assert_eq!(told(&["ok 1\nok 2\n1..2\n"]), None);
        assert_eq!(told(&["1..3\nok", " 1 a\nok 2 b"]).unwrap(), "its TAP announces 3 tests and lists 2");
        assert_eq!(told(&["1..2\nok 1 a\nBail out! broken"]).unwrap(), "Bail out! broken");
        assert_eq!(
            told(&["\n(test program exited with", " status code -11)"]).unwrap(),
            "test program exited with status code -11"
        );
    }

    #[test]
    fn output_that_is_no_tap_tells_nothing() {
        assert_eq!(told(&["reading\n1..3\nok 1\nBail out! is what it reads"]), None);
        assert_eq!(told(&[&"é".repeat(1000), "\n1..3\n"]), None);
        assert_eq!(told(&[]), None);
        let mut of_test = Output::of_test();
        of_test.add("1..3\nok 1");
        assert_eq!(of_test.finish(), None);
    }

    #[test]
    fn run_of_dotnet_that_was_aborted_fails() {
        let line = "Error - The active test run was aborted. Reason: Test host process crashed : Stack overflow.";
        assert_eq!(told(&["Warning - slow\n", line, "\n   at Pay.Tests\n"]).unwrap(), line);
        assert_eq!(told(&["the log says: ", line]), None);
    }

    #[test]
    fn file_of_bats_that_breaks_off_fails() {
        let mut output = Output::of_test();
        output.add("bats warning: Executed 2 instead of expected 3 tests");
        assert_eq!(output.finish().unwrap(), "bats warning: Executed 2 instead of expected 3 tests");
    }
}
