//! Kubeconfig and cockpit config for a simulation.

use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::path::Path;

use super::SimulatorError;
use super::cluster::Cluster;
use super::unleash::ALICE_TOKEN;

/// Everybody who is in the kubeconfig. `expired-token` is known to no server, `nobody-token` to one that gives it
/// no rights.
const PEOPLE: &[&str] = &["admin", "alice", "bob", "viewer", "nobody", "expired"];

/// Writes a kubeconfig: a context for each environment as alice, and one for each person in the current one.
pub fn kubeconfig(clusters: &[Cluster], current: usize) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Config\npreferences: {}\nclusters:\n");
    // Writing to a String cannot fail.
    for cluster in clusters {
        let _ = write!(text, "- name: {}\n  cluster:\n    server: {}\n", cluster.context, cluster.url);
    }
    // kubectl sends no token to a server without TLS; its address says who it is as well.
    if let Some(cluster) = clusters.get(current) {
        for person in PEOPLE {
            let _ = write!(text, "- name: {person}\n  cluster:\n    server: {}/as/{person}\n", cluster.url);
        }
    }
    text.push_str("users:\n");
    for person in PEOPLE {
        let _ = write!(text, "- name: {person}\n  user:\n    token: {person}-token\n");
    }
    text.push_str("contexts:\n");
    let mut context = |name: &str, namespace: &str, person: &str| {
        let _ = write!(
            text,
            "- name: {name}\n  context:\n    cluster: {name}\n    namespace: {namespace}\n    user: {person}\n"
        );
    };
    for cluster in clusters {
        context(&cluster.context, &cluster.namespace, "alice");
    }
    if let Some(cluster) = clusters.get(current) {
        for person in PEOPLE {
            context(person, &cluster.namespace, person);
        }
        let _ = writeln!(text, "current-context: {}", cluster.context);
    }
    text
}

/// Writes a cockpit config for all environments.
pub fn cockpit_config(clusters: &[Cluster], prometheus_url: &str) -> String {
    let mut text = format!("[prometheus]\nurl = {prometheus_url:?}\ninterval = \"2s\"\nwindow = \"30s\"\n");
    // Twice the simulator's scrapes, so that a scenario is analysed while it runs.
    text.push_str("\n[verdict]\nevery = \"4s\"\n# A hundred requests per second: nobody waits a minute and a half to try a key.\nenough = \"x10\"\n");
    for cluster in clusters {
        let _ = write!(
            text,
            "\n[[environments]]\nname = {:?}\ncontext = {:?}\nnamespace = {:?}\nworkloads = {:?}\nprotected = {}\n\
             prometheus = {{ labels = {{ cluster = {:?} }} }}\n",
            cluster.environment,
            cluster.context,
            cluster.namespace,
            cluster.workloads,
            cluster.protected,
            cluster.environment,
        );
    }
    text
}

/// Writes the part of a cockpit config that names the provider of feature flags, as alice.
pub fn flags_config<'a>(url: &str, flags: impl Iterator<Item = &'a str>) -> String {
    let of_release: Vec<&str> = flags.collect();
    // The token opens nothing but this simulation: it need not be kept from anybody.
    format!(
        "\n[[flags]]\nname = \"unleash\"\nof_release = {of_release:?}\n\
         unleash = {{ url = {url:?}, token = {{ command = [\"echo\", {ALICE_TOKEN:?}] }} }}\n"
    )
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, text: &str) -> Result<(), SimulatorError> {
    let write = || -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)?.write_all(text.as_bytes())
    };
    write().map_err(|source| SimulatorError::Write { path: path.to_owned(), source })
}
