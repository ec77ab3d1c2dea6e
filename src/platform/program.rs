//! Programs of the user's own: what they are run with, and how they end.
//!
//! A program gets no secret of ours: its environment is made anew. It runs in a process group of its own, which ends with it, so
//! that nothing it started is left behind.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::process_group::ProcessGroup;

pub(crate) const INHERITED_VARIABLES: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// How long output is waited for that others hold open after the program has ended.
pub(crate) const OUTPUT_GRACE: Duration = Duration::from_millis(200);
/// How much is kept of what a program says beside its output.
const MAX_ERROR_BYTES: usize = 8 << 10;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    pub argv: &'a [String],
    pub dir: &'a Path,
    /// Variables that it gets besides those of every program.
    pub variables: &'a [(&'static str, String)],
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    /// The end of its standard error.
    pub errors: Vec<u8>,
}

/// Why nothing is known of how a program ended.
#[derive(Debug, PartialEq, Eq)]
pub enum NotEnded {
    /// It was never started.
    NotStarted(String),
    /// It was started, and was stopped or lost.
    Stopped(String),
}

impl Program<'_> {
    /// Makes the process, which is not started yet.
    pub(crate) fn command(&self) -> Option<Command> {
        let (program, arguments) = self.argv.split_first()?;
        let mut command = Command::new(program);
        let inherited = INHERITED_VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        // A NUL cannot stand in a variable.
        let own = self.variables.iter().map(|(name, value)| (*name, OsString::from(value.replace('\0', ""))));
        command
            .args(arguments)
            .current_dir(self.dir)
            .env_clear()
            .envs(inherited)
            .env("TERM", "dumb")
            .envs(own)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Some(command)
    }

    /// Says why it could not be started; `name` is how it is called.
    pub(crate) fn not_started(&self, name: &str, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::NotFound if !self.dir.is_dir() => {
                format!("cannot run {name} in {}: there is no such folder", self.dir.display())
            }
            io::ErrorKind::NotFound => format!("cannot run {name}: there is no such program"),
            io::ErrorKind::PermissionDenied => format!("cannot run {name}: it may not be executed (chmod +x?)"),
            _ => format!("cannot run {name}: {error}"),
        }
    }

    /// Runs it to its end, and ends whatever it started.
    ///
    /// # Errors
    /// Why it did not end by itself: its output is longer than `max_bytes`, or it took longer than `limit`.
    pub async fn run(&self, max_bytes: usize, limit: Duration) -> Result<Ended, NotEnded> {
        let Some(command) = self.command() else { return Err(nothing_to_run()) };
        let mut running = self.spawn(command)?;
        let ended = tokio::time::timeout(limit, to_its_end(&mut running.child, &mut running.group, max_bytes)).await;
        let name = &running.name;
        match ended {
            Ok(Ok(Some(ended))) => Ok(ended),
            Ok(Ok(None)) => {
                Err(NotEnded::Stopped(format!("{name} was stopped: it prints more than {} KiB", max_bytes >> 10)))
            }
            Ok(Err(error)) => Err(running.lost(&error)),
            Err(_) => Err(running.took_too_long(limit)),
        }
    }

    /// Starts it, without its output. Where this process is killed, it runs on: what it prints goes to no pipe that is closed
    /// then.
    ///
    /// # Errors
    /// Why it was not started.
    pub fn start(&self) -> Result<Following, NotEnded> {
        let Some(mut command) = self.command() else { return Err(nothing_to_run()) };
        let not_started = |error: io::Error| NotEnded::NotStarted(format!("no file for what it prints: {error}"));
        let errors = tempfile::tempfile().map_err(not_started)?;
        command.stdout(Stdio::null()).stderr(errors.try_clone().map_err(not_started)?);
        Ok(Following { running: self.spawn(command)?, errors })
    }

    fn spawn(&self, mut command: Command) -> Result<Running, NotEnded> {
        let name = self.argv.first().map_or("", String::as_str);
        let child = command.spawn().map_err(|error| NotEnded::NotStarted(self.not_started(name, &error)))?;
        Ok(Running { name: name.to_owned(), group: ProcessGroup::of(child.id()), child })
    }
}

fn nothing_to_run() -> NotEnded {
    NotEnded::NotStarted("there is no program to run".to_owned())
}

/// A program that was started. Dropped, it is ended with whatever it started.
struct Running {
    name: String,
    group: ProcessGroup,
    child: Child,
}

/// A program that was started, whose output is not kept. Dropped, it is ended with whatever it started.
pub struct Following {
    running: Running,
    /// What it prints to standard error; no other process finds the file.
    errors: File,
}

impl Running {
    fn lost(&self, error: &io::Error) -> NotEnded {
        NotEnded::Stopped(format!("{}: how it ended is unknown: {error}", self.name))
    }

    fn took_too_long(&self, limit: Duration) -> NotEnded {
        NotEnded::Stopped(format!("{} was stopped: it took longer than {} s", self.name, limit.as_secs()))
    }
}

impl Following {
    /// Returns its process id; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.child.id()
    }

    /// Lets it run to its end, and ends whatever it started.
    ///
    /// # Errors
    /// Why it did not end by itself: it took longer than `limit`.
    pub async fn to_its_end(mut self, limit: Duration) -> Result<Ended, NotEnded> {
        match tokio::time::timeout(limit, self.running.group.leader_ended()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.running.lost(&error)),
            Err(_) => return Err(self.running.took_too_long(limit)),
        }
        self.running.group.kill();
        let status = self.running.child.wait().await.map_err(|error| self.running.lost(&error))?;
        // That it ended is known, whatever becomes of its last words.
        let errors = last_bytes(&mut self.errors).unwrap_or_default();
        Ok(Ended { status, output: Vec::new(), errors })
    }
}

