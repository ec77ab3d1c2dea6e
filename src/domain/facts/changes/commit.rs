//! Commits, read as Conventional Commits 1.0 (conventionalcommits.org) as far as they are some.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tickets::tickets;

mod breaking;
mod header;

use header::{Header, header};

/// A commit as git tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawCommit {
    pub hash: String,
    pub author: String,
    /// When it was written; `None` where git's figure is no time.
    pub at: Option<Timestamp>,
    pub message: String,
    /// Whether it has more than one parent.
    pub merge: bool,
}

/// A commit of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub hash: String,
    /// Who wrote it, and with whom: the author first.
    pub authors: Vec<String>,
    pub at: Option<Timestamp>,
    /// First line of the message.
    pub subject: String,
    pub body: String,
    /// What kind of change it is.
    pub kind: CommitKind,
    /// What it is about, e.g. `api` of `feat(api): …`.
    pub scope: Option<String>,
    /// What breaks by it: the words of its note on that, else its description.
    pub breaking: Option<String>,
    /// The subject without type and scope.
    pub description: String,
    /// Tickets that it names, in order.
    pub tickets: Vec<String>,
}

/// What kind of change a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CommitKind {
    Security,
    Feat,
    Fix,
    Perf,
    /// Takes back an earlier one.
    Revert,
    Refactor,
    Docs,
    Test,
    /// How it is built, and from what.
    Build,
    Ci,
    Style,
    Chore,
    Other,
}

impl CommitKind {
    /// All kinds, in the order of the notes.
    pub const ALL: [Self; 13] = [
        Self::Security,
        Self::Feat,
        Self::Fix,
        Self::Perf,
        Self::Revert,
        Self::Refactor,
        Self::Docs,
        Self::Test,
        Self::Build,
        Self::Ci,
        Self::Style,
        Self::Chore,
        Self::Other,
    ];

    /// Returns the word, as commits write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Feat => "feat",
            Self::Fix => "fix",
            Self::Perf => "perf",
            Self::Revert => "revert",
            Self::Refactor => "refactor",
            Self::Docs => "docs",
            Self::Test => "test",
            Self::Build => "build",
            Self::Ci => "ci",
            Self::Style => "style",
            Self::Chore => "chore",
            Self::Other => "other",
        }
    }

    /// Returns the title of its group.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Security => "Security",
            Self::Feat => "Features",
            Self::Fix => "Fixes",
            Self::Perf => "Performance",
            Self::Revert => "Reverts",
            Self::Refactor => "Refactoring",
            Self::Docs => "Documentation",
            Self::Test => "Tests",
            Self::Build => "Build",
            Self::Ci => "Pipelines",
            Self::Style => "Style",
            Self::Chore => "Chores",
            Self::Other => "Other",
        }
    }

    /// Reads the type of a commit, with the spellings that are common; `None` for a word that is none.
    fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Some(match word.as_str() {
            "feature" | "features" => Self::Feat,
            "bugfix" | "hotfix" => Self::Fix,
            "sec" => Self::Security,
            "doc" => Self::Docs,
            "tests" => Self::Test,
            "deps" => Self::Build,
            _ => return Self::ALL.into_iter().find(|kind| kind.as_str() == word && *kind != Self::Other),
        })
    }
}

impl Commit {
    /// Reads a commit. Never fails: what is not conventional is [`CommitKind::Other`], with its subject as description.
    #[must_use]
    pub fn read(raw: &RawCommit) -> Self {
        let message = raw.message.trim();
        let (subject, body) = message.split_once('\n').unwrap_or((message, ""));
        let (subject, body) = (subject.trim().to_owned(), body.trim().to_owned());
        let head = header(&subject);
        let is_revert = subject.starts_with("Revert \"");
        let (kind, scope, description, loud) = match &head {
            Some(Header { kind, scope, description, breaking }) => (*kind, *scope, *description, *breaking),
            None if is_revert => (CommitKind::Revert, None, subject.as_str(), false),
            None => (CommitKind::Other, None, subject.as_str(), header::is_marked_breaking(&subject)),
        };
        let description = description.to_owned();
        // What a bot writes below its subject is about other projects: their release notes, their tickets.
        let is_update = updates_dependencies(&raw.author, &subject);
        let own_words = if is_update { "" } else { body.as_str() };
        let loud_words = || loud.then(|| description.clone());
        let title = || if raw.merge { breaking::title(&body) } else { None };
        let breaking = breaking::words(&subject, own_words).or_else(loud_words).or_else(title);
        let mut authors = vec![raw.author.trim().to_owned()];
        for name in co_authors(&body) {
            if !authors.contains(&name) {
                authors.push(name);
            }
        }
        Self {
            hash: raw.hash.clone(),
            authors,
            at: raw.at,
            kind,
            scope: scope.map(ToOwned::to_owned),
            breaking,
            tickets: tickets(if is_update { &subject } else { message }),
            description,
            subject,
            body,
        }
    }

