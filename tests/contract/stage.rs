//! A stage: a fresh namespace on a bed, and the hand that sets the scene in it.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use release_cockpit::domain::ids::WorkloadId;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Checked;
use crate::bed::Bed;

/// How long anything may take that is waited for. Far more than it ever takes: it only ends what hangs.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A namespace of its own on a bed.
pub struct Stage {
    /// The bed.
    pub bed: Bed,
    /// The namespace.
    pub namespace: String,
    hand: kube::Client,
}

/// What stands at one moment: the object's resourceVersion, and those of its ReplicaSets and pods by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of the object.
    pub object: String,
    /// Of its ReplicaSets.
    pub replicasets: BTreeMap<String, String>,
    /// Of its pods.
    pub pods: BTreeMap<String, String>,
}

fn resource(kind: &str) -> ApiResource {
    let (group, version) = match kind {
        "Rollout" | "AnalysisRun" | "AnalysisTemplate" => ("argoproj.io", "v1alpha1"),
        "Deployment" | "ReplicaSet" => ("apps", "v1"),
        "Ingress" => ("networking.k8s.io", "v1"),
        "Role" | "RoleBinding" => ("rbac.authorization.k8s.io", "v1"),
        _ => ("", "v1"),
    };
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if kind == "Ingress" {
        "ingresses".clone_into(&mut resource.plural);
    }
    resource
}

impl Stage {
    /// Makes a namespace for a case.
    pub async fn raise(bed: Bed, case: &str) -> Checked<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let slug: String = case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("t-{}-{number}-{}", std::process::id(), slug.trim_matches('-'));
        let hand = kube::Client::try_from(bed.config("admin").await?)?;
        let stage = Self { bed, namespace, hand };
        let api: Api<DynamicObject> = Api::all_with(stage.hand.clone(), &resource("Namespace"));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stage.namespace}});
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(stage)
    }

    /// Takes the namespace away, without waiting for what is in it.
    pub async fn strike(&self) {
        let api: Api<DynamicObject> = Api::all_with(self.hand.clone(), &resource("Namespace"));
        if let Err(error) = api.delete(&self.namespace, &DeleteParams::default()).await {
            eprintln!("namespace {} is left behind: {error}", self.namespace);
        }
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.hand.clone(), &self.namespace, &resource(kind))
    }

    /// Makes objects.
    pub async fn make(&self, objects: impl IntoIterator<Item = Value>) -> Checked {
        for object in objects {
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            self.api(&kind).create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        }
        Ok(())
    }

    /// Returns who may patch `rollouts` here, but not this subresource of it.
    pub async fn somebody_without(&self, subresource: &str) -> Checked<&'static str> {
        if self.bed.deny_bob(subresource)? {
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
        self.make([role, binding]).await?;
        Ok("viewer")
    }

    /// Reads an object.
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
            let deadline = Instant::now() + PATIENCE;
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

    /// Deletes an object.
    pub async fn delete(&self, kind: &str, name: &str) -> Checked {
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
        let deadline = Instant::now() + PATIENCE;
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

    /// Returns what stands now of a workload whose pods carry the label `app=NAME`.
    pub async fn versions(&self, workload: &WorkloadId) -> Checked<Versions> {
        let labels = format!("app={}", workload.name);
        let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let by_name = |list: Vec<Value>| -> BTreeMap<String, String> {
            let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            list.iter().map(|object| (name(object), version(object))).collect()
        };
        let (object, replicasets, pods) = tokio::try_join!(
            self.get(workload.kind.kind(), &workload.name),
            self.list("ReplicaSet", &labels),
            self.list("Pod", &labels)
        )?;
        Ok(Versions { object: version(&object), replicasets: by_name(replicasets), pods: by_name(pods) })
    }

    /// Runs `kubectl` or `kubectl-argo-rollouts` as the admin in this namespace; `None` where it is not installed.
    pub async fn tool(&self, tool: &str, args: &[&str]) -> Checked<Option<Output>> {
        let Some(path) = self.bed.tool(tool) else { return Ok(None) };
        let output = tokio::process::Command::new(path)
            .arg("--kubeconfig")
            .arg(self.bed.kubeconfig())
            .args(["--context", "admin", "--namespace", &self.namespace])
            .args(args)
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Some(output))
    }
}
