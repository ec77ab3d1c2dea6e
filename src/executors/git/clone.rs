//! Our own shallow clone of a config repository: fetched, committed to without a work tree, and pushed from.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::time::{Instant, sleep};

use super::run::{Answer, Ask, ask};
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::{ActionId, GitRequest};
use crate::domain::world::GitPlace;
use crate::executors::executor::SendError;
use crate::platform::Redactor;
use crate::platform::private_files::{file_stem, open_private, private_dir};

/// How long the server may take.
const REMOTE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long git may take for what it does here.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of the history is fetched: enough to find our last commit among those that others made since.
const DEPTH: &str = "50";
/// Where the branch is kept.
const HEAD: &str = "refs/cockpit/head";
/// The trailer by which a commit is found again.
const TRAILER: &str = "Release-Cockpit-Action";
/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;
/// The longest reason that is shown, in characters.
const MAX_REASON_CHARS: usize = 400;

/// A clone in the state folder.
pub(super) struct ShallowClone {
    folder: PathBuf,
    repository: String,
    branch: String,
    author: Vec<(&'static str, String)>,
    redactor: Redactor,
}

/// The file at the head of the branch.
pub(super) struct Head {
    pub(super) commit: String,
    pub(super) text: String,
    mode: String,
}

impl ShallowClone {
    pub(super) fn new(place: &GitPlace, state: &Path, redactor: Redactor) -> Self {
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
    pub(super) async fn fetch(&self, path: &str) -> Result<Head, SendError> {
        private_dir(&self.folder).map_err(|error| SendError::Refused(error.to_string()))?;
        // Another process of ours may use the clone, too.
        let lock = self.lock().await?;
        self.remove_stale_locks();
        if !self.folder.join("HEAD").exists() {
            self.here(&["init", "--quiet", "--bare", "."]).await?;
        }
        let refspec = format!("+refs/heads/{}:{HEAD}", self.branch);
        let depth = format!("--depth={DEPTH}");
        let words =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &depth, "--", &self.repository, &refspec];
        let answer = self.ask(&Ask { is_remote: true, timeout: REMOTE_TIMEOUT, ..asking(&words) }).await;
        let answer = answer.map_err(|why| SendError::Refused(format!("{} cannot be read: {why}", self.repository)))?;
        if !answer.status.success() {
            return Err(SendError::Refused(format!(
                "{} cannot be read: {}",
                self.repository,
                self.shown(&answer.why())
            )));
        }
        let commit = self.here(&["rev-parse", "--verify", HEAD]).await?.text().trim().to_owned();
        drop(lock);
        let (mode, text) = self.file(&commit, path).await?;
        Ok(Head { commit, text, mode })
    }

    async fn file(&self, commit: &str, path: &str) -> Result<(String, String), SendError> {
        let listed = self.here(&["ls-tree", "-z", "--full-tree", commit, "--", path]).await?.text();
        let entry = listed.split('\0').next().and_then(|entry| entry.split_once('\t'));
        let words: Vec<&str> = entry.map(|(words, _)| words.split(' ').collect()).unwrap_or_default();
        let [mode, "blob", blob] = words.as_slice() else {
            return Err(SendError::Refused(format!("{} on {} has no file {path}", self.repository, self.branch)));
        };
        if !mode.starts_with("100") {
            return Err(SendError::Refused(format!("{path} is a symbolic link: set `path` to what it leads to")));
        }
        let content = self.here(&["cat-file", "blob", blob]).await?.out;
        if content.len() > MAX_FILE_BYTES {
            return Err(SendError::Refused(format!("{path} is longer than {} KiB", MAX_FILE_BYTES >> 10)));
        }
        let text = String::from_utf8(content).map_err(|_| SendError::Refused(format!("{path} is not UTF-8")))?;
        Ok(((*mode).to_owned(), text))
    }

    /// Returns the commits that have the file as it is at the head, the one that wrote it last, and the latest commits of
    /// this program with their actions.
    pub(super) async fn history(
        &self,
        head: &str,
        path: &str,
    ) -> Result<(Vec<String>, Vec<(ActionId, String)>), SendError> {
        let last = self.here(&["rev-list", "--max-count=1", head, "--", path]).await?.text().trim().to_owned();
        let range = format!("{last}..{head}");
        let since = self.here(&["rev-list", "--ancestry-path", &range, "--"]).await?.text();
        let carriers = since.lines().map(ToOwned::to_owned).chain([last]).collect();
        let format = format!("--format=tformat:%H %(trailers:key={TRAILER},valueonly,separator=%x20)");
        let max = format!("--max-count={DEPTH}");
        let log = self.here(&["log", &max, &format, head, "--"]).await?.text();
        let own = |line: &str| {
            let (commit, action) = line.split_once(' ')?;
            (!action.trim().is_empty()).then(|| (ActionId(action.trim().to_owned()), commit.to_owned()))
        };
        Ok((carriers, log.lines().filter_map(own).collect()))
    }

    /// Makes a commit in which a file has another content; nothing is sent.
    pub(super) async fn commit(
        &self,
        head: &Head,
        path: &str,
        text: &str,
        request: &GitRequest,
    ) -> Result<String, SendError> {
        let failed = |error: std::io::Error| SendError::Refused(format!("no temporary file: {error}"));
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
        let action = request.action.as_ref().map_or("", |action| action.0.as_str());
        let message = format!("{}\n\n{TRAILER}: {action}\n", request.commit);
        let mut words = vec!["commit-tree", &tree, "-p", &head.commit];
        words.extend(signs.then_some("-S"));
        let author: Vec<(&str, &str)> = self.author.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let commit = self.good(&Ask { variables: &author, input: message.as_bytes(), ..asking(&words) }).await?;
        Ok(commit.text().trim().to_owned())
    }

