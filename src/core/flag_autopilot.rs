//! Autopilot for flags that go to more users step by step: a suspicion keeps a flag where it is, for its gate is not green then;
//! proof turns it off, unless someone keeps it in time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect, Level};
use crate::domain::facts::flag::rollout::divides;
use crate::domain::facts::flag::{FlagKey, Turn};
use crate::domain::facts::ids::{WorkloadId, WorkloadKey};
use crate::domain::facts::text::duration;
use crate::domain::record::action::{Automatic, Outcome, PlanRecord, Target, Verb};
use crate::domain::record::guardrails::{Kept, Response};
use crate::domain::record::journal::Entry;
use crate::domain::rules::action::flag::{release, uid};
use crate::domain::rules::flag_rollout::fresh_report;
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::Environment;
use crate::domain::world::flag_rollouts::FlagRolloutState;
use crate::domain::world::flags::FlagSource;

/// How long a person's word holds that keeps a flag whose provider does not say when it was changed.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What autopilot is about to turn off, and was told not to.
#[derive(Clone, Debug, Default)]
pub struct FlagAutopilot {
    /// Flags that are turned off then unless someone keeps them.
    countdowns: BTreeMap<FlagKey, Timestamp>,
    /// Since when a person keeps them.
    kept: BTreeMap<FlagKey, Timestamp>,
    /// The strongest response that was carried out or said, and since when the flag was as it is then.
    answered: BTreeMap<FlagKey, (Option<Timestamp>, Response)>,
    /// Why it could not act last, so that it is said once.
    refused: BTreeMap<FlagKey, String>,
}

impl FlagAutopilot {
    #[must_use]
    pub(super) fn count(&self) -> usize {
        self.countdowns.len()
    }

    #[must_use]
    pub(super) fn next(&self, now: Timestamp) -> Option<(&FlagKey, SignedDuration)> {
        let next = self.countdowns.iter().min_by_key(|(_, due)| **due);
        next.map(|(key, due)| (key, due.duration_since(now).max(SignedDuration::ZERO)))
    }

    pub(super) fn start_over(&mut self) {
        self.countdowns.clear();
    }
}

/// What the guardrails ask for one flag, and why.
struct FlagBreach {
    key: FlagKey,
    /// What identifies it wherever it is asked for.
    uid: String,
    /// Since when it is as it is, where its provider says so.
    since: Option<Timestamp>,
    response: Response,
    because: Vec<String>,
    autopilot: bool,
    hold: SignedDuration,
}

/// Looks what the guardrails ask for now, and does it or says it.
pub(super) fn step(core: &mut Core) -> Vec<Effect> {
    let breaches: Vec<FlagBreach> = core.world.environments.iter().flat_map(|env| breaches(env, core.now)).collect();
    forget_ended(core);
    let mut breaches = without_kept(core, breaches);
    // Environments that are one at the provider have one flag: it is turned off once.
    breaches.sort_by_key(|breach| std::cmp::Reverse((breach.autopilot, breach.response)));
    let mut seen = BTreeSet::new();
    breaches.retain(|breach| seen.insert(breach.uid.clone()));
    core.autopilot.flags.countdowns.retain(|key, _| {
        breaches.iter().any(|breach| breach.key == *key && breach.autopilot && breach.response == Response::Rollback)
    });
    breaches.iter().flat_map(|breach| respond(core, breach)).collect()
}

fn breaches(env: &Environment, now: Timestamp) -> Vec<FlagBreach> {
    let rails = &env.settings.guardrails;
    let of = |source: &FlagSource, rollout: &FlagRolloutState| {
        let (name, (report, _)) = (&rollout.settings.flag, fresh_report(source, rollout, now)?);
        let provider = source.settings.provider.clone();
        Some(FlagBreach {
            key: FlagKey { env: env.name().clone(), provider, flag: name.clone() },
            uid: uid(&source.settings.place, name),
            since: source.flag(name)?.changed().map(|change| change.at),
            response: rails.response(report)?,
            because: report.reasons.clone(),
            autopilot: rails.autopilot,
            hold: rails.hold,
        })
    };
    let of_source = |source: &FlagSource| -> Vec<FlagBreach> {
        source.rollouts.iter().filter_map(|rollout| of(source, rollout)).collect()
    };
    env.flags.iter().flat_map(of_source).collect()
}

