//! Definitions of flagd in a file of a git repository, at the head of a branch. Nothing is retried.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::{FlagError, Known, ListsFlags};
use crate::domain::facts::flag::flagd::Document;
use crate::domain::facts::flag::history::DocumentHistory;
use crate::domain::facts::flag::{Flag, Holder, Turn};
use crate::domain::facts::object::Writer;
use crate::domain::facts::text::sanitize;
use crate::platform::git::clone::{GitError, Head, ShallowClone, Version};

/// A client of one document in a repository. Cheap to clone.
#[derive(Clone)]
pub struct FlagdFile {
    clone: Arc<ShallowClone>,
    /// From the root of the repository.
    path: String,
    /// What a commit says where it turns a flag.
    environment: String,
    told: Arc<Mutex<Told>>,
}

/// What the versions of the document told.
#[derive(Clone, Default)]
struct Told {
    /// The newest first.
    versions: Vec<Version>,
    history: Arc<DocumentHistory>,
}

impl Told {
    /// Whether it is what these versions tell: where the history ends moves on with each commit, and says nothing else.
    fn is_of(&self, versions: &[Version]) -> bool {
        let made = |versions: &'_ [Version]| -> Vec<String> {
            versions.iter().filter(|version| version.made.is_some()).map(|version| version.commit.clone()).collect()
        };
        self.versions.len() == versions.len() && made(&self.versions) == made(versions)
    }
}

/// The document as it was read.
pub struct ReadFile {
    document: Document,
    head: Head,
}

/// A commit that turns a flag, to be pushed onto the head that was read.
#[derive(Clone, Debug)]
pub struct FlagCommit {
    hash: String,
    head: String,
}

impl FlagCommit {
    /// Returns its hash.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl ReadFile {
    /// Returns a flag of it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<Flag> {
        self.document.flag(name)
    }
}

impl ListsFlags for FlagdFile {
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(async move {
            let read = self.parsed(self.clone.fetch_to_watch(&self.path).await)?;
            let mut flags = read.document.flags();
            flags.sort_by(|a, b| a.name.cmp(&b.name));
            known.as_of = read.head.at;
            let told = self.told(&read).await.map_err(|error| FlagError::NoAnswer(error.to_string()))?;
            told.history.tell(&known.flags, &mut flags, Timestamp::now());
            let made = told.versions.first().and_then(|version| version.made.clone());
            let written = made.map(|(by, at)| Writer { manager: by, at: Some(at) });
            for flag in &mut flags {
                flag.holder = Some(Holder { owner: None, written: written.clone() });
            }
            Ok(flags)
        })
    }
}

impl FlagdFile {
    /// Makes it for a file of the repository that is cloned; `environment` is ours. Nothing is asked yet.
    pub(crate) fn new(clone: ShallowClone, path: &str, environment: &str) -> Self {
        let (path, environment) = (path.to_owned(), environment.to_owned());
        Self { clone: Arc::new(clone), path, environment, told: Arc::default() }
    }

    /// Fetches the branch and reads the document.
    ///
    /// # Errors
    /// Why it cannot be read; nothing was written.
    pub async fn read(&self) -> Result<ReadFile, FlagError> {
        self.parsed(self.clone.fetch(&self.path).await)
    }

    fn parsed(&self, head: Result<Head, GitError>) -> Result<ReadFile, FlagError> {
        let head = head.map_err(|error| FlagError::NoAnswer(error.to_string()))?;
        let document = Document::parse(head.text.clone());
        let document = document.map_err(|why| FlagError::NoAnswer(format!("{}: {why}", self.path)))?;
        Ok(ReadFile { document, head })
    }

    /// Returns what the versions of the document tell, which are read only where there are others.
    async fn told(&self, read: &ReadFile) -> Result<Told, GitError> {
        let known = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(told) = self.read_versions(read, &known).await? else { return Ok(known) };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&told);
        Ok(told)
    }

    /// One that is no document tells nothing: the next older one is compared with.
    async fn read_versions(&self, read: &ReadFile, known: &Told) -> Result<Option<Told>, GitError> {
        let versions = self.clone.versions(&read.head.commit, &self.path).await?;
        if known.is_of(&versions) {
            return Ok(None);
        }
        let (mut history, now) = (DocumentHistory::default(), Timestamp::now());
        let mut newer = read.document.clone();
        let mut made = versions.first().and_then(|version| version.made.as_ref());
        for version in versions.iter().skip(1) {
            let text = self.clone.text(&version.commit, &self.path).await?;
            let Some(older) = text.and_then(|text| Document::parse(text).ok()) else { continue };
            if let Some((by, at)) = made {
                // The clock of who made it may be ahead.
                history.take(&older, &newer, (by, (*at).min(now)));
            }
            (newer, made) = (older, version.made.as_ref());
        }
        Ok(Some(Told { versions, history: Arc::new(history) }))
    }

    /// Makes the commit that turns a flag; `None` where it is turned so already. Nothing is sent.
    ///
    /// # Errors
    /// Why it cannot be turned.
    pub async fn commit(&self, read: &ReadFile, name: &str, turn: Turn) -> Result<Option<FlagCommit>, String> {
        let (text, message) = match read.document.turned(name, turn)? {
            Some(text) => (text, format!("flags: {} in {}", said(name, turn), self.environment)),
            // What may still come follows on this head: after another commit it cannot.
            None if turn == Turn::Off && self.clone.awaits_push_onto(&read.head.commit) => {
                (read.head.text.clone(), format!("flags: keep {} off in {}", sanitize(name), self.environment))
            }
            None => return Ok(None),
        };
        let hash = self.clone.commit(&read.head, (&self.path, &text), (&message, None)).await;
        let hash = hash.map_err(|error| error.to_string())?;
        Ok(Some(FlagCommit { hash, head: read.head.commit.clone() }))
    }

    /// Pushes a commit, once, if nobody committed since.
    ///
    /// # Errors
    /// Why it was not pushed, or may not have been.
    pub(crate) async fn push(&self, commit: &FlagCommit) -> Result<(), GitError> {
        self.clone.push(&commit.hash, self.clone.branch(), &commit.head).await
    }
}

/// The first line of a commit is one line, whatever the flag is called.
fn said(name: &str, turn: Turn) -> String {
    let name = sanitize(name);
    match turn {
        Turn::On | Turn::Off => format!("turn {turn} {name}"),
        Turn::Share(share) => format!("set {name} to {share}"),
    }
}
