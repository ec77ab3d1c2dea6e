//! Git: what a local repository knows of a release. It is only read; nothing is fetched, and no hook runs.
//!
//! - [`Git`] is a repository, [`Oid`] a commit that it has: only what was looked up first is named to git again.
//! - [`origin`] tells which commit an artifact was built from.

mod code;
pub mod origin;
mod read;
mod run;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use semver::Version;

use crate::domain::facts::changes::{RawCommit, version};
use run::{GitOutput, ask};

pub use origin::{Origin, Traces, commit_of};

/// What stands before the version in the name of a tag, where nothing else is configured.
pub const TAG_PREFIX: &str = "v";

/// Most commits that are reported between two revisions.
pub const MAX_COMMITS: usize = 2_000;
/// Most commits whose origin is looked up.
const MAX_PICKS: usize = 50;
/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why git does not tell: what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no such program.
    #[error("the program `git` is not there: install it, and see that it is in PATH")]
    NotInstalled,
    /// It is there and cannot be run.
    #[error("the program `git` cannot be started: {0}")]
    CannotStart(String),
    /// There is neither a configured repository nor a config file.
    #[error("no git repository is known: write a config file into it, or set [service] repository to it in the config")]
    NotConfigured,
    /// The folder is in no repository.
    #[error("{} is not in a git repository: set [service] repository to one, or keep the config file in one", .0.display())]
    NotARepository(PathBuf),
    /// The repository belongs to someone else, and git does not trust it.
    #[error("git does not trust {}, for it belongs to someone else: `git config --global --add safe.directory {}`", .0.display(), .0.display())]
    NotTrusted(PathBuf),
    /// Its history was cut off.
    #[error("{} is a shallow clone, and its history ends early: `git fetch --unshallow --tags` in it", .0.display())]
    Shallow(PathBuf),
    /// There is no such commit.
    #[error("{} does not know the commit {revision}: `git fetch --tags` in it", folder.display())]
    UnknownCommit { folder: PathBuf, revision: String },
    /// There is no such tag.
    #[error("{} has no tag {}: `git fetch --tags` in it, or tag the commit", folder.display(), names.join(" or "))]
    NoTag { folder: PathBuf, names: Vec<String> },
    /// What names the commit cannot be read, or names one that is not there: why.
    #[error("{0}")]
    Untold(String),
    /// There are more commits than are read.
    #[error("there are more than {MAX_COMMITS} commits after {after}: what the others change is unknown")]
    TooMany { after: String },
    #[error("git did not answer in {} s", .0.as_secs())]
    TooSlow(Duration),
    #[error("git answered more than {} MiB", .0 >> 20)]
    TooMuch(u64),
    /// The line to it broke.
    #[error("reading the output of git: {0}")]
    Broken(std::io::Error),
    #[error("git {what} in {}: {said}", folder.display())]
    Refused { folder: PathBuf, what: &'static str, said: String },
}

/// The full hash of a commit that a repository has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

impl Oid {
    /// Takes what git printed; `None` where that is no hash.
    fn new(text: &str) -> Option<Self> {
        let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRef {
    pub name: String,
    /// The commit that it points at; `None` where it points at something else.
    pub commit: Option<Oid>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub commits: Vec<RawCommit>,
    /// Whether there are more of them.
    pub cut: bool,
}

/// What happened to a file between two revisions. A rename is a file that is gone and one that is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    Added,
    Changed,
    Gone,
}

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the folder that the repository was opened at.
    pub path: String,
    /// The hash of its content.
    content: String,
}

/// A repository, or a folder in one: then only what concerns that folder counts.
#[derive(Clone, Debug)]
pub struct Git {
    folder: PathBuf,
    /// The folder within the repository, with a `/` at its end; empty at its root.
    prefix: String,
}