/// Forgets what was said of flags that do not divide users any more: when they do again, it is about another time.
fn forget_ended(core: &mut Core) {
    let Core { world, autopilot, .. } = core;
    let is_on = |key: &FlagKey| {
        let source = world.environment(&key.env).and_then(|env| env.flag_source(&key.provider));
        source.and_then(|source| source.flag(&key.flag)).is_some_and(|flag| divides(flag.state))
    };
    let flags = &mut autopilot.flags;
    flags.kept.retain(|key, _| is_on(key));
    flags.answered.retain(|key, _| is_on(key));
    flags.refused.retain(|key, _| is_on(key));
}

/// Returns the environments that have the flag by the same place at the provider, that of the key among them.
fn same_place<'a>(core: &'a Core, key: &FlagKey) -> impl Iterator<Item = &'a Environment> + use<'a> {
    let source = core.world.environment(&key.env).and_then(|env| env.flag_source(&key.provider));
    let place = source.map(|source| source.settings.place.clone());
    let has = move |env: &&Environment| env.flags.iter().any(|other| Some(&other.settings.place) == place.as_ref());
    core.world.environments.iter().filter(has)
}

/// Leaves out flags that a person keeps, here or in another cockpit, and says so where one was about to be turned off.
fn without_kept(core: &mut Core, mut breaches: Vec<FlagBreach>) -> Vec<FlagBreach> {
    let mut news = Vec::new();
    breaches.retain(|breach| {
        let FlagKey { env, flag, .. } = &breach.key;
        let since = breach.since.unwrap_or_else(|| core.now.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN));
        // Whoever keeps it in one environment keeps it in those that are the same one at the provider.
        let mut one = same_place(core, &breach.key);
        let by = one.find_map(|env| core.world.ledger.keeper_of_flag(env.name(), env.cluster.as_ref(), flag, since));
        let is_counted = core.autopilot.flags.countdowns.contains_key(&breach.key);
        news.extend(by.filter(|_| is_counted).map(|by| format!("{env}: {} keeps the flag {flag}", by.who)));
        by.is_none()
    });
    for text in news {
        core.notice(Level::Warn, format!("{text}; autopilot leaves it alone"));
    }
    breaches
}

fn respond(core: &mut Core, breach: &FlagBreach) -> Vec<Effect> {
    let flags = &mut core.autopilot.flags;
    let is_kept = flags.kept.get(&breach.key).is_some_and(|at| breach.since.is_none_or(|since| since <= *at));
    let answered = flags.answered.get(&breach.key).filter(|(since, _)| *since == breach.since);
    if is_kept || answered.is_some_and(|(_, response)| *response >= breach.response) {
        return Vec::new();
    }
    if breach.autopilot && breach.response == Response::Rollback {
        return count_down(core, breach);
    }
    flags.answered.insert(breach.key.clone(), (breach.since, breach.response));
    let FlagKey { env, flag, .. } = &breach.key;
    let wish = match breach.response {
        Response::Alert => "",
        Response::Pause => ": it stays at its share",
        Response::Rollback => ": turning it off is recommended (autopilot off)",
    };
    let reason = breach.because.first().cloned().unwrap_or_default();
    core.notice(Level::Warn, format!("{env}: guardrail breached by users with the flag {flag}{wish}: {reason}"));
    vec![Effect::Ring]
}

