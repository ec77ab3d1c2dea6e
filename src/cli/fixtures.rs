//! Worlds for the tests of this room.

use analysis::{Enough, Rules};
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, Track, WorkloadKey};
use crate::domain::facts::object::{Container, Meta};
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::{NoData, Sample, Signal, Signals};
use crate::domain::facts::step::{PauseFor, Step};
use crate::domain::facts::workload::deployment::{Deployment, DeploymentStatus};
use crate::domain::facts::workload::rollout::{
    CanaryStrategy, PauseCondition, Rollout, RolloutSpec, RolloutStatus, RolloutStrategy,
};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, World};

/// The moment that the tests look at the world.
pub(crate) fn now() -> Timestamp {
    "2026-06-01T14:30:00Z".parse().unwrap()
}

pub(crate) fn settings(name: &str, workloads: &[&str]) -> EnvSettings {
    EnvSettings {
        context: format!("ctx-{name}"),
        namespace: "payments".to_owned(),
        protected: name.starts_with("prod"),
        has_metrics: true,
        // Nothing is counted here.
        rules: Rules { enough: Enough::Off, ..Rules::default() },
        workloads: workloads.iter().map(|id| id.parse().unwrap()).collect(),
        ..EnvSettings::new(name)
    }
}

/// A world of which nothing is known yet.
pub(crate) fn world(envs: &[(&str, &[&str])]) -> World {
    World::new(envs.iter().map(|(name, workloads)| settings(name, workloads)))
}

pub(crate) fn target(env: &str, id: &str) -> WorkloadKey {
    WorkloadKey { env: EnvName::new(env), workload: id.parse().unwrap() }
}

fn replicaset(revision: u64, hash: &str, tag: &str, pods: u32) -> ReplicaSet {
    ReplicaSet {
        meta: Meta { name: format!("api-{hash}"), revision: Some(revision), ..Meta::default() },
        hash: hash.to_owned(),
        desired: pods,
        current: pods,
        ready: pods,
        available: pods,
        observed: true,
        containers: vec![Container { name: "api".to_owned(), image: format!("registry/api:{tag}") }],
        ..ReplicaSet::default()
    }
}

/// A canary at 20 %, in a pause that waits for a person.
pub(crate) fn canary() -> Snapshot {
    let rollout = Rollout {
        meta: Meta { name: "api".to_owned(), uid: "u1".to_owned(), generation: 2, ..Meta::default() },
        spec: RolloutSpec {
            replicas: Some(5),
            strategy: RolloutStrategy::Canary(CanaryStrategy {
                steps: vec![Step::SetWeight(20), Step::Pause(PauseFor::Person), Step::SetWeight(60)],
                max_weight: 100,
                injects_metadata: false,
                ..CanaryStrategy::default()
            }),
            ..RolloutSpec::default()
        },
        status: RolloutStatus {
            phase: "Paused".to_owned(),
            message: "CanaryPauseStep".to_owned(),
            observed_generation: "2".to_owned(),
            pause_conditions: vec![PauseCondition { reason: "CanaryPauseStep".to_owned(), start: Some(now()) }],
            controller_pause: true,
            step_index: Some(1),
            current_hash: "5d6c".to_owned(),
            stable_hash: "77d0".to_owned(),
            replicas: 5,
            updated: 1,
            ready: 5,
            available: 5,
            ..RolloutStatus::default()
        },
    };
    let pod = Pod {
        name: "api-5d6c-x".to_owned(),
        hash: "5d6c".to_owned(),
        reason: "Running".to_owned(),
        ready: 1,
        total: 1,
        digests: [("api".to_owned(), "sha256:9f2c41ab00".to_owned())].into(),
        ..Pod::default()
    };
    Snapshot {
        object: Object::Rollout(Box::new(rollout)),
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets: vec![replicaset(5, "5d6c", "1.5.0", 1), replicaset(4, "77d0", "1.4.2", 4)],
        pods: vec![pod],
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    }
}

/// A Deployment that is out and well; its ReplicaSet carries no revision.
pub(crate) fn worker() -> Snapshot {
    let mut only = replicaset(1, "1a2b", "2.0.0", 3);
    only.meta.revision = None;
    let deployment = Deployment {
        meta: Meta { name: "worker".to_owned(), generation: 1, ..Meta::default() },
        replicas: Some(3),
        status: DeploymentStatus {
            observed_generation: 1,
            replicas: 3,
            updated: 3,
            ready: 3,
            available: 3,
            ..DeploymentStatus::default()
        },
        ..Deployment::default()
    };
    Snapshot {
        object: Object::Deployment(Box::new(deployment)),
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets: vec![only],
        pods: Vec::new(),
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    }
}

/// Feeds a world with a snapshot.
pub(crate) fn show(world: &mut World, env: &str, snapshot: Snapshot) {
    let target = WorkloadKey { env: EnvName::new(env), workload: snapshot.id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
}

/// Feeds a world with what its links say.
pub(crate) fn link(world: &mut World, env: &str, source: SourceKind, link: Link, ago: SignedDuration) {
    let at = link.is_up().then(|| now() - ago);
    world.take(Feed::Link { env: EnvName::new(env), source, link, at }, now());
}

/// Feeds a world with signals; the canary's error ratio is given, that of stable is 0.1 %.
pub(crate) fn measure(world: &mut World, target: &WorkloadKey, errors: f64) {
    let mut readings = BTreeMap::new();
    for (track, errors) in [(Track::Stable, 0.001), (Track::Canary, errors)] {
        readings.insert((track, Signal::Rps), Ok(20.0));
        readings.insert((track, Signal::ErrorRatio), Ok(errors));
        readings.insert((track, Signal::P99), Ok(0.19));
        readings.insert((track, Signal::P95), Ok(0.12));
        readings.insert((track, Signal::P50), Err(NoData::Empty));
    }
    let mut signals = Signals { interval: Some(SignedDuration::from_secs(10)), ..Signals::default() };
    signals.take(&Sample { at: now(), readings });
    world.take(Feed::History { target: target.clone(), signals: Arc::new(signals) }, now());
}

/// Staging with a Deployment and no metrics, production in mid-canary, and a place that cannot be reached.
pub(crate) fn release_in_progress() -> World {
    let mut staging = settings("staging", &["deployment/worker"]);
    staging.has_metrics = false;
    let mut world = World::new([staging, settings("prod-eu", &["rollout/api"]), settings("prod-us", &["rollout/api"])]);
    show(&mut world, "staging", worker());
    show(&mut world, "prod-eu", canary());
    measure(&mut world, &target("prod-eu", "rollout/api"), 0.004);
    link(&mut world, "staging", SourceKind::Kubernetes, Link::Up, SignedDuration::from_millis(400));
    link(&mut world, "prod-eu", SourceKind::Kubernetes, Link::Up, SignedDuration::from_millis(1200));
    link(&mut world, "prod-eu", SourceKind::Prometheus, Link::Up, SignedDuration::from_secs(3));
    link(
        &mut world,
        "prod-us",
        SourceKind::Kubernetes,
        Link::Down("connection refused: is the VPN up?\u{1b}[2J".to_owned()),
        SignedDuration::ZERO,
    );
    world
}
