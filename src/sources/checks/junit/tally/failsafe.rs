//! What Maven's Failsafe writes beside its reports, and fails the build by: `failsafe-summary.xml`. It knows of what is in no
//! report, such as a forked JVM that crashed or ran out of time.

use super::text::number;
use super::{OpenElement, Tally};
use crate::sources::checks::junit::words::is_yes;
use crate::sources::checks::wording::{Wording as _, figures};
use crate::sources::checks::xml::Element;

/// The element that it begins with.
pub(super) const ROOT: &str = "failsafe-summary";

#[derive(Default)]
pub(super) struct Failsafe {
    has_timed_out: bool,
    errors: u64,
    failures: u64,
    message: String,
}

impl Tally {
    pub(super) fn failsafe(&mut self, element: &Element<'_>) -> Result<OpenElement, String> {
        let [timeout] = element.attributes(["timeout"])?;
        let has_timed_out = timeout.as_deref().map_or(Some(false), is_yes);
        if let (None, Some(word)) = (has_timed_out, &timeout) {
            self.doubt(|redactor| {
                format!("`timeout` of {ROOT} is `{}`, and neither yes nor no", redactor.cut(word, 40))
            });
        }
        let has_timed_out = has_timed_out.unwrap_or_default();
        Ok(OpenElement::Failsafe(Failsafe { has_timed_out, ..Failsafe::default() }))
    }

    /// Takes in one of its elements.
    pub(super) fn failsafe_part(&mut self, summary: &mut Failsafe, name: &str, text: &str) {
        let count = match name {
            "errors" => &mut summary.errors,
            "failures" => &mut summary.failures,
            "failureMessage" => {
                summary.message = self.redactor.first_line(text);
                return;
            }
            _ => return,
        };
        match number(name, Some(text), &self.redactor) {
            Ok(told) => *count = told.unwrap_or_default(),
            Err(why) => self.doubt(|_| why),
        }
    }

    /// Ends it: it proves nothing, for it names no test.
    pub(super) fn settle_failsafe(&mut self, summary: &Failsafe) {
        let mut told = Vec::new();
        if summary.has_timed_out {
            told.push("timed out".to_owned());
        }
        for (count, what) in [(summary.errors, "error"), (summary.failures, "failure")] {
            if count > 0 {
                told.push(figures(count, what));
            }
        }
        if !summary.message.is_empty() {
            told.push(summary.message.clone());
        }
        if !told.is_empty() {
            self.fail(ROOT, &told.join(", "), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests, lines of failures, and what is not understood.
    fn read(timeout: &str, inside: &str) -> (u64, Vec<String>, Result<(), String>) {
        let mut tally = Tally::default();
        let text = format!("<failsafe-summary result='null' timeout='{timeout}'>{inside}</failsafe-summary>");
        let result = tally.add(text.as_bytes());
        (tally.tests, tally.failures.into_iter().map(|failure| failure.line).collect(), result)
    }

    fn counts(errors: &str, failures: &str) -> String {
        format!("<completed>40</completed><errors>{errors}</errors><failures>{failures}</failures><skipped>0</skipped>")
    }

    #[test]
    fn summary_of_failsafe_adds_only_failures() {
        let none = "<failureMessage/>";
        let good = counts("0", "0");
        assert_eq!(read("false", &format!("{good}{none}")), (0, vec![], Ok(())));
        for (timeout, inside, line) in [
            ("true", format!("{good}{none}"), "failsafe-summary: timed out"),
            ("false", counts("1", "2"), "failsafe-summary: 1 error, 2 failures"),
            (
                "false",
                format!(
                    "{good}<failureMessage><![CDATA[\n java.lang.RuntimeException: The forked VM crashed\n at x]]></failureMessage>"
                ),
                "failsafe-summary: java.lang.RuntimeException: The forked VM crashed",
            ),
        ] {
            assert_eq!(read(timeout, &inside), (0, vec![line.to_owned()], Ok(())), "{inside}");
        }
        assert!(read("maybe", &good).2.unwrap_err().contains("`timeout` of failsafe-summary is `maybe`"));
        assert!(read("false", &counts("some", "0")).2.unwrap_err().contains("`errors` is `some`"));
    }
}
