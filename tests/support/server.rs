//! Real servers on ports of their own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::check::{Checked, until};
use crate::http::http_client;
use crate::process::Process;

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
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        Ok(Self { program, arguments: arguments(data.path(), &address), process: None, address, data })
    }

    /// Starts the process, and waits until it says that it is ready.
    pub async fn run(&mut self) -> Checked {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Process::start(&mut command)?);
        let ready = format!("{}/-/ready", self.url());
        until(&format!("{} at {ready}", self.program), || async {
            http_client().get(&ready).send().await.ok().filter(|answer| answer.status().is_success()).map(|_| ())
        })
        .await
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
