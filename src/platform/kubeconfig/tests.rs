//! Kubeconfigs as people have them, and what is said of those that cannot be used.

use super::*;
use std::ffi::OsString;
use std::fs;

fn read(variables: &Variables) -> Result<Clusters, ClusterError> {
    Clusters::read(variables, &Redactor::default())
}

const STAGING: &str = "apiVersion: v1
kind: Config
current-context: staging
clusters:
- name: kind
  cluster: {server: 'https://127.0.0.1:6443'}
users:
- name: ada
  user: {token: s3cret}
contexts:
- name: staging
  context: {cluster: kind, user: ada, namespace: payments}
- name: bare
  context: {cluster: kind}
- name: lost-cluster
  context: {cluster: gone, user: ada}
- name: lost-user
  context: {cluster: kind, user: bob}
- name: lost-ca
  context: {cluster: no-ca, user: ada}
";
#[test]
fn utf_16_that_breaks_off_is_no_kubeconfig() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    for bytes in [&b"\xff\xfea\0b"[..], b"\xfe\xff\0"] {
        fs::write(&path, bytes).unwrap();
        let variables = Variables { kubeconfig: Some(path.clone().into()), ..Variables::default() };
        assert!(read(&variables).unwrap_err().to_string().contains("breaks off"));
    }
}

const PROD: &str = "current-context: prod-eu
clusters:
- name: eks
  cluster: {server: 'https://eks.example.com'}
- name: no-ca
  cluster: {server: 'https://eks.example.com', certificate-authority: nowhere.pem}
contexts:
- name: prod-eu
  context: {cluster: eks, user: ada}
";

/// A home with the given files below it.
fn home(files: &[(&str, &str)]) -> (tempfile::TempDir, Variables) {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let variables = Variables { home: Some(home.path().to_owned()), ..Variables::default() };
    (home, variables)
}

fn listed(variables: &Variables, names: &[&str]) -> Variables {
    let home = variables.home.clone().unwrap();
    let list: OsString = std::env::join_paths(names.iter().map(|name| home.join(name))).unwrap();
    Variables { kubeconfig: Some(list), ..variables.clone() }
}

/// The error's words, with the home folder shortened.
fn describe(variables: &Variables, error: &ClusterError) -> String {
    let home = variables.home.as_deref().unwrap_or(Path::new("/")).display().to_string();
    error.to_string().replace(&home, "~")
}

