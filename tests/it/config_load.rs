//! Where a config comes from, and what flags and environment make of it.
use std::fs;
use std::path::Path;

use release_cockpit::config::{Auth, Config, Flags, Glyphs, Prometheus, Theme};
use release_cockpit::platform::Variables;

const FILE: &str = r#"
[prometheus]
url = "http://prometheus.file:9090"
preset = "istio"
bearer_token = { env = "TOKEN" }

[limits]
error_ratio = 0.05

[[environments]]
name = "staging"
context = "ctx-staging"
workloads = ["rollout/api"]
prometheus = false

[[environments]]
name = "prod"
context = "ctx-prod"
namespace = "payments"
workloads = ["rollout/api"]
protected = true
"#;

/// A home whose config is `text`.
fn home(text: &str) -> (tempfile::TempDir, Variables) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/release-cockpit");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cockpit.toml"), text).unwrap();
    let variables = Variables { home: Some(home.path().to_owned()), ..Variables::default() };
    (home, variables)
}

fn names(config: &Config) -> Vec<&str> {
    config.environments.iter().map(|env| env.name().as_str()).collect()
}

#[test]
fn the_users_file_is_found_and_remembered_with_its_hash() {
    let (home, variables) = home(FILE);
    let config = Config::load(&Flags::default(), &variables).unwrap();
    assert_eq!(names(&config), ["staging", "prod"]);
    let origin = config.origin.unwrap();
    assert_eq!(origin.path, home.path().join(".config/release-cockpit/cockpit.toml"));
    assert_eq!(origin.hash.len(), 64);
}

#[test]
fn a_named_file_comes_first_and_must_be_there() {
    let (home, variables) = home(FILE);
    let other = home.path().join("other.toml");
    fs::write(&other, "[[environments]]\nname = 'only'\n[journal]\ndir = 'here'\n").unwrap();
    let flags = Flags { config: Some(other), ..Flags::default() };
    let config = Config::load(&flags, &variables).unwrap();
    assert_eq!(names(&config), ["only"]);
    assert_eq!(config.journals(&variables).unwrap(), home.path().join("here"));
    let flags = Flags { config: Some("/no/such.toml".into()), ..Flags::default() };
    let error = Config::load(&flags, &variables).unwrap_err().to_string();
    assert_eq!(error, "there is no config file /no/such.toml: `cockpit init` writes one");
}

#[test]
fn without_a_file_the_current_context_is_an_environment() {
    let variables = Variables { home: Some("/home/ada".into()), ..Variables::default() };
    let flags = Flags {
        namespace: Some("payments".into()),
        workloads: vec!["rollout/api".parse().unwrap()],
        read_only: true,
        ..Flags::default()
    };
    let mut config = Config::load(&flags, &variables).unwrap();
    assert_eq!((names(&config).len(), &config.origin), (0, &None));
    config.assume("kind-dev");
    config.assume("never twice");
    assert_eq!(names(&config), ["kind-dev"]);
    let env = &config.environments[0];
    assert_eq!(env.context.as_deref(), Some("kind-dev"));
    assert_eq!(env.namespace.as_deref(), Some("payments"));
    assert_eq!(env.settings.workloads, flags.workloads);
    assert!(env.settings.read_only && env.prometheus.is_none());
    assert_eq!(config.journals(&variables).unwrap(), Path::new("/home/ada/.local/state/release-cockpit/journals"));
}

#[test]
fn flags_override_the_file_in_every_environment() {
    let (_home, variables) = home(FILE);
    let flags = Flags {
        namespace: Some("other".into()),
        workloads: vec!["deploy/web".parse().unwrap()],
        prometheus: Some("http://prometheus.flag:9090".parse().unwrap()),
        read_only: true,
        theme: Some(Theme::Light),
        ascii: true,
        ..Flags::default()
    };
    let config = Config::load(&flags, &variables).unwrap();
    for env in &config.environments {
        assert_eq!(env.namespace.as_deref(), Some("other"));
        assert_eq!(env.settings.workloads, flags.workloads);
        assert!(env.settings.read_only);
        assert_eq!(env.prometheus.as_ref().unwrap().url.as_str(), "http://prometheus.flag:9090/");
    }
    // Who we are to it stays as configured.
    assert!(matches!(config.environments[1].prometheus, Some(Prometheus { auth: Auth::Bearer(_), .. })));
    assert_eq!((config.ui.theme, config.ui.glyphs), (Theme::Light, Glyphs::Ascii));
}

