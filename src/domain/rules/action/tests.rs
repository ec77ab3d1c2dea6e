//! Traps that real servers have shown: what is offered, and what is not.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use proptest::prelude::*;

use crate::domain::record::action::{Intent, Verb};
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::rejection::Rejection;

use crate::domain::facts::direction::Direction;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::Snapshot;
use crate::domain::facts::workload::router::{Routed, RoutedTo};
use crate::domain::rules::action::{Plan, PlanContext, SeenWorkload, Settled, plan, settled, unnoticed};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, World};

pub(super) const NOW: &str = "2026-11-21T09:00:00Z";

pub(super) fn ask(object: &Value, replicasets: &[Value], verb: Verb) -> Result<Plan, Vec<Refusal>> {
    ask_where_rejected(object, replicasets, (verb, None), &[])
}

/// Asks for a rollback to the revision with this number.
pub(super) fn ask_back_to(object: &Value, replicasets: &[Value], to: u64) -> Result<Plan, Vec<Refusal>> {
    ask_where_rejected(object, replicasets, (Verb::Rollback, Some(to)), &[])
}

/// Asks where these revisions were rejected before, and where metrics are dead.
pub(super) fn ask_where_rejected(
    object: &Value,
    replicasets: &[Value],
    (verb, to): (Verb, Option<u64>),
    rejected: &[&str],
) -> Result<Plan, Vec<Refusal>> {
    let object = Object::parse(object).unwrap();
    let target = WorkloadKey { env: EnvName::new("a"), workload: object.id() };
    let mut world = World::new([EnvSettings {
        namespace: "a".to_owned(),
        workloads: vec![target.workload.clone()],
        has_metrics: !rejected.is_empty(),
        protected: !rejected.is_empty(),
        ..EnvSettings::new("a")
    }]);
    let now: Timestamp = NOW.parse().unwrap();
    let mut replicasets: Vec<_> = replicasets.iter().map(crate::domain::facts::reduce::replicaset).collect();
    replicasets.sort_by_key(|rs| std::cmp::Reverse(rs.revision()));
    let snapshot = Snapshot {
        object,
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets,
        pods: Vec::new(),
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    };
    world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, now);
    let link = Feed::Link { env: target.env.clone(), source: SourceKind::Kubernetes, link: Link::Up, at: Some(now) };
    world.take(link, now);
    world.take(Feed::Record { env: target.env.clone(), known: Ok(()) }, now);
    let reject = |hash: &&str| {
        let rejection = Rejection {
            target: target.clone(),
            cluster: None,
            uid: "u".to_owned(),
            hash: (*hash).to_owned(),
            images: vec![format!("api:{hash}")],
            to: None,
            verb: Verb::Rollback,
            was_stable: true,
            by: "ada".to_owned(),
            at: now,
            signature: None,
        };
        Line::after(None, now, Entry::Rejected(Box::new(rejection)))
    };
    let lines: Vec<Line> = rejected.iter().map(reject).collect();
    world.take_lines(&lines, now);
    plan(&world, &Intent { verb, target: target.into(), to }, &PlanContext { now, ..PlanContext::default() })
}

