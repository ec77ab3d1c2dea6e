//! The state: what the cockpit knows against what the upstream tools say of the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use release_cockpit::domain::facts::ids::WorkloadKind;
use release_cockpit::domain::facts::object::short_digest;
use release_cockpit::domain::facts::replicaset::ReplicaSetHealth;
use release_cockpit::domain::facts::workload::deployment::Deployment;
use release_cockpit::domain::facts::workload::rollout::Rollout;
use release_cockpit::domain::facts::workload::{Object, Phase, Snapshot};
use support::check::WAIT_TIMEOUT;
use support::cluster::Versions;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use crate::contract::cockpit::{Cockpit, View};
use crate::contract::oracle::{self, PodRow, RolloutText};

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.0.push(format!("{what}: we say {ours:?}, they say {theirs:?}"));
        }
    }
}

impl Cockpit {
    /// Waits for a moment at which nothing moves, and compares everything that is known with what the tools say.
    /// Without the tools there is nothing to compare with.
    pub async fn picture(&mut self, namespace: &TestNamespace) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut last = "it never stood still".to_owned();
        while Instant::now() < deadline {
            let before = self.versions(namespace).await?;
            let Some(said) = Said::ask(namespace, self).await? else { return Ok(()) };
            let after = self.versions(namespace).await?;
            if before != after {
                continue;
            }
            // The watch may be a moment behind the direct look; it must catch up, or the object must move on.
            match self.catch_up(namespace, &before).await? {
                CaughtUp::Moved => {}
                CaughtUp::Yes => {
                    let view = self.seen()?;
                    let differences = said.differences(&view);
                    if differences.is_empty() {
                        return Ok(());
                    }
                    last = differences.join("\n    ");
                    if !said.only_pods_differ(&view) {
                        return Err(format!("at resourceVersion {}:\n    {last}", before.object).into());
                    }
                }
            }
        }
        Err(format!("the picture never agreed: {last}").into())
    }

    async fn versions(&self, namespace: &TestNamespace) -> Checked<Versions> {
        let workload = &self.target.workload;
        namespace.versions(workload.kind.kind(), &workload.name).await
    }

    async fn catch_up(&mut self, namespace: &TestNamespace, wanted: &Versions) -> Checked<CaughtUp> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.absorb();
            if self.view().is_some_and(|view| is_at(view.snapshot, wanted)) {
                return Ok(CaughtUp::Yes);
            }
            if self.versions(namespace).await? != *wanted {
                return Ok(CaughtUp::Moved);
            }
            if Instant::now() >= deadline {
                let seen = self.view().map(|view| view.snapshot.object.meta().resource_version.clone());
                return Err(format!("the watch stays behind: at {seen:?}, the server at {wanted:?}").into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

enum CaughtUp {
    Yes,
    Moved,
}

/// Whether a snapshot shows these versions. Pods carry none: their names must agree.
fn is_at(snapshot: &Snapshot, wanted: &Versions) -> bool {
    let replicasets: BTreeMap<_, _> =
        snapshot.replicasets.iter().map(|rs| (rs.meta.name.clone(), rs.meta.resource_version.clone())).collect();
    let of_us = |name: &String| replicasets.keys().any(|rs| name.starts_with(&format!("{rs}-")));
    let pods: BTreeSet<_> = snapshot.pods.iter().map(|pod| pod.name.clone()).collect();
    snapshot.object.meta().resource_version == wanted.object
        // With `workloadRef` the Deployment has ReplicaSets of its own under the same label.
        && replicasets.iter().all(|(name, version)| wanted.replicasets.get(name) == Some(version))
        && pods == wanted.pods.keys().filter(|name| of_us(name)).cloned().collect()
}

struct Said {
    rollout: Option<RolloutText>,
    deployment: Option<String>,
    pods: BTreeMap<String, PodRow>,
}

impl Said {
    async fn ask(namespace: &TestNamespace, cockpit: &Cockpit) -> Checked<Option<Self>> {
        let workload = &cockpit.target.workload;
        let Some(pods) = oracle::pods(namespace, &workload.name).await? else { return Ok(None) };
        let (rollout, deployment) = match workload.kind {
            WorkloadKind::Rollout => (oracle::rollout(namespace, &workload.name).await?, None),
            WorkloadKind::Deployment => (None, oracle::deployment(namespace, &workload.name).await?),
        };
        if rollout.is_none() && deployment.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { rollout, deployment, pods }))
    }

    fn differences(&self, view: &View<'_>) -> Vec<String> {
        let mut found = self.differences_of_object(view);
        found.extend(self.differences_of_pods(view));
        found
    }

    /// Pods carry no version in what is kept of them: only they may lag, and only for a moment.
    fn only_pods_differ(&self, view: &View<'_>) -> bool {
        self.differences_of_object(view).is_empty()
    }

    fn differences_of_object(&self, view: &View<'_>) -> Vec<String> {
        let mut found = Differences::default();
        if let Some(text) = &self.rollout {
            rollout(&mut found, view, &view.rollout(), text);
        }
        if let (Some(text), Object::Deployment(deployment)) = (&self.deployment, &view.snapshot.object) {
            self::deployment(&mut found, view, deployment, text);
        }
        found.0
    }

    fn differences_of_pods(&self, view: &View<'_>) -> Vec<String> {
        let mut found = Differences::default();
        for pod in &view.snapshot.pods {
            let ours = (format!("{}/{}", pod.ready, pod.total), pod.reason.clone(), pod.restarts.to_string());
            found.compare(&format!("pod {}", pod.name), &Some(&ours), &self.pods.get(&pod.name));
            let Some(text) = &self.rollout else { continue };
            let mut info = BTreeSet::from([format!("ready:{}/{}", pod.ready, pod.total)]);
            if pod.restarts > 0 {
                info.insert(format!("restarts:{}", pod.restarts));
            }
            let leaf = text.tree.get(&pod.name);
            found.compare(
                &format!("pod {} in the tree", pod.name),
                &Some((pod.reason.as_str(), &info)),
                &leaf.map(|leaf| (leaf.status.as_str(), &leaf.info)),
            );
        }
        found.0
    }
}

