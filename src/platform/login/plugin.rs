//! One run of a login command: a credential plugin as client-go knows it (`client.authentication.k8s.io`).

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::ExecConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::oneshot;

use super::Credential;
use crate::domain::facts::text::sanitize;
use crate::platform::Redactor;
use crate::platform::process_group::ProcessGroup;

/// How long output is waited for that others hold open after the command has ended.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);
/// How long a command may take to end after it was asked to.
const TERMINATE_GRACE: Duration = Duration::from_secs(2);
/// The longest credential that is read.
const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// A shorter word on standard output is none that has to be hidden.
const MIN_SECRET_BYTES: usize = 12;
/// How many of the last lines that it says are kept: a device code and the address to enter it at stand in two or three.
const MAX_WORD_LINES: usize = 4;
/// No more of a line is kept; addresses to log in at are long.
const MAX_LINE_CHARS: usize = 1000;

/// What is run for a user entry.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) exec: ExecConfig,
    pub(super) timeout: Duration,
    pub(super) redactor: Redactor,
}

impl Plugin {
    /// Runs the command; `say` is given its words whenever it says something.
    ///
    /// # Errors
    /// Why there is no credential, in words.
    pub(super) async fn run(&self, mut say: impl FnMut(String)) -> Result<Credential, String> {
        let command = self.command()?;
        let mut words = Words { redactor: self.redactor.clone(), ..Words::default() };
        let mut out = Vec::new();
        let running = async {
            let mut child = started(command).await.map_err(|error| self.not_started(&error))?;
            let mut group = ProcessGroup::of(Some(child.id()));
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let ended = tokio::time::timeout(self.timeout, async {
                let reading = read(stdout, stderr, &mut out, |printed, bytes| {
                    self.hide_printed(printed);
                    if words.take(bytes) {
                        say(words.text());
                    }
                });
                tokio::pin!(reading);
                tokio::select! {
                    () = &mut reading => group.leader_ended().await,
                    ended = group.leader_ended() => {
                        let _ = tokio::time::timeout(OUTPUT_GRACE, &mut reading).await;
                        ended
                    }
                }
            })
            .await;
            if ended.is_err() {
                group.terminate();
                let _ = tokio::time::timeout(TERMINATE_GRACE, group.leader_ended()).await;
                group.kill();
                // Killed, it is collected as soon as that came through.
                let _ = tokio::time::timeout(TERMINATE_GRACE, ProcessGroup::of(Some(child.id())).leader_ended()).await;
                let _ = child.try_wait();
                return Ok(None);
            }
            // What it left behind is meant to stay: a browser, an agent.
            group.release();
            child.wait().map(Some).map_err(|error| format!("how it ended is unknown: {error}"))
        };
        let ended: Result<Option<ExitStatus>, String> = running.await;
        self.hide_printed(&out);
        let said = self.redactor.redact(&words.finish()).into_owned();
        match ended? {
            Some(status) if status.success() => self.credential(&out),
            Some(status) => Err(with_words(&ending(status), &said)),
            None => Err(with_words(&format!("no answer in {} s", self.timeout.as_secs()), &said)),
        }
    }

    /// What stands on standard output is, or surrounds, a credential: it is hidden where the command repeats it.
    fn hide_printed(&self, printed: &[u8]) {
        let is_made = |word: &&str| word.len() >= MIN_SECRET_BYTES && word.contains(|c: char| c.is_ascii_digit());
        String::from_utf8_lossy(printed)
            .split_whitespace()
            .filter(is_made)
            .for_each(|word| self.redactor.add_secret(word));
    }

    fn name(&self) -> String {
        let command = self.exec.command.as_deref().unwrap_or_default();
        self.redactor.cut(command, 200)
    }

    fn command(&self) -> Result<Command, String> {
        let Some(program) = self.exec.command.as_deref().filter(|program| !program.is_empty()) else {
            return Err("the kubeconfig names no command: set `command`".to_owned());
        };
        let mut command = Command::new(program);
        command.args(self.exec.args.iter().flatten());
        let variables = self.exec.env.iter().flatten();
        command.envs(variables.filter_map(|entry| Some((entry.get("name")?, entry.get("value")?))));
        let mut spec = json!({"interactive": false});
        if self.exec.provide_cluster_info {
            spec["cluster"] = serde_json::to_value(&self.exec.cluster).unwrap_or_default();
        }
        let version = self.exec.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
        let info = json!({"apiVersion": version, "kind": "ExecCredential", "spec": spec});
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        // The keyboard is ours, and so is the screen.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Ok(command)
    }

