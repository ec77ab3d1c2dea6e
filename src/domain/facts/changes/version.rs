//! Versions: which step the commits ask for, and whether the one that was taken will do (semver.org 2.0).

use semver::Version;
use serde::{Deserialize, Serialize};

use super::commit::{Commit, CommitKind};

/// How far a version goes beyond another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Bump {
    None,
    Patch,
    Minor,
    Major,
}

impl Bump {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// Returns the version that this step leads to.
    #[must_use]
    pub fn after(self, last: &Version) -> Version {
        let Version { major, minor, patch, .. } = *last;
        match self {
            Self::None => last.clone(),
            // What comes after 1.5.0-rc.1 is 1.5.0.
            Self::Patch if !last.pre.is_empty() => Version::new(major, minor, patch),
            Self::Patch => Version::new(major, minor, patch.saturating_add(1)),
            Self::Minor => Version::new(major, minor.saturating_add(1), 0),
            Self::Major => Version::new(major.saturating_add(1), 0, 0),
        }
    }
}

/// Returns the step that one commit asks for after a version. Below 1.0.0 anything may break with a minor step.
#[must_use]
pub fn demand(commit: &Commit, last: &Version) -> Bump {
    match (commit.breaking.is_some(), commit.kind) {
        (true, _) => largest(last),
        (false, CommitKind::Feat) => Bump::Minor,
        (false, _) => Bump::Patch,
    }
}

/// Returns the largest step that any commit may ask for after a version.
#[must_use]
pub fn largest(last: &Version) -> Bump {
    if last.major == 0 { Bump::Minor } else { Bump::Major }
}

/// Returns the step that commits ask for after a version: the greatest of theirs.
#[must_use]
pub fn demanded<'a>(commits: impl IntoIterator<Item = &'a Commit>, last: &Version) -> Bump {
    commits.into_iter().map(|commit| demand(commit, last)).max().unwrap_or(Bump::None)
}

/// Returns the step from one version to another; `None` where that does not come after it.
#[must_use]
pub fn step(last: &Version, next: &Version) -> Option<Bump> {
    if next.cmp_precedence(last).is_le() {
        return None;
    }
    Some(if next.major != last.major {
        Bump::Major
    } else if next.minor != last.minor {
        Bump::Minor
    } else if next.patch != last.patch {
        Bump::Patch
    } else {
        // From 1.5.0-rc.1 to 1.5.0 or 1.5.0-rc.2: the step was taken with the first of them, and its zeros tell which.
        match (next.minor, next.patch) {
            (0, 0) => Bump::Major,
            (_, 0) => Bump::Minor,
            _ => Bump::Patch,
        }
    })
}

/// Whether a version is the right one for what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bumping {
    pub last: Version,
    pub next: Version,
    /// The step that the commits ask for.
    pub demanded: Bump,
    /// The step that was taken; `None` where the version does not come after the last one.
    pub taken: Option<Bump>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Right,
    /// Larger than the commits ask: allowed, and told.
    Larger,
    /// Smaller than the commits ask.
    TooSmall,
    /// It does not come after the last version.
    NotNewer,
}

impl Bumping {
    /// Evaluates a version by the commits since the last one.
    #[must_use]
    pub fn judge(last: &Version, next: &Version, commits: &[Commit]) -> Self {
        Self { last: last.clone(), next: next.clone(), demanded: demanded(commits, last), taken: step(last, next) }
    }

    #[must_use]
    pub fn fit(&self) -> Fit {
        match self.taken {
            None => Fit::NotNewer,
            Some(taken) if taken < self.demanded => Fit::TooSmall,
            Some(taken) if taken > self.demanded => Fit::Larger,
            Some(_) => Fit::Right,
        }
    }

    /// Returns whether the version will do.
    #[must_use]
    pub fn is_right(&self) -> bool {
        matches!(self.fit(), Fit::Right | Fit::Larger)
    }

    /// Returns the least version that would do.
    #[must_use]
    pub fn least(&self) -> Version {
        let release = Bump::Patch.after(&self.last);
        if step(&self.last, &release) >= Some(self.demanded) { release } else { self.demanded.after(&self.last) }
    }

    #[must_use]
    pub fn describe(&self) -> String {
        let Self { last, next, demanded, .. } = self;
        let taken = self.taken.map_or("none", Bump::as_str);
        match self.fit() {
            Fit::NotNewer => format!("{next} does not come after {last}"),
            Fit::TooSmall => format!(
                "{last} → {next} is a {taken} bump; the commits require a {} one: at least {}",
                demanded.as_str(),
                self.least()
            ),
            Fit::Larger if *demanded == Bump::None => format!("{last} → {next}, without a commit in between"),
            Fit::Larger => {
                format!("{last} → {next} is a {taken} bump; a {} one would have sufficed", demanded.as_str())
            }
            Fit::Right => format!("{last} → {next} is a {taken} bump, matches the commits"),
        }
    }
}

/// Reads a version as images and tags write it: with the prefix of the tags, with `v`, with both, or bare.
#[must_use]
pub fn parse(text: &str, prefix: &str) -> Option<Version> {
    parse_prefixed(text, prefix).or_else(|| parse_prefixed(text, ""))
}

/// Reads a version that has the prefix; a `v` before its digits may be there or not.
#[must_use]
pub fn parse_prefixed(text: &str, prefix: &str) -> Option<Version> {
    let rest = text.strip_prefix(without_v(prefix))?;
    [Some(rest), rest.strip_prefix('v')].into_iter().flatten().find_map(|bare| Version::parse(bare).ok())
}

/// Returns a prefix without the `v` that belongs to the version: `api/` for `api/v`, nothing for `v`.
#[must_use]
pub fn without_v(prefix: &str) -> &str {
    match prefix.strip_suffix('v') {
        Some(rest) if !rest.ends_with(|c: char| c.is_alphanumeric()) => rest,
        _ => prefix,
    }
}

#[cfg(test)]
mod tests;
