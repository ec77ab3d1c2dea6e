//! The checklist of an environment: its lines, its result, and the statements of people.

use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect};
use crate::domain::record::checklist::{
    Acknowledgement, Check, CheckId, CheckPhase, CheckState, Decision, How, RedRef, SignOff,
};
use crate::domain::record::freeze::Freeze;
use crate::domain::record::requirement::Requirements;
use crate::domain::record::shared::MAX_STATEMENTS;
use crate::domain::rules::checklist::required::{decision, unrecorded};
use crate::domain::rules::checklist::role::{RoleStatus, reds_of, refusal, role_statuses};

use crate::domain::facts::ids::EnvName;
use crate::domain::record::journal::Entry;
use crate::domain::record::proof::Proof;
use crate::domain::rules::checklist::{Answer, Candidate, CandidateState, answer};
use crate::domain::world::{Environment, World};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A check with its state.
    Check(&'a Check, CheckState),
    RoleStatus(RoleStatus),
}

/// How long after its time a freeze is over by every clock.
const OVER_FOR_ALL: SignedDuration = SignedDuration::from_hours(24);

/// Longest note of a statement, in characters: what is shared has to fit into a ConfigMap.
pub const MAX_NOTE_CHARS: usize = 500;

/// Everything that the checklist shows of an environment.
#[derive(Clone, Debug)]
pub struct Checklist<'a> {
    pub env: &'a Environment,
    pub candidate: Option<Candidate>,
    /// Its lines: checks by phase, gates first, then roles.
    pub items: Vec<Item<'a>>,
    /// GO or NO-GO, and what blocks it.
    pub answer: Answer,
}

impl<'a> Checklist<'a> {
    /// Returns the checklist of an environment.
    #[must_use]
    pub fn of(world: &'a World, env: &'a Environment, now: Timestamp) -> Self {
        let candidate = world.candidate(env);
        let subject = candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
        let mut checks: Vec<&Check> = env.checks.iter().collect();
        checks.sort_by_key(|check| (check.spec.phase, !check.spec.gate));
        let mut items: Vec<Item<'a>> =
            checks.into_iter().map(|check| Item::Check(check, check.state(subject, now))).collect();
        if let Some(candidate) = &candidate {
            items.extend(role_statuses(env, &world.ledger, candidate).into_iter().map(Item::RoleStatus));
        }
        Self { env, answer: answer(world, env, now), candidate, items }
    }

    /// Returns its checks with their states, by phase, gates first.
    pub fn checks(&self) -> impl Iterator<Item = (&'a Check, CheckState)> {
        self.items.iter().filter_map(|item| match item {
            Item::Check(check, state) => Some((*check, *state)),
            Item::RoleStatus(_) => None,
        })
    }

    pub fn seats(&self) -> impl Iterator<Item = &RoleStatus> {
        self.items.iter().filter_map(|item| match item {
            Item::Check(..) => None,
            Item::RoleStatus(seat) => Some(seat),
        })
    }

    /// Returns how many checks before and during have passed, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        progress(self.checks())
    }
}

/// Counts what has passed of what has to hold by now.
fn progress<'a>(checks: impl Iterator<Item = (&'a Check, CheckState)>) -> (usize, usize) {
    let states: Vec<CheckState> =
        checks.filter(|(check, _)| check.spec.phase != CheckPhase::Post).map(|(_, state)| state).collect();
    (states.iter().filter(|state| **state == CheckState::Passed).count(), states.len())
}

/// A checklist in figures, for header and deck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks before and during that passed, of how many.
    pub checks: (usize, usize),
    /// Whether a gate of them is red.
    pub red: bool,
    /// Whether all gates of them are green.
    pub gates_green: bool,
    /// Roles that say GO, of how many that have to.
    pub sign_offs: (usize, usize),
}

/// Returns the figures of an environment's checklist.
#[must_use]
pub fn tally(world: &World, env: &Environment, now: Timestamp) -> Tally {
    let candidate = world.candidate(env);
    let subject = candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
    let states: Vec<(&Check, CheckState)> = env.checks.iter().map(|check| (check, check.state(subject, now))).collect();
    let gates = || states.iter().filter(|(check, _)| check.spec.gate && check.spec.phase != CheckPhase::Post);
    let seats = candidate.as_ref().map(|candidate| role_statuses(env, &world.ledger, candidate)).unwrap_or_default();
    let asked = env.settings.sign_offs.roles.len();
    Tally {
        checks: progress(states.iter().copied()),
        // What merely waits its turn is no alarm.
        red: candidate.as_ref().is_none_or(|candidate| candidate.standing != CandidateState::Incoming)
            && gates().any(|(_, state)| *state == CheckState::Failed),
        gates_green: gates().all(|(_, state)| *state == CheckState::Passed),
        sign_offs: (seats.iter().filter(|seat| seat.needed > 0 && seat.is_go()).count(), asked),
    }
}

