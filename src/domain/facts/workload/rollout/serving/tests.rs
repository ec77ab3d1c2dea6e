use super::*;

use proptest::prelude::*;

use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::rollout::{RolloutSpec, RolloutStatus};
use crate::domain::facts::workload::router::{Router, RouterKind, RouterObject};

fn to(object: &str, canary: u32) -> Routed {
    Routed { object: format!("VirtualService {object}"), to: RoutedTo::Canary(canary, 100) }
}

fn not_seen(object: &str, to: fn(String) -> RoutedTo) -> Routed {
    Routed { object: format!("VirtualService {object}"), to: to("was not read: 503".to_owned()) }
}

/// A canary whose weight the controller reports.
fn snapshot(reported: u32, routed: Vec<Routed>) -> Snapshot {
    let weight = |hash: &str, weight| RouterWeight { hash: hash.to_owned(), weight };
    let weights = RouterWeights {
        canary: weight("new", reported),
        stable: weight("old", 100 - reported),
        ..RouterWeights::default()
    };
    let strategy = CanaryStrategy { router: Some(Router::default()), ..CanaryStrategy::default() };
    let rollout = Rollout {
        spec: RolloutSpec { strategy: RolloutStrategy::Canary(strategy), ..RolloutSpec::default() },
        status: RolloutStatus {
            current_hash: "new".to_owned(),
            stable_hash: "old".to_owned(),
            weights: Some(weights),
            ..RolloutStatus::default()
        },
        ..Rollout::default()
    };
    let set = |hash: &str| ReplicaSet { hash: hash.to_owned(), ready: 1, ..ReplicaSet::default() };
    Snapshot {
        replicasets: vec![set("new"), set("old")],
        routed,
        ..Snapshot::of_object(Object::Rollout(Box::new(rollout)))
    }
}

fn rollout(snapshot: &mut Snapshot) -> &mut Rollout {
    let Object::Rollout(rollout) = &mut snapshot.object else { unreachable!("it is one") };
    rollout
}

#[test]
fn no_router_is_forgotten_on_the_way_back() {
    for routed in [vec![to("a", 0), to("b", 20)], vec![to("b", 20), to("a", 0)]] {
        let mut snapshot = snapshot(0, routed);
        rollout(&mut snapshot).status.abort = true;
        let serving = snapshot.serving();
        assert!(!serving.is_all("old"));
        assert!((serving.share_of("new") - 0.2).abs() < 1e-9);
        assert_eq!(serving.measure, Measure::Router("VirtualService b".to_owned()));
        let doubt = "VirtualService b sends 20 % to the canary, the controller reports 0 %";
        assert_eq!(serving.doubt.as_deref(), Some(doubt));
    }
    assert!(snapshot(0, vec![to("a", 0), to("b", 0)]).serving().is_all("old"));
}

#[test]
fn no_router_is_forgotten_on_the_way_forward() {
    for routed in [vec![to("a", 100), to("b", 20)], vec![to("b", 20), to("a", 100)]] {
        let serving = snapshot(100, routed).serving();
        assert!(!serving.is_all("new"));
        assert!((serving.share_of("old") - 0.8).abs() < 1e-9);
        assert!(serving.doubt.is_some_and(|doubt| doubt.starts_with("VirtualService b sends 20 %")));
    }
    assert!(snapshot(100, vec![to("a", 100), to("b", 100)]).serving().is_all("new"));
}

/// The first router is back already, and the controller's report is late.
#[test]
fn an_abort_is_measured_by_what_is_still_sent_to_the_canary() {
    let mut snapshot = snapshot(20, vec![to("a", 20), to("b", 0)]);
    rollout(&mut snapshot).status.abort = true;
    let serving = snapshot.serving();
    assert!((serving.share_of("new") - 0.2).abs() < 1e-9);
    assert!(serving.doubt.is_some_and(|doubt| doubt.starts_with("VirtualService b sends 0 %")));
}

#[test]
fn a_router_that_was_not_read_leaves_a_doubt() {
    let doubt = |routed| snapshot(0, routed).serving().doubt;
    let words = Some("VirtualService b was not read: 503".to_owned());
    assert_eq!(doubt(vec![to("a", 0), not_seen("b", RoutedTo::Unreadable)]), words);
    assert_eq!(doubt(vec![to("a", 0), not_seen("b", RoutedTo::Failed)]), words);
    assert_eq!(doubt(vec![not_seen("b", RoutedTo::Failed)]), words);
    // Without the right to read any, the report is all there is.
    let serving = snapshot(0, vec![not_seen("b", RoutedTo::Unreadable)]).serving();
    assert_eq!((serving.measure.clone(), serving.is_all("old")), (Measure::Weights, true));
}

#[test]
fn a_router_that_is_never_read_leaves_the_report_as_the_measure() {
    let mut snapshot = snapshot(0, vec![to("a", 0)]);
    let ambassador = RouterObject { kind: RouterKind::NotRead, namespace: None, name: "ambassador".to_owned() };
    let router = Router { objects: vec![ambassador], ..Router::default() };
    rollout(&mut snapshot).spec.strategy =
        RolloutStrategy::Canary(CanaryStrategy { router: Some(router), ..CanaryStrategy::default() });
    let serving = snapshot.serving();
    assert_eq!((serving.measure.clone(), serving.is_all("old")), (Measure::Weights, true));
}

#[test]
fn one_revision_on_both_sides_is_one_share() {
    let mut snapshot = snapshot(0, vec![to("a", 20)]);
    let status = &mut rollout(&mut snapshot).status;
    status.current_hash = "old".to_owned();
    if let Some(weights) = &mut status.weights {
        weights.canary.hash = "old".to_owned();
    }
    let serving = snapshot.serving();
    assert_eq!(serving.shares.len(), 1);
    assert!(serving.doubt.is_some() && !serving.is_all("old"));
}

proptest! {
    /// Done is said of a revision only if every router sends everybody there.
    #[test]
    fn done_needs_every_router(
        reported in prop::sample::select(vec![0_u32, 20, 100]),
        weights in prop::collection::vec(prop::sample::select(vec![0_u32, 1, 20, 99, 100]), 0..4),
        unread in any::<bool>(),
        aborted in any::<bool>(),
    ) {
        let mut routed: Vec<Routed> = weights.iter().enumerate().map(|(at, weight)| to(&at.to_string(), *weight)).collect();
        routed.extend(unread.then(|| not_seen("z", RoutedTo::Failed)));
        let mut snapshot = snapshot(reported, routed);
        rollout(&mut snapshot).status.abort = aborted;
        let serving = snapshot.serving();
        for (hash, wanted) in [("new", 100), ("old", 0)] {
            let all = reported == wanted && !unread && weights.iter().all(|weight| *weight == wanted);
            prop_assert_eq!(serving.is_all(hash), all, "{}: {:?}", hash, serving);
        }
        let total: f64 = serving.shares.iter().map(|share| share.share).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
    }
}