impl Git {
    /// Opens the repository that a folder is in.
    pub async fn open(folder: &Path) -> Result<Self, GitError> {
        let answer = ask(folder, &["rev-parse", "--show-prefix"]).await?;
        if !answer.status.success() {
            let (said, folder) = (answer.complaint, folder.to_owned());
            return Err(if said.contains("dubious ownership") {
                GitError::NotTrusted(folder)
            } else if said.contains("not a git repository") || said.contains("cannot change to") {
                GitError::NotARepository(folder)
            } else {
                GitError::Refused { folder, what: "rev-parse", said }
            });
        }
        let prefix = String::from_utf8_lossy(&answer.out).trim_end_matches('\n').to_owned();
        Ok(Self { folder: folder.to_owned(), prefix })
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the commit that an abbreviated or full hash names. Branches and tags of that name do not count.
    pub async fn commit(&self, hash: &str) -> Result<Oid, GitError> {
        let unknown = || GitError::UnknownCommit { folder: self.folder.clone(), revision: short_text(hash) };
        let hash = hash.trim().to_ascii_lowercase();
        if !is_hash(&hash) {
            return Err(unknown());
        }
        let found = self.verify(&hash).await?;
        found.filter(|oid| oid.as_str().starts_with(&hash)).ok_or_else(unknown)
    }

    /// Returns what a tag points at; `None` where there is no such tag, or it points at no commit.
    pub async fn tag(&self, name: &str) -> Result<Option<Oid>, GitError> {
        if name.is_empty()
            || name.starts_with('-')
            || name.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c))
        {
            return Ok(None);
        }
        self.verify(&format!("refs/tags/{name}")).await
    }

    async fn verify(&self, revision: &str) -> Result<Option<Oid>, GitError> {
        let revision = format!("{revision}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &revision]).await?;
        Ok(Some(answer)
            .filter(|answer| answer.status.success())
            .and_then(|answer| String::from_utf8_lossy(&answer.out).lines().find_map(Oid::new)))
    }

    /// Returns the tag of a version, `{prefix}{version}` or `{version}`, and the commit that it points at.
    pub async fn tag_of(&self, version: &str, prefix: &str) -> Result<(String, Oid), GitError> {
        let names = self.tag_names(version, prefix).await?;
        for name in &names {
            if let Some(commit) = self.tag(name).await? {
                return Ok((name.clone(), commit));
            }
        }
        Err(GitError::NoTag { folder: self.folder.clone(), names })
    }

    /// Returns the names that the tag of a version may have. Where the service has tags of its own, those of the whole
    /// repository are about something else.
    pub async fn tag_names(&self, version: &str, prefix: &str) -> Result<Vec<String>, GitError> {
        let mut names = tag_names(version, prefix);
        let own = version::without_v(prefix);
        if !own.is_empty() {
            let tags = self.all_tags().await?;
            if tags.iter().any(|tag| version::parse_prefixed(&tag.name, prefix).is_some()) {
                names.retain(|name| name.starts_with(own));
            }
        }
        Ok(names)
    }

    async fn all_tags(&self) -> Result<Vec<TagRef>, GitError> {
        let format = "--format=%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)";
        let answer = self.ask(&["for-each-ref", format, "refs/tags"]).await?;
        Ok(read::tags(&self.good("for-each-ref", answer)?))
    }

    /// Returns the tags that are versions, with the lowest first.
    pub async fn versions(&self, prefix: &str) -> Result<Vec<(Version, TagRef)>, GitError> {
        let tags = self.all_tags().await?;
        let read = |parse: fn(&str, &str) -> Option<Version>| -> Vec<(Version, TagRef)> {
            tags.iter().filter_map(|tag| Some((parse(&tag.name, prefix)?, tag.clone()))).collect()
        };
        // In a repository of several packages the tags of another one say nothing.
        let own = read(version::parse_prefixed);
        let mut versions = if own.is_empty() { read(version::parse) } else { own };
        versions.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.name.cmp(&b.name)));
        Ok(versions)
    }

    /// Returns the latest commit that is in the history of both; `None` where they share none.
    pub async fn merge_base(&self, one: &Oid, other: &Oid) -> Result<Option<Oid>, GitError> {
        let answer = self.ask(&["merge-base", one.as_str(), other.as_str()]).await?;
        match answer.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&answer.out).lines().find_map(Oid::new)),
            Some(1) => Ok(None),
            _ => Err(self.refused("merge-base", answer)),
        }
    }

    /// Returns whether a commit is in the history of another, or is it.
    pub async fn is_ancestor(&self, commit: &Oid, of: &Oid) -> Result<bool, GitError> {
        let answer = self.ask(&["merge-base", "--is-ancestor", commit.as_str(), of.as_str()]).await?;
        match answer.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.refused("merge-base", answer)),
        }
    }

    /// Returns the commits that `to` has and `from` has not, newest first; all of its history where there is no `from`.
    pub async fn commits(&self, from: Option<&Oid>, to: &Oid) -> Result<Range, GitError> {
        self.reaches(from, to).await?;
        let range = from.map_or_else(|| to.to_string(), |from| format!("{from}..{to}"));
        self.log(&range, &[]).await
    }

    /// Returns the commits that `from` has and `to` has not, newest first, without those whose change is in `to` by
    /// another commit: a cherry-pick, by its patch or by what `git cherry-pick -x` wrote.
    pub async fn lost(&self, from: &Oid, to: &Oid) -> Result<Range, GitError> {
        self.reaches(Some(from), to).await?;
        let patches = self.log(&format!("{to}...{from}"), &["--cherry-pick", "--right-only"]).await;
        // A clone without contents cannot compare patches.
        let mut lost = match patches {
            Err(GitError::Refused { .. }) => self.log(&format!("{to}..{from}"), &[]).await?,
            patches => patches?,
        };
        let mut picked = BTreeSet::new();
        for commit in lost.commits.iter().take(MAX_PICKS) {
            for origin in picked_from(&commit.message) {
                let origin = self.commit(origin).await.ok();
                if let Some(origin) = origin {
                    if self.is_ancestor(&origin, to).await? {
                        picked.insert(commit.hash.clone());
                    }
                }
            }
        }
        lost.commits.retain(|commit| !picked.contains(&commit.hash));
        Ok(lost)
    }

    async fn log(&self, range: &str, options: &[&str]) -> Result<Range, GitError> {
        let limit = format!("--max-count={}", MAX_COMMITS + 1);
        let mut words = vec!["log", "-z", "--no-color", "--no-show-signature", read::COMMIT_FORMAT, &limit];
        words.extend(options);
        words.extend([range, "--"]);
        if !self.prefix.is_empty() {
            // Paths are relative to the folder that git is asked in.
            words.push(".");
        }
        let answer = self.ask(&words).await?;
        let mut commits = read::commits(&self.good("log", answer)?);
        let cut = commits.len() > MAX_COMMITS;
        commits.truncate(MAX_COMMITS);
        Ok(Range { commits, cut })
    }

    pub async fn show(&self, commit: &Oid) -> Result<Option<RawCommit>, GitError> {
        let words = [
            "log",
            "-z",
            "--no-color",
            "--no-show-signature",
            "--max-count=1",
            read::COMMIT_FORMAT,
            commit.as_str(),
            "--",
        ];
        let answer = self.ask(&words).await?;
        Ok(read::commits(&self.good("log", answer)?).into_iter().next())
    }

    /// Returns when a commit was made as it is: a change that was rebased or amended is older than its commit. `None` where
    /// its date cannot be read.
    pub async fn committed_at(&self, commit: &Oid) -> Result<Option<Timestamp>, GitError> {
        let words =
            ["log", "--no-color", "--no-show-signature", "--max-count=1", "--format=%ct", commit.as_str(), "--"];
        let answer = self.good("log", self.ask(&words).await?)?;
        let seconds = String::from_utf8_lossy(&answer).trim().parse().ok();
        Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()))
    }

    /// Returns the files that differ between two revisions.
    pub async fn files_changed(&self, from: &Oid, to: &Oid) -> Result<Vec<(FileChange, File)>, GitError> {
        let words = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", from.as_str(), to.as_str(), "--"];
        let answer = self.ask(&words).await?;
        let changed = read::changed_files(&self.good("diff-tree", answer)?);
        Ok(changed.into_iter().filter_map(|(change, file)| Some((change, self.own(file)?))).collect())
    }

    /// Returns all files of a revision.
    pub async fn files(&self, commit: &Oid) -> Result<Vec<File>, GitError> {
        let answer = self.ask(&["ls-tree", "-r", "-z", "--full-tree", commit.as_str()]).await?;
        let files = read::files(&self.good("ls-tree", answer)?);
        Ok(files.into_iter().filter_map(|file| self.own(file)).collect())
    }

    /// Returns the content of a file, as it is in the repository.
    pub async fn content(&self, file: &File) -> Result<String, GitError> {
        let answer = self.ask(&["cat-file", "-s", &file.content]).await?;
        let size = String::from_utf8_lossy(&self.good("cat-file", answer)?).trim().parse::<u64>().unwrap_or(u64::MAX);
        if size > MAX_FILE_BYTES {
            return Err(GitError::TooMuch(MAX_FILE_BYTES));
        }
        let answer = self.ask(&["cat-file", "blob", &file.content]).await?;
        Ok(String::from_utf8_lossy(&self.good("cat-file", answer)?).into_owned())
    }

    /// Complains about a repository whose history was cut off: what lies beyond the cut would be missing without a word.
    pub async fn whole(&self) -> Result<(), GitError> {
        if self.is_shallow().await? { Err(GitError::Shallow(self.folder.clone())) } else { Ok(()) }
    }

    async fn is_shallow(&self) -> Result<bool, GitError> {
        let answer = self.ask(&["rev-parse", "--is-shallow-repository"]).await?;
        Ok(String::from_utf8_lossy(&self.good("rev-parse", answer)?).trim() == "true")
    }

    /// Complains where the commits between two revisions reach to where a shallow clone was cut off. What lies before
    /// both of them is not needed.
    async fn reaches(&self, from: Option<&Oid>, to: &Oid) -> Result<(), GitError> {
        if !self.is_shallow().await? {
            return Ok(());
        }
        let shallow = || GitError::Shallow(self.folder.clone());
        let from = from.ok_or_else(shallow)?;
        let answer = self.ask(&["rev-parse", "--git-path", "shallow"]).await?;
        let path = String::from_utf8_lossy(&self.good("rev-parse", answer)?).trim().to_owned();
        let cut = tokio::fs::read_to_string(self.folder.join(path)).await.map_err(GitError::Broken)?;
        let answer = self.ask(&["rev-list", &format!("{from}...{to}"), "--"]).await?;
        let between = String::from_utf8_lossy(&self.good("rev-list", answer)?).into_owned();
        let ends: BTreeSet<&str> = cut.lines().map(str::trim).collect();
        if between.lines().any(|commit| ends.contains(commit.trim())) { Err(shallow()) } else { Ok(()) }
    }

    /// Makes a path relative to the folder; `None` where it lies outside.
    fn own(&self, file: File) -> Option<File> {
        let path = file.path.strip_prefix(&self.prefix)?.to_owned();
        Some(File { path, ..file })
    }

    async fn ask(&self, words: &[&str]) -> Result<GitOutput, GitError> {
        ask(&self.folder, words).await
    }

    fn good(&self, what: &'static str, answer: GitOutput) -> Result<Vec<u8>, GitError> {
        if answer.status.success() { Ok(answer.out) } else { Err(self.refused(what, answer)) }
    }

    fn refused(&self, what: &'static str, answer: GitOutput) -> GitError {
        GitError::Refused { folder: self.folder.clone(), what, said: answer.complaint }
    }
}

