//! Pods: the reason is the STATUS column of `kubectl get pods` (kubectl `pkg/printers/internalversion`, `printPod`).

use serde_json::Value;

use super::{conditions, count, list, text, time};
use crate::domain::facts::pod::Pod;

#[must_use]
pub fn pod(value: &Value) -> Pod {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    let labels = &metadata["labels"];
    let hash =
        [&labels["rollouts-pod-template-hash"], &labels["pod-template-hash"]].into_iter().find_map(Value::as_str);
    let statuses: Vec<&Value> = list(&status["containerStatuses"]).collect();
    let is_ready = |c: &&&Value| c["ready"] == true && c["state"]["running"].is_object();
    let sidecars = sidecars(spec, status);
    let ready = statuses.iter().filter(is_ready).count() + sidecars.iter().filter(is_ready).count();
    let all: Vec<&Value> = list(&status["initContainerStatuses"]).chain(statuses.iter().copied()).collect();
    let failing = failing_init(spec, status)
        .or_else(|| sidecars.iter().copied().find(|c| c["ready"] != true))
        .or_else(|| statuses.iter().copied().find(|c| c["ready"] != true))
        .or_else(|| statuses.first().copied());
    Pod {
        name: text(&metadata["name"]),
        hash: hash.unwrap_or_default().to_owned(),
        reason: reason(metadata, spec, status),
        message: message(status, failing),
        ready: ready as u32,
        total: (list(&spec["containers"]).count() + list(&spec["initContainers"]).filter(|c| is_restartable(c)).count())
            as u32,
        restarts: all.iter().map(|c| count(&c["restartCount"])).sum(),
        created: time(&metadata["creationTimestamp"]),
        start_seconds: start_seconds(metadata, status, &all),
        digests: all.iter().filter_map(|c| Some((text(&c["name"]), digest(&c["imageID"])?))).collect(),
        failing_container: failing.map(|c| text(&c["name"])).filter(|name| !name.is_empty()),
        ended: matches!(status["phase"].as_str(), Some("Failed" | "Succeeded")),
        unready: unready(status),
        warning: String::new(),
        restarted: failing.is_some_and(|c| count(&c["restartCount"]) > 0 && !c["state"]["running"].is_object()),
    }
}

/// Whether an init container is a sidecar, which runs beside the others.
fn is_restartable(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

/// Statuses of the sidecars.
fn sidecars<'a>(spec: &Value, status: &'a Value) -> Vec<&'a Value> {
    let is_sidecar =
        |c: &&Value| list(&spec["initContainers"]).any(|init| init["name"] == c["name"] && is_restartable(init));
    list(&status["initContainerStatuses"]).filter(is_sidecar).collect()
}

/// The init container that the others wait for, where it does not simply run.
fn failing_init<'a>(spec: &Value, status: &'a Value) -> Option<&'a Value> {
    init_reason(spec, status)?;
    list(&status["initContainerStatuses"]).find(|c| {
        let terminated = &c["state"]["terminated"];
        c["state"]["waiting"]["reason"].as_str().is_some_and(|reason| reason != "PodInitializing")
            || terminated.is_object() && count(&terminated["exitCode"]) != 0
    })
}

fn digest(image_id: &Value) -> Option<String> {
    let image_id = image_id.as_str()?;
    let at = image_id.find("sha256:")?;
    Some(image_id[at..].to_owned())
}

fn reason(metadata: &Value, spec: &Value, status: &Value) -> String {
    let mut reason = text(&status["phase"]);
    if let Some(own) = status["reason"].as_str().filter(|own| !own.is_empty()) {
        own.clone_into(&mut reason);
    }
    if conditions(status).iter().any(|c| c.kind == "PodScheduled" && c.reason == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut reason);
    }
    if let Some(init) = init_reason(spec, status) {
        reason = init;
    } else {
        reason = container_reason(status, reason);
    }
    if metadata["deletionTimestamp"].is_string() {
        return if status["reason"] == "NodeLost" { "Unknown" } else { "Terminating" }.to_owned();
    }
    reason
}

/// The reason while init containers run; `None` when they are through.
fn init_reason(spec: &Value, status: &Value) -> Option<String> {
    let total = list(&spec["initContainers"]).count();
    for (index, container) in list(&status["initContainerStatuses"]).enumerate() {
        let terminated = &container["state"]["terminated"];
        let sidecar = list(&spec["initContainers"])
            .any(|init| init["name"] == container["name"] && init["restartPolicy"] == "Always");
        if terminated.is_object() && count(&terminated["exitCode"]) == 0 || sidecar && container["started"] == true {
            continue;
        }
        if terminated.is_object() {
            return Some(format!("Init:{}", ended(terminated)));
        }
        let waiting = text(&container["state"]["waiting"]["reason"]);
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return Some(format!("Init:{waiting}"));
        }
        return Some(format!("Init:{index}/{total}"));
    }
    None
}

