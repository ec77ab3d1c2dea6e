//! How evidence is worded: text from outside on one line and bounded, and figures.

use crate::domain::facts::text::plural;
use crate::platform::Redactor;

/// Longest line of evidence, in characters.
pub(super) const MAX_LINE_CHARS: usize = 300;
/// Most findings that are listed one by one.
pub(super) const MAX_LISTED: usize = 200;

/// Text from outside as it stands in evidence: redacted, and short.
pub(super) trait Wording {
    /// Puts a text on one line of at most [`MAX_LINE_CHARS`] characters.
    fn one_line(&self, text: &str) -> String;
    /// Returns the first line that holds anything, bounded.
    fn first_line(&self, text: &str) -> String;
    /// Lists some names: `a, b, c …`, each bounded.
    fn some<'a>(&self, names: impl IntoIterator<Item = &'a str>, all: u64) -> String;
}

impl Wording for Redactor {
    fn one_line(&self, text: &str) -> String {
        self.cut(text, MAX_LINE_CHARS)
    }

    fn first_line(&self, text: &str) -> String {
        text.lines().find(|line| !line.trim().is_empty()).map(|line| self.one_line(line)).unwrap_or_default()
    }

    fn some<'a>(&self, names: impl IntoIterator<Item = &'a str>, all: u64) -> String {
        const MAX_NAMES: usize = 3;
        let names: Vec<String> = names.into_iter().take(MAX_NAMES).map(|name| self.cut(name, 60)).collect();
        let more = if all > names.len() as u64 { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }
}

/// Writes a number with commas: `1,284`.
pub(super) fn figure(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes a number of things: `1 test`, `1,284 tests`.
pub(super) fn figures(number: u64, thing: &str) -> String {
    if number < 1000 {
        plural(number as usize, thing)
    } else {
        format!("{} {}", figure(number), &plural(2, thing)[2..])
    }
}

/// Writes a number for people: no more than four digits after the point, and none for nothing.
pub(super) fn decimal(number: f64) -> String {
    if number.abs() >= 1e15 || (number != 0.0 && number.abs() < 1e-4) || !number.is_finite() {
        return format!("{number:e}");
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Says how many more there are than those that are listed.
pub(super) fn and_more(listed: usize, all: u64) -> Option<String> {
    let more = all.saturating_sub(listed as u64);
    (more > 0).then(|| format!("… and {} more", figure(more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_single() {
        let redactor = Redactor::default();
        assert_eq!(redactor.one_line("  a\n\tb  c "), "a b c");
        assert_eq!(redactor.one_line(&"ä".repeat(400)).chars().count(), MAX_LINE_CHARS + 1);
        assert_eq!(redactor.first_line("\n \n x\ny"), "x");
        assert_eq!(redactor.one_line("a\u{1b}[2J"), "a\u{1b}[2J");
        assert_eq!(redactor.cut("ab cd", 3), "ab …");
    }

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([0, 999, 1284, 1_000_000].map(figure), ["0", "999", "1,284", "1,000,000"]);
        assert_eq!(figures(1, "test"), "1 test");
        assert_eq!(figures(1284, "test"), "1,284 tests");
        assert_eq!([12.5, 3.0, 0.1, 1e-7, 0.0].map(decimal), ["12.5", "3", "0.1", "1e-7", "0"]);
        assert_eq!(Redactor::default().some(["a", "b", "c", "d"], 12), "a, b, c, …");
        assert_eq!(Redactor::default().some(["a"], 1), "a");
    }
}
