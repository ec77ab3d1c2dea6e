//! Ledger of the journals: acknowledgements, sign-offs, gates that went red, rollback drills.

use std::collections::BTreeMap;
use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::{ClusterIdentity, Comparison, is_elsewhere, is_here};
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::signals::Tracks;
use crate::domain::record::action::{ActionId, PlanRecord, Verb};
use crate::domain::record::checklist::check::{CheckId, CheckOutcome, Finding};
use crate::domain::record::checklist::{Acknowledgement, Decision, SignOff};
use crate::domain::record::flag_off::FlagOffs;
use crate::domain::record::flag_set::FlagSets;
use crate::domain::record::freeze::{self, Freeze};
use crate::domain::record::guardrails::Kept;
use crate::domain::record::journal::{Course, Entry, Line};
use crate::domain::record::lane::{self, Lane, LaneFound};
use crate::domain::record::later_stop::LaterStop;
use crate::domain::record::proof::Proof;
use crate::domain::record::regression::Regression;
use crate::domain::record::rejection::Rejection;
use crate::domain::record::requirement::{InForce, Requirements};
use crate::domain::record::statements::{Stated, Statements};

/// How the answer to a request that was taken begins.
pub const ACCEPTED: &str = "accepted";

/// A check that went red.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Red {
    pub env: EnvName,
    pub cluster: Option<ClusterIdentity>,
    pub check: CheckId,
    pub subject: String,
    pub at: Timestamp,
    /// Whether it stands in the shared record, where everybody reads it.
    #[serde(default)]
    pub is_shared: bool,
}

impl Stated for Red {
    /// All but where it was found.
    fn identity(&self) -> impl Hash + Eq {
        (&self.env, &self.cluster, &self.check, &self.subject, self.at)
    }
}

/// A ReplicaSet that was seen to go out and to become stable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BecameStable {
    pub target: WorkloadKey,
    pub cluster: Option<ClusterIdentity>,
    pub replicaset: String,
    pub at: Timestamp,
}

/// A ReplicaSet that was replaced by another one while it went out: which, and what was stable then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Superseded {
    pub target: WorkloadKey,
    pub cluster: Option<ClusterIdentity>,
    pub tracks: Tracks,
}

/// Statements of which nothing may differ.
macro_rules! stated_whole {
    ($($name:ty),+) => {$(
        impl Stated for $name {
            fn identity(&self) -> impl Hash + Eq {
                self
            }
        }
    )+};
}

stated_whole!(BecameStable, Superseded, Kept, Regression, Rejection);

/// An environment by its name and by what is behind it, as far as it was written down.
type Place = (EnvName, Option<ClusterIdentity>);

/// What journals and shared records say. Each item holds which cluster it is about: whoever asks names the one that is
/// `here`, and what is about another one does not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Whether what lets a release through counts only where a key proves who said it.
    #[serde(default)]
    pub keys_required: bool,
    /// Acknowledgements, in the order in which they were read.
    pub acknowledgements: Statements<Acknowledgement>,
    /// Sign-offs, in the order in which they were read.
    pub sign_offs: Statements<SignOff>,
    pub reds: Statements<Red>,
    /// Who stopped promotions, or allowed them again, in the order in which it was read.
    #[serde(default)]
    freezes: Statements<Freeze>,
    /// Who opened lanes, or closed them, in the order in which it was read.
    #[serde(default)]
    lanes: Statements<Lane>,
    /// Stops of later versions.
    #[serde(default)]
    later_stops: Statements<LaterStop>,
    #[serde(default)]
    regressions: Statements<Regression>,
    /// What promotions ask for, in the order in which it was read.
    #[serde(default)]
    requirements: Statements<Requirements>,
    /// Canaries that people keep, in the order in which it was read.
    kept: Statements<Kept>,
    /// The last answer that was written down of each check: when, what was found, and what it was about.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    answers: BTreeMap<(Place, CheckId), (Timestamp, CheckOutcome, String)>,
    /// The last rollback that was carried out, per environment.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    drilled: BTreeMap<Place, Timestamp>,
    rollbacks: BTreeMap<ActionId, Place>,
    /// What was decided about revisions, in the order in which it was read.
    pub rejections: Statements<Rejection>,
    /// Actions that decide about a revision once they are accepted: when, by whom, what.
    deciding: BTreeMap<ActionId, (Timestamp, String, Box<PlanRecord>)>,
    /// Flags that were turned off.
    #[serde(default)]
    pub flag_offs: FlagOffs,
    /// What flags were turned to last.
    #[serde(default)]
    pub flag_sets: FlagSets,
    pub became_stable: Statements<BecameStable>,
    pub superseded: Statements<Superseded>,
    /// The ReplicaSet that was last seen to go out, per workload, and what was stable then.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    going_out: BTreeMap<(WorkloadKey, Option<ClusterIdentity>), Tracks>,
}

