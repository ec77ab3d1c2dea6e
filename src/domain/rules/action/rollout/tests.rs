//! What the controller of Argo Rollouts does otherwise than its states suggest.

use serde_json::{Value, json};

use crate::domain::facts::direction::Direction;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::Verb;
use crate::domain::rules::action::tests::{
    ask, ask_back_to, ask_where_rejected, canary, history, lines, released, replicaset, texts,
};
use crate::domain::rules::action::{SeenWorkload, Settled, settled};

#[test]
fn aborted_preview_is_not_retried_while_a_retry_would_switch_at_once() {
    let mut rollout = canary("bad", "old", "Degraded");
    rollout["spec"]["strategy"] = json!({"blueGreen": {"autoPromotionEnabled": false}});
    rollout["status"]["abort"] = json!(true);
    let mut sets = history();
    sets[0]["metadata"]["annotations"]["scale-down-deadline"] = json!("2026-11-21T09:00:20Z");
    let refused = ask(&rollout, &sets, Verb::Retry).unwrap_err();
    assert!(texts(&refused).ends_with("without the pause: wait until they are scaled down, at 2026-11-21T09:00:20Z"));
    let mut gone = sets.clone();
    gone[0]["spec"]["replicas"] = json!(0);
    gone[0]["status"]["replicas"] = json!(0);
    assert!(ask(&rollout, &gone, Verb::Retry).is_ok());
    // A canary runs its steps again all the same.
    let mut canary = canary("bad", "old", "Degraded");
    canary["status"]["abort"] = json!(true);
    assert!(ask(&canary, &sets, Verb::Retry).is_ok());
}

fn auto_promotion(more: &Value) -> Value {
    let mut blue_green = json!({"activeService": "api", "autoPromotionSeconds": 600});
    blue_green.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
        "spec": {"replicas": 1, "strategy": {"blueGreen": blue_green}},
        "status": {"observedGeneration": "3", "phase": "Paused", "currentPodHash": "bad", "stableRS": "old",
                   "controllerPause": true, "pauseConditions": [{"reason": "BlueGreenPause"}],
                   "blueGreen": {"activeSelector": "old"}, "replicas": 1, "updatedReplicas": 1},
    })
}

/// With `autoPromotionSeconds` the controller takes the end of its pause for no promotion, and pauses again.
#[test]
fn promotion_before_the_time_of_auto_promotion_is_a_full_one() {
    let sent = |more: &Value| {
        let plan = ask(&auto_promotion(more), &released(), Verb::Promote).map_err(|refusals| texts(&refusals))?;
        Ok(serde_json::to_string(&plan.record().requests).unwrap())
    };
    let full: Result<String, String> = sent(&json!({}));
    assert!(full.as_ref().is_ok_and(|sent| sent.contains("promoteFull")), "{full:?}");
    let by_person = sent(&json!({"autoPromotionEnabled": false}));
    assert!(by_person.as_ref().is_ok_and(|sent| sent.contains("pauseConditions")), "{by_person:?}");
    // An analysis after the switch would be left out: that is for the person to decide.
    let analysed = sent(&json!({"postPromotionAnalysis": {"templates": [{"templateName": "errors"}]}}));
    assert!(analysed.as_ref().is_err_and(|why| why.contains("P switches now, without the analysis")), "{analysed:?}");
}

