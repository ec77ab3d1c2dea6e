//! Kubeconfigs as people have them: logins that ask, hang, fail or are not installed, and files that are not there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use support::Program;
use support::program::DemoServer;

use crate::cockpit;

const GIVES: &str = r#"echo '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"alice-token\"}}'"#;

/// The server of a demo's environment.
fn server(demo: &DemoServer, context: &str) -> String {
    let text = std::fs::read_to_string(&demo.kubeconfig).unwrap();
    let after = text.split(&format!("- name: {context}\n  cluster:\n    server: ")).nth(1).unwrap();
    after.lines().next().unwrap().to_owned()
}

/// A kubeconfig entry whose user logs in with a shell script.
fn entry(name: &str, server: &str, namespace: &str, script: &str) -> String {
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: sh, args: [\"-c\", \"{script}\"], interactiveMode: IfAvailable}}"
    );
    with_user(name, server, namespace, &user)
}

fn with_user(name: &str, server: &str, namespace: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters: [{{name: {name}, cluster: {{server: \"{server}\"}}}}]\n\
         contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}, namespace: {namespace}}}}}]\n\
         users:\n- name: {name}\n  user:\n    {user}\n"
    )
}

/// The program with these kubeconfigs.
fn with(kubeconfigs: &[String]) -> Program {
    let program = cockpit().with_path();
    let paths = kubeconfigs.iter().enumerate();
    let paths: Vec<String> =
        paths.map(|(index, text)| program.write(&format!("config-{index}"), text).display().to_string()).collect();
    program.env("KUBECONFIG", paths.join(":"))
}

#[track_caller]
fn status(program: &Program) -> (i32, String) {
    let run = program.run(&["status"]);
    assert!(!run.said().contains('\u{1b}'), "{:?}", run.said());
    (run.code(), run.err())
}

#[test]
fn failed_login_is_an_error_in_the_words_of_the_command() {
    let script = "printf '\\\\033[2Jthe login has expired\\\\n' >&2; exit 255";
    let (code, err) = status(&with(&[entry("sso", "http://127.0.0.1:1", "shop", script)]));
    assert_eq!(code, 1, "{err}");
    let words = "login of user `sso` failed: \\e[2Jthe login has expired (exit code 255)";
    assert!(err.contains(words), "{err}");
    let run = with(&[entry("sso", "http://127.0.0.1:1", "shop", script)]).run(&["abort", "--yes"]);
    assert!(run.code() == 1 && run.err().contains(words), "{}", run.said());
}

#[test]
fn unusable_user_entries_are_named_with_what_is_missing() {
    let hint = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: nonexistent-aws, env: null, interactiveMode: IfAvailable, \
                provideClusterInfo: false, installHint: \"install the AWS CLI first\"}";
    let files = "client-certificate: /nonexistent/c.crt\n    client-key: /nonexistent/c.key";
    for (user, why) in [
        (hint, "the command `nonexistent-aws` is not there: install the AWS CLI first"),
        (files, "cannot read client-certificate /nonexistent/c.crt of user `u`: No such file or directory"),
        ("tokenFile: /nonexistent/token", "cannot read tokenFile /nonexistent/token of user `u`"),
    ] {
        let (code, err) = status(&with(&[with_user("u", "http://127.0.0.1:1", "shop", user)]));
        assert!(code == 1 && err.contains(why), "{code}: {err}");
    }
}

#[test]
fn odd_servers_are_refused_in_words_and_never_panic() {
    for (server, code) in
        [("127.0.0.1:1", 1), ("file:///etc", 2), ("https:///x", 2), ("ftp://x", 2), ("https://[::1", 2), ("", 2)]
    {
        let (found, err) = status(&with(&[with_user("c", server, "shop", "token: t")]));
        assert_eq!(found, code, "{server}: {err}");
        assert!(!err.contains("panicked") && !err.contains("worker closed"), "{server}: {err}");
    }
}

/// A run whose complaints are read while it goes on.
fn begun(program: &Program, arguments: &[&str]) -> (Child, impl Iterator<Item = String>) {
    let mut child = program.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    (child, lines)
}

#[test]
fn device_code_is_shown_and_waited_for() {
    let demo = cockpit().serve_demo("canary", "20");
    let script = format!(
        "echo 'To sign in, open https://login.example/device and enter the code ABCD-1234' >&2; while ! [ -e $HOME/go ]; do sleep 0.05; done; {GIVES}"
    );
    let program = with(&[entry("aks", &server(&demo, "staging"), "payments", &script)]);
    let (mut child, mut said) = begun(&program, &["status"]);
    let words = "aks: logging in: To sign in, open https://login.example/device and enter the code ABCD-1234";
    assert!(said.any(|line| line.contains(words)));
    program.write("go", "");
    let rest: Vec<String> = said.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
}

#[test]
fn hanging_login_holds_up_only_its_environment() {
    let demo = cockpit().serve_demo("canary", "20");
    let works = entry("works", &server(&demo, "prod-eu"), "payments", GIVES);
    let hangs = entry("hangs", "http://127.0.0.1:1", "payments", "trap '' TERM; echo $$ > $HOME/pid; sleep 600 & wait");
    let program = with(&[works, hangs]);
    program.write(
        "cockpit.toml",
        "[[environments]]\nname = \"hangs\"\ncontext = \"hangs\"\n[[environments]]\nname = \"works\"\ncontext = \"works\"\n",
    );
    let run = program.run(&["--config", "cockpit.toml", "pause", "works", "--yes"]);
    assert_eq!(run.code(), 0, "{}", run.said());
    // A signal ends it, and the command with it, though that ignores signals.
    std::fs::remove_file(program.path("pid")).unwrap();
    let (mut child, _said) = begun(&program, &["--config", "cockpit.toml", "status", "--watch"]);
    while !std::fs::read_to_string(program.path("pid")).is_ok_and(|pid| pid.ends_with('\n')) {
        std::thread::yield_now();
    }
    support::process::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let pid = program.read("pid").trim().parse().unwrap();
    while !support::process::is_dead(pid) {
        std::thread::yield_now();
    }
}

#[test]
fn screen_shows_what_a_login_says_and_r_tries_it_again() {
    let demo = cockpit().serve_demo("canary", "20");
    let script =
        format!("if [ -e $HOME/logged-in ]; then {GIVES}; else echo 'log in first: sso login' >&2; exit 1; fi");
    let program = with(&[entry("sso", &server(&demo, "prod-eu"), "payments", &script)]);
    let mut pty = program.screen(&[], (120, 36));
    pty.wait_text("log in first: sso login");
    pty.send("w");
    pty.wait_text("why sso");
    pty.send("\x1b");
    pty.wait("the deck", |screen| !screen.contents().contains("why sso"));
    program.write("logged-in", "");
    pty.send("r");
    pty.wait_text("payments");
    pty.wait("the rollout", |screen| !screen.contents().contains("log in first"));
    pty.send("q");
    pty.exit();
}
