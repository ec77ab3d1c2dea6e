//! Runs the `git` program: no shell, no prompts, no network, no hooks, a time limit and bounded answers.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::GitError;
use crate::domain::facts::text::sanitize;

/// How long one answer may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const MAX_OUTPUT_BYTES: u64 = 32 << 20;
/// Longest complaint that is kept, in bytes.
const MAX_STDERR_BYTES: u64 = 4 << 10;

/// What would point git at another repository than the one it is asked about: set where we run in a hook of another.
const CLEARED_VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Settings of a repository or its owner that would run other programs or change the answers.
const FIXED_SETTINGS: [&str; 7] = [
    "core.quotepath=off",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "log.follow=false",
    "protocol.allow=never",
    "i18n.logOutputEncoding=UTF-8",
];

#[derive(Debug)]
pub(super) struct GitOutput {
    pub(super) status: ExitStatus,
    pub(super) out: Vec<u8>,
    /// What it complained about, one line.
    pub(super) complaint: String,
}

/// Asks git; what it refuses is an answer too.
pub(super) async fn ask<S: AsRef<OsStr>>(folder: &Path, words: &[S]) -> Result<GitOutput, GitError> {
    match tokio::time::timeout(COMMAND_TIMEOUT, answer(folder, words)).await {
        Ok(answer) => answer,
        Err(_) => Err(GitError::TooSlow(COMMAND_TIMEOUT)),
    }
}

async fn answer<S: AsRef<OsStr>>(folder: &Path, words: &[S]) -> Result<GitOutput, GitError> {
    let mut command = Command::new("git");
    command.arg("--no-optional-locks").arg("--no-pager");
    for setting in FIXED_SETTINGS {
        command.arg("-c").arg(setting);
    }
    for name in CLEARED_VARIABLES {
        command.env_remove(name);
    }
    command
        .arg("-C")
        .arg(folder)
        .args(words)
        // Complaints are distinguished by their words.
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| cannot_start(&error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (out, complaint) = tokio::join!(read(stdout, MAX_OUTPUT_BYTES), read(stderr, MAX_STDERR_BYTES));
    let out = out.map_err(GitError::Broken)?;
    if out.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(GitError::TooMuch(MAX_OUTPUT_BYTES));
    }
    let status = child.wait().await.map_err(GitError::Broken)?;
    let complaint = String::from_utf8_lossy(&complaint.map_err(GitError::Broken)?).trim().to_owned();
    // The first line says what, those after it give advice.
    let complaint = sanitize(complaint.lines().next().unwrap_or_default().trim_start_matches("fatal: ")).into_owned();
    Ok(GitOutput { status, out, complaint })
}

/// Reads one byte more than the limit, so that too much is distinguished from just enough.
async fn read(stream: Option<impl AsyncRead + Unpin>, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(longest + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn cannot_start(error: &io::Error) -> GitError {
    if error.kind() == io::ErrorKind::NotFound {
        GitError::NotInstalled
    } else {
        GitError::CannotStart(error.to_string())
    }
}
