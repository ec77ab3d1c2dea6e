//! What kubelet reports of a pod.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::pods::{FIRST_BACK_OFF, NODE_COUNT, PodStage, Run, back_off};
use crate::kubernetes::object::{self, stamp};

/// Returns the status of a pod.
pub fn status(pod: &Value, run: &Run, now: Timestamp) -> Value {
    let qos = object::text(pod, "/status/qosClass");
    if run.stage == PodStage::Unschedulable {
        return json!({
            "conditions": [{
                "lastProbeTime": null,
                "lastTransitionTime": stamp(now),
                "message": unschedulable(pod),
                "reason": "Unschedulable",
                "status": "False",
                "type": "PodScheduled",
            }],
            "phase": "Pending",
            "qosClass": qos,
        });
    }
    let ready = run.stage == PodStage::Running(true);
    let running = matches!(run.stage, PodStage::Running(_) | PodStage::BackOff);
    let condition = |kind: &str, holds: bool| {
        // The time of the last change of this condition, if it was the same before.
        let before = object::items(pod, "/status/conditions").iter().find(|c| object::text(c, "/type") == kind);
        let word = if holds { "True" } else { "False" };
        let since = before
            .filter(|c| object::text(c, "/status") == word)
            .map_or_else(|| stamp(now), |c| object::text(c, "/lastTransitionTime").to_owned());
        let mut condition = json!({
            "lastProbeTime": null,
            "lastTransitionTime": since,
            "status": word,
            "type": kind,
        });
        if !holds && matches!(kind, "Ready" | "ContainersReady") {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!(format!("containers with unready status: [{}]", container(pod)));
        }
        condition
    };
    let statuses: Vec<Value> =
        object::items(pod, "/spec/containers").iter().map(|spec| container_status(pod, spec, run)).collect();
    let start = match object::text(pod, "/status/startTime") {
        "" => stamp(now),
        start => start.to_owned(),
    };
    let mut status = json!({
        "conditions": [
            condition("PodReadyToStartContainers", true),
            condition("Initialized", true),
            condition("Ready", ready),
            condition("ContainersReady", ready),
            condition("PodScheduled", true),
        ],
        "containerStatuses": statuses,
        "hostIP": "127.0.0.1",
        "phase": if running { "Running" } else { "Pending" },
        "qosClass": qos,
        "startTime": start,
    });
    if running || matches!(run.stage, PodStage::PullFailed(_)) {
        let ip = format!("10.0.{}.{}", run.number / 250, run.number % 250 + 1);
        status["podIPs"] = json!([{"ip": ip}]);
        status["podIP"] = json!(ip);
    }
    status
}

fn container_status(pod: &Value, spec: &Value, run: &Run) -> Value {
    let image = object::text(spec, "/image");
    let started = stamp(run.started.unwrap_or_default());
    let name = object::text(spec, "/name");
    let crash_message = || {
        let wait = back_off(FIRST_BACK_OFF, run.restarts + 1).as_secs();
        format!(
            "back-off {} restarting failed container={name} pod={}_{}({})",
            if wait >= 60 { format!("{}m{}s", wait / 60, wait % 60) } else { format!("{wait}s") },
            object::name(pod),
            object::namespace(pod),
            object::uid(pod),
        )
    };
    let (state, ready, is_started) = match run.stage {
        PodStage::New | PodStage::Creating | PodStage::Unschedulable => {
            (json!({"waiting": {"reason": "ContainerCreating"}}), false, false)
        }
        PodStage::Running(ready) => (json!({"running": {"startedAt": started}}), ready, true),
        PodStage::BackOff => {
            (json!({"waiting": {"message": crash_message(), "reason": "CrashLoopBackOff"}}), false, false)
        }
        PodStage::PullFailed(false) => {
            (json!({"waiting": {"message": pull_error(pod), "reason": "ErrImagePull"}}), false, false)
        }
        PodStage::PullFailed(true) => (
            json!({"waiting": {
                "message": format!("Back-off pulling image \"{image}\": ErrImagePull: {}", pull_error(pod)),
                "reason": "ImagePullBackOff",
            }}),
            false,
            false,
        ),
    };
    let has_run = run.started.is_some();
    let mut status = json!({
        "image": image,
        "imageID": if has_run { image_id(image) } else { String::new() },
        "lastState": run.last_exit.clone().unwrap_or(json!({})),
        "name": name,
        "ready": ready,
        "restartCount": run.restarts,
        "started": is_started,
        "state": state,
    });
    if has_run {
        status["containerID"] = json!(container_id(pod, run.restarts));
    }
    status
}

/// Returns what the scheduler says of a pod that no node takes.
pub fn unschedulable(pod: &Value) -> &'static str {
    if pod.pointer("/spec/nodeSelector").is_some() {
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are \
         available: 3 Preemption is not helpful for scheduling."
    } else {
        "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims \
         found for incoming pod."
    }
}

/// Returns the image of the first container.
pub fn image(pod: &Value) -> &str {
    object::text(pod, "/spec/containers/0/image")
}

/// Returns the name of the first container.
pub fn container(pod: &Value) -> &str {
    object::text(pod, "/spec/containers/0/name")
}

/// Returns the node of a pod.
pub fn node(run: &Run) -> String {
    format!("node-{}", run.number % NODE_COUNT + 1)
}

/// Returns why an image cannot be pulled.
pub fn pull_error(pod: &Value) -> String {
    let image = image(pod);
    format!("failed to resolve reference \"{image}\": not found")
}

/// Returns the image by digest, as a container runtime reports it. The digest follows from the name alone.
pub fn image_id(image: &str) -> String {
    let (named, digest) = match image.split_once('@') {
        Some((named, digest)) => (named, digest.to_owned()),
        None => (image, format!("sha256:{}", hex(image))),
    };
    let slash = named.rfind('/').unwrap_or(0);
    let repository = match named[slash..].find(':') {
        Some(colon) => &named[..slash + colon],
        None => named,
    };
    format!("{repository}@{digest}")
}

/// Returns the id of a container of a pod, another one after each restart.
pub fn container_id(pod: &Value, restarts: u32) -> String {
    format!("containerd://{}", hex(&format!("{}/{restarts}", object::uid(pod))))
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_reported_by_digest() {
        let id = image_id("registry.test:5000/payments-api:1.5.0");
        assert!(id.starts_with("registry.test:5000/payments-api@sha256:"), "{id}");
        assert_eq!(id.len(), "registry.test:5000/payments-api@sha256:".len() + 64);
        assert_eq!(image_id("web:1"), image_id("web:1"));
        assert_ne!(image_id("web:1"), image_id("web:2"));
    }
}
