//! The scenes: what is asked of which workload, how it stands before, and how the cluster shows that it was done.

use std::time::Duration;

use release_cockpit::domain::action::{PlanRecord, Verb};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Checked;
use crate::manifests::{blue_green, canary, deployment, image, pause, weight};
use crate::stage::{PATIENCE, Stage};

/// How a workload stands before it is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// A new version waits for a person.
    Waits,
    /// The same, and held by hand.
    Held,
    /// The new version was aborted.
    Aborted,
    /// The new version is out.
    Out,
    /// It is out, and held by hand.
    OutHeld,
    /// A new version waits for a person, and the controller does not look: it is nudged, until it is let look.
    Unheeded,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By a command.
    Command,
    /// By these keys, and `y` to the dialog with this title.
    Keys(&'static str, &'static str),
    /// It is no action: a reviewer signs.
    Sign,
    /// It is no action: the screen is open, and counts.
    Count,
}

/// One scene.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name in the report.
    pub name: &'static str,
    /// `Rollout` or `Deployment`.
    pub kind: &'static str,
    /// Name of the workload.
    pub workload: &'static str,
    /// How it stands.
    pub stand: Stand,
    /// What is asked.
    pub verb: Verb,
    /// How.
    pub how: How,
}

const fn scene(name: &'static str, workload: &'static str, stand: Stand, verb: Verb) -> Scene {
    let kind = if matches!(workload.as_bytes(), b"web") { "Deployment" } else { "Rollout" };
    Scene { name, kind, workload, stand, verb, how: How::Command }
}

const fn by_keys(scene: Scene, keys: &'static str, title: &'static str) -> Scene {
    Scene { how: How::Keys(keys, title), ..scene }
}

const fn no_action(scene: Scene, how: How) -> Scene {
    Scene { how, ..scene }
}

/// All scenes.
pub const ALL: &[Scene] = &[
    scene("canary: promote", "api", Stand::Waits, Verb::Promote),
    scene("canary: promote fully", "api", Stand::Waits, Verb::PromoteFull),
    scene("canary: pause", "api", Stand::Waits, Verb::Pause),
    scene("canary: resume", "api", Stand::Held, Verb::Resume),
    scene("canary: abort", "api", Stand::Waits, Verb::Abort),
    scene("canary: abort while held", "api", Stand::Held, Verb::Abort),
    scene("canary: retry", "api", Stand::Aborted, Verb::Retry),
    scene("canary: rollback to stable", "api", Stand::Waits, Verb::Rollback),
    scene("canary: rollback while held", "api", Stand::Held, Verb::Rollback),
    scene("canary: rollback of what is out", "api", Stand::Out, Verb::Rollback),
    scene("canary: restart", "api", Stand::Waits, Verb::Restart),
    scene("blue-green: promote", "blue", Stand::Waits, Verb::Promote),
    scene("blue-green: promote fully", "blue", Stand::Waits, Verb::PromoteFull),
    scene("blue-green: pause", "blue", Stand::Waits, Verb::Pause),
    scene("blue-green: resume", "blue", Stand::Held, Verb::Resume),
    scene("blue-green: abort", "blue", Stand::Waits, Verb::Abort),
    scene("blue-green: rollback", "blue", Stand::Waits, Verb::Rollback),
    scene("blue-green: restart", "blue", Stand::Out, Verb::Restart),
    scene("deployment: pause", "web", Stand::Out, Verb::Pause),
    scene("deployment: resume", "web", Stand::OutHeld, Verb::Resume),
    scene("deployment: rollback", "web", Stand::Out, Verb::Rollback),
    scene("deployment: restart", "web", Stand::Out, Verb::Restart),
    scene("canary: pause unheeded", "api", Stand::Unheeded, Verb::Pause),
    scene("blue-green: pause unheeded", "blue", Stand::Unheeded, Verb::Pause),
    by_keys(scene("canary: promote by key", "api", Stand::Waits, Verb::Promote), "p", "Promote alice"),
    by_keys(scene("canary: rollback by key", "api", Stand::Waits, Verb::Rollback), "R", "Roll back alice"),
    by_keys(scene("deployment: restart by name", "web", Stand::Out, Verb::Restart), ":restart\r", "Restart alice"),
    no_action(scene("sign GO", "api", Stand::Waits, Verb::Promote), How::Sign),
    no_action(scene("count", "counted", Stand::Waits, Verb::Promote), How::Count),
];

/// So many looks in a row must show it: a status is written in several steps.
const STEADY: u32 = 4;

/// Makes the workloads of a stage.
pub async fn furnish(stage: &Stage) -> Checked {
    let steps = [weight(50), pause(), weight(67), pause()];
    stage.make([canary("api", 2, &steps), deployment("web", 2)]).await?;
    stage.make(blue_green("blue", 2)).await?;
    let mut counted = canary("counted", 2, &steps);
    counted["spec"]["template"]["metadata"]["labels"]["cockpit.test/metrics"] = json!("true");
    stage.make([counted]).await?;
    for (kind, name) in [("Rollout", "api"), ("Rollout", "blue"), ("Deployment", "web"), ("Rollout", "counted")] {
        until(stage, kind, name, "out", is_out).await?;
    }
    Ok(())
}