pub(super) fn replicaset(hash: &str, revision: u32, created: &str, replicas: u32) -> Value {
    json!({
        "metadata": {
            "name": format!("api-{hash}"), "uid": hash, "creationTimestamp": created,
            "labels": {"rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": revision.to_string(),
                            "deployment.kubernetes.io/revision": revision.to_string()},
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": format!("api:{hash}")}]}}},
        "status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas},
    })
}

pub(super) fn canary(current: &str, stable: &str, phase: &str) -> Value {
    json!({
        "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
        "spec": {"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
        "status": {"observedGeneration": "3", "phase": phase, "currentPodHash": current, "stableRS": stable,
                   "replicas": 2, "updatedReplicas": 2},
    })
}

pub(super) fn texts(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
}

/// `old` is older than `bad`, and was put back as revision 3.
pub(super) fn history() -> [Value; 2] {
    [replicaset("bad", 2, "2026-11-21T08:30:00Z", 1), replicaset("old", 3, "2026-11-21T08:00:00Z", 1)]
}

/// The same before anything was put back.
pub(super) fn released() -> [Value; 2] {
    [replicaset("bad", 2, "2026-11-21T08:30:00Z", 2), replicaset("old", 1, "2026-11-21T08:00:00Z", 0)]
}

pub(super) fn lines(plan: &Plan) -> Vec<String> {
    plan.record().requests.iter().map(crate::domain::record::action::Request::line).collect()
}

#[test]
fn rollback_of_a_finished_release_sends_all_that_it_needs() {
    let plan = ask(&canary("bad", "bad", "Healthy"), &released(), Verb::Rollback).unwrap();
    let record = plan.record();
    assert_eq!(
        lines(&plan),
        [
            "PATCH rollouts/api  template of ReplicaSet api-old",
            r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#
        ]
    );
    assert_eq!(record.direction, Some(Direction::Backward));
    assert_eq!((record.from_hash.as_deref(), record.to_hash.as_deref()), (Some("bad"), Some("old")));
    assert_eq!(plan.typed(), None);
}

#[test]
fn rollback_in_progress_is_finished_not_reversed() {
    // After a full promotion: the old one comes back as a canary, the bad one is still stable.
    let plan = ask(&canary("old", "bad", "Paused"), &history(), Verb::Rollback).unwrap();
    assert_eq!(plan.record().headline, "finish the rollback to old");
    assert_eq!(lines(&plan), [r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#]);
    assert_eq!(plan.record().from_hash.as_deref(), Some("bad"));
    // What holds it is lifted, whatever it is.
    let mut held = canary("old", "bad", "Degraded");
    held["spec"]["paused"] = json!(true);
    held["status"]["abort"] = json!(true);
    let plan = ask(&held, &history(), Verb::Rollback).unwrap();
    assert_eq!(
        lines(&plan),
        [
            r#"PATCH rollouts/api  {"spec":{"paused":false}}"#,
            r#"PATCH rollouts/api/status  {"status":{"abort":false,"promoteFull":true}}"#
        ]
    );
    // Everything was sent: nothing is sent again.
    let mut sent = canary("old", "bad", "Progressing");
    sent["status"]["promoteFull"] = json!(true);
    assert!(lines(&ask(&sent, &history(), Verb::Rollback).unwrap()).is_empty());
    // Forward, stable is what one goes back to.
    let forward = [replicaset("bad", 2, "2026-11-21T08:30:00Z", 1), replicaset("old", 1, "2026-11-21T08:00:00Z", 1)];
    let plan = ask(&canary("bad", "old", "Paused"), &forward, Verb::Rollback).unwrap();
    assert_eq!(plan.record().to_hash.as_deref(), Some("old"));
    assert_eq!(lines(&plan), ["PATCH rollouts/api  template of ReplicaSet api-old"]);
}

#[test]
fn second_rollback_says_that_it_is_back_already() {
    let mut sets = history();
    sets[0]["spec"]["replicas"] = json!(0);
    sets[0]["status"] = json!({"replicas": 0, "readyReplicas": 0});
    sets[1]["status"] = json!({"replicas": 2, "readyReplicas": 2});
    let refused = ask(&canary("old", "old", "Healthy"), &sets, Verb::Rollback).unwrap_err();
    assert_eq!(refused[0].kind, RefusalKind::NothingToDo);
    assert!(texts(&refused).starts_with("already back on old"), "{}", texts(&refused));
    // While pods of the bad one still serve, it is waited for.
    sets[0]["status"]["readyReplicas"] = json!(1);
    let plan = ask(&canary("old", "old", "Progressing"), &sets, Verb::Rollback).unwrap();
    assert_eq!(plan.record().headline, "wait for the rollback to old");
}

#[test]
fn abort_of_a_rollback_is_refused() {
    let refused = ask(&canary("old", "bad", "Paused"), &history(), Verb::Abort).unwrap_err();
    assert_eq!(
        texts(&refused),
        "a rollback to old is in progress: an abort would send users back to bad: rollback finishes it"
    );
}

#[test]
fn deployment_rolling_back_is_not_sent_forward_again() {
    let deployment = json!({
        "kind": "Deployment",
        "metadata": {"name": "api", "uid": "u", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "3"}},
        "spec": {"replicas": 2, "template": history()[1]["spec"]["template"]},
        "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1},
    });
    let plan = ask(&deployment, &history(), Verb::Rollback).unwrap();
    assert_eq!((plan.record().to_hash.as_deref(), lines(&plan).len()), (Some("old"), 0));
}

#[test]
fn scaled_deployment_is_no_release() {
    let sets = [replicaset("old", 1, "2026-11-21T08:00:00Z", 4)];
    let deployment = json!({
        "kind": "Deployment",
        "metadata": {"name": "api", "uid": "u", "generation": 2},
        "spec": {"replicas": 4, "template": sets[0]["spec"]["template"]},
        "status": {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 2,
                   "conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]},
    });
    let snapshot = Snapshot {
        replicasets: sets.iter().map(crate::domain::facts::reduce::replicaset).collect(),
        ..Snapshot::of_object(Object::parse(&deployment).unwrap())
    };
    assert_eq!(snapshot.status().canary, None);
}

#[test]
fn an_abort_that_the_controller_overlooked_is_neither_done_nor_undone() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    let look = |value: &Value| {
        let object = Object::parse(value).unwrap();
        let accepted = !matches!(settled(plan.record(), &object.clone().into()), Settled::NotYet(_));
        (accepted, unnoticed(plan.record(), &object.into()))
    };
    assert_eq!(look(&rollout), (false, false));
    rollout["status"]["abort"] = json!(true);
    assert_eq!(look(&rollout), (false, true));
    rollout["status"]["abortedAt"] = json!(NOW);
    assert_eq!(look(&rollout), (true, false));
    // Held manually the canary's pods would continue serving.
    rollout["spec"]["paused"] = json!(true);
    assert_eq!(look(&rollout), (false, false));
}

#[test]
fn abort_is_done_when_stable_serves_everybody() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &released(), Verb::Abort).unwrap();
    rollout["status"]["abort"] = json!(true);
    rollout["status"]["abortedAt"] = json!(NOW);
    let look = |bad: u32, old: u32| {
        let pods = |mut rs: Value, ready: u32| {
            rs["spec"]["replicas"] = json!(4);
            rs["status"] = json!({"replicas": ready, "readyReplicas": ready});
            crate::domain::facts::reduce::replicaset(&rs)
        };
        let [new, stable] = released();
        let snapshot = Snapshot {
            replicasets: vec![pods(new, bad), pods(stable, old)],
            ..Snapshot::of_object(Object::parse(&rollout).unwrap())
        };
        settled(plan.record(), &SeenWorkload { snapshot, replicasets_known: true }.into())
    };
    let Settled::Accepted(lacks) = look(3, 1) else { panic!("stable does not serve everybody") };
    assert_eq!(lacks, "still serving 75 % of bad: old has 1 of 4 pods");
    assert!(matches!(look(0, 4), Settled::Done(_)));
    assert!(matches!(look(0, 0), Settled::Accepted(_)), "nobody is served");
}

/// The controller is back at 0 and the first router too, while git has put the second one back to 20.
#[test]
fn abort_is_not_done_while_one_of_two_routers_still_sends_users_to_the_canary() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &released(), Verb::Abort).unwrap();
    rollout["spec"]["strategy"]["canary"]["trafficRouting"] =
        json!({"istio": {"virtualServices": [{"name": "a"}, {"name": "b"}]}});
    rollout["status"]["abort"] = json!(true);
    rollout["status"]["abortedAt"] = json!(NOW);
    rollout["status"]["canary"]["weights"] = json!({"canary": {"podTemplateHash": "bad", "weight": 0},
        "stable": {"podTemplateHash": "old", "weight": 100}});
    let look = |weight: u32, replicasets_known: bool| {
        let pods = |mut rs: Value| {
            rs["spec"]["replicas"] = json!(1);
            rs["status"] = json!({"replicas": 1, "readyReplicas": 1});
            crate::domain::facts::reduce::replicaset(&rs)
        };
        let to =
            |name: &str, weight| Routed { object: format!("VirtualService {name}"), to: RoutedTo::Canary(weight, 100) };
        let replicasets = if replicasets_known { released().map(pods).to_vec() } else { Vec::new() };
        let snapshot = Snapshot {
            replicasets,
            routed: vec![to("a", 0), to("b", weight)],
            ..Snapshot::of_object(Object::parse(&rollout).unwrap())
        };
        settled(plan.record(), &SeenWorkload { snapshot, replicasets_known }.into())
    };
    let doubt = "VirtualService b sends 20 % to the canary, the controller reports 0 %";
    let Settled::Accepted(lacks) = look(20, true) else { panic!("20 % of its users are served by the canary") };
    assert_eq!(lacks, format!("still serving 20 % of bad: {doubt}"));
    let Settled::Accepted(lacks) = look(20, false) else { panic!("20 % of its users are served by the canary") };
    assert_eq!(lacks, doubt);
    assert!(matches!(look(0, true), Settled::Done(_)));
    assert!(matches!(look(0, false), Settled::Done(_)));
}

