//! Users: how the requests of an environment are shared among its pods, and what those users feel.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::clock::until;
use super::controllers::replica_set_view::ReplicaSet;
use super::controllers::rollouts::HASH_LABEL;
use super::kubernetes::object;
use super::kubernetes::resources::Kind;
use super::kubernetes::store::Store;
use super::scenario::behaviour::{Images, Onset, Progress, Service};
use super::scenario::flags::Effect;
use super::unleash::Unleash;

/// The requests that reach the pods of one `ReplicaSet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    pub namespace: String,
    /// Hash of their template, `""` for Deployments.
    pub hash: String,
    pub pods: Vec<String>,
    /// Requests per second to each of them.
    pub requests_per_pod: f64,
    pub service: Service,
    /// Where users who get a flag are counted apart.
    pub flagged: Option<FlaggedUsers>,
    pub image: String,
    /// Requests per second that reach none, because no pod is ready.
    pub lost_per_second: f64,
    /// Whether what users feel has changed since its beginning.
    pub changed: bool,
}

#[derive(Debug, Default)]
struct Track {
    first_ready: Option<Timestamp>,
    /// When each change's weight was first reached, by the number of the change.
    reached: HashMap<usize, Timestamp>,
}

/// Users who get a flag and users who do not.
#[derive(Debug, Clone, PartialEq)]
pub struct FlaggedUsers {
    /// The label that tells them apart.
    pub label: String,
    /// The share of those who get it, 0 to 1.
    pub share: f64,
    pub with: Service,
    pub without: Service,
}

/// What users feel: all of them together, and apart where they are counted so.
#[derive(Debug, Clone, PartialEq)]
struct Felt {
    service: Service,
    flagged: Option<FlaggedUsers>,
    /// Whether it has changed since its beginning.
    changed: bool,
}

/// The feature flags of one environment, and what users feel who get them.
#[derive(Debug, Clone)]
pub struct FlagEffects {
    pub unleash: Unleash,
    pub environment: String,
    /// Each with the name of its flag.
    pub effects: Vec<(String, Effect)>,
    /// The flag whose users are counted apart, and the label that tells them apart.
    pub counted: Option<(String, String)>,
}

impl FlagEffects {
    /// Returns what users of an image feel with the flags as they are now.
    fn apply(&self, image: &str, mut service: Service, mut changed: bool) -> Felt {
        let mut flagged: Option<FlaggedUsers> = None;
        for (flag, effect) in self.effects.iter().filter(|(_, effect)| effect.is_of(&self.environment, image)) {
            let share = self.unleash.reach(flag, &self.environment);
            changed |= share > 0.0;
            if let Some((_, label)) = self.counted.as_ref().filter(|(counted, _)| counted == flag) {
                let (label, without) = (label.clone(), service);
                flagged = Some(FlaggedUsers { label, share, with: effect.on(service, 1.0), without });
            } else if let Some(users) = &mut flagged {
                users.with = effect.on(users.with, share);
                users.without = effect.on(users.without, share);
            }
            service = effect.on(service, share);
        }
        Felt { service, flagged, changed }
    }
}

/// The traffic of one environment.
#[derive(Debug)]
pub struct Traffic {
    images: Images,
    requests_per_second: f64,
    flags: Option<FlagEffects>,
    tracks: HashMap<String, Track>,
}

impl Traffic {
    /// Returns the traffic of an environment with so many requests per second to each of its workloads.
    pub fn new(images: Images, requests_per_second: f64) -> Self {
        Self { images, requests_per_second, flags: None, tracks: HashMap::new() }
    }

    /// Lets users feel what flags do.
    #[must_use]
    pub fn with_flags(self, flags: FlagEffects) -> Self {
        Self { flags: Some(flags), ..self }
    }

    /// Looks at the cluster and returns where requests go now.
    pub fn observe(&mut self, store: &Store) -> Vec<Flow> {
        let mut flows = Vec::new();
        for kind in [Kind::Rollout, Kind::Deployment] {
            for workload in store.list(kind, None).1 {
                self.observe_workload(store, &workload, &mut flows);
            }
        }
        flows
    }

