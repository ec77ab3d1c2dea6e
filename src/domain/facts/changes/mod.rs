//! What is in a release: the commits between what is stable and what comes in, what they ask of the version, and what
//! else differs.
//!
//! - [`commit`] reads commits, [`tickets`] what they refer to, [`version`] which step they ask for.
//! - [`notes`] writes release notes, [`markdown`] keeps text from outside harmless in them.
//! - [`code`] finds the feature flags that the code asks for.
//! - [`migration`] says whether SQL can be gone back from, [`drift`] what differs from the environment before.

pub mod code;
pub mod commit;
pub mod drift;
pub mod markdown;
pub mod migration;
pub mod notes;
pub mod tickets;
pub mod version;

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

pub use code::{CodeFlag, CodeFlags, CodeSearch};
pub use commit::{Commit, CommitKind, RawCommit};
pub use drift::Difference;
pub use migration::Migration;
pub use notes::Audience;
pub use version::{Bump, Bumping};

/// One end of the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Its version, as image or tag say.
    pub version: String,
    /// Its commit: the full hash.
    pub commit: String,
    /// What told the commit, e.g. `tag v1.5.0`.
    pub told_by: String,
    pub at: Option<Timestamp>,
}

/// A part of the changes that may not be known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part<T> {
    #[default]
    NotAsked,
    Known(T),
    /// The reason why it is unknown.
    Blind(String),
}

impl<T> From<Result<T, String>> for Part<T> {
    fn from(result: Result<T, String>) -> Self {
        match result {
            Ok(known) => Self::Known(known),
            Err(why) => Self::Blind(why),
        }
    }
}

impl<T> Part<T> {
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        if let Self::Known(known) = self { Some(known) } else { None }
    }
}

/// How the tag of a version stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tag {
    /// There is none of any of these names.
    Missing(Vec<String>),
    /// It points at another commit than the release was built from.
    Elsewhere {
        name: String,
        commit: String,
        /// What the release was built from.
        built_from: String,
    },
    /// It is there, and nothing says that it is wrong.
    There(String),
}

/// The version, its tag, and whether it is the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioning {
    /// The version; `None` where it is not a semantic one.
    pub version: Option<Version>,
    pub tag: Tag,
    /// Whether it is right after the last one; `None` where there is no earlier one.
    pub bumping: Option<Bumping>,
    /// The commits that ask for the step, a line each.
    pub because: Vec<String>,
}

/// What is in a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    pub service: String,
    /// What is stable now; where nothing else comes in, the version before.
    pub from: Point,
    pub to: Point,
    /// The commits that come in, newest first.
    pub commits: Vec<Commit>,
    /// The commits that are stable now and are not in what comes in: the release takes them away.
    pub lost: Vec<Commit>,
    /// Whether there are more commits than are reported.
    pub cut: bool,
    /// The version and its tag.
    pub version: Part<Versioning>,
    pub migrations: Part<Vec<Migration>>,
    /// What differs from the environment before.
    pub drift: Part<Vec<Difference>>,
    /// What may be names of feature flags in the code that comes in.
    #[serde(default)]
    pub code: Part<CodeFlags>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// Its title, e.g. `Features`.
    pub title: &'static str,
    /// Its kind; `None` for those that break something.
    pub kind: Option<CommitKind>,
    pub commits: Vec<&'a Commit>,
}

impl Changes {
    /// Returns the commits by kind: those that break something first, then in the order of [`CommitKind::ALL`]; each
    /// commit once, no group empty.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        let of = |kind| self.commits.iter().filter(move |commit| commit.breaking.is_none() && commit.kind == kind);
        let breaking = self.commits.iter().filter(|commit| commit.breaking.is_some()).collect();
        let mut groups = vec![Group { title: "Breaking changes", kind: None, commits: breaking }];
        groups.extend(CommitKind::ALL.map(|kind| Group {
            title: kind.title(),
            kind: Some(kind),
            commits: of(kind).collect(),
        }));
        groups.retain(|group| !group.commits.is_empty());
        groups
    }

    /// Returns who wrote the commits, by name, each once.
    #[must_use]
    pub fn authors(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.commits.iter().flat_map(|commit| &commit.authors).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the tickets, in the order of the commits from the oldest, each once.
    #[must_use]
    pub fn tickets(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for ticket in self.commits.iter().rev().flat_map(|commit| &commit.tickets) {
            if !found.contains(&ticket.as_str()) {
                found.push(ticket);
            }
        }
        found
    }

    /// Returns the feature flags that the commits name in a trailer, `Flag: express-checkout-v2`, each with its commit.
    pub fn flags(&self) -> impl Iterator<Item = (&str, &Commit)> {
        let all = self.commits.iter().flat_map(|commit| trailers(&commit.body).map(move |trailer| (trailer, commit)));
        all.filter(|((key, name), _)| key.eq_ignore_ascii_case("flag") && !name.is_empty())
            .map(|((_, name), commit)| (name, commit))
    }

    /// Returns how many commits break something.
    #[must_use]
    pub fn breaking(&self) -> usize {
        self.commits.iter().filter(|commit| commit.breaking.is_some()).count()
    }
}