    fn not_started(&self, error: &io::Error) -> String {
        let name = self.name();
        let why = match error.kind() {
            io::ErrorKind::NotFound => format!("the command `{name}` is not there"),
            io::ErrorKind::PermissionDenied => format!("the command `{name}` may not be executed (chmod +x?)"),
            _ => format!("the command `{name}` cannot be run: {error}"),
        };
        let hint = self.exec.install_hint.as_deref().map(|hint| self.redactor.cut(hint, 400)).unwrap_or_default();
        if hint.is_empty() { why } else { format!("{why}: {}", sanitize(&hint)) }
    }

    /// Reads the credential that it printed, and hides what is secret in it from now on.
    fn credential(&self, out: &[u8]) -> Result<Credential, String> {
        let name = self.name();
        let printed: Value =
            serde_json::from_slice(out).map_err(|_| format!("`{name}` printed no credential: run it yourself"))?;
        let text = |field: &str| printed["status"][field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (token, certificate, key) = (text("token"), text("clientCertificateData"), text("clientKeyData"));
        for secret in [&token, &key].into_iter().flatten() {
            self.redactor.add_secret(secret);
        }
        let identity = certificate.zip(key);
        if token.is_none() && identity.is_none() {
            return Err(format!("`{name}` printed a credential with neither token nor certificate"));
        }
        let expires = match text("expirationTimestamp") {
            Some(at) => Some(at.parse().map_err(|_| {
                format!("`{name}` printed a credential with an unreadable expirationTimestamp: {}", sanitize(&at))
            })?),
            None => None,
        };
        Ok(Credential { token, identity, expires, obtained: Timestamp::now() })
    }
}

/// Starts a command on a thread of its own: a folder on a dead network file system holds that up for ever.
async fn started(mut command: Command) -> io::Result<Child> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("login".to_owned()).spawn(move || {
        if let Err(Ok(mut late)) = sender.send(command.spawn()) {
            // No one waits for it any more.
            ProcessGroup::of(Some(late.id())).kill();
            let _ = late.wait();
        }
    })?;
    receiver.await.unwrap_or_else(|_| Err(io::Error::other("it was not started")))
}

/// Reads both outputs to their end: one is kept, of the other each piece is told.
async fn read(
    out: Option<std::process::ChildStdout>,
    err: Option<std::process::ChildStderr>,
    kept: &mut Vec<u8>,
    mut told: impl FnMut(&[u8], &[u8]),
) {
    let mut out = out.and_then(|out| ChildStdout::from_std(out).ok());
    let mut err = err.and_then(|err| ChildStderr::from_std(err).ok());
    let (mut of_out, mut of_err) = (vec![0; 8192], vec![0; 8192]);
    while out.is_some() || err.is_some() {
        tokio::select! {
            biased;
            count = some(&mut out, &mut of_out), if out.is_some() => match count {
                0 => out = None,
                count => {
                    let room = MAX_OUTPUT_BYTES.saturating_sub(kept.len());
                    kept.extend_from_slice(&of_out[..count.min(room)]);
                }
            },
            count = some(&mut err, &mut of_err), if err.is_some() => match count {
                0 => err = None,
                count => told(kept.as_slice(), &of_err[..count]),
            },
        }
    }
}

/// Reads some; what fails has ended.
async fn some(from: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it did not end".to_owned(),
    }
}

fn with_words(why: &str, words: &str) -> String {
    if words.is_empty() { why.to_owned() } else { format!("{words} ({why})") }
}

/// The last lines of what a command says, as they may be shown.
#[derive(Default)]
struct Words {
    lines: VecDeque<String>,
    partial: Vec<u8>,
    redactor: Redactor,
}

impl Words {
    /// Takes in some bytes; returns whether there is another line.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let mut news = false;
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => news |= self.end_line(),
                _ if self.partial.len() < MAX_LINE_CHARS * 4 => self.partial.push(*byte),
                _ => {}
            }
        }
        news
    }

    fn end_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.partial);
        let line = self.redactor.cut(&String::from_utf8_lossy(&line), MAX_LINE_CHARS);
        let line = sanitize(&line).into_owned();
        if line.is_empty() || self.lines.back() == Some(&line) {
            return false;
        }
        if self.lines.len() == MAX_WORD_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        true
    }

    fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        lines.join(" ")
    }

    fn finish(mut self) -> String {
        self.end_line();
        self.text()
    }
}
