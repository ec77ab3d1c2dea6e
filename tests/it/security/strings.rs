//! Hostile text in a cluster, from the API server through the program to the terminal and to pipes.

use release_cockpit::domain::facts::text::is_unsafe;
use serde_json::{Value, json};

use super::program::{Home, Simulated, leave, visit_screens};

/// A title, the clipboard, a clear screen, C1 controls, a bidi override, and what looks like another line.
const HOSTILE: &str =
    "evil\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0K\u{7}\u{1b}[2J\u{9b}31m\u{90}q\u{9c}\u{202e}txt\u{200b}\r\nforged line\t";

/// A cluster and a configuration in which every text is hostile.
fn hostile() -> Simulated {
    let ground = Simulated::new("crash-loop", &[("USER", HOSTILE)]);
    let quoted = toml::Value::String(HOSTILE.to_owned());
    let check =
        format!("\n[[checks]]\nid = \"told\"\ntitle = {quoted}\ncommand = {{ argv = [\"printf\", {quoted}] }}\n");
    ground.home.write("cockpit.toml", &(ground.home.read("cockpit.toml") + &check));
    let cluster = ground.simulator.cluster("prod-eu").unwrap();
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
    ground
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
fn no_cluster_text_reaches_a_terminal_raw() {
    let Simulated { home, .. } = &hostile();
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
        let (_, out, err) = home.run(arguments).parts();
        is_printable(arguments, &out);
        is_printable(arguments, &err);
        if arguments.contains(&"json") {
            assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
        }
        said += &out;
    }
    assert!(said.contains("evil"), "nothing hostile was shown at all:\n{said}");
    on_the_screen(home);
}

fn on_the_screen(home: &Home) {
    let mut pty = home.screen((180, 50));
    pty.wait_text("evil");
    visit_screens(&mut pty);
    let bytes = leave(pty);
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
