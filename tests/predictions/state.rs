//! The states: where a release stands when a verb is asked for.

use std::time::Duration;

use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::WAIT_TIMEOUT;
use support::manifests::template;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use super::oracle::{Look, look};
use super::strategy::Strategy;
use crate::contract::cockpit::Cockpit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 1.0.0 serves, and nothing else was ever there.
    Fresh,
    /// 1.1.0 goes out, and its pods do not get ready yet.
    MidStep,
    /// 1.1.0 waits at its first pause.
    PausedAtStep,
    /// The same, and a person paused it as well.
    PausedByPerson,
    /// 1.1.0 was aborted.
    Aborted,
    /// The controller gave up waiting for 1.1.0.
    Degraded,
    /// 1.1.0 serves everybody, and nothing of 1.0.0 is left.
    Released,
    /// Somebody put 1.0.0 back with kubectl, and it waits at its first pause.
    RollingBack,
    /// 1.1.0 was rolled back.
    RolledBack,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Fresh,
        Self::MidStep,
        Self::PausedAtStep,
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
            Self::PausedAtStep | Self::Aborted => strategy.is_rollout(),
            // Within the window there are no steps, and a switch goes back at once while pods are there.
            Self::RollingBack => strategy.is_rollout() && strategy != Strategy::RollbackWindow,
            _ => true,
        }
    }

    pub async fn bring_about(self, namespace: &TestNamespace, strategy: Strategy, cockpit: &mut Cockpit) -> Checked {
        let bed = Setup { namespace, strategy };
        bed.create(self == Self::Degraded).await?;
        match self {
            Self::Fresh => Ok(()),
            Self::MidStep => {
                bed.deploy("1.1.0", Some("900s")).await?;
                bed.goes_out().await
            }
            Self::PausedAtStep => bed.pause_at_step().await,
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
            Self::RollingBack => {
                bed.release().await?;
                bed.deploy("1.0.0", None).await?;
                bed.until("a pause", |look| {
                    look.rests() && look.object["status"]["currentPodHash"] != look.object["status"]["stableRS"]
                })
                .await
            }
            Self::RolledBack => {
                bed.release().await?;
                cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
                cockpit.act(Verb::Rollback).await?;
                bed.until("1.0.0", |look| look.serves("1.0.0") && look.rests_or_is_deployment()).await
            }
        }
    }
}

impl Look {
    fn rests_or_is_deployment(&self) -> bool {
        self.object["kind"] == "Deployment" || self.rests()
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
}

impl Setup<'_> {
    async fn create(&self, short_deadline: bool) -> Checked {
        let mut objects = self.strategy.objects();
        if let Some(workload) = objects.last_mut().filter(|_| short_deadline) {
            workload["spec"]["progressDeadlineSeconds"] = json!(5);
        }
        self.namespace.create_objects(objects).await?;
        self.until("1.0.0", |look| look.serves("1.0.0") && look.rests_or_is_deployment()).await
    }

    async fn deploy(&self, version: &str, ready_after: Option<&str>) -> Checked {
        self.another_second().await?;
        let kind = self.strategy.template_kind();
        self.namespace.merge(kind, "api", json!({"spec": {"template": template("api", version, ready_after)}})).await
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
        self.until("a pause", |look| {
            look.object["status"]["phase"] == "Paused"
                && look.object["status"]["currentPodHash"] != look.object["status"]["stableRS"]
        })
        .await
    }

    async fn release(&self) -> Checked {
        if !self.strategy.is_rollout() {
            self.deploy("1.1.0", None).await?;
            return self.until("1.1.0", |look| look.serves("1.1.0") && is_observed(look)).await;
        }
        self.pause_at_step().await?;
        self.namespace.merge_status("Rollout", "api", json!({"status": {"promoteFull": true}})).await?;
        self.until("1.1.0", |look| look.serves("1.1.0") && look.rests()).await?;
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
            // A controller that overlooked a request looks again when anything changes.
            if nudged.elapsed() > Duration::from_secs(2) {
                nudged = Instant::now();
                let at = jiff::Timestamp::now().to_string();
                let look_again = json!({"metadata": {"annotations": {"look": at}}});
                self.namespace.merge(self.strategy.kind(), "api", look_again).await?;
            }
            sleep(Duration::from_millis(100)).await;
        }
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