impl Versioning {
    /// Returns what is wrong with it and what would make it right, line by line; empty where all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<(String, String)> {
        let mut troubles = Vec::new();
        if self.version.is_none() {
            troubles.push((
                "it is not a semantic version".to_owned(),
                "the image's tag is a version such as 1.5.0".to_owned(),
            ));
        }
        match &self.tag {
            // What is no version needs no tag.
            _ if self.version.is_none() => {}
            Tag::Missing(names) => troubles.push((
                format!("there is no tag {}", names.join(" or ")),
                "the tag is there: `git fetch --tags`, or tag the commit that was built".to_owned(),
            )),
            Tag::Elsewhere { name, commit, built_from } => troubles.push((
                format!("tag {name} points at {}, and the release was built from {}", short(commit), short(built_from)),
                format!("{name} points at {}, or a new version is built from the tag", short(built_from)),
            )),
            Tag::There(_) => {}
        }
        if let Some(bumping) = self.bumping.as_ref().filter(|bumping| !bumping.is_right()) {
            troubles.push((bumping.describe(), format!("the version is {} or larger", bumping.least())));
        }
        troubles
    }

    /// Returns it in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let troubles = self.troubles();
        if !troubles.is_empty() {
            return troubles.into_iter().map(|(what, _)| what).collect::<Vec<_>>().join("; ");
        }
        let tag = if let Tag::There(name) = &self.tag { format!("tag {name}") } else { String::new() };
        match &self.bumping {
            Some(bumping) => format!("{tag}; {}", bumping.describe()),
            None => format!("{tag}; no earlier version to compare it with"),
        }
    }
}

/// Returns the first eight digits of a hash.
#[must_use]
pub fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// Returns the trailers of a message: the last paragraph of its body.
fn trailers(body: &str) -> impl Iterator<Item = (&str, &str)> {
    let last = body.rsplit("\n\n").next().unwrap_or_default();
    last.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::commit::tests::commit;
    use super::*;

    /// Changes with these commits, newest first.
    pub(crate) fn changes(messages: &[&str]) -> Changes {
        Changes {
            service: "payments-api".to_owned(),
            from: Point { version: "1.4.2".to_owned(), commit: "a".repeat(40), ..Point::default() },
            to: Point { version: "1.5.0".to_owned(), commit: "b".repeat(40), ..Point::default() },
            commits: messages.iter().map(|message| commit(message)).collect(),
            ..Changes::default()
        }
    }

    #[test]
    fn flags_are_named_in_trailers() {
        let changes = changes(&[
            "feat: checkout\n\nFlag: off by default, in words.\n\nFlag: express-checkout-v2\nSigned-off-by: ada",
            "feat: search\n\nflag:search-v3",
            "fix: a flag: not here",
            "fix: b\n\nFlag:",
        ]);
        let named: Vec<(&str, &str)> = changes.flags().map(|(name, commit)| (name, commit.subject.as_str())).collect();
        assert_eq!(named, [("express-checkout-v2", "feat: checkout"), ("search-v3", "feat: search")]);
    }

    #[test]
    fn breaking_changes_come_first_and_once() {
        let changes = changes(&["words", "fix: b PAY-2", "feat!: c", "feat: d PAY-1, PAY-2", "fix(security): e"]);
        let titles: Vec<(&str, usize)> =
            changes.groups().iter().map(|group| (group.title, group.commits.len())).collect();
        assert_eq!(titles, [("Breaking changes", 1), ("Security", 1), ("Features", 1), ("Fixes", 1), ("Other", 1)]);
        assert_eq!(changes.breaking(), 1);
        assert_eq!(changes.tickets(), ["PAY-1", "PAY-2"]);
        assert_eq!(changes.authors(), ["Ada Lovelace"]);
    }

    #[test]
    fn wrong_version_names_the_required_one() {
        let mut versioning = Versioning {
            version: Version::parse("1.4.3").ok(),
            tag: Tag::There("v1.4.3".to_owned()),
            bumping: None,
            because: Vec::new(),
        };
        assert_eq!(versioning.troubles(), []);
        assert_eq!(versioning.describe(), "tag v1.4.3; no earlier version to compare it with");
        versioning.tag =
            Tag::Elsewhere { name: "v1.4.3".to_owned(), commit: "a".repeat(40), built_from: "b".repeat(40) };
        let last = Version::new(1, 4, 2);
        versioning.bumping = Some(Bumping::judge(&last, &Version::new(1, 4, 3), &[commit("feat: a")]));
        assert_eq!(
            versioning.describe(),
            "tag v1.4.3 points at aaaaaaaa, and the release was built from bbbbbbbb; \
             1.4.2 → 1.4.3 is a patch bump; the commits require a minor one: at least 1.5.0"
        );
        assert_eq!(versioning.troubles().last().unwrap().1, "the version is 1.5.0 or larger");
    }
}