    /// Returns the branch that is applied.
    pub(super) fn branch(&self) -> &str {
        &self.branch
    }

    /// Pushes a commit to a branch, once, and only while that is at `head`; where `head` is empty, only where there is no such
    /// branch.
    pub(super) async fn push(&self, commit: &str, branch: &str, head: &str) -> Result<(), SendError> {
        let lease = format!("--force-with-lease=refs/heads/{branch}:{head}");
        let refspec = format!("{commit}:refs/heads/{branch}");
        let words = ["push", "--porcelain", "--no-verify", &lease, "--", &self.repository, &refspec];
        let answer = self.ask(&Ask { is_remote: true, timeout: REMOTE_TIMEOUT, ..asking(&words) }).await;
        let answer = answer.map_err(SendError::Unknown)?;
        if answer.status.success() {
            return Ok(());
        }
        Err(self.rejected(&answer))
    }

    /// Deletes a branch on the server while it is at a commit.
    pub(super) async fn delete(&self, branch: &str, commit: &str) -> Result<(), String> {
        match self.push("", branch, commit).await {
            Ok(()) => Ok(()),
            Err(SendError::Conflict) => Err("it is at another commit".to_owned()),
            Err(SendError::Refused(why) | SendError::Unknown(why)) => Err(why),
        }
    }

    /// Whether the server has a branch.
    pub(super) async fn has_branch(&self, branch: &str) -> Result<bool, SendError> {
        let name = format!("refs/heads/{branch}");
        let words = ["ls-remote", "--quiet", "--", &self.repository, &name];
        let answer = self.good(&Ask { is_remote: true, timeout: REMOTE_TIMEOUT, ..asking(&words) }).await?;
        Ok(answer.text().lines().any(|line| line.split('\t').nth(1) == Some(name.as_str())))
    }

    /// Whether a commit is in the history of what was fetched.
    pub(super) async fn is_in(&self, commit: &str, head: &str) -> bool {
        // Named to git is only what is a hash.
        if commit.is_empty() || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        let answer = self.ask(&asking(&["merge-base", "--is-ancestor", commit, head])).await;
        answer.is_ok_and(|answer| answer.status.success())
    }

    /// Tells what a push that failed means: somebody else's commit in between, a clear no, or nothing known.
    fn rejected(&self, answer: &Answer) -> SendError {
        let text = answer.text();
        let Some(line) = text.lines().find(|line| line.starts_with("!\t")) else {
            return SendError::Unknown(self.shown(&answer.why()));
        };
        let by_server = line.contains("[remote rejected]");
        let raced = ["cannot lock ref", "failed to update ref", "incorrect old value", "fetch first"];
        if raced.iter().any(|words| line.contains(words)) || (!by_server && line.contains("[rejected]")) {
            return SendError::Conflict;
        }
        if !by_server {
            return SendError::Unknown(self.shown(&answer.why()));
        }
        let reason = line.rsplit_once('(').map_or("rejected", |(_, reason)| reason.trim_end_matches(')'));
        let server = answer.complaint.lines().any(|line| line.starts_with("remote:"));
        let said = if server { format!(": {}", answer.why()) } else { String::new() };
        SendError::Refused(self.shown(&format!("the server of git refused the push, {reason}{said}")))
    }

    /// Removes what a fetch leaves behind that was ended from outside; nobody else fetches while the clone is in use by us.
    fn remove_stale_locks(&self) {
        for name in ["shallow.lock", "config.lock", "HEAD.lock", "refs/cockpit/head.lock"] {
            let lock = self.folder.join(name);
            match std::fs::remove_file(&lock) {
                Ok(()) => tracing::warn!(lock = %lock.display(), "removed what an ended fetch left behind"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(lock = %lock.display(), %error, "cannot be removed"),
            }
        }
    }

    async fn lock(&self) -> Result<File, SendError> {
        let failed = |error: std::io::Error| SendError::Refused(format!("{}: {error}", self.folder.display()));
        let file = open_private(&self.folder.join("in-use"), OpenOptions::new().create(true).append(true));
        let file = file.map_err(failed)?;
        let until = Instant::now() + REMOTE_TIMEOUT;
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if Instant::now() >= until {
                return Err(failed(error.into()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(file)
    }

    async fn here(&self, words: &[&str]) -> Result<Answer, SendError> {
        self.good(&asking(words)).await
    }

    async fn good(&self, what: &Ask<'_>) -> Result<Answer, SendError> {
        let answer = self.ask(what).await.map_err(SendError::Refused)?;
        if answer.status.success() {
            return Ok(answer);
        }
        let verb = what.words.first().copied().unwrap_or_default();
        Err(SendError::Refused(format!("git {verb}: {}", self.shown(&answer.why()))))
    }

    async fn ask(&self, what: &Ask<'_>) -> Result<Answer, String> {
        ask(&self.folder, what).await
    }

    fn shown(&self, words: &str) -> String {
        sanitize(&self.redactor.cut(words, MAX_REASON_CHARS)).into_owned()
    }
}

fn asking<'a>(words: &'a [&'a str]) -> Ask<'a> {
    Ask { words, variables: &[], input: &[], is_remote: false, timeout: LOCAL_TIMEOUT }
}

#[cfg(test)]
mod tests;
