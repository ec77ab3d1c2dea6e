//! Actions on Argo Rollouts: what plans rest on, what they send, when their effect is there, which rights they need.

mod draft;
mod fast_track;
mod rollback;
mod settled;
#[cfg(test)]
mod tests;

use crate::domain::facts::access::ObjectWrite;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::record::action::{After, Facts, PlanRecord, Request, Verb};
use crate::domain::rules::action::kind::{Actions, Readiness};
use crate::domain::rules::action::plan::{Draft, DraftContext};

use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::{Rollout, TemplateRef};
use crate::domain::rules::refusal::Refusal;

impl Actions for Rollout {
    fn facts(&self) -> Facts {
        Facts {
            uid: self.meta.uid.clone(),
            under_way: self.status.current_hash.clone(),
            stable: self.status.stable_hash.clone(),
            step: self.status.step_index,
            paused: self.spec.paused,
            pauses: self.status.pause_conditions.iter().map(|pause| pause.reason.clone()).collect(),
            phase: self.phase().0,
            aborted: self.status.abort,
            flag: None,
        }
    }

    fn draft(&self, verb: Verb, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
        draft::draft(verb, self, scene)
    }

    fn remainder(&self, record: &PlanRecord) -> Option<Request> {
        draft::remainder(record, self)
    }

    fn is_accepted(&self, record: &PlanRecord) -> bool {
        settled::is_accepted(record, self)
    }

    fn serves_in_the_end(&self, record: &PlanRecord, _: &[ReplicaSet]) -> Option<String> {
        settled::serves_in_the_end(record, self)
    }

    fn given_up(&self, record: &PlanRecord) -> Option<String> {
        settled::given_up(record, self)
    }

    fn lacks(&self, record: &PlanRecord) -> Option<String> {
        settled::lacks(record, self)
    }

    fn serves_all_by_status(&self, hash: &str) -> bool {
        settled::serves_all_by_status(self, hash)
    }

    fn readiness(&self, after: &After) -> Readiness {
        settled::readiness(self, after)
    }

    fn is_unnoticed(&self, record: &PlanRecord) -> bool {
        settled::is_unnoticed(record, self)
    }
}

/// Returns what a verb writes to at least. What is held by `spec.paused` needs the Rollout itself besides.
pub(super) fn writes(name: &str, template: Option<&TemplateRef>, verb: Verb) -> Vec<ObjectWrite> {
    let main = ObjectWrite::new(Resource::ROLLOUT, name, None);
    let write = match (verb, template.filter(|owner| owner.kind == Resource::DEPLOYMENT.kind)) {
        (Verb::Promote | Verb::PromoteFull | Verb::Retry | Verb::Abort, _) => {
            ObjectWrite::new(Resource::ROLLOUT, name, Some("status"))
        }
        (Verb::Rollback | Verb::Release, Some(owner)) => ObjectWrite::new(Resource::DEPLOYMENT, &owner.name, None),
        (_, _) => main,
    };
    vec![write]
}
