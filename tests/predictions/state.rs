//! The states: where a release stands when a verb is asked for.

use std::time::Duration;

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::WAIT_TIMEOUT;
use support::manifests::template;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use super::oracle::{Look, look};
use super::strategy::Strategy;
use crate::contract::cockpit::{Cockpit, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 1.0.0 serves, and nothing else was ever there.
    Fresh,
    /// 1.1.0 goes out, and its pods do not get ready yet.
    MidStep,
    /// 1.1.0 waits at its first pause.
    PausedAtStep,
    /// 1.1.0 is at an analysis or experiment that goes on; with blue-green, after the switch.
    InStep,
    /// The same, and a person paused it as well.
    PausedByPerson,
    /// 1.1.0 was aborted.
    Aborted,
    /// The controller gave up waiting for 1.1.0.
    Degraded,
    /// 1.1.0 serves everybody, and nothing of 1.0.0 is left.
    Released,
    /// Somebody put 1.0.0 back with kubectl, and it waits at its first pause, or for a switch that does not come.
    RollingBack,
    /// 1.1.0 was rolled back.
    RolledBack,
}

impl State {
    pub const ALL: [Self; 10] = [
        Self::Fresh,
        Self::MidStep,
        Self::PausedAtStep,
        Self::InStep,
        Self::PausedByPerson,
        Self::Aborted,
        Self::Degraded,
        Self::Released,
        Self::RollingBack,
        Self::RolledBack,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::MidStep => "mid_step",
            Self::PausedAtStep => "paused_at_step",
            Self::InStep => "in_step",
            Self::PausedByPerson => "paused_by_person",
            Self::Aborted => "aborted",
            Self::Degraded => "degraded",
            Self::Released => "released",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether a workload of this strategy can be in it.
    pub fn fits(self, strategy: Strategy) -> bool {
        match self {
            Self::InStep => strategy.is_endless(),
            Self::RollingBack if strategy.has_post_analysis() => true,
            _ if strategy.is_endless() => false,
            Self::PausedAtStep | Self::Aborted => strategy.is_rollout(),
            // Within the window there are no steps, and a switch goes back at once while pods are there.
            Self::RollingBack => strategy.is_rollout() && strategy != Strategy::RollbackWindow,
            _ => true,
        }
    }

    pub async fn bring_about(self, namespace: &TestNamespace, strategy: Strategy, cockpit: &mut Cockpit) -> Checked {
        self.bring_about_with(Setup { namespace, strategy, ready_after: None }, cockpit).await
    }

    /// The same with pods that take so many seconds to get ready.
    pub async fn bring_about_slowly(
        self,
        namespace: &TestNamespace,
        strategy: Strategy,
        cockpit: &mut Cockpit,
        seconds: u32,
    ) -> Checked {
        let ready_after = Some(format!("{seconds}s"));
        self.bring_about_with(Setup { namespace, strategy, ready_after }, cockpit).await
    }

    async fn bring_about_with(self, bed: Setup<'_>, cockpit: &mut Cockpit) -> Checked {
        let (namespace, strategy) = (bed.namespace, bed.strategy);
        bed.create(self == Self::Degraded).await?;
        match self {
            Self::Fresh => Ok(()),
            Self::MidStep => {
                bed.deploy("1.1.0", Some("900s")).await?;
                bed.goes_out().await
            }
            Self::PausedAtStep => bed.pause_at_step().await,
            Self::InStep => bed.come_to_step().await,
            Self::PausedByPerson => {
                if strategy.is_rollout() {
                    bed.pause_at_step().await?;
                } else {
                    bed.deploy("1.1.0", Some("900s")).await?;
                    bed.goes_out().await?;
                }
                namespace.merge(strategy.kind(), "api", json!({"spec": {"paused": true}})).await?;
                bed.until("the controller's look", is_observed).await
            }
            Self::Aborted => {
                bed.pause_at_step().await?;
                namespace.merge_status("Rollout", "api", json!({"status": {"abort": true}})).await?;
                bed.until("the abort", |look| look.object["status"]["phase"] == "Degraded" && look.serves("1.0.0"))
                    .await?;
                // Until the pods of an aborted preview are gone a retry would switch to them at once.
                bed.until("no pods of it", |look| {
                    strategy.is_routed() || !strategy.is_blue_green() || is_scaled_down(look)
                })
                .await
            }
            Self::Degraded => {
                bed.deploy("1.1.0", Some("900s")).await?;
                bed.until("the deadline", gave_up).await
            }
            Self::Released => bed.release().await,
            Self::RollingBack if strategy.has_post_analysis() => {
                bed.come_to_step().await?;
                bed.deploy("1.0.0", None).await?;
                bed.until("1.0.0 in the manifest alone", |look| {
                    let status = &look.object["status"];
                    is_observed(look)
                        && look.serves("1.1.0")
                        && status["currentPodHash"] == status["stableRS"]
                        && status["blueGreen"]["activeSelector"] != status["stableRS"]
                })
                .await
            }
            Self::RollingBack => {
                bed.release().await?;
                bed.deploy("1.0.0", None).await?;
                bed.until("a pause", |look| look.rests() && bed.is_under_way(look)).await
            }
            Self::RolledBack => {
                bed.release().await?;
                // Pods of 1.0.0 may stay for a while.
                let is_out = |view: &View<'_>| view.is(Phase::Healthy) && view.status.canary.is_none();
                cockpit.until("1.1.0", |view| is_out(view) && view.goes_out() == "1.1.0").await?;
                cockpit.act(Verb::Rollback).await?;
                bed.until("1.0.0", |look| look.serves("1.0.0") && look.is_out()).await
            }
        }
    }
}

impl Look {
    fn is_out(&self) -> bool {
        if self.object["kind"] == "Rollout" {
            return self.rests();
        }
        let mut conditions = self.object["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|condition| condition["reason"] == "NewReplicaSetAvailable")
    }
}

fn is_observed(look: &Look) -> bool {
    let generation = look.object["metadata"]["generation"].as_i64();
    let observed = &look.object["status"]["observedGeneration"];
    let observed = observed.as_i64().or_else(|| observed.as_str()?.parse().ok());
    observed >= generation
}

fn is_scaled_down(look: &Look) -> bool {
    look.object["status"]["updatedReplicas"].as_u64().unwrap_or(0) == 0
}

fn gave_up(look: &Look) -> bool {
    let mut conditions = look.object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["reason"] == "ProgressDeadlineExceeded")
}

struct Setup<'a> {
    namespace: &'a TestNamespace,
    strategy: Strategy,
    /// How long pods take to get ready, where that is no matter of the state.
    ready_after: Option<String>,
}

