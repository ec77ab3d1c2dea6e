//! What code a release brings: the lines that came, and which files mention something.

use std::collections::BTreeSet;

use super::run::WARNING;
use super::{Git, GitError, Oid};

/// Most paths that one command is given: a command line has an end.
const MAX_PATHS: usize = 500;

impl Git {
    /// Returns what came between two revisions as a patch, with a few lines around; of everything where there is no first one.
    /// Patterns say which files: those that are wanted, and those that are not.
    pub async fn patch(
        &self,
        (from, to): (Option<&Oid>, &Oid),
        (wanted, unwanted): (&[String], &[String]),
    ) -> Result<String, GitError> {
        let from = match from {
            Some(from) => from.to_string(),
            None => self.empty_tree().await?,
        };
        // Lines of a file that was only moved did not come.
        let mut words: Vec<String> = ["diff-tree", "-r", "-p", "-M", "--relative", "--unified=3", "--no-color"]
            .into_iter()
            .chain(["--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"])
            .map(str::to_owned)
            .collect();
        words.extend([from, to.to_string(), "--".to_owned()]);
        words.extend(wanted.iter().map(|pattern| format!(":(glob){pattern}")));
        words.extend(unwanted.iter().map(|pattern| format!(":(exclude,glob){pattern}")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer = self.ask(&words).await?;
        Ok(String::from_utf8_lossy(&self.good("diff-tree", answer)?).into_owned())
    }

    /// Returns those of some files that mention something, a regular expression, whatever its case.
    pub async fn mentions(&self, at: &Oid, what: &str, files: &BTreeSet<&str>) -> Result<BTreeSet<String>, GitError> {
        let files: Vec<String> = files.iter().map(|file| format!(":(literal){file}")).collect();
        let mut found = BTreeSet::new();
        for some in files.chunks(MAX_PATHS) {
            let mut words = vec!["grep", "-l", "-z", "-i", "-I", "-E", "--no-color", "-e", what, at.as_str(), "--"];
            words.extend(some.iter().map(String::as_str));
            let answer = self.ask(&words).await?;
            // It ends with 1 where no file does, and as if all were well where it could not read one.
            let is_answer = answer.complaint.is_empty() || answer.complaint.starts_with(WARNING);
            if !is_answer || !matches!(answer.status.code(), Some(0 | 1)) {
                return Err(self.refused("grep", answer));
            }
            let of_commit = format!("{at}:");
            let text = String::from_utf8_lossy(&answer.out).into_owned();
            found.extend(text.split('\0').filter_map(|path| path.strip_prefix(&of_commit)).map(str::to_owned));
        }
        Ok(found)
    }

    /// Returns the hash of a tree without files, which each repository knows; it depends on its kind of hash.
    async fn empty_tree(&self) -> Result<String, GitError> {
        let answer = self.ask(&["hash-object", "-t", "tree", "--stdin"]).await?;
        Ok(String::from_utf8_lossy(&self.good("hash-object", answer)?).trim().to_owned())
    }
}
