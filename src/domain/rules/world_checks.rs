//! The checklists of the world: what answers itself is kept up to date, and what changes is noted for the journal.

use jiff::Timestamp;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{Acknowledgement, BuiltinCheck, Check, CheckId, CheckOutcome, Finding, How};
use crate::domain::record::journal::Line;
use crate::domain::record::ledger::Ledger;
use crate::domain::record::proof::{Flaw, Proof};
use crate::domain::world::{Environment, World};

impl World {
    /// Takes in lines that were written to a journal.
    pub fn take_lines(&mut self, lines: &[Line], now: Timestamp) {
        for line in lines {
            self.ledger.take(line);
        }
        self.forget_old_offs(now);
        self.note_flag_sets();
        self.refresh_rejected();
        self.refresh_lanes(now);
        self.refresh_checks(None, now);
    }

    /// Takes in what the journals of earlier runs say of checklists.
    pub fn take_ledger(&mut self, ledger: Ledger, now: Timestamp) {
        for env in &mut self.environments {
            for check in &mut env.checks {
                if let Some((found, subject)) = ledger.answer(&env.settings.name, env.cluster.as_ref(), &check.spec.id)
                {
                    check.recorded = Some((found, subject.to_owned()));
                }
            }
        }
        self.ledger.merge(ledger);
        self.forget_old_offs(now);
        self.note_flag_sets();
        self.refresh_rejected();
        self.refresh_lanes(now);
        self.refresh_checks(None, now);
    }

    /// Notes since when flags that go step by step are at a share that was set here.
    fn note_flag_sets(&mut self) {
        let Self { environments, ledger, .. } = self;
        for env in environments {
            let name = &env.settings.name;
            for source in &mut env.flags {
                let place = &source.settings.place;
                for rollout in &mut source.rollouts {
                    rollout.set = ledger.flag_sets.latest(name, (place, &rollout.settings.flag));
                }
            }
        }
    }