/// Returns a check in full: what was found, the evidence, what would make it green.
#[must_use]
pub fn evidence(check: &Check, state: CheckState, now: Timestamp) -> Vec<String> {
    let spec = &check.spec;
    let mut lines = vec![spec.title.clone()];
    lines.push(format!(
        "{}, {}{}",
        if spec.gate { "gate" } else { "advice" },
        spec.how.as_str(),
        spec.fresh
            .map_or_else(String::new, |fresh| format!(", fresh for {}", crate::domain::facts::text::duration(fresh)))
    ));
    if let Some(finding) = &check.finding {
        let age = crate::domain::facts::text::duration(now.duration_since(finding.at));
        lines.push(String::new());
        lines.push(format!("{} {age} ago: {}", state.as_str(), finding.summary));
        if !finding.evidence.is_empty() {
            lines.push(String::new());
            lines.extend(finding.evidence.iter().cloned());
        }
        if !finding.green_when.is_empty() {
            lines.push(String::new());
            lines.push(format!("green when {}", finding.green_when));
        }
    } else {
        lines.push(String::new());
        lines.push(if check.is_manual() { "not acknowledged yet".to_owned() } else { state.as_str().to_owned() });
    }
    let mut end = vec![String::new()];
    end.extend(spec.owner.as_ref().map(|owner| format!("owner    {owner}")));
    end.extend(spec.runbook.as_ref().map(|runbook| format!("runbook  {runbook}")));
    if end.len() > 1 {
        lines.extend(end);
    }
    lines
}

/// Returns who signed in a role, in words.
#[must_use]
pub fn signed(seat: &RoleStatus) -> Vec<String> {
    if seat.signatures.is_empty() {
        return vec!["no sign-off yet".to_owned()];
    }
    let line = |signature: &crate::domain::rules::checklist::role::Signature| {
        let sign = &signature.sign_off;
        let note = if sign.note.is_empty() { String::new() } else { format!("  “{}”", sign.note) };
        let verified = match (&sign.proof, sign.verified) {
            (Proof::NotRequired, true) => "verified by the cluster".to_owned(),
            (proof, verified) => proof.label(verified),
        };
        let void = signature.void.as_ref().map_or_else(String::new, |why| format!("  VOID: {why}"));
        format!("{} {}{note}  {verified}{void}", sign.who, sign.decision.label())
    };
    seat.signatures.iter().map(line).collect()
}

pub(super) fn noted(note: &str) -> Result<String, String> {
    let note = note.trim();
    let chars = note.chars().count();
    if chars > MAX_NOTE_CHARS {
        return Err(format!(
            "the note has {chars} characters, and at most {MAX_NOTE_CHARS} are allowed: link to the rest"
        ));
    }
    Ok(note.to_owned())
}

