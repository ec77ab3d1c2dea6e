//! Label sets and the matchers that choose among them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::pattern::Pattern;

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// A set of label pairs, sorted by name. An empty value is the same as no label.
///
/// A query copies, compares and hashes the same few sets at each of its steps: the pairs are shared, and their hash is
/// computed once.
#[derive(Clone, Debug)]
pub struct Labels(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pairs: Vec<Pair>,
    hash: u64,
    /// The set without the metric's name, where it has one.
    unnamed: Option<Labels>,
}

type Pair = (Arc<str>, Arc<str>);

impl Labels {
    /// Makes a set from pairs in any order; the first of two equal names wins.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<Pair> = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|later, first| later.0 == first.0);
        Self::of_sorted(all)
    }

    fn of_sorted(pairs: Vec<Pair>) -> Self {
        let mut hasher = DefaultHasher::new();
        pairs.hash(&mut hasher);
        let rest = || pairs.iter().filter(|(name, _)| &**name != NAME).cloned().collect();
        let unnamed = pairs.iter().any(|(name, _)| &**name == NAME).then(|| Self::of_sorted(rest()));
        Self(Arc::new(Shared { hash: hasher.finish(), unnamed, pairs }))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.pairs.binary_search_by(|(n, _)| (**n).cmp(name))
    }

    /// The value of a label, empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).map_or("", |at| &self.0.pairs[at].1)
    }

    /// The pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The same set with one label more, replaced or (with an empty value) removed.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let found = self.find(name);
        if found.is_err() && value.is_empty() {
            return self.clone();
        }
        let mut pairs = self.0.pairs.clone();
        match found {
            Ok(at) if value.is_empty() => {
                pairs.remove(at);
            }
            Ok(at) => pairs[at].1 = value.into(),
            Err(at) => pairs.insert(at, (name.into(), value.into())),
        }
        Self::of_sorted(pairs)
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
        self.0.unnamed.as_ref().unwrap_or(self).clone()
    }

    fn kept(&self, keep: impl Fn(&str) -> bool) -> Self {
        let pairs = self.0.pairs.iter().filter(|(name, _)| keep(name));
        Self::of_sorted(pairs.cloned().collect())
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::of_sorted(Vec::new())
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.pairs == other.0.pairs)
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.pairs.cmp(&other.0.pairs) }
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
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
