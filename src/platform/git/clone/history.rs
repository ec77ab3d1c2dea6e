//! What the commits of the branch tell of a file.

use jiff::Timestamp;

use super::{DEPTH, GitError, REGULAR, ShallowClone, TRAILER, as_text};
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::ActionId;

/// How many versions of a file are told apart, at most.
const MAX_VERSIONS: usize = 20;

/// A commit after which a file was another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) commit: String,
    /// Who made it, and when; `None` where the file may be as it was before.
    pub(crate) made: Option<(String, Timestamp)>,
}

impl ShallowClone {
    /// Returns the commits that have the file as it is at the head, the one that wrote it last, and the latest commits of
    /// this program with their actions.
    pub(crate) async fn history(
        &self,
        head: &str,
        path: &str,
    ) -> Result<(Vec<String>, Vec<(ActionId, String)>), GitError> {
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

    /// Returns the latest commits of the branch that changed a file, the newest first, as far as the history that was fetched goes
    /// back.
    pub(crate) async fn versions(&self, head: &str, path: &str) -> Result<Vec<Version>, GitError> {
        let max = format!("--max-count={MAX_VERSIONS}");
        // As the branch itself went on: what a merge brought is of the merge.
        let words = ["log", "--first-parent", &max, "--format=tformat:%H %ct %an", head, "--", path];
        let log = self.here(&words).await?.text();
        // The oldest commit that was fetched seems to have written every file.
        let oldest = std::fs::read_to_string(self.folder.join("shallow")).unwrap_or_default();
        let version = |line: &str| {
            let [commit, at, by] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { return None };
            let at = Timestamp::from_second(at.parse().ok()?).ok();
            let made = at.filter(|_| oldest.lines().all(|line| line != commit));
            Some(Version { commit: commit.to_owned(), made: made.map(|at| (sanitize(by).into_owned(), at)) })
        };
        Ok(log.lines().filter_map(version).collect())
    }

    /// Reads a file as it was at a commit; `None` where there was none that can be read.
    pub(crate) async fn text(&self, commit: &str, path: &str) -> Result<Option<String>, GitError> {
        match self.entry(commit, path).await?.filter(|entry| entry.mode.starts_with(REGULAR)) {
            Some(entry) => Ok(as_text(self.here(&["cat-file", "blob", &entry.blob]).await?.out).ok()),
            None => Ok(None),
        }
    }
}
