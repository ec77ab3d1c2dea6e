//! Where the whole program is measured: the simulator in a process of its own, or the real servers of `tests/cluster`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use support::cluster::{RealCluster, resource};
use support::program::DemoServer;
use support::{Program, Pty};
use tokio::runtime::Runtime;

/// How long anything may take before a bench gives up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(180);

/// Places made on the real servers so far. A namespace takes a while to go, so that each place needs a name of its own.
static PLACES: AtomicU32 = AtomicU32::new(0);

/// An API server with a rollout, and a Prometheus with its metrics.
pub struct Place {
    /// What the table calls it.
    pub name: &'static str,
    /// One context of the API server.
    pub context: &'static str,
    pub namespace: String,
    pub rollout: &'static str,
    pub runtime: Runtime,
    kubeconfig: String,
    prometheus: String,
    client: kube::Client,
    /// Made by us and to be taken away.
    own_namespace: bool,
    demo: Option<DemoServer>,
    folder: tempfile::TempDir,
    /// Variables that the cockpit gets besides.
    variables: Vec<(String, String)>,
    /// `[[checks]]` of its config.
    checks: Vec<Value>,
}

impl Place {
    pub fn simulator(speed: &str) -> Self {
        let demo = Program::new(crate::COCKPIT).serve_demo("canary", speed);
        let kubeconfig = std::fs::read_to_string(&demo.kubeconfig).expect("the simulator's kubeconfig");
        let mut place = Self::at("simulator", "prod-eu", "payments".to_owned(), kubeconfig, demo.prometheus.clone());
        place.demo = Some(demo);
        place
    }

    /// Uses the real servers, if `COCKPIT_CLUSTER` says where they are, in a namespace of our own.
    pub fn real() -> Option<Self> {
        let cluster = RealCluster::find().ok()?;
        let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).expect("the kubeconfig of the cluster");
        let prometheus = std::env::var("PROMETHEUS_URL").expect("PROMETHEUS_URL");
        let namespace = format!("bench-{}-{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
        let mut place = Self::at("real servers", "admin", namespace.clone(), kubeconfig, prometheus);
        place.own_namespace = true;
        let api: Api<DynamicObject> = Api::all_with(place.client.clone(), &resource("Namespace"));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let object = serde_json::from_value(object).unwrap();
        place.runtime.block_on(api.create(&PostParams::default(), &object)).expect("a namespace of our own");
        place.create(&rollout(place.rollout));
        place.wait_pods(10);
        Some(place)
    }

    pub fn all() -> Vec<Self> {
        std::iter::once(Self::simulator("1")).chain(Self::real()).collect()
    }

