//! Experiments: their pods are served beside stable and canary, and nothing is done while those of a bad version are.

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Verb;
use serde_json::json;
use support::check::{holds, same, says};
use support::manifests::{canary, image, pause, weight};
use support::{Checked, TestNamespace};

use super::fresh;

/// Three pods of 1.0.0 and one of 1.1.0, and in the experiment one and two more, with the same labels: a Service sends
/// requests to all seven. An abort is done when no pod of 1.1.0 is left, those of the experiment among them.
pub async fn pods_are_served_until_they_are_gone(namespace: &TestNamespace) -> Checked {
    let experiment = json!({"experiment": {
        "templates": [
            {"name": "baseline", "specRef": "stable", "replicas": 1},
            {"name": "candidate", "specRef": "canary", "replicas": 2},
        ],
        "scaleDownDelaySeconds": 5,
    }});
    let steps = [weight(25), experiment, weight(50), pause()];
    let mut cockpit = fresh(namespace, "rollout/api", [canary("api", 4, &steps)]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    let all_ready = |shares: &[u32]| shares == [4, 3];
    cockpit
        .until("seven pods", |view| {
            let shares: Vec<u32> = view.status.serving.shares.iter().map(|share| share.ready).collect();
            view.snapshot.experiments.iter().any(|experiment| experiment.phase == "Running") && all_ready(&shares)
        })
        .await?;
    let seen = cockpit.seen()?;
    same("who is served", &seen.status.serving.describe().as_str(), &"57 % of 1.0.0, 43 % of 1.1.0")?;
    says(seen.status.why.as_deref().unwrap_or_default(), "waits for experiment api-")?;
    cockpit.act(Verb::Abort).await?;
    let pods = namespace.list("Pod", "app=api").await?;
    let is_bad = |pod: &&serde_json::Value| {
        let ready = pod["status"]["conditions"].as_array().into_iter().flatten();
        let mut ready = ready.filter(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        pod["spec"]["containers"][0]["image"] == image("api", "1.1.0") && ready.next().is_some()
    };
    holds("no pod of 1.1.0 is ready", pods.iter().find(is_bad).is_none())?;
    cockpit.until("the abort", |view| view.is(Phase::Degraded) && view.status.serving.shares.len() == 1).await?;
    cockpit.check_life()
}