impl Ledger {
    /// Takes in a line of a journal. Taking one in twice changes nothing.
    pub fn take(&mut self, line: &Line) {
        self.flag_offs.take_line(line);
        self.flag_sets.take_line(line);
        match &line.entry {
            Entry::Acknowledged(ack) => self.take_acknowledgement(ack),
            Entry::SignedOff(sign_off) => self.take_sign_off(sign_off),
            Entry::Checked { env, cluster, check, finding } => self.answered(env, cluster.as_ref(), check, finding),
            Entry::Rejected(rejection) => {
                self.rejections.add((**rejection).clone());
            }
            Entry::Kept(kept) => {
                self.kept.add(kept.clone());
            }
            Entry::Regressed(regression) => {
                self.regressions.add((**regression).clone());
            }
            Entry::Requires(requirements) => self.take_requirements(requirements),
            Entry::Frozen(freeze) => self.take_freeze(freeze),
            Entry::Lane(lane) => self.take_lane(lane),
            Entry::Observed { target, cluster, course: Some(course), .. } => {
                self.seen((target, cluster.as_ref()), course, line.at);
            }
            Entry::Intent { action, operator, plan, .. }
                if matches!(plan.verb, Verb::Rollback | Verb::Abort | Verb::Retry) =>
            {
                if plan.verb == Verb::Rollback {
                    self.rollbacks.insert(action.clone(), (plan.target.env().clone(), plan.cluster.clone()));
                }
                self.deciding.insert(action.clone(), (line.at, operator.clone(), plan.clone()));
            }
            // Where the program died between the answer and its own note of the rejection.
            Entry::Answer { action, request: 1, answer } if answer.starts_with(ACCEPTED) => self.accepted(action),
            Entry::Outcome { action, outcome } => {
                if outcome.is_taken() {
                    self.accepted(action);
                }
                self.deciding.remove(action);
                if let Some(place) = self.rollbacks.remove(action).filter(|_| outcome.is_done()) {
                    let last = self.drilled.entry(place).or_insert(line.at);
                    *last = (*last).max(line.at);
                }
            }
            _ => {}
        }
    }

    /// Takes in a statement once. The journal of this machine may vouch for one that the shared record only reports.
    fn take_acknowledgement(&mut self, ack: &Acknowledgement) {
        match self.acknowledgements.known_mut(ack) {
            Some(known) => {
                known.verified |= ack.verified;
                known.proof.take(&ack.proof);
            }
            None => {
                self.acknowledgements.add(ack.clone());
            }
        }
    }

    fn take_sign_off(&mut self, sign_off: &SignOff) {
        match self.sign_offs.known_mut(sign_off) {
            Some(known) => {
                known.verified |= sign_off.verified;
                known.proof.take(&sign_off.proof);
            }
            None => {
                self.sign_offs.add(sign_off.clone());
            }
        }
    }

    fn take_freeze(&mut self, freeze: &Freeze) {
        match self.freezes.known_mut(freeze) {
            Some(known) => known.proof.take(&freeze.proof),
            None => {
                self.freezes.add(freeze.clone());
            }
        }
    }

