//! Which checks are asked, and why one blocks.

use jiff::Timestamp;

use super::artifacts::refused;
use crate::domain::record::checklist::check::{Check, CheckPhase, CheckState, How};
use crate::domain::record::checklist::{BuiltinCheck, Finding};
use crate::domain::rules::checklist::candidate::Candidate;
use crate::domain::rules::checklist::flags::flags;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::lane::OpenedLane;
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, World};

/// Whether a check is asked of what comes by a lane, or by none.
pub(super) fn is_asked(check: &Check, lane: Option<&OpenedLane>) -> bool {
    lane.is_none_or(|opened| opened.rule.gates.contains(&check.spec.id))
}

/// The check of the live signals has no answer for as long as they are collected.
pub(super) fn collecting(env: &Environment, check: &Check, reason: Refusal) -> Refusal {
    let is_live = matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Signals));
    let is_collecting = reason.kind == RefusalKind::Blind && env.assessment().verdict == Verdict::Wait;
    if is_live && is_collecting { Refusal { kind: RefusalKind::Collecting, ..reason } } else { reason }
}

/// Returns why a check blocks it, if it does.
pub(super) fn gate(check: &Check, subject: &str, now: Timestamp) -> Option<Refusal> {
    if !check.spec.gate {
        return None;
    }
    let state = check.state(subject, now);
    let told = |finding: &Finding| (finding.summary.clone(), finding.green_when.clone());
    let (summary, green) = check.finding.as_ref().map(told).unwrap_or_default();
    let id = &check.spec.id;
    let (kind, text, remedy) = match state {
        CheckState::Passed => return None,
        CheckState::Failed => (RefusalKind::Gate, format!("{id}: {summary}"), green),
        CheckState::Blind => (RefusalKind::Blind, format!("{id}: {summary}"), green),
        CheckState::Stale => (
            RefusalKind::Blind,
            match &check.finding {
                Some(finding) if finding.subject != subject => {
                    format!("{id}: the last answer is about another version")
                }
                _ => format!("{id}: the last answer is stale"),
            },
            if check.is_manual() { "someone acknowledges it again".to_owned() } else { "it is run again".to_owned() },
        ),
        CheckState::Running => (RefusalKind::Blind, format!("{id}: running"), "the answer is there".to_owned()),
        CheckState::Pending if check.is_manual() => {
            (RefusalKind::Gate, format!("{id}: not acknowledged"), "someone acknowledges it".to_owned())
        }
        CheckState::Pending => (RefusalKind::Blind, format!("{id}: not run yet"), "the answer is there".to_owned()),
    };
    let remedy = if remedy.is_empty() { remedy } else { format!("green when {remedy}") };
    Some(Refusal::new(kind, text, remedy))
}

/// Whether a check is not held to what was found of it last: it is about what goes out, or about what others say, now.
pub(super) fn is_answered_anew(check: &Check) -> bool {
    matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Registry | BuiltinCheck::Flags(_)))
}

/// What is asked of the flags of the release, where the checklist asks that.
pub(super) fn flags_in_order(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> Vec<Refusal> {
    let is_gate = |check: &&Check| check.spec.gate && check.spec.phase != CheckPhase::Post;
    let gates = env.checks.iter().filter(is_gate).filter(|check| is_asked(check, candidate.lane.as_deref()));
    let in_order = |check: &Check| {
        let How::BuiltinCheck(BuiltinCheck::Flags(rules)) = check.spec.how else { return None };
        let answer = flags(world, env, candidate, &rules, now);
        refused((check.spec.id.as_str(), RefusalKind::Gate), &[], candidate, &answer)
    };
    gates.filter_map(in_order).collect()
}
