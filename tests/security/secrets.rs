//! Secrets in every place where they may stand; then everything that the program writes is searched for them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::echo::Echo;
use crate::pty::Tui;

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

struct Ground {
    home: tempfile::TempDir,
    _echo: Echo,
}

impl Ground {
    fn new() -> Self {
        let (home, echo) = (tempfile::tempdir().unwrap(), Echo::start());
        let at = &echo.at;
        let write = |name: &str, text: String| fs::write(home.path().join(name), text).unwrap();
        write("header", "planted-header-6\n".to_owned());
        write(
            "kubeconfig",
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
            ),
        );
        let environments: String = ENVIRONMENTS
            .map(|name| {
                format!("[[environments]]\nname = \"{name}\"\ncontext = \"{name}\"\nworkloads = [\"rollout/api\"]\n")
            })
            .concat();
        write(
            "cockpit.toml",
            format!(
                "[prometheus]\nurl = \"http://{at}/prometheus\"\nbearer_token = {{ env = \"PROMETHEUS_TOKEN\" }}\n\
                 headers = {{ X-Key = {{ file = \"header\" }} }}\n{environments}\
                 [[checks]]\nid = \"front\"\n\
                 http = {{ url = \"http://{at}/plain?token=planted-url-password-9\", \
                 headers = {{ X-Token = {{ env = \"CHECK_TOKEN\" }} }} }}\n\
                 [[checks]]\nid = \"build\"\n\
                 ci = {{ provider = \"gitlab\", url = \"http://{at}\", project = \"a/b\", token = {{ env = \"CI_TOKEN\" }} }}\n\
                 [[checks]]\nid = \"told\"\ncommand = {{ argv = [\"env\"] }}\n"
            ),
        );
        Self { home, _echo: echo }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        vec![
            ("HOME", path("")),
            ("XDG_STATE_HOME", path("state")),
            ("KUBECONFIG", path("kubeconfig")),
            ("USER", "alice".to_owned()),
            ("PATH", std::env::var("PATH").unwrap()),
            ("PROMETHEUS_TOKEN", "planted-prometheus-token-5".to_owned()),
            ("CHECK_TOKEN", "planted-check-header-7".to_owned()),
            ("CI_TOKEN", "planted-ci-token-8".to_owned()),
            ("RUST_LOG", "trace".to_owned()),
            ("RUST_BACKTRACE", "full".to_owned()),
        ]
    }

    fn config(&self) -> String {
        self.home.path().join("cockpit.toml").display().to_string()
    }

    /// Runs a command and returns all that it wrote.
    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .args(["--config", &self.config()])
            .args(arguments)
            .env_clear()
            .envs(self.variables())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        [output.stdout, output.stderr].concat()
    }
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
fn nothing_that_is_secret_is_shown_or_written_anywhere() {
    let ground = Ground::new();
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
            let ground = &ground;
            scope.spawn(move || {
                let wrote = ground.run(arguments);
                assert!(!wrote.is_empty(), "{arguments:?} says nothing");
                is_clean(&arguments.join(" "), &wrote);
            });
        }
    });
    on_the_screen(&ground);
    let mut count = 0;
    all_files(&ground.home.path().join("state"), &mut |path, bytes| {
        count += 1;
        is_clean(&path.display().to_string(), &bytes);
    });
    assert!(count > 0, "nothing was written at all");
}

/// Goes through all screens, and looks at every byte that the terminal got.
fn on_the_screen(ground: &Ground) {
    let variables = ground.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut tui = Tui::start(&["--config", &ground.config()], (160, 50), &variables);
    tui.wait_text("403");
    for (key, shows) in [("2", "Rollout"), ("3", "Signals"), ("4", "Checklist"), ("5", "Changes"), ("6", "Journal")] {
        tui.send(key);
        tui.wait_text(shows);
    }
    tui.send("1");
    for name in ENVIRONMENTS {
        tui.send("w");
        let title = format!("why {name}");
        tui.wait_text(&title);
        tui.send("\x1b");
        tui.wait("the dialog is closed", |screen| !screen.contents().contains(&title));
        tui.send("\t");
    }
    tui.send("q");
    tui.exit();
    is_clean("the terminal", &tui.bytes());
}
