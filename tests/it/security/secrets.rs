//! Secrets in every place where they may stand; then everything that the program writes is searched for them.

use std::fs;
use std::path::Path;

use super::echo::Echo;
use super::program::{Home, leave, visit_screens};

/// What must be found nowhere. The last ones are what servers and programs are sent in other words.
const PLANTED: [&str; 12] = [
    "planted-kube-token-1",
    "planted-kube-password-2",
    "planted-exec-variable-3",
    "planted-exec-output-4",
    "planted-prometheus-token-5",
    "planted-header-6",
    "planted-check-header-7",
    "planted-ci-token-8",
    "planted-url-password-9",
    "planted-client-key-10",
    "planted-flag-password-11",
    // Base64 of `ada:planted-kube-password-2`.
    "YWRhOnBsYW50ZWQta3ViZS1wYXNzd29yZC0y",
];

/// One for each way to log in, and one whose address holds a password.
const ENVIRONMENTS: [&str; 7] = ["token", "basic", "fails", "babbles", "logs-in", "keyed", "user"];

/// Variables of the environment, some of them secret.
const VARIABLES: [(&str, &str); 5] = [
    ("PROMETHEUS_TOKEN", "planted-prometheus-token-5"),
    ("CHECK_TOKEN", "planted-check-header-7"),
    ("CI_TOKEN", "planted-ci-token-8"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
];

fn kubeconfig(at: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: token
clusters:
- name: echo
  cluster: {{server: 'http://{at}'}}
- name: user
  cluster: {{server: 'http://eve:planted-url-password-9@{at}'}}
users:
- name: token
  user: {{token: planted-kube-token-1}}
- name: basic
  user: {{username: ada, password: planted-kube-password-2}}
- name: fails
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ['-c', 'echo planted-exec-output-4; echo planted-exec-output-4 >&2; exit 3']
      env: [{{name: SECRET, value: planted-exec-variable-3}}]
- name: babbles
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ['-c', 'echo token: planted-exec-output-4 {{']
      env: [{{name: SECRET, value: planted-exec-variable-3}}]
- name: logs-in
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ['-c', 'echo ''{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"planted-exec-output-4\"}}}}''']
- name: keyed
  user: {{client-certificate-data: cGxhbnRlZA==, client-key-data: cGxhbnRlZC1jbGllbnQta2V5LTEw}}
contexts:
- name: token
  context: {{cluster: echo, user: token, namespace: shop}}
- name: basic
  context: {{cluster: echo, user: basic, namespace: shop}}
- name: fails
  context: {{cluster: echo, user: fails, namespace: shop}}
- name: babbles
  context: {{cluster: echo, user: babbles, namespace: shop}}
- name: logs-in
  context: {{cluster: echo, user: logs-in, namespace: shop}}
- name: keyed
  context: {{cluster: echo, user: keyed, namespace: shop}}
- name: user
  context: {{cluster: user, user: token, namespace: shop}}
"
    )
}

fn config(at: &str) -> String {
    let environments = ENVIRONMENTS
        .map(|name| {
            format!("[[environments]]\nname = \"{name}\"\ncontext = \"{name}\"\nworkloads = [\"rollout/api\"]\n")
        })
        .concat();
    format!(
        "[prometheus]\nurl = \"http://{at}/prometheus\"\nbearer_token = {{ env = \"PROMETHEUS_TOKEN\" }}\n\
                 headers = {{ X-Key = {{ file = \"header\" }} }}\n{environments}\
                 [[checks]]\nid = \"front\"\n\
                 http = {{ url = \"http://{at}/plain?token=planted-url-password-9\", \
                 headers = {{ X-Token = {{ env = \"CHECK_TOKEN\" }} }} }}\n\
                 [[checks]]\nid = \"build\"\n\
                 ci = {{ provider = \"gitlab\", url = \"http://{at}\", project = \"a/b\", token = {{ env = \"CI_TOKEN\" }} }}\n\
                 [[checks]]\nid = \"told\"\ncommand = {{ argv = [\"env\"] }}\n"
    )
}

/// Asserts that nothing of what was planted is there.
#[track_caller]
fn is_clean(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for planted in PLANTED {
        if let Some(at) = text.find(planted) {
            let around: String = text[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{what} shows {planted}:\n{around}{planted}");
        }
    }
}

/// Reads every file below a folder.
fn all_files(folder: &Path, then: &mut impl FnMut(&Path, Vec<u8>)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, then) } else { then(&path, fs::read(&path).unwrap()) }
    }
}

#[test]
fn no_secret_is_shown_or_written() {
    let (home, echo) = (&Home::new(&VARIABLES), Echo::start());
    home.write("header", "planted-header-6\n");
    home.write("kubeconfig", &kubeconfig(&echo.at));
    home.write("cockpit.toml", &config(&echo.at));
    let commands: [&[&str]; 16] = [
        &["config", "check"],
        &["status"],
        &["status", "-o", "json"],
        &["preflight"],
        &["preflight", "-o", "json"],
        &["gate", "token"],
        &["gate", "basic", "-o", "junit"],
        &["gate", "logs-in", "-o", "json"],
        &["check", "token"],
        &["changes", "token"],
        &["rollback", "token", "--yes"],
        &["rollback", "fails", "--yes"],
        &["sign", "token", "go", "--role", "sre", "--note", "x"],
        &["init", "-"],
        &["log", "show"],
        &["--prometheus", "http://ada:planted-flag-password-11@localhost", "status"],
    ];
    std::thread::scope(|scope| {
        for arguments in commands {
            scope.spawn(move || {
                let wrote = home.said(arguments);
                assert!(!wrote.is_empty(), "{arguments:?} says nothing");
                is_clean(&arguments.join(" "), wrote.as_bytes());
            });
        }
    });
    on_the_screen(home);
    let mut count = 0;
    all_files(Path::new(&home.path("state")), &mut |path, bytes| {
        count += 1;
        is_clean(&path.display().to_string(), &bytes);
    });
    assert!(count > 0, "nothing was written at all");
}

/// Goes through all screens, and looks at every byte that the terminal got.
fn on_the_screen(home: &Home) {
    let mut pty = home.screen((160, 50));
    pty.wait_text("403");
    visit_screens(&mut pty);
    pty.send("1");
    for name in ENVIRONMENTS {
        pty.send("w");
        let title = format!("why {name}");
        pty.wait_text(&title);
        pty.send("\x1b");
        pty.wait("the dialog is closed", |screen| !screen.contents().contains(&title));
        pty.send("\t");
    }
    is_clean("the terminal", &leave(pty));
}
