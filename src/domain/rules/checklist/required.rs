//! What the record says that a promotion asks for, against what this config asks for: without the team's config, or with
//! another one, nothing is promoted past its gates ([law 13](crate#laws)).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::record::allowed_lane::left_out;
use crate::domain::record::checklist::{CheckPhase, CheckSpec};
use crate::domain::record::lane::{LaneRule, Place, WrittenRule};
use crate::domain::record::ledger::is_of;
use crate::domain::record::proof::Proof;
use crate::domain::record::requirement::{InForce, Requirement, Requirements, list};
use crate::domain::record::shared::MAX_STATEMENTS;
use crate::domain::record::statements::StatementRef;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, World};

/// Returns what the config in force asks for before a promotion into an environment.
#[must_use]
pub fn asked_here(world: &World, env: &Environment) -> BTreeSet<Requirement> {
    let settings = &env.settings;
    let gates = settings.checks.iter().filter(|check| check.gate);
    let gate = |check: &CheckSpec| match check.phase {
        CheckPhase::Pre | CheckPhase::Deploy => Requirement::Gate(check.id.clone()),
        CheckPhase::Post => Requirement::PostGate(check.id.clone()),
    };
    let mut asked: BTreeSet<Requirement> = gates.map(gate).collect();
    let roles = settings.sign_offs.roles.iter();
    asked.extend(roles.map(|(role, people)| Requirement::SignOff { role: role.clone(), people: *people }));
    let before = world.previous(env);
    asked.extend(
        before.map(|before| Requirement::After { env: before.name().clone(), cluster: before.cluster.clone() }),
    );
    let after = before.iter().flat_map(|before| &before.settings.checks);
    let after = after.filter(|check| check.gate && check.phase == CheckPhase::Post);
    asked.extend(after.map(|check| Requirement::GateBefore(check.id.clone())));
    let soak = before.map_or(0, |before| before.settings.soak.as_secs());
    asked.extend((soak > 0).then_some(Requirement::SoakBefore { seconds: soak }));
    let flags = [
        (settings.sign_offs.four_eyes && !settings.sign_offs.roles.is_empty(), Requirement::FourEyes),
        (settings.has_metrics, Requirement::Metrics),
        (settings.protected, Requirement::Protected),
        (settings.keys_required, Requirement::Keys),
        // What came in by a lane may go on from there only by a program that knows what it left out.
        (has_lanes(env) || before.is_some_and(has_lanes), Requirement::Lanes),
    ];
    asked.extend(flags.into_iter().filter(|(holds, _)| *holds).map(|(_, requirement)| requirement));
    asked
}

fn has_lanes(env: &Environment) -> bool {
    !env.settings.lanes.is_empty()
}

/// Returns the lanes of the config in force into an environment, with the clusters of those that they name. There are none of
/// a config that a file did not bring, or that is not trusted.
#[must_use]
pub fn rules_here(world: &World, env: &Environment) -> Vec<LaneRule> {
    if !env.settings.is_declared {
        return Vec::new();
    }
    let placed = |place: &Place| {
        let cluster = world.environment(&place.env).and_then(|known| known.cluster.clone());
        Place { env: place.env.clone(), cluster: cluster.or_else(|| place.cluster.clone()) }
    };
    let with_clusters = |rule: &LaneRule| LaneRule {
        before: placed(&rule.before),
        skips: rule.skips.iter().map(placed).collect(),
        ..rule.clone()
    };
    env.settings.lanes.iter().map(with_clusters).collect()
}

