//! Ledger of the journals: acknowledgements, sign-offs, gates that went red, rollback drills.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::signals::Tracks;
use crate::domain::record::action::{ActionId, PlanRecord, Verb};
use crate::domain::record::checklist::check::{CheckId, CheckOutcome, Finding};
use crate::domain::record::checklist::{Acknowledgement, Decision, SignOff};
use crate::domain::record::journal::{Course, Entry, Line};
use crate::domain::record::rejection::Rejection;

/// How the answer to a request that was taken begins.
pub const ACCEPTED: &str = "accepted";

/// A check that went red.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Red {
    pub env: EnvName,
    pub check: CheckId,
    pub subject: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Acknowledgements, in the order in which they were read.
    pub acknowledgements: Vec<Acknowledgement>,
    /// Sign-offs, in the order in which they were read.
    pub sign_offs: Vec<SignOff>,
    pub reds: Vec<Red>,
    /// The last answer that was written down of each check: when, what was found, and what it was about.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    answers: BTreeMap<(EnvName, CheckId), (Timestamp, CheckOutcome, String)>,
    /// The last rollback that was carried out, per environment.
    pub drilled: BTreeMap<EnvName, Timestamp>,
    rollbacks: BTreeMap<ActionId, EnvName>,
    /// What was decided about revisions, in the order in which it was read.
    pub rejections: Vec<Rejection>,
    /// Actions that decide about a revision once they are accepted: when, by whom, what.
    deciding: BTreeMap<ActionId, (Timestamp, String, Box<PlanRecord>)>,
    /// ReplicaSets that were seen to go out and to become stable, and when.
    pub became_stable: Vec<(WorkloadKey, String, Timestamp)>,
    /// ReplicaSets that were replaced by another one while they went out: which, and what was stable then.
    pub superseded: Vec<(WorkloadKey, Tracks)>,
    /// The ReplicaSet that was last seen to go out, per workload, and what was stable then.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    going_out: BTreeMap<WorkloadKey, Tracks>,
}

