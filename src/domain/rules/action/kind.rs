//! Actions per workload kind: the only place that distinguishes kinds.

use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::record::action::{After, Facts, KubernetesRequest, ObjectRef, PlanRecord, Request, Verb};
use crate::domain::rules::action::plan::{Draft, DraftContext};

use super::rollout;
use crate::domain::facts::access::ObjectWrite;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::kind::{Resource, WorkloadKind};
use crate::domain::facts::workload::rollout::TemplateRef;
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

    /// Returns whether the controller has taken an action up: the object shows it, whoever is served meanwhile.
    fn is_accepted(&self, record: &PlanRecord) -> bool;

    /// Returns why what an action brought will get to nobody, where that was decided after it was taken up.
    fn given_up(&self, _: &PlanRecord) -> Option<String> {
        None
    }

    /// Returns whether somebody else's change took the place of what an action went to, as far as facts do not tell.
    fn is_replaced(&self, _: &PlanRecord) -> bool {
        false
    }

    /// Returns the template hash of the revision that has to serve everybody before an action is done; `None` where its
    /// effect is not about who is served.
    fn serves_in_the_end(&self, _: &PlanRecord, _: &[ReplicaSet]) -> Option<String> {
        None
    }

    /// Returns what an action still lacks that is not about who is served in the end: a release that stops on its way has to
    /// come to its first stop, a restart to replace every pod.
    fn lacks(&self, _: &PlanRecord) -> Option<String> {
        None
    }

    /// Returns whether a revision serves everybody, as far as the object alone tells: for those who may not read the
    /// ReplicaSets.
    fn serves_all_by_status(&self, hash: &str) -> bool;

    /// Returns whether the controller has carried everything out, beyond who is served.
    fn is_rolled_out(&self) -> bool {
        true
    }

    /// Returns whether the next request of an action may be sent.
    fn readiness(&self, _: &After) -> Readiness {
        Readiness::Send
    }

    /// Returns whether a request is in the object and the controller has not taken note of it: then it has to be made to
    /// look again.
    fn is_unnoticed(&self, _: &PlanRecord) -> bool {
        false
    }
}

/// Whether a request that waits for something may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Send,
    /// It is not needed any more.
    Skip,
    Wait,
    /// What it was to complete is gone; why.
    Lost(String),
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

/// Returns what a verb writes to at least, whatever the state of the workload; `template` is the object that its pod
/// template lives in, where that is another one.
#[must_use]
pub fn writes(workload: &WorkloadId, template: Option<&TemplateRef>, verb: Verb) -> Vec<ObjectWrite> {
    match workload.kind {
        WorkloadKind::Rollout => rollout::writes(&workload.name, template, verb),
        WorkloadKind::Deployment => vec![ObjectWrite::new(Resource::DEPLOYMENT, &workload.name, None)],
    }
}

/// Returns what requests write to.
#[must_use]
pub fn writes_of(requests: &[Request]) -> Vec<ObjectWrite> {
    let of = |request: &KubernetesRequest| {
        let KubernetesRequest { object: ObjectRef { kind, name }, subresource, .. } = request;
        ObjectWrite { kind: kind.clone(), name: name.clone(), subresource: subresource.clone() }
    };
    // What git allows is for its server to say.
    requests.iter().filter_map(Request::kubernetes).map(of).collect()
}

impl WorkloadKind {
    /// Whether its controller may overlook a request until the object changes again. Argo Rollouts (1.9) puts the result
    /// of its own status write back into its cache without comparing versions.
    #[must_use]
    pub fn may_overlook_requests(self) -> bool {
        self == Self::Rollout
    }
}
