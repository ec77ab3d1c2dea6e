//! Git as somebody at a shell uses it, whatever the machine's own settings are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Checked;
use crate::check::holds;

/// Runs git in a folder, and returns what it prints.
pub fn git(folder: &Path, arguments: &[&str]) -> Checked<String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=ci", "-c", "user.email=ci@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()?;
    holds(&format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)), output.status.success())?;
    Ok(String::from_utf8(output.stdout)?)
}

/// A bare repository with one document of feature flags, as somebody has committed it on `main`.
pub struct FlagsRepository(tempfile::TempDir);

impl FlagsRepository {
    pub fn create(path: &str, document: &str) -> Checked<Self> {
        let repository = Self(tempfile::tempdir()?);
        git(repository.0.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", "flags.git"])?;
        git(repository.0.path(), &["clone", "--quiet", "flags.git", "work"])?;
        repository.commit("ann", path, document)?;
        repository.push("main")?;
        Ok(repository)
    }

    /// The bare repository.
    pub fn bare(&self) -> PathBuf {
        self.0.path().join("flags.git")
    }

    pub fn address(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    /// Commits a file as somebody, in a clone of their own, on top of what is on `main`.
    pub fn commit(&self, author: &str, path: &str, text: &str) -> Checked {
        let work = self.0.path().join("work");
        if !git(&self.bare(), &["branch", "--list", "main"])?.is_empty() {
            git(&work, &["pull", "--quiet", "--rebase", "origin", "main"])?;
        }
        let file = work.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
        git(&work, &["add", "--all"])?;
        let author = format!("--author={author} <{author}@shop.example>");
        git(&work, &["commit", "--quiet", "--message", &format!("{path} by hand"), &author])?;
        Ok(())
    }

    /// Pushes what was committed by hand to a branch.
    pub fn push(&self, branch: &str) -> Checked {
        git(&self.0.path().join("work"), &["push", "--quiet", "origin", &format!("HEAD:{branch}")])?;
        Ok(())
    }

    /// The file as it is at the head of `main`.
    pub fn file(&self, path: &str) -> Checked<String> {
        git(&self.bare(), &["show", &format!("main:{path}")])
    }

    /// The first lines of the commits of `main`, the newest first.
    pub fn subjects(&self) -> Checked<Vec<String>> {
        Ok(git(&self.bare(), &["log", "--format=%s", "main"])?.lines().map(str::to_owned).collect())
    }
}