#[test]
fn a_hold_that_came_after_the_plan_is_lifted_with_the_abort() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    assert_eq!(plan.record().requests.len(), 1);
    let rest =
        |value: &Value| Object::parse(value).unwrap().actions().remainder(plan.record()).map(|request| request.line());
    rollout["status"]["abort"] = json!(true);
    assert_eq!(rest(&rollout), None);
    rollout["spec"]["paused"] = json!(true);
    assert_eq!(rest(&rollout).as_deref(), Some(r#"PATCH rollouts/api  {"spec":{"paused":false}}"#));
    // A plan that knew of the pause lifts it anyway.
    rollout["status"]["abort"] = json!(false);
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    rollout["status"]["abort"] = json!(true);
    assert_eq!(Object::parse(&rollout).unwrap().actions().remainder(plan.record()), None);
}

/// What is rolled back became stable between the question and the request: the controller goes back step by step, and users
/// would stay on it at the first pause.
#[test]
fn a_rollback_of_what_became_stable_meanwhile_is_completed() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &history(), Verb::Rollback).unwrap();
    assert_eq!((plan.record().to_hash.as_deref(), plan.record().requests.len()), (Some("old"), 1));
    let rest =
        |value: &Value| Object::parse(value).unwrap().actions().remainder(plan.record()).map(|request| request.line());
    assert_eq!(rest(&rollout), None, "it has not begun");
    rollout["status"]["currentPodHash"] = json!("old");
    assert_eq!(rest(&rollout), None, "it is back at stable");
    rollout["status"]["stableRS"] = json!("bad");
    assert_eq!(rest(&rollout).as_deref(), Some(r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#));
    rollout["status"]["promoteFull"] = json!(true);
    assert_eq!(rest(&rollout), None, "it is asked for already");
}

/// Three revisions in the order of their making, each served by pods or not.
fn three(pods: [u32; 3]) -> Vec<Value> {
    let at = |index: usize| format!("2026-11-21T0{}:00:00Z", index + 6);
    (0..3)
        .map(|index| {
            let mut rs = replicaset(&format!("r{index}"), index as u32 + 1, &at(index), pods[index]);
            rs["status"]["readyReplicas"] = json!(pods[index]);
            rs
        })
        .collect()
}

proptest! {
    /// Laws 3 and 11: whatever else is wrong, a rollback that goes backward is offered, sends something or has nothing to
    /// send, wants no name, and never goes to a revision that was rejected.
    #[test]
    fn rollbacks_are_never_blocked_and_never_go_to_what_was_rejected(
        current in 0_usize..3,
        stable in 0_usize..3,
        rejected in proptest::sample::subsequence(vec!["r0", "r1", "r2"], 0..=3),
        (paused, aborted, full) in any::<(bool, bool, bool)>(),
        step in 0_u64..3,
        pods in [0_u32..3, 0_u32..3, 0_u32..3],
    ) {
        let mut rollout = canary(&format!("r{current}"), &format!("r{stable}"), "Paused");
        rollout["spec"]["paused"] = json!(paused);
        rollout["status"]["abort"] = json!(aborted);
        rollout["status"]["promoteFull"] = json!(full);
        rollout["status"]["currentStepIndex"] = json!(step);
        let sets = three(pods);
        match ask_where_rejected(&rollout, &sets, (Verb::Rollback, None), &rejected) {
            Ok(plan) => {
                let record = plan.record();
                prop_assert_eq!(record.direction, Some(Direction::Backward));
                prop_assert_eq!(plan.typed(), None);
                let to = record.to_hash.clone().unwrap_or_default();
                // Stable serves already: going back to it brings nobody anything new.
                prop_assert!(!rejected.contains(&to.as_str()) || to == format!("r{stable}"), "to {}", to);
                prop_assert_ne!(record.from_hash.clone(), record.to_hash.clone());
            }
            Err(refusals) => {
                let blocked = refusals.iter().any(|refusal| !matches!(
                    refusal.kind,
                    RefusalKind::State | RefusalKind::NothingToDo
                ));
                prop_assert!(!blocked, "{:?}", refusals);
            }
        }
    }

    /// What completes a rollback is gated by nothing, and asks for no name, though metrics are dead and names are typed.
    #[test]
    fn steps_of_a_rollback_are_gated_by_nothing(verb in proptest::sample::select(vec![Verb::Promote, Verb::PromoteFull, Verb::Resume])) {
        let mut rollout = canary("r0", "r2", "Paused");
        rollout["status"]["currentStepIndex"] = json!(1);
        rollout["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep", "startTime": NOW}]);
        rollout["status"]["controllerPause"] = json!(true);
        rollout["spec"]["paused"] = json!(verb == Verb::Resume);
        let plan = ask_where_rejected(&rollout, &three([1, 0, 1]), (verb, None), &["r2"]);
        let plan = plan.map_err(|refusals| TestCaseError::fail(texts(&refusals)))?;
        prop_assert_eq!(plan.record().direction, Some(Direction::Backward));
        prop_assert_eq!(plan.typed(), None);
        // The same step forward is stopped by dead metrics.
        let mut forward = rollout.clone();
        forward["status"]["currentPodHash"] = json!("r2");
        forward["status"]["stableRS"] = json!("r0");
        if verb != Verb::Resume {
            prop_assert!(ask_where_rejected(&forward, &three([1, 0, 1]), (verb, None), &["r1"]).is_err());
        }
    }

    /// Law 1: while metrics are dead nothing is offered that brings more of a new or a rejected revision to users, by
    /// whatever verb.
    #[test]
    fn nothing_new_gains_users_past_a_gate_by_any_verb(
        verb in proptest::sample::select(Verb::ALL.to_vec()),
        current in 0_usize..3,
        stable in 0_usize..3,
        rejected in proptest::sample::subsequence(vec!["r0", "r1", "r2"], 1..=3),
        (paused, aborted, full, waits) in any::<(bool, bool, bool, bool)>(),
        step in 0_u64..3,
    ) {
        let mut rollout = canary(&format!("r{current}"), &format!("r{stable}"), "Paused");
        rollout["spec"]["paused"] = json!(paused);
        rollout["status"]["abort"] = json!(aborted);
        rollout["status"]["promoteFull"] = json!(full);
        rollout["status"]["currentStepIndex"] = json!(step);
        if waits {
            rollout["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep", "startTime": NOW}]);
        }
        let is_new = current > stable || current != stable && rejected.contains(&format!("r{current}").as_str());
        if let (Ok(plan), true) = (ask_where_rejected(&rollout, &three([1, 1, 1]), (verb, None), &rejected), is_new) {
            let sent = lines(&plan).join(" ");
            let leaves = sent.contains("template of") || sent.contains(r#""abort":true"#) || aborted && !sent.contains(r#""abort":false"#);
            let goes_on = ["pauseConditions", r#""promoteFull":true"#, r#""abort":false"#, r#""paused":false"#];
            prop_assert!(leaves || !goes_on.iter().any(|part| sent.contains(part)), "{verb:?} sends {sent}");
        }
    }
}

