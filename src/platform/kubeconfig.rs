//! Kubeconfig files, their contexts, and how to reach the API server behind one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::login::Login;
use super::redact::Redactor;
use super::variables::Variables;
use crate::domain::facts::suggest::nearest;

/// Name that stands for the cluster this program runs in, where no context is called so.
pub const IN_CLUSTER: &str = "in-cluster";

/// How to reach one API server.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The client's configuration. Its own retries are off: a write must never be sent twice, and a read that fails
    /// should be seen to fail.
    pub config: kube::Config,
    /// Name of the context, or [`IN_CLUSTER`].
    pub context: String,
    /// Default namespace of the context.
    pub namespace: String,
    /// Address of the API server.
    pub server: String,
    /// Name of the user entry, empty where there is none.
    pub user: String,
    /// The login command of the user entry, if it has one: the same for all clients of it.
    pub login: Option<Login>,
}

/// The contexts that there are.
#[derive(Clone, Debug)]
pub struct Clusters {
    files: Vec<PathBuf>,
    kubeconfig: Kubeconfig,
    in_cluster: bool,
    redactor: Redactor,
    logins: Arc<Mutex<BTreeMap<LoginKey, Login>>>,
}

/// The user entry, and the cluster where its command is told of that.
type LoginKey = (String, Option<String>);

/// Why a cluster cannot be reached for lack of configuration.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("no kubeconfig: {}\nset KUBECONFIG to the file that names your clusters, or write {DEFAULT}", looked(.0))]
    NoKubeconfig(Vec<PathBuf>),
    /// A file cannot be read.
    #[error("cannot read the kubeconfig {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// A file is no kubeconfig. What stands there is not quoted: it may be a token.
    #[error("{}{position}: not a kubeconfig: {why}", path.display())]
    Syntax {
        path: PathBuf,
        /// `:line:column`, if known.
        position: String,
        /// What is wrong with it.
        why: &'static str,
    },
    #[error("no current context in {}\nchoose one with `kubectl config use-context NAME` or --context NAME{}", named(.files), there_are(.known))]
    NoCurrentContext {
        /// Where it was looked for.
        files: Vec<PathBuf>,
        known: Vec<String>,
    },
    /// There is no such context.
    #[error("no context `{name}` in {}{}{}", named(.files), did_you_mean(.name, .known), there_are(.known))]
    UnknownContext {
        name: String,
        /// Where it was looked for.
        files: Vec<PathBuf>,
        known: Vec<String>,
    },
    /// The context names something that is not there.
    #[error("context `{context}` names the {what} `{name}`, which is not in {}", named(.files))]
    Dangling {
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        name: String,
        /// Where it was looked for.
        files: Vec<PathBuf>,
    },
    /// The context is there, but cannot be used.
    #[error("context `{context}` cannot be used: {why}")]
    Unusable { context: String, why: String },
}

/// Where kubectl looks when `KUBECONFIG` is not set.
const DEFAULT: &str = "~/.kube/config";

fn looked(paths: &[PathBuf]) -> String {
    match paths {
        [] => "neither KUBECONFIG nor HOME is set".to_owned(),
        paths => format!("{} does not exist", named(paths)),
    }
}

fn named(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "the kubeconfig".to_owned();
    }
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn there_are(known: &[String]) -> String {
    if known.is_empty() { "\nit has no contexts".to_owned() } else { format!("\nthere are: {}", known.join(", ")) }
}