    fn observe_workload(&mut self, store: &Store, workload: &Value, flows: &mut Vec<Flow>) {
        let sets: Vec<(ReplicaSet, Vec<String>)> = store
            .owned_of_kind(object::uid(workload), Kind::ReplicaSet)
            .into_iter()
            .map(ReplicaSet::new)
            .map(|set| {
                let pods = store
                    .owned_of_kind(set.uid(), Kind::Pod)
                    .iter()
                    .filter(|pod| super::controllers::is_ready(pod))
                    .map(|pod| object::name(pod).to_owned())
                    .collect();
                (set, pods)
            })
            .collect();
        let ready: usize = sets.iter().map(|(_, pods)| pods.len()).sum();
        for (set, pods) in sets {
            let hash = set.label(HASH_LABEL).to_owned();
            let share = share(workload, &hash).unwrap_or_else(|| pods.len() as f64 / ready.max(1) as f64);
            let requests = self.requests_per_second * share;
            if pods.is_empty() && requests <= 0.0 && set.wanted() == 0 {
                continue;
            }
            let felt = if pods.is_empty() {
                // Whoever had pods and has none any more has changed.
                let changed = self.tracks.contains_key(set.uid());
                Felt { service: Service::default(), flagged: None, changed }
            } else {
                self.service(store, &set, share)
            };
            flows.push(Flow {
                namespace: object::namespace(workload).to_owned(),
                hash,
                requests_per_pod: if pods.is_empty() { 0.0 } else { requests / pods.len() as f64 },
                lost_per_second: if pods.is_empty() { requests } else { 0.0 },
                image: object::text(set.template(), "/spec/containers/0/image").to_owned(),
                pods,
                service: felt.service,
                flagged: felt.flagged,
                changed: felt.changed,
            });
        }
    }

    fn service(&mut self, store: &Store, set: &ReplicaSet, share: f64) -> Felt {
        let now = store.clock().now();
        let clock = store.clock();
        let image = object::text(set.template(), "/spec/containers/0/image");
        let behaviour = self.images.of(image);
        let track = self.tracks.entry(set.uid().to_owned()).or_default();
        let since_ready = *track.first_ready.get_or_insert(now);
        let elapsed = |from: Timestamp| clock.scenario_time(until(from, now));
        let since_weight: Vec<Option<Duration>> = behaviour
            .changes
            .iter()
            .enumerate()
            .map(|(index, change)| {
                let Onset::AtWeight(weight) = change.onset else {
                    return None;
                };
                if share * 100.0 + 1e-9 >= weight {
                    track.reached.entry(index).or_insert(now);
                }
                track.reached.get(&index).map(|at| elapsed(*at))
            })
            .collect();
        let progress = Progress { since_ready: elapsed(since_ready), since_weight };
        let (service, changed) = (behaviour.service_at(&progress), behaviour.has_changed(&progress));
        match &self.flags {
            Some(flags) => flags.apply(image, service, changed),
            None => Felt { service, flagged: None, changed },
        }
    }
}

/// Returns the share of the requests that a router or a service gives to a hash, `None` where they go by pods.
fn share(workload: &Value, hash: &str) -> Option<f64> {
    if let Some(weights) = workload.pointer("/status/canary/weights") {
        let total = object::number(weights, "/canary/weight", 0) + object::number(weights, "/stable/weight", 0);
        let weight: i64 = ["canary", "stable"]
            .iter()
            .filter(|side| object::text(weights, &format!("/{side}/podTemplateHash")) == hash)
            .map(|side| object::number(weights, &format!("/{side}/weight"), 0))
            .sum();
        return Some(weight as f64 / total.max(1) as f64);
    }
    if workload.pointer("/spec/strategy/blueGreen").is_some() {
        let active = object::text(workload, "/status/blueGreen/activeSelector");
        return Some(if active == hash { 1.0 } else { 0.0 });
    }
    None
}
