//! What the program keeps: for its owner only, in its own folder, through no link.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use release_cockpit::actuators::Journal;
use release_cockpit::actuators::journal::copy_new;
use release_cockpit::domain::journal::Entry;
use release_cockpit::simulator::{Options, Scenario, Simulator};
use tokio::runtime::Runtime;

use crate::pty::Tui;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Asserts the modes of everything below a folder, and returns how many files there are.
fn are_private(folder: &Path) -> usize {
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            if path.is_dir() {
                return are_private(&path);
            }
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            1
        })
        .sum()
}

/// A simulator, and the program with a folder of its own for its state.
struct Ground {
    home: tempfile::TempDir,
    _runtime: Runtime,
    _simulator: Simulator,
}

impl Ground {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scenario = Scenario::load("canary").unwrap();
        let simulator = runtime.block_on(Simulator::start(&scenario, Options { speed: 20.0, seed: 7 })).unwrap();
        let home = tempfile::tempdir().unwrap();
        simulator.write_kubeconfig(&home.path().join("kubeconfig")).unwrap();
        fs::write(home.path().join("cockpit.toml"), simulator.config_toml()).unwrap();
        Self { home, _runtime: runtime, _simulator: simulator }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("HOME", self.path("")),
            ("XDG_STATE_HOME", self.path("state")),
            ("KUBECONFIG", self.path("kubeconfig")),
            ("USER", "alice".to_owned()),
            ("PATH", std::env::var("PATH").unwrap()),
        ]
    }

    /// Runs a command that may write for everybody, as far as its surroundings say.
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("sh")
            .args(["-c", "umask 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cockpit"), "--config"])
            .arg(self.path("cockpit.toml"))
            .args(arguments)
            .env_clear()
            .envs(self.variables())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Opens the screen and leaves it.
    fn visit(&self) {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut tui = Tui::start(&["--config", &self.path("cockpit.toml")], (120, 40), &variables);
        tui.wait_text("prometheus ●");
        tui.send("q");
        tui.exit();
    }
}

#[test]
fn whatever_is_kept_is_for_its_owner_only() {
    let ground = Ground::new();
    let said = ground.run(&["pause", "prod-eu", "--yes"]);
    ground.visit();
    assert!(are_private(Path::new(&ground.path("state/release-cockpit"))) >= 2, "{said}");
    let said = ground.run(&["log", "export", "--file", "evidence.jsonl"]);
    assert_eq!(mode(Path::new(&ground.path("evidence.jsonl"))), 0o600, "{said}");
}

#[tokio::test]
async fn no_link_leads_the_journal_out_of_its_folder() {
    let home = tempfile::tempdir().unwrap();
    let (folder, outside) = (home.path().join("journals"), home.path().join("outside"));
    fs::create_dir(&folder).unwrap();
    fs::write(&outside, "untouched").unwrap();
    for name in ["api_1.jsonl", "api_1.lock"] {
        symlink(&outside, folder.join(name)).unwrap();
    }
    let journal = Journal::new(&folder, None);
    let note = Entry::Note { who: "ada".to_owned(), text: "x".to_owned() };
    assert!(journal.append("api 1", note.clone()).await.is_err());
    assert!(journal.mark_in_flight("api 1").is_none());
    assert!(copy_new(&folder.join("api_1.jsonl"), b"x").is_err());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");

    // Neither does a name.
    for release in ["../outside", "/tmp/outside", "..", "a/../../b", "\n", "\u{1b}[2J"] {
        journal.append(release, note.clone()).await.unwrap();
    }
    let beside: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name:?}");
    }
}

#[test]
fn a_folder_that_is_a_link_is_not_used() {
    let ground = Ground::new();
    let (state, outside) = (ground.home.path().join("state"), ground.home.path().join("outside"));
    fs::create_dir(&state).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink(&outside, state.join("release-cockpit")).unwrap();
    ground.run(&["pause", "prod-eu", "--yes"]);
    ground.visit();
    let there: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(there.is_empty(), "{there:?}");
}

#[test]
fn a_program_that_is_run_gets_no_secret_and_none_of_our_files() {
    let ground = Ground::new();
    let listing = "for fd in /proc/self/fd/*; do echo fd $(readlink $fd); done; env";
    let config = fs::read_to_string(ground.path("cockpit.toml")).unwrap();
    let check = format!("\n[[checks]]\nid = \"told\"\ncommand = {{ argv = [\"sh\", \"-c\", '{listing}'] }}\n");
    fs::write(ground.path("cockpit.toml"), config + &check).unwrap();
    let said = ground.run(&["check", "prod-eu", "told"]);
    assert!(said.contains("COCKPIT_ENV=prod-eu"), "{said}");
    for ours in ["KUBECONFIG", "XDG_STATE_HOME", "USER="] {
        assert!(!said.contains(ours), "{ours} reaches it:\n{said}");
    }
    for open in said.lines().filter(|line| line.contains("fd ")) {
        let harmless = ["socket:", "release-cockpit", ".jsonl", ".log"].iter().all(|part| !open.contains(part));
        assert!(harmless, "a file of ours reaches it: {open}");
    }
}