fn did_you_mean(name: &str, known: &[String]) -> String {
    nearest(name, known.iter().map(String::as_str)).map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

/// Gives a server without a scheme the one that client-go takes (`rest.DefaultServerURL`).
fn add_scheme(cluster: &mut kube::config::Cluster) {
    let has_tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    if let Some(server) = cluster.server.as_mut().filter(|server| !server.is_empty() && !server.contains("://")) {
        *server = format!("{}://{server}", if has_tls { "https" } else { "http" });
    }
}

impl Clusters {
    /// Reads the files of `KUBECONFIG`, else `~/.kube/config`. As with kubectl, a file of the list may be missing, but
    /// not all of them; in a pod there need be none. Credentials of contexts that are loaded are passed to the redactor.
    pub fn read(variables: &Variables, redactor: &Redactor) -> Result<Self, ClusterError> {
        let listed: Vec<PathBuf> = variables
            .kubeconfig
            .as_ref()
            .map(|list| std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect())
            .unwrap_or_default();
        let by_default = listed.is_empty();
        let candidates =
            if by_default { variables.home.iter().map(|home| home.join(".kube/config")).collect() } else { listed };
        let mut files = Vec::new();
        let mut kubeconfig = Kubeconfig::default();
        for path in &candidates {
            if breaks_off(path) {
                let why = "it is UTF-16 that breaks off in the middle of a character";
                return Err(ClusterError::Syntax { path: path.clone(), position: String::new(), why });
            }
            match Kubeconfig::read_from(path) {
                Ok(mut next) => {
                    // As kubectl does: an empty name is none, and the first file that names one decides.
                    next.current_context = next.current_context.filter(|name| !name.is_empty());
                    next.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()).for_each(add_scheme);
                    let bad = |why| ClusterError::Syntax { path: path.clone(), position: String::new(), why };
                    kubeconfig = kubeconfig.merge(next).map_err(|_| bad("its kind or apiVersion is another one"))?;
                    files.push(path.clone());
                }
                Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(path, error)),
            }
        }
        let in_cluster = by_default && variables.in_cluster;
        if files.is_empty() && !in_cluster {
            return Err(ClusterError::NoKubeconfig(candidates));
        }
        Ok(Self { files, kubeconfig, in_cluster, redactor: redactor.clone(), logins: Arc::default() })
    }

    /// Returns the names of the contexts, in the order of the files.
    #[must_use]
    pub fn contexts(&self) -> Vec<String> {
        // A name that stands twice counts once, as the first.
        let mut seen = BTreeSet::new();
        let names = self.kubeconfig.contexts.iter().map(|context| context.name.clone());
        names.filter(|name| seen.insert(name.clone())).collect()
    }

    /// Returns the name of the current context; in a pod without kubeconfig [`IN_CLUSTER`].
    pub fn current(&self) -> Result<String, ClusterError> {
        match self.kubeconfig.current_context.as_deref() {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ if self.in_cluster => Ok(IN_CLUSTER.to_owned()),
            _ => Err(ClusterError::NoCurrentContext { files: self.files.clone(), known: self.contexts() }),
        }
    }

    /// Loads a context, by default the current one.
    pub async fn load(&self, context: Option<&str>) -> Result<Cluster, ClusterError> {
        let name = match context {
            Some(name) => name.to_owned(),
            None => self.current()?,
        };
        let unusable = |why| ClusterError::Unusable { context: name.clone(), why };
        let mut config = if self.check(&name)? {
            let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
            let loaded = kube::Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options).await;
            loaded.map_err(|error| unusable(chain(&error, &self.redactor)))?
        } else {
            kube::Config::incluster().map_err(|error| unusable(chain(&error, &self.redactor)))?
        };
        config.default_retry = false;
        if let Some(why) = unusable_server(&config.cluster_url) {
            return Err(unusable(
                self.redactor.redact(&format!("its server {}: {why}", config.cluster_url)).into_owned(),
            ));
        }
        if config.cluster_url.scheme_str() == Some("http") && config.proxy_url.is_none() {
            // There is nothing to verify: the certificates of the system are not read for each client.
            config.root_cert.get_or_insert_default();
        }
        add_credentials(&self.redactor, &config);
        take_token(&mut config).map_err(unusable)?;
        let (namespace, server) =
            (config.default_namespace.clone(), self.redactor.redact(&config.cluster_url.to_string()).into_owned());
        let found = self.kubeconfig.contexts.iter().find(|context| context.name == name);
        let context = found.and_then(|found| found.context.as_ref());
        let user = context.and_then(|context| context.user.clone()).unwrap_or_default();
        let login = self.login(&mut config, &user, context.map(|context| context.cluster.as_str()));
        Ok(Cluster { config, context: name, namespace, server, user, login })
    }

    /// Takes the login command out of a configuration, for all of its user entry.
    fn login(&self, config: &mut kube::Config, user: &str, cluster: Option<&str>) -> Option<Login> {
        let auth = &mut config.auth_info;
        let exec = auth.exec.take()?;
        // As the library has it: what stands in the file comes before what a command gives.
        let has_other = auth.auth_provider.is_some()
            || auth.token.is_some()
            || auth.token_file.is_some()
            || auth.username.is_some() && auth.password.is_some();
        if has_other {
            return None;
        }
        let key = (user.to_owned(), cluster.filter(|_| exec.provide_cluster_info).map(ToOwned::to_owned));
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        Some(logins.entry(key).or_insert_with(|| Login::new(user, exec, &self.redactor)).clone())
    }

    /// Returns whether the context is in the files (else it is the pod's own), and whether what it names is there.
    fn check(&self, name: &str) -> Result<bool, ClusterError> {
        let Some(found) = self.kubeconfig.contexts.iter().find(|context| context.name == name) else {
            if name == IN_CLUSTER && self.in_cluster {
                return Ok(false);
            }
            let (files, known) = (self.files.clone(), self.contexts());
            return Err(ClusterError::UnknownContext { name: name.to_owned(), files, known });
        };
        let Some(context) = &found.context else { return Ok(true) };
        let dangling = |what, missing: &str| ClusterError::Dangling {
            context: name.to_owned(),
            what,
            name: missing.to_owned(),
            files: self.files.clone(),
        };
        if !self.kubeconfig.clusters.iter().any(|cluster| cluster.name == context.cluster) {
            return Err(dangling("cluster", &context.cluster));
        }
        // kube would continue as no one, and be told that no one may do anything.
        match context.user.as_deref().filter(|user| !user.is_empty()) {
            Some(user) if !self.kubeconfig.auth_infos.iter().any(|known| known.name == user) => {
                Err(dangling("user", user))
            }
            _ => Ok(true),
        }
    }
}

