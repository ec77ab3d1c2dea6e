//! PromQL with placeholders: `sum(rate(req{pod=~"{{pods}}"}[{{window}}]))`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What a template can leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{{namespace}}`: the namespace, within quotes.
    Namespace,
    /// `{{workload}}`: the workload's name, within quotes.
    Workload,
    /// `{{pods}}`: a regular expression that matches the names of the track's pods, within the quotes of `=~`.
    Pods,
    /// `{{window}}`: the length of a range, such as `120s`.
    Window,
    /// `{{labels}}`: the label matchers of the config, such as `cluster="eu"`; nothing if there are none.
    Labels,
}

impl Placeholder {
    const ALL: [(&str, Self); 5] = [
        ("namespace", Self::Namespace),
        ("workload", Self::Workload),
        ("pods", Self::Pods),
        ("window", Self::Window),
        ("labels", Self::Labels),
    ];
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The placeholder is none of ours.
    #[error("unknown placeholder `{{{{{0}}}}}`: there are {known}", known = known())]
    Unknown(String),
    /// The closing braces are missing.
    #[error("a placeholder is not closed: write `{{{{name}}}}`")]
    Unclosed,
    /// A string is not closed.
    #[error("a string is not closed: a {0} is missing")]
    OpenString(char),
    /// A name stands where it could become syntax.
    #[error("`{{{{{0}}}}}` must stand within quotes, as in `namespace=\"{{{{namespace}}}}\"`")]
    Unquoted(&'static str),
    /// A regular expression stands where it would be taken literally.
    #[error("`{{{{pods}}}}` is a regular expression: write `pod=~\"{{{{pods}}}}\"`")]
    NotPattern,
    /// What is not text stands within quotes.
    #[error("`{{{{{0}}}}}` must not stand within quotes")]
    Quoted(&'static str),
    /// There is nothing to ask.
    #[error("the query is empty")]
    Empty,
}

fn known() -> String {
    let names: Vec<_> = Placeholder::ALL.iter().map(|(name, _)| format!("`{{{{{name}}}}}`")).collect();
    names.join(", ")
}

/// What fills a template.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The workload's name.
    pub workload: &'a str,
    /// The name of the track's ReplicaSet; its pods are `NAME-…`.
    pub replicaset: &'a str,
    /// The length of ranges.
    pub window: Duration,
    /// Further label matchers, by name.
    pub labels: &'a BTreeMap<String, String>,
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Placeholder, Place),
}

/// Where a placeholder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bare,
    /// In a string with this quote.
    Text(char),
    /// In a string with this quote that follows `=~` or `!~`.
    Pattern(char),
}

impl Template {
    /// Parses a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut place = Place::Bare;
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            // In `req{{{labels}}}` the first brace is the selector's.
            if rest.starts_with("{{") && (place != Place::Bare || !rest.starts_with("{{{")) {
                let (name, after) = rest[2..].split_once("}}").ok_or(TemplateError::Unclosed)?;
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(hole(name.trim(), place)?);
                rest = after;
                continue;
            }
            let mut length = c.len_utf8();
            match place {
                Place::Bare if matches!(c, '"' | '\'' | '`') => place = opened(c, &text, parts.last()),
                Place::Bare => {}
                Place::Text(quote) | Place::Pattern(quote) if c == quote => place = Place::Bare,
                Place::Text(quote) | Place::Pattern(quote) => {
                    if c == '\\' && quote != '`' {
                        length += rest[1..].chars().next().map_or(0, char::len_utf8);
                    }
                }
            }
            text.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        if let Place::Text(quote) | Place::Pattern(quote) = place {
            return Err(TemplateError::OpenString(quote));
        }
        parts.push(Part::Text(text));
        Ok(Self(parts))
    }

    /// Fills the template. What comes from outside is escaped for where it stands.
    #[must_use]
    pub fn expand(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        let mut swallow_comma = false;
        for part in &self.0 {
            match part {
                Part::Text(text) if swallow_comma => {
                    swallow_comma = false;
                    let after = text.trim_start();
                    match after.strip_prefix(',') {
                        Some(after) => out.push_str(after),
                        None => out.push_str(text),
                    }
                }
                Part::Text(text) => out.push_str(text),
                // Two commas in a row or a leading one are errors in PromQL.
                Part::Hole(Placeholder::Labels, _) if values.labels.is_empty() => swallow_comma = true,
                Part::Hole(placeholder, place) => out.push_str(&fill(*placeholder, *place, values)),
            }
        }
        out
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Hole(placeholder, _) => {
                    let name = Placeholder::ALL.iter().find(|(_, p)| p == placeholder).map_or("", |(name, _)| name);
                    write!(f, "{{{{{name}}}}}")?;
                }
            }
        }
        Ok(())
    }
}

/// The place after an opening quote: a pattern if the comparison before it is one.
fn opened(quote: char, text: &str, before: Option<&Part>) -> Place {
    let text = match (text.trim_end(), before) {
        ("", Some(Part::Text(before))) => before.trim_end(),
        (text, _) => text,
    };
    if text.ends_with("=~") || text.ends_with("!~") { Place::Pattern(quote) } else { Place::Text(quote) }
}

fn hole(name: &str, place: Place) -> Result<Part, TemplateError> {
    let Some((name, placeholder)) = Placeholder::ALL.iter().find(|(known, _)| *known == name) else {
        return Err(TemplateError::Unknown(name.to_owned()));
    };
    match (placeholder, place) {
        (Placeholder::Namespace | Placeholder::Workload | Placeholder::Pods, Place::Bare) => {
            Err(TemplateError::Unquoted(name))
        }
        (Placeholder::Pods, Place::Text(_)) => Err(TemplateError::NotPattern),
        (Placeholder::Labels, Place::Text(_) | Place::Pattern(_)) => Err(TemplateError::Quoted(name)),
        _ => Ok(Part::Hole(*placeholder, place)),
    }
}

