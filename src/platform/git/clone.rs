//! Our own shallow clone of a config repository: fetched, committed to without a work tree, and pushed from.

mod history;
mod marks;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use tokio::time::{Instant, sleep};

pub(crate) use self::history::Version;
use super::run::{Answer, Ask, ask};
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::ActionId;
use crate::domain::world::GitPlace;
use crate::platform::Redactor;
use crate::platform::private_files::{file_stem, open_private, private_dir};

/// How long the server may take.
const REMOTE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server may take where nothing was fetched yet.
const FIRST_FETCH_TIMEOUT: Duration = Duration::from_secs(300);
/// How long ago a fetch may have been that somebody who only watches goes by.
const RECENT: Duration = Duration::from_secs(4);
/// How long git may take for what it does here.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of the history is fetched: enough to find our last commit among those that others made since.
const DEPTH: &str = "50";
/// Where the branch is kept.
const HEAD: &str = "refs/cockpit/head";
/// What the mode of a regular file starts with.
const REGULAR: &str = "100";
/// Who commits where neither the config nor git's own says.
const OWN_IDENTITY: [(&str, &str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "user.name", "Release Cockpit"),
    ("GIT_COMMITTER_NAME", "user.name", "Release Cockpit"),
    ("GIT_AUTHOR_EMAIL", "user.email", "release-cockpit@localhost"),
    ("GIT_COMMITTER_EMAIL", "user.email", "release-cockpit@localhost"),
];
/// What git says where it found no way to a repository: nothing was sent.
const NEVER_SENT: [&str; 5] = [
    "Could not read from remote repository",
    "unable to access",
    "Authentication failed",
    "could not read Username",
    "does not appear to be a git repository",
];
/// The trailer by which a commit is found again.
const TRAILER: &str = "Release-Cockpit-Action";
/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;
/// The longest reason that is shown, in characters.
const MAX_REASON_CHARS: usize = 400;

/// Why git did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GitError {
    /// Nothing was written.
    Refused(String),
    /// Somebody else wrote in between: nothing was written.
    Conflict,
    /// It may have been written.
    Unknown(String),
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Unknown(why) => f.write_str(why),
            Self::Conflict => f.write_str("somebody else committed in between"),
        }
    }
}

/// A clone in the state folder.
pub(crate) struct ShallowClone {
    folder: PathBuf,
    repository: String,
    branch: String,
    author: Vec<(&'static str, String)>,
    redactor: Redactor,
}

/// A file in a commit.
struct Entry {
    mode: String,
    blob: String,
}

/// The file at the head of the branch.
pub(crate) struct Head {
    pub(crate) commit: String,
    pub(crate) text: String,
    /// When it was asked for.
    pub(crate) at: Option<Timestamp>,
    mode: String,
}

impl ShallowClone {
    pub(crate) fn new(place: &GitPlace, state: &Path, redactor: Redactor) -> Self {
        let folder = state.join("git").join(file_stem(&format!("{} {}", place.repository, place.branch)));
        let name = place
            .author_name
            .iter()
            .flat_map(|name| [("GIT_AUTHOR_NAME", name.clone()), ("GIT_COMMITTER_NAME", name.clone())]);
        let mail = place
            .author_mail
            .iter()
            .flat_map(|mail| [("GIT_AUTHOR_EMAIL", mail.clone()), ("GIT_COMMITTER_EMAIL", mail.clone())]);
        let author = name.chain(mail).collect();
        Self { folder, repository: place.repository.clone(), branch: place.branch.clone(), author, redactor }
    }

    /// Fetches the branch and reads a file at its head.
    pub(crate) async fn fetch(&self, path: &str) -> Result<Head, GitError> {
        self.fetched(path, Duration::ZERO).await
    }

    /// The same for somebody who only watches, and goes by what was fetched a moment ago.
    pub(crate) async fn fetch_to_watch(&self, path: &str) -> Result<Head, GitError> {
        self.fetched(path, RECENT).await
    }

