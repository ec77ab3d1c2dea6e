//! Ledger of the journals: acknowledgements, sign-offs, gates that went red, rollback drills.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, Verb};
use crate::domain::record::checklist::check::{CheckId, CheckOutcome, Finding};
use crate::domain::record::checklist::{Acknowledgement, SignOff};
use crate::domain::record::journal::{Entry, Line};

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
}

impl Ledger {
    /// Takes in a line of a journal. Taking one in twice changes nothing.
    pub fn take(&mut self, line: &Line) {
        match &line.entry {
            Entry::Acknowledged(ack) if !self.acknowledgements.contains(ack) => self.acknowledgements.push(ack.clone()),
            Entry::SignedOff(sign_off) if !self.sign_offs.contains(sign_off) => self.sign_offs.push(sign_off.clone()),
            Entry::Checked { env, check, finding } => self.answered(env, check, finding),
            Entry::Intent { action, plan, .. } if plan.verb == Verb::Rollback => {
                self.rollbacks.insert(action.clone(), plan.target.env().clone());
            }
            Entry::Outcome { action, outcome } => {
                if let Some(env) = self.rollbacks.remove(action).filter(|_| outcome.is_done()) {
                    let last = self.drilled.entry(env).or_insert(line.at);
                    *last = (*last).max(line.at);
                }
            }
            _ => {}
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
        for ack in other.acknowledgements {
            if !self.acknowledgements.contains(&ack) {
                self.acknowledgements.push(ack);
            }
        }
        for sign_off in other.sign_offs {
            if !self.sign_offs.contains(&sign_off) {
                self.sign_offs.push(sign_off);
            }
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
    }

    /// Returns the latest acknowledgement of a check.
    #[must_use]
    pub fn acknowledged(&self, env: &EnvName, check: &CheckId) -> Option<&Acknowledgement> {
        let of_it = self.acknowledgements.iter().filter(|ack| ack.env == *env && ack.check == *check);
        of_it.max_by_key(|ack| ack.at)
    }
}
