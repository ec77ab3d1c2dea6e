//! How evidence is worded: text from outside on one line and bounded, and figures.

use crate::domain::text::plural;
use crate::platform::redact::hide;

/// Longest line of evidence, in characters.
pub(super) const LINE: usize = 300;
/// Most findings that are listed one by one.
pub(super) const LISTED: usize = 200;

/// Puts a text on one line of at most [`LINE`] characters. Control characters other than white space stay: whoever
/// shows the text makes them visible. Secrets are hidden.
pub(super) fn one_line(text: &str) -> String {
    cut(text, LINE)
}

/// Puts a text on one line of at most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = hide(text);
    let mut line = String::new();
    let mut left = most;
    for word in text.split_whitespace() {
        let space = usize::from(!line.is_empty());
        if space == 1 {
            line.push(' ');
        }
        left = left.saturating_sub(space);
        for c in word.chars() {
            if left == 0 {
                line.push('…');
                return line;
            }
            line.push(c);
            left -= 1;
        }
    }
    line
}

/// Returns the first line that holds anything, bounded.
pub(super) fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).map(one_line).unwrap_or_default()
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

/// Lists some names: `a, b, c …`, each bounded.
pub(super) fn some<'a>(names: impl IntoIterator<Item = &'a str>, all: u64) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = names.into_iter().take(SHOWN).map(|name| cut(name, 60)).collect();
    let more = if all > names.len() as u64 { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
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
    fn lines_are_bounded_and_of_one_piece() {
        assert_eq!(one_line("  a\n\tb  c "), "a b c");
        assert_eq!(one_line(&"ä".repeat(400)).chars().count(), LINE + 1);
        assert_eq!(first_line("\n \n x\ny"), "x");
        assert_eq!(one_line("a\u{1b}[2J"), "a\u{1b}[2J");
        assert_eq!(cut("ab cd", 3), "ab …");
    }

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([0, 999, 1284, 1_000_000].map(figure), ["0", "999", "1,284", "1,000,000"]);
        assert_eq!(figures(1, "test"), "1 test");
        assert_eq!(figures(1284, "test"), "1,284 tests");
        assert_eq!([12.5, 3.0, 0.1, 1e-7, 0.0].map(decimal), ["12.5", "3", "0.1", "1e-7", "0"]);
        assert_eq!(some(["a", "b", "c", "d"], 12), "a, b, c, …");
        assert_eq!(some(["a"], 1), "a");
    }
}