#[tokio::test]
async fn the_current_context_is_loaded_with_its_namespace_and_without_retries() {
    let (_home, variables) = home(&[(".kube/config", STAGING)]);
    let clusters = read(&variables).unwrap();
    assert_eq!(clusters.current().unwrap(), "staging");
    let cluster = clusters.load(None).await.unwrap();
    assert_eq!((cluster.context.as_str(), cluster.namespace.as_str()), ("staging", "payments"));
    assert_eq!(cluster.server, "https://127.0.0.1:6443/");
    assert!(!cluster.config.default_retry);
    assert_eq!(clusters.load(Some("bare")).await.unwrap().namespace, "default");
    assert!(!format!("{clusters:?} {cluster:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_list_of_files_is_merged_and_some_may_be_missing() {
    let (_home, variables) = home(&[("a", STAGING), ("b", PROD)]);
    let clusters = read(&listed(&variables, &["a", "missing", "b"])).unwrap();
    assert_eq!(clusters.contexts(), ["staging", "bare", "lost-cluster", "lost-user", "lost-ca", "prod-eu"]);
    assert_eq!(clusters.current().unwrap(), "staging");
    assert_eq!(clusters.load(Some("prod-eu")).await.unwrap().server, "https://eks.example.com/");
}

#[tokio::test]
async fn context_errors_carry_a_remedy() {
    let (_home, variables) = home(&[("a", STAGING), ("b", PROD)]);
    let variables = listed(&variables, &["a", "b"]);
    let clusters = read(&variables).unwrap();
    let mut said = Vec::new();
    for context in ["stagin", "elsewhere", "lost-cluster", "lost-user", "lost-ca", IN_CLUSTER] {
        let error = clusters.load(Some(context)).await.expect_err(context);
        said.push(describe(&variables, &error));
    }
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn file_errors_carry_a_remedy() {
    let (_home, variables) = home(&[
        ("broken", "contexts: [\n  {name: a, token: s3cret"),
        ("typed", "contexts: s3cret\n"),
        ("none", "apiVersion: v1\nkind: Config\ncontexts:\n- name: a\n  context: {cluster: c}\n"),
        ("empty", ""),
        ("other", "kind: Secret\n"),
        ("folder/x", ""),
    ]);
    let none = Variables::default();
    let mut said = Vec::new();
    for variables in [
        none,
        variables.clone(),
        listed(&variables, &["missing", "gone"]),
        listed(&variables, &["broken"]),
        listed(&variables, &["typed"]),
        listed(&variables, &["folder"]),
        listed(&variables, &["none", "other"]),
        listed(&variables, &["none"]),
        listed(&variables, &["empty"]),
    ] {
        let error = read(&variables).and_then(|clusters| clusters.current()).unwrap_err();
        said.push(describe(&variables, &error));
    }
    let said = said.join("\n\n");
    assert!(!said.contains("s3cret"), "{said}");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn in_a_pod_there_need_be_no_kubeconfig_but_a_named_one_must_be() {
    let pod = Variables { in_cluster: true, ..Variables::default() };
    let clusters = read(&pod).unwrap();
    assert_eq!(clusters.current().unwrap(), IN_CLUSTER);
    // There is no service account where tests run.
    assert!(matches!(clusters.load(None).await, Err(ClusterError::Unusable { .. })));
    let named = Variables { kubeconfig: Some("/no/such/file".into()), ..pod };
    assert!(matches!(read(&named), Err(ClusterError::NoKubeconfig(_))));
}

#[tokio::test]
async fn empty_current_context_leaves_the_choice_to_the_next_file() {
    let nothing = "current-context: \"\"\nclusters: null\ncontexts: null\nusers: null\npreferences: {}\n";
    let (_home, variables) = home(&[("a", nothing), ("b", PROD), ("c", STAGING)]);
    assert_eq!(read(&listed(&variables, &["a", "b", "c"])).unwrap().current().unwrap(), "prod-eu");
}

#[tokio::test]
async fn contexts_of_one_user_entry_share_its_login() {
    let user = "users:\n- name: ada\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sso}}\n\
                    contexts:\n- name: a\n  context: {cluster: c, user: ada}\n- name: b\n  context: {cluster: c, user: ada}\n\
                    clusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:1'}\n";
    let (_home, variables) = home(&[(".kube/config", user)]);
    let clusters = read(&variables).unwrap();
    let (a, b) = (clusters.load(Some("a")).await.unwrap(), clusters.load(Some("b")).await.unwrap());
    assert!(a.login.unwrap().is_same(&b.login.unwrap()));
    assert!(a.config.auth_info.exec.is_none(), "the library must not run it");
}

/// Values that people and programs have put into kubeconfigs, and worse.
fn any_value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        prop::sample::select(vec![
            "",
            " ",
            "/",
            "/nonexistent",
            "https://",
            "http:///",
            "://",
            "127.0.0.1:1",
            "https://[::1",
            "ftp://x",
            "Zm9v",
            "https://u:p@h:99999",
            "oidc",
            "gcp",
            "socks5://127.0.0.1:1",
            "\u{0}",
            "Always",
        ])
        .prop_map(Into::into),
    ]
}

#[tokio::test]
async fn a_token_ends_before_its_line_break_and_one_that_is_no_header_is_said() {
    let config = |token: &str| {
        serde_json::json!({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
            "users": [{"name": "u", "user": {"token": token}}],
        })
        .to_string()
    };
    for (token, usable) in [("abc\n", true), (" abc ", true), ("a\nb", false), ("a\0", false)] {
        let (_home, variables) = home(&[(".kube/config", &config(token))]);
        let redactor = Redactor::default();
        let loaded = Clusters::read(&variables, &redactor).unwrap().load(None).await;
        match loaded {
            Ok(cluster) => {
                assert!(usable, "{token:?}");
                let limit = std::time::Duration::ZERO;
                crate::platform::kube_client::client_of(&cluster, cluster.config.clone(), limit, &redactor).unwrap();
            }
            Err(error) => {
                assert!(!usable, "{token:?}: {error}");
                assert!(error.to_string().contains("not allowed in a header"), "{error}");
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    #[test]
    fn no_kubeconfig_panics(
        cluster in proptest::collection::btree_map(
            proptest::sample::select(vec!["server", "certificate-authority", "certificate-authority-data", "proxy-url",
                "insecure-skip-tls-verify", "tls-server-name", "extensions"]), any_value(), 0..4),
        user in proptest::collection::btree_map(
            proptest::sample::select(vec!["token", "tokenFile", "client-certificate", "client-certificate-data",
                "client-key", "client-key-data", "username", "password", "as", "as-groups", "exec", "auth-provider"]),
            any_value(), 0..4),
    ) {
        let config = serde_json::json!({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
        });
        let (_home, variables) = home(&[(".kube/config", &config.to_string())]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let redactor = Redactor::default();
            let Ok(clusters) = Clusters::read(&variables, &redactor) else { return };
            let Ok(cluster) = clusters.load(None).await else { return };
            let made = crate::platform::kube_client::client_of(
                &cluster, cluster.config.clone(), std::time::Duration::ZERO, &redactor);
            if let Ok(client) = made {
                let asked = client.apiserver_version();
                let _ = tokio::time::timeout(std::time::Duration::from_millis(20), asked).await;
            }
        });
    }
}
