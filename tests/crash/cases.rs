//! The cases: what is asked of which workload, how it stands before, and how the cluster shows that it was done.

use std::time::Duration;

use release_cockpit::domain::record::action::{PlanRecord, Verb};
use release_cockpit::domain::record::shared;
use serde_json::{Value, json};
use support::check::WAIT_TIMEOUT;
use support::manifests::{blue_green, canary, deployment, image, pause, weight};
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

/// How a workload stands before it is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialState {
    /// A new version waits for a person.
    Waits,
    /// The same, and paused manually.
    Held,
    /// The new version was aborted.
    Aborted,
    /// The new version is out.
    Out,
    /// It is out, and paused manually.
    OutHeld,
    /// A new version waits for a person, and the controller does not look: it is nudged, until it is let look.
    Unheeded,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Command,
    /// By these keys, and `y` to the dialog with this title.
    Keys(&'static str, &'static str),
    /// It is no action: a reviewer signs.
    Sign,
    /// It is no action: the screen is open, and counts.
    Count,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name in the report.
    pub name: &'static str,
    /// `Rollout` or `Deployment`.
    pub kind: &'static str,
    pub workload: &'static str,
    pub initial: InitialState,
    pub verb: Verb,
    pub how: How,
}

const fn case(name: &'static str, workload: &'static str, initial: InitialState, verb: Verb) -> Case {
    let kind = if matches!(workload.as_bytes(), b"web") { "Deployment" } else { "Rollout" };
    Case { name, kind, workload, initial, verb, how: How::Command }
}

const fn by_keys(case: Case, keys: &'static str, title: &'static str) -> Case {
    Case { how: How::Keys(keys, title), ..case }
}

const fn no_action(case: Case, how: How) -> Case {
    Case { how, ..case }
}

pub const ALL: &[Case] = &[
    case("canary: promote", "api", InitialState::Waits, Verb::Promote),
    case("canary: promote fully", "api", InitialState::Waits, Verb::PromoteFull),
    case("canary: pause", "api", InitialState::Waits, Verb::Pause),
    case("canary: resume", "api", InitialState::Held, Verb::Resume),
    case("canary: abort", "api", InitialState::Waits, Verb::Abort),
    case("canary: abort while held", "api", InitialState::Held, Verb::Abort),
    case("canary: retry", "api", InitialState::Aborted, Verb::Retry),
    case("canary: rollback to stable", "api", InitialState::Waits, Verb::Rollback),
    case("canary: rollback while held", "api", InitialState::Held, Verb::Rollback),
    case("canary: rollback of what is out", "api", InitialState::Out, Verb::Rollback),
    case("canary: restart", "api", InitialState::Waits, Verb::Restart),
    case("blue-green: promote", "blue", InitialState::Waits, Verb::Promote),
    case("blue-green: promote fully", "blue", InitialState::Waits, Verb::PromoteFull),
    case("blue-green: pause", "blue", InitialState::Waits, Verb::Pause),
    case("blue-green: resume", "blue", InitialState::Held, Verb::Resume),
    case("blue-green: abort", "blue", InitialState::Waits, Verb::Abort),
    case("blue-green: rollback", "blue", InitialState::Waits, Verb::Rollback),
    case("blue-green: restart", "blue", InitialState::Out, Verb::Restart),
    case("deployment: pause", "web", InitialState::Out, Verb::Pause),
    case("deployment: resume", "web", InitialState::OutHeld, Verb::Resume),
    case("deployment: rollback", "web", InitialState::Out, Verb::Rollback),
    case("deployment: restart", "web", InitialState::Out, Verb::Restart),
    case("canary: pause unheeded", "api", InitialState::Unheeded, Verb::Pause),
    case("blue-green: pause unheeded", "blue", InitialState::Unheeded, Verb::Pause),
    by_keys(case("canary: promote by key", "api", InitialState::Waits, Verb::Promote), "p", "Promote alice"),
    by_keys(case("canary: rollback by key", "api", InitialState::Waits, Verb::Rollback), "R", "Roll back alice"),
    by_keys(
        case("deployment: restart by name", "web", InitialState::Out, Verb::Restart),
        ":restart\r",
        "Restart alice",
    ),
    no_action(case("sign GO", "api", InitialState::Waits, Verb::Promote), How::Sign),
    no_action(case("count", "counted", InitialState::Waits, Verb::Promote), How::Count),
];

/// So many looks in a row must show it: a status is written in several steps.
const STEADY_POLLS: u32 = 4;

