//! Actions per workload kind: the only place that distinguishes kinds.

use crate::domain::record::action::{Facts, PlanRecord, Request, Verb};
use crate::domain::rules::action::plan::{Draft, DraftContext};

use super::{deployment, rollout};
use crate::domain::facts::access::Right;
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::kind::WorkloadKind;
use crate::domain::rules::refusal::Refusal;

/// What a kind of workload knows of actions.
pub trait Actions {
    /// Reads the facts that a plan rests on.
    fn facts(&self) -> Facts;

    /// Drafts the plan for a verb.
    ///
    /// # Errors
    /// Why it makes no sense in this state.
    fn draft(&self, verb: Verb, scene: &DraftContext<'_>) -> Result<Draft, Refusal>;

    /// Returns what an action still lacks, seen after its requests.
    fn remainder(&self, _: &PlanRecord) -> Option<Request> {
        None
    }

    /// Returns whether the effect of an action is there.
    fn is_done(&self, record: &PlanRecord) -> bool;

    /// Returns whether a request is in the object and the controller has not taken note of it: then it has to be made to
    /// look again.
    fn is_unnoticed(&self, _: &PlanRecord) -> bool {
        false
    }
}

impl Object {
    /// Returns what its kind knows of actions.
    #[must_use]
    pub fn actions(&self) -> &dyn Actions {
        match self {
            Self::Rollout(rollout) => rollout.as_ref(),
            Self::Deployment(deployment) => deployment.as_ref(),
        }
    }
}

impl WorkloadKind {
    /// Returns the rights that a verb needs.
    #[must_use]
    pub fn rights(self, verb: Verb) -> &'static [Right] {
        match self {
            Self::Rollout => rollout::rights(verb),
            Self::Deployment => deployment::rights(verb),
        }
    }

    /// Whether its controller may overlook a request until the object changes again. Argo Rollouts (1.9) puts the result
    /// of its own status write back into its cache without comparing versions.
    #[must_use]
    pub fn may_overlook_requests(self) -> bool {
        self == Self::Rollout
    }
}
