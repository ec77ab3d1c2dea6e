//! The program in a home of its own, against a server that a test chose.

use std::path::Path;

use simulator::{Options, Scenario, Simulator};
use support::{Program, Pty, Run};
use tokio::runtime::Runtime;

/// A home with a configuration, a kubeconfig and a folder for the program's state; it ends with the test. Copies share it.
#[derive(Clone)]
pub struct Home {
    program: Program,
}

impl Home {
    /// An empty home, and variables that the program gets besides the usual ones. It may write for everybody, as far as
    /// its surroundings say.
    pub fn new(more: &[(&str, &str)]) -> Self {
        let program = Program::new("/bin/sh")
            .args(["-c", "umask 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cockpit"), "--config", "cockpit.toml"])
            .with_path();
        let in_home = |name: &str| program.path(name).display().to_string();
        let (state, kubeconfig) = (in_home("state"), in_home("kubeconfig"));
        let program = program.env("XDG_STATE_HOME", state).env("KUBECONFIG", kubeconfig).envs(more);
        Self { program }
    }

    pub fn path(&self, name: &str) -> String {
        self.program.path(name).display().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        self.program.read(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        self.program.write(name, text);
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.program.run(arguments)
    }

    /// Runs a command and returns all that it wrote.
    pub fn said(&self, arguments: &[&str]) -> String {
        self.run(arguments).said()
    }

    /// Opens the screen, as wide and high as that.
    pub fn screen(&self, size: (u16, u16)) -> Pty {
        self.program.screen(&[], size)
    }
}

pub fn visit_screens(pty: &mut Pty) {
    for (key, shows) in [("2", "Rollout"), ("3", "Signals"), ("4", "Checklist"), ("5", "Changes"), ("6", "Journal")] {
        pty.send(key);
        pty.wait_text(shows);
    }
}

/// Leaves, and returns every byte that the terminal got.
pub fn leave(mut pty: Pty) -> Vec<u8> {
    pty.send("q");
    pty.exit();
    pty.bytes()
}

/// A simulator, and a home from which the program watches it.
pub struct Simulated {
    pub home: Home,
    pub simulator: Simulator,
    _runtime: Runtime,
}

impl Simulated {
    pub fn new(scenario: &str, more: &[(&str, &str)]) -> Self {
        let simulated = Self::in_home(Home::new(more), scenario, 7);
        simulated.point_here();
        simulated
    }

    /// A simulator whose names and UIDs follow from `seed`. The home's configuration stays as it is.
    pub fn in_home(home: Home, scenario: &str, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scenario = Scenario::load(scenario).unwrap();
        let simulator = runtime.block_on(Simulator::start(&scenario, Options { speed: 20.0, seed })).unwrap();
        Self { home, simulator, _runtime: runtime }
    }

    /// Lets kubeconfig and configuration of the home name this simulator.
    pub fn point_here(&self) {
        self.simulator.write_kubeconfig(Path::new(&self.home.path("kubeconfig"))).unwrap();
        self.home.write("cockpit.toml", &self.simulator.config_toml());
    }
}
