//! Runs the `git` program on a clone of ours, with a time limit; what it started is ended with it.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::platform::git;
use crate::platform::process_group::ProcessGroup;

/// Longest answer, in bytes.
const MAX_OUTPUT_BYTES: u64 = 4 << 20;
/// Longest complaint that is kept, in bytes.
const MAX_STDERR_BYTES: u64 = 16 << 10;

/// What git is asked for.
pub(super) struct Ask<'a> {
    pub(super) words: &'a [&'a str],
    pub(super) variables: &'a [(&'a str, &'a str)],
    pub(super) input: &'a [u8],
    /// Whether it reaches the repository over the network.
    pub(super) is_remote: bool,
    pub(super) timeout: Duration,
}

pub(super) struct Answer {
    pub(super) status: ExitStatus,
    pub(super) out: Vec<u8>,
    pub(super) complaint: String,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Returns the words that say why it failed: what the server said, else the first complaint of git itself.
    pub(super) fn why(&self) -> String {
        let server: Vec<&str> = self.complaint.lines().filter_map(|line| line.strip_prefix("remote:")).collect();
        let server: Vec<&str> = server.into_iter().map(str::trim).filter(|line| !line.is_empty()).collect();
        if !server.is_empty() {
            return server.join("; ");
        }
        // That nobody was asked for a password says less than what it was for.
        let is_reason = |line: &&str| !line.trim().is_empty() && !line.contains("askpass");
        let own = self.complaint.lines().find(is_reason).unwrap_or("it gave no reason");
        own.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned()
    }
}

/// Asks git; what it refuses is an answer too.
///
/// # Errors
/// It cannot be run, or did not answer in time.
pub(super) async fn ask(folder: &Path, what: &Ask<'_>) -> Result<Answer, String> {
    let mut command = if what.is_remote { git::remote_command(folder) } else { git::command(folder) };
    command.args(what.words).envs(what.variables.iter().copied()).env("GIT_LITERAL_PATHSPECS", "1");
    // No folder above is taken for the clone, whatever became of it.
    command.env("GIT_DIR", folder);
    // One that signs would ask for a passphrase on our terminal.
    command.env_remove("GPG_TTY").stdin(std::process::Stdio::piped()).process_group(0);
    match tokio::time::timeout(what.timeout, answer(command, what.input)).await {
        Ok(answer) => answer.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "the program `git` is not there".to_owned(),
            _ => format!("git cannot be run: {error}"),
        }),
        Err(_) => Err(format!("git did not answer in {} s", what.timeout.as_secs())),
    }
}

async fn answer(mut command: Command, input: &[u8]) -> std::io::Result<Answer> {
    let mut child = command.spawn()?;
    let mut group = ProcessGroup::of(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // One that has ended needs no more.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), out, complaint) = tokio::join!(feed, read(stdout, MAX_OUTPUT_BYTES), read(stderr, MAX_STDERR_BYTES));
    group.leader_ended().await?;
    group.kill();
    let complaint = String::from_utf8_lossy(&complaint?).into_owned();
    Ok(Answer { status: child.wait().await?, out: out?, complaint })
}

async fn read(stream: Option<impl AsyncRead + Unpin>, longest: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(longest).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