fn ended(terminated: &Value) -> String {
    let reason = text(&terminated["reason"]);
    if !reason.is_empty() {
        return reason;
    }
    match count(&terminated["signal"]) {
        0 => format!("ExitCode:{}", count(&terminated["exitCode"])),
        signal => format!("Signal:{signal}"),
    }
}

fn container_reason(status: &Value, mut reason: String) -> String {
    let mut has_running = false;
    // From the last to the first, as kubectl does: the first container's reason wins.
    for container in list(&status["containerStatuses"]).collect::<Vec<_>>().into_iter().rev() {
        let state = &container["state"];
        let waiting = text(&state["waiting"]["reason"]);
        if !waiting.is_empty() {
            reason = waiting;
        } else if state["terminated"].is_object() {
            reason = ended(&state["terminated"]);
        } else if container["ready"] == true && state["running"].is_object() {
            has_running = true;
        }
    }
    if reason == "Completed" && has_running {
        let ready = conditions(status).iter().any(|c| c.kind == "Ready" && c.status == "True");
        return if ready { "Running" } else { "NotReady" }.to_owned();
    }
    reason
}

/// What the condition `Ready` lacks; nothing where it is met, or not said.
fn unready(status: &Value) -> String {
    let ready =
        conditions(status).into_iter().find(|condition| condition.kind == "Ready" && condition.status != "True");
    let or = |text: String, other: String| if text.is_empty() { other } else { text };
    ready.map_or_else(String::new, |ready| or(or(ready.message, ready.reason), "not ready".to_owned()))
}

/// From creation to the condition `Ready`, where no container was restarted.
fn start_seconds(metadata: &Value, status: &Value, containers: &[&Value]) -> Option<u32> {
    if containers.iter().any(|container| count(&container["restartCount"]) > 0) {
        return None;
    }
    let ready = list(&status["conditions"]).find(|condition| condition["type"] == "Ready");
    let since = time(&ready.filter(|ready| ready["status"] == "True")?["lastTransitionTime"])?;
    u32::try_from(since.duration_since(time(&metadata["creationTimestamp"])?).as_secs()).ok()
}

/// The text behind a bad reason: of a waiting or ended container, else of the scheduler, else the pod's own. What one
/// container waits for is not put beside how another one ended.
fn message(status: &Value, failing: Option<&Value>) -> String {
    let statuses = || list(&status["initContainerStatuses"]).chain(list(&status["containerStatuses"]));
    let all = || failing.into_iter().chain(statuses().filter(|_| failing.is_none()));
    let waiting = all().map(|c| text(&c["state"]["waiting"]["message"])).find(|message| !message.is_empty());
    let last_exit = || {
        all().find_map(|c| {
            let ended_before =
                [&c["state"]["terminated"], &c["lastState"]["terminated"]].into_iter().find(|t| t.is_object())?;
            (count(&ended_before["exitCode"]) != 0).then(|| {
                format!("last exit {} {}", count(&ended_before["exitCode"]), text(&ended_before["reason"]))
                    .trim_end()
                    .to_owned()
            })
        })
    };
    let unscheduled = || {
        conditions(status)
            .into_iter()
            .find(|c| c.kind == "PodScheduled" && c.status == "False")
            .map(|c| format!("{}: {}", c.reason, c.message))
    };
    let waiting =
        waiting.map(|waiting| last_exit().map_or_else(|| waiting.clone(), |exit| format!("{waiting}, {exit}")));
    waiting.or_else(last_exit).or_else(unscheduled).unwrap_or_else(|| text(&status["message"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: &Value) -> Pod {
        pod(
            &json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}]}, "status": status}),
        )
    }

    #[test]
    fn reasons_match_kubectl() {
        let waiting = json!({"phase": "Running", "containerStatuses": [
            {"name": "a", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
             "lastState": {"terminated": {"exitCode": 1}}}]});
        let pod = of(&waiting);
        assert_eq!(
            (pod.reason.as_str(), pod.restarts, pod.message.as_str()),
            ("CrashLoopBackOff", 4, "back-off 40s, last exit 1")
        );
        assert!(pod.is_failing() && pod.restarted);
        let init = json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]});
        assert_eq!(of(&init).reason, "Init:0/1");
        let ended = json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]});
        assert_eq!(of(&ended).reason, "ExitCode:3");
        let pending = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]});
        let pod = of(&pending);
        assert_eq!((pod.reason.as_str(), pod.message.as_str()), ("Pending", "Unschedulable: 0/3 nodes"));
        assert!(pod.is_failing());
    }

    #[test]
    fn the_digest_is_read_from_the_image_id() {
        let running = json!({"phase": "Running", "containerStatuses": [
            {"ready": true, "state": {"running": {}}, "imageID": "docker.io/team/api@sha256:9f2c41ab"}]});
        let pod = of(&running);
        assert!(pod.is_ready());
        assert_eq!(pod.digests.into_values().collect::<Vec<_>>(), ["sha256:9f2c41ab"]);
    }
}
