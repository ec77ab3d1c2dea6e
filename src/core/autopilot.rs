//! Autopilot: what the guardrails ask for is done without a person, through the same dispatcher and journal as a person's
//! actions. A suspicion holds the canary; proof holds it, and rolls back unless someone keeps it in time.
//!
//! Where autopilot is off it only says what the guardrails ask for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::flag_autopilot::{self, FlagAutopilot};
use super::{Core, Effect, Level};
use crate::domain::record::action::{Automatic, Outcome, PlanRecord, Target, Verb};

use crate::domain::facts::direction::Direction;
use crate::domain::facts::flag::FlagKey;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::record::guardrails::{Kept, Response};
use crate::domain::record::journal::Entry;
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::{Environment, WorkloadState};

/// One canary: a workload, and the template hash of the revision in progress.
type Canary = (WorkloadKey, String);

/// What autopilot is about to do, has done, and was told not to do.
#[derive(Clone, Debug, Default)]
pub struct Autopilot {
    /// Rollbacks that come unless someone keeps the canary.
    countdowns: BTreeMap<Canary, Timestamp>,
    kept: BTreeSet<Canary>,
    /// The strongest response that was carried out, or said where autopilot is off.
    answered: BTreeMap<Canary, Response>,
    /// Canaries that are held, or were held once: whoever resumes one has decided.
    held: BTreeSet<Canary>,
    /// Those of them that were seen standing still since.
    stood: BTreeSet<Canary>,
    /// Why it could not act last, so that it is said once.
    refused: BTreeMap<Canary, String>,
    /// Whether it may act here at all: where no one watches, it does not.
    enabled: bool,
    /// The same of flags.
    pub(super) flags: FlagAutopilot,
}

impl Autopilot {
    /// Makes an autopilot that acts where the config asks for it.
    #[must_use]
    pub fn enabled() -> Self {
        Self { enabled: true, ..Self::default() }
    }

    /// Takes in which canaries it held in earlier runs, and which of those that were proven worse a person moved on.
    pub fn remember(
        &mut self,
        held: impl IntoIterator<Item = (WorkloadKey, String)>,
        moved_on: impl IntoIterator<Item = (WorkloadKey, String)>,
    ) {
        self.held.extend(held);
        self.answered.extend(moved_on.into_iter().map(|canary| (canary, Response::Rollback)));
    }

    /// Returns the rollback that comes next, with the time that is left.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<(&WorkloadKey, SignedDuration)> {
        let next = self.countdowns.iter().min_by_key(|(_, due)| **due);
        next.map(|((target, _), due)| (target, due.duration_since(now).max(SignedDuration::ZERO)))
    }

    /// Returns whether it paused a canary of this workload.
    #[must_use]
    pub fn has_paused(&self, target: &WorkloadKey) -> bool {
        self.held.iter().any(|(held, _)| held == target)
    }

    /// Gives everybody the whole time again: the machine slept, or its clock was set, and nobody saw the time go by.
    pub(super) fn start_over(&mut self) {
        self.countdowns.clear();
        self.flags.start_over();
    }

    /// Returns how many rollbacks and flags turned off come unless someone keeps what they are about.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.countdowns.len() + self.flags.count()
    }

    /// Returns the flag that is turned off next, with the time that is left.
    #[must_use]
    pub fn next_flag(&self, now: Timestamp) -> Option<(&FlagKey, SignedDuration)> {
        self.flags.next(now)
    }
}

/// What the guardrails ask for one canary, and why.
struct GuardrailBreach {
    canary: Canary,
    /// UID of the workload.
    uid: String,
    response: Response,
    because: Vec<String>,
    autopilot: bool,
    hold: SignedDuration,
}

/// Looks what the guardrails ask for now, and does it or says it.
pub(super) fn step(core: &mut Core) -> Vec<Effect> {
    if core.journal.unread || !core.autopilot.enabled {
        return Vec::new();
    }
    let asked: Vec<GuardrailBreach> = core
        .world
        .environments
        .iter()
        .flat_map(|env| env.workloads.iter().filter_map(|workload| asked(env, workload, core.now)))
        .collect();
    let asked = without_kept(core, asked);
    for asked in &asked {
        leave_if_moved_on(core, asked);
    }
    // What is no longer asked for is no longer waited for.
    let pilot = &mut core.autopilot;
    pilot.countdowns.retain(|canary, _| {
        asked.iter().any(|asked| asked.canary == *canary && asked.autopilot && asked.response == Response::Rollback)
    });
    let mut effects: Vec<Effect> = asked.iter().flat_map(|asked| respond(core, asked)).collect();
    effects.extend(flag_autopilot::step(core));
    effects
}

