//! The flags check: the flags of the release are at their provider, owned, to be removed on some day, and can be turned off.
//!
//! A rollback and turning a flag off never ask it.

use jiff::Timestamp;

use super::builtin::BuiltinAnswer;
use super::candidate::{Candidate, CandidateState};
use crate::domain::facts::flag::rules::{FlagRules, Removal};
use crate::domain::facts::flag::{Flag, FlagEdit};
use crate::domain::facts::text::{duration, plural};
use crate::domain::record::checklist::CheckOutcome;
use crate::domain::rules::flag_lint::{FlagProblem, lint, silent, unknown};
use crate::domain::world::flags::{FlagSource, ListedFlag};
use crate::domain::world::{Environment, World};

/// What is wrong, and what helps.
struct Fault {
    line: String,
    remedy: String,
}

pub(super) fn flags(
    world: &World,
    env: &Environment,
    candidate: &Candidate,
    rules: &FlagRules,
    now: Timestamp,
) -> BuiltinAnswer {
    if let Some(why) = unknown(world, (env, Some(&candidate.key)), rules, now) {
        return BuiltinAnswer::new(CheckOutcome::Blind, why.to_string(), why.wanted());
    }
    let linted = lint(world, env, false, now);
    let (mut faults, mut blind, mut evidence) = (Vec::new(), Vec::new(), Vec::new());
    for flag in &linted {
        let fault =
            |problem: &FlagProblem| Fault { line: format!("{}: {problem}", flag.name), remedy: problem.remedy() };
        faults.extend(flag.problems.iter().map(fault));
        if let Removal::On(date) = flag.removal {
            evidence.push(format!("{}: to be removed by {date}", flag.name));
        }
    }
    for listed in env.listed_flags().iter().filter(|listed| listed.of_release) {
        faults.extend(on_too_early(listed.flag, candidate, rules));
        match tried(world, env, listed, rules, now) {
            Tried::NotAsked => {}
            Tried::Yes(line) => evidence.push(line),
            Tried::No(fault) => faults.push(fault),
            Tried::Unknown(gap) => blind.push(gap),
        }
    }
    // What is red stays red: that something else is not known takes nothing away from it.
    let mut answer = match (faults.first(), blind.first()) {
        (Some(fault), _) => BuiltinAnswer::new(CheckOutcome::Failed, fault.line.clone(), &fault.remedy),
        (None, Some(gap)) => BuiltinAnswer::new(CheckOutcome::Blind, gap.line.clone(), &gap.remedy),
        (None, None) => BuiltinAnswer::new(CheckOutcome::Passed, in_order(linted.len()), ""),
    };
    answer.evidence = faults.into_iter().chain(blind).map(|fault| fault.line).chain(evidence).collect();
    answer
}

/// A flag that users get before the release has gone out.
fn on_too_early(flag: &Flag, candidate: &Candidate, rules: &FlagRules) -> Option<Fault> {
    if !rules.off_first || !flag.state.is_on() || candidate.standing == CandidateState::Settled {
        return None;
    }
    let line = format!("{}: {} here, and the release has not gone out", flag.name, flag.state);
    Some(Fault { line, remedy: "it is turned off here until then".to_owned() })
}

/// Whether turning a flag off was tried in the environment before.
enum Tried {
    NotAsked,
    Yes(String),
    No(Fault),
    Unknown(Fault),
}

/// What tells is the provider's own log, where it keeps one, and what was done with Cockpit.
fn tried(world: &World, env: &Environment, listed: &ListedFlag<'_>, rules: &FlagRules, now: Timestamp) -> Tried {
    let name = &listed.flag.name;
    let (Some(within), Some(before)) = (rules.tried_within, world.previous(env)) else { return Tried::NotAsked };
    let there = before.name();
    let remedy = format!("it is turned on in {there}, and off again: `cockpit flags off {there} {name}`");
    let is_silent = |source: &FlagSource| {
        let line = format!("{name}: {}", silent(source, now));
        Tried::Unknown(Fault { line, remedy: "the provider answers".to_owned() })
    };
    let own = before.flag_source(&listed.source.settings.provider).filter(|source| source.flag(name).is_some());
    let Some(source) = own.or_else(|| before.flags.iter().find(|source| source.flag(name).is_some())) else {
        return match before.flags.iter().find(|source| !source.heard.is_fresh(now)) {
            Some(source) => is_silent(source),
            None => Tried::No(Fault { line: format!("{name}: no provider of {there} has it"), remedy }),
        };
    };
    let of_log = source.flag(name).into_iter().flat_map(|flag| &flag.changes);
    let of_log = of_log.filter(|change| change.what == FlagEdit::Off).map(|change| (change.at, &change.by));
    let of_ours =
        world.ledger.flag_offs.latest((there, before.cluster.as_ref()), (&source.settings.place, name.as_str()));
    let offs = of_log.chain(of_ours.map(|off| (off.at, &off.by)));
    if let Some((at, by)) = offs.max_by_key(|(at, _)| *at).filter(|(at, _)| now.duration_since(*at) <= within) {
        let age = duration(now.duration_since(at));
        return Tried::Yes(format!("{name}: turned off in {there} {age} ago by {by}"));
    }
    if !source.heard.is_fresh(now) {
        return is_silent(source);
    }
    let within = duration(within);
    if let Some(why) = source.settings.kind.forgets() {
        let provider = &source.settings.provider;
        let line = format!("{name}: {provider} {why} in {there}, and nobody did so with cockpit within {within}");
        let remedy = format!("{remedy}; what is turned off without cockpit may not be known here");
        return Tried::Unknown(Fault { line, remedy });
    }
    Tried::No(Fault { line: format!("{name}: not turned off in {there} within {within}"), remedy })
}

fn in_order(count: usize) -> String {
    if count == 0 {
        return "the release has no feature flags".to_owned();
    }
    format!("{} of the release in order", plural(count, "flag"))
}