/// The manifest is back at stable, but somebody had paused it: nothing else would let the pods of the new version go.
#[test]
fn rollback_of_what_is_paused_midway_resumes_it() {
    let mut rollout = canary("old", "old", "Paused");
    rollout["spec"]["paused"] = json!(true);
    let [mut bad, mut old] = history();
    for set in [&mut bad, &mut old] {
        set["status"]["readyReplicas"] = json!(1);
        set["status"]["availableReplicas"] = json!(1);
    }
    let plan = ask(&rollout, &[bad, old], Verb::Rollback).map_err(|refusals| texts(&refusals)).unwrap();
    assert_eq!(plan.record().headline, "finish the rollback to old");
    assert_eq!(lines(&plan), [r#"PATCH rollouts/api  {"spec":{"paused":false}}"#]);
}

#[test]
fn what_is_paused_manually_is_resumed_before_it_is_retried() {
    let mut rollout = canary("bad", "old", "Degraded");
    rollout["status"]["abort"] = json!(true);
    rollout["spec"]["paused"] = json!(true);
    let refused = ask(&rollout, &released(), Verb::Retry).unwrap_err();
    assert_eq!(texts(&refused), "it is paused manually: space resumes it first");
}

/// Pods come one by one, or never: that is no request that the controller has overlooked.
#[test]
fn restart_is_accepted_before_every_pod_is_replaced() {
    let mut rollout = canary("bad", "bad", "Progressing");
    let plan = ask(&rollout, &released(), Verb::Restart).unwrap();
    let at = plan.record().restart_at.clone().unwrap();
    let shown = |rollout: &Value| {
        let object = Object::parse(rollout).unwrap();
        settled(plan.record(), &SeenWorkload { snapshot: Snapshot::of_object(object), replicasets_known: true }.into())
    };
    assert!(matches!(shown(&rollout), Settled::NotYet(_)));
    rollout["spec"]["restartAt"] = json!(at);
    rollout["status"]["message"] = json!("rollout is restarting");
    assert_eq!(shown(&rollout), Settled::Accepted("not all pods are replaced yet: rollout is restarting".to_owned()));
    rollout["status"]["restartedAt"] = json!(at);
    // The controller has sent the last pod away; the one in its place may never get ready.
    rollout["status"]["availableReplicas"] = json!(0);
    assert!(matches!(shown(&rollout), Settled::Accepted(lacks) if lacks.contains(" pods are available")));
    rollout["status"]["availableReplicas"] = rollout["spec"]["replicas"].clone();
    assert!(matches!(shown(&rollout), Settled::Done(_)));
}

/// Neither step index nor stable revision move until every pod is ready.
#[test]
fn full_promotion_of_pods_that_are_not_ready_is_accepted() {
    let without_steps = json!({"canary": {"steps": []}});
    for strategy in [without_steps, json!({"blueGreen": {"autoPromotionEnabled": false}})] {
        let mut rollout = canary("bad", "old", "Paused");
        rollout["spec"]["strategy"] = strategy;
        let plan = ask(&rollout, &released(), Verb::PromoteFull).unwrap();
        rollout["status"]["promoteFull"] = json!(true);
        rollout["status"]["blueGreen"] = json!({"activeSelector": "old"});
        let snapshot = Snapshot::of_object(Object::parse(&rollout).unwrap());
        let seen = SeenWorkload { snapshot, replicasets_known: true }.into();
        assert!(matches!(settled(plan.record(), &seen), Settled::Accepted(_)), "{:?}", settled(plan.record(), &seen));
    }
}

/// Without a router a weight is a number of pods: the dialog says whom it reaches, not what the step is called.
#[test]
fn promotion_says_the_share_of_pods_where_no_router_splits_requests() {
    let mut rollout = canary("bad", "old", "Paused");
    rollout["spec"]["replicas"] = json!(1);
    rollout["spec"]["strategy"]["canary"]["steps"] = json!([{"pause": {}}, {"setWeight": 5}, {"pause": {}}]);
    rollout["status"]["currentStepIndex"] = json!(0);
    rollout["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep"}]);
    let plan = ask(&rollout, &released(), Verb::Promote).map_err(|refusals| texts(&refusals)).unwrap();
    assert_eq!(plan.record().headline, "promote 0 → 50 %");
    assert!(plan.record().goes[0].starts_with("setWeight 5 (1 of 2 pods), then pause"), "{:?}", plan.record().goes);
}

#[test]
fn preview_that_lacks_pods_is_not_switched_to() {
    let mut preview = auto_promotion(&json!({"autoPromotionEnabled": false}));
    preview["spec"]["replicas"] = json!(2);
    let [mut new, stable] = released();
    assert!(ask(&preview, &[new.clone(), stable.clone()], Verb::Promote).is_ok());
    new["status"]["availableReplicas"] = json!(1);
    let refused = ask(&preview, &[new, stable], Verb::Promote).unwrap_err();
    assert!(texts(&refused).starts_with("the preview has 1 of 2 pods available"), "{}", texts(&refused));
}

