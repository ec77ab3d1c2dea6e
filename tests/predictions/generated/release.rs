//! Releases as they may come: a strategy, and what happens to it.

use proptest::prelude::*;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::manifests::{blue_green, canary, deployment, template, traffic_routed};

/// What happens, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Somebody puts a version into the manifest; pods of one that is not well never get ready.
    Deploy {
        version: u8,
        is_well: bool,
    },
    Wait {
        seconds: u16,
    },
    /// An operator of the product.
    Ours(Verb),
    /// The same, back to the revision with this number.
    BackTo {
        revision: u64,
    },
    /// Somebody with kubectl and its plugin.
    Theirs(Plugin),
}

/// What is done by `kubectl argo rollouts`.
#[derive(Clone, Copy, Debug)]
pub enum Plugin {
    Promote,
    Abort,
    Pause,
    Resume,
}

impl Event {
    fn any() -> impl Strategy<Value = Self> {
        let verb = prop::sample::select(super::super::VERBS.to_vec());
        let plugin = prop::sample::select(vec![Plugin::Promote, Plugin::Abort, Plugin::Pause, Plugin::Resume]);
        prop_oneof![
            3 => (1_u8..4, prop::bool::weighted(0.8)).prop_map(|(version, is_well)| Self::Deploy { version, is_well }),
            3 => (1_u16..400).prop_map(|seconds| Self::Wait { seconds }),
            5 => verb.prop_map(Self::Ours),
            1 => (1_u64..6).prop_map(|revision| Self::BackTo { revision }),
            1 => plugin.prop_map(Self::Theirs),
        ]
    }
}

/// A release: what there is at first, and what happens.
#[derive(Clone, Debug)]
pub struct Release {
    pub objects: Vec<Value>,
    pub events: Vec<Event>,
}

impl Release {
    pub fn any() -> impl Strategy<Value = Self> {
        let objects = prop_oneof![3 => by_pods(), 3 => by_router(), 2 => switched(), 2 => replaced()];
        let events = prop::collection::vec(Event::any(), 1..8);
        // Something goes out first.
        (objects, events).prop_map(|(objects, mut events)| {
            events.insert(0, Event::Deploy { version: 2, is_well: true });
            Self { objects, events }
        })
    }
}

pub fn manifest(version: u8, is_well: bool) -> Value {
    let ill = if is_well { "" } else { "-unready" };
    template("api", &format!("1.{version}.0{ill}"), None)
}

fn weight() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![5, 10, 20, 25, 40, 50, 60, 75, 80, 100]).prop_map(|weight| json!({"setWeight": weight}))
}

fn pause() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(json!({"pause": {}})),
        2 => (10_u32..200).prop_map(|seconds| json!({"pause": {"duration": seconds}})),
        1 => Just(json!({"pause": {"duration": "2m"}})),
    ]
}

fn scale() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1_u32..5).prop_map(|replicas| json!({"setCanaryScale": {"replicas": replicas}})),
        prop::sample::select(vec![25, 50, 100]).prop_map(|weight| json!({"setCanaryScale": {"weight": weight}})),
        Just(json!({"setCanaryScale": {"matchTrafficWeight": true}})),
    ]
}

fn with(mut rollout: Value, strategy: &str, more: [(&str, Option<Value>); 4]) -> Value {
    rollout["spec"]["progressDeadlineSeconds"] = json!(120);
    rollout["spec"]["template"] = manifest(1, true);
    for (key, value) in more {
        if let Some(value) = value {
            rollout["spec"]["strategy"][strategy][key] = value;
        }
    }
    rollout
}

fn within(rollout: &mut Value, window: Option<u32>) {
    if let Some(revisions) = window {
        rollout["spec"]["rollbackWindow"] = json!({"revisions": revisions});
    }
}

fn by_pods() -> impl Strategy<Value = Vec<Value>> {
    let steps = prop::collection::vec(prop_oneof![weight(), pause()], 0..6);
    let limits = prop::sample::select(vec![
        (json!(1), json!(0)),
        (json!("25%"), json!("25%")),
        (json!(0), json!(1)),
        (json!(0), json!("100%")),
        (json!("100%"), json!(0)),
    ]);
    let window = prop::option::weighted(0.2, 1_u32..4);
    (1_u32..7, steps, limits, window).prop_map(|(replicas, steps, (surge, unavailable), window)| {
        let limits = [("maxSurge", Some(surge)), ("maxUnavailable", Some(unavailable)), ("-", None), ("-", None)];
        let mut rollout = with(canary("api", replicas, &steps), "canary", limits);
        within(&mut rollout, window);
        vec![rollout]
    })
}

fn by_router() -> impl Strategy<Value = Vec<Value>> {
    let steps = prop::collection::vec(prop_oneof![3 => weight(), 3 => pause(), 1 => scale()], 0..6);
    let delay = |least: u32| prop::option::of(prop::sample::select(vec![least, 30, 300]));
    let window = prop::option::weighted(0.2, 1_u32..4);
    let dynamic = prop::option::weighted(0.3, Just(json!(true)));
    (1_u32..6, steps, delay(0), delay(2), dynamic, window).prop_map(
        |(replicas, steps, after_abort, after_release, dynamic, window)| {
            let mut objects = traffic_routed("api", replicas, &steps);
            let more = [
                ("abortScaleDownDelaySeconds", after_abort.map(Value::from)),
                // Not both: Argo Rollouts takes a delay for none of dynamicStableScale's.
                ("scaleDownDelaySeconds", after_release.filter(|_| dynamic.is_none()).map(Value::from)),
                ("dynamicStableScale", dynamic),
                ("-", None),
            ];
            if let Some(rollout) = objects.pop() {
                let mut rollout = with(rollout, "canary", more);
                within(&mut rollout, window);
                objects.push(rollout);
            }
            objects
        },
    )
}

fn switched() -> impl Strategy<Value = Vec<Value>> {
    let seconds = || prop::option::of(prop::sample::select(vec![2_u32, 30, 120]));
    let preview = prop::option::weighted(0.4, Just(json!(1)));
    (1_u32..5, any::<bool>(), seconds(), seconds(), preview).prop_map(|(replicas, auto, after, delay, preview)| {
        let mut objects = blue_green("api", replicas);
        let more = [
            ("autoPromotionEnabled", Some(json!(auto))),
            ("autoPromotionSeconds", after.filter(|_| auto).map(Value::from)),
            ("scaleDownDelaySeconds", delay.map(Value::from)),
            ("previewReplicaCount", preview),
        ];
        if let Some(rollout) = objects.pop() {
            objects.push(with(rollout, "blueGreen", more));
        }
        objects
    })
}

fn replaced() -> impl Strategy<Value = Vec<Value>> {
    let how = prop::sample::select(vec![
        json!({"type": "Recreate"}),
        json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
        json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}),
    ]);
    (1_u32..7, how).prop_map(|(replicas, how)| {
        let mut deployment = deployment("api", replicas);
        deployment["spec"]["strategy"] = how;
        deployment["spec"]["progressDeadlineSeconds"] = json!(120);
        deployment["spec"]["template"] = manifest(1, true);
        vec![deployment]
    })
}