fn rollout(found: &mut Differences, view: &View<'_>, rollout: &Rollout, text: &RolloutText) {
    let status = view.status;
    let field = |name: &str| text.fields.get(name).cloned().unwrap_or_default();
    found.compare("Status", &status.phase.as_str().to_owned(), &field("Status"));
    found.compare("Message", &status.message, &field("Message"));
    found.compare("Strategy", &status.strategy.as_str().to_owned(), &field("Strategy"));
    let step = status.step.map_or_else(String::new, |step| format!("{}/{}", step.index, step.total));
    found.compare("Step", &step, &field("Step"));
    let weight = |part: fn(release_cockpit::domain::facts::workload::Weight) -> u32| {
        status.weight.map_or_else(String::new, |weight| part(weight).to_string())
    };
    found.compare("SetWeight", &weight(|weight| weight.set), &field("SetWeight"));
    found.compare("ActualWeight", &weight(|weight| weight.actual), &field("ActualWeight"));
    let replicas = status.replicas;
    for (name, ours) in [
        ("Desired", replicas.desired),
        ("Current", replicas.current),
        ("Updated", replicas.updated),
        ("Ready", replicas.ready),
        ("Available", replicas.available),
    ] {
        found.compare(name, &ours.to_string(), &field(name));
    }
    let mut images: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rs in view.snapshot.replicasets.iter().filter(|rs| rs.current > 0) {
        let roles = view.snapshot.roles(&rs.hash).into_iter().map(|role| role.as_str().to_owned());
        for container in &rs.containers {
            images.entry(container.image.clone()).or_default().extend(roles.clone());
        }
    }
    found.compare("Images", &images, &text.images);
    replicasets(found, view, text);
    let mut stripped = rollout.clone();
    stripped.status.phase.clear();
    stripped.status.message.clear();
    // A pause that the controller overlooked leaves the message of before.
    if rollout.spec.paused == (rollout.status.message == "manually paused") {
        found.compare("phase computed without the controller's", &stripped.phase(), &rollout.phase());
    }
}

fn replicasets(found: &mut Differences, view: &View<'_>, text: &RolloutText) {
    let theirs: BTreeSet<_> =
        text.tree.iter().filter(|(_, leaf)| leaf.kind == "ReplicaSet").map(|(name, _)| name).collect();
    found.compare("ReplicaSets", &view.snapshot.replicasets.iter().map(|rs| &rs.meta.name).collect(), &theirs);
    for rs in &view.snapshot.replicasets {
        let Some(leaf) = text.tree.get(&rs.meta.name) else { continue };
        let health = match rs.health() {
            ReplicaSetHealth::Healthy => "Healthy",
            ReplicaSetHealth::Progressing => "Progressing",
            ReplicaSetHealth::ScaledDown => "ScaledDown",
            ReplicaSetHealth::Failure => "ReplicaFailure",
        };
        let what = |part: &str| format!("{part} of ReplicaSet {}", rs.meta.name);
        found.compare(&what("status"), &health, &leaf.status.as_str());
        found.compare(&what("revision"), &rs.revision(), &leaf.revision);
        let roles: BTreeSet<_> =
            view.snapshot.roles(&rs.hash).into_iter().map(|role| role.as_str().to_owned()).collect();
        // `delay:3s` counts down beside the roles.
        let theirs = leaf.info.iter().filter(|info| !info.starts_with("delay:")).cloned().collect();
        found.compare(&what("roles"), &roles, &theirs);
    }
    let runs: BTreeMap<_, _> = view.snapshot.runs.iter().map(|run| (run.name.as_str(), run.phase.as_str())).collect();
    let theirs = text.tree.iter().filter(|(_, leaf)| leaf.kind == "AnalysisRun");
    found.compare("AnalysisRuns", &runs, &theirs.map(|(name, leaf)| (name.as_str(), leaf.status.as_str())).collect());
}

/// kubectl does not notice that a Deployment is paused: the cockpit does, and keeps kubectl's words behind its own.
fn deployment(found: &mut Differences, view: &View<'_>, deployment: &Deployment, text: &str) {
    let status = view.status;
    let ours = if status.phase == Phase::Paused {
        match status.message.strip_prefix("manually paused: ") {
            Some(message) => format!("{message}..."),
            None => "successfully rolled out".to_owned(),
        }
    } else {
        status.message.clone()
    };
    found.compare("rollout status", &ours.as_str(), &text);
    found.compare("paused", &(status.phase == Phase::Paused), &deployment.paused);
    for pod in view.snapshot.pods.iter().filter(|pod| pod.is_ready()) {
        found.compare("digests", &pod.digests.values().map(|digest| short_digest(digest).len()).collect(), &vec![8]);
    }
}