    async fn fetched(&self, path: &str, max_age: Duration) -> Result<Head, GitError> {
        private_dir(&self.folder).map_err(|error| GitError::Refused(error.to_string()))?;
        // Another process of ours may use the clone, too.
        let lock = self.lock().await?;
        let is_recent = |at: &SystemTime| at.elapsed().is_ok_and(|age| age < max_age);
        let at = if let Some(at) = self.fetched_at().filter(is_recent) {
            at
        } else {
            let began = SystemTime::now();
            self.remove_leftovers();
            self.fetch_branch().await?;
            self.note_fetch(began);
            began
        };
        let commit = self.here(&["rev-parse", "--verify", HEAD]).await?.text().trim().to_owned();
        drop(lock);
        let (mode, text) = self.file(&commit, path).await?;
        Ok(Head { commit, text, at: Timestamp::try_from(at).ok(), mode })
    }

    async fn fetch_branch(&self) -> Result<(), GitError> {
        if !self.folder.join("HEAD").exists() {
            self.here(&["init", "--quiet", "--bare", "."]).await?;
        }
        let refspec = format!("+refs/heads/{}:{HEAD}", self.branch);
        let depth = format!("--depth={DEPTH}");
        let words =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &depth, "--", &self.repository, &refspec];
        let answer = self.ask(&Ask { is_remote: true, timeout: self.fetch_timeout(), ..asking(&words) }).await;
        let unread = |why: &str| GitError::Refused(format!("{} cannot be read: {why}", self.repository));
        let answer = answer.map_err(|why| unread(&why))?;
        if answer.status.success() { Ok(()) } else { Err(unread(&self.shown(&answer.why()))) }
    }

    /// How long a fetch may take.
    fn fetch_timeout(&self) -> Duration {
        let has_head = [HEAD, "packed-refs"].iter().any(|name| self.folder.join(name).exists());
        if has_head { REMOTE_TIMEOUT } else { FIRST_FETCH_TIMEOUT }
    }

    async fn file(&self, commit: &str, path: &str) -> Result<(String, String), GitError> {
        let Some(entry) = self.entry(commit, path).await? else {
            return Err(GitError::Refused(format!("{} on {} has no file {path}", self.repository, self.branch)));
        };
        if !entry.mode.starts_with(REGULAR) {
            return Err(GitError::Refused(format!("{path} is a symbolic link: set `path` to what it leads to")));
        }
        let content = self.here(&["cat-file", "blob", &entry.blob]).await?.out;
        let text = as_text(content).map_err(|why| GitError::Refused(format!("{path} is {why}")))?;
        Ok((entry.mode, text))
    }

    /// Finds a file in a commit.
    async fn entry(&self, commit: &str, path: &str) -> Result<Option<Entry>, GitError> {
        // Git would take `..` out of it.
        if !is_inside(path) {
            return Err(GitError::Refused(format!("`{}` is not a file of a repository", sanitize(path))));
        }
        let listed = self.here(&["ls-tree", "-z", "--full-tree", commit, "--", path]).await?.text();
        let entry = listed.split('\0').next().and_then(|entry| entry.split_once('\t'));
        let words: Vec<&str> = entry.map(|(words, _)| words.split(' ').collect()).unwrap_or_default();
        let [mode, "blob", blob] = words.as_slice() else { return Ok(None) };
        Ok(Some(Entry { mode: (*mode).to_owned(), blob: (*blob).to_owned() }))
    }

    /// Makes a commit in which a file has another content; nothing is sent. It bears the action that it is found by, where there is one.
    pub(crate) async fn commit(
        &self,
        head: &Head,
        (path, text): (&str, &str),
        (message, action): (&str, Option<&ActionId>),
    ) -> Result<String, GitError> {
        let failed = |error: std::io::Error| GitError::Refused(format!("no temporary file: {error}"));
        let index = tempfile::tempdir_in(&self.folder).map_err(failed)?;
        let index = (index.path().join("index").display().to_string(), index);
        let variables = [("GIT_INDEX_FILE", index.0.as_str())];
        let words = ["hash-object", "-w", "--stdin", "--no-filters"];
        let blob = self.good(&Ask { input: text.as_bytes(), ..asking(&words) }).await?.text().trim().to_owned();
        self.good(&Ask { variables: &variables, ..asking(&["read-tree", &head.commit]) }).await?;
        let entry = format!("{},{blob},{path}", head.mode);
        self.good(&Ask { variables: &variables, ..asking(&["update-index", "--cacheinfo", &entry]) }).await?;
        let tree = self.good(&Ask { variables: &variables, ..asking(&["write-tree"]) }).await?.text().trim().to_owned();
        let signs = self.ask(&asking(&["config", "--type=bool", "--get", "commit.gpgsign"])).await;
        let signs = signs.is_ok_and(|answer| answer.text().trim() == "true");
        let trailer = action.map_or_else(String::new, |action| format!("\n{TRAILER}: {}\n", action.0));
        let message = format!("{message}\n{trailer}");
        let mut words = vec!["commit-tree", &tree, "-p", &head.commit];
        words.extend(signs.then_some("-S"));
        let author = self.identity().await;
        let author: Vec<(&str, &str)> = author.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let commit = self.good(&Ask { variables: &author, input: message.as_bytes(), ..asking(&words) }).await?;
        Ok(commit.text().trim().to_owned())
    }

