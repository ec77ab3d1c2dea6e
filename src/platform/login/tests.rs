//! Logins with real commands.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// More than any step takes; nothing waits so long.
const LONG: Duration = Duration::from_secs(30);
const GIVES: &str = r#"echo '{"kind":"ExecCredential","status":{"token":"planted-token"}}'"#;

fn exec(fields: &Value) -> ExecConfig {
    let mut exec = json!({"apiVersion": "client.authentication.k8s.io/v1"});
    for (name, value) in fields.as_object().unwrap() {
        exec[name] = value.clone();
    }
    serde_json::from_value(exec).unwrap()
}

fn shell(script: &str) -> ExecConfig {
    exec(&json!({"command": "sh", "args": ["-c", script], "interactiveMode": "IfAvailable"}))
}

fn login(script: &str) -> Login {
    Login::within("ada", shell(script), &Redactor::default(), LONG)
}

async fn failure(login: &Login) -> String {
    match login.credential(LONG).await {
        Err(LoginError::Failed(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn until_waiting_for(login: &Login, words: &str) {
    let mut told = None;
    while !matches!(&told, Some(LoginError::Waiting(said)) if said.contains(words)) {
        told = login.hindrance_after(told.as_ref()).await;
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn one_run_gives_all_clients_their_credential() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let login = login(&format!("echo x >> {}; {GIVES}", runs.display()));
    let all = futures::future::join_all((0..20).map(|_| login.credential(LONG))).await;
    assert!(all.iter().all(|given| given.as_ref().unwrap().token.as_deref() == Some("planted-token")));
    assert_eq!(lines(&runs), 1);
    assert!(!format!("{all:?} {login:?}").contains("planted"));
}

#[tokio::test]
async fn device_code_and_address_are_told_while_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let script = format!(
        "printf '\\033]0;pwned\\007To sign in, open https://login.example/device?user_code=ABCD-1234\\nand enter the code ABCD-1234\\n' >&2; \
         while ! [ -e {} ]; do sleep 0.01; done; {GIVES}",
        go.display()
    );
    let login = login(&script);
    let error = login.credential(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, LoginError::Waiting(_)));
    until_waiting_for(&login, "enter the code").await;
    let words = login.hindrance().unwrap().to_string();
    assert_eq!(
        words,
        "logging in: \\e]0;pwned\\u{7}To sign in, open https://login.example/device?user_code=ABCD-1234 and enter the code ABCD-1234"
    );
    fs::write(&go, "").unwrap();
    assert!(login.credential(LONG).await.is_ok());
    assert_eq!(login.hindrance(), None);
}

#[tokio::test]
async fn failed_login_says_why_and_is_not_run_without_pause() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, logged_in) = (folder.path().join("runs"), folder.path().join("logged-in"));
    let login = login(&format!(
        "echo x >> {}; if [ -e {} ]; then {GIVES}; else echo 'the login has expired' >&2; exit 255; fi",
        runs.display(),
        logged_in.display()
    ));
    for _ in 0..3 {
        assert_eq!(failure(&login).await, "login of user `ada` failed: the login has expired (exit code 255)");
    }
    assert_eq!(lines(&runs), 1);
    fs::write(&logged_in, "").unwrap();
    login.try_again();
    assert!(login.credential(LONG).await.is_ok());
    assert_eq!(lines(&runs), 2);
}

#[tokio::test]
async fn command_that_cannot_run_is_named_with_its_install_hint() {
    let of = |fields: Value| Login::new("ada", exec(&fields), &Redactor::default());
    let missing = of(json!({"command": "nonexistent-aws", "installHint": "install the AWS CLI first\u{1b}[2J"}));
    assert_eq!(
        failure(&missing).await,
        "login of user `ada` failed: the command `nonexistent-aws` is not there: install the AWS CLI first\\e[2J"
    );
    let closed = of(json!({"command": "/etc/passwd"}));
    assert!(failure(&closed).await.ends_with("the command `/etc/passwd` may not be executed (chmod +x?)"));
    assert!(failure(&of(json!({}))).await.contains("names no command"));
}

#[tokio::test]
async fn output_that_is_no_credential_is_an_error_and_not_quoted() {
    for (printed, why) in [
        ("planted-token", "printed no credential"),
        ("{}", "neither token nor certificate"),
        (r#"{"status":{"token":""}}"#, "neither token nor certificate"),
        (r#"{"status":{"token":"planted-token","expirationTimestamp":"soon"}}"#, "expirationTimestamp: soon"),
    ] {
        let told = failure(&login(&format!("echo '{printed}'"))).await;
        assert!(told.contains(why) && !told.contains("planted"), "{told}");
    }
}

#[tokio::test]
async fn command_that_ignores_sigterm_ends_with_its_children_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script =
        format!("trap '' TERM; echo waiting >&2; (trap '' TERM; sleep 600) & echo $! $$ > {}; wait", pids.display());
    let hangs = Login::within("ada", shell(&script), &Redactor::default(), Duration::from_secs(2));
    assert_eq!(failure(&hangs).await, "login of user `ada` failed: waiting (no answer in 2 s)");
    for pid in fs::read_to_string(pids).unwrap().split_whitespace() {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    }
}

/// Says whether a process still runs; one that has ended and was not collected does not.
fn runs(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

#[tokio::test]
async fn hanging_login_holds_up_no_other() {
    let (hangs, works) = (login("sleep 600"), login(GIVES));
    assert!(hangs.credential(Duration::ZERO).await.is_err());
    assert!(works.credential(LONG).await.is_ok());
    assert_eq!(hangs.hindrance(), Some(LoginError::Waiting(String::new())));
}

#[tokio::test]
async fn it_has_no_keyboard_and_is_told_so() {
    let login = login("read line && exit 9; echo \"$KUBERNETES_EXEC_INFO\" >&2; exit 1");
    let told = failure(&login).await;
    assert!(told.contains(r#""interactive":false"#), "{told}");
}

#[tokio::test]
async fn expired_or_refused_credential_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let login = login(&format!("echo x >> {}; {GIVES}", runs.display()));
    let age = |by: SignedDuration, expires: Option<SignedDuration>| {
        login.0.state.send_modify(|state| {
            let old = state.credential.take().unwrap();
            let now = Timestamp::now();
            state.credential = Some(Arc::new(Credential {
                obtained: now - by,
                expires: expires.map(|left| now + left),
                ..Credential::clone(&old)
            }));
        });
    };
    login.credential(LONG).await.unwrap();
    // Expired: another one is waited for.
    age(SignedDuration::from_hours(1), Some(SignedDuration::from_secs(-1)));
    let second = login.credential(LONG).await.unwrap();
    assert_eq!((lines(&runs), second.expires), (2, None));
    // About to expire: used while another one is on its way.
    age(SignedDuration::from_hours(1), Some(SignedDuration::from_secs(30)));
    assert!(login.credential(Duration::ZERO).await.unwrap().expires.is_some());
    while login.credential(LONG).await.unwrap().expires.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(lines(&runs), 3);
    // Refused after a while: another one at once.
    age(SignedDuration::from_hours(1), None);
    login.refused(&login.credential(LONG).await.unwrap());
    let fourth = login.credential(LONG).await.unwrap();
    assert_eq!(lines(&runs), 4);
    // Refused though it is new: not run without pause.
    login.refused(&fourth);
    assert!(failure(&login).await.contains("401 Unauthorized"));
    assert_eq!(lines(&runs), 4);
}