/// Returns the names that the tag of a version may have, the likeliest first. Images, tags and prefix need not agree on
/// the `v`.
#[must_use]
fn tag_names(version: &str, prefix: &str) -> Vec<String> {
    let base = version::without_v(prefix);
    let digits = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let unprefixed = version.strip_prefix(base).unwrap_or(version);
    let bare = unprefixed.strip_prefix('v').filter(digits).unwrap_or(unprefixed);
    let is_version = bare.starts_with(|c: char| c.is_ascii_digit());
    let with_v = is_version.then(|| format!("{base}v{bare}"));
    let without = is_version.then(|| format!("{base}{bare}"));
    let mut names: Vec<String> = Vec::new();
    let first = std::iter::once(format!("{prefix}{bare}"));
    for name in first.chain(with_v).chain(without).chain([version.to_owned(), bare.to_owned()]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns the hashes that `git cherry-pick -x` wrote into a message.
pub fn picked_from(message: &str) -> impl Iterator<Item = &str> {
    let lines = message.lines().filter_map(|line| line.trim().strip_prefix("(cherry picked from commit "));
    lines.filter_map(|rest| rest.strip_suffix(')')).map(str::trim).filter(|hash| is_hash(hash))
}

/// Whether a text may be a hash: 7 to 64 hex digits.
fn is_hash(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A revision from outside as it may be shown.
fn short_text(text: &str) -> String {
    crate::domain::facts::text::sanitize(&text.chars().take(64).collect::<String>()).into_owned()
}

/// Returns the folder to ask git about: the configured one, else that of the config file. The working folder is none: what
/// happens to lie there says nothing about the release.
pub async fn repository(configured: Option<&Path>, config_folder: Option<&Path>) -> Result<PathBuf, GitError> {
    if let Some(folder) = configured {
        return Git::open(folder).await.map(|_| folder.to_owned());
    }
    let folder = config_folder.ok_or(GitError::NotConfigured)?;
    // A relative path to the config file has an empty folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    Git::open(folder).await.map(|_| folder.to_owned())
}

/// Whether a folder is in a repository, as far as can be told without git.
#[must_use]
pub fn is_in_repository(folder: &Path) -> bool {
    std::path::absolute(folder).is_ok_and(|folder| folder.ancestors().any(|folder| folder.join(".git").exists()))
}

#[cfg(test)]
pub(crate) mod tests;
