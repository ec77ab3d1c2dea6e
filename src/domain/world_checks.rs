//! The checklists of the world: what answers itself is kept up to date, and what changes is noted for the journal.

use jiff::Timestamp;

use super::checklist::{Check, CheckId, Finding, Found, How};
use super::ids::EnvName;
use super::journal::Line;
use super::world::World;

/// How many answers wait for the journal at most.
const NEWS: usize = 500;

impl World {
    /// Takes in lines that were written to a journal.
    pub fn take_lines(&mut self, lines: &[Line], now: Timestamp) {
        for line in lines {
            self.ledger.take(line);
        }
        self.refresh_checks(None, now);
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

    /// Answers anew what the world and the ledger answer: in one environment and the one after it, or everywhere.
    pub(super) fn refresh_checks(&mut self, only: Option<&EnvName>, now: Timestamp) {
        let first = only.and_then(|only| self.environments.iter().position(|env| env.name() == only));
        let range = first.map_or(0..self.environments.len(), |at| at..(at + 2).min(self.environments.len()));
        for (env, check, finding) in range.flat_map(|at| self.answers(at, now)).collect::<Vec<_>>() {
            self.take_finding(&env, &check, finding, now);
        }
    }

    fn answers(&self, at: usize, now: Timestamp) -> Vec<(EnvName, CheckId, Finding)> {
        let Some(env) = self.environments.get(at).filter(|env| !env.checks.is_empty()) else { return Vec::new() };
        let Some(candidate) = self.candidate(env) else { return Vec::new() };
        let answer = |check: &Check| match check.spec.how {
            How::Known(known) => Some(known.finding(self, env, &candidate, &self.ledger, now)),
            How::Manual => self.ledger.acknowledged(env.name(), &check.spec.id).map(|ack| Finding {
                found: Found::Passed,
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
    pub(super) fn take_finding(&mut self, env: &EnvName, id: &CheckId, finding: Finding, now: Timestamp) {
        let Some(check) = self.check_mut(env, id) else { return };
        let manual = check.is_manual();
        let first = check.finding.is_none();
        let differs = check
            .finding
            .as_ref()
            .is_none_or(|known| (known.found, &known.subject) != (finding.found, &finding.subject));
        check.forget_early(&finding, now);
        check.take(finding.clone());
        // What a person said is in the journal already; that nothing is known right after the start is no answer.
        if manual || !differs || (first && finding.found == Found::Blind) || self.ledger.says(env, id, &finding) {
            return;
        }
        // At once, and not only when the journal has it: a disk that is full must not keep a sign-off alive.
        self.ledger.answered(env, id, &finding);
        if self.news.len() == NEWS {
            self.news.pop_front();
        }
        self.news.push_back((env.clone(), id.clone(), finding));
    }
}
