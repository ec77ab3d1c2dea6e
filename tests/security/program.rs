//! The program in a home of its own, against a server that a test chose.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use simulator::{Options, Scenario, Simulator};
use tokio::runtime::Runtime;

use crate::pty::Tui;

/// A home with a configuration, a kubeconfig and a folder for the program's state; it ends with the test.
pub struct Home {
    folder: tempfile::TempDir,
    more: Vec<(&'static str, String)>,
}

impl Home {
    /// An empty home, and variables that the program gets besides the usual ones.
    pub fn new(more: &[(&'static str, &str)]) -> Self {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { folder: tempfile::tempdir().unwrap(), more }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn variables(&self) -> Vec<(&str, String)> {
        let mut variables = vec![
            ("HOME", self.path("")),
            ("XDG_STATE_HOME", self.path("state")),
            ("KUBECONFIG", self.path("kubeconfig")),
            ("USER", "alice".to_owned()),
            ("PATH", std::env::var("PATH").unwrap()),
        ];
        variables.extend(self.more.iter().map(|(name, value)| (*name, value.clone())));
        variables
    }

    /// Runs a command that may write for everybody, as far as its surroundings say.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new("sh")
            .args(["-c", "umask 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cockpit"), "--config"])
            .arg(self.path("cockpit.toml"))
            .args(arguments)
            .env_clear()
            .envs(self.variables())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command and returns all that it wrote.
    pub fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Opens the screen, as wide and high as that.
    pub fn screen(&self, size: (u16, u16)) -> Tui {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Tui::start(&["--config", &self.path("cockpit.toml")], size, &variables)
    }
}

/// Goes through all screens.
pub fn tour(tui: &mut Tui) {
    for (key, shows) in [("2", "Rollout"), ("3", "Signals"), ("4", "Checklist"), ("5", "Changes"), ("6", "Journal")] {
        tui.send(key);
        tui.wait_text(shows);
    }
}

/// Leaves, and returns every byte that the terminal got.
pub fn leave(mut tui: Tui) -> Vec<u8> {
    tui.send("q");
    tui.exit();
    tui.bytes()
}

/// A simulator, and a home from which the program watches it.
pub struct Simulated {
    pub home: Home,
    pub simulator: Simulator,
    _runtime: Runtime,
}

impl Simulated {
    pub fn new(scenario: &str, more: &[(&'static str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scenario = Scenario::load(scenario).unwrap();
        let simulator = runtime.block_on(Simulator::start(&scenario, Options { speed: 20.0, seed: 7 })).unwrap();
        let home = Home::new(more);
        simulator.write_kubeconfig(Path::new(&home.path("kubeconfig"))).unwrap();
        home.write("cockpit.toml", &simulator.config_toml());
        Self { home, simulator, _runtime: runtime }
    }
}