/// One that was superseded before it was stable is older than what goes out, and no way back.
#[test]
fn rollback_to_what_was_never_stable_is_a_promotion() {
    let rollout = canary("next", "old", "Paused");
    let sets = [
        replicaset("next", 3, "2026-11-21T08:50:00Z", 1),
        replicaset("superseded", 2, "2026-11-21T08:30:00Z", 0),
        replicaset("old", 1, "2026-11-21T08:00:00Z", 1),
    ];
    let direction =
        |to| ask_back_to(&rollout, &sets, to).map(|plan| plan.record().direction).map_err(|why| texts(&why));
    assert_eq!(direction(2), Ok(Some(Direction::Forward)));
    assert_eq!(direction(1), Ok(Some(Direction::Backward)));
}

/// Blue-green while the analysis after the switch runs: users get `bad`, and `old` is stable still.
fn after_the_switch(current: &str, more: &Value) -> Value {
    let mut rollout = auto_promotion(more);
    rollout["status"] = json!({
        "observedGeneration": "3", "phase": "Progressing", "currentPodHash": current, "stableRS": "old",
        "blueGreen": {"activeSelector": "bad"}, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1,
    });
    rollout
}

/// The controller takes stable for a new preview there, and pauses while users are still sent to the bad one.
#[test]
fn rollback_after_the_switch_switches_back() {
    let promoted = r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#;
    for more in [json!({}), json!({"autoPromotionEnabled": false}), json!({"prePromotionAnalysis": {}})] {
        let rollout = after_the_switch("bad", &more);
        let plan = ask(&rollout, &kept(), Verb::Rollback).map_err(|refusals| texts(&refusals)).unwrap();
        assert_eq!(lines(&plan), ["PATCH rollouts/api  template of ReplicaSet api-old", promoted]);
        let record = plan.record();
        assert_eq!(record.goes[0], "the active service switches back to its pods: no pause, no analysis");
        assert_eq!(record.direction, Some(Direction::Backward));
        assert_eq!((record.from_hash.as_deref(), record.to_hash.as_deref()), (Some("bad"), Some("old")));
    }
    // Where pods of it are missing they come first.
    let [bad, mut old] = kept();
    old["status"]["availableReplicas"] = json!(0);
    let plan = ask(&after_the_switch("bad", &json!({})), &[bad, old], Verb::Rollback).unwrap();
    assert_eq!(plan.record().goes[0], "all its pods come up, then the active service switches to them");
    // Before the switch users get stable: nothing has to be promoted.
    let mut before = after_the_switch("bad", &json!({}));
    before["status"]["blueGreen"]["activeSelector"] = json!("old");
    let plan = ask(&before, &kept(), Verb::Rollback).unwrap();
    assert_eq!(lines(&plan), ["PATCH rollouts/api  template of ReplicaSet api-old"]);
}

