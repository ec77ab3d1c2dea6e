//! What goes out, by its digest: it is what the environment before runs, and registries have it.

use jiff::Timestamp;

use super::checks::is_asked;
use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::check::{Check, CheckOutcome, How};
use crate::domain::rules::checklist::artifact::artifact_of;
use crate::domain::rules::checklist::builtin::BuiltinAnswer;
use crate::domain::rules::checklist::candidate::Candidate;
use crate::domain::rules::checklist::registry::registry_of;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, World};

/// Law 2 holds where the checklist or a lane leaves it out, too.
pub(super) fn same_artifact(world: &World, env: &Environment, going_out: &[Candidate], now: Timestamp) -> Vec<Refusal> {
    let is_compared = |check: &Check, candidate: &Candidate| {
        let is_it = matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Artifact));
        check.spec.gate && is_it && is_asked(check, candidate.lane.as_deref())
    };
    let refused = |candidate: &Candidate| {
        if env.checks.iter().any(|check| is_compared(check, candidate)) {
            return None;
        }
        let (kind, answer) = (RefusalKind::Artifact, artifact_of(world, env, candidate, now));
        refused(("artifact", kind), going_out, candidate, &answer)
    };
    going_out.iter().filter_map(refused).collect()
}

/// Registries have to have what goes out, whatever the checklist says.
pub(super) fn in_registries(world: &World, env: &Environment, going_out: &[Candidate], now: Timestamp) -> Vec<Refusal> {
    if env.registries.is_empty() {
        return Vec::new();
    }
    let refused = |candidate| {
        let (kind, answer) = (RefusalKind::Gate, registry_of(world, env, candidate, now));
        refused(("registry", kind), going_out, candidate, &answer)
    };
    going_out.iter().filter_map(refused).collect()
}

/// Returns why a candidate does not go out by an answer, if so.
pub(super) fn refused(
    (id, red): (&str, RefusalKind),
    going_out: &[Candidate],
    candidate: &Candidate,
    answer: &BuiltinAnswer,
) -> Option<Refusal> {
    let kind = match answer.found {
        CheckOutcome::Passed => return None,
        CheckOutcome::Failed => red,
        CheckOutcome::Blind => RefusalKind::Blind,
    };
    let whose = if going_out.len() > 1 { format!("{}: ", candidate.workload.name) } else { String::new() };
    let text = format!("{id}: {whose}{}", answer.summary);
    Some(Refusal::new(kind, text, format!("green when {}", answer.green_when)))
}
