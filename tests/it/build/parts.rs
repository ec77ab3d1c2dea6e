//! Building blocks: environments, workloads, signals and journals with few words.

use analysis::{Enough, Rules};
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use release_cockpit::app::Model;
use release_cockpit::app::model::Look;
use release_cockpit::core::{Autopilot, Core};
use release_cockpit::domain::facts::access::Access;
use release_cockpit::domain::facts::event::KubeEvent;
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::{EnvName, Track, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::object::{Container, Meta};
use release_cockpit::domain::facts::pod::Pod;
use release_cockpit::domain::facts::replicaset::ReplicaSet;
use release_cockpit::domain::facts::signals::{NoData, Sample, Signal};
use release_cockpit::domain::facts::step::{PauseFor, Step};
use release_cockpit::domain::facts::workload::rollout::{
    CanaryStrategy, PauseCondition, Rollout, RolloutSpec, RolloutStatus, RolloutStrategy, RouterWeight, RouterWeights,
};
use release_cockpit::domain::facts::workload::router::Router;
use release_cockpit::domain::facts::workload::{Object, Snapshot};
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::{EnvSettings, World};
use release_cockpit::keys::Keymap;

/// The moment at which every fixture is looked at.
pub fn now() -> Timestamp {
    "2026-11-21T14:32:07Z".parse().unwrap()
}

/// A time of that day.
pub fn at(clock: &str) -> Timestamp {
    format!("2026-11-21T{clock}Z").parse().unwrap()
}

pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub fn api() -> WorkloadId {
    WorkloadId::new(WorkloadKind::Rollout, "payments-api")
}

pub fn target(env: &str) -> WorkloadKey {
    WorkloadKey { env: EnvName::new(env), workload: api() }
}

pub fn settings(name: &str, protected: bool) -> EnvSettings {
    EnvSettings {
        context: format!("eks-{name}"),
        namespace: "payments".to_owned(),
        protected,
        has_metrics: true,
        // Nothing is counted here.
        rules: Rules { enough: Enough::Off, ..Rules::default() },
        workloads: vec![api()],
        ..EnvSettings::new(name)
    }
}

/// A model that looks at these environments; nothing is known of them yet.
pub fn model(settings: impl IntoIterator<Item = EnvSettings>, env: &str) -> Model {
    let mut core = Core::new(World::new(settings), "alice".to_owned(), now());
    core.journal.unread = false;
    core.autopilot = Autopilot::enabled();
    for env in core.world.environments.iter().map(|env| env.name().clone()).collect::<Vec<_>>() {
        core.world.take(Feed::Record { env, known: Ok(()) }, now());
    }
    let look = Look { ascii: false, mouse: false };
    let mut model = Model::new(core, Keymap::default(), look, TimeZone::UTC);
    model.ui.env = EnvName::new(env);
    model
}

/// Weights that a router confirmed: so much to the canary.
pub fn weights(canary: u32) -> RouterWeights {
    let weight = |hash: &str, weight| RouterWeight { hash: hash.to_owned(), weight };
    RouterWeights {
        canary: weight("7d9b4c5f6", canary),
        stable: weight("6c9f78d5b", 100 - canary),
        additional: Vec::new(),
        verified: Some(true),
    }
}

/// Says that both sources of an environment answer, and that everything is allowed.
pub fn connect(model: &mut Model, env: &str) {
    let age = SignedDuration::from_millis(440);
    for source in [SourceKind::Kubernetes, SourceKind::Prometheus] {
        model.core.world.take(link(env, source, Link::Up, Some(now() - age)), now());
    }
    let access = Access { user: Some("alice".to_owned()), ..Access::default() };
    model.core.world.take(Feed::Access { env: EnvName::new(env), access }, now());
}

pub fn link(env: &str, source: SourceKind, link: Link, at: Option<Timestamp>) -> Feed {
    Feed::Link { env: EnvName::new(env), source, link, at }
}

/// The steps of the sketches.
pub fn steps() -> Vec<Step> {
    let pause = |minutes| Step::Pause(PauseFor::Time(SignedDuration::from_mins(minutes)));
    vec![
        Step::SetWeight(10),
        pause(5),
        Step::SetWeight(40),
        Step::Analysis(vec!["success-rate".to_owned()]),
        Step::Pause(PauseFor::Person),
        Step::SetWeight(60),
        pause(10),
        Step::SetWeight(80),
        pause(5),
    ]
}

/// A ReplicaSet with pods, all ready.
pub fn revision(number: u64, hash: &str, version: &str, digest: &str, pods: u32, age: i64) -> (ReplicaSet, Vec<Pod>) {
    let image = format!("registry.example.com/payments-api:{version}");
    let rs = ReplicaSet {
        meta: Meta {
            name: format!("payments-api-{hash}"),
            namespace: "payments".to_owned(),
            uid: format!("uid-{hash}"),
            resource_version: "81200".to_owned(),
            created: Some(ago(age)),
            revision: Some(number),
            change_cause: Some(format!("release {version}")),
            ..Meta::default()
        },
        hash: hash.to_owned(),
        desired: pods,
        current: pods,
        ready: pods,
        available: pods,
        observed: true,
        containers: vec![Container { name: "api".to_owned(), image }],
        init_containers: Vec::new(),
        template: Some(number),
        failure: None,
        scale_down_at: None,
        experiment: None,
    };
    let pod = |index: u32| Pod {
        name: format!("payments-api-{hash}-{:05x}", index * 7919 + 4129),
        hash: hash.to_owned(),
        reason: "Running".to_owned(),
        ready: 1,
        total: 1,
        created: Some(ago(age - i64::from(index) * 3)),
        digests: [("api".to_owned(), format!("sha256:{digest}0123456789abcdef"))].into(),
        ..Pod::default()
    };
    (rs, (0..pods).map(pod).collect())
}

/// A canary rollout at a step, with its revisions (newest first).
pub fn rollout(step: Option<usize>, status: RolloutStatus, revisions: Vec<(ReplicaSet, Vec<Pod>)>) -> Snapshot {
    let current = revisions.first().map(|(rs, _)| rs.hash.clone()).unwrap_or_default();
    let sum = |of: fn(&ReplicaSet) -> u32| revisions.iter().map(|(rs, _)| of(rs)).sum::<u32>();
    let wanted = revisions.iter().map(|(rs, _)| rs.desired).max().unwrap_or(0);
    let object = Rollout {
        meta: Meta {
            name: "payments-api".to_owned(),
            namespace: "payments".to_owned(),
            uid: "uid-rollout".to_owned(),
            resource_version: "81233".to_owned(),
            generation: 3,
            revision: revisions.first().map(|(rs, _)| rs.revision()),
            ..Meta::default()
        },
        spec: RolloutSpec {
            replicas: Some(wanted),
            strategy: RolloutStrategy::Canary(CanaryStrategy {
                steps: steps(),
                router: Some(Router::default()),
                max_weight: 100,
                injects_metadata: false,
                ..CanaryStrategy::default()
            }),
            containers: revisions.first().map(|(rs, _)| rs.containers.clone()).unwrap_or_default(),
            ..RolloutSpec::default()
        },
        status: RolloutStatus {
            observed_generation: "3".to_owned(),
            step_index: step,
            current_hash: current,
            replicas: sum(|rs| rs.current),
            updated: revisions.first().map_or(0, |(rs, _)| rs.current),
            ready: sum(|rs| rs.ready),
            available: sum(|rs| rs.available),
            ..status
        },
    };
    let mut replicasets = Vec::new();
    let mut pods = Vec::new();
    for (rs, own) in revisions {
        replicasets.push(rs);
        pods.extend(own);
    }
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot {
        object: Object::Rollout(Box::new(object)),
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets,
        pods,
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    }
}

/// The status of a rollout paused at a step.
pub fn paused(reason: &str, since: Timestamp, stable: &str, weight: u32) -> RolloutStatus {
    RolloutStatus {
        phase: "Paused".to_owned(),
        message: reason.to_owned(),
        pause_conditions: vec![PauseCondition { reason: reason.to_owned(), start: Some(since) }],
        controller_pause: true,
        stable_hash: stable.to_owned(),
        weights: Some(weights(weight)),
        ..RolloutStatus::default()
    }
}

pub fn healthy(stable: &str) -> RolloutStatus {
    RolloutStatus { phase: "Healthy".to_owned(), stable_hash: stable.to_owned(), ..RolloutStatus::default() }
}

pub fn tell(model: &mut Model, env: &str, snapshot: Snapshot, since: Timestamp) {
    tell_of(model, &WorkloadKey { env: EnvName::new(env), workload: snapshot.id() }, snapshot, since);
}

pub fn tell_of(model: &mut Model, target: &WorkloadKey, snapshot: Snapshot, since: Timestamp) {
    model.core.world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, since);
}