    /// Forgets which flags were turned off longer ago than any check asks for.
    fn forget_old_offs(&mut self, now: Timestamp) {
        let checks = self.environments.iter().flat_map(|env| &env.checks);
        let longest = checks.filter_map(|check| match check.spec.how {
            How::BuiltinCheck(BuiltinCheck::Flags(rules)) => rules.tried_within,
            _ => None,
        });
        let oldest = longest.max().map(|longest| now.checked_sub(longest).unwrap_or(Timestamp::MIN));
        self.ledger.flag_offs.forget_before(oldest);
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
            let (seen, looked_at) = (env.is_seen(), env.looked_at());
            for check in &mut env.checks {
                let Some(finding) = check.unrecorded().cloned() else { continue };
                // That the metrics were not asked yet is no answer.
                let is_early = matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Signals)) && !looked_at;
                if !seen || !before_seen || is_early {
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

    /// Answers again what the world and the ledger answer: in one environment, the one after it and those into which a lane
    /// leads from it, or everywhere.
    pub(super) fn refresh_checks(&mut self, only: Option<&EnvName>, now: Timestamp) {
        let first = only.and_then(|only| self.environments.iter().position(|env| env.name() == only));
        let range = first.map_or(0..self.environments.len(), |at| at..(at + 2).min(self.environments.len()));
        let is_led_to = |env: &Environment| only.is_some_and(|only| env.has_lane_from(only));
        let led_to = self.environments.iter().enumerate().filter(|(at, env)| !range.contains(at) && is_led_to(env));
        let places: Vec<usize> = range.clone().chain(led_to.map(|(at, _)| at)).collect();
        for (env, check, finding) in places.into_iter().flat_map(|at| self.answers(at, now)).collect::<Vec<_>>() {
            self.take_finding(&env, &check, &finding, now);
        }
    }

    fn answers(&self, at: usize, now: Timestamp) -> Vec<(EnvName, CheckId, Finding)> {
        let Some(env) = self.environments.get(at).filter(|env| !env.checks.is_empty()) else { return Vec::new() };
        let Some(candidate) = self.candidate(env) else { return Vec::new() };
        let answer = |check: &Check| match check.spec.how {
            How::BuiltinCheck(known) => Some(known.finding(self, env, &candidate, &self.ledger, now)),
            How::Manual => {
                let ack = self.ledger.acknowledged(env.name(), env.cluster.as_ref(), &check.spec.id);
                ack.map(|ack| acknowledged(ack, self.ledger.is_proven(&ack.proof)))
            }
            How::Evidence(_) => None,
        };
        let answers = env.checks.iter().filter_map(|check| Some((check.spec.id.clone(), answer(check)?)));
        answers.map(|(id, finding)| (env.name().clone(), id, finding)).collect()
    }

    /// Takes in an answer, and notes it for the journal if it is another one than before.
    pub(super) fn take_finding(&mut self, env: &EnvName, id: &CheckId, finding: &Finding, now: Timestamp) {
        let Some(known) = self.environment_mut(env) else { return };
        let here = known.cluster.clone();
        let Some(check) = known.checks.iter_mut().find(|check| check.spec.id == *id) else { return };
        let manual = check.is_manual();
        let first = check.finding.is_none();
        let differs = check
            .finding
            .as_ref()
            .is_none_or(|known| (known.found, &known.subject) != (finding.found, &finding.subject));
        // Of two acknowledgements the one that counts does, whichever was made later.
        check.finding.take_if(|known| manual && known.found == CheckOutcome::Blind);
        check.forget_early(finding, now);
        check.take(finding.clone());
        // What a person said is in the journal already; that nothing is known right after the start is no answer.
        let is_known = |ledger: &Ledger| ledger.says(env, here.as_ref(), id, finding);
        if manual || !differs || (first && finding.found == CheckOutcome::Blind) || is_known(&self.ledger) {
            return;
        }
        // At once, and not only when the journal has it: a disk that is full must not keep a sign-off alive.
        self.ledger.answered(env, here.as_ref(), id, finding);
        self.has_unrecorded = true;
    }

    /// Notes the findings of an environment that the record does not hold of the cluster that it is now known to be.
    pub(super) fn note_findings(&mut self, env: &EnvName) {
        let Self { environments, ledger, has_unrecorded, .. } = self;
        let Some(env) = environments.iter_mut().find(|other| other.name() == env) else { return };
        let (name, here) = (&env.settings.name, env.cluster.as_ref());
        for check in env.checks.iter_mut().filter(|check| !check.is_manual()) {
            let id = &check.spec.id;
            let news = check.finding.as_ref().filter(|finding| finding.found != CheckOutcome::Blind);
            if let Some(finding) = news.filter(|finding| !ledger.says(name, here, id, finding)) {
                ledger.answered(name, here, id, finding);
                check.recorded = None;
                *has_unrecorded = true;
            }
        }
    }
}

/// What an acknowledgement says of its check: nothing, where it is not proven whose it is.
fn acknowledged(ack: &Acknowledgement, is_proven: bool) -> Finding {
    let vouched = match &ack.proof {
        Proof::NotRequired if ack.verified => String::new(),
        proof => format!(" ({})", proof.label(ack.verified)),
    };
    let (found, summary, green_when) = if is_proven {
        (CheckOutcome::Passed, format!("{}: “{}”", ack.who, ack.note), String::new())
    } else {
        let why = ack.proof.flaw().unwrap_or(&Flaw::Unsigned);
        let green = "somebody whose key is in allowed_signers acknowledges it".to_owned();
        (CheckOutcome::Blind, format!("the acknowledgement of {} does not count: {why}", ack.who), green)
    };
    Finding {
        found,
        summary,
        evidence: vec![format!("acknowledged by {}{vouched}", ack.who)],
        green_when,
        at: ack.at,
        subject: ack.subject.clone(),
    }
}
