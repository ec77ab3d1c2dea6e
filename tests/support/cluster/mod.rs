//! A cluster to test on, and a namespace of its own for each test in it.

mod real;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::check::{Checked, WAIT_TIMEOUT};

pub use real::RealCluster;

/// What a test may do to the API server of a cluster.
pub trait ApiServer: Send + Sync {
    fn stop(&self) -> BoxFuture<'_, Checked>;

    /// Brings it back, and waits until it is ready.
    fn start(&self) -> BoxFuture<'_, Checked>;

    /// Takes bob's right to patch a resource, where rights are not told by objects; returns whether they are not.
    fn deny_bob(&self, _resource: &str) -> Checked<bool> {
        Ok(false)
    }
}

/// A cluster with the controllers that a release needs.
pub struct TestCluster {
    kubeconfig: PathBuf,
    /// The folder of `kubectl` and `kubectl-argo-rollouts`, where they are.
    tools: Option<PathBuf>,
    pub api_server: Box<dyn ApiServer>,
}

impl TestCluster {
    pub fn new(kubeconfig: PathBuf, tools: Option<PathBuf>, api_server: Box<dyn ApiServer>) -> Self {
        Self { kubeconfig, tools, api_server }
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What a client needs to be `who`.
    pub async fn config(&self, who: &str) -> Checked<kube::Config> {
        config_for(&self.kubeconfig, who).await
    }

    /// The path of `kubectl` or `kubectl-argo-rollouts`, where they are.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        self.tools.as_ref().map(|dir| dir.join(name)).filter(|path| path.exists())
    }
}

/// What a client needs to be `who`, a context of this kubeconfig.
pub async fn config_for(kubeconfig: &Path, who: &str) -> Checked<kube::Config> {
    let options = KubeConfigOptions { context: Some(who.to_owned()), ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
    config.default_retry = false;
    Ok(config)
}

/// A namespace of its own.
pub struct TestNamespace {
    pub cluster: TestCluster,
    pub name: String,
    client: kube::Client,
}

/// What stands at one moment: the object's resourceVersion, and those of its ReplicaSets and pods by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub object: String,
    pub replicasets: BTreeMap<String, String>,
    pub pods: BTreeMap<String, String>,
}

/// The API resource of a kind.
pub fn resource(kind: &str) -> ApiResource {
    let (group, version) = match kind {
        "Rollout" | "AnalysisRun" | "AnalysisTemplate" | "Experiment" => ("argoproj.io", "v1alpha1"),
        "Deployment" | "ReplicaSet" => ("apps", "v1"),
        "Ingress" => ("networking.k8s.io", "v1"),
        "PodDisruptionBudget" => ("policy", "v1"),
        "Role" | "RoleBinding" => ("rbac.authorization.k8s.io", "v1"),
        _ => ("", "v1"),
    };
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if kind == "Ingress" {
        "ingresses".clone_into(&mut resource.plural);
    }
    resource
}