/// How the figures of a track go over the last hour: one sample every 15 s.
#[derive(Clone, Copy)]
pub struct Figures {
    pub rps: f64,
    pub errors: f64,
    pub p99: f64,
}

/// A little unrest, the same each time.
fn wobble(step: i64, seed: i64) -> f64 {
    let mixed = (step * 2_654_435_761 + seed * 97).rem_euclid(1000);
    mixed as f64 / 500.0 - 1.0
}

/// Tells an hour of signals; the canary begins `canary_for` seconds ago, and `shape` bends its errors over its life.
pub fn signals(
    model: &mut Model,
    target: &WorkloadKey,
    stable: Figures,
    canary: Option<(Figures, i64)>,
    shape: impl Fn(f64) -> f64,
    gap: Option<(i64, i64)>,
) {
    for step in (0..240).rev() {
        let seconds = step * 15;
        let when = ago(seconds);
        let silent = gap.is_some_and(|(from, to)| seconds <= from && seconds > to);
        let mut readings = BTreeMap::new();
        let mut put = |track, figures: Figures, seed: i64| {
            let unrest = |part: f64, seed: i64| 1.0 + if step == 0 { 0.0 } else { part * wobble(step, seed) };
            for (signal, value) in [
                (Signal::Rps, figures.rps * unrest(0.05, seed)),
                (Signal::ErrorRatio, figures.errors * unrest(0.15, seed + 1)),
                (Signal::P99, figures.p99 * unrest(0.06, seed + 2)),
                (Signal::P95, figures.p99 * 0.6 * unrest(0.05, seed + 3)),
                (Signal::P50, figures.p99 * 0.2 * unrest(0.04, seed + 4)),
                (Signal::Saturation, 0.31 * unrest(0.08, seed + 5)),
            ] {
                let reading = if silent { Err(NoData::Failed("connection refused".to_owned())) } else { Ok(value) };
                readings.insert((track, signal), reading);
            }
        };
        put(Track::Stable, stable, 3);
        match canary {
            Some((figures, since)) if seconds <= since => {
                let life = 1.0 - seconds as f64 / since.max(1) as f64;
                put(Track::Canary, Figures { errors: figures.errors * shape(life), ..figures }, 11);
            }
            _ => {
                for signal in Signal::ALL {
                    readings.insert((Track::Canary, signal), Err(NoData::NoTrack));
                }
            }
        }
        let sample = Sample { at: when, readings };
        model.core.world.take(Feed::Sample { target: target.clone(), sample: Arc::new(sample) }, now());
    }
    for env in &mut model.core.world.environments {
        for workload in &mut env.workloads {
            workload.signals.interval = Some(SignedDuration::from_secs(15));
        }
    }
}

pub fn event(model: &mut Model, env: &str, clock: &str, warning: bool, reason: &str, message: &str) {
    let event = KubeEvent {
        uid: format!("{env}-{clock}-{reason}"),
        at: at(clock),
        warning,
        reason: reason.to_owned(),
        message: message.to_owned(),
        kind: "Rollout".to_owned(),
        name: "payments-api".to_owned(),
        count: 1,
    };
    model.core.world.take(Feed::Event { target: target(env), event }, now());
}

pub fn write(model: &mut Model, clock: &str, entry: Entry) {
    let mut line = Line::after(model.core.journal.lines.back(), at(clock), entry);
    // What a hash is over may change; the screens stay the same.
    line.hash = format!("{:016x}", line.n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4);
    model.core.journal.lines.push_back(line);
}
