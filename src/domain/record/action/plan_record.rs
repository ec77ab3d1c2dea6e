//! The data of a plan: what the journal keeps of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::{ClusterIdentity, is_elsewhere};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadKind;

use super::{ActionId, After, Facts, GatesAsked, PipelineRequest, Request, RestsOn, Target, Verb};

/// The data of a plan: what the journal keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    pub verb: Verb,
    /// Which way it moves users; journals of before do not say.
    #[serde(default)]
    pub direction: Option<Direction>,
    pub target: Target,
    pub context: String,
    pub namespace: String,
    /// Which cluster and namespace it goes to; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// The release it belongs to, e.g. `payments-api 1.5.0`.
    pub release: String,
    /// One line: what it does, e.g. `promote 20 → 60 %`.
    pub headline: String,
    /// Where it stands, e.g. `1.5.0  9f2c41ab  revision 42   40 % of traffic, 8 pods`.
    pub from: String,
    pub to: String,
    /// What will happen, in words.
    pub goes: Vec<String>,
    pub skips: Vec<String>,
    /// What will not be undone.
    pub not_undone: Vec<String>,
    pub requests: Vec<Request>,
    /// The facts it rests on.
    pub facts: Facts,
    /// What else it rests on: the environment before, for a promotion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<RestsOn>,
    /// Whose gates were asked, and about what; empty where none were, as it brings nothing to more users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates_asked: Vec<GatesAsked>,
    /// The lane by which it goes, where it goes by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Box<LaneUsed>>,
    /// The resourceVersion they were read at.
    pub resource_version: String,
    /// When the state was last confirmed.
    pub picture_at: Option<Timestamp>,
    /// Template hash of the revision that is in the manifest: the one that an abort or a rollback rejects, or that a
    /// retry sends out again.
    pub from_hash: Option<String>,
    /// Images of that revision, main one first.
    #[serde(default)]
    pub from_images: Vec<String>,
    /// Template hash of the revision that a rollback goes to.
    pub to_hash: Option<String>,
    /// Images of the revision that a rollback or an abort goes to.
    pub to_images: Vec<String>,
    /// Fingerprint of the pod template of that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_template: Option<u64>,
    /// The `restartAt` that a restart sends.
    pub restart_at: Option<String>,
    /// What a release writes into an annotation of the object, to be recognised by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Why no person asked for it; `None` where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Automatic>,
}

impl PlanRecord {
    /// Returns why its outcome cannot be settled where its environment's name leads now, if so: it went to another cluster.
    #[must_use]
    pub fn went_elsewhere(&self, here: Option<&ClusterIdentity>) -> Option<String> {
        let sent_to = self.cluster.as_ref().filter(|sent_to| is_elsewhere(here, Some(sent_to)))?;
        Some(format!("was sent to another cluster ({}, context {})", sent_to.label(), self.context))
    }

    /// Notes which action it is, and of whom, in what it sends, where it is found again by that.
    #[must_use]
    pub fn of_action(mut self, action: &ActionId, by: &str) -> Self {
        for request in &mut self.requests {
            match request {
                Request::Git(request) => {
                    request.action = Some(action.clone());
                    request.by = Some(by.to_owned());
                }
                Request::Pipeline(request) => request.action = Some(action.clone()),
                Request::Kubernetes(_) | Request::Flag(_) | Request::Tag(_) => {}
            }
        }
        self
    }

    /// Whether people have to merge what it commits.
    #[must_use]
    pub fn goes_by_pull_request(&self) -> bool {
        let is_proposed =
            |request: &Request| matches!(request, Request::Git(request) if request.pull_request.is_some());
        self.requests.iter().any(is_proposed)
    }

    /// Returns what it asks of a pipeline of the user's own.
    #[must_use]
    pub fn pipeline(&self) -> Option<&PipelineRequest> {
        self.requests.iter().find_map(|request| match request {
            Request::Pipeline(request) => Some(request),
            Request::Kubernetes(_) | Request::Git(_) | Request::Flag(_) | Request::Tag(_) => None,
        })
    }

    /// Whether it turns a flag by a push of git.
    #[must_use]
    pub fn pushes_a_flag(&self) -> bool {
        self.requests.iter().any(|request| matches!(request, Request::Flag(request) if request.is_push))
    }

    /// Says what comes before users notice that a flag was turned, where that takes more than seconds.
    #[must_use]
    pub fn noticed_once(&self) -> Option<&str> {
        self.requests.iter().find_map(|request| match request {
            Request::Flag(request) => request.noticed_once.as_deref(),
            Request::Kubernetes(_) | Request::Git(_) | Request::Pipeline(_) | Request::Tag(_) => None,
        })
    }

    /// Says how an action stands that is not done: a pipeline has begun, whatever else was accepted by its system.
    #[must_use]
    pub fn begun_or_accepted(&self) -> &'static str {
        if self.pipeline().is_some() { "begun" } else { "accepted" }
    }

    /// Names what must not be begun twice at a time: a pipeline that brings something to this workload of this cluster.
    #[must_use]
    pub fn pipeline_mark(&self) -> Option<String> {
        let Target::Pipeline(key) = &self.target else { return None };
        let place = match &self.cluster {
            Some(cluster) => format!("{} {}", cluster.cluster.as_ref().unwrap_or(&self.context), cluster.namespace),
            None => format!("{} {}", self.context, key.env),
        };
        Some(format!("pipeline {place} {}", key.promotes))
    }

    /// Returns what shows that a rollback has begun which goes back to what was stable when it was planned.
    #[must_use]
    pub fn back_to_stable(&self) -> Option<After> {
        let is_rollout = self.target.workload().is_some_and(|key| key.workload.kind == WorkloadKind::Rollout);
        let hash = self.to_hash.as_ref().filter(|hash| is_rollout && **hash == self.facts.stable)?;
        (self.verb == Verb::Rollback).then(|| After::InProgress { hash: hash.clone() })
    }

    /// Whether nothing may block it (law 3): it stops, or gives users back what they had.
    #[must_use]
    pub fn moves_backward(&self) -> bool {
        self.direction.map_or(self.verb.stops(), Direction::is_backward)
    }
}

/// The lane by which something goes, and what it leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneUsed {
    pub lane: String,
    pub opened: Timestamp,
    /// Who opened it.
    pub by: String,
    pub until: Timestamp,
    /// Why.
    pub note: String,
    /// What is left out, each with how it stood.
    pub leaves_out: Vec<String>,
}

impl LaneUsed {
    /// Whether another plan goes by the same opening, however long that lasts by now.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.lane, self.opened) == (&other.lane, other.opened)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    /// The reasons of the analysis, in words and figures.
    pub because: Vec<String>,
}
