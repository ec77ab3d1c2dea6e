//! Regular expressions for label values, anchored on both sides as Prometheus anchors them.

use std::fmt;

use regex::Regex;

/// A compiled pattern. Cheap to clone.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern; the error is a phrase that names the culprit.
    pub fn new(source: &str) -> Result<Self, String> {
        Regex::new(&format!("^(?s:{source})$")).map(Self).map_err(|error| reason(&error))
    }

    /// Says whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The template with `$1`, `${1}` and `${name}` replaced by what the groups hold, if the whole text matches.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let groups = self.0.captures(text)?;
        let mut out = String::new();
        groups.expand(template, &mut out);
        Some(out)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0.as_str())
    }
}

/// The last line of the crate's report, which draws the pattern above it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_values_only() {
        let cases = [
            ("5..", "503", true),
            ("5..", "5031", false),
            ("web|api", "apis", false),
            (".*", "two\nlines", true),
            ("^a$", "a", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn groups_fill_a_template() {
        let expand = |pattern, template| Pattern::new(pattern).unwrap().expand("web-7f9-x2", template);
        assert_eq!(expand("(.*)-(.*)", "$1|${2}|$3|$$|$").as_deref(), Some("web-7f9|x2||$|$"));
        assert_eq!(expand("a(.*)", "$1"), None);
    }

    #[test]
    fn an_invalid_pattern_is_refused_in_one_line() {
        for (pattern, expected) in [("a(", "unclosed group"), ("[a", "unclosed character class")] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), expected);
        }
    }
}