impl Scene {
    /// Brings the workload to where it must stand, whatever the scene before left; returns it.
    pub async fn set(&self, stage: &Stage, version: u32) -> Checked<Value> {
        let (kind, name) = (self.kind, self.workload);
        self.heed(stage, true).await?;
        if stage.get(kind, name).await?["spec"]["paused"] == true {
            stage.merge(kind, name, json!({"spec": {"paused": false}})).await?;
        }
        // A full promotion that is still on its way would take the next version along.
        until(stage, kind, name, "quiet", is_quiet).await?;
        let before = stage.get(kind, name).await?["status"]["currentPodHash"].clone();
        stage.set_image(kind, name, &image(name, &format!("1.{version}.0"))).await?;
        if kind == "Deployment" {
            until(stage, kind, name, "out", is_out).await?;
        } else {
            // The pause of the version before may still be shown for a moment.
            let new = |object: &Value| object["status"]["currentPodHash"] != before && waits(object);
            until(stage, kind, name, "waiting", new).await?;
        }
        match self.stand {
            Stand::Waits => {}
            Stand::Unheeded => self.heed(stage, false).await?,
            Stand::Held | Stand::OutHeld => {
                stage.merge(kind, name, json!({"spec": {"paused": true}})).await?;
                until(stage, kind, name, "held", |object| observed(object) && object["spec"]["paused"] == true).await?;
            }
            Stand::Aborted => {
                stage.merge_status(kind, name, json!({"status": {"abort": true}})).await?;
                let aborted = |object: &Value| {
                    object["status"]["abortedAt"].is_string() && object["status"]["phase"] == "Degraded"
                };
                until(stage, kind, name, "aborted", aborted).await?;
            }
            Stand::Out if kind == "Deployment" => {}
            Stand::Out => {
                stage.merge_status(kind, name, json!({"status": {"promoteFull": true}})).await?;
                until(stage, kind, name, "out", is_out).await?;
            }
        }
        stage.get(kind, name).await
    }

    /// Lets the controller look at the workload, or not: what is another instance's it leaves alone.
    pub async fn heed(&self, stage: &Stage, looks: bool) -> Checked {
        if self.kind != "Rollout" {
            return Ok(());
        }
        let instance = if looks { Value::Null } else { json!("nobody") };
        let labels = json!({"argo-rollouts.argoproj.io/controller-instance-id": instance});
        stage.merge(self.kind, self.workload, json!({"metadata": {"labels": labels}})).await
    }

    /// Returns whether the object, which stood as `before`, shows that the action was done.
    pub fn shows(&self, before: &Value, now: &Value, record: &PlanRecord) -> bool {
        let status = |object: &Value, field: &str| object["status"][field].clone();
        let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        let restarted = |object: &Value| {
            let annotations = &object["spec"]["template"]["metadata"]["annotations"];
            (object["spec"]["restartAt"].clone(), annotations["kubectl.kubernetes.io/restartedAt"].clone())
        };
        let gone_out = || {
            let hash = status(before, "currentPodHash");
            status(now, "stableRS") == hash || now["status"]["blueGreen"]["activeSelector"] == hash
        };
        match self.verb {
            Verb::Promote | Verb::PromoteFull => {
                status(now, "currentStepIndex").as_u64() > status(before, "currentStepIndex").as_u64() || gone_out()
            }
            Verb::Pause => now["spec"]["paused"] == true,
            Verb::Resume => now["spec"]["paused"] != true,
            Verb::Abort => status(now, "abort") == true && now["spec"]["paused"] != true,
            Verb::Retry => status(now, "abort") != true,
            Verb::Rollback => {
                record.to_images.first().is_some_and(|wanted| image(now) == **wanted) && now["spec"]["paused"] != true
            }
            Verb::Restart => restarted(now) != restarted(before),
        }
    }
}

fn observed(object: &Value) -> bool {
    let seen = &object["status"]["observedGeneration"];
    // Rollouts write it as text.
    let seen = seen.as_i64().or_else(|| seen.as_str().and_then(|text| text.parse().ok()));
    seen.is_some() && seen >= object["metadata"]["generation"].as_i64()
}

fn is_deployment(object: &Value) -> bool {
    object["kind"] == "Deployment"
}

fn all_ready(object: &Value) -> bool {
    let (wanted, status) = (&object["spec"]["replicas"], &object["status"]);
    ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|field| status[*field] == *wanted)
}

fn is_out(object: &Value) -> bool {
    let status = &object["status"];
    let finished = status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"];
    observed(object) && (is_deployment(object) && all_ready(object) || finished)
}

fn is_quiet(object: &Value) -> bool {
    let status = &object["status"];
    let rests = matches!(status["phase"].as_str(), Some("Healthy" | "Paused" | "Degraded"));
    observed(object) && (is_deployment(object) && all_ready(object) || rests && status["promoteFull"] != true)
}

fn waits(object: &Value) -> bool {
    let status = &object["status"];
    let at_pause = status["pauseConditions"].as_array().is_some_and(|pauses| !pauses.is_empty());
    let first_pause = object["spec"]["strategy"]["canary"].is_null() || status["currentStepIndex"] == 1;
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    observed(object)
        && image.is_string()
        && status["phase"] == "Paused"
        && status["controllerPause"] == true
        && at_pause
        && first_pause
        && status["abort"] != true
        && status["currentPodHash"] != status["stableRS"]
}

/// Waits until an object is as wanted; touches it now and then, for its controller overlooks what comes right after a
/// write of its own.
async fn until(stage: &Stage, kind: &str, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Checked {
    let mut looks = 0;
    let deadline = Instant::now() + PATIENCE;
    let mut touch = Instant::now() + Duration::from_secs(2);
    loop {
        let object = stage.get(kind, name).await?;
        looks = if wanted(&object) { looks + 1 } else { 0 };
        if looks == STEADY {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("{kind} {name} never got {what}; its status: {}", object["status"]).into());
        }
        if Instant::now() >= touch {
            touch += Duration::from_secs(2);
            let look = json!({"metadata": {"annotations": {"look": jiff::Timestamp::now().to_string()}}});
            stage.merge(kind, name, look).await?;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