    /// Returns the commits to tell of. A merge says nothing that its commits do not say, unless its own subject is a
    /// conventional one: then the pull request was named with care, and it counts too.
    pub fn read_all<'a>(raw: impl IntoIterator<Item = &'a RawCommit>) -> Vec<Self> {
        let read = raw.into_iter().map(|raw| (raw.merge, Self::read(raw)));
        read.filter(|(merge, commit)| !merge || commit.kind != CommitKind::Other || commit.breaking.is_some())
            .map(|(_, commit)| commit)
            .collect()
    }

    /// Returns the hash as it is shown.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..8).unwrap_or(&self.hash)
    }
}

/// Programs that update dependencies, and quote the release notes of those.
const UPDATERS: [&str; 13] = [
    "dependabot",
    "dependabot-preview",
    "depfu",
    "greenkeeper",
    "imgbot",
    "mend-for-github-com",
    "pre-commit-ci",
    "pyup-bot",
    "renovate",
    "renovate-bot",
    "scala-steward",
    "snyk-bot",
    "whitesource-renovate",
];

/// Whether a program wrote a commit that updates what others publish. A program that writes code, or merges, says what it
/// breaks like a person.
fn updates_dependencies(author: &str, subject: &str) -> bool {
    let name = author.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    let (name, says_so) = match name.strip_suffix("[bot]") {
        Some(plain) => (plain.to_owned(), true),
        None => (name.clone(), name.rsplit('-').next() == Some("bot")),
    };
    let subject = subject.to_ascii_lowercase();
    let is_update =
        ["bump ", "(deps", "update dependency ", "update module "].iter().any(|word| subject.contains(word));
    UPDATERS.contains(&name.as_str()) || says_so && is_update
}

