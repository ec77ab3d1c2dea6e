//! `cockpit changes` as a person runs it: a simulated release, a real repository, and the exit codes.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::path::Path;
use std::process::{Command, Output};

use simulator::{Options, Scenario, Simulator};

/// Runs git in a folder, without this machine's settings.
fn git(folder: &Path, words: &[&str]) -> bool {
    let done = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .output();
    done.is_ok_and(|done| done.status.success())
}

/// The release of the scenario, from 1.4.2 to 1.5.0.
fn repository(folder: &Path) {
    for words in [
        &["init", "--quiet"][..],
        &["commit", "--quiet", "--allow-empty", "-m", "chore: start"],
        &["tag", "v1.4.2"],
        &["commit", "--quiet", "--allow-empty", "-m", "feat(api): export \u{1b}[31mPAY-1"],
        &["commit", "--quiet", "--allow-empty", "-m", "fix(ci): cache"],
        &["tag", "v1.5.0"],
    ] {
        assert!(git(folder, words), "{words:?}");
    }
}

struct Ground {
    home: tempfile::TempDir,
    _simulator: Simulator,
}

impl Ground {
    /// Runs the command in a folder of the ground.
    async fn run(&self, folder: &str, words: &[&str]) -> (i32, String, String) {
        let home = self.home.path();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cockpit"));
        command.arg("--config").arg(home.join("cockpit.toml")).arg("changes").args(words);
        command.current_dir(home.join(folder)).env("KUBECONFIG", home.join("kubeconfig")).env("HOME", home);
        command.env("XDG_STATE_HOME", home.join("state")).env_remove("GIT_DIR");
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_release_under_way_is_told_and_what_is_missing_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for folder in ["repo", "elsewhere"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    if !git(home.path(), &["--version"]) {
        eprintln!("skipped: there is no `git`");
        return;
    }
    repository(&home.path().join("repo"));
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    simulator.write_kubeconfig(&home.path().join("kubeconfig")).unwrap();
    std::fs::write(home.path().join("cockpit.toml"), simulator.config_toml()).unwrap();
    let ground = Ground { home, _simulator: simulator };

    let (code, text, said) = ground.run("repo", &[]).await;
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.starts_with("payments-api  1.4.2 → 1.5.0  under way in prod-eu\n"), "{text}");
    assert!(text.contains("api: export \\e[31mPAY-1  Ada\n"), "{text}");

    let (code, json, _) = ground.run("repo", &["prod-us", "-o", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["standing"], &json["commits"][1]["type"]), (0, &"to come".into(), &"feat".into()));

    let (code, notes, _) = ground.run("repo", &["--notes", "external"]).await;
    assert_eq!(code, 0);
    assert!(notes.ends_with("\n\n## Features\n\n- export \\[31mPAY-1\n"), "{notes}");

    let (code, _, said) = ground.run("elsewhere", &[]).await;
    assert_eq!(code, 2);
    assert!(said.contains("set [service] repository to one"), "{said}");
    let (code, _, said) = ground.run("repo", &["prod"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("there are staging, prod-eu, prod-us"), "{said}");

    assert!(git(&ground.home.path().join("repo"), &["tag", "--delete", "v1.4.2"]));
    let (code, _, said) = ground.run("repo", &["prod-eu"]).await;
    assert_eq!(code, 4);
    assert!(said.contains("has no tag v1.4.2 or 1.4.2: `git fetch --tags` in it"), "{said}");
}
