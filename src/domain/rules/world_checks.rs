//! The checklists of the world: what answers itself is kept up to date, and what changes is noted for the journal.

use jiff::Timestamp;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{Check, CheckId, CheckOutcome, Finding, How};
use crate::domain::record::journal::Line;
use crate::domain::record::ledger::Ledger;
use crate::domain::world::World;

impl World {
    /// Takes in lines that were written to a journal.
    pub fn take_lines(&mut self, lines: &[Line], now: Timestamp) {
        for line in lines {
            self.ledger.take(line);
        }
        self.refresh_rejected();
        self.refresh_checks(None, now);
    }

    /// Takes in what the journals of earlier runs say of checklists.
    pub fn take_ledger(&mut self, ledger: Ledger, now: Timestamp) {
        for env in &mut self.environments {
            for check in &mut env.checks {
                if let Some((found, subject)) = ledger.answer(&env.settings.name, &check.spec.id) {
                    check.recorded = Some((found, subject.to_owned()));
                }
            }
        }
        self.ledger.merge(ledger);
        self.refresh_rejected();
        self.refresh_checks(None, now);
    }

    /// Returns the findings that the journal does not hold yet, of environments whose workloads were seen, those of
    /// the environment before included: until then answers come and go. They count as recorded from now on.
    pub fn take_unrecorded(&mut self) -> Vec<(EnvName, CheckId, Finding)> {
        if !self.has_unrecorded {
            return Vec::new();
        }
        self.has_unrecorded = false;
        let mut found = Vec::new();
        let mut before_seen = true;
        for env in &mut self.environments {
            let seen = env.is_seen();
            for check in &mut env.checks {
                let Some(finding) = check.unrecorded().cloned() else { continue };
                if !seen || !before_seen {
                    self.has_unrecorded = true;
                    continue;
                }
                check.recorded = Some((finding.found, finding.subject.clone()));
                found.push((env.settings.name.clone(), check.spec.id.clone(), finding));
            }
            before_seen = seen;
        }
        found
    }

    /// Returns a check of an environment.
    #[must_use]
    pub fn check(&self, env: &EnvName, id: &CheckId) -> Option<&Check> {
        self.environment(env)?.checks.iter().find(|check| check.spec.id == *id)
    }

    pub(super) fn check_mut(&mut self, env: &EnvName, id: &CheckId) -> Option<&mut Check> {
        let env = self.environments.iter_mut().find(|other| other.name() == env)?;
        env.checks.iter_mut().find(|check| check.spec.id == *id)
    }

    /// Answers again what the world and the ledger answer: in one environment and the one after it, or everywhere.
    pub(super) fn refresh_checks(&mut self, only: Option<&EnvName>, now: Timestamp) {
        let first = only.and_then(|only| self.environments.iter().position(|env| env.name() == only));
        let range = first.map_or(0..self.environments.len(), |at| at..(at + 2).min(self.environments.len()));
        for (env, check, finding) in range.flat_map(|at| self.answers(at, now)).collect::<Vec<_>>() {
            self.take_finding(&env, &check, &finding, now);
        }
    }

    fn answers(&self, at: usize, now: Timestamp) -> Vec<(EnvName, CheckId, Finding)> {
        let Some(env) = self.environments.get(at).filter(|env| !env.checks.is_empty()) else { return Vec::new() };
        let Some(candidate) = self.candidate(env) else { return Vec::new() };
        let answer = |check: &Check| match check.spec.how {
            How::BuiltinCheck(known) => Some(known.finding(self, env, &candidate, &self.ledger, now)),
            How::Manual => self.ledger.acknowledged(env.name(), &check.spec.id).map(|ack| Finding {
                found: CheckOutcome::Passed,
                summary: format!("{}: “{}”", ack.who, ack.note),
                evidence: vec![format!(
                    "acknowledged by {}{}",
                    ack.who,
                    if ack.verified { "" } else { " (unverified)" }
                )],
                green_when: String::new(),
                at: ack.at,
                subject: ack.subject.clone(),
            }),
            How::Evidence(_) => None,
        };
        let answers = env.checks.iter().filter_map(|check| Some((check.spec.id.clone(), answer(check)?)));
        answers.map(|(id, finding)| (env.name().clone(), id, finding)).collect()
    }

    /// Takes in an answer, and notes it for the journal if it is another one than before.
    pub(super) fn take_finding(&mut self, env: &EnvName, id: &CheckId, finding: &Finding, now: Timestamp) {
        let Some(check) = self.check_mut(env, id) else { return };
        let manual = check.is_manual();
        let first = check.finding.is_none();
        let differs = check
            .finding
            .as_ref()
            .is_none_or(|known| (known.found, &known.subject) != (finding.found, &finding.subject));
        check.forget_early(finding, now);
        check.take(finding.clone());
        // What a person said is in the journal already; that nothing is known right after the start is no answer.
        if manual || !differs || (first && finding.found == CheckOutcome::Blind) || self.ledger.says(env, id, finding) {
            return;
        }
        // At once, and not only when the journal has it: a disk that is full must not keep a sign-off alive.
        self.ledger.answered(env, id, finding);
        self.has_unrecorded = true;
    }
}