#[test]
fn known_context_keeps_its_environment() {
    let (_home, variables) = home(FILE);
    let flags = Flags { contexts: vec!["elsewhere".into(), "ctx-prod".into()], ..Flags::default() };
    let config = Config::load(&flags, &variables).unwrap();
    // In the order of the file, with what comes before it: that is what it is compared with.
    assert_eq!(names(&config), ["staging", "prod", "elsewhere"]);
    let [staging, prod, elsewhere] = &config.environments[..] else { panic!() };
    assert!(staging.settings.compared_only && staging.settings.read_only);
    assert!(!prod.settings.compared_only && prod.settings.protected);
    // What the file does not know is no way round what it asks for.
    assert!(elsewhere.settings.protected && !elsewhere.settings.compared_only);
    assert_eq!(config.overrides, ["--context elsewhere", "--context ctx-prod"]);
    // What holds for all environments of the file holds for a new one too.
    assert_eq!(elsewhere.settings.limits.error_ratio, Some(0.05));
    assert_eq!(elsewhere.prometheus, prod.prometheus);
}

#[test]
fn variable_is_used_if_the_file_names_no_prometheus() {
    let (_home, mut variables) = home(FILE);
    variables.prometheus_url = Some("http://prometheus.variable:9090".into());
    let config = Config::load(&Flags::default(), &variables).unwrap();
    assert_eq!(config.environments[0].prometheus, None, "`false` stays false");
    assert_eq!(config.environments[1].prometheus.as_ref().unwrap().url.host_str(), Some("prometheus.file"));

    let (_home, mut variables) = home("[prometheus]\npreset = 'linkerd'\n[[environments]]\nname = 'a'\n");
    assert!(Config::load(&Flags::default(), &variables).is_err());
    variables.prometheus_url = Some("http://prometheus.variable:9090".into());
    let config = Config::load(&Flags::default(), &variables).unwrap();
    assert_eq!(config.environments[0].prometheus.as_ref().unwrap().url.host_str(), Some("prometheus.variable"));

    variables.prometheus_url = Some("http://ada:s3cret@p".into());
    let error = Config::load(&Flags::default(), &variables).unwrap_err();
    assert!(error.to_string().starts_with("the environment variable PROMETHEUS_URL contains a user or password"));
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn binary_or_missing_file_is_an_error_with_its_place() {
    let (home, variables) = home("");
    let path = home.path().join(".config/release-cockpit/cockpit.toml");
    fs::write(&path, b"[ui]\n# \xff\n").unwrap();
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.contains("cockpit.toml:2:3: not UTF-8 from here on"), "{error}");
    assert!(error.contains("save it as UTF-8"), "{error}");
    let utf_16: Vec<u8> = [0xff, 0xfe].into_iter().chain("[ui]\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    fs::write(&path, utf_16).unwrap();
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.contains("cockpit.toml:1:1: the file is UTF-16") && error.contains("save it as UTF-8"), "{error}");
    fs::write(&path, "?\n".repeat(2000)).unwrap();
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.lines().count() < 60 && error.contains(" more errors from here on"), "{error}");
    fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.ends_with("it is larger than 1 MiB: is it the right file?"), "{error}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the config file"), "{error}");
}

#[test]
fn prometheus_address_in_the_environment_is_checked_as_in_the_file() {
    let (_home, mut variables) = home("");
    variables.prometheus_url = Some("http://prometheus:9090/api/v1".to_owned());
    let error = Config::load(&Flags::default(), &variables).unwrap_err().to_string();
    assert!(error.starts_with("the environment variable PROMETHEUS_URL ends in /api/v1"), "{error}");
    assert!(error.ends_with("write `http://prometheus:9090`, without /api/v1"), "{error}");
}