fn fill(placeholder: Placeholder, place: Place, values: &Values<'_>) -> String {
    let name = |name: &str| match place {
        Place::Pattern(quote) => in_string(&literal_pattern(name), quote),
        Place::Text(quote) => in_string(name, quote),
        Place::Bare => name.to_owned(),
    };
    match (placeholder, place) {
        (Placeholder::Namespace, _) => name(values.namespace),
        (Placeholder::Workload, _) => name(values.workload),
        (Placeholder::Pods, Place::Pattern(quote)) => in_string(&pods_of(values.replicaset), quote),
        (Placeholder::Pods, _) => pods_of(values.replicaset),
        (Placeholder::Window, _) => format!("{}s", values.window.as_secs().max(1)),
        (Placeholder::Labels, _) => {
            let matchers = values.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", in_string(value, '"')));
            matchers.collect::<Vec<_>>().join(",")
        }
    }
}

/// The regular expression that matches the pods of a ReplicaSet, and not those of one whose name begins alike:
/// Kubernetes appends a dash and five characters without a dash.
#[must_use]
pub fn pods_of(replicaset: &str) -> String {
    format!("{}-[^-]+", literal_pattern(replicaset))
}

/// A text as a regular expression that matches only it.
fn literal_pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text for within the quotes of a PromQL string.
fn in_string(text: &str, quote: char) -> String {
    if quote == '`' {
        // A raw string knows no escapes; a name with a backtick in it matches nothing.
        return text.replace('`', "");
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expand(source: &str, labels: &[(&str, &str)]) -> String {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Template::parse(source).unwrap().expand(&Values {
            namespace: "shop",
            workload: "web.v1",
            replicaset: "web.v1-5d",
            window: Duration::from_secs(120),
            labels: &labels,
        })
    }

    /// Template, labels of the config, query.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

    #[test]
    fn placeholders_are_filled_and_escaped_for_their_place() {
        let cases: &[Case] = &[
            (r#"a{namespace="{{namespace}}"}"#, &[], r#"a{namespace="shop"}"#),
            (r#"a{app="{{ workload }}"}"#, &[], r#"a{app="web.v1"}"#),
            (r#"a{app=~"{{workload}}"}"#, &[], r#"a{app=~"web\\.v1"}"#),
            (r"a{app !~ '{{workload}}-x'}", &[], r"a{app !~ 'web\\.v1-x'}"),
            ("a{app=~`{{workload}}`}", &[], r"a{app=~`web\.v1`}"),
            (r#"a{pod=~"{{pods}}"}[{{window}}]"#, &[], r#"a{pod=~"web\\.v1-5d-[^-]+"}[120s]"#),
            (r#"a{b="\"",c="{{namespace}}"}"#, &[], r#"a{b="\"",c="shop"}"#),
            ("a{{{labels}}}", &[], "a{}"),
            ("a{{{labels}},b='c'}", &[], "a{b='c'}"),
            ("a{b='c',{{labels}}}", &[], "a{b='c',}"),
            ("a{b='c',{{labels}} , d='e'}", &[], "a{b='c', d='e'}"),
            ("a{b='c',{{labels}}}", &[("x", "y\"\\"), ("z", "1")], r#"a{b='c',x="y\"\\",z="1"}"#),
            ("up", &[], "up"),
        ];
        for (source, labels, expected) in cases {
            assert_eq!(expand(source, labels), *expected, "{source}");
        }
    }

    #[test]
    fn what_would_ask_something_else_is_refused() {
        let cases = [
            ("a{b='{{args.x}}'}", TemplateError::Unknown("args.x".to_owned())),
            ("a{b='{{namespace'}", TemplateError::Unclosed),
            ("a{b={{namespace}}}", TemplateError::Unquoted("namespace")),
            ("a{b=\"{{pods}}\"}", TemplateError::NotPattern),
            ("a{b=\"{{labels}}\"}", TemplateError::Quoted("labels")),
            ("a{b=\"c}", TemplateError::OpenString('"')),
            (" ", TemplateError::Empty),
        ];
        for (source, error) in cases {
            assert_eq!(Template::parse(source), Err(error), "{source}");
        }
        let message = TemplateError::Unknown("args.x".to_owned()).to_string();
        assert_eq!(
            message,
            "unknown placeholder `{{args.x}}`: there are `{{namespace}}`, `{{workload}}`, `{{pods}}`, `{{window}}`, `{{labels}}`"
        );
    }

    #[test]
    fn a_template_prints_as_it_was_written() {
        let source = r#"sum(rate(a{b=~"{{pods}}",{{labels}}}[{{window}}]))"#;
        assert_eq!(Template::parse(source).unwrap().to_string(), source);
    }

    proptest! {
        /// However a name is spelt, it stays within its quotes.
        #[test]
        fn no_name_leaves_its_string(name in r#"[a-z"'`\\\n{}.,=~-]{0,12}"#, quote in prop_oneof![Just('"'), Just('\''), Just('`')]) {
            let source = format!("a{{b={quote}{{{{namespace}}}}{quote}}}");
            let labels = BTreeMap::new();
            let values = Values { namespace: &name, workload: "", replicaset: "", window: Duration::ZERO, labels: &labels };
            let out = Template::parse(&source).unwrap().expand(&values);
            let inside = &out["a{b=x".len()..out.len() - 2];
            let mut escaped = false;
            for c in inside.chars() {
                prop_assert!(escaped || c != quote, "{out}");
                escaped = !escaped && c == '\\' && quote != '`';
            }
            prop_assert!(!escaped, "{out}");
        }
    }
}