    fn at(
        name: &'static str,
        context: &'static str,
        namespace: String,
        kubeconfig: String,
        prometheus: String,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
        let client = runtime.block_on(async {
            let read = Kubeconfig::from_yaml(&kubeconfig).expect("a kubeconfig");
            let config = kube::Config::from_custom_kubeconfig(read, &options).await.expect("a context");
            kube::Client::try_from(config).expect("a client")
        });
        let folder = tempfile::tempdir().unwrap();
        let rollout = "payments-api";
        Self {
            name,
            context,
            namespace,
            rollout,
            runtime,
            kubeconfig,
            prometheus,
            client,
            own_namespace: false,
            demo: None,
            folder,
            variables: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// Says whether this is the simulator.
    pub fn is_simulator(&self) -> bool {
        self.demo.is_some()
    }

    /// Returns where the API server listens.
    pub fn server(&self) -> SocketAddr {
        let server = self.server_url();
        server.trim_start_matches("http://").parse().expect("an address")
    }

    fn server_url(&self) -> String {
        let config = Kubeconfig::from_yaml(&self.kubeconfig).unwrap();
        let named = config.clusters.into_iter().find(|cluster| cluster.name == self.context);
        named.and_then(|named| named.cluster?.server).expect("the cluster has the name of its context")
    }

    /// Lets the cockpit, not the bench, talk to another address.
    pub fn redirect(&mut self, to: &str) {
        self.kubeconfig = self.kubeconfig.replace(&self.server_url(), to);
    }

    /// Makes one more context of one of the simulator's API servers: environments are places of their own, and want one each.
    pub fn alias(&mut self, context: &str, of: &str) {
        let line = format!(
            "contexts:\n- name: {context}\n  context: {{cluster: {of}, user: alice, namespace: {}}}\n",
            self.namespace
        );
        self.kubeconfig = self.kubeconfig.replacen("contexts:\n", &line, 1);
    }

    /// Adds a context whose API server is at this address, of a user for whom this program logs in, if any.
    pub fn elsewhere(&mut self, context: &str, server: &str, login: Option<&[&str]>) {
        let user = match login {
            Some([command, arguments @ ..]) => format!(
                "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, args: {arguments:?}, \
                 interactiveMode: Never}}}}"
            ),
            _ => "{token: some}".to_owned(),
        };
        for (list, entry) in [
            ("clusters", format!("cluster: {{server: \"{server}\"}}")),
            ("contexts", format!("context: {{cluster: {context}, user: {context}, namespace: {}}}", self.namespace)),
            ("users", format!("user: {user}")),
        ] {
            let first = format!("{list}:\n- name: {context}\n  {entry}\n");
            self.kubeconfig = self.kubeconfig.replacen(&format!("{list}:\n"), &first, 1);
        }
    }

    /// Lets the cockpit ask another Prometheus.
    pub fn measure_at(&mut self, url: &str) {
        url.clone_into(&mut self.prometheus);
    }

    /// Opens the cockpit on these environments, with its state in [`Self::state`].
    pub fn open_with_state(&self, environments: &[Value], size: (u16, u16)) -> Pty {
        let (kubeconfig, config) = self.files(environments, true);
        let program = Program::new(crate::COCKPIT).env("KUBECONFIG", kubeconfig);
        let program = program.env("XDG_STATE_HOME", self.state().display().to_string());
        let program = self.variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        program.screen(&["--config", &config], size)
    }

    /// Gives the cockpit a variable.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a check that reads a JUnit report of this name beside the config.
    pub fn report(&mut self, name: &str) {
        std::fs::write(self.folder.path().join(name), "<testsuites/>").unwrap();
        self.checks.push(json!({"id": format!("read-{}", self.checks.len()), "junit": {"files": [name]}}));
    }

    /// Opens the cockpit on these environments.
    pub fn open(&self, environments: &[Value], metrics: bool, size: (u16, u16)) -> Pty {
        let (kubeconfig, config) = self.files(environments, metrics);
        Program::new(crate::COCKPIT).env("KUBECONFIG", kubeconfig).screen(&["--config", &config], size)
    }

    /// Returns the settings of one environment.
    pub fn environment(&self, name: &str, rollout: &str) -> Value {
        json!({
            "name": name, "context": self.context, "namespace": self.namespace,
            "workloads": [format!("rollout/{rollout}")],
        })
    }

    /// Writes kubeconfig and config; returns their paths.
    pub fn files(&self, environments: &[Value], metrics: bool) -> (String, String) {
        let mut config = json!({"environments": environments});
        if !self.checks.is_empty() {
            config["checks"] = json!(self.checks);
        }
        if metrics {
            config["prometheus"] = json!({"url": self.prometheus});
        }
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        (write("kubeconfig", &self.kubeconfig), write("cockpit.toml", &toml::to_string(&config).unwrap()))
    }

    /// Where the cockpit may keep its state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(kind))
    }

    pub fn create(&self, object: &Value) {
        let api = self.api(object["kind"].as_str().unwrap_or_default());
        let object = serde_json::from_value(object.clone()).unwrap();
        self.runtime.block_on(api.create(&PostParams::default(), &object)).expect("created");
    }

    pub fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let api = self.api(kind);
        let patched = async { api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await };
        self.runtime.block_on(patched).expect("patched");
    }

    pub fn names(&self, kind: &str) -> Vec<String> {
        let api = self.api(kind);
        let list = self.runtime.block_on(api.list_metadata(&ListParams::default())).expect("listed");
        list.items.into_iter().filter_map(|item| item.metadata.name).collect()
    }

    /// Waits until there are that many pods, and all of them are Running.
    pub fn wait_pods(&self, count: usize) {
        let until = Instant::now() + WAIT_TIMEOUT;
        let api = self.api("Pod");
        let running = ListParams::default().fields("status.phase=Running");
        while self.runtime.block_on(api.list_metadata(&running)).expect("listed").items.len() < count {
            assert!(Instant::now() < until, "{count} pods do not come up");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.own_namespace {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource("Namespace"));
            if let Err(error) = self.runtime.block_on(api.delete(&self.namespace, &DeleteParams::default())) {
                eprintln!("namespace {} is left behind: {error}", self.namespace);
            }
        }
    }
}

/// A rollout of ten pods with metrics.
pub fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": 10,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, &json!({"app": name, "cockpit.test/metrics": "true"})),
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
        },
    })
}

pub fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, &json!({"app": name})),
        },
    })
}

fn template(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": format!("registry.test/{name}:1.5.0")}]},
    })
}
