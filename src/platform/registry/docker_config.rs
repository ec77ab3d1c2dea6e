//! What `docker login` saved: `config.json` with passwords in it, or the programs that keep them
//! ([format](https://docs.docker.com/reference/cli/docker/login/#credential-stores)).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::credentials::Credentials;
use crate::domain::facts::registry::DOCKER_HUB;

/// How the Docker Hub is called there.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// How long a program may take that keeps passwords.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_FILE_BYTES: u64 = 1 << 20;
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// What a program calls a user that is none, but a token.
const TOKEN_USER: &str = "<token>";
/// What programs say that have no password for a server.
const NO_CREDENTIALS: &str = "credentials not found";

/// Where a login for a registry is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    None,
    Here(Credentials),
    /// The program `docker-credential-NAME`, and what it calls the registry.
    Helper {
        name: String,
        server: String,
    },
}

/// Returns where `config.json` is: `DOCKER_CONFIG` names its folder, by default `~/.docker`.
#[must_use]
pub fn path(docker_config: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
    let folder = docker_config.map(Path::to_owned).or_else(|| Some(home?.join(".docker")))?;
    Some(folder.join("config.json"))
}

/// Returns the login for a registry; nobody's where there is none.
///
/// # Errors
/// What cannot be read, or which program failed, without what it printed.
pub async fn login(path: &Path, host: &str) -> Result<Credentials, String> {
    let text = match read(path).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::Anonymous),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    match find(&text, host).map_err(|why| format!("{}: {why}", path.display()))? {
        Login::None => Ok(Credentials::Anonymous),
        Login::Here(credentials) => Ok(credentials),
        Login::Helper { name, server } => ask(&name, &server).await,
    }
}

async fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(MAX_FILE_BYTES).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Finds where the login for a registry is: a program for this registry counts first, then the one for all, then what stands
/// in the file.
fn find(text: &[u8], host: &str) -> Result<Login, String> {
    let config: Value = serde_json::from_slice(text).map_err(|_| "it is no JSON".to_owned())?;
    let key = |map: &Value| {
        let keys = map.as_object().into_iter().flat_map(|map| map.keys());
        keys.filter(|key| is_for(key, host)).min().cloned()
    };
    if let Some(server) = key(&config["credHelpers"]) {
        let name = config["credHelpers"][&server].as_str().unwrap_or_default();
        return helper(name, server);
    }
    let own = key(&config["auths"]);
    if let Some(name) = config["credsStore"].as_str().filter(|name| !name.is_empty()) {
        let server = own.unwrap_or_else(|| if host == DOCKER_HUB { HUB_KEY } else { host }.to_owned());
        return helper(name, server);
    }
    own.map_or(Ok(Login::None), |own| of_entry(&config["auths"][&own]))
}

/// Whether a key names a registry: with or without scheme and path.
fn is_for(key: &str, host: &str) -> bool {
    if host == DOCKER_HUB {
        return matches!(key, HUB_KEY | "docker.io" | "index.docker.io" | "https://index.docker.io/v1");
    }
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    bare.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(host))
}

/// Makes sure that a name is one of a program, and no path.
fn helper(name: &str, server: String) -> Result<Login, String> {
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !fits {
        return Err("a credential helper has a name that no program has".to_owned());
    }
    Ok(Login::Helper { name: name.to_owned(), server })
}

fn of_entry(entry: &Value) -> Result<Login, String> {
    let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(token) = text("identitytoken") {
        return Ok(Login::Here(Credentials::Identity(token)));
    }
    if let Some(token) = text("registrytoken") {
        return Ok(Login::Here(Credentials::Token(token)));
    }
    if let Some(encoded) = text("auth") {
        let bad = || "an `auth` in it is not the Base64 of user and password".to_owned();
        let ByteString(decoded) = serde_json::from_value(Value::String(encoded)).map_err(|_| bad())?;
        let decoded = String::from_utf8(decoded).map_err(|_| bad())?;
        let (username, password) = decoded.trim_end_matches('\0').split_once(':').ok_or_else(bad)?;
        return Ok(Login::Here(basic(username, password)));
    }
    Ok(match (text("username"), text("password")) {
        (Some(username), Some(password)) => Login::Here(basic(&username, &password)),
        _ => Login::None,
    })
}

fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.to_owned(), password: password.to_owned() }
}