/// Returns the names of `Co-authored-by: Name <mail>`.
fn co_authors(body: &str) -> impl Iterator<Item = String> {
    body.lines().filter_map(|line| {
        let (token, name) = line.split_once(':')?;
        let name = name.split('<').next()?.trim();
        (token.eq_ignore_ascii_case("co-authored-by") && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A commit with this message.
    pub(crate) fn commit(message: &str) -> Commit {
        Commit::read(&RawCommit {
            hash: "9f2c41abd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f".to_owned(),
            author: "Ada Lovelace".to_owned(),
            at: Timestamp::from_second(1_780_000_000).ok(),
            message: message.to_owned(),
            merge: false,
        })
    }

    #[test]
    fn subjects_are_parsed() {
        for (subject, kind, scope, breaking, description) in [
            ("feat: queue", CommitKind::Feat, None, false, "queue"),
            ("feat(api): queue", CommitKind::Feat, Some("api"), false, "queue"),
            ("fix(api)!: queue", CommitKind::Fix, Some("api"), true, "queue"),
            ("Fix: upper case", CommitKind::Fix, None, false, "upper case"),
            ("fix(security): hole", CommitKind::Security, Some("security"), false, "hole"),
            ("security: hole", CommitKind::Security, None, false, "hole"),
            ("refactor!: new wire format", CommitKind::Refactor, None, true, "new wire format"),
            ("wire!: new format", CommitKind::Other, None, true, "new format"),
            ("chore():tidy", CommitKind::Chore, None, false, "tidy"),
            ("feat: a: b", CommitKind::Feat, None, false, "a: b"),
            ("deps(cargo): bump serde", CommitKind::Build, Some("cargo"), false, "bump serde"),
            // What only looks like it.
            ("Note: this is prose", CommitKind::Other, None, false, "Note: this is prose"),
            ("other: thing", CommitKind::Other, None, false, "other: thing"),
            ("feat:", CommitKind::Other, None, false, "feat:"),
            ("feat(api: queue", CommitKind::Other, None, false, "feat(api: queue"),
            ("just words", CommitKind::Other, None, false, "just words"),
            ("two words!: x", CommitKind::Other, None, false, "two words!: x"),
            ("Revert \"feat: queue\"", CommitKind::Revert, None, false, "Revert \"feat: queue\""),
            ("", CommitKind::Other, None, false, ""),
        ] {
            let commit = commit(subject);
            let got = (commit.kind, commit.scope.as_deref(), commit.breaking.is_some(), commit.description.as_str());
            assert_eq!(got, (kind, scope, breaking, description), "{subject}");
        }
    }

    #[test]
    fn breaking_change_is_read_from_a_footer() {
        let commit = commit(
            "feat(api): v2\n\nLonger words.\n\nBREAKING CHANGE: the old path\nis gone.\nRefs: PAY-12\n\nReviewed-by: Z",
        );
        assert_eq!(commit.breaking.as_deref(), Some("the old path is gone."));
        assert_eq!(commit.tickets, ["PAY-12"]);
        assert_eq!(super::tests::commit("fix: a\n\nBREAKING-CHANGE: b").breaking.as_deref(), Some("b"));
        assert_eq!(super::tests::commit("fix: a\n\nno breaking change: b").breaking, None);
        assert!(super::tests::commit("fix: a\n\nBREAKING CHANGE:").breaking.is_some());
    }

    #[test]
    fn bots_name_no_tickets_and_breaks_below_their_subject() {
        let message = "build(deps): bump serde from 1.0.1 to 2.0.0 (#41)\n\nBumps serde.\n\n- Fixes PAY-7, #12\n\nBREAKING CHANGE: their API";
        let by = |author: &str| {
            let author = author.to_owned();
            Commit::read(&RawCommit { author, message: message.to_owned(), ..RawCommit::default() })
        };
        for bot in ["dependabot[bot]", "Renovate Bot", "renovate", "snyk-bot", "Scala Steward", "acme-updates[bot]"] {
            let commit = by(bot);
            assert_eq!((commit.tickets.as_slice(), commit.breaking), (&["#41".to_owned()][..], None), "{bot}");
        }
        for person in ["Ada Lovelace", "Abbot", "Bob Talbot", "Bot Nguyen"] {
            let commit = by(person);
            assert_eq!((commit.tickets.len(), commit.breaking.is_some()), (3, true), "{person}");
        }
    }

    #[test]
    fn bots_that_write_code_say_what_they_break() {
        let message = "feat: new paths\n\nBREAKING CHANGE: the old ones are gone";
        for author in ["copilot-swe-agent[bot]", "github-actions[bot]", "semantic-release-bot"] {
            let author = author.to_owned();
            let commit = Commit::read(&RawCommit { author, message: message.to_owned(), ..RawCommit::default() });
            assert_eq!(commit.breaking.as_deref(), Some("the old ones are gone"));
        }
    }

    #[test]
    fn title_of_a_merged_pull_request_says_what_breaks() {
        let merge = |message: &str| {
            Commit::read(&RawCommit { merge: true, message: message.to_owned(), ..RawCommit::default() })
        };
        for message in [
            "Merge pull request #12 from acme/paths\n\nfeat!: drop v1",
            "Merge branch 'paths' into 'main'\n\nfeat(api)!: drop v1\n\nSee merge request acme/api!12",
            "Merged in paths (pull request #12)\n\n[PAY-1] feat!: drop v1",
        ] {
            assert_eq!(merge(message).breaking.as_deref(), Some("drop v1"), "{message}");
        }
        assert_eq!(merge("Merge pull request #12 from acme/paths\n\nfeat: more").breaking, None);
    }

    #[test]
    fn all_authors_are_named_once() {
        let body = "fix: a\n\nCo-authored-by: Grace <g@x>\nco-authored-by: Ada Lovelace <a@x>\nCo-authored-by: <x@x>";
        assert_eq!(commit(body).authors, ["Ada Lovelace", "Grace"]);
    }

    #[test]
    fn only_conventional_merge_messages_count() {
        let raw = |message: &str, merge| RawCommit { message: message.to_owned(), merge, ..RawCommit::default() };
        let all = [
            raw("Merge branch 'x'", true),
            raw("feat: queue (#12)", true),
            raw("words", false),
            raw("Merge it\n\nBREAKING CHANGE: all", true),
        ];
        let subjects: Vec<String> = Commit::read_all(&all).into_iter().map(|commit| commit.subject).collect();
        assert_eq!(subjects, ["feat: queue (#12)", "words", "Merge it"]);
    }

    proptest! {
        #[test]
        fn any_commit_message_is_read(message in any::<String>()) {
            let read = commit(&message);
            prop_assert!(!read.subject.contains('\n'));
            prop_assert!(read.subject.ends_with(&read.description));
        }

        #[test]
        fn nearly_conventional_messages_are_accepted(
            message in "[a-z(]{0,6}(\\([a-z]{0,3}\\))?!?:? ?[a-zäß\u{202e}:(]{0,5}\n{0,2}(BREAKING[ -]CHANGE[: #]{0,2}.{0,9}\n?){0,2}",
        ) {
            let read = commit(&message);
            prop_assert_eq!(&read, &commit(&message));
            let marked = message.contains("BREAKING") || message.contains('!');
            prop_assert!(read.breaking.is_none() || marked);
        }
    }
}