impl TestNamespace {
    /// Creates one for a case.
    pub async fn create(cluster: TestCluster, case: &str) -> Checked<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let slug: String = case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t-{}-{number}-{}", std::process::id(), slug.trim_matches('-'));
        let client = kube::Client::try_from(cluster.config("admin").await?)?;
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource("Namespace"));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(Self { cluster, name, client })
    }

    /// Deletes it, without waiting for what is in it.
    pub async fn delete(&self) {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource("Namespace"));
        if let Err(error) = api.delete(&self.name, &DeleteParams::default()).await {
            eprintln!("namespace {} is left behind: {error}", self.name);
        }
    }

    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &resource(kind))
    }

    pub async fn create_objects(&self, objects: impl IntoIterator<Item = Value>) -> Checked {
        for object in objects {
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            self.api(&kind).create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        }
        Ok(())
    }

    /// Who may patch `rollouts` here, but not this subresource of it.
    pub async fn somebody_without(&self, subresource: &str) -> Checked<&'static str> {
        if self.cluster.api_server.deny_bob(subresource)? {
            return Ok("bob");
        }
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "half"},
            "rules": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["patch"]}],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "half"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "half"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}],
        });
        self.create_objects([role, binding]).await?;
        Ok("viewer")
    }

    /// Gives somebody rights here, by a role of this name.
    pub async fn grant(&self, who: &str, role: &str, rules: Value) -> Checked {
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let made = json!({"apiVersion": version, "kind": "Role", "metadata": {"name": role}, "rules": rules});
        let binding = json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": {"name": role},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": who}],
        });
        self.create_objects([made, binding]).await
    }

    pub async fn get(&self, kind: &str, name: &str) -> Checked<Value> {
        Ok(serde_json::to_value(self.api(kind).get(name).await?)?)
    }

    /// Lists objects by label selector.
    pub async fn list(&self, kind: &str, labels: &str) -> Checked<Vec<Value>> {
        let list = self.api(kind).list(&ListParams::default().labels(labels)).await?;
        list.items.into_iter().map(|item| Ok(serde_json::to_value(item)?)).collect()
    }

    /// Writes a merge patch, without any precondition.
    pub async fn merge(&self, kind: &str, name: &str, body: Value) -> Checked {
        let of_spec = body["spec"].is_object();
        self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(body)).await?;
        if of_spec {
            self.have_it_observed(kind, name);
        }
        Ok(())
    }

    /// Sees to it, aside, that a change of a Rollout's spec is observed: the controller overlooks what comes right after a
    /// write of its own, until something makes it look again. What is not about that must not depend on it.
    fn have_it_observed(&self, kind: &str, name: &str) {
        if kind != "Rollout" {
            return;
        }
        let (api, name) = (self.api(kind), name.to_owned());
        tokio::spawn(async move {
            let deadline = Instant::now() + WAIT_TIMEOUT;
            while Instant::now() < deadline {
                sleep(Duration::from_secs(1)).await;
                let Ok(object) = api.get(&name).await else { continue };
                let observed = object.data["status"]["observedGeneration"].as_str().and_then(|seen| seen.parse().ok());
                if observed >= object.metadata.generation {
                    return;
                }
                let look = json!({"metadata": {"annotations": {"look": jiff::Timestamp::now().to_string()}}});
                let _ = api.patch(&name, &PatchParams::default(), &Patch::Merge(look)).await;
            }
        });
    }

    /// Writes a merge patch to the status.
    pub async fn merge_status(&self, kind: &str, name: &str, body: Value) -> Checked {
        self.api(kind).patch_status(name, &PatchParams::default(), &Patch::Merge(body)).await?;
        Ok(())
    }

    pub async fn delete_object(&self, kind: &str, name: &str) -> Checked {
        self.api(kind).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Sets the image of the only container.
    pub async fn set_image(&self, kind: &str, name: &str, image: &str) -> Checked {
        let operations = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
        let operations = serde_json::from_value(operations)?;
        self.api(kind).patch(name, &PatchParams::default(), &Patch::Json::<()>(operations)).await?;
        self.have_it_observed(kind, name);
        Ok(())
    }

    /// Waits until an object is as wanted.
    pub async fn until(&self, kind: &str, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Checked<Value> {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let object = self.get(kind, name).await?;
            if wanted(&object) {
                return Ok(object);
            }
            if Instant::now() >= deadline {
                return Err(format!("{kind} {name} never got {what}; its status: {}", object["status"]).into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What stands now of a workload whose pods carry the label `app=NAME`.
    pub async fn versions(&self, kind: &str, name: &str) -> Checked<Versions> {
        let labels = format!("app={name}");
        let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let by_name = |list: Vec<Value>| -> BTreeMap<String, String> {
            let named = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            list.iter().map(|object| (named(object), version(object))).collect()
        };
        let (object, replicasets, pods) =
            tokio::try_join!(self.get(kind, name), self.list("ReplicaSet", &labels), self.list("Pod", &labels))?;
        Ok(Versions { object: version(&object), replicasets: by_name(replicasets), pods: by_name(pods) })
    }

    /// Runs `kubectl` or `kubectl-argo-rollouts` as the admin in this namespace; `None` where it is not installed.
    pub async fn tool(&self, tool: &str, args: &[&str]) -> Checked<Option<Output>> {
        let Some(path) = self.cluster.tool(tool) else { return Ok(None) };
        let output = tokio::process::Command::new(path)
            .arg("--kubeconfig")
            .arg(self.cluster.kubeconfig())
            .args(["--context", "admin", "--namespace", &self.name])
            .args(args)
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Some(output))
    }
}