/// Asks a program that keeps passwords.
async fn ask(name: &str, server: &str) -> Result<Credentials, String> {
    let program = format!("docker-credential-{name}");
    let failed = |why: &dyn std::fmt::Display| format!("{program}: {why}");
    let asking = async {
        // What it writes to standard error is not shown: it may quote what it should not.
        let mut command = Command::new(&program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        if let Some(mut input) = child.stdin.take() {
            // One that does not read what it is asked fails on its own.
            let _ = input.write_all(server.as_bytes()).await;
        }
        let mut answer = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await.map_err(|error| failed(&error))?;
        }
        let status = child.wait().await.map_err(|error| failed(&error))?;
        if status.success() {
            return said(&answer).ok_or_else(|| failed(&"its answer is not that of a credential helper"));
        }
        if String::from_utf8_lossy(&answer).trim().starts_with(NO_CREDENTIALS) {
            return Ok(Credentials::Anonymous);
        }
        Err(failed(&format!("it failed ({status}): run `echo {server} | {program} get` yourself to see why")))
    };
    let timeout = || failed(&format!("nothing came within {} s", HELPER_TIMEOUT.as_secs()));
    tokio::time::timeout(HELPER_TIMEOUT, asking).await.map_err(|_| timeout())?
}

fn said(answer: &[u8]) -> Option<Credentials> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let (username, secret) = (answer["Username"].as_str()?, answer["Secret"].as_str()?);
    if username == TOKEN_USER {
        return Some(Credentials::Identity(secret.to_owned()));
    }
    Some(basic(username, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn found(config: &Value, host: &str) -> Result<Login, String> {
        find(config.to_string().as_bytes(), host)
    }

    #[test]
    fn a_login_is_found_by_every_form_of_the_registrys_name() {
        let login = Login::Here(basic("ada", "s:ecret"));
        // printf 'ada:s:ecret' | base64
        let auth = json!({"auth": "YWRhOnM6ZWNyZXQ="});
        for key in ["registry.example:5000", "https://registry.example:5000", "http://registry.example:5000/v2/"] {
            assert_eq!(found(&json!({"auths": {key: auth}}), "registry.example:5000"), Ok(login.clone()), "{key}");
            assert_eq!(found(&json!({"auths": {key: auth}}), "registry.example"), Ok(Login::None), "{key}");
        }
        assert_eq!(found(&json!({"auths": {HUB_KEY: auth}}), DOCKER_HUB), Ok(login));
        assert_eq!(found(&json!({}), "a.example"), Ok(Login::None));
    }

    #[test]
    fn a_program_of_the_registry_counts_before_the_one_for_all_and_before_the_file() {
        let config = json!({
            "auths": {"https://a.example": {}, "b.example": {"auth": "YTpi"}},
            "credsStore": "desktop", "credHelpers": {"b.example": "ecr-login"},
        });
        let helper = |name: &str, server: &str| Ok(Login::Helper { name: name.to_owned(), server: server.to_owned() });
        assert_eq!(found(&config, "a.example"), helper("desktop", "https://a.example"));
        assert_eq!(found(&config, "b.example"), helper("ecr-login", "b.example"));
        assert_eq!(found(&config, DOCKER_HUB), helper("desktop", HUB_KEY));
        assert!(found(&json!({"credsStore": "../../tmp/x"}), "a.example").is_err());
    }

    #[test]
    fn what_is_no_config_is_said_without_quoting_it() {
        for config in [json!({"auths": {"a": {"auth": "s3cret!"}}}), json!({"auths": {"a": {"auth": "c2VjcmV0"}}})] {
            let why = found(&config, "a").unwrap_err();
            assert!(!why.contains("s3cret") && !why.contains("c2Vj"), "{why}");
        }
        assert!(find(b"{", "a").is_err());
        let identity = json!({"auths": {"a": {"auth": "YTpi", "identitytoken": "t"}}});
        assert_eq!(found(&identity, "a"), Ok(Login::Here(Credentials::Identity("t".to_owned()))));
    }

    #[tokio::test]
    async fn without_a_file_nobody_is_logged_in_and_a_missing_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(Some(folder.path()), None).unwrap();
        assert_eq!(login(&path, "a.example").await, Ok(Credentials::Anonymous));
        std::fs::write(&path, r#"{"credsStore": "no-such-helper"}"#).unwrap();
        let why = login(&path, "a.example").await.unwrap_err();
        assert!(why.starts_with("docker-credential-no-such-helper: No such file"), "{why}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (find(&text, "a.example"), said(&text));
        }
    }
}
