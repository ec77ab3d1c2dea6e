//! Hostile text in a cluster, from the API server through the program to the terminal and to pipes.

use std::fs;
use std::process::{Command, Stdio};

use release_cockpit::domain::text::is_unsafe;
use release_cockpit::simulator::{Options, Scenario, Simulator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::pty::Tui;

/// A title, the clipboard, a clear screen, C1 controls, a bidi override, and what looks like another line.
const HOSTILE: &str =
    "evil\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0K\u{7}\u{1b}[2J\u{9b}31m\u{90}q\u{9c}\u{202e}txt\u{200b}\r\nforged line\t";

struct Ground {
    home: tempfile::TempDir,
    _runtime: Runtime,
    _simulator: Simulator,
}

impl Ground {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scenario = Scenario::load("crash-loop").unwrap();
        let simulator = runtime.block_on(Simulator::start(&scenario, Options { speed: 20.0, seed: 7 })).unwrap();
        let home = tempfile::tempdir().unwrap();
        simulator.write_kubeconfig(&home.path().join("kubeconfig")).unwrap();
        let config = format!(
            "{}\n[[checks]]\nid = \"told\"\ntitle = {}\ncommand = {{ argv = [\"printf\", {}] }}\n",
            simulator.config_toml(),
            toml::Value::String(HOSTILE.to_owned()),
            toml::Value::String(HOSTILE.to_owned()),
        );
        fs::write(home.path().join("cockpit.toml"), config).unwrap();
        let cluster = simulator.cluster("prod-eu").unwrap();
        let notes = json!({"metadata": {
            "annotations": {"kubernetes.io/change-cause": HOSTILE, HOSTILE: HOSTILE},
            "labels": {"app.kubernetes.io/version": HOSTILE}}});
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        for kind in ["rollouts", "replicasets", "pods"] {
            for object in cluster.list(kind) {
                // What the controllers own may be refused; the rest is what counts.
                let _ = cluster.patch(kind, &name(&object), &notes);
            }
        }
        for object in cluster.list("pods") {
            let status = json!({"status": {"reason": HOSTILE, "message": HOSTILE}});
            let _ = cluster.patch_status("pods", &name(&object), &status);
        }
        let rollout = cluster.list("rollouts").remove(0);
        let event = json!({
            "kind": "Event", "apiVersion": "v1", "type": "Warning", "reason": HOSTILE, "message": HOSTILE, "count": 3,
            "metadata": {"name": "hostile", "namespace": cluster.namespace()},
            "involvedObject": {"kind": "Rollout", "name": name(&rollout), "namespace": cluster.namespace(),
                "uid": rollout["metadata"]["uid"]},
            "lastTimestamp": jiff::Timestamp::now().to_string(),
        });
        cluster.create(event).unwrap();
        Self { home, _runtime: runtime, _simulator: simulator }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        vec![
            ("HOME", path("")),
            ("XDG_STATE_HOME", path("state")),
            ("KUBECONFIG", path("kubeconfig")),
            ("USER", HOSTILE.replace('\0', "")),
            ("PATH", std::env::var("PATH").unwrap()),
        ]
    }

    fn config(&self) -> String {
        self.home.path().join("cockpit.toml").display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .args(["--config", &self.config()])
            .args(arguments)
            .env_clear()
            .envs(self.variables())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr))
    }
}

#[track_caller]
fn is_printable(arguments: &[&str], text: &str) {
    for line in text.split('\n') {
        assert!(!line.chars().any(is_unsafe), "{arguments:?}: {line:?}");
        // Lines of evidence stand by themselves in XML.
        let forged = line.starts_with("forged line") && !arguments.contains(&"junit");
        assert!(!forged, "{arguments:?}: {text}");
    }
}

#[test]
fn no_text_of_a_cluster_reaches_a_terminal_raw() {
    let ground = Ground::new();
    let note = format!("seen {HOSTILE}");
    let commands: [&[&str]; 14] = [
        &["status"],
        &["status", "-o", "json"],
        &["preflight"],
        &["gate", "prod-eu"],
        &["gate", "prod-eu", "-o", "json"],
        &["gate", "prod-eu", "-o", "junit"],
        &["check", "prod-eu"],
        &["sign", "prod-eu", "no-go", "--role", HOSTILE, "--note", &note],
        &["pause", "prod-eu", "--yes"],
        &["resume", "prod-eu", "--yes"],
        &["log", "show"],
        &["log", "show", HOSTILE],
        &["--context", HOSTILE, "status"],
        &["init", "-"],
    ];
    let mut said = String::new();
    for arguments in commands {
        let (out, err) = ground.run(arguments);
        is_printable(arguments, &out);
        is_printable(arguments, &err);
        if arguments.contains(&"json") {
            assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
        }
        said += &out;
    }
    assert!(said.contains("evil"), "nothing hostile was shown at all:\n{said}");
    on_the_screen(&ground);
}

fn on_the_screen(ground: &Ground) {
    let variables = ground.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut tui = Tui::start(&["--config", &ground.config()], (180, 50), &variables);
    tui.wait_text("evil");
    for (key, shows) in [("2", "Rollout"), ("3", "Signals"), ("4", "Checklist"), ("5", "Changes"), ("6", "Journal")] {
        tui.send(key);
        tui.wait_text(shows);
    }
    tui.send("q");
    tui.exit();
    let bytes = tui.bytes();
    let text = String::from_utf8_lossy(&bytes);
    for (what, found) in [
        ("a title or the clipboard", text.contains("\u{1b}]")),
        ("a device control string", text.contains("\u{1b}P") || text.contains("\u{90}")),
        ("a C1 control", text.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c))),
        ("a bidi override", text.contains('\u{202e}')),
        ("what has no width", text.contains('\u{200b}')),
    ] {
        assert!(!found, "{what} reached the terminal");
    }
}
