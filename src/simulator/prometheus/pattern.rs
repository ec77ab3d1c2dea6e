//! Regular expressions for label values: always anchored, linear in time, with captures for `label_replace`.
//!
//! The syntax is the part of RE2 that people write in selectors: literals, `.`, classes, `\d \w \s`, groups (also
//! `(?:…)`, `(?P<name>…)` and a leading `(?i)`), alternation, `* + ? {m,n}` and their lazy forms, `^` and `$`.
//! Anything else is refused, never misread. A pattern becomes a small program that is run by backtracking over
//! (instruction, position) pairs, each visited at most once.

mod program;
mod reader;

use std::fmt;
use std::sync::Arc;

use program::Program;

/// A compiled pattern. Cheap to clone.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    kind: Arc<Kind>,
}

enum Kind {
    /// Literal alternatives such as `a|b|c`, and literal prefixes such as `web-5d.*`: the common cases.
    AnyOf(Vec<String>),
    Prefix(String),
    Program(Program),
}

impl Pattern {
    /// Compiles a pattern; the error is a phrase that names the culprit.
    pub fn new(source: &str) -> Result<Self, String> {
        let literal = |text: &str| !text.contains(|c: char| r"\.+*?()|[]{}^$".contains(c));
        let kind = if source.split('|').all(literal) {
            Kind::AnyOf(source.split('|').map(str::to_owned).collect())
        } else if let Some(prefix) = source.strip_suffix(".*").filter(|p| literal(p)) {
            Kind::Prefix(prefix.to_owned())
        } else {
            Kind::Program(reader::read(source)?)
        };
        Ok(Self { source: source.into(), kind: Arc::new(kind) })
    }

    /// Says whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        match &*self.kind {
            Kind::AnyOf(words) => words.iter().any(|word| word == text),
            Kind::Prefix(prefix) => text.starts_with(prefix.as_str()) && !text.contains('\n'),
            Kind::Program(program) => program.run(text).is_some(),
        }
    }

    /// The template with `$1`, `${1}` and `${name}` replaced by what the groups hold, if the whole text matches.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let Kind::Program(program) = &*self.kind else {
            return self.matches(text).then(|| fill(template, |group| (group == "0").then(|| text.to_owned())));
        };
        let slots = program.run(text)?;
        Some(fill(template, |group| {
            let index =
                group.parse().ok().or_else(|| program.names.iter().position(|n| n.as_deref() == Some(group)))?;
            let from = *slots.get(index * 2)?;
            let to = *slots.get(index * 2 + 1)?;
            text.get(from?..to?).map(str::to_owned)
        }))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// Replaces the group references of a template; unknown groups become nothing.
fn fill(template: &str, group: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            out.push_str(&group(name).unwrap_or_default());
            rest = after;
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(&group(&rest[..end]).unwrap_or_default());
            }
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_match_as_re2_would() {
        let cases: &[(&str, &str, bool)] = &[
            ("5..", "503", true),
            ("5..", "5031", false),
            ("", "", true),
            ("", "x", false),
            (".*", "", true),
            (".+", "", false),
            ("web-5d.*", "web-5dabc", true),
            ("web-5d-.*", "web-5dabc", false),
            ("web|api", "api", true),
            ("web|api", "apis", false),
            ("(web|api)-[a-z0-9]+-[^-]{5}", "api-7f9-x2x4z", true),
            ("(web|api)-[a-z0-9]+-[^-]{5}", "api-7f9-x2-4z", false),
            ("a{2,3}", "aaaa", false),
            ("a{2,}", "aaaa", true),
            ("a{2}b?", "aab", true),
            (r"1\.2", "1.2", true),
            (r"1\.2", "1x2", false),
            (r"\d+\w\s", "42x ", true),
            ("(?i)get|post", "POST", true),
            ("^a$", "a", true),
            ("a||b", "", true),
            ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("[a-]x", "-x", true),
            ("[]x]", "]", true),
            (".", "\u{e9}", true),
            ("x{,2}", "x{,2}", true),
        ];
        for (pattern, text, expected) in cases {
            let got = Pattern::new(pattern).unwrap().matches(text);
            assert_eq!(got, *expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn groups_fill_a_template() {
        let cases = [
            ("(.*)-(.*)", "web-7f9-x2", "$1|${2}|$3|$$|$", "web-7f9|x2||$|$"),
            ("(?P<app>[a-z]+)-.*", "web-7f9", "${app}!$app", "web!web"),
            ("web.*", "web-1", "<$0>", "<web-1>"),
            ("(.*?)-(.*)", "web-7f9-x2", "$1", "web"),
            ("(?:a|b)(c)", "bc", "$1", "c"),
        ];
        for (pattern, text, template, expected) in cases {
            let got = Pattern::new(pattern).unwrap().expand(text, template);
            assert_eq!(got.as_deref(), Some(expected), "{pattern} on {text}");
        }
        assert_eq!(Pattern::new("a(b)").unwrap().expand("ac", "$1"), None);
    }

    #[test]
    fn invalid_pattern_is_refused() {
        for pattern in
            ["(", ")", "[a", "a**", "*", r"\", r"\p{L}", "(?=a)", "a{3,2}", "a{9999}", "[z-a]", "[[:alpha:]]"]
        {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