/// Why requests cannot be sent to a server, whatever is there; the HTTP client panics at some of these.
fn unusable_server(server: &http::Uri) -> Option<&'static str> {
    match (server.scheme_str(), server.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => None,
        (Some("http" | "https"), _) => Some("names no host"),
        _ => Some("is no http or https address"),
    }
}

impl Cluster {
    /// Returns why a file that the user entry names cannot be read: `client-certificate /x.pem of user ada: …`.
    #[must_use]
    pub fn missing_file(&self) -> Option<String> {
        let auth = &self.config.auth_info;
        let files = [
            ("client-certificate", &auth.client_certificate, auth.client_certificate_data.is_none()),
            ("client-key", &auth.client_key, auth.client_key_data.is_none()),
            ("tokenFile", &auth.token_file, auth.token.is_none()),
        ];
        files.into_iter().filter(|(.., counts)| *counts).find_map(|(field, path, _)| {
            let path = path.as_ref()?;
            let error = std::fs::metadata(path).and_then(|about| {
                // Of what is no file, such as a pipe, nothing may be read before its time.
                if about.is_file() { std::fs::File::open(path).map(drop) } else { Ok(()) }
            });
            let error = error.err()?;
            Some(format!("cannot read {field} {path} of user `{}`: {error}", self.user))
        })
    }
}

/// Whether a file is UTF-16 with a byte too few, at which the library panics.
fn breaks_off(path: &Path) -> bool {
    // Of what is no file, such as a pipe, nothing may be read before its time.
    let Some(about) = path.metadata().ok().filter(std::fs::Metadata::is_file) else { return false };
    let mut mark = [0; 2];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut mark));
    read.is_ok() && matches!(mark, [0xff, 0xfe] | [0xfe, 0xff]) && about.len() % 2 == 1
}

fn unreadable(path: &Path, error: KubeconfigError) -> ClusterError {
    let path = path.to_owned();
    match error {
        KubeconfigError::ReadConfig(error, _) => ClusterError::Unreadable { path, error },
        KubeconfigError::Parse(error) => ClusterError::Syntax {
            path,
            position: error.location().map_or_else(String::new, |at| format!(":{}:{}", at.line(), at.column())),
            why: "the YAML is broken, or a field has the wrong type",
        },
        _ => ClusterError::Syntax { path, position: String::new(), why: "its documents do not fit together" },
    }
}

/// Tells the redactor what is secret in the file, so that it can be hidden where a server repeats it.
fn add_credentials(redactor: &Redactor, config: &kube::Config) {
    // Written as in the file, secrets are in the open.
    let Ok(user) = serde_json::to_value(&config.auth_info) else { return };
    let authority = config.cluster_url.authority().map_or("", |authority| authority.as_str());
    if let Some((_, password)) = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
        redactor.add_secret(password);
    }
    let provided = &user["auth-provider"]["config"];
    let secrets = [&user["token"], &user["password"]]
        .into_iter()
        .chain(["access-token", "id-token", "refresh-token", "client-secret"].map(|name| &provided[name]));
    secrets.filter_map(serde_json::Value::as_str).for_each(|secret| redactor.add_secret(secret));
}

/// Takes a token without the line break that a block of YAML ends with. The library panics at one that is no header.
fn take_token(config: &mut kube::Config) -> Result<(), String> {
    let user = serde_json::to_value(&config.auth_info).unwrap_or_default();
    let Some(token) = user["token"].as_str() else { return Ok(()) };
    let token = token.trim();
    if http::HeaderValue::try_from(format!("Bearer {token}")).is_err() {
        return Err("the token of its user has characters that are not allowed in a header".to_owned());
    }
    config.auth_info.token = Some(token.to_owned().into());
    Ok(())
}

/// An error with its causes: kube's own words often leave out the one that matters.
fn chain(error: &dyn std::error::Error, redactor: &Redactor) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    // kube quotes its quotes.
    redactor.redact(&text.replace("'\"", "`").replace("\"'", "`")).into_owned()
}

#[cfg(test)]
mod tests;