/// Whether the config in force asks for it, or for more.
fn is_met(world: &World, env: &Environment, asked: &BTreeSet<Requirement>, wanted: &Requirement) -> bool {
    match wanted {
        Requirement::SignOff { role, people } => asked.iter().any(|own| match own {
            Requirement::SignOff { role: own_role, people: own } => own_role == role && own >= people,
            _ => false,
        }),
        Requirement::SoakBefore { seconds } => {
            asked.iter().any(|own| matches!(own, Requirement::SoakBefore { seconds: own } if own >= seconds))
        }
        Requirement::After { env: name, cluster } => world
            .previous(env)
            .is_some_and(|before| is_of(before.name(), before.cluster.as_ref(), (name, cluster.as_ref()))),
        // This version knows them, whatever its config says.
        Requirement::Lanes => true,
        Requirement::Later(_) => false,
        _ => asked.contains(wanted),
    }
}

/// Returns what the record asks for and the config in force does not, for promotions of one workload.
fn lacking(world: &World, env: &Environment, id: &WorkloadId) -> (InForce, Vec<Requirement>) {
    let in_force = world.ledger.required(env.name(), env.cluster.as_ref(), id);
    if in_force.asked.is_empty() {
        return (in_force, Vec::new());
    }
    let asked = asked_here(world, env);
    let missing = in_force.asked.keys().filter(|wanted| !is_met(world, env, &asked, wanted)).cloned().collect();
    (in_force, missing)
}

/// What others ask for and this config does not, in one environment.
#[derive(Default)]
struct Missing {
    wanted: BTreeSet<Requirement>,
    /// Who acted first with a config that asks for some of it, and when.
    first: Option<(Timestamp, String)>,
}

impl Missing {
    fn of<'a>(
        world: &World,
        env: &Environment,
        workloads: impl Iterator<Item = &'a WorkloadId>,
        matters: impl Fn(&Requirement) -> bool,
    ) -> Self {
        let mut missing = Self::default();
        for id in workloads {
            let (in_force, wanted) = lacking(world, env, id);
            for wanted in wanted.into_iter().filter(&matters) {
                let by = in_force.asked.get(&wanted).map(|(who, at)| (*at, who.clone()));
                missing.first = [missing.first.take(), by].into_iter().flatten().min();
                missing.wanted.insert(wanted);
            }
        }
        missing
    }

    fn refusal(self, env: &Environment) -> Option<Refusal> {
        let (at, who) = self.first?;
        let name = env.name();
        let (wanted, at) = (list(&self.wanted), rfc3339_seconds(at));
        let text = format!("this config lacks {wanted}, for {name} (recorded by {who} at {at})");
        let remedy = format!("use the team's config; where the team itself drops it: `cockpit require {name}`");
        Some(Refusal::new(RefusalKind::Blind, text, remedy))
    }
}

/// Returns why workloads may not be promoted with this config: gates that others ask for are missing in it.
pub(super) fn missing_gates(world: &World, env: &Environment, workloads: &[&WorkloadId]) -> Vec<Refusal> {
    let is_post = |wanted: &Requirement| matches!(wanted, Requirement::PostGate(_));
    let all = || workloads.iter().copied();
    // What has to hold afterwards in the environment before is a gate of this one.
    let before = world.previous(env).and_then(|before| Missing::of(world, before, all(), is_post).refusal(before));
    let own = Missing::of(world, env, all(), |wanted| !is_post(wanted)).refusal(env);
    before.into_iter().chain(own).collect()
}

/// Returns what a person dropped that the config in force asks for: others promote without it.
#[must_use]
pub fn dropped_by_others(world: &World, env: &Environment) -> Option<String> {
    let asked = asked_here(world, env);
    let of = |id: &WorkloadId| world.ledger.required(env.name(), env.cluster.as_ref(), id).dropped;
    let dropped: BTreeMap<Requirement, (String, Timestamp)> = env.settings.workloads.iter().flat_map(of).collect();
    let dropped: Vec<_> = dropped.into_iter().filter(|(requirement, _)| asked.contains(requirement)).collect();
    let (_, (who, at)) = dropped.iter().max_by_key(|(_, (_, at))| *at)?;
    let (name, at) = (env.name(), rfc3339_seconds(*at));
    let what = list(dropped.iter().map(|(requirement, _)| requirement));
    Some(format!(
        "{name}: {who} decided at {at} that nobody else has to ask for {what}; `cockpit require {name}` asks for it again"
    ))
}