impl Core {
    /// States that a manual check holds.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn acknowledge(&mut self, env: &EnvName, check: &CheckId, note: &str) -> Result<Vec<Effect>, String> {
        if self.world.check(env, check).is_some_and(|check| check.spec.how != How::Manual) {
            return Err(format!("{check} runs automatically and cannot be acknowledged"));
        }
        let candidate = self.stated_about(env)?;
        let (who, verified) = self.identity(env);
        let entry = Entry::Acknowledged(Acknowledgement {
            env: env.clone(),
            cluster: self.cluster(env),
            check: check.clone(),
            who,
            verified,
            note: noted(note)?,
            at: self.now,
            subject: candidate.key,
            signature: None,
            proof: Proof::default(),
        });
        Ok(self.with_requirements(env, Effect::Record { release: candidate.release, entry }))
    }

    /// States GO or NO-GO in a role. A NO-GO says why.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn sign(&mut self, env: &EnvName, role: &str, decision: Decision, note: &str) -> Result<Vec<Effect>, String> {
        self.sign_for(env, role, (decision, None), note)
    }

    /// The same; a GO may take back the NO-GO of another person in that role.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn sign_for(
        &mut self,
        env: &EnvName,
        role: &str,
        (decision, of): (Decision, Option<&str>),
        note: &str,
    ) -> Result<Vec<Effect>, String> {
        let note = noted(note)?;
        if decision == Decision::NoGo && note.is_empty() {
            return Err("a NO-GO needs a reason".to_owned());
        }
        let candidate = self.stated_about(env)?;
        let (who, verified) = self.identity(env);
        let known = self.world.environment(env);
        if let Some(why) =
            known.and_then(|known| refusal(known, &self.world.ledger, &candidate, (&who, role), decision))
        {
            return Err(why);
        }
        let here = self.cluster(env);
        let about = |subject: &str| candidate.is_held_by(subject);
        let whose = of.unwrap_or(&who);
        let standing = self.world.ledger.standing_no_go((env, here.as_ref()), (whose, role), about);
        let takes_back = standing.map(|no_go| no_go.at);
        if let Some(of) = of.filter(|_| takes_back.is_none()) {
            return Err(format!("no NO-GO of {of} as {role} stands in {env}"));
        }
        let takes_back_of = of.filter(|of| *of != who).map(str::to_owned);
        // A NO-GO is their last word, also where this clock is behind the one that dated the word before.
        let said = self.world.ledger.signed_in(env, here.as_ref()).filter(|sign| sign.who == who);
        let last = said.map(|sign| sign.at).max().filter(|_| decision == Decision::NoGo);
        let at = last.map_or(self.now, |last| self.now.max(last + SignedDuration::from_secs(1)));
        let reds = known.map(|known| reds_of(known, &self.world.ledger, &candidate)).into_iter().flatten();
        // Others read only the latest.
        let mut reds: Vec<RedRef> = reds.map(|red| RedRef { check: red.check.clone(), at: red.at }).collect();
        reds.sort_by_key(|red| red.at);
        let reds = reds.split_off(reds.len().saturating_sub(MAX_STATEMENTS)).into_iter().collect();
        // A GO is for this opening of a lane, where the candidate comes by one; a NO-GO for the artifact.
        let subject = if decision == Decision::Go { candidate.signed_subject() } else { candidate.key };
        let entry = Entry::SignedOff(SignOff {
            env: env.clone(),
            cluster: here,
            role: role.to_owned(),
            takes_back: takes_back.filter(|_| decision == Decision::Go),
            takes_back_of,
            who,
            verified,
            decision,
            note,
            at,
            reds: (decision == Decision::Go).then_some(reds),
            subject,
            digest: candidate.digest,
            signature: None,
            proof: Proof::default(),
        });
        Ok(self.with_requirements(env, Effect::Record { release: candidate.release, entry }))
    }

    /// Decides that a promotion into an environment asks for what this config asks for, and for nothing else.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn require(&mut self, env: &EnvName) -> Result<(Requirements, Vec<Effect>), String> {
        let candidate = self.stated_about(env)?;
        let (who, _) = self.identity(env);
        let known = self.world.environment(env).filter(|known| known.settings.is_declared);
        let known = known.ok_or_else(|| format!("no config that you chose or trust says what {env} asks for"))?;
        let decided = decision(&self.world, known, &who, self.now)?;
        let entry = Entry::Requires(Box::new(decided.clone()));
        Ok((decided, vec![Effect::Record { release: candidate.release, entry }]))
    }

    /// Stops promotions into an environment until a time, or until a person ends it.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn freeze(&mut self, env: &EnvName, until: Option<Timestamp>, reason: &str) -> Result<Vec<Effect>, String> {
        if until.is_some_and(|until| until <= self.now) {
            return Err("that time is over".to_owned());
        }
        self.state_freeze(env, until, reason, false)
    }

    /// Allows promotions into an environment again.
    ///
    /// # Errors
    /// Why it cannot be stated.
    pub fn unfreeze(&mut self, env: &EnvName, reason: &str) -> Result<Vec<Effect>, String> {
        if self.world.ledger.frozen(env, self.cluster(env).as_ref(), self.now).is_none() {
            return Err(format!("{env} is not frozen"));
        }
        self.state_freeze(env, None, reason, true)
    }

    fn state_freeze(
        &self,
        env: &EnvName,
        until: Option<Timestamp>,
        reason: &str,
        is_end: bool,
    ) -> Result<Vec<Effect>, String> {
        let reason = noted(reason)?;
        if reason.is_empty() {
            return Err("it needs a reason".to_owned());
        }
        let release = self.stated_about(env)?.release;
        let cluster = self.cluster(env);
        // It is the last word, also where this clock is behind the one that dated the word before.
        let last = self.world.ledger.freezes_of(env, cluster.as_ref()).map(|one| one.at).max();
        let at = last.map_or(self.now, |last| self.now.max(last + SignedDuration::from_secs(1)));
        let (who, _) = self.identity(env);
        // A clock that is behind may take one for over that others do not.
        let may_last = |one: &&Freeze| one.until.is_none_or(|until| until + OVER_FOR_ALL > self.now);
        let ends = || self.world.ledger.not_ended(env, cluster.as_ref()).filter(may_last).map(Freeze::named).collect();
        let freeze = Freeze {
            env: env.clone(),
            ends: is_end.then(ends),
            cluster,
            who,
            reason,
            until,
            is_end,
            at,
            signature: None,
            proof: Proof::default(),
        };
        Ok(vec![Effect::Record { release, entry: Entry::Frozen(freeze) }])
    }

    /// Puts what the config asks for before something that rests on it, where the record does not hold it.
    pub(super) fn with_requirements(&self, env: &EnvName, effect: Effect) -> Vec<Effect> {
        self.requirements_of(env).into_iter().chain([effect]).collect()
    }

    /// Records what the config asks for in an environment, where the record does not hold it.
    pub(super) fn requirements_of(&self, env: &EnvName) -> Option<Effect> {
        let (who, _) = self.identity(env);
        let known = self.world.environment(env)?;
        let requirements = unrecorded(&self.world, known, &who, self.now)?;
        let release = self.world.candidate(known)?.release;
        Some(Effect::Record { release, entry: Entry::Requires(Box::new(requirements)) })
    }

    fn stated_about(&self, env: &EnvName) -> Result<Candidate, String> {
        let candidate = self.world.environment(env).and_then(|known| self.world.candidate(known));
        candidate.ok_or_else(|| {
            format!("no release candidate is visible in {env}, so there is nothing to sign or acknowledge")
        })
    }
}
