//! The program under test, run as its users run it, in a clean environment.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Process;
use crate::pty::Pty;

/// Ends a run that hangs.
const RUN_TIMEOUT: Duration = Duration::from_secs(240);

/// A program with a home of its own: nothing of the machine's own is read or touched. Copies share the home, which is
/// removed with the last of them.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    home: Arc<TempDir>,
    folder: PathBuf,
    /// What comes before the arguments of each run.
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// How a run ended, and what it wrote.
#[derive(Clone, Debug)]
pub struct Run {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Run {
    /// The exit code; -1 where a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// Standard output, which has to be UTF-8.
    pub fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("standard output is UTF-8")
    }

    /// Standard error, which has to be UTF-8.
    pub fn err(&self) -> String {
        String::from_utf8(self.stderr.clone()).expect("standard error is UTF-8")
    }

    /// All that it wrote, output before errors.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&[self.stdout.as_slice(), &self.stderr].concat()).into_owned()
    }

    /// Exit code, output and errors.
    pub fn parts(&self) -> (i32, String, String) {
        (self.code(), self.out(), self.err())
    }
}

impl Program {
    /// A program at this path; the product's own is at `env!("CARGO_BIN_EXE_cockpit")`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        let folder = home.path().to_owned();
        Self { path: path.into(), home: Arc::new(home), folder, arguments: Vec::new(), variables: Vec::new() }
    }

    /// Adds an argument that comes before those of each run.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments that come before those of each run.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable besides `HOME`, `USER` and `TZ`, or instead of one of them.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Sets variables besides `HOME`, `USER` and `TZ`.
    #[must_use]
    pub fn envs<'a>(self, variables: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Self {
        variables.into_iter().fold(self, |program, (name, value)| program.env(*name, *value))
    }

    /// Lets it find other programs where the test finds them.
    #[must_use]
    pub fn with_path(self) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        self.env("PATH", path)
    }

    /// Runs it in this folder instead of its home.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// A path in its home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file of its home; returns the path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file of the home");
        path
    }

    /// Reads a file of its home.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of the home")
    }

    /// Trusts the `cockpit.toml` in the folder where it runs, as it is now.
    #[track_caller]
    pub fn trust(&self) {
        let run = self.run(&["trust", "--yes"]);
        assert_eq!(run.code(), 0, "{}", run.said());
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let home = self.home.path().display().to_string();
        let own = [("HOME", home.as_str()), ("USER", "alice"), ("TZ", "UTC")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.into_iter().chain(self.variables.iter().cloned()).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn line(&self, arguments: &[&str]) -> (&Path, Vec<String>) {
        let all = self.arguments.iter().cloned().chain(arguments.iter().map(|argument| (*argument).to_owned()));
        (&self.path, all.collect())
    }

    /// The command that all runs begin with; nobody types into it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let (path, arguments) = self.line(arguments);
        let mut command = Command::new(path);
        command.args(arguments).env_clear().envs(self.environment()).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Run {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(self.run_async(arguments))
    }

    /// Runs it to its end, beside what else the test's runtime does.
    pub async fn run_async(&self, arguments: &[&str]) -> Run {
        self.run_within(RUN_TIMEOUT, arguments).await
    }

    /// The same, for as long as this.
    pub async fn run_within(&self, limit: Duration, arguments: &[&str]) -> Run {
        let mut command = tokio::process::Command::from(self.command(arguments));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().expect("the program starts");
        let ended = tokio::time::timeout(limit, child.wait_with_output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{arguments:?} did not end within {limit:?}"));
        let output = output.expect("the program can be waited for");
        Run { status: output.status, stdout: output.stdout, stderr: output.stderr }
    }

    /// Opens it in a terminal with so many columns and rows.
    #[track_caller]
    pub fn screen(&self, arguments: &[&str], size: (u16, u16)) -> Pty {
        Pty::start(self, arguments, size)
    }

    /// Starts `cockpit demo SCENARIO --serve`, a simulator in a process of its own.
    pub fn serve_demo(&self, scenario: &str, speed: &str) -> DemoServer {
        let mut command = self.command(&["demo", scenario, "--serve", "--speed", speed]);
        let mut process = Process::start(command.stdout(Stdio::piped())).expect("the simulator starts");
        let out = BufReader::new(process.child().stdout.take().expect("its output"));
        let mut lines = out.lines().map(|line| line.expect("text"));
        let mut after = |start: &str| {
            let line = lines.find(|line| line.starts_with(start));
            line.unwrap_or_else(|| panic!("no line begins with {start:?}"))[start.len()..].to_owned()
        };
        let kubeconfig = after("export KUBECONFIG=");
        let prometheus = after("export PROMETHEUS_URL=");
        let config = after("# cockpit --config ");
        DemoServer { kubeconfig, prometheus, config, _process: process, _program: self.clone() }
    }
}

/// A simulator in a process of its own, and where it is found.
#[derive(Debug)]
pub struct DemoServer {
    pub kubeconfig: String,
    pub prometheus: String,
    /// Path of a config with its environments.
    pub config: String,
    _process: Process,
    /// Its home has to be there as long as it runs.
    _program: Program,
}