impl Ledger {
    /// Takes in a line of a journal. Taking one in twice changes nothing.
    pub fn take(&mut self, line: &Line) {
        match &line.entry {
            Entry::Acknowledged(ack) => self.take_acknowledgement(ack),
            Entry::SignedOff(sign_off) => self.take_sign_off(sign_off),
            Entry::Checked { env, check, finding } => self.answered(env, check, finding),
            Entry::Rejected(rejection) => self.decided(rejection),
            Entry::Observed { target, course: Some(course), .. } => self.seen(target, course, line.at),
            Entry::Intent { action, operator, plan, .. }
                if matches!(plan.verb, Verb::Rollback | Verb::Abort | Verb::Retry) =>
            {
                if plan.verb == Verb::Rollback {
                    self.rollbacks.insert(action.clone(), plan.target.env().clone());
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
                if let Some(env) = self.rollbacks.remove(action).filter(|_| outcome.is_done()) {
                    let last = self.drilled.entry(env).or_insert(line.at);
                    *last = (*last).max(line.at);
                }
            }
            _ => {}
        }
    }

    /// Takes in a statement once. The journal of this machine may vouch for one that the shared record only reports.
    fn take_acknowledgement(&mut self, ack: &Acknowledgement) {
        let same =
            |known: &&mut Acknowledgement| **known == Acknowledgement { verified: known.verified, ..ack.clone() };
        match self.acknowledgements.iter_mut().find(same) {
            Some(known) => known.verified |= ack.verified,
            None => self.acknowledgements.push(ack.clone()),
        }
    }

    fn take_sign_off(&mut self, sign_off: &SignOff) {
        match self.sign_offs.iter_mut().find(|known| known.is_same(sign_off)) {
            Some(known) => known.verified |= sign_off.verified,
            None => self.sign_offs.push(sign_off.clone()),
        }
    }

    /// Returns the NO-GO of a person in a role that they have not taken back.
    #[must_use]
    pub fn standing_no_go(&self, env: &EnvName, who: &str, role: &str, subject: &str) -> Option<&SignOff> {
        let own = || {
            let all = self.sign_offs.iter().filter(|sign| sign.env == *env && sign.who == who);
            all.filter(|sign| sign.role == role && sign.subject == subject)
        };
        let stands = |no_go: &&SignOff| !own().any(|other| other.lifts(no_go));
        own().filter(|sign| sign.decision == Decision::NoGo).filter(stands).max_by_key(|sign| sign.at)
    }

    fn accepted(&mut self, action: &ActionId) {
        let Some((at, by, plan)) = self.deciding.remove(action) else { return };
        let Some(rejection) = Rejection::of(&plan, &by, at) else { return };
        let known = |known: &Rejection| known.is_same_revision(&rejection) && known.at >= at;
        if !self.rejections.iter().any(known) {
            self.rejections.push(rejection);
        }
    }

    fn decided(&mut self, rejection: &Rejection) {
        if !self.rejections.contains(rejection) {
            self.rejections.push(rejection.clone());
        }
    }

    fn seen(&mut self, target: &WorkloadKey, course: &Course, at: Timestamp) {
        match course {
            Course::UnderWay { tracks, .. } if tracks.canary.is_some() => {
                let was = self.going_out.insert(target.clone(), tracks.clone());
                let replaced = was.filter(|was| was.canary != tracks.canary).map(|was| (target.clone(), was));
                self.superseded.extend(replaced.filter(|replaced| !self.superseded.contains(replaced)));
            }
            Course::UnderWay { .. } => {}
            Course::Ended { stable } => {
                let was = self.going_out.remove(target).and_then(|was| was.canary);
                if let Some(stable) = stable.clone().filter(|stable| was.as_ref() == Some(stable)) {
                    let seen = (target.clone(), stable, at);
                    if !self.became_stable.contains(&seen) {
                        self.became_stable.push(seen);
                    }
                }
            }
        }
    }

    /// Takes in an answer. One that says the same as the last is no news: what was red then and is red now did not go
    /// red since.
    pub fn answered(&mut self, env: &EnvName, check: &CheckId, finding: &Finding) {
        if finding.found == CheckOutcome::Failed && !self.says(env, check, finding) {
            self.went_red(env, check, finding);
        }
        let answer = (finding.at, finding.found, finding.subject.clone());
        self.answers.insert((env.clone(), check.clone()), answer);
    }

    /// Returns the last answer to a check, and what it was about.
    #[must_use]
    pub fn answer(&self, env: &EnvName, check: &CheckId) -> Option<(CheckOutcome, &str)> {
        let (_, found, subject) = self.answers.get(&(env.clone(), check.clone()))?;
        Some((*found, subject))
    }

    /// Returns whether the last answer that was written down found the same.
    #[must_use]
    pub fn says(&self, env: &EnvName, check: &CheckId, finding: &Finding) -> bool {
        let last = self.answers.get(&(env.clone(), check.clone()));
        last.is_some_and(|(_, found, subject)| *found == finding.found && *subject == finding.subject)
    }

    fn went_red(&mut self, env: &EnvName, check: &CheckId, finding: &Finding) {
        let red = Red { env: env.clone(), check: check.clone(), subject: finding.subject.clone(), at: finding.at };
        if !self.reds.contains(&red) {
            self.reds.push(red);
        }
    }

    /// Takes in what another ledger holds.
    pub fn merge(&mut self, other: Self) {
        for ack in &other.acknowledgements {
            self.take_acknowledgement(ack);
        }
        for sign_off in &other.sign_offs {
            self.take_sign_off(sign_off);
        }
        for red in other.reds {
            if !self.reds.contains(&red) {
                self.reds.push(red);
            }
        }
        for (env, at) in other.drilled {
            let last = self.drilled.entry(env).or_insert(at);
            *last = (*last).max(at);
        }
        for (of, answer) in other.answers {
            let last = self.answers.entry(of).or_insert_with(|| answer.clone());
            if answer.0 > last.0 {
                *last = answer;
            }
        }
        self.rollbacks.extend(other.rollbacks);
        for rejection in &other.rejections {
            self.decided(rejection);
        }
        self.deciding.extend(other.deciding);
        for seen in other.became_stable {
            if !self.became_stable.contains(&seen) {
                self.became_stable.push(seen);
            }
        }
        for superseded in other.superseded {
            if !self.superseded.contains(&superseded) {
                self.superseded.push(superseded);
            }
        }
        self.going_out.extend(other.going_out);
    }

    /// Returns the latest acknowledgement of a check.
    #[must_use]
    pub fn acknowledged(&self, env: &EnvName, check: &CheckId) -> Option<&Acknowledgement> {
        let of_it = self.acknowledgements.iter().filter(|ack| ack.env == *env && ack.check == *check);
        of_it.max_by_key(|ack| ack.at)
    }
}