/// Both up, before anything was put back.
fn kept() -> [Value; 2] {
    let [mut bad, mut old] = released();
    for set in [&mut bad, &mut old] {
        set["spec"]["replicas"] = json!(1);
        set["status"] = json!({"replicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    }
    [bad, old]
}

/// Somebody put the template back with another tool, and the controller waits: one key finishes it, whichever set is newer.
#[test]
fn rollback_that_does_not_switch_back_is_finished() {
    let promoted = r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#;
    let mut halfway = after_the_switch("old", &json!({"autoPromotionEnabled": false}));
    for sets in [kept(), history()] {
        let plan = ask(&halfway, &sets, Verb::Rollback).map_err(|refusals| texts(&refusals)).unwrap();
        assert_eq!(lines(&plan), [promoted]);
        let record = plan.record();
        assert_eq!((record.headline.as_str(), record.from.as_str()), ("finish the rollback to old", "100 % of bad"));
        assert_eq!(record.direction, Some(Direction::Backward));
        // What users get still is what is left.
        assert_eq!((record.from_hash.as_deref(), record.to_hash.as_deref()), (Some("bad"), Some("old")));
        let snapshot = Snapshot {
            replicasets: sets.iter().map(crate::domain::facts::reduce::replicaset).collect(),
            ..Snapshot::of_object(Object::parse(&halfway).unwrap())
        };
        let why = snapshot.status().why.unwrap_or_default();
        assert!(why.ends_with("still serving 100 % of bad: R finishes the rollback"), "{why}");
    }
    let said = |verb| texts(&ask(&halfway, &kept(), verb).unwrap_err());
    for verb in [Verb::Promote, Verb::PromoteFull, Verb::Abort] {
        let wanted = "a rollback to old is in progress, still serving 100 % of bad: rollback finishes it";
        assert_eq!(said(verb), wanted);
    }
    assert!(ask_back_to(&halfway, &kept(), 1).is_ok(), "by its number as well");
    halfway["spec"]["paused"] = json!(true);
    let plan = ask(&halfway, &kept(), Verb::Rollback).unwrap();
    assert_eq!(lines(&plan), [r#"PATCH rollouts/api  {"spec":{"paused":false}}"#, promoted]);
    halfway["spec"]["paused"] = json!(false);
    halfway["status"]["promoteFull"] = json!(true);
    assert!(lines(&ask(&halfway, &kept(), Verb::Rollback).unwrap()).is_empty(), "everything was sent");
}

/// The switch came between the question and the request.
#[test]
fn rollback_of_what_was_switched_to_meanwhile_is_completed() {
    let mut rollout = auto_promotion(&json!({}));
    let plan = ask(&rollout, &kept(), Verb::Rollback).map_err(|refusals| texts(&refusals)).unwrap();
    assert_eq!(plan.record().requests.len(), 1);
    let rest =
        |value: &Value| Object::parse(value).unwrap().actions().remainder(plan.record()).map(|request| request.line());
    rollout["status"]["currentPodHash"] = json!("old");
    assert_eq!(rest(&rollout), None, "users get it");
    rollout["status"]["blueGreen"]["activeSelector"] = json!("bad");
    assert_eq!(rest(&rollout).as_deref(), Some(r#"PATCH rollouts/api/status  {"status":{"promoteFull":true}}"#));
}

/// The controller refuses the spec, for it names an analysis template that is not there, or has not looked: nobody gets it yet.
#[test]
fn rollback_takes_back_what_the_controller_did_not_take_up() {
    let sets = [replicaset("old", 2, "2026-11-21T08:30:00Z", 2), replicaset("older", 1, "2026-11-21T08:00:00Z", 0)];
    let mut refused = canary("old", "old", "Degraded");
    refused["spec"]["template"] = json!({"spec": {"containers": [{"name": "app", "image": "api:new"}]}});
    let mut unseen = refused.clone();
    unseen["metadata"]["generation"] = json!(4);
    refused["status"]["conditions"] = json!([{"type": "InvalidSpec", "status": "True", "message": "no such template"}]);
    for rollout in [refused, unseen] {
        for plan in [ask(&rollout, &sets, Verb::Rollback), ask_back_to(&rollout, &sets, 2)] {
            let plan = plan.map_err(|refusals| texts(&refusals)).unwrap();
            let record = plan.record();
            assert_eq!(lines(&plan), ["PATCH rollouts/api  template of ReplicaSet api-old"]);
            assert_eq!((record.from_hash.as_deref(), record.to_hash.as_deref()), (None, Some("old")));
            assert_eq!(record.from, "what the manifest names, which the controller has not taken up");
            assert_eq!(record.goes[0], "its template is put back: users have had old all along");
            assert_eq!(record.direction, Some(Direction::Backward));
        }
        let further = ask_back_to(&rollout, &sets, 1).map_err(|refusals| texts(&refusals)).unwrap();
        assert_eq!(further.record().to_hash.as_deref(), Some("older"));
        // With the template of what runs there is nothing to take back first.
        let mut same = rollout.clone();
        same["spec"]["template"]["spec"]["containers"][0]["image"] = json!("api:old");
        let plan = ask(&same, &sets, Verb::Rollback).map_err(|refusals| texts(&refusals)).unwrap();
        assert_eq!(plan.record().to_hash.as_deref(), Some("older"));
    }
}

/// `spec.paused` keeps the controller from scaling and stepping, and not from telling the router.
#[test]
fn pause_is_done_once_the_weight_stands() {
    let mut rollout = canary("bad", "old", "Progressing");
    rollout["spec"]["strategy"]["canary"] = json!({
        "trafficRouting": {"nginx": {"stableIngress": "api"}},
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
    });
    rollout["status"]["currentStepIndex"] = json!(2);
    rollout["status"]["availableReplicas"] = json!(2);
    let weigh = |rollout: &mut Value, weight: u32| {
        rollout["status"]["canary"] = json!({"weights": {
            "canary": {"weight": weight, "podTemplateHash": "bad"}, "stable": {"weight": 100 - weight, "podTemplateHash": "old"},
        }});
    };
    weigh(&mut rollout, 20);
    let plan = ask(&rollout, &released(), Verb::Pause).map_err(|refusals| texts(&refusals)).unwrap();
    let warns = "the weight still goes to 50 %, as its step says: A takes all of it back";
    assert_eq!(plan.record().goes[1], warns);
    rollout["spec"]["paused"] = json!(true);
    let shown = |rollout: &Value| {
        let snapshot = Snapshot::of_object(Object::parse(rollout).unwrap());
        settled(plan.record(), &SeenWorkload { snapshot, replicasets_known: true }.into())
    };
    let lacks = "paused at 20 %, and its weight still goes to 50 %: abort takes it back";
    assert_eq!(shown(&rollout), Settled::Accepted(lacks.to_owned()));
    weigh(&mut rollout, 50);
    assert!(matches!(shown(&rollout), Settled::Done(_)), "{:?}", shown(&rollout));
    // Past its steps it becomes stable whoever has paused it.
    rollout["status"]["currentStepIndex"] = json!(4);
    assert!(matches!(shown(&rollout), Settled::Accepted(lacks) if lacks.contains("still goes to 100 %")));
    rollout["status"]["stableRS"] = json!("bad");
    assert!(matches!(shown(&rollout), Settled::Lost(why) if why.starts_with("it went to everybody all the same")));
    // Without a router pods are the weight, and they stay.
    let mut pods = canary("bad", "old", "Progressing");
    pods["status"]["currentStepIndex"] = json!(0);
    let plan = ask(&pods, &released(), Verb::Pause).map_err(|refusals| texts(&refusals)).unwrap();
    assert_eq!(plan.record().goes.len(), 1);
}

/// Argo Rollouts takes what is within `rollbackWindow` to everybody at once, and an abort back on the way.
#[test]
fn promotion_that_would_skip_all_steps_is_refused() {
    let mut rollout = canary("later", "later", "Healthy");
    let sets = [
        replicaset("later", 3, "2026-11-21T08:50:00Z", 2),
        replicaset("bad", 2, "2026-11-21T08:30:00Z", 0),
        replicaset("old", 1, "2026-11-21T08:00:00Z", 0),
    ];
    let to_bad = |rollout: &Value| ask_where_rejected(rollout, &sets, (Verb::Rollback, Some(2)), &["bad"]);
    let said = |refused: Result<_, Vec<_>>| refused.err().map(|refusals| texts(&refusals)).unwrap_or_default();
    let at_once = "bad would go to everybody at once";
    assert!(!said(to_bad(&rollout)).contains(at_once));
    rollout["spec"]["rollbackWindow"] = json!({"revisions": 3});
    assert!(said(to_bad(&rollout)).contains(at_once), "{}", said(to_bad(&rollout)));
    // What goes back is to be there at once.
    assert!(ask_back_to(&rollout, &sets, 1).is_ok());
    // Blue-green switches at once to pods that are marked to be scaled down.
    let mut rollout = rollout;
    rollout["spec"]["rollbackWindow"] = Value::Null;
    rollout["spec"]["strategy"] = json!({"blueGreen": {"activeService": "api", "autoPromotionEnabled": false}});
    rollout["status"]["blueGreen"] = json!({"activeSelector": "later"});
    let mut kept = sets.clone();
    kept[1]["spec"]["replicas"] = json!(2);
    kept[1]["metadata"]["annotations"]["scale-down-deadline"] = json!("2026-11-21T09:10:00Z");
    let refused = ask_where_rejected(&rollout, &kept, (Verb::Rollback, Some(2)), &["bad"]);
    assert!(said(refused).contains("without preview, pause or analysis"));
}
