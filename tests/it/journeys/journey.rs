//! The program against a simulator in a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use support::program::DemoServer;
use support::{Program, Pty};

/// How many times faster than real time a journey goes.
const SPEED: &str = "10";
/// How long anything may take before a test gives up; generous, for machines that are busy.
const JOURNEY_TIMEOUT: Duration = Duration::from_secs(120);

/// A simulator, and a home of its own for the program.
pub struct Journey {
    program: Program,
    simulator: DemoServer,
}

impl Journey {
    /// Starts a simulator with a scenario.
    pub fn start(scenario: &str) -> Self {
        Self::start_with(scenario, "")
    }

    /// Starts a simulator with a scenario; alice's config says this as well.
    pub fn start_with(scenario: &str, more: &str) -> Self {
        let program = crate::cockpit();
        let simulator = program.serve_demo(scenario, SPEED);
        let mut config = simulator.config.clone();
        if !more.is_empty() {
            let written = std::fs::read_to_string(&config).expect("a config");
            // Beside it, for it names other files.
            config = Path::new(&config).with_file_name("config-of-alice.toml").display().to_string();
            std::fs::write(&config, written + more).expect("a config");
        }
        let program = program.args(["--config", &config]).env("KUBECONFIG", &simulator.kubeconfig);
        Self { program, simulator }
    }

    /// Returns the program of bob, on another machine, whose config says this beside what the simulator wrote.
    pub fn as_bob(&self, more: &str) -> Program {
        let bob = crate::cockpit();
        let contexts = std::fs::read_to_string(&self.simulator.kubeconfig).expect("a kubeconfig");
        let kubeconfig = bob.write("kubeconfig", &contexts.replace("user: alice", "user: bob")).display().to_string();
        let written = std::fs::read_to_string(&self.simulator.config).expect("a config");
        let config = bob.write("cockpit.toml", &(written + more)).display().to_string();
        bob.args(["--config", &config]).env("KUBECONFIG", kubeconfig)
    }

