//! Scheduler and kubelet in one: a pod gets a node, its containers start, run, crash, or never come.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Tools;
use super::events::Severity;
use super::pod_status::{container, container_id, image, node, pull_error, status, unschedulable};
use super::rollouts::spec::go_duration;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, stamp};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};
use crate::scenario::behaviour::{Behaviour, ContainerOutcome};

/// Between creation and a node, in scenario time.
const SCHEDULING_DELAY: Duration = Duration::from_millis(50);
/// Between failed pulls, in scenario time; doubles like the restarts.
const FIRST_PULL_BACK_OFF: Duration = Duration::from_secs(10);
/// Before the first restart of a crashed container, in scenario time; doubles up to [`MAX_BACK_OFF`].
pub const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
/// Longest wait between restarts, in scenario time.
const MAX_BACK_OFF: Duration = Duration::from_secs(300);
/// Annotation of a pod that says how long it takes to become ready, for tests.
const READY_AFTER: &str = "cockpit.test/ready-after";
/// Nodes that pods are spread over.
pub const NODE_COUNT: u64 = 3;

/// Stage of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodStage {
    New,
    /// On a node, containers not started.
    Creating,
    /// Containers run; `true` once ready.
    Running(bool),
    /// Containers have exited and wait to be restarted.
    BackOff,
    /// The image could not be pulled; `true` while waiting for the next try.
    PullFailed(bool),
    Unschedulable,
}

/// State of one pod.
#[derive(Debug, Clone)]
pub struct Run {
    pub stage: PodStage,
    pub due: Option<Timestamp>,
    pub restarts: u32,
    pub pulls: u32,
    pub started: Option<Timestamp>,
    pub last_exit: Option<Value>,
    pub number: u64,
}

/// State of all pods of a cluster.
#[derive(Debug, Default)]
pub struct Kubelet {
    runs: HashMap<String, Run>,
    count: u64,
    /// How many runs there may be before those of pods that are gone are forgotten.
    sweep_above: usize,
}

impl Kubelet {
    /// Moves one pod on, if its time has come.
    pub fn reconcile(&mut self, tools: &mut Tools, key: &Key) {
        let Some(pod) = tools.store.get(key) else {
            return;
        };
        let now = tools.clock.now();
        let uid = object::uid(&pod).to_owned();
        let count = &mut self.count;
        let run = self.runs.entry(uid.clone()).or_insert_with(|| {
            *count += 1;
            Run {
                stage: PodStage::New,
                due: Some(crate::clock::later(now, tools.clock.scale(SCHEDULING_DELAY))),
                restarts: 0,
                pulls: 0,
                started: None,
                last_exit: None,
                number: *count,
            }
        });
        match run.due {
            Some(due) if due <= now => {}
            Some(due) => {
                tools.queue.add_at(due, key.clone());
                return;
            }
            None => return,
        }
        let image = object::text(&pod, "/spec/containers/0/image").to_owned();
        let mut behaviour = tools.images.of(&image);
        if let Some(start_up) = object::annotation(&pod, READY_AFTER).and_then(go_duration) {
            // Given in real time.
            behaviour.start_up = tools.clock.scenario_time(start_up);
        }
        let wait = advance(run, tools, &pod, &behaviour, now);
        run.due = wait.map(|wait| tools.clock.after(tools.clock.scale(wait)));
        if let Some(due) = run.due {
            tools.queue.add_at(due, key.clone());
        }
        let written = run.clone();
        write_pod(tools, key, &pod, &written, now);
        if self.runs.len() > self.sweep_above.max(64) {
            self.forget_the_gone(tools);
        }
    }

    fn forget_the_gone(&mut self, tools: &Tools) {
        let pods = tools.store.list(Kind::Pod, None).1;
        let alive: HashSet<&str> = pods.iter().map(|pod| object::uid(pod)).collect();
        self.runs.retain(|uid, _| alive.contains(uid.as_str()));
        self.sweep_above = 2 * self.runs.len();
    }
}