    /// Returns the freeze of an environment that holds now.
    #[must_use]
    pub fn frozen(&self, env: &EnvName, here: Option<&ClusterIdentity>, now: Timestamp) -> Option<&Freeze> {
        freeze::in_force(self.freezes_of(env, here), |proof| self.is_proven(proof), now)
    }

    fn take_lane(&mut self, lane: &Lane) {
        match self.lanes.known_mut(lane) {
            Some(known) => known.proof.take(&lane.proof),
            None => {
                self.lanes.add(lane.clone());
            }
        }
    }

    /// Whether anybody ever stated anything of a lane, in whatever environment.
    #[must_use]
    pub fn has_lanes(&self) -> bool {
        !self.lanes.is_empty()
    }

    /// Returns what people said of lanes into an environment.
    pub fn lanes_of(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> impl Iterator<Item = &Lane> + Clone {
        self.lanes.iter().filter(move |one| is_of(env, here, (&one.env, one.cluster.as_ref())))
    }

    /// Returns the lane of a workload into an environment that is open now. Where the cluster is known, an opening has to say
    /// that it is about that.
    #[must_use]
    pub fn lane(
        &self,
        (env, here): (&EnvName, Option<&ClusterIdentity>),
        workload: &WorkloadId,
        now: Timestamp,
    ) -> LaneFound<'_> {
        let counts = |one: &&Lane| one.workload == *workload && (one.is_end || is_here(here, one.cluster.as_ref()));
        lane::in_force(self.lanes_of(env, here).filter(counts), |proof| self.is_proven(proof), now)
    }

    pub(super) fn take_later_stop(&mut self, stop: LaterStop) {
        self.later_stops.add(stop);
    }

