//! Label sets and the matchers that choose among them.

use std::fmt;
use std::sync::Arc;

use super::pattern::Pattern;

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// A set of label pairs, sorted by name. An empty value is the same as no label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(Arc<str>, Arc<str>)>);

impl Labels {
    /// Makes a set from pairs in any order; the first of two equal names wins.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<(Arc<str>, Arc<str>)> = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|later, first| later.0 == first.0);
        Self(all)
    }

    /// The value of a label, empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).map_or("", |at| &self.0[at].1)
    }

    /// The pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Sets, replaces or (with an empty value) removes one label.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(at) if value.is_empty() => {
                self.0.remove(at);
            }
            Ok(at) => self.0[at].1 = value.into(),
            Err(_) if value.is_empty() => {}
            Err(at) => self.0.insert(at, (name.into(), value.into())),
        }
    }

    /// The same set with one label more (or replaced).
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.set(name, value);
        more
    }

    pub fn only(&self, names: &[String]) -> Self {
        self.kept(|name| names.iter().any(|n| n == name))
    }

    /// All but the named labels.
    pub fn without(&self, names: &[String]) -> Self {
        self.kept(|name| names.iter().all(|n| n != name))
    }

    /// All but the metric's name.
    pub fn unnamed(&self) -> Self {
        self.kept(|name| name != NAME)
    }

    fn kept(&self, keep: impl Fn(&str) -> bool) -> Self {
        let pairs = self.0.iter().filter(|(name, _)| keep(name));
        Self(pairs.cloned().collect())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get(NAME))?;
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().filter(|(n, _)| *n != NAME).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

/// One condition on a label, as in `code=~"5.."`.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: String,
    /// What its value must be like.
    pub test: Test,
}

/// What a label's value must be like; an absent label has the empty value.
#[derive(Clone, Debug)]
pub enum Test {
    /// `=`
    Equal(String),
    /// `!=`
    NotEqual(String),
    /// `=~`, anchored on both sides
    Like(Pattern),
    /// `!~`, anchored on both sides
    Unlike(Pattern),
}

impl Matcher {
    /// Says whether the label set fulfils the condition.
    pub fn accepts(&self, labels: &Labels) -> bool {
        self.accepts_value(labels.get(&self.name))
    }

    /// Says whether a value of that label fulfils the condition.
    pub fn accepts_value(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::NotEqual(unwanted) => value != unwanted,
            Test::Like(pattern) => pattern.matches(value),
            Test::Unlike(pattern) => !pattern.matches(value),
        }
    }
}
