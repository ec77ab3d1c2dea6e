//! An incident with its looks at the signals, its steps and its flags.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState, ProviderKind};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::{EnvName, Track, WorkloadKey};
use crate::domain::facts::object::{Container, Meta};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::{Sample, Signal, Signals, Tracks};
use crate::domain::facts::step::{PauseFor, Step};
use crate::domain::facts::workload::deployment::{Deployment, DeploymentStatus};
use crate::domain::facts::workload::rollout::{CanaryStrategy, Rollout, RolloutSpec, RolloutStatus, RolloutStrategy};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::rules::code_or_flag::{Advice, advice};
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::FlagSettings;
use crate::domain::world::{EnvSettings, World};

/// Failed and all requests of a second; `None` before there are pods.
type Counted = Option<(u32, u32)>;

/// Seconds between two looks, and what rates are taken over.
pub const LOOK: i64 = 5;
const WINDOW: i64 = 30;
/// How far back looks go, in seconds.
const HISTORY: i64 = 25 * 60;
pub const FLAG: &str = "express-checkout-v2";

/// A time in the seconds of an incident.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// How a version went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A canary, whose last step was then.
    Canary,
    /// A Deployment that is done, whose first pods came then.
    Rolling,
}

/// What happened, in seconds since the first look.
#[derive(Clone, Debug)]
pub struct Incident {
    pub way: Way,
    /// When the last step, or the first pods, came.
    pub code_at: i64,
    pub flags: Vec<(&'static str, FlagEdit, i64)>,
    /// What was done to the flag elsewhere.
    pub elsewhere: Option<i64>,
    /// When users began to feel it, and how long it took to reach all of them.
    pub felt: (i64, i64),
    /// Whether stable's users feel it as well.
    pub both: bool,
    /// Requests per second, and the shares that fail before and after.
    pub traffic: (u32, f64, f64),
    pub now: i64,
    pub seed: u64,
}

pub struct Dice(pub u64);

impl Dice {
    /// Draws from 0 to 1 (xorshift64*).
    pub fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.share() * (to - from + 1) as f64) as i64
    }
}

impl Incident {
    /// Failed requests and all requests of each second.
    fn counted(&self, is_felt: bool, from: i64, dice: &mut Dice) -> Vec<Counted> {
        let (rate, before, after) = self.traffic;
        let one = |second: i64, dice: &mut Dice| {
            let (began, ramp) = self.felt;
            let share = ((second - began) as f64 / ramp.max(1) as f64).clamp(0.0, 1.0);
            let failing = if is_felt { before + (after - before) * share } else { before };
            let requests = (f64::from(rate) * (0.8 + 0.4 * dice.share())) as u32;
            let failed = (0..requests).filter(|_| dice.share() < failing).count() as u32;
            (failed, requests)
        };
        (0..=self.now).map(|second| (second >= from).then(|| one(second, dice))).collect()
    }

    /// The signals as they are read: rates over a window, one look every few seconds.
    pub fn signals(&self) -> Signals {
        let mut dice = Dice(self.seed | 1);
        let tracks: Vec<(Track, Vec<Counted>)> = match self.way {
            Way::Canary => vec![
                (Track::Stable, self.counted(self.both, 0, &mut dice)),
                (Track::Canary, self.counted(true, self.code_at.min(120), &mut dice)),
            ],
            Way::Rolling => vec![(Track::Stable, self.counted(true, self.code_at + 5, &mut dice))],
        };
        let named = Tracks { stable: Some("api-77d0".to_owned()), canary: Some("api-5d6c".to_owned()) };
        let mut signals =
            Signals { interval: Some(SignedDuration::from_secs(LOOK)), tracks: named, ..Signals::default() };
        for look in (WINDOW..=self.now).step_by(LOOK as usize).filter(|look| *look > self.now - HISTORY) {
            let mut readings = BTreeMap::new();
            for (track, counts) in &tracks {
                let seen = counts[(look - WINDOW) as usize..look as usize].iter().flatten();
                let (failed, all) = seen.fold((0, 0), |(failed, all), (f, a)| (failed + f, all + a));
                if all > 0 {
                    readings.insert((*track, Signal::ErrorRatio), Ok(f64::from(failed) / f64::from(all)));
                    readings.insert((*track, Signal::Rps), Ok(f64::from(all) / WINDOW as f64));
                    readings.insert((*track, Signal::P99), Ok(0.2));
                }
            }
            signals.take(&Sample { at: at(look), readings });
        }
        signals
    }

