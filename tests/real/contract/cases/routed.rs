//! A canary whose weight is set at an Ingress.

use release_cockpit::domain::facts::workload::{Phase, Weight};
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::same;
use support::manifests::{image, pause, traffic_routed, weight};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";

fn weights(cockpit: &Cockpit) -> Checked<Option<Weight>> {
    Ok(cockpit.seen()?.status.weight)
}

/// Set and actual weight follow the router, through promotion, abort with its delay, and retry to the end.
pub async fn weight_abort_and_retry(namespace: &TestNamespace) -> Checked {
    let steps = [weight(5), pause(), weight(50), pause()];
    let mut cockpit = fresh(namespace, API, traffic_routed("api", 4, &steps)).await?;
    cockpit.picture(namespace).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    same("weights", &weights(&cockpit)?, &Some(Weight { set: 5, actual: 5, max: 100 }))?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.picture(namespace).await?;
    same("weights", &weights(&cockpit)?, &Some(Weight { set: 50, actual: 50, max: 100 }))?;
    cockpit.act(Verb::Abort).await?;
    cockpit
        .until("weight 0", |view| view.is(Phase::Degraded) && view.status.weight.is_some_and(|w| w.actual == 0))
        .await?;
    // The canary's pods stay for abortScaleDownDelaySeconds; a retry in that time runs all steps too.
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Retry).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Abort).await?;
    cockpit.until("no canary pods", |view| view.snapshot.pods.len() == 4).await?;
    cockpit.picture(namespace).await?;
    cockpit.act(Verb::Retry).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until("1.1.0", |view| view.is(Phase::Healthy) && view.goes_out() == "1.1.0").await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// `maxTrafficWeight` makes the whole another number than 100.
pub async fn max_traffic_weight(namespace: &TestNamespace) -> Checked {
    let steps = [weight(250), pause()];
    let mut objects = traffic_routed("api", 2, &steps);
    let rollout = objects.last_mut().ok_or("no rollout")?;
    rollout["spec"]["strategy"]["canary"]["trafficRouting"]["maxTrafficWeight"] = json!(1000);
    // An Ingress takes the whole as an annotation of its own.
    let extra: Value = json!({"canary-weight-total": "1000"});
    rollout["spec"]["strategy"]["canary"]["trafficRouting"]["nginx"]["additionalIngressAnnotations"] = extra;
    let mut cockpit = fresh(namespace, API, objects).await?;
    cockpit.picture(namespace).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.picture(namespace).await?;
    same("weights", &weights(&cockpit)?, &Some(Weight { set: 250, actual: 250, max: 1000 }))?;
    same("progress", &cockpit.seen()?.status.progress, &25)?;
    cockpit.check_life()
}

/// A pause while the router sends part of the traffic, and an abort under it.
pub async fn abort_while_held(namespace: &TestNamespace) -> Checked {
    let steps = [weight(20), pause(), weight(50), pause()];
    let mut cockpit = fresh(namespace, API, traffic_routed("api", 3, &steps)).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Pause).await?;
    cockpit.act(Verb::Abort).await?;
    cockpit.until("stable alone", |view| view.is(Phase::Degraded) && view.snapshot.pods.len() == 3).await?;
    same("weights", &weights(&cockpit)?.map(|weight| weight.actual), &Some(0))?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}