/// Leaves out canaries that a person keeps, here or in another cockpit, and says so where one was about to be rolled back.
fn without_kept(core: &mut Core, mut asked: Vec<GuardrailBreach>) -> Vec<GuardrailBreach> {
    let mut news = Vec::new();
    asked.retain(|asked| {
        let (target, _) = &asked.canary;
        let here = core.world.environment(&target.env).and_then(|env| env.cluster.as_ref());
        let by = core.world.ledger.keeper(target, here, (&asked.uid, &asked.canary.1));
        let is_counted = core.autopilot.countdowns.contains_key(&asked.canary);
        news.extend(by.filter(|_| is_counted).map(|by| format!("{}: {} keeps the canary", target.env, by.who)));
        by.is_none()
    });
    for text in news {
        core.notice(Level::Warn, format!("{text}; autopilot leaves it alone"));
    }
    asked
}

/// Leaves a canary to people that stood still and moves again without an action of this cockpit: somebody has decided after
/// what was found. Only what is found later, and asks for more, is acted upon.
fn leave_if_moved_on(core: &mut Core, asked: &GuardrailBreach) {
    let canary = &asked.canary;
    let env = &canary.0.env;
    if core.in_flight_on(&canary.0).is_some_and(|open| !open.awaits_merge()) {
        return;
    }
    let stands = stands_still(core, &canary.0);
    let pilot = &mut core.autopilot;
    if stands && pilot.held.contains(canary) {
        pilot.stood.insert(canary.clone());
    } else if !stands && pilot.stood.remove(canary) && pilot.answered.get(canary) < Some(&asked.response) {
        pilot.answered.insert(canary.clone(), asked.response);
        if pilot.countdowns.remove(canary).is_some() {
            let text = format!("{env}: somebody moved the canary on; autopilot leaves it alone: R rolls back");
            core.notice(Level::Warn, text);
        }
    }
}

/// Returns whether a workload stands at a pause that only a person ends.
fn stands_still(core: &Core, target: &WorkloadKey) -> bool {
    let status = core.world.find(target).and_then(|(_, workload)| workload.status.as_ref());
    status.is_some_and(|status| status.pause.as_ref().is_some_and(|pause| pause.needs_person))
}

fn asked(env: &Environment, workload: &WorkloadState, now: Timestamp) -> Option<GuardrailBreach> {
    let judged = workload.opinion()?;
    let status = workload.status.as_ref()?;
    // What is aborted gets no requests any more; an opinion that is too old is none.
    if status.aborted || judged.is_stale(&workload.signals, now) {
        return None;
    }
    // A rollback is not held up, whoever began it: to hold it would keep users on what it takes back.
    if workload.direction() == Some(Direction::Backward) {
        return None;
    }
    let rails = &env.settings.guardrails;
    let target = WorkloadKey { env: env.name().clone(), workload: workload.id.clone() };
    Some(GuardrailBreach {
        canary: (target, status.canary.as_ref()?.hash.clone()),
        uid: workload.snapshot.as_ref()?.object.meta().uid.clone(),
        response: rails.response(&judged.report)?,
        because: judged.report.reasons.clone(),
        autopilot: rails.autopilot,
        hold: rails.hold,
    })
}

fn respond(core: &mut Core, asked: &GuardrailBreach) -> Vec<Effect> {
    let pilot = &mut core.autopilot;
    if pilot.kept.contains(&asked.canary) || pilot.answered.get(&asked.canary) >= Some(&asked.response) {
        return Vec::new();
    }
    if !asked.autopilot || asked.response == Response::Alert {
        pilot.answered.insert(asked.canary.clone(), asked.response);
        let reason = asked.because.first().cloned().unwrap_or_default();
        let env = &asked.canary.0.env;
        let wish = match asked.response {
            Response::Alert => String::new(),
            response => format!(": {} recommended (autopilot off)", response.as_str()),
        };
        core.notice(Level::Warn, format!("{env}: guardrail breached{wish}: {reason}"));
        return vec![Effect::Ring];
    }
    let mut effects = hold(core, asked);
    match asked.response {
        Response::Rollback => effects.extend(count_down(core, asked)),
        response => {
            if core.autopilot.held.contains(&asked.canary) {
                core.autopilot.answered.insert(asked.canary.clone(), response);
            }
        }
    }
    effects
}