/// Turns the flag off when the time to keep it is over.
fn count_down(core: &mut Core, breach: &FlagBreach) -> Vec<Effect> {
    let (now, FlagKey { env, flag, .. }) = (core.now, &breach.key);
    let Some(due) = core.autopilot.flags.countdowns.get(&breach.key).copied() else {
        core.autopilot.flags.countdowns.insert(breach.key.clone(), now + breach.hold);
        let reason = breach.because.first().cloned().unwrap_or_default();
        let left = duration(breach.hold);
        let text = format!("autopilot turns {flag} off in {env} in {left} unless someone keeps it: {reason}");
        core.notice(Level::Error, text);
        return vec![Effect::Ring];
    };
    let on_its_way = core.in_flight.get(&Target::Flag(breach.key.clone()));
    if now < due || on_its_way.is_some_and(|action| action.record.verb == Verb::FlagOff) {
        return Vec::new();
    }
    // What cannot be done now is tried again at the next look.
    let Some(effects) = turn_off(core, breach) else { return Vec::new() };
    core.autopilot.flags.countdowns.remove(&breach.key);
    core.autopilot.flags.answered.insert(breach.key.clone(), (breach.since, Response::Rollback));
    effects
}

/// Acts as itself, for the reasons that the journal keeps; `None` where it cannot, which is said once.
fn turn_off(core: &mut Core, breach: &FlagBreach) -> Option<Vec<Effect>> {
    let env = &breach.key.env;
    match core.plan_flag(&breach.key, Turn::Off) {
        Ok(plan) => {
            core.notice(Level::Warn, format!("autopilot: {} in {env}", plan.record().headline));
            core.autopilot.flags.refused.remove(&breach.key);
            Some(core.perform(plan.by(Automatic { because: breach.because.clone() })))
        }
        Err(refusals) => {
            let why = refusals.first().map_or_else(String::new, Refusal::line);
            let text = format!("autopilot cannot turn {} off in {env}: {why}", breach.key.flag);
            let before = core.autopilot.flags.refused.insert(breach.key.clone(), text.clone());
            if before.as_ref() != Some(&text) {
                core.notice(Level::Error, text);
            }
            None
        }
    }
}

/// Takes in how an action of autopilot ended: a clear no is asked again, after another countdown.
pub(super) fn ended(core: &mut Core, record: &PlanRecord, outcome: &Outcome) {
    let is_refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Moved { .. });
    if let Target::Flag(key) = &record.target
        && is_refused
        && record.automatic.is_some()
    {
        core.autopilot.flags.answered.remove(key);
    }
}

/// Keeps the flags that are about to be turned off.
pub(super) fn keep(core: &mut Core) -> Vec<Effect> {
    let counted = std::mem::take(&mut core.autopilot.flags.countdowns);
    let mut effects = Vec::new();
    for key in counted.into_keys() {
        core.notice(Level::Warn, format!("{}: the flag {} is kept; autopilot leaves it to you", key.env, key.flag));
        effects.extend(kept(core, &key));
        let all: Vec<FlagKey> =
            same_place(core, &key).map(|env| FlagKey { env: env.name().clone(), ..key.clone() }).collect();
        let now = core.now;
        core.autopilot.flags.kept.extend(all.into_iter().map(|key| (key, now)));
    }
    effects
}

/// Returns what tells others that a flag is kept.
fn kept(core: &Core, key: &FlagKey) -> Option<Effect> {
    let env = core.world.environment(&key.env)?;
    let source = env.flag_source(&key.provider)?;
    let named = source.rollout(&key.flag).and_then(|rollout| rollout.settings.workload.clone());
    let workload: WorkloadId = named.or_else(|| Some(env.workloads.first()?.id.clone()))?;
    let release = release(env);
    let entry = Entry::Kept(Kept {
        who: core.identity(&key.env).0,
        target: WorkloadKey { env: key.env.clone(), workload },
        cluster: core.cluster(&key.env),
        uid: None,
        hash: String::new(),
        flag: Some(key.flag.clone()),
        at: Some(core.now),
        signature: None,
    });
    Some(Effect::Record { release, entry })
}