    /// Returns who commits, as far as git does not know by itself: a machine where nobody ever committed has to turn a flag off, too.
    async fn identity(&self) -> Vec<(&'static str, String)> {
        for role in ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"] {
            let told = self.told_author();
            let answer = self.ask(&Ask { variables: &told, ..asking(&["var", role]) }).await;
            if !answer.is_ok_and(|answer| answer.status.success()) {
                return self.whole_identity().await;
            }
        }
        self.author.clone()
    }

    fn told_author(&self) -> Vec<(&'static str, &str)> {
        self.author.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Fills in what nobody says of who commits.
    async fn whole_identity(&self) -> Vec<(&'static str, String)> {
        let mut whole = self.author.clone();
        for (name, key, own) in OWN_IDENTITY {
            if whole.iter().any(|(told, _)| *told == name) || std::env::var_os(name).is_some() {
                continue;
            }
            let answer = self.ask(&asking(&["config", "--get", key])).await;
            let configured = answer.map(|answer| answer.text().trim().to_owned()).unwrap_or_default();
            whole.push((name, if configured.is_empty() { own.to_owned() } else { configured }));
        }
        whole
    }

    /// Returns the branch that is applied.
    pub(crate) fn branch(&self) -> &str {
        &self.branch
    }

    /// Pushes a commit to a branch, once, and only while that is at `head`; where `head` is empty, only where there is no such
    /// branch.
    pub(crate) async fn push(&self, commit: &str, branch: &str, head: &str) -> Result<(), GitError> {
        let lease = format!("--force-with-lease=refs/heads/{branch}:{head}");
        let refspec = format!("{commit}:refs/heads/{branch}");
        let words = ["push", "--porcelain", "--no-verify", &lease, "--", &self.repository, &refspec];
        self.push_begins(commit, head);
        let answer = self.ask(&Ask { is_remote: true, timeout: REMOTE_TIMEOUT, ..asking(&words) }).await;
        let pushed = match answer {
            Ok(answer) if answer.status.success() => Ok(()),
            Ok(answer) => Err(self.rejected(&answer)),
            Err(why) => Err(GitError::Unknown(why)),
        };
        self.push_ended(commit, !matches!(pushed, Err(GitError::Unknown(_))));
        pushed
    }

    /// Deletes a branch on the server while it is at a commit.
    pub(crate) async fn delete(&self, branch: &str, commit: &str) -> Result<(), String> {
        match self.push("", branch, commit).await {
            Ok(()) => Ok(()),
            Err(GitError::Conflict) => Err("it is at another commit".to_owned()),
            Err(GitError::Refused(why) | GitError::Unknown(why)) => Err(why),
        }
    }

    /// Whether the server has a branch.
    pub(crate) async fn has_branch(&self, branch: &str) -> Result<bool, GitError> {
        let name = format!("refs/heads/{branch}");
        let words = ["ls-remote", "--quiet", "--", &self.repository, &name];
        let answer = self.good(&Ask { is_remote: true, timeout: REMOTE_TIMEOUT, ..asking(&words) }).await?;
        Ok(answer.text().lines().any(|line| line.split('\t').nth(1) == Some(name.as_str())))
    }

    /// Whether a commit is in the history of what was fetched.
    pub(crate) async fn is_in(&self, commit: &str, head: &str) -> bool {
        // Named to git is only what is a hash.
        if commit.is_empty() || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        let answer = self.ask(&asking(&["merge-base", "--is-ancestor", commit, head])).await;
        answer.is_ok_and(|answer| answer.status.success())
    }

    /// Tells what a push that failed means: somebody else's commit in between, a clear no, or nothing known.
    fn rejected(&self, answer: &Answer) -> GitError {
        let text = answer.text();
        let Some(line) = text.lines().find(|line| line.starts_with("!\t")) else {
            let why = self.shown(&answer.why());
            // Git's own last words: what the server said before it went away may be the same.
            let mut own = answer.complaint.lines().filter(|line| line.starts_with("fatal: "));
            let is_never_sent = own.any(|line| NEVER_SENT.iter().any(|words| line.contains(words)));
            return if is_never_sent { GitError::Refused(why) } else { GitError::Unknown(why) };
        };
        let by_server = line.contains("[remote rejected]");
        let raced = ["cannot lock ref", "failed to update ref", "incorrect old value", "fetch first"];
        if raced.iter().any(|words| line.contains(words)) || (!by_server && line.contains("[rejected]")) {
            return GitError::Conflict;
        }
        if !by_server {
            return GitError::Unknown(self.shown(&answer.why()));
        }
        let reason = line.rsplit_once('(').map_or("rejected", |(_, reason)| reason.trim_end_matches(')'));
        let server = answer.complaint.lines().any(|line| line.starts_with("remote:"));
        let said = if server { format!(": {}", answer.why()) } else { String::new() };
        GitError::Refused(self.shown(&format!("the server of git refused the push, {reason}{said}")))
    }

    /// Removes what a fetch leaves behind that was ended from outside; nobody else fetches while the clone is in use by us.
    fn remove_leftovers(&self) {
        let packs = std::fs::read_dir(self.folder.join("objects/pack")).into_iter().flatten().flatten();
        for pack in packs.filter(|pack| pack.file_name().as_encoded_bytes().starts_with(b"tmp_")) {
            if let Err(error) = std::fs::remove_file(pack.path()) {
                tracing::warn!(pack = %pack.path().display(), %error, "cannot be removed");
            }
        }
        for name in ["shallow.lock", "config.lock", "HEAD.lock", "refs/cockpit/head.lock"] {
            let lock = self.folder.join(name);
            match std::fs::remove_file(&lock) {
                Ok(()) => tracing::warn!(lock = %lock.display(), "removed what an ended fetch left behind"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(lock = %lock.display(), %error, "cannot be removed"),
            }
        }
    }

    async fn lock(&self) -> Result<File, GitError> {
        let failed = |error: std::io::Error| GitError::Refused(format!("{}: {error}", self.folder.display()));
        let file = open_private(&self.folder.join("in-use"), OpenOptions::new().create(true).append(true));
        let file = file.map_err(failed)?;
        let until = Instant::now() + self.fetch_timeout();
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if Instant::now() >= until && error == rustix::io::Errno::WOULDBLOCK {
                let why = format!("another fetch of {} is still running", self.repository);
                return Err(GitError::Refused(why));
            }
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(failed(error.into()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(file)
    }

    async fn here(&self, words: &[&str]) -> Result<Answer, GitError> {
        self.good(&asking(words)).await
    }

    async fn good(&self, what: &Ask<'_>) -> Result<Answer, GitError> {
        let answer = self.ask(what).await.map_err(GitError::Refused)?;
        if answer.status.success() {
            return Ok(answer);
        }
        let verb = what.words.first().copied().unwrap_or_default();
        Err(GitError::Refused(format!("git {verb}: {}", self.shown(&answer.why()))))
    }

    async fn ask(&self, what: &Ask<'_>) -> Result<Answer, String> {
        ask(&self.folder, what).await
    }

    fn shown(&self, words: &str) -> String {
        sanitize(&self.redactor.cut(words, MAX_REASON_CHARS)).into_owned()
    }
}

/// Whether a path is one of a file in a repository.
pub(crate) fn is_inside(path: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    path.split('/').all(is_part) && !path.contains(char::is_control)
}

/// Takes the content of a file for text; says what it is where it cannot be taken for that.
fn as_text(content: Vec<u8>) -> Result<String, String> {
    if content.len() > MAX_FILE_BYTES {
        return Err(format!("longer than {} KiB", MAX_FILE_BYTES >> 10));
    }
    String::from_utf8(content).map_err(|_| "not UTF-8".to_owned())
}

fn asking<'a>(words: &'a [&'a str]) -> Ask<'a> {
    Ask { words, variables: &[], input: &[], is_remote: false, timeout: LOCAL_TIMEOUT }
}

#[cfg(test)]
mod tests;
