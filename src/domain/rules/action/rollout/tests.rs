//! What the controller of Argo Rollouts does otherwise than its states suggest.

use serde_json::{Value, json};

use crate::domain::record::action::Verb;
use crate::domain::rules::action::tests::{ask, canary, history, released, texts};

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