/// Holds the canary where it is, once, unless it stands still already.
fn hold(core: &mut Core, asked: &GuardrailBreach) -> Vec<Effect> {
    let target = &asked.canary.0;
    // What is on its way through git may take until people merge it: that holds no canary.
    if core.autopilot.held.contains(&asked.canary) || core.in_flight.contains_key(&Target::from(target.clone())) {
        return Vec::new();
    }
    let effects = if stands_still(core, target) { Some(Vec::new()) } else { act(core, asked, Verb::Pause) };
    if effects.is_some() {
        core.autopilot.held.insert(asked.canary.clone());
    }
    effects.unwrap_or_default()
}

/// Rolls back when the time to keep the canary is over.
fn count_down(core: &mut Core, asked: &GuardrailBreach) -> Vec<Effect> {
    let target = asked.canary.0.clone();
    let now = core.now;
    let Some(due) = core.autopilot.countdowns.get(&asked.canary).copied() else {
        core.autopilot.countdowns.insert(asked.canary.clone(), now + asked.hold);
        let reason = asked.because.first().cloned().unwrap_or_default();
        let left = crate::domain::facts::text::duration(asked.hold);
        let text = format!("autopilot rolls {} back in {left} unless someone keeps the canary: {reason}", target.env);
        core.notice(Level::Error, text);
        return vec![Effect::Ring];
    };
    let on_its_way = core.in_flight_on(&target).is_some_and(|action| action.record.verb == Verb::Rollback);
    if now < due || on_its_way {
        return Vec::new();
    }
    // What cannot be done now is tried again at the next look.
    let Some(effects) = act(core, asked, Verb::Rollback) else { return Vec::new() };
    core.autopilot.countdowns.remove(&asked.canary);
    core.autopilot.answered.insert(asked.canary.clone(), Response::Rollback);
    effects
}

/// Takes in how an action of autopilot ended. A clear no is asked again, after another countdown; what became of a
/// request that was not answered is for people to see.
pub(super) fn ended(core: &mut Core, record: &PlanRecord, outcome: &Outcome) {
    flag_autopilot::ended(core, record, outcome);
    let refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Moved { .. });
    let hash = record.from_hash.clone().filter(|_| record.automatic.is_some() && refused);
    let Some(canary) = record.target.workload().cloned().zip(hash) else { return };
    core.autopilot.answered.remove(&canary);
    core.autopilot.held.remove(&canary);
}

/// Acts as itself, for the reasons that the journal keeps; `None` where it cannot, which is said once.
fn act(core: &mut Core, asked: &GuardrailBreach, verb: Verb) -> Option<Vec<Effect>> {
    let target = &asked.canary.0;
    match core.plan(target, verb, None) {
        Ok(plan) => {
            let text = format!("autopilot: {} in {}", plan.record().headline, target.env);
            core.notice(Level::Warn, text);
            core.autopilot.refused.remove(&asked.canary);
            Some(core.perform(plan.by(Automatic { because: asked.because.clone() })))
        }
        Err(refusals) => {
            let why = refusals.first().map_or_else(String::new, Refusal::line);
            let text = format!("autopilot cannot {} {}: {why}", verb.label(), target.env);
            if core.autopilot.refused.insert(asked.canary.clone(), text.clone()).as_ref() != Some(&text) {
                core.notice(Level::Error, text);
            }
            None
        }
    }
}

/// Keeps the canaries that are about to be rolled back, and the flags that are about to be turned off: their guardrails are a
/// person's business from here on.
pub fn keep(core: &mut Core) -> Vec<Effect> {
    let counted = std::mem::take(&mut core.autopilot.countdowns);
    let has_flags = core.autopilot.next_flag(core.now).is_some();
    if counted.is_empty() && !has_flags {
        core.notice(Level::Info, "no autopilot action pending");
        return Vec::new();
    }
    let mut effects = flag_autopilot::keep(core);
    for (canary, _) in counted {
        let env = canary.0.env.clone();
        core.notice(Level::Warn, format!("{env}: the canary is kept; autopilot leaves it to you"));
        let release = core.world.environment(&env).and_then(|env| core.world.candidate(env));
        if let Some(release) = release {
            let (target, hash) = canary.clone();
            let (who, at) = (core.identity(&env).0, Some(core.now));
            let object = core.world.find(&target).and_then(|(_, workload)| workload.snapshot.as_ref());
            let uid = object.map(|snapshot| snapshot.object.meta().uid.clone());
            effects.push(Effect::Record {
                release: release.release,
                entry: Entry::Kept(Kept {
                    who,
                    cluster: core.cluster(&env),
                    uid,
                    target,
                    hash,
                    flag: None,
                    at,
                    signature: None,
                }),
            });
        }
        core.autopilot.kept.insert(canary);
    }
    effects
}
