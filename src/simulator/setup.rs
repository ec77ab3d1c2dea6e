//! A cluster with a past.
//!
//! The clock is stopped in the past and moved from event to event while the controllers bring up one version after
//! the other, so that ages, revisions and events are those of a cluster that has been there for weeks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::SimulatorError;
use super::clock::Clock;
use super::controllers::Controllers;
use super::controllers::applications::{self, TRACKING_ID, tracking_id};
use super::kubernetes::managed_fields::Author;
use super::kubernetes::object::{self, items};
use super::kubernetes::patch::merge;
use super::kubernetes::resources::Kind;
use super::kubernetes::store::{Key, Part, Store};
use super::kubernetes::{Server, api_error::ApiError};
use super::scenario::behaviour::Images;
use super::scenario::{ArgoCd, Environment, Past};
use super::traffic::{FlagEffects, Traffic};

/// Longest that bringing up one version may take on the stopped clock.
const ROLLOUT_TIMEOUT: Duration = Duration::from_secs(900);
/// Events are forgotten after this, as an API server does.
const EVENT_RETENTION: SignedDuration = SignedDuration::from_hours(1);
/// How long a cluster without a history has been there.
const DEFAULT_AGE: SignedDuration = SignedDuration::from_hours(24);
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
const NODE_COUNT: u32 = 3;

/// A cluster that is ready to run.
pub struct PreparedCluster {
    pub server: Arc<Server>,
    pub controllers: Controllers,
    pub traffic: Arc<Mutex<Traffic>>,
}

/// Builds the cluster of an environment, its past included.
pub fn prepare(
    environment: &Environment,
    flags: FlagEffects,
    speed: f64,
    seed: u64,
) -> Result<PreparedCluster, SimulatorError> {
    let clock = Clock::new(speed);
    let now = Timestamp::now();
    let ago = |age: SignedDuration| now.checked_sub(age).unwrap_or(now);
    let oldest = environment.history.first().map_or(DEFAULT_AGE, |past| signed(past.age));
    clock.stop_at(ago(oldest + SignedDuration::from_mins(1)));
    let store = Store::new(seed, clock.clone());
    let server = Arc::new(Server::new(store.clone()));
    let images = Images::new(environment.images.clone(), environment.other_images.clone());
    let traffic = Traffic::new(images.clone(), environment.requests_per_second).with_flags(flags);
    let traffic = Arc::new(Mutex::new(traffic));
    let mut controllers = Controllers::new(Arc::clone(&server), images, Arc::clone(&traffic));
    let builder = Builder { environment, store: &store, clock: &clock };
    builder
        .namespaces_and_nodes()
        .and_then(|()| builder.manifests())
        .map_err(|error| SimulatorError::Refused { cluster: environment.name.clone(), why: error.message })?;
    for (index, past) in environment.history.iter().enumerate() {
        let next = environment.history.get(index + 1).map_or(SignedDuration::ZERO, |p| signed(p.age));
        let room = Duration::try_from(signed(past.age) - next).unwrap_or_default();
        clock.stop_at(ago(signed(past.age)));
        builder
            .release(past, &mut controllers, room.min(ROLLOUT_TIMEOUT))
            .map_err(|error| SimulatorError::Refused { cluster: environment.name.clone(), why: error.message })?;
    }
    builder
        .application()
        .map_err(|error| SimulatorError::Refused { cluster: environment.name.clone(), why: error.message })?;
    clock.stop_at(now);
    controllers.work();
    builder.forget_old_events(now);
    clock.run();
    Ok(PreparedCluster { server, controllers, traffic })
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

struct Builder<'a> {
    environment: &'a Environment,
    store: &'a Store,
    clock: &'a Clock,
}