/// Moves a pod to its next stage and returns how long that lasts in scenario time, `None` for ever.
fn advance(run: &mut Run, tools: &mut Tools, pod: &Value, behaviour: &Behaviour, now: Timestamp) -> Option<Duration> {
    let uid = object::uid(pod);
    match run.stage {
        PodStage::New if behaviour.fate == ContainerOutcome::CannotBeScheduled || !fits_a_node(tools, pod) => {
            run.stage = PodStage::Unschedulable;
            say(tools, pod, "default-scheduler", Severity::Warning, "FailedScheduling", unschedulable(pod));
            None
        }
        PodStage::Unschedulable => None,
        PodStage::New => {
            run.stage = PodStage::Creating;
            let message =
                format!("Successfully assigned {}/{} to {}", object::namespace(pod), object::name(pod), node(run));
            say(tools, pod, "default-scheduler", Severity::Normal, "Scheduled", &message);
            Some(behaviour.start_up.saturating_sub(SCHEDULING_DELAY))
        }
        PodStage::Creating | PodStage::PullFailed(true) if behaviour.fate == ContainerOutcome::CannotBePulled => {
            run.stage = PodStage::PullFailed(false);
            let message = pull_error(pod);
            say(tools, pod, "kubelet", Severity::Warning, "Failed", &message);
            Some(Duration::from_secs(3))
        }
        PodStage::PullFailed(false) => {
            run.stage = PodStage::PullFailed(true);
            run.pulls += 1;
            let message = format!("Back-off pulling image \"{}\"", image(pod));
            say(tools, pod, "kubelet", Severity::Normal, "BackOff", &message);
            Some(back_off(FIRST_PULL_BACK_OFF, run.pulls))
        }
        PodStage::Creating | PodStage::BackOff | PodStage::PullFailed(true) => {
            if run.stage == PodStage::BackOff {
                run.restarts += 1;
                tools.server.logs.restart(uid);
            }
            run.started = Some(now);
            for line in &behaviour.log {
                tools.server.logs.print(uid, line);
            }
            if behaviour.log.is_empty() {
                let line = format!("level=info msg=\"listening on :8080\" image={}", image(pod));
                tools.server.logs.print(uid, &line);
            }
            match &behaviour.fate {
                ContainerOutcome::Crashes { after, .. } => {
                    run.stage = PodStage::Running(false);
                    Some(*after)
                }
                ContainerOutcome::CrashesLater { after, .. } => {
                    run.stage = PodStage::Running(true);
                    Some(*after)
                }
                ContainerOutcome::NeverReady => {
                    run.stage = PodStage::Running(false);
                    say(
                        tools,
                        pod,
                        "kubelet",
                        Severity::Warning,
                        "Unhealthy",
                        "Readiness probe failed: HTTP probe failed with statuscode: 503",
                    );
                    None
                }
                _ => {
                    run.stage = PodStage::Running(true);
                    None
                }
            }
        }
        PodStage::Running(_) => {
            let (ContainerOutcome::Crashes { exit_code, .. } | ContainerOutcome::CrashesLater { exit_code, .. }) =
                behaviour.fate
            else {
                return None;
            };
            run.last_exit = Some(json!({"terminated": {
                "containerID": container_id(pod, run.restarts),
                "exitCode": exit_code,
                "finishedAt": stamp(now),
                "reason": if exit_code == 137 { "OOMKilled" } else { "Error" },
                "startedAt": stamp(run.started.unwrap_or(now)),
            }}));
            run.stage = PodStage::BackOff;
            let message = format!(
                "Back-off restarting failed container {} in pod {}_{}({uid})",
                container(pod),
                object::name(pod),
                object::namespace(pod),
            );
            say(tools, pod, "kubelet", Severity::Warning, "BackOff", &message);
            Some(back_off(FIRST_BACK_OFF, run.restarts + 1))
        }
    }
}

/// Returns whether a node has the labels that a pod asks for.
fn fits_a_node(tools: &Tools, pod: &Value) -> bool {
    let Some(Value::Object(wanted)) = pod.pointer("/spec/nodeSelector") else {
        return true;
    };
    tools
        .store
        .list(Kind::Node, None)
        .1
        .iter()
        .any(|node| wanted.iter().all(|(key, value)| object::label(node, key) == value.as_str()))
}

/// Returns how long the next wait is.
pub fn back_off(first: Duration, tries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(MAX_BACK_OFF)
}

fn say(tools: &mut Tools, pod: &Value, component: &str, severity: Severity, reason: &'static str, message: &str) {
    tools.events.record(&tools.store, pod, component, severity, reason, message);
}

fn write_pod(tools: &mut Tools, key: &Key, pod: &Value, run: &Run, now: Timestamp) {
    if run.stage != PodStage::Unschedulable && object::text(pod, "/spec/nodeName").is_empty() {
        let author = Author::update("kube-scheduler");
        let bound = tools.store.update(key, Part::Main, &author, |old| {
            let mut new = old.clone();
            object::set(&mut new, &["spec", "nodeName"], json!(node(run)));
            Ok(new)
        });
        if bound.is_err() {
            return;
        }
    }
    let status = status(pod, run, now);
    // A pod deleted in the meantime has no status to write.
    let _ = tools.store.update(key, Part::Status, &Author::update("kubelet"), |old| {
        let mut new = old.clone();
        new["status"] = status;
        Ok(new)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_slow_down_to_a_limit() {
        let waits: Vec<u64> = (1..8).map(|tries| back_off(FIRST_BACK_OFF, tries).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
    }
}
