//! Runs the `git` program: no shell, no prompts, no network, no hooks, a time limit and bounded answers.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::GitError;
use crate::domain::facts::text::sanitize;
use crate::platform::git;

/// How long one answer may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const MAX_OUTPUT_BYTES: u64 = 32 << 20;
/// Longest complaint that is kept, in bytes.
const MAX_STDERR_BYTES: u64 = 4 << 10;

/// How a line begins that says nothing about the answer.
pub(super) const WARNING: &str = "warning: ";

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
    let mut command = git::command(folder);
    command.args(words);
    let mut child = command.spawn().map_err(|error| cannot_start(&error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (out, complaint) = tokio::join!(read(stdout, MAX_OUTPUT_BYTES), read(stderr, MAX_STDERR_BYTES));
    let out = out.map_err(GitError::Broken)?;
    if out.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(GitError::TooMuch(MAX_OUTPUT_BYTES));
    }
    let status = child.wait().await.map_err(GitError::Broken)?;
    let complaint = String::from_utf8_lossy(&complaint.map_err(GitError::Broken)?).trim().to_owned();
    // The first line says what, those after it give advice; a warning may come before.
    let first = complaint.lines().find(|line| !line.starts_with(WARNING)).or(complaint.lines().next());
    let complaint = sanitize(first.unwrap_or_default().trim_start_matches("fatal: ")).into_owned();
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
