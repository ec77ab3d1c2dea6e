//! `cockpit changes` as a person runs it: a simulated release, a real repository, and the exit codes.
use std::path::Path;
use std::process::Command;

use simulator::{Options, Scenario, Simulator};
use support::Program;

use crate::cockpit;

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

/// A simulator, and the program with a home that holds repositories.
struct Release {
    program: Program,
    _simulator: Simulator,
}

impl Release {
    /// Runs the command in a folder of the home.
    async fn run(&self, folder: &str, words: &[&str]) -> (i32, String, String) {
        let program = self.program.clone().current_dir(self.program.path(folder));
        program.run_async(words).await.parts()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_the_release_and_hints_for_missing_parts() {
    let program = cockpit().with_path();
    let in_home = |name: &str| program.path(name).display().to_string();
    for folder in ["repo", "elsewhere"] {
        std::fs::create_dir(in_home(folder)).unwrap();
    }
    if !git(&program.path("."), &["--version"]) {
        eprintln!("skipped: there is no `git`");
        return;
    }
    repository(&program.path("repo"));
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    simulator.write_kubeconfig(&program.path("kubeconfig")).unwrap();
    let kubeconfig = in_home("kubeconfig");
    for folder in ["repo", "elsewhere"] {
        program.write(&format!("{folder}/cockpit.toml"), &simulator.config_toml());
    }
    let program = program.env("KUBECONFIG", kubeconfig).arg("changes");
    let release = Release { program, _simulator: simulator };

    let (code, text, said) = release.run("repo", &[]).await;
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.starts_with("payments-api  1.4.2 → 1.5.0  under way in prod-eu\n"), "{text}");
    assert!(text.contains("api: export \\e[31mPAY-1  Ada\n"), "{text}");

    let (code, json, _) = release.run("repo", &["prod-us", "-o", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["standing"], &json["commits"][1]["type"]), (0, &"to come".into(), &"feat".into()));

    let (code, notes, _) = release.run("repo", &["--notes", "external"]).await;
    assert_eq!(code, 0);
    assert!(notes.ends_with("\n\n## Features\n\n- export \\[31mPAY-1\n"), "{notes}");

    let (code, _, said) = release.run("elsewhere", &[]).await;
    assert_eq!(code, 2);
    assert!(said.contains("set [service] repository to one"), "{said}");
    // What happens to lie in the working folder says nothing about a release that is configured elsewhere.
    let (code, _, said) = release.run("repo", &["--config", "../elsewhere/cockpit.toml"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("elsewhere is not in a git repository"), "{said}");
    let (code, _, said) = release.run("repo", &["prod"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("there are staging, prod-eu, prod-us"), "{said}");

    assert!(git(&release.program.path("repo"), &["tag", "--delete", "v1.4.2"]));
    let (code, _, said) = release.run("repo", &["prod-eu"]).await;
    assert_eq!(code, 4);
    assert!(said.contains("has no tag v1.4.2 or 1.4.2: `git fetch --tags` in it"), "{said}");
}