#[test]
fn resume_of_a_deployment_in_mid_rollout_asks_the_gates() {
    let deployment = |paused: bool, current: usize| {
        json!({
            "kind": "Deployment",
            "metadata": {"name": "api", "uid": "u", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": (current + 1).to_string()}},
            "spec": {"replicas": 2, "paused": paused, "template": three([0, 0, 0])[current]["spec"]["template"]},
            "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1},
        })
    };
    let refused =
        ask_where_rejected(&deployment(true, 2), &three([0, 2, 1]), (Verb::Resume, None), &["r0"]).unwrap_err();
    assert!(refused.iter().any(|refusal| refusal.kind == RefusalKind::Blind), "{}", texts(&refused));
    // Back to what served before, nothing is asked.
    let plan = ask_where_rejected(&deployment(true, 1), &three([0, 1, 2]), (Verb::Resume, None), &["r0"]).unwrap();
    assert_eq!((plan.record().direction, plan.typed()), (Some(Direction::Backward), None));
}

#[test]
fn resume_does_not_bring_out_a_template_that_nobody_has_looked_at() {
    // Under the pause the controller makes no ReplicaSet of a new template.
    let mut sets = vec![replicaset("old", 1, "2026-11-21T08:00:00Z", 2)];
    sets[0]["status"]["readyReplicas"] = json!(2);
    let held = |template: &Value, observed: u32| {
        json!({
            "kind": "Deployment",
            "metadata": {"name": "api", "uid": "u", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "1"}},
            "spec": {"replicas": 2, "paused": true, "template": template},
            "status": {"observedGeneration": observed, "replicas": 2, "updatedReplicas": 0, "readyReplicas": 2},
        })
    };
    let (new, old) = (released()[0]["spec"]["template"].clone(), sets[0]["spec"]["template"].clone());
    let refused = ask(&held(&new, 3), &sets, Verb::Resume).unwrap_err();
    assert!(texts(&refused).contains("no revision yet"), "{}", texts(&refused));
    for observed in [2, 3] {
        assert!(ask(&held(&old, observed), &sets, Verb::Resume).is_ok(), "nothing new is held back");
    }
    let plan = ask(&held(&new, 3), &sets, Verb::Rollback).unwrap();
    assert_eq!((plan.record().direction, plan.record().to_hash.as_deref()), (Some(Direction::Backward), Some("old")));
    // The same of a Rollout.
    let mut rollout = canary("new", "old", "Paused");
    rollout["spec"]["paused"] = json!(true);
    assert!(texts(&ask(&rollout, &sets, Verb::Resume).unwrap_err()).contains("no revision yet"));
    assert!(ask(&rollout, &sets, Verb::Rollback).is_ok());
}