pub async fn create_workloads(namespace: &TestNamespace) -> Checked {
    let steps = [weight(50), pause(), weight(67), pause()];
    namespace.create_objects([canary("api", 2, &steps), deployment("web", 2)]).await?;
    namespace.create_objects(blue_green("blue", 2)).await?;
    let mut counted = canary("counted", 2, &steps);
    counted["spec"]["template"]["metadata"]["labels"]["cockpit.test/metrics"] = json!("true");
    namespace.create_objects([counted]).await?;
    for (kind, name) in [("Rollout", "api"), ("Rollout", "blue"), ("Deployment", "web"), ("Rollout", "counted")] {
        until(namespace, kind, name, "out", is_out).await?;
    }
    Ok(())
}

impl Case {
    /// Brings the workload to where it must stand, whatever the case before left; returns it.
    pub async fn prepare(&self, namespace: &TestNamespace, version: u32) -> Checked<Value> {
        // Trials share a namespace: what one of them asks for must not stand in the way of the next. There may be none yet.
        let _ = namespace.delete_object("ConfigMap", shared::NAME).await;
        let (kind, name) = (self.kind, self.workload);
        self.heed(namespace, true).await?;
        if namespace.get(kind, name).await?["spec"]["paused"] == true {
            namespace.merge(kind, name, json!({"spec": {"paused": false}})).await?;
        }
        // A full promotion that is still in progress would take the next version along.
        until(namespace, kind, name, "quiet", is_quiet).await?;
        let before = namespace.get(kind, name).await?["status"]["currentPodHash"].clone();
        namespace.set_image(kind, name, &image(name, &format!("1.{version}.0"))).await?;
        if kind == "Deployment" {
            until(namespace, kind, name, "out", is_out).await?;
        } else {
            // The pause of the version before may still be shown for a moment.
            let new = |object: &Value| object["status"]["currentPodHash"] != before && waits(object);
            until(namespace, kind, name, "waiting", new).await?;
        }
        match self.initial {
            InitialState::Waits => {}
            InitialState::Unheeded => self.heed(namespace, false).await?,
            InitialState::Held | InitialState::OutHeld => {
                namespace.merge(kind, name, json!({"spec": {"paused": true}})).await?;
                until(namespace, kind, name, "held", |object| observed(object) && object["spec"]["paused"] == true)
                    .await?;
            }
            InitialState::Aborted => {
                namespace.merge_status(kind, name, json!({"status": {"abort": true}})).await?;
                let aborted = |object: &Value| {
                    object["status"]["abortedAt"].is_string() && object["status"]["phase"] == "Degraded"
                };
                until(namespace, kind, name, "aborted", aborted).await?;
            }
            InitialState::Out if kind == "Deployment" => {}
            InitialState::Out => {
                namespace.merge_status(kind, name, json!({"status": {"promoteFull": true}})).await?;
                until(namespace, kind, name, "out", is_out).await?;
            }
        }
        namespace.get(kind, name).await
    }

    /// Lets the controller look at the workload, or not: what is another instance's it leaves alone.
    pub async fn heed(&self, namespace: &TestNamespace, looks: bool) -> Checked {
        if self.kind != "Rollout" {
            return Ok(());
        }
        let instance = if looks { Value::Null } else { json!("nobody") };
        let labels = json!({"argo-rollouts.argoproj.io/controller-instance-id": instance});
        namespace.merge(self.kind, self.workload, json!({"metadata": {"labels": labels}})).await
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
                // Where only the template was put back, the first step of a canary is all that users get.
                let for_everybody = self.kind != "Rollout" || status(now, "stableRS") == status(now, "currentPodHash");
                let wanted = record.to_images.first().is_some_and(|wanted| image(now) == **wanted);
                wanted && now["spec"]["paused"] != true && for_everybody
            }
            Verb::Restart => restarted(now) != restarted(before),
            Verb::Release => {
                let mark = &now["metadata"]["annotations"]["release-cockpit/released"];
                record.to_images.first().is_some_and(|wanted| image(now) == **wanted)
                    && mark.as_str() == record.mark.as_deref()
            }
            // About no workload: none of the cases asks for it.
            Verb::SuspendAutomation
            | Verb::ResumeAutomation
            | Verb::Revert
            | Verb::FlagOff
            | Verb::FlagOn
            | Verb::FlagSet
            | Verb::FlagLower
            | Verb::MoveTag => false,
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
async fn until(
    namespace: &TestNamespace,
    kind: &str,
    name: &str,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Checked {
    let mut looks = 0;
    let deadline = Instant::now() + WAIT_TIMEOUT;
    let mut touch = Instant::now() + Duration::from_secs(2);
    loop {
        let object = namespace.get(kind, name).await?;
        looks = if wanted(&object) { looks + 1 } else { 0 };
        if looks == STEADY_POLLS {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("{kind} {name} never got {what}; its status: {}", object["status"]).into());
        }
        if Instant::now() >= touch {
            touch += Duration::from_secs(2);
            let look = json!({"metadata": {"annotations": {"look": jiff::Timestamp::now().to_string()}}});
            namespace.merge(kind, name, look).await?;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
