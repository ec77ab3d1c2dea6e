//! What the step in progress can detect before it ends: the question for the screen, asked again only when it changes.

use jiff::Timestamp;

use super::{Assumed, Stretch, canary, describe, forecast, paced, stretches, traffic};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::world::{Environment, WorkloadState};
use analysis::{Rules, Traffic};

/// By which factor the traffic may differ from that of the last answer for that to hold: no chance changes much by less.
const SAME_TRAFFIC: f64 = 1.25;

/// The stretch in progress, those before it, and what is judged how.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub target: WorkloadKey,
    /// The last one is in progress.
    stretches: Vec<Stretch>,
    rules: Rules,
    traffic: Traffic,
}

impl Question {
    /// Returns the question about a workload; `None` where no step is in progress, or where traffic is unknown.
    #[must_use]
    pub fn of(env: &Environment, workload: &WorkloadState, now: Timestamp) -> Option<Self> {
        let status = workload.status.as_ref().filter(|status| status.canary.is_some() && !status.aborted)?;
        let step = status.step.filter(|step| step.index < step.total)?.index;
        let mut stretches = stretches(canary(workload).ok()?);
        stretches.retain(|stretch| stretch.steps.0 <= step);
        let traffic = traffic(workload, env.settings.has_metrics, Assumed::default(), now).ok()?;
        let target = WorkloadKey { env: env.name().clone(), workload: workload.id.clone() };
        let compares = stretches.last()?.compares();
        compares.then(|| Self { target, stretches, rules: paced(&env.settings.rules, workload), traffic })
    }

    /// Returns whether the answer to another question answers this one as well.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let near = |one: f64, other: f64| one.max(other) <= one.min(other) * SAME_TRAFFIC;
        // Below what the objective allows, errors decide little.
        let errors = |question: &Self| question.traffic.errors.max(question.rules.budget());
        self.is_about(other)
            && self.rules == other.rules
            && near(self.traffic.per_second, other.traffic.per_second)
            && near(errors(self), errors(other))
    }

    /// Returns whether both are about the same stretch of the same rollout.
    #[must_use]
    pub fn is_about(&self, other: &Self) -> bool {
        self.target == other.target && self.stretches == other.stretches
    }

    /// Returns whether the stretch in progress contains a step, zero-based.
    #[must_use]
    pub fn covers(&self, step: usize) -> bool {
        self.stretches.last().is_some_and(|stretch| (stretch.steps.0..=stretch.steps.1).contains(&step))
    }

    /// Returns the answer in full and in short. Takes up to a second: not for the loop of the screen.
    #[must_use]
    pub fn answer(&self) -> (String, String) {
        let found = forecast(&self.stretches, &self.rules, &self.traffic);
        found.last().map_or_else(Default::default, |forecast| (describe::line(forecast), describe::short(forecast)))
    }
}
