//! What a journey starts from: a workload of one kind, and the program in a home of its own.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::Kubeconfig;
use serde_json::{Value, json};
use support::check::WAIT_TIMEOUT;
use support::manifests::{blue_green, canary, deployment, image, pause, traffic_routed, weight, workload_ref};
use support::{Checked, Program, TestNamespace};

use tokio::time::{Instant, sleep};

use crate::cockpit;

/// How a new revision goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Canary,
    Routed,
    BlueGreen,
    WorkloadRef,
    Deployment,
}

impl Strategy {
    pub const ALL: [Self; 5] = [Self::Canary, Self::Routed, Self::BlueGreen, Self::WorkloadRef, Self::Deployment];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Routed => "routed",
            Self::BlueGreen => "blue_green",
            Self::WorkloadRef => "workload_ref",
            Self::Deployment => "deployment",
        }
    }

    pub fn is_rollout(self) -> bool {
        self != Self::Deployment
    }

    pub(super) fn objects(self) -> Vec<Value> {
        let steps = [weight(25), pause(), weight(50), pause()];
        match self {
            Self::Canary => vec![canary("api", 4, &steps)],
            Self::Routed => traffic_routed("api", 4, &steps),
            Self::BlueGreen => blue_green("api", 3),
            Self::WorkloadRef => {
                let mut objects = workload_ref("api", 4, &steps);
                // Its own pods would go on serving beside those of the Rollout.
                objects[0]["spec"]["replicas"] = json!(0);
                objects[1]["spec"]["workloadRef"]["scaleDown"] = json!("never");
                objects
            }
            Self::Deployment => vec![deployment("api", 3)],
        }
    }
}

/// How the program is told what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Command,
    Key,
}

impl How {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "by_command",
            Self::Key => "by_key",
        }
    }
}

pub struct Bed<'a> {
    pub namespace: &'a TestNamespace,
    pub strategy: Strategy,
    pub how: How,
    /// Alice, on her machine.
    pub alice: Program,
}

impl<'a> Bed<'a> {
    pub fn new(namespace: &'a TestNamespace, strategy: Strategy, how: How) -> Self {
        Self { namespace, strategy, how, alice: person(namespace, strategy, "alice") }
    }

    /// Somebody else, on another machine: nothing of alice's journals is known there.
    pub fn somebody_else(&self) -> Program {
        self.somebody("alice")
    }

    /// Whoever comes by this context.
    pub fn somebody(&self, context: &str) -> Program {
        person(self.namespace, self.strategy, context)
    }

    /// Alice again, with a config in which a staging comes before what there is.
    pub fn with_staging(&self) -> Program {
        self.with_staging_and("")
    }

    /// The same with more settings of what there is.
    pub fn with_staging_and(&self, settings: &str) -> Program {
        let kubeconfig = self.namespace.cluster.kubeconfig().display().to_string();
        let program = cockpit().env("KUBECONFIG", kubeconfig);
        let state = program.path("state").display().to_string();
        let environment = |name: &str, workload: &str| {
            let namespace = &self.namespace.name;
            format!(
                "[[environments]]\nname = \"{name}\"\ncontext = \"alice\"\nnamespace = \"{namespace}\"\n\
                 workloads = [\"{workload}\"]\n\n"
            )
        };
        let workload = if self.strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
        let config =
            environment("staging", "deployment/staging") + environment("prod", workload).trim_end() + "\n" + settings;
        let config = program.write("cockpit.toml", &config).display().to_string();
        program.args(["--config", &config]).env("XDG_STATE_HOME", state)
    }

    /// Alice again, with a prod after what there is, and how long a release serves everybody here before it goes there.
    pub fn with_a_soak(&self, seconds: i64) -> Program {
        let kubeconfig = self.namespace.cluster.kubeconfig().display().to_string();
        let program = cockpit().env("KUBECONFIG", kubeconfig);
        let state = program.path("state").display().to_string();
        let workload = if self.strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
        let environment = |name: &str, workload: &str| {
            let namespace = &self.namespace.name;
            format!(
                "[[environments]]\nname = \"{name}\"\ncontext = \"alice\"\nnamespace = \"{namespace}\"\n\
                 workloads = [\"{workload}\"]\n"
            )
        };
        let soak = format!("soak = \"{seconds}s\"\n\n");
        let config = environment("staging", workload) + &soak + &environment("prod", "deployment/prod");
        let config = program.write("cockpit.toml", &config).display().to_string();
        program.args(["--config", &config]).env("XDG_STATE_HOME", state)
    }

    /// The environment after runs a version of the same image, on all its pods.
    pub async fn next_environment_runs(&self, version: &str) -> Checked {
        self.runs_beside("prod", version).await
    }

    /// Alice again, where nothing is in favour of anything: metrics do not answer, a gate is blind, and its environment is
    /// protected.
    pub fn with_everything_red(&self) -> Program {
        let kubeconfig = self.namespace.cluster.kubeconfig().display().to_string();
        let program = cockpit().env("KUBECONFIG", kubeconfig);
        let state = program.path("state").display().to_string();
        let workload = if self.strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
        let config = format!(
            "[prometheus]\nurl = \"http://127.0.0.1:9\"\n\n\
             [sign_offs]\nroles = {{ product = 1 }}\n\n\
             [[checks]]\nid = \"tests\"\njunit = {{ files = [\"no-such-report.xml\"] }}\n\n\
             [[environments]]\nname = \"prod\"\ncontext = \"alice\"\nnamespace = \"{}\"\nprotected = true\n\
             workloads = [\"{workload}\"]\n",
            self.namespace.name
        );
        let config = program.write("cockpit.toml", &config).display().to_string();
        program.args(["--config", &config]).env("XDG_STATE_HOME", state)
    }