    /// Runs a command; returns its exit code and all that it says.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let run = self.program.run(arguments);
        (run.code(), run.said())
    }

    /// Runs a command on another machine, which has counted nothing yet; returns its exit code and all that it says.
    pub fn run_elsewhere(&self, arguments: &[&str]) -> (i32, String) {
        let state = self.program.path("elsewhere").display().to_string();
        let run = self.program.clone().env("XDG_STATE_HOME", state).run(arguments);
        (run.code(), run.said())
    }

    /// Runs a command on the machine of somebody who has no config.
    pub fn run_without_config(&self, arguments: &[&str]) -> (i32, String) {
        let state = self.program.path("without-config").display().to_string();
        let bare = crate::cockpit().env("KUBECONFIG", &self.simulator.kubeconfig).env("XDG_STATE_HOME", state);
        let run = bare.args(["--context", "prod-eu", "--namespace", "payments"]).run(arguments);
        (run.code(), run.said())
    }

    /// Returns the program of somebody on another machine whose config asks for no sign-offs.
    pub fn without_sign_offs(&self) -> Program {
        let config = std::fs::read_to_string(&self.simulator.config).expect("a config");
        let config = config.replace("roles = { sre = 1, product = 1 }", "roles = {}");
        let file = self.program.write("fewer-gates.toml", &config).display().to_string();
        let state = self.program.path("fewer-gates").display().to_string();
        let program = crate::cockpit().args(["--config", &file]);
        program.env("KUBECONFIG", &self.simulator.kubeconfig).env("XDG_STATE_HOME", state)
    }

    /// Opens the screen.
    pub fn screen(&self) -> Pty {
        self.program.screen(&[], (120, 40))
    }

    /// Runs a command that has to end with this code and say this.
    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str], says: &str) {
        let (ended, said) = self.run(arguments);
        assert_eq!(ended, code, "{arguments:?}\n{said}");
        assert!(said.contains(says), "{arguments:?} does not say {says:?}\n{said}");
    }

    /// Runs a command again and again until it ends with this code; returns what it said then.
    #[track_caller]
    pub fn until_run(&self, arguments: &[&str], code: i32) -> String {
        self.until_says(arguments, code, "")
    }

    /// Runs a command again and again until it ends with this code and says this; returns all that it said then.
    #[track_caller]
    pub fn until_says(&self, arguments: &[&str], code: i32, says: &str) -> String {
        let until = Instant::now() + JOURNEY_TIMEOUT;
        loop {
            let (ended, said) = self.run(arguments);
            if ended == code && said.contains(says) {
                return said;
            }
            assert!(Instant::now() < until, "{arguments:?} never ends with {code} and {says:?}\n{said}");
        }
    }

    /// An environment as `status -o json` shows it.
    #[track_caller]
    pub fn environment(&self, name: &str) -> Value {
        let run = self.program.run(&["status", "-o", "json"]);
        let status: Value = serde_json::from_slice(&run.stdout).expect("JSON");
        let environments = status["environments"].as_array().cloned().unwrap_or_default();
        environments.into_iter().find(|env| env["name"] == name).expect("the environment")
    }

    /// The images that the template of an environment's Rollout names, as its API server has it.
    #[track_caller]
    pub fn template_images(&self, context: &str) -> Vec<String> {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout");
        let object = self.on(context, ("payments", &kind), async |api| api.get("payments-api").await);
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        containers.iter().map(|container| container["image"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Checks which version is stable.
    #[track_caller]
    pub fn stable_is(&self, name: &str, version: &str) {
        let env = self.environment(name);
        let image = env["workloads"][0]["stable"]["images"][0].as_str().unwrap_or_default();
        assert!(image.ends_with(&format!(":{version}")), "{env:#}");
    }

    /// Looks again and again until an environment is as wanted.
    #[track_caller]
    pub fn until(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        let until = Instant::now() + JOURNEY_TIMEOUT;
        loop {
            let env = self.environment(name);
            if wanted(&env) {
                return;
            }
            assert!(Instant::now() < until, "never seen: {what}\n{env:#}");
        }
    }

    /// The Argo CD application of an environment, as its API server has it.
    #[track_caller]
    pub fn application(&self, context: &str) -> Value {
        self.on_application(context, async |api| api.get("payments-api").await)
    }

    /// A commit: git names this image.
    #[track_caller]
    pub fn commit(&self, context: &str, image: &str) {
        let patch = serde_json::json!({"spec": {"source": {"kustomize": {"images": [image]}}}});
        self.on_application(context, async |api| {
            api.patch("payments-api", &PatchParams::default(), &Patch::Merge(&patch)).await
        });
    }

    #[track_caller]
    fn on_application<W>(&self, context: &str, work: W) -> Value
    where
        W: AsyncFnOnce(Api<DynamicObject>) -> kube::Result<DynamicObject>,
    {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        self.on(context, ("argocd", &kind), work)
    }

    #[track_caller]
    fn on<W>(&self, context: &str, (namespace, kind): (&str, &GroupVersionKind), work: W) -> Value
    where
        W: AsyncFnOnce(Api<DynamicObject>) -> kube::Result<DynamicObject>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let kubeconfig = Path::new(&self.simulator.kubeconfig);
            let config = support::cluster::config_for(kubeconfig, context).await.expect("a config");
            let client = kube::Client::try_from(config).expect("a client");
            let resource = ApiResource::from_gvk(kind);
            let object = work(Api::namespaced_with(client, namespace, &resource)).await.expect("an object");
            serde_json::to_value(object).expect("JSON")
        })
    }

    /// Checks that the journal is unbroken and says these things in this order.
    #[track_caller]
    pub fn journal_holds(&self, says: &[&str]) {
        self.expect(0, &["log", "verify"], "unbroken");
        let (code, text) = self.run(&["log", "show"]);
        assert_eq!(code, 0, "{text}");
        let mut rest = text.as_str();
        for part in says {
            let at = rest.find(part).unwrap_or_else(|| panic!("the journal does not say {part:?}\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }
}
