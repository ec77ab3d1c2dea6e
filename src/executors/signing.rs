//! Signs statements with the operator's SSH key, by `ssh-keygen -Y sign`: the key may lie in ssh-agent or on a token.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::domain::facts::text::sanitize;
use crate::domain::record::allowed_signers::NAMESPACE;
use crate::platform::process_group::ProcessGroup;

/// The most that is read of what a program prints, in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;
/// How long git may take to say which key it signs with.
const GIT_TIMEOUT: Duration = Duration::from_secs(5);
/// What a program that we start here gets of our environment.
const PASSED_VARIABLES: [&str; 6] = ["PATH", "HOME", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "TMPDIR", "SSH_SK_PROVIDER"];

/// Where the key to sign with is found.
#[derive(Clone, Debug)]
pub struct Signer {
    /// `COCKPIT_SIGNING_KEY`: a private key, or a public one whose private half ssh-agent holds.
    pub own: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

/// A key as `ssh-keygen -f` takes it.
enum Key {
    File(PathBuf),
    /// A public key itself, as git's `user.signingKey` may hold one.
    Literal(String),
}

impl Signer {
    /// Signs a message.
    ///
    /// # Errors
    /// Why there is no signature, and what to do.
    pub async fn sign(&self, message: &[u8], timeout: Duration) -> Result<String, String> {
        let signed = async {
            match self.key().await? {
                Key::File(path) => sign_with(&path, message).await,
                Key::Literal(key) => {
                    let failed = |error: io::Error| format!("no temporary file: {error}");
                    let folder = tempfile::tempdir().map_err(failed)?;
                    let path = folder.path().join("key.pub");
                    std::fs::write(&path, format!("{key}\n")).map_err(failed)?;
                    sign_with(&path, message).await
                }
            }
        };
        let late = || Err(format!("ssh-keygen did not answer within {} s", timeout.as_secs()));
        tokio::time::timeout(timeout, signed).await.unwrap_or_else(|_| late())
    }

    async fn key(&self) -> Result<Key, String> {
        if let Some(own) = &self.own {
            return Ok(Key::File(self.expanded(own)));
        }
        let none = "no key to sign with: set COCKPIT_SIGNING_KEY to an SSH key, or gpg.format = ssh and user.signingKey in \
                    your own git config";
        if self.git("gpg.format").await.as_deref() != Some("ssh") {
            return Err(none.to_owned());
        }
        let key = self.git("user.signingKey").await.ok_or(none)?;
        if let Some(key) = key.strip_prefix("key::") {
            return Ok(Key::Literal(key.to_owned()));
        }
        Ok(if key.starts_with("ssh-") { Key::Literal(key) } else { Key::File(self.expanded(Path::new(&key))) })
    }

    fn expanded(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("~").ok().and_then(|rest| Some(self.home.as_ref()?.join(rest)));
        below.unwrap_or_else(|| path.to_owned())
    }

    /// Reads a setting of the user's own git config: what a repository says of keys is not asked.
    async fn git(&self, name: &str) -> Option<String> {
        let mut command = Command::new("git");
        command.args(["config", "--global", "--get", name]);
        let run = tokio::time::timeout(GIT_TIMEOUT, run(command, &[])).await.ok()?.ok()?;
        let value = String::from_utf8(run.out).ok()?.trim().to_owned();
        (run.status.success() && !value.is_empty()).then_some(value)
    }
}

async fn sign_with(path: &Path, message: &[u8]) -> Result<String, String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).arg(path);
    // A passphrase is asked for nowhere: this program says none.
    command.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
    let ended = run(command, message).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "ssh-keygen is not installed".to_owned(),
        _ => format!("ssh-keygen cannot be run: {error}"),
    })?;
    let signature = String::from_utf8(ended.out).unwrap_or_default().trim_end().to_owned();
    if ended.status.success() && !signature.is_empty() {
        return Ok(signature);
    }
    let path = path.display();
    if ended.complaint.contains("passphrase") {
        return Err(format!("the key {path} needs a passphrase: add it to ssh-agent with `ssh-add {path}`"));
    }
    let first = ended.complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(format!("ssh-keygen does not sign with {path}: {}", sanitize(first)))
}

struct Ended {
    status: ExitStatus,
    out: Vec<u8>,
    complaint: String,
}

/// Runs a program in a process group of its own, with little of our environment; dropped, the whole group is ended.
async fn run(mut command: Command, input: &[u8]) -> io::Result<Ended> {
    for name in PASSED_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let own: Vec<_> =
        command.as_std().get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command.env_clear().envs(own.into_iter().filter_map(|(name, value)| Some((name, value?)))).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut group = ProcessGroup::of(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // One that has ended needs no more.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), out, complaint) = tokio::join!(feed, read(stdout), read(stderr));
    group.leader_ended().await?;
    group.kill();
    Ok(Ended { status: child.wait().await?, out: out?, complaint: String::from_utf8_lossy(&complaint?).into_owned() })
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