/// Returns the lanes that a person allowed and the config in force does not have: they are not used here.
#[must_use]
pub fn news_of_lanes(world: &World, env: &Environment) -> Vec<String> {
    let own: Vec<WrittenRule> = rules_here(world, env).into_iter().map(Box::new).map(WrittenRule::Known).collect();
    let of = |id: &WorkloadId| world.ledger.required(env.name(), env.cluster.as_ref(), id).lanes;
    let allowed = env.settings.workloads.iter().flat_map(of);
    let unknown = allowed.filter(|lane| !own.iter().any(|rule| rule.is_same(&lane.rule)));
    let news: BTreeSet<String> = unknown
        .map(|lane| {
            let (env, who, at, name) = (env.name(), &lane.who, rfc3339_seconds(lane.at), lane.rule.name());
            let from = lane.rule.known().map_or_else(String::new, |rule| format!(" from {}", rule.before.env));
            let why = match lane.rule.known() {
                None => "this version of cockpit does not know all of its terms",
                Some(_) if own.iter().any(|rule| rule.name() == name) => "that of this config is another one",
                Some(_) => "this config has no such lane",
            };
            format!("{env}: {who} decided at {at} that the lane {name} is allowed{from}; {why}")
        })
        .collect();
    news.into_iter().collect()
}

/// Returns the lanes that a decision allows and the record does not yet, each with what it leaves out: `allows …`.
#[must_use]
pub fn newly_allowed(world: &World, decided: &Requirements) -> Vec<String> {
    let Some(env) = world.environment(&decided.env) else { return Vec::new() };
    let is_known = |rule: &WrittenRule| {
        let of = |id: &WorkloadId| world.ledger.required(env.name(), env.cluster.as_ref(), id).lanes;
        decided.workloads.iter().all(|id| of(id).iter().any(|lane| lane.rule.is_same(rule)))
    };
    let new = decided.lanes.iter().flatten().filter(|rule| !is_known(rule)).filter_map(WrittenRule::known);
    let words = |rule: &LaneRule| {
        let (lane, from, left_out) = (&rule.lane, &rule.before.env, left_out(rule, &decided.asked).join(", "));
        format!("allows the lane {lane} in {}, from {from}: it leaves out {left_out}", env.name())
    };
    new.map(words).collect()
}

/// Returns what is to be recorded of the config in force, if it asks for something that the record does not hold. Nothing is
/// recorded of a config that a file did not bring, or that is not trusted.
#[must_use]
pub fn unrecorded(world: &World, env: &Environment, who: &str, now: Timestamp) -> Option<Requirements> {
    let asked = asked_here(world, env);
    let is_read = matches!(env.record, Some(Ok(())));
    if !is_read || !env.settings.is_declared || asked.is_empty() || env.settings.workloads.is_empty() {
        return None;
    }
    let is_known = |id: &WorkloadId| {
        let in_force = world.ledger.required(env.name(), env.cluster.as_ref(), id);
        asked.iter().all(|own| is_recorded(&in_force, own))
    };
    (!env.settings.workloads.iter().all(is_known)).then(|| stated(env, asked, who, now))
}

/// Whether the record holds what a config asks for, or that a person dropped it.
fn is_recorded(in_force: &InForce, own: &Requirement) -> bool {
    let same = |known: &Requirement| match (own, known) {
        (Requirement::After { env, cluster }, Requirement::After { env: known, cluster: known_cluster }) => {
            is_of(env, cluster.as_ref(), (known, known_cluster.as_ref()))
        }
        _ => own == known,
    };
    in_force.asked.keys().chain(in_force.dropped.keys()).any(same)
}