    /// Alice again, whose login is a command that fails while the file returned beside is there.
    pub fn with_login(&self) -> Checked<(Program, PathBuf)> {
        let program = self.somebody("alice");
        let expired = program.path("expired");
        let mut config = serde_json::to_value(Kubeconfig::read_from(self.namespace.cluster.kubeconfig())?)?;
        let users = config["users"].as_array_mut().ok_or("the kubeconfig has no users")?;
        let alice = users.iter_mut().find(|user| user["name"] == "alice").ok_or("there is no alice")?;
        let token = alice["user"]["token"].as_str().ok_or("alice has no token")?.to_owned();
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
        });
        let script = format!(
            "if [ -e '{}' ]; then echo 'the session has expired: sso login' >&2; exit 1; fi; echo '{credential}'",
            expired.display()
        );
        alice["user"] = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "interactiveMode": "Never",
        }});
        let kubeconfig = program.write("kubeconfig", &config.to_string()).display().to_string();
        Ok((program.with_path().env("KUBECONFIG", kubeconfig), expired))
    }

    /// Staging runs a version of the same image, on all its pods.
    pub async fn released_in_staging(&self, version: &str) -> Checked {
        self.runs_beside("staging", version).await
    }

    async fn runs_beside(&self, name: &str, version: &str) -> Checked {
        let mut other = deployment(name, 2);
        other["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image("api", version));
        self.namespace.create_objects([other]).await?;
        let is_there = |object: &Value| object["status"]["availableReplicas"] == 2;
        self.namespace.until("Deployment", name, "all its pods", is_there).await.map(|_| ())
    }

    /// Kind of the workload.
    pub fn kind(&self) -> &'static str {
        if self.strategy.is_rollout() { "Rollout" } else { "Deployment" }
    }

    /// Kind of the object that the template lives in.
    pub fn template_kind(&self) -> &'static str {
        match self.strategy {
            Strategy::WorkloadRef | Strategy::Deployment => "Deployment",
            _ => "Rollout",
        }
    }

    /// Creates the workload on 1.0.0, and waits until it serves.
    pub async fn set_up(&self) -> Checked {
        self.namespace.create_objects(self.strategy.objects()).await?;
        self.serves("1.0.0").await
    }

    /// Somebody deploys a version: it goes out as far as the first pause.
    pub async fn deploy(&self, version: &str) -> Checked {
        // ReplicaSets are told apart by the second in which they were made.
        self.another_second().await?;
        self.namespace.set_image(self.template_kind(), "api", &image("api", version)).await
    }

    /// Waits for the first pause; a Deployment has none.
    pub async fn is_paused(&self) -> Checked {
        if self.strategy.is_rollout() {
            self.until("Rollout", "a pause", |object| object["status"]["phase"] == "Paused").await?;
        }
        Ok(())
    }

    /// A version is released to everybody, without this program.
    pub async fn release(&self, version: &str) -> Checked {
        self.deploy(version).await?;
        if self.strategy.is_rollout() {
            self.is_paused().await?;
            self.promote_fully().await?;
        }
        self.serves(version).await
    }

    /// Promotes what is paused to everybody, without this program, until it is stable.
    pub async fn promote_fully(&self) -> Checked {
        self.namespace.merge_status("Rollout", "api", json!({"status": {"promoteFull": true}})).await?;
        let is_stable = |object: &Value| {
            object["status"]["phase"] == "Healthy" && object["status"]["stableRS"] == object["status"]["currentPodHash"]
        };
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let object = self.namespace.get("Rollout", "api").await?;
            if is_stable(&object) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("it never got stable: {}", object["status"]).into());
            }
            // A controller that overlooked the request looks again when anything changes.
            let at = jiff::Timestamp::now().to_string();
            self.namespace.merge("Rollout", "api", json!({"metadata": {"annotations": {"look": at}}})).await?;
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until an object is as wanted.
    pub async fn until(&self, kind: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Checked<Value> {
        self.namespace.until(kind, "api", what, wanted).await
    }

    pub async fn another_second(&self) -> Checked {
        let sets = self.namespace.list("ReplicaSet", "app=api").await?;
        let newest = sets.iter().filter_map(|rs| rs["metadata"]["creationTimestamp"].as_str()?.parse().ok()).max();
        let newest: Option<jiff::Timestamp> = newest;
        while newest.is_some_and(|newest| jiff::Timestamp::now().as_second() <= newest.as_second()) {
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn person(namespace: &TestNamespace, strategy: Strategy, context: &str) -> Program {
    let kubeconfig = namespace.cluster.kubeconfig().display().to_string();
    let workload = if strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
    let program = cockpit().args(["--context", context, "--namespace", &namespace.name, "--workload", workload]);
    let state = program.path("state").display().to_string();
    program.env("XDG_STATE_HOME", state).env("KUBECONFIG", kubeconfig)
}
