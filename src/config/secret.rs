//! Secrets: where they come from, and a value that shows itself to no one by accident.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use toml::de::DeValue;

use super::reader::{At, Reader, Value};
use crate::platform::Redactor;

/// Where a secret comes from. It is read when it is needed, never kept in the config.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Env(String),
    /// A file; a line break at its end is not part of the secret.
    File(PathBuf),
    /// What a program writes to its standard output. No shell is involved.
    Command(Vec<String>),
}

/// How long it may take to be told a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// No secret is longer than this.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// A secret's value. `Debug` and `Display` do not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed(String);

impl Revealed {
    #[must_use]
    pub(super) fn new(value: String) -> Self {
        Self(value)
    }

    /// Returns the value: only where it goes out to who it is for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealed(…)")
    }
}

impl fmt::Display for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a secret cannot be had. Says where it was looked for, never what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no secret from {from}: {why}")]
pub struct SecretError {
    from: String,
    why: String,
}

/// Names the place, not the secret.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            // The arguments may say more than the name of the program.
            Self::Command(argv) => write!(f, "the command `{}`", argv.first().map_or("", String::as_str)),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

impl Secret {
    /// Reads the secret, within ten seconds, and tells it to the redactor.
    pub async fn reveal(&self, redactor: &Redactor) -> Result<Revealed, SecretError> {
        let secret = self.reveal_within(COMMAND_TIMEOUT).await?;
        redactor.add_secret(&secret.0);
        Ok(secret)
    }

    async fn reveal_within(&self, limit: Duration) -> Result<Revealed, SecretError> {
        let read = async {
            match self {
                Self::Env(name) => std::env::var_os(name)
                    .map(std::os::unix::ffi::OsStringExt::into_vec)
                    .ok_or_else(|| self.error("it is not set")),
                Self::File(path) => {
                    let file = File::open(path).await.map_err(|error| self.error(&error.to_string()))?;
                    self.all_of(file).await
                }
                Self::Command(argv) => self.run(argv).await,
            }
        };
        // A program may hang, and so may a file that is a pipe.
        let bytes = tokio::time::timeout(limit, read)
            .await
            .map_err(|_| self.error(&format!("nothing came within {} s", limit.as_secs_f32())))?;
        self.check(bytes?)
    }

    async fn run(&self, argv: &[String]) -> Result<Vec<u8>, SecretError> {
        let failed = |error: std::io::Error| self.error(&error.to_string());
        let Some((program, arguments)) = argv.split_first() else { return Err(self.error("it is empty")) };
        let mut command = Command::new(program);
        // What it writes to standard error is not shown: it may quote what it should not.
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let bytes = match child.stdout.take() {
            Some(output) => self.all_of(output).await?,
            None => Vec::new(),
        };
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            Ok(bytes)
        } else {
            Err(self.error(&format!("it failed ({status}): run it yourself to see why")))
        }
    }

    /// Reads to the end, but not without end.
    async fn all_of(&self, from: impl AsyncRead + Unpin) -> Result<Vec<u8>, SecretError> {
        let mut bytes = Vec::new();
        let most = MAX_SECRET_BYTES as u64 + 1;
        from.take(most).read_to_end(&mut bytes).await.map_err(|error| self.error(&error.to_string()))?;
        if bytes.len() > MAX_SECRET_BYTES { Err(self.error("it is longer than 64 KiB")) } else { Ok(bytes) }
    }

    fn check(&self, bytes: Vec<u8>) -> Result<Revealed, SecretError> {
        let text = String::from_utf8(bytes).map_err(|_| self.error("it is not UTF-8"))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(self.error("it is empty"));
        }
        if text.contains(char::is_control) {
            return Err(self.error("it contains line breaks or other control characters"));
        }
        Ok(Revealed(text.to_owned()))
    }

    fn error(&self, why: &str) -> SecretError {
        SecretError { from: self.to_string(), why: why.to_owned() }
    }
}

const HELP: &str = "write { env = \"NAME\" }, { file = \"path\" } or { command = [\"program\", \"argument\"] }";