/// Returns a person's decision that a promotion asks for what this config asks for, and for nothing else.
///
/// # Errors
/// Why nobody would take it for a decision.
pub fn decision(world: &World, env: &Environment, who: &str, now: Timestamp) -> Result<Requirements, String> {
    let asked = asked_here(world, env);
    let in_force = || {
        let of = |id: &WorkloadId| world.ledger.required(env.name(), env.cluster.as_ref(), id);
        env.settings.workloads.iter().map(of)
    };
    let wanted: BTreeSet<Requirement> = in_force().flat_map(|one| one.asked.into_keys()).collect();
    if wanted.contains(&Requirement::Keys) && !asked.contains(&Requirement::Keys) {
        return Err(
            "`allowed_signers` is asked for here, and only a decision that one of its keys signed counts: add it to \
                    this config, or remove the statement from the ConfigMap release-cockpit"
                .to_owned(),
        );
    }
    // What this version does not know is not its to drop, nor that others have to know lanes where there is one.
    let is_kept = |wanted: &Requirement| match wanted {
        Requirement::Later(_) => true,
        Requirement::Lanes => has_stated_lanes(world, env),
        _ => false,
    };
    let is_dropped = |wanted: &Requirement| !is_kept(wanted) && !asked.contains(wanted);
    let dropped = wanted.into_iter().filter(is_dropped).collect();
    // Earlier versions go by the time: the last word, also where this clock is behind the one that dated the word before.
    let mut known: Vec<StatementRef> = in_force().flat_map(|one| one.decisions).collect();
    known.sort_by(|one, other| (one.at, &one.who).cmp(&(other.at, &other.who)));
    known.dedup();
    let last = known.last().map(|one| one.at);
    // Others read only the latest.
    let follows = known.split_off(known.len().saturating_sub(MAX_STATEMENTS)).into_iter().collect();
    let at = last.map_or(now, |last| now.max(last + SignedDuration::from_secs(1)));
    let lanes = decided_lanes(world, env, in_force().flat_map(|one| one.lanes).map(|lane| lane.rule).collect());
    Ok(Requirements { dropped, is_decision: true, follows: Some(follows), lanes, ..stated(env, asked, who, at) })
}

/// The lanes that a decision allows: those of the config in force, and those allowed before that this version does not know.
/// `None` where there are none and were none.
fn decided_lanes(world: &World, env: &Environment, before: BTreeSet<WrittenRule>) -> Option<Vec<WrittenRule>> {
    let own = rules_here(world, env).into_iter().map(|rule| WrittenRule::Known(Box::new(rule)));
    let had_any = !before.is_empty();
    let lanes: Vec<WrittenRule> = own.chain(before.into_iter().filter(|rule| rule.known().is_none())).collect();
    (had_any || !lanes.is_empty()).then_some(lanes)
}

/// Whether a lane into an environment, or into the one before it, was opened or is allowed.
fn has_stated_lanes(world: &World, env: &Environment) -> bool {
    let is_stated = |env: &Environment| {
        let here = env.cluster.as_ref();
        let is_allowed = |id: &WorkloadId| !world.ledger.required(env.name(), here, id).lanes.is_empty();
        world.ledger.lanes_of(env.name(), here).next().is_some() || env.settings.workloads.iter().any(is_allowed)
    };
    is_stated(env) || world.previous(env).is_some_and(is_stated)
}

fn stated(env: &Environment, asked: BTreeSet<Requirement>, who: &str, at: Timestamp) -> Requirements {
    Requirements {
        env: env.name().clone(),
        cluster: env.cluster.clone(),
        workloads: env.settings.workloads.iter().cloned().collect(),
        asked,
        dropped: BTreeSet::new(),
        follows: None,
        lanes: None,
        is_decision: false,
        who: who.to_owned(),
        at,
        signature: None,
        proof: Proof::default(),
    }
}

#[cfg(test)]
mod tests;