impl Builder<'_> {
    fn namespaces_and_nodes(&self) -> Result<(), ApiError> {
        let author = Author::update("kube-apiserver");
        for name in ["default", "kube-system", &self.environment.namespace] {
            let object = json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}});
            self.store.create(Kind::Namespace, "", object, &author)?;
        }
        for number in 1..=NODE_COUNT {
            let name = format!("node-{number}");
            let node = json!({
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                "spec": {},
            });
            let node = self.store.create(Kind::Node, "", node, &author)?;
            let status = json!({
                "capacity": {"cpu": "32", "memory": "128Gi", "pods": "250"},
                "allocatable": {"cpu": "32", "memory": "128Gi", "pods": "250"},
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            });
            self.store.update(&Key::of(Kind::Node, &node), Part::Status, &author, |old| {
                let mut new = old.clone();
                new["status"] = status;
                Ok(new)
            })?;
        }
        Ok(())
    }

    fn manifests(&self) -> Result<(), ApiError> {
        for manifest in &self.environment.manifests {
            let kind = Kind::by_type(object::text(manifest, "/apiVersion"), object::text(manifest, "/kind"))
                .ok_or_else(|| ApiError::bad_request(format!("there is no such kind: {manifest}")))?;
            let namespace = match object::namespace(manifest) {
                "" => self.environment.namespace.clone(),
                other => other.to_owned(),
            };
            let mut object = manifest.clone();
            scale(&mut object, self.clock);
            self.store.create(kind, &namespace, object, &Author::update("kubectl-client-side-apply"))?;
        }
        Ok(())
    }

    /// Brings up one version and lets it be promoted all the way.
    fn release(&self, past: &Past, controllers: &mut Controllers, room: Duration) -> Result<(), ApiError> {
        let Some(workload) = &self.environment.workload else {
            return Ok(());
        };
        let Some(kind) = Kind::by_type(object::text(workload, "/apiVersion"), object::text(workload, "/kind")) else {
            return Ok(());
        };
        let key = Key::new(kind, &self.environment.namespace, object::name(workload));
        if self.store.get(&key).is_none() {
            let mut first = workload.clone();
            scale(&mut first, self.clock);
            send_out(&mut first, &past.image, past.change_cause.as_deref());
            self.store.create(kind, &key.namespace, first, &Author::update("ci-deploy"))?;
        } else {
            self.store.update(&key, Part::Main, &Author::update("ci-deploy"), |old| {
                let mut new = old.clone();
                send_out(&mut new, &past.image, past.change_cause.as_deref());
                Ok(new)
            })?;
            if kind == Kind::Rollout {
                controllers.work();
                let patch = json!({"status": {"promoteFull": true}});
                self.store.update(&key, Part::Status, &Author::update("kubectl-argo-rollouts"), |old| {
                    let mut new = old.clone();
                    merge::apply(&mut new, &patch);
                    Ok(new)
                })?;
            }
        }
        controllers.settle(room);
        Ok(())
    }

    /// Has Argo CD own the workload, on what it runs now.
    fn application(&self) -> Result<(), ApiError> {
        let (Some(argo_cd), Some(workload)) = (self.environment.argo_cd, &self.environment.workload) else {
            return Ok(());
        };
        let Some(kind) = Kind::by_type(object::text(workload, "/apiVersion"), object::text(workload, "/kind")) else {
            return Ok(());
        };
        let (name, namespace) = (object::name(workload), &self.environment.namespace);
        let author = Author::update("argocd-controller");
        self.store.update(&Key::new(kind, namespace, name), Part::Main, &author, |old| {
            let mut new = old.clone();
            object::annotate(&mut new, TRACKING_ID, &tracking_id(name, kind, namespace, name));
            Ok(new)
        })?;
        let mut policy = json!({});
        match argo_cd {
            ArgoCd::SelfHeal => policy["automated"] = json!({"prune": true, "selfHeal": true}),
            ArgoCd::AutoSync => policy["automated"] = json!({"prune": true}),
            ArgoCd::Manual => {}
        }
        let image = self.environment.history.last().map_or("", |past| past.image.as_str());
        let application = json!({
            "metadata": {"name": name},
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": "https://git.example/config", "path": format!("apps/{name}"), "targetRevision": "main",
                    "kustomize": {"images": [image]},
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": policy,
            },
        });
        let namespace = json!({"metadata": {"name": applications::NAMESPACE}});
        self.store.create(Kind::Namespace, "", namespace, &Author::update("kube-apiserver"))?;
        self.store.create(Kind::Application, applications::NAMESPACE, application, &author).map(drop)
    }

    fn forget_old_events(&self, now: Timestamp) {
        for event in self.store.list(Kind::Event, None).1 {
            let old = object::time(&event, "/lastTimestamp").is_none_or(|at| now.duration_since(at) > EVENT_RETENTION);
            if old {
                // No one else is there to delete it first.
                let _ = self.store.delete(&Key::of(Kind::Event, &event), None);
            }
        }
    }
}

/// Puts an image into the first container of a workload's template.
pub fn send_out(workload: &mut Value, image: &str, change_cause: Option<&str>) {
    let mut containers = items(workload, "/spec/template/spec/containers").to_vec();
    if let Some(first) = containers.first_mut() {
        first["image"] = json!(image);
    }
    object::set(workload, &["spec", "template", "spec", "containers"], json!(containers));
    if let Some(cause) = change_cause {
        object::annotate(workload, CHANGE_CAUSE, cause);
    }
}

/// Divides the durations of a manifest by the clock's speed.
pub fn scale(manifest: &mut Value, clock: &Clock) {
    const SECONDS: &[&str] = &[
        "progressDeadlineSeconds",
        "scaleDownDelaySeconds",
        "abortScaleDownDelaySeconds",
        "autoPromotionSeconds",
        "minReadySeconds",
    ];
    match manifest {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if let (true, Some(seconds)) = (SECONDS.contains(&key.as_str()), value.as_i64()) {
                    *value = json!(clock.scale_seconds(seconds));
                } else if matches!(key.as_str(), "duration" | "interval" | "initialDelay") {
                    scale_duration(value, clock);
                } else {
                    scale(value, clock);
                }
            }
        }
        Value::Array(list) => {
            for inner in list {
                scale(inner, clock);
            }
        }
        _ => {}
    }
}

fn scale_duration(value: &mut Value, clock: &Clock) {
    use super::controllers::rollouts::spec::go_duration;
    let seconds = match &*value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok().or_else(|| go_duration(text).map(|d| d.as_secs() as i64)),
        _ => None,
    };
    let Some(seconds) = seconds else { return };
    let scaled = clock.scale_seconds(seconds);
    if scaled == seconds {
        return;
    }
    *value = if value.is_number() { json!(scaled) } else { json!(format!("{scaled}s")) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_manifests_are_divided() {
        let mut manifest = json!({"spec": {
            "progressDeadlineSeconds": 600,
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {}}, {"pause": {"duration": "2m"}}, {"pause": {"duration": 60}},
            ]}},
        }});
        scale(&mut manifest, &Clock::new(10.0));
        assert_eq!(
            manifest,
            json!({"spec": {
                "progressDeadlineSeconds": 60,
                "strategy": {"canary": {"steps": [
                    {"setWeight": 20}, {"pause": {}}, {"pause": {"duration": "12s"}}, {"pause": {"duration": 6}},
                ]}},
            }})
        );
    }
}
