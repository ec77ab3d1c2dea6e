//! Actions on Deployments: what plans rest on, what they send, when their effect is there, which rights they need.

mod draft;
#[cfg(test)]
mod tests;

use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::workload::Phase;
use crate::domain::record::action::{Facts, PlanRecord, Verb};
use crate::domain::rules::action::kind::Actions;
use crate::domain::rules::action::plan::{Draft, DraftContext};

use crate::domain::facts::workload::deployment::Deployment;
use crate::domain::rules::refusal::Refusal;

impl Actions for Deployment {
    fn facts(&self) -> Facts {
        let images: Vec<_> = self.containers.iter().map(|container| container.image.as_str()).collect();
        Facts {
            uid: self.meta.uid.clone(),
            under_way: format!("revision {} of {}", self.meta.revision.unwrap_or(0), images.join(" ")),
            stable: String::new(),
            step: None,
            paused: self.paused,
            pauses: Vec::new(),
            phase: self.phase().0,
            aborted: false,
            flag: None,
        }
    }

    fn draft(&self, verb: Verb, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
        draft::draft(verb, self, scene)
    }

    fn is_accepted(&self, record: &PlanRecord) -> bool {
        let moved = || self.facts().under_way != record.facts.under_way;
        match record.verb {
            Verb::Pause => self.paused && self.observed(),
            Verb::Resume => !self.paused && self.observed(),
            // Images alone do not tell: somebody else may have changed something beside them.
            Verb::Rollback if record.to_template.is_some() => self.observed() && self.template == record.to_template,
            // Of an older journal: the controller renumbers the restored ReplicaSet, and the Deployment's revision moves.
            Verb::Rollback => {
                let images = self.containers.iter().map(|container| &container.image);
                self.observed() && moved() && images.eq(&record.to_images)
            }
            Verb::Restart => self.observed() && self.restarted_at.is_some() && self.restarted_at == record.restart_at,
            Verb::Release => self.observed(),
            Verb::Promote
            | Verb::PromoteFull
            | Verb::Abort
            | Verb::Retry
            | Verb::SuspendAutomation
            | Verb::ResumeAutomation
            | Verb::Revert
            | Verb::FlagOff
            | Verb::FlagOn
            | Verb::FlagSet
            | Verb::FlagLower
            | Verb::MoveTag => false,
        }
    }

    fn is_replaced(&self, record: &PlanRecord) -> bool {
        let other = record.to_template.is_some() && self.template != record.to_template;
        record.verb == Verb::Rollback && other && self.facts().under_way != record.facts.under_way
    }

    fn serves_in_the_end(&self, record: &PlanRecord, replicasets: &[ReplicaSet]) -> Option<String> {
        let moves = matches!(record.verb, Verb::Rollback | Verb::Restart | Verb::Release);
        // Until the ReplicaSet of the new template is there, nothing can serve.
        moves.then(|| self.current(replicasets).map_or_else(String::new, |rs| rs.hash.clone()))
    }

    fn serves_all_by_status(&self, _: &str) -> bool {
        self.is_rolled_out()
    }

    fn is_unnoticed(&self, _: &PlanRecord) -> bool {
        !self.observed()
    }

    /// As `kubectl rollout status` tells it.
    fn is_rolled_out(&self) -> bool {
        self.phase().0 == Phase::Healthy
    }
}
