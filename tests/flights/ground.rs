//! A simulator of its own for each flight, and the program run against it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How many times faster than real time a flight goes.
const SPEED: &str = "10";
/// How long anything may take before a test gives up; generous, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A simulator, and a home of its own for the program.
pub struct Flight {
    simulator: Child,
    config: String,
    kubeconfig: String,
    home: tempfile::TempDir,
}

impl Flight {
    /// Starts a simulator with a scenario.
    pub fn begin(scenario: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut simulator = Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .args(["demo", scenario, "--serve", "--speed", SPEED])
            .env("HOME", home.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let out = BufReader::new(simulator.stdout.take().expect("its output"));
        let mut lines = out.lines().map(|line| line.expect("text"));
        let mut after = |start: &str| {
            let line = lines.find(|line| line.starts_with(start)).expect("a line that says where it is");
            line[start.len()..].to_owned()
        };
        let kubeconfig = after("export KUBECONFIG=");
        let config = after("# cockpit --config ");
        Self { simulator, config, kubeconfig, home }
    }

    fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .args(["--config", &self.config])
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "alice")
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs")
    }

    /// Runs a command; returns its exit code and all that it says.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs a command that has to end with this code and say this.
    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str], says: &str) {
        let (ended, said) = self.run(arguments);
        assert_eq!(ended, code, "{arguments:?}\n{said}");
        assert!(said.contains(says), "{arguments:?} does not say {says:?}\n{said}");
    }

    /// Runs a command again and again until it ends with this code; returns what it said then.
    #[track_caller]
    pub fn until_run(&self, arguments: &[&str], code: i32) -> String {
        self.until_says(arguments, code, "")
    }

    /// Runs a command again and again until it ends with this code and says this; returns all that it said then.
    #[track_caller]
    pub fn until_says(&self, arguments: &[&str], code: i32, says: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let (ended, said) = self.run(arguments);
            if ended == code && said.contains(says) {
                return said;
            }
            assert!(Instant::now() < until, "{arguments:?} never ends with {code} and {says:?}\n{said}");
        }
    }

    /// Returns an environment as `status -o json` shows it.
    #[track_caller]
    pub fn environment(&self, name: &str) -> Value {
        let output = self.command(&["status", "-o", "json"]);
        let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let environments = status["environments"].as_array().cloned().unwrap_or_default();
        environments.into_iter().find(|env| env["name"] == name).expect("the environment")
    }

    /// Checks which version is stable.
    #[track_caller]
    pub fn stable_is(&self, name: &str, version: &str) {
        let env = self.environment(name);
        let image = env["workloads"][0]["stable"]["images"][0].as_str().unwrap_or_default();
        assert!(image.ends_with(&format!(":{version}")), "{env:#}");
    }

    /// Looks again and again until an environment is as wanted.
    #[track_caller]
    pub fn until(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let env = self.environment(name);
            if wanted(&env) {
                return;
            }
            assert!(Instant::now() < until, "never seen: {what}\n{env:#}");
        }
    }

    /// Checks that the journal is unbroken and says these things in this order.
    #[track_caller]
    pub fn journal_holds(&self, says: &[&str]) {
        self.expect(0, &["log", "verify"], "unbroken");
        let (code, text) = self.run(&["log", "show"]);
        assert_eq!(code, 0, "{text}");
        let mut rest = text.as_str();
        for part in says {
            let at = rest.find(part).unwrap_or_else(|| panic!("the journal does not say {part:?}\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let _ = self.simulator.kill();
        let _ = self.simulator.wait();
    }
}
