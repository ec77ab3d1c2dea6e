//! A Rollout as a workload: roles, revisions, figures, and why it is not moving.

use jiff::{SignedDuration, Timestamp};

use super::serving;
use super::{BlueGreenStrategy, CanaryStrategy, Rollout, RolloutStrategy, RunStatus, TemplateRef};
use crate::domain::facts::object::Meta;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::step::Step;
use crate::domain::facts::why::{paused_by, waiting_pods};
use crate::domain::facts::workload::kind::WorkloadKind;
use crate::domain::facts::workload::pod_replacement::PodReplacement;
use crate::domain::facts::workload::router::Router;
use crate::domain::facts::workload::serving::Serving;
use crate::domain::facts::workload::{
    Hashes, Pause, PauseReason, Phase, Revision, Role, Snapshot, Status, StepPosition, Strategy, Workload,
};

impl Workload for Rollout {
    fn kind(&self) -> WorkloadKind {
        WorkloadKind::Rollout
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn selector(&self) -> &str {
        &self.spec.selector
    }

    fn template_owner(&self) -> Option<&TemplateRef> {
        self.spec.workload_ref.as_ref()
    }

    fn phase(&self) -> (Phase, String) {
        self.phase()
    }

    fn observed(&self) -> bool {
        self.observed()
    }

    fn has_unseen_template(&self, replicasets: &[ReplicaSet]) -> bool {
        let current = replicasets.iter().find(|rs| rs.hash == self.status.current_hash);
        // Until the controller has looked, the artifacts tell whether the last change was about them: a pause is none. The
        // rest of a template does not compare, for the API server fills defaults into that of a ReplicaSet alone.
        let spec = &self.spec;
        let is_same = |rs: &ReplicaSet| {
            !spec.containers.is_empty()
                && rs.containers == spec.containers
                && rs.init_containers == spec.init_containers
        };
        // It looked, and takes nothing up while what the spec names is not there.
        let is_looked_at = self.observed() && !self.is_invalid();
        current.is_none_or(|current| !is_looked_at && !is_same(current))
    }

    fn is_paused(&self) -> bool {
        self.spec.paused
    }

    fn pause(&self) -> Option<Pause> {
        self.pause()
    }

    fn released_since(&self) -> Option<Timestamp> {
        self.released_since()
    }

    fn deadline_exceeded(&self) -> Option<&str> {
        self.deadline_exceeded()
    }

    fn pod_replacement(&self) -> PodReplacement {
        let replicas = self.spec.replicas.unwrap_or(1);
        let (pods_at_a_time, may_lack, kept) = match &self.spec.strategy {
            RolloutStrategy::BlueGreen(blue_green) => (None, 0, blue_green.scale_down_delay_seconds),
            RolloutStrategy::Canary(canary) if canary.router.is_none() => {
                let update = canary.rolling_update;
                (Some(update.pods_at_a_time(replicas)), update.may_lack(replicas), 0)
            }
            // Back on stable's template the router sends everybody there, however many pods stable has
            // (`rollout/trafficrouting.go`, `reconcileTrafficRouting`).
            RolloutStrategy::Canary(canary) if canary.dynamic_stable_scale => (None, replicas, 0),
            RolloutStrategy::Canary(canary) => (None, 0, canary.scale_down_delay_seconds),
        };
        PodReplacement {
            pods_at_a_time,
            may_lack,
            is_outage: false,
            min_ready: SignedDuration::from_secs(i64::from(self.spec.min_ready_seconds)),
            kept: SignedDuration::from_secs(kept.max(0)),
        }
    }

    fn is_restarting(&self) -> bool {
        self.spec.restart_at.is_some() && self.spec.restart_at != self.status.restarted_at
    }

    fn steps(&self) -> &[Step] {
        self.steps()
    }

    fn hashes(&self, _: &[ReplicaSet]) -> Hashes {
        let stable = &self.status.stable_hash;
        Hashes {
            stable: (!stable.is_empty()).then(|| stable.clone()),
            canary: self.under_way().then(|| self.status.current_hash.clone()),
        }
    }

    fn roles(&self, _: &[ReplicaSet], hash: &str) -> Vec<Role> {
        let status = &self.status;
        let mut roles = Vec::new();
        if hash == status.stable_hash {
            roles.push(Role::Stable);
        }
        if self.is_canary() {
            if roles.is_empty() && hash == status.current_hash {
                roles.push(Role::Canary);
            }
        } else if hash == status.active_hash {
            roles.push(Role::Active);
        } else if hash == status.preview_hash {
            roles.push(Role::Preview);
        }
        roles
    }

    fn router(&self) -> Option<Router> {
        match &self.spec.strategy {
            RolloutStrategy::Canary(CanaryStrategy { router, .. }) => router.clone(),
            RolloutStrategy::BlueGreen(BlueGreenStrategy { active_service, .. }) => {
                Some(Router::active_service(active_service))
            }
        }
    }

    fn serving(&self, snapshot: &Snapshot) -> Serving {
        serving::serving(self, snapshot)
    }

    fn routed_share(&self) -> Option<f64> {
        crate::domain::facts::counters::routed_share(self)
    }

    fn fill(&self, snapshot: &Snapshot, status: &mut Status) {
        status.strategy = if self.is_canary() { Strategy::Canary } else { Strategy::BlueGreen };
        status.step = self.step_position().map(|(index, total)| StepPosition { index, total });
        status.weight = self.weight(&snapshot.replicasets);
        status.replicas = self.replicas();
        status.aborted = self.aborted();
        let share = status.serving.share_of(&self.status.current_hash);
        let is_coming = status.weight.is_some_and(|weight| weight.actual > 0 || weight.set > 0) && !status.aborted;
        status.canary_serves = self.under_way() && (share > 0.0 || is_coming);
    }

    fn why(&self, snapshot: &Snapshot, status: &Status) -> Option<String> {
        why(self, snapshot, status)
    }
}

fn waits_for_experiment(rollout: &Rollout, snapshot: &Snapshot) -> String {
    let name = rollout.status.experiment.as_deref();
    let Some(experiment) = snapshot.experiments.iter().find(|experiment| Some(experiment.name.as_str()) == name) else {
        return "waits for its experiment".to_owned();
    };
    let lacks = experiment.waits_for();
    let lacks = if lacks.is_empty() { String::new() } else { format!(": {lacks}") };
    format!("waits for experiment {}{lacks}", experiment.name)
}

fn running(run: Option<&RunStatus>) -> Option<&RunStatus> {
    run.filter(|run| !run.completed())
}

fn why(rollout: &Rollout, snapshot: &Snapshot, status: &Status) -> Option<String> {
    if !rollout.observed() {
        return Some("the Argo Rollouts controller has not seen the change yet: is it running?".to_owned());
    }
    if rollout.spec.paused {
        return Some(format!("paused manually{}: space resumes it", paused_by(snapshot)));
    }
    if rollout.inconclusive() {
        return Some("analysis was inconclusive: a person has to decide".to_owned());
    }
    if rollout.is_switching_back() && rollout.status.promote_full {
        return waiting_pods(snapshot, status)
            .or_else(|| Some("waits for the active service to switch back".to_owned()));
    }
    if rollout.is_switching_back() {
        let stable = status.stable.as_ref().map_or_else(|| "stable".to_owned(), Revision::version);
        let serving = status.serving.describe();
        return Some(format!("the manifest is back at {stable}, still serving {serving}: R finishes the rollback"));
    }
    if let Some(pause) = &status.pause {
        return Some(match (&pause.until, &pause.reason) {
            (Some(_), _) => "waits for its pause to end".to_owned(),
            (None, PauseReason::BlueGreen) => "preview is ready: paused until promoted".to_owned(),
            (None, _) => "paused until promoted".to_owned(),
        });
    }
    if let Some(run) = running(rollout.status.step_analysis.as_ref()).or(running(rollout.status.pre_analysis.as_ref()))
    {
        return Some(format!("waits for analysis {}", run.name));
    }
    if running(rollout.status.post_analysis.as_ref()).is_some() {
        return Some("waits for the analysis after promotion".to_owned());
    }
    if rollout.status.weights.as_ref().is_some_and(|weights| weights.verified == Some(false)) {
        return Some("waits for the traffic router to confirm the weight".to_owned());
    }
    let current = status.step.and_then(|step| rollout.steps().get(step.index));
    if matches!(current, Some(Step::Experiment)) {
        return Some(waits_for_experiment(rollout, snapshot));
    }
    if rollout.is_restarting() && !snapshot.budgets.is_empty() {
        let budgets = snapshot.budgets.join(", ");
        return Some(format!("the restart may evict no pod: PodDisruptionBudget {budgets} allows no disruption now"));
    }
    let blue_green = matches!(rollout.spec.strategy, RolloutStrategy::BlueGreen(_));
    waiting_pods(snapshot, status)
        .or_else(|| blue_green.then(|| status.message.clone()).filter(|message| !message.is_empty()))
}