    /// Returns a stop of an environment that this version cannot read.
    #[must_use]
    pub fn later_stop(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> Option<&LaterStop> {
        self.later_stops.iter().find(|stop| is_of(env, here, (&stop.env, stop.cluster.as_ref())))
    }

    /// Returns the freezes of an environment that nobody ended.
    pub fn not_ended(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> impl Iterator<Item = &Freeze> {
        freeze::not_ended(self.freezes_of(env, here), |proof| self.is_proven(proof))
    }

    /// Returns what people said of freezes of an environment.
    pub fn freezes_of(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> impl Iterator<Item = &Freeze> + Clone {
        self.freezes.iter().filter(move |one| is_of(env, here, (&one.env, one.cluster.as_ref())))
    }

    fn take_requirements(&mut self, requirements: &Requirements) {
        match self.requirements.known_mut(requirements) {
            Some(known) => known.proof.take(&requirements.proof),
            None => {
                self.requirements.add(requirements.clone());
            }
        }
    }

    /// Returns the first analysis that proved a canary to be worse than stable, by the UID of the workload and the hashes of
    /// both templates.
    #[must_use]
    pub fn regression(
        &self,
        here: Option<&ClusterIdentity>,
        (uid, canary, stable): (&str, &str, &str),
    ) -> Option<&Regression> {
        let of_it = self
            .regressions
            .iter()
            .filter(|one| !uid.is_empty() && one.uid == uid && !is_elsewhere(here, one.cluster.as_ref()));
        of_it.filter(|one| one.canary == canary && one.stable == stable).min_by_key(|one| one.at)
    }

    /// Returns that a revision regressed here, against whatever was stable then.
    #[must_use]
    pub fn regressed(&self, here: Option<&ClusterIdentity>, (uid, hash): (&str, &str)) -> Option<&Regression> {
        let of_it = self
            .regressions
            .iter()
            .filter(|one| !uid.is_empty() && one.uid == uid && !is_elsewhere(here, one.cluster.as_ref()));
        of_it.filter(|one| one.canary == hash).max_by_key(|one| one.at)
    }

    /// Returns what promotions of a workload ask for, by every config that somebody acted with.
    #[must_use]
    pub fn required(&self, env: &EnvName, here: Option<&ClusterIdentity>, workload: &WorkloadId) -> InForce {
        let of_it = self.requirements.iter().filter(|one| one.workloads.contains(workload));
        InForce::of(of_it.filter(|one| is_of(env, here, (&one.env, one.cluster.as_ref()))), |proof| {
            self.is_proven(proof)
        })
    }

    /// Returns whether a statement that lets a release through counts, by what proves its author.
    #[must_use]
    pub fn is_proven(&self, proof: &Proof) -> bool {
        !self.keys_required || *proof == Proof::ByKey
    }

    /// Returns the sign-offs of an environment, in the order in which they were read, but those of other clusters.
    pub fn signed_in(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> impl Iterator<Item = &SignOff> + Clone {
        self.sign_offs.iter().filter(move |sign| is_of(env, here, (&sign.env, sign.cluster.as_ref())))
    }

    /// Returns the NO-GO of a person in a role that they have not taken back, of those whose subject counts.
    #[must_use]
    pub fn standing_no_go(
        &self,
        (env, here): (&EnvName, Option<&ClusterIdentity>),
        (who, role): (&str, &str),
        counts: impl Fn(&str) -> bool + Clone,
    ) -> Option<&SignOff> {
        let own = self.signed_in(env, here).filter(|sign| sign.speaks_for() == who);
        self.standing(own.filter(move |sign| sign.role == role && counts(&sign.subject)))
    }

    /// Returns the NO-GO that was not taken back, of what one person said in one role about one subject, and others for them.
    pub fn standing<'a>(&self, said: impl Iterator<Item = &'a SignOff> + Clone) -> Option<&'a SignOff> {
        let go = said.clone().filter(|sign| sign.decision == Decision::Go && self.is_proven(&sign.proof));
        let taken_back = go.filter_map(|sign| sign.takes_back).max();
        let no_go = said.filter(|sign| sign.decision == Decision::NoGo);
        no_go.filter(|sign| taken_back.is_none_or(|until| sign.at > until)).max_by_key(|sign| sign.at)
    }

    fn accepted(&mut self, action: &ActionId) {
        let Some((at, by, plan)) = self.deciding.remove(action) else { return };
        let Some(rejection) = Rejection::of(&plan, &by, at) else { return };
        let known = |known: &Rejection| known.is_same_revision(&rejection) && known.at >= at;
        if !self.rejections.iter().any(known) {
            self.rejections.add(rejection);
        }
    }

    fn seen(&mut self, (target, cluster): (&WorkloadKey, Option<&ClusterIdentity>), course: &Course, at: Timestamp) {
        let key = (target.clone(), cluster.cloned());
        match course {
            Course::UnderWay { tracks, .. } if tracks.canary.is_some() => {
                let was = self.going_out.insert(key, tracks.clone()).filter(|was| was.canary != tracks.canary);
                let (target, cluster) = (target.clone(), cluster.cloned());
                let replaced = was.map(|tracks| Superseded { target, cluster, tracks });
                if let Some(replaced) = replaced {
                    self.superseded.add(replaced);
                }
            }
            Course::UnderWay { .. } => {}
            Course::Ended { stable } => {
                let was = self.going_out.remove(&key).and_then(|was| was.canary);
                if let Some(replicaset) = stable.clone().filter(|stable| was.as_ref() == Some(stable)) {
                    let (target, cluster) = key;
                    self.became_stable.add(BecameStable { target, cluster, replicaset, at });
                }
            }
        }
    }

    /// Takes in an answer. One that says the same as the last is no news: what was red then and is red now did not go
    /// red since.
    pub fn answered(&mut self, env: &EnvName, cluster: Option<&ClusterIdentity>, check: &CheckId, finding: &Finding) {
        if finding.found == CheckOutcome::Failed && !self.says(env, cluster, check, finding) {
            self.went_red(env, cluster, check, finding);
        }
        let answer = (finding.at, finding.found, finding.subject.clone());
        self.answers.insert(((env.clone(), cluster.cloned()), check.clone()), answer);
    }

    fn last_answer(
        &self,
        env: &EnvName,
        here: Option<&ClusterIdentity>,
        check: &CheckId,
    ) -> Option<&(Timestamp, CheckOutcome, String)> {
        let of_it = self
            .answers
            .iter()
            .filter(|(((name, cluster), id), _)| id == check && is_of(env, here, (name, cluster.as_ref())));
        of_it.map(|(_, answer)| answer).max_by_key(|(at, ..)| *at)
    }

    /// Returns the last answer to a check, and what it was about.
    #[must_use]
    pub fn answer(
        &self,
        env: &EnvName,
        here: Option<&ClusterIdentity>,
        check: &CheckId,
    ) -> Option<(CheckOutcome, &str)> {
        let (_, found, subject) = self.last_answer(env, here, check)?;
        Some((*found, subject))
    }

    /// Returns whether the last answer that was written down found the same.
    #[must_use]
    pub fn says(&self, env: &EnvName, here: Option<&ClusterIdentity>, check: &CheckId, finding: &Finding) -> bool {
        let last = self.last_answer(env, here, check);
        last.is_some_and(|(_, found, subject)| *found == finding.found && *subject == finding.subject)
    }

    fn went_red(&mut self, env: &EnvName, cluster: Option<&ClusterIdentity>, check: &CheckId, finding: &Finding) {
        let (env, cluster) = (env.clone(), cluster.cloned());
        let (subject, at) = (finding.subject.clone(), finding.at);
        self.reds.add(Red { env, cluster, check: check.clone(), subject, at, is_shared: false });
    }

    /// Takes in a red that stands in the shared record. Only reds stand there: two of one check may have had a green between
    /// them, so that each of them is one.
    pub(super) fn take_shared_red(&mut self, entry: &Entry) {
        if let Entry::Checked { env, cluster, check, finding } = entry {
            let (env, cluster, check) = (env.clone(), cluster.clone(), check.clone());
            self.take_red(Red {
                env,
                cluster,
                check,
                subject: finding.subject.clone(),
                at: finding.at,
                is_shared: true,
            });
        }
    }

    fn take_red(&mut self, red: Red) {
        match self.reds.known_mut(&red) {
            Some(known) => known.is_shared |= red.is_shared,
            None => _ = self.reds.add(red),
        }
    }

    /// Takes in what another ledger holds, which was read later.
    pub fn merge(&mut self, other: Self) {
        self.renew_proofs(&other);
        for ack in &other.acknowledgements {
            self.take_acknowledgement(ack);
        }
        for sign_off in &other.sign_offs {
            self.take_sign_off(sign_off);
        }
        for red in &other.reds {
            self.take_red(red.clone());
        }
        for freeze in &other.freezes {
            self.take_freeze(freeze);
        }
        for lane in &other.lanes {
            self.take_lane(lane);
        }
        for stop in &other.later_stops {
            self.later_stops.add(stop.clone());
        }
        for regression in &other.regressions {
            self.regressions.add(regression.clone());
        }
        for requirements in &other.requirements {
            self.take_requirements(requirements);
        }
        for (place, at) in other.drilled {
            let last = self.drilled.entry(place).or_insert(at);
            *last = (*last).max(at);
        }
        for (of, answer) in other.answers {
            let last = self.answers.entry(of).or_insert_with(|| answer.clone());
            if answer.0 > last.0 {
                *last = answer;
            }
        }
        for kept in &other.kept {
            self.kept.add(kept.clone());
        }
        self.rollbacks.extend(other.rollbacks);
        for rejection in &other.rejections {
            self.rejections.add(rejection.clone());
        }
        self.deciding.extend(other.deciding);
        self.flag_offs.merge(other.flag_offs);
        self.flag_sets.merge(other.flag_sets);
        for seen in &other.became_stable {
            self.became_stable.add(seen.clone());
        }
        for superseded in &other.superseded {
            self.superseded.add(superseded.clone());
        }
        self.going_out.extend(other.going_out);
    }

    fn renew_proofs(&mut self, other: &Self) {
        for ack in &other.acknowledgements {
            if let Some(known) = self.acknowledgements.known_mut(ack) {
                known.proof.renew(&ack.proof);
            }
        }
        for sign_off in &other.sign_offs {
            if let Some(known) = self.sign_offs.known_mut(sign_off) {
                known.proof.renew(&sign_off.proof);
            }
        }
        for freeze in &other.freezes {
            if let Some(known) = self.freezes.known_mut(freeze) {
                known.proof.renew(&freeze.proof);
            }
        }
        for lane in &other.lanes {
            if let Some(known) = self.lanes.known_mut(lane) {
                known.proof.renew(&lane.proof);
            }
        }
        for requirements in &other.requirements {
            if let Some(known) = self.requirements.known_mut(requirements) {
                known.proof.renew(&requirements.proof);
            }
        }
    }

    /// Returns the latest acknowledgement of a check; one whose author is not proven only where there is no other.
    #[must_use]
    pub fn acknowledged(
        &self,
        env: &EnvName,
        here: Option<&ClusterIdentity>,
        check: &CheckId,
    ) -> Option<&Acknowledgement> {
        let of_it = self
            .acknowledgements
            .iter()
            .filter(|ack| ack.check == *check && is_of(env, here, (&ack.env, ack.cluster.as_ref())));
        of_it.filter(|ack| is_here(here, ack.cluster.as_ref())).max_by_key(|ack| (self.is_proven(&ack.proof), ack.at))
    }

    /// Returns who keeps a canary, by the UID of its workload and its template hash.
    #[must_use]
    pub fn keeper(
        &self,
        target: &WorkloadKey,
        here: Option<&ClusterIdentity>,
        (uid, hash): (&str, &str),
    ) -> Option<&Kept> {
        self.kept.iter().find(|kept| {
            kept.flag.is_none()
                && kept.target.workload == target.workload
                && kept.hash == hash
                && kept.uid.as_deref().is_none_or(|stated| stated == uid)
                && is_of(&target.env, here, (&kept.target.env, kept.cluster.as_ref()))
        })
    }

    /// Returns who keeps a flag since then. Where its provider keeps it is written otherwise in each config: its name tells.
    #[must_use]
    pub fn keeper_of_flag(
        &self,
        env: &EnvName,
        here: Option<&ClusterIdentity>,
        flag: &str,
        since: Timestamp,
    ) -> Option<&Kept> {
        self.kept.iter().find(|kept| {
            kept.flag.as_deref() == Some(flag)
                && kept.at.is_some_and(|at| at >= since)
                && is_of(env, here, (&kept.target.env, kept.cluster.as_ref()))
        })
    }

    /// Returns when a rollback was carried out last in an environment.
    #[must_use]
    pub fn last_rollback(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> Option<Timestamp> {
        let of_it = self.drilled.iter().filter(|((name, cluster), _)| {
            is_of(env, here, (name, cluster.as_ref())) && is_here(here, cluster.as_ref())
        });
        of_it.map(|(_, at)| *at).max()
    }
}

/// Whether a statement is about an environment. The name is this machine's own: where both are known, the cluster and its
/// namespace tell.
#[must_use]
pub fn is_of(
    env: &EnvName,
    here: Option<&ClusterIdentity>,
    (of, stated): (&EnvName, Option<&ClusterIdentity>),
) -> bool {
    match here.zip(stated).map(|(here, stated)| here.compare(stated)) {
        Some(Comparison::Same) => true,
        Some(Comparison::Other) => false,
        Some(Comparison::Unknown) | None => of == env,
    }
}

#[cfg(test)]
mod tests;