impl Setup<'_> {
    async fn create(&self, short_deadline: bool) -> Checked {
        let mut objects = self.strategy.objects();
        if let Some(after) = &self.ready_after {
            for object in objects.iter_mut().filter(|object| object["spec"]["template"].is_object()) {
                object["spec"]["template"]["metadata"]["annotations"] = json!({"cockpit.test/ready-after": after});
            }
        }
        if let Some(workload) = objects.last_mut().filter(|_| short_deadline) {
            workload["spec"]["progressDeadlineSeconds"] = json!(5);
        }
        self.namespace.create_objects(objects).await?;
        self.until("1.0.0", |look| look.serves("1.0.0") && look.is_out()).await
    }

    async fn deploy(&self, version: &str, ready_after: Option<&str>) -> Checked {
        self.another_second().await?;
        let kind = self.strategy.template_kind();
        let template = template("api", version, ready_after.or(self.ready_after.as_deref()));
        self.namespace.merge(kind, "api", json!({"spec": {"template": template}})).await
    }

    /// Waits until a second ReplicaSet has pods.
    async fn goes_out(&self) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let sets = self.namespace.list("ReplicaSet", "app=api").await?;
            let has_pods = |rs: &&Value| rs["status"]["replicas"].as_u64().unwrap_or(0) > 0;
            let is_new =
                |rs: &&Value| rs["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.test/api:1.1.0";
            if sets.iter().filter(is_new).any(|rs| has_pods(&rs)) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err("1.1.0 never went out".into());
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn pause_at_step(&self) -> Checked {
        self.deploy("1.1.0", None).await?;
        self.until("a pause", |look| look.object["status"]["phase"] == "Paused" && self.is_under_way(look)).await
    }

    /// Whether something goes out, and what an analysis has to say of it is said.
    fn is_under_way(&self, look: &Look) -> bool {
        let status = &look.object["status"];
        let mut pauses = status["pauseConditions"].as_array().into_iter().flatten();
        status["currentPodHash"] != status["stableRS"]
            && (!self.strategy.is_inconclusive() || pauses.any(|pause| pause["reason"] == "InconclusiveAnalysisRun"))
    }

    async fn come_to_step(&self) -> Checked {
        if self.strategy == Strategy::PostAnalysis {
            self.pause_at_step().await?;
            self.namespace.merge_status("Rollout", "api", json!({"status": {"pauseConditions": null}})).await?;
        } else {
            self.deploy("1.1.0", None).await?;
        }
        self.is_in_step().await
    }

    /// Waits until the analysis or experiment of its step runs.
    async fn is_in_step(&self) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut nudged = Instant::now();
        loop {
            let status = self.namespace.get("Rollout", "api").await?["status"].clone();
            let canary = &status["canary"];
            let runs = match canary["currentExperiment"].as_str() {
                _ if self.strategy.is_blue_green() => {
                    status["blueGreen"]["postPromotionAnalysisRunStatus"]["status"] == "Running"
                }
                Some(name) => self.namespace.get("Experiment", name).await?["status"]["phase"] == "Running",
                None => canary["currentStepAnalysisRunStatus"]["status"] == "Running",
            };
            if runs {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("its step never began: {status}").into());
            }
            self.nudge(&mut nudged).await?;
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn release(&self) -> Checked {
        if !self.strategy.is_rollout() {
            self.deploy("1.1.0", None).await?;
            return self.until("1.1.0", |look| look.serves("1.1.0") && is_observed(look) && look.is_out()).await;
        }
        self.pause_at_step().await?;
        self.namespace.merge_status("Rollout", "api", json!({"status": {"promoteFull": true}})).await?;
        self.until("1.1.0", |look| {
            let status = &look.object["status"];
            look.serves("1.1.0") && status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"]
        })
        .await?;
        // Else a switch would go back at once, without a pause.
        let keeps = self.strategy == Strategy::LongScaleDownDelay;
        self.until("nothing else", move |look| {
            keeps || look.object["status"]["replicas"] == look.object["spec"]["replicas"]
        })
        .await
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Look) -> bool) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut nudged = Instant::now();
        loop {
            let seen = look(self.namespace, self.strategy).await?;
            if wanted(&seen) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("never came to {what}: {:?} {}", seen.shares, seen.object["status"]).into());
            }
            self.nudge(&mut nudged).await?;
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// A controller that overlooked a request looks again when anything changes.
    async fn nudge(&self, nudged: &mut Instant) -> Checked {
        if nudged.elapsed() > Duration::from_secs(2) {
            *nudged = Instant::now();
            let look_again = json!({"metadata": {"annotations": {"look": jiff::Timestamp::now().to_string()}}});
            self.namespace.merge(self.strategy.kind(), "api", look_again).await?;
        }
        Ok(())
    }

    /// ReplicaSets are told apart by the second in which they were made.
    async fn another_second(&self) -> Checked {
        let sets = self.namespace.list("ReplicaSet", "app=api").await?;
        let made = sets.iter().filter_map(|rs| rs["metadata"]["creationTimestamp"].as_str()?.parse().ok());
        let newest: Option<jiff::Timestamp> = made.max();
        while newest.is_some_and(|newest| jiff::Timestamp::now().as_second() <= newest.as_second()) {
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}
