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
use crate::domain::world::flags::ListedFlag;
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
            Tried::Unknown(line) => blind.push(line),
        }
    }
    // What is red stays red: that something else is not known takes nothing away from it.
    let mut answer = match (faults.first(), blind.first()) {
        (Some(fault), _) => BuiltinAnswer::new(CheckOutcome::Failed, fault.line.clone(), &fault.remedy),
        (None, Some(line)) => BuiltinAnswer::new(CheckOutcome::Blind, line.clone(), "the provider answers"),
        (None, None) => BuiltinAnswer::new(CheckOutcome::Passed, in_order(linted.len()), ""),
    };
    answer.evidence = faults.into_iter().map(|fault| fault.line).chain(blind).chain(evidence).collect();
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
    Unknown(String),
}

fn tried(world: &World, env: &Environment, listed: &ListedFlag<'_>, rules: &FlagRules, now: Timestamp) -> Tried {
    let name = &listed.flag.name;
    let (Some(within), Some(before)) = (rules.tried_within, world.previous(env)) else { return Tried::NotAsked };
    let there = before.name();
    let remedy = format!("it is turned on in {there}, and off again: `cockpit flags off {there} {name}`");
    let own = before.flag_source(&listed.source.settings.provider).filter(|source| source.flag(name).is_some());
    let Some(source) = own.or_else(|| before.flags.iter().find(|source| source.flag(name).is_some())) else {
        return match before.flags.iter().find(|source| !source.heard.is_fresh(now)) {
            Some(source) => Tried::Unknown(format!("{name}: {}", silent(source, now))),
            None => Tried::No(Fault { line: format!("{name}: no provider of {there} has it"), remedy }),
        };
    };
    let offs =
        source.flag(name).into_iter().flat_map(|flag| &flag.changes).filter(|change| change.what == FlagEdit::Off);
    let Some(last) = offs.max_by_key(|change| change.at).filter(|last| now.duration_since(last.at) <= within) else {
        if !source.heard.is_fresh(now) {
            return Tried::Unknown(format!("{name}: {}", silent(source, now)));
        }
        if let Some(why) = source.settings.kind.forgets() {
            let provider = &source.settings.provider;
            return Tried::Unknown(format!("{name}: {provider} {why} in {there}"));
        }
        let line = format!("{name}: not turned off in {there} within {}", duration(within));
        return Tried::No(Fault { line, remedy });
    };
    let age = duration(now.duration_since(last.at));
    Tried::Yes(format!("{name}: turned off in {there} {age} ago by {}", last.by))
}

fn in_order(count: usize) -> String {
    if count == 0 {
        return "the release has no feature flags".to_owned();
    }
    format!("{} of the release in order", plural(count, "flag"))
}