    pub fn snapshot(&self) -> Snapshot {
        let set = |hash: &str, tag: &str, pods: u32, created: i64, revision| ReplicaSet {
            meta: Meta {
                name: format!("api-{hash}"),
                revision: Some(revision),
                created: Some(at(created)),
                ..Meta::default()
            },
            hash: hash.to_owned(),
            template: Some(revision),
            desired: pods,
            current: pods,
            ready: pods,
            available: pods,
            observed: true,
            containers: vec![Container { name: "api".to_owned(), image: format!("registry/api:{tag}") }],
            ..ReplicaSet::default()
        };
        match self.way {
            Way::Canary => Snapshot {
                replicasets: vec![
                    set("5d6c", "1.5.0", 1, self.code_at.min(100), 5),
                    set("77d0", "1.4.2", 4, -400_000, 4),
                ],
                ..Snapshot::of_object(Object::Rollout(Box::new(canary())))
            },
            Way::Rolling => {
                let done = DeploymentStatus {
                    observed_generation: 1,
                    replicas: 5,
                    updated: 5,
                    ready: 5,
                    available: 5,
                    ..DeploymentStatus::default()
                };
                let meta = Meta { name: "api".to_owned(), generation: 1, revision: Some(5), ..Meta::default() };
                let object =
                    Deployment { meta, template: Some(5), replicas: Some(5), status: done, ..Deployment::default() };
                Snapshot {
                    replicasets: vec![set("5d6c", "1.5.0", 5, self.code_at, 5), set("77d0", "1.4.2", 0, -400_000, 4)],
                    ..Snapshot::of_object(Object::Deployment(Box::new(object)))
                }
            }
        }
    }

    pub fn world(&self) -> World {
        let settings = |name: &str| EnvSettings {
            has_metrics: true,
            workloads: vec![self.snapshot().id()],
            flags: vec![FlagSettings {
                provider: "unleash".to_owned(),
                place: format!("https://unleash.example {name}"),
                of_release: vec![FLAG.to_owned()],
                kind: ProviderKind::Unleash,
                shared_with: Vec::new(),
                rollouts: Vec::new(),
            }],
            ..EnvSettings::new(name)
        };
        let mut world = World::new([settings("staging"), settings("prod")]);
        let now = at(self.now);
        let target = WorkloadKey { env: EnvName::new("prod"), workload: self.snapshot().id() };
        world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(self.snapshot())) }, now);
        if self.way == Way::Canary {
            for (number, second) in [self.code_at.min(110), self.code_at].into_iter().enumerate() {
                world.take(Feed::Event { target: target.clone(), event: step(number, second) }, now);
            }
        }
        let elsewhere = self.elsewhere.map(|second| (FLAG, FlagEdit::On, second));
        for (env, turned) in [("staging", elsewhere.as_slice()), ("prod", &self.flags)] {
            let flags = Arc::new(flags(turned));
            let (env, provider, at) = (EnvName::new(env), "unleash".to_owned(), Some(now));
            world.take(Feed::Flags { env, provider, link: Link::Up, at, flags }, now);
        }
        world.take(Feed::History { target, signals: Arc::new(self.signals()) }, now);
        world
    }

    pub fn advice(&self) -> Option<Advice> {
        let world = self.world();
        let env = world.environment(&EnvName::new("prod"))?;
        advice(env, env.workloads.first()?, at(self.now))
    }
}

fn canary() -> Rollout {
    Rollout {
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
            observed_generation: "2".to_owned(),
            step_index: Some(1),
            current_hash: "5d6c".to_owned(),
            stable_hash: "77d0".to_owned(),
            replicas: 5,
            updated: 1,
            ready: 5,
            available: 5,
            ..RolloutStatus::default()
        },
    }
}

fn step(number: usize, second: i64) -> KubeEvent {
    KubeEvent {
        uid: format!("step-{number}"),
        at: at(second),
        warning: false,
        reason: "TrafficWeightUpdated".to_owned(),
        message: "Traffic weight updated".to_owned(),
        kind: "Rollout".to_owned(),
        name: "api".to_owned(),
        count: 1,
    }
}

/// Flags with what was done to each, in order of time.
pub fn flags(turned: &[(&'static str, FlagEdit, i64)]) -> Vec<Flag> {
    let mut names = vec![FLAG, "split-tender"];
    names.extend(turned.iter().map(|(name, ..)| *name).filter(|name| *name != FLAG && *name != "split-tender"));
    let flag = |name: &str| {
        let mut changes: Vec<FlagChange> = turned
            .iter()
            .filter(|(other, ..)| *other == name)
            .map(|(_, what, second)| FlagChange { by: "ada".to_owned(), at: at(*second), what: *what })
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.at));
        let is_on = changes.first().is_some_and(|change| change.what == FlagEdit::On);
        Flag { changes, ..Flag::of_name(name, if is_on { FlagState::On } else { FlagState::Off }) }
    };
    names.into_iter().map(flag).collect()
}