/// Reads where a secret comes from. Nothing that stands in its place is quoted.
pub(super) fn read(reader: &mut Reader, value: Value<'_>, key: &str) -> Option<Secret> {
    let at = value.span().start;
    let DeValue::Table(map) = value.get_ref() else {
        let what = match value.get_ref() {
            DeValue::String(_) => format!("`{key}` must not be written in plain text"),
            _ => format!("`{key}` names no source"),
        };
        reader.note(at, what, HELP);
        return None;
    };
    let mut entries = map.iter();
    let (Some((place, source)), None) = (entries.next(), entries.next()) else {
        reader.note(at, format!("`{key}` must come from one place"), HELP);
        return None;
    };
    match place.get_ref().as_ref() {
        "env" => {
            let name = reader.text_of(source, "env")?;
            if name.value.contains(['=', '\0']) {
                reader.note(name.at, "`env` is the name of an environment variable, which has no `=`", "");
                return None;
            }
            Some(Secret::Env(name.value))
        }
        "file" => {
            let text = reader.text_of(source, "file")?;
            reader.path_of(&text, "file").map(Secret::File)
        }
        "command" => read_command(reader, source),
        _ => {
            reader.note(place.span().start, format!("`{key}` cannot come from there"), HELP);
            None
        }
    }
}

fn read_command(reader: &mut Reader, value: Value<'_>) -> Option<Secret> {
    let help = "no shell is involved: write the program and its arguments as [\"program\", \"argument\"]";
    let list = reader.list_of(value, "command", help)?;
    let words: Vec<At<String>> = list.iter().filter_map(|word| argument(reader, word, help)).collect();
    match words.first() {
        Some(program) if program.value.is_empty() => {
            reader.note(program.at, "the first word of `command` is the program, and is empty", help);
            None
        }
        None => {
            reader.note(value.span().start, "`command` is empty", help);
            None
        }
        Some(_) => Some(Secret::Command(words.into_iter().map(|word| word.value).collect())),
    }
}

/// Reads one word of a command; unlike other text it may be empty.
fn argument(reader: &mut Reader, value: Value<'_>, help: &str) -> Option<At<String>> {
    let at = value.span().start;
    let DeValue::String(text) = value.get_ref() else {
        reader.note(at, "a word of `command` must be text in quotes", help);
        return None;
    };
    Some(At { value: text.to_string(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str]) -> Secret {
        Secret::Command(argv.iter().map(|word| (*word).to_owned()).collect())
    }

    #[tokio::test]
    async fn it_is_read_from_each_place_without_its_line_break() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\r\n").unwrap();
        assert_eq!(Secret::File(file.path().to_owned()).reveal(&Redactor::default()).await.unwrap().expose(), "s3cret");
        assert_eq!(command(&["printf", "a b$HOME\n"]).reveal(&Redactor::default()).await.unwrap().expose(), "a b$HOME");
        assert!(!Secret::Env("PATH".into()).reveal(&Redactor::default()).await.unwrap().expose().is_empty());
    }

    #[tokio::test]
    async fn it_shows_itself_nowhere() {
        let value = command(&["printf", "s3cret"]).reveal(&Redactor::default()).await.unwrap();
        assert!(!format!("{value} {value:?}").contains("s3cret"));
        for leaky in [
            command(&["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"]),
            command(&["printf", "s3cret\nsecond"]),
            command(&["printf", "s3cret\\377"]),
        ] {
            assert!(!format!("{leaky} {leaky:?}").contains("s3cret"));
            let error = leaky.reveal(&Redactor::default()).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_was_read_is_redacted_from_then_on() {
        let redactor = Redactor::default();
        command(&["printf", "a-planted-secret"]).reveal(&redactor).await.unwrap();
        assert_eq!(redactor.redact("you sent a-planted-secret"), "you sent •••");
    }

    #[tokio::test]
    async fn what_hangs_and_what_never_ends_is_given_up() {
        let error = command(&["sleep", "60"]).reveal_within(Duration::from_millis(50)).await.unwrap_err().to_string();
        assert_eq!(error, "no secret from the command `sleep`: nothing came within 0.05 s");
        for endless in [command(&["yes"]), Secret::File("/dev/zero".into())] {
            let error = endless.reveal(&Redactor::default()).await.unwrap_err().to_string();
            assert!(error.ends_with("it is longer than 64 KiB"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let error = Secret::Env("COCKPIT_NO_SUCH".into()).reveal(&Redactor::default()).await.unwrap_err().to_string();
        assert_eq!(error, "no secret from the environment variable COCKPIT_NO_SUCH: it is not set");
        let error = command(&["/no/such/program"]).reveal(&Redactor::default()).await.unwrap_err().to_string();
        assert!(error.starts_with("no secret from the command `/no/such/program`: No such file"), "{error}");
        let error = command(&["true"]).reveal(&Redactor::default()).await.unwrap_err().to_string();
        assert_eq!(error, "no secret from the command `true`: it is empty");
    }
}