/// Reads the end of what was printed to standard error.
fn last_bytes(errors: &mut File) -> io::Result<Vec<u8>> {
    let length = errors.metadata()?.len();
    errors.seek(SeekFrom::Start(length.saturating_sub(MAX_ERROR_BYTES as u64)))?;
    let mut bytes = Vec::new();
    errors.take(MAX_ERROR_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Ended {
    /// Says how it ended, with the last that it said.
    pub(crate) fn said(&self, name: &str, cut: impl Fn(&str) -> String) -> String {
        let errors = String::from_utf8_lossy(&self.errors);
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let last = cut(last);
        let joint = if last.is_empty() { "" } else { ": " };
        format!("`{name}` ended with {}{joint}{last}", ending(self.status))
    }
}

/// `None` where it prints too much.
async fn to_its_end(child: &mut Child, group: &mut ProcessGroup, max_bytes: usize) -> io::Result<Option<Ended>> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    {
        let reading = async {
            // Too much of one of them ends the other, too.
            tokio::try_join!(
                read(out, &mut output, |all| { if all.len() > max_bytes { Err(TooMuch) } else { Ok(()) } }),
                read(err, &mut errors, |all| {
                    all.drain(..all.len().saturating_sub(MAX_ERROR_BYTES));
                    Ok(())
                })
            )
        };
        tokio::pin!(reading);
        let ended = group.leader_ended();
        tokio::pin!(ended);
        tokio::select! {
            // What was too long is seen by its length.
            _ = &mut reading => {}
            result = &mut ended => {
                result?;
                let _ = tokio::time::timeout(OUTPUT_GRACE, &mut reading).await;
            }
        }
    }
    if output.len() > max_bytes {
        return Ok(None);
    }
    group.leader_ended().await?;
    group.kill();
    let status = child.wait().await?;
    Ok(Some(Ended { status, output, errors }))
}

/// A program prints more than is wanted.
struct TooMuch;

/// Reads to the end, unless it is too much; what fails has ended.
async fn read(
    from: Option<impl AsyncRead + Unpin>,
    all: &mut Vec<u8>,
    bound: impl Fn(&mut Vec<u8>) -> Result<(), TooMuch>,
) -> Result<(), TooMuch> {
    let Some(mut from) = from else { return Ok(()) };
    let mut piece = vec![0; 8192];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        all.extend_from_slice(&piece[..count]);
        bound(all)?;
    }
    Ok(())
}

/// Says how a program ended.
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it did not end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(argv: &[&str], max_bytes: usize, limit: Duration) -> Result<Ended, NotEnded> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let variables = [("COCKPIT_ENV", "prod".to_owned())];
        Program { argv: &argv, dir: Path::new("/"), variables: &variables }.run(max_bytes, limit).await
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn output_and_errors_are_told_apart_and_both_are_bounded() {
        let ended = run(&["sh", "-c", "echo out; seq 1 9999 >&2; exit 3"], 1 << 10, LONG).await.unwrap();
        assert_eq!((ending(ended.status).as_str(), ended.output.as_slice()), ("exit code 3", &b"out\n"[..]));
        assert!(ended.errors.len() <= MAX_ERROR_BYTES && ended.errors.ends_with(b"9999\n"));
        let endless = run(&["yes"], 1 << 10, LONG).await.unwrap_err();
        assert_eq!(endless, NotEnded::Stopped("yes was stopped: it prints more than 1 KiB".to_owned()));
    }

    #[tokio::test]
    async fn what_is_followed_may_print_any_amount_and_its_last_words_are_kept() {
        let argv = ["sh", "-c", "seq 1 99999; seq 1 99999 >&2; echo no login >&2; exit 3"].map(ToOwned::to_owned);
        let following = Program { argv: &argv, dir: Path::new("/"), variables: &[] }.start().unwrap();
        let ended = following.to_its_end(LONG).await.unwrap();
        assert!(ended.errors.len() <= MAX_ERROR_BYTES);
        assert_eq!(ended.said("deploy", str::to_owned), "`deploy` ended with exit code 3: no login");
        let argv = ["sleep", "600"].map(ToOwned::to_owned);
        let following = Program { argv: &argv, dir: Path::new("/"), variables: &[] }.start().unwrap();
        let stopped = following.to_its_end(Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(stopped, NotEnded::Stopped(_)), "{stopped:?}");
    }

    #[tokio::test]
    async fn what_hangs_is_stopped_and_what_is_not_there_was_never_started() {
        let stopped = run(&["sleep", "600"], 1 << 10, Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(stopped, NotEnded::Stopped(_)), "{stopped:?}");
        let missing = run(&["no-such-program"], 1 << 10, LONG).await.unwrap_err();
        let why = "cannot run no-such-program: there is no such program".to_owned();
        assert_eq!(missing, NotEnded::NotStarted(why));
    }

    #[tokio::test]
    async fn a_child_that_holds_the_output_open_does_not_hold_up_the_end() {
        let ended = run(&["sh", "-c", "sleep 600 & echo $!"], 1 << 10, LONG).await.unwrap();
        let pid = String::from_utf8(ended.output).unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        // Killed with the group; it is gone once it was collected.
        while stat().is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')) {
            tokio::task::yield_now().await;
        }
    }
}
