//! Real servers on ports of their own.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::check::{Checked, until};
use crate::http::http_client;
use crate::process::{Process, is_dead};

/// Ports that the kernel gives to nobody by itself (it gives those above), so that no connection of another process
/// and no server of another test takes one between the look and the start.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
const MAX_PORT_TRIES: u16 = 1_000;

/// A server with its data. Killed when dropped.
#[derive(Debug)]
pub struct RealServer {
    program: &'static str,
    arguments: Vec<String>,
    process: Option<Process>,
    address: String,
    data: TempDir,
}

impl RealServer {
    /// One that does not run yet. `arguments` are told its folder and its address.
    pub fn new(program: &'static str, arguments: impl Fn(&Path, &str) -> Vec<String>) -> Checked<Self> {
        let data = TempDir::new()?;
        let address = free_address()?;
        Ok(Self { program, arguments: arguments(data.path(), &address), process: None, address, data })
    }

    /// Starts the process, and waits until it says that it is ready.
    pub async fn run(&mut self) -> Checked {
        let mut command = Command::new(self.program);
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log"))?;
        command.args(&self.arguments).stdout(Stdio::null()).stderr(log);
        let process = self.process.insert(Process::start(&mut command)?);
        let pid = process.child().id();
        let ready = format!("{}/-/ready", self.url());
        let came = until(&format!("{} at {ready}", self.program), || async {
            let answer = http_client().get(&ready).send().await.ok().filter(|answer| answer.status().is_success());
            answer.map(|_| true).or_else(|| is_dead(pid).then_some(false))
        })
        .await;
        let failure = match came {
            Ok(true) => return Ok(()),
            Ok(false) => format!("{} ended", self.program),
            Err(failure) => failure.message().unwrap_or_default().to_owned(),
        };
        Err(format!("{failure}; it said:\n{}", fs::read_to_string(self.path("log")).unwrap_or_default()).into())
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// Replaces a file of its folder as a whole: it may be read whenever it changes.
    pub fn write(&self, name: &str, text: &str) -> Checked {
        let new = self.path("new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, self.path(name))?)
    }
}

/// An address on this machine that nobody listens at.
fn free_address() -> Checked<String> {
    Ok(format!("127.0.0.1:{}", free_port()?))
}

/// A port of this machine that nobody listens at.
pub fn free_port() -> Checked<u16> {
    // Tests run at the same time in one process: each starts looking at a place of its own.
    let count = PORTS.end - PORTS.start;
    let start = (RandomState::new().hash_one(std::process::id()) % u64::from(count)) as u16;
    let mut ports = (0..MAX_PORT_TRIES).map(|step| (start + step) % count + PORTS.start);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).ok_or_else(|| "no free port".into())
}