#[test]
fn restart_of_a_mutable_tag_is_refused() {
    let mut sets = released();
    sets[0]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("api:latest");
    let refused = ask(&canary("bad", "bad", "Healthy"), &sets, Verb::Restart).unwrap_err();
    assert_eq!(refused[0].kind, RefusalKind::Artifact, "{}", texts(&refused));
    assert!(ask(&canary("bad", "bad", "Healthy"), &released(), Verb::Restart).is_ok());
}

#[test]
fn rollback_of_a_deployment_is_told_by_its_whole_template() {
    let template = |level: &str| json!({"spec": {"containers": [{"name": "app", "image": "api:1", "env": [{"name": "LOG", "value": level}]}]}});
    let deployment = |revision: u32, level: &str| {
        json!({
            "kind": "Deployment",
            "metadata": {"name": "api", "uid": "u", "generation": revision,
                         "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}},
            "spec": {"replicas": 2, "template": template(level)},
            "status": {"observedGeneration": revision, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
                       "availableReplicas": 2,
                       "conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]},
        })
    };
    let set = |hash: &str, revision: u32, level: &str| {
        let mut set = replicaset(hash, revision, &format!("2026-11-21T08:0{revision}:00Z"), 2);
        set["spec"]["template"] = template(level);
        set
    };
    let sets = [set("bad", 2, "BAD"), set("good", 1, "good")];
    let plan = ask(&deployment(2, "BAD"), &sets, Verb::Rollback).unwrap();
    let look = |value: &Value| settled(plan.record(), &Object::parse(value).unwrap().into());
    // The request was lost; a colleague changed something else. The images are the same all the while.
    assert!(matches!(look(&deployment(3, "debug")), Settled::Lost(_)), "{:?}", look(&deployment(3, "debug")));
    assert!(matches!(look(&deployment(2, "BAD")), Settled::NotYet(_)));
    assert!(!matches!(look(&deployment(3, "good")), Settled::Lost(_) | Settled::NotYet(_)));
}

#[test]
fn restart_of_a_deployment_is_told_by_its_own_mark() {
    let deployment = |revision: u32, at: Option<&str>| {
        json!({
            "kind": "Deployment",
            "metadata": {"name": "api", "uid": "u", "generation": revision,
                         "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}},
            "spec": {"replicas": 2, "template": {
                "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}},
                "spec": released()[0]["spec"]["template"]["spec"]}},
            "status": {"observedGeneration": revision, "replicas": 2, "updatedReplicas": 2},
        })
    };
    let plan = ask(&deployment(2, None), &released(), Verb::Restart).unwrap();
    let look = |at| settled(plan.record(), &Object::parse(&deployment(3, at)).unwrap().into());
    assert!(matches!(look(Some("2026-11-20T00:00:00Z")), Settled::NotYet(_)));
    assert!(!matches!(look(Some(NOW)), Settled::NotYet(_)));
}

#[test]
fn a_degraded_workload_is_not_promoted_without_metrics_either() {
    let mut object = canary("bad", "old", "Degraded");
    object["status"]["message"] = json!("ProgressDeadlineExceeded: it timed out");
    let refused = ask(&object, &released(), Verb::PromoteFull).unwrap_err();
    assert!(texts(&refused).contains("Degraded: ProgressDeadlineExceeded"), "{}", texts(&refused));
    // A rollback is not gated.
    assert!(ask(&object, &released(), Verb::Rollback).is_ok());
}

#[test]
fn an_unobserved_pause_is_not_an_unknown_template() {
    let mut rollout = canary("new", "old", "Paused");
    rollout["spec"]["paused"] = json!(true);
    rollout["metadata"]["generation"] = json!(4);
    let sets = [replicaset("new", 2, "2026-11-21T08:30:00Z", 1), replicaset("old", 1, "2026-11-21T08:00:00Z", 1)];
    let mut with_image = |image: &str| {
        rollout["spec"]["template"] = json!({"spec": {"containers": [{"name": "app", "image": image}]}});
        ask(&rollout, &sets, Verb::Resume)
    };
    assert!(with_image("api:new").is_ok());
    assert!(texts(&with_image("api:other").unwrap_err()).contains("no revision yet"));
}
