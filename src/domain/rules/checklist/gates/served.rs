//! What speaks against that which serves everybody in an environment.

use jiff::Timestamp;

use super::{by_state, gate, no_gos, red_first};
use crate::domain::record::checklist::check::CheckPhase;
use crate::domain::rules::checklist::role::role_statuses;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState, World};

/// Returns why what serves everybody may not be called good: it regressed, it is not well, a gate that has to hold after the
/// release is not green, or somebody signed NO-GO. An answer about anything else is none.
#[must_use]
pub fn against_served(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp) -> Vec<Refusal> {
    let Some((status, stable)) = workload.status.as_ref().and_then(|status| Some((status, status.stable.as_ref()?)))
    else {
        return vec![super::not_seen(workload)];
    };
    let uid = workload.snapshot.as_ref().map_or("", |snapshot| snapshot.object.meta().uid.as_str());
    let regression = world.ledger.regressed(env.cluster.as_ref(), (uid, &stable.hash));
    let mut reasons: Vec<Refusal> = regression
        .map(|it| Refusal::new(RefusalKind::Gate, format!("{} {}", it.version, it.reason()), super::ANOTHER))
        .into_iter()
        .collect();
    if workload.assessment.verdict == Verdict::NoGo {
        let of = workload.assessment.reasons.iter().filter(|reason| reason.verdict == Verdict::NoGo);
        reasons.extend(
            of.map(|reason| Refusal::new(RefusalKind::Gate, reason.text.clone(), "clears when back within limits")),
        );
    }
    for reason in by_state(status) {
        if !reasons.iter().any(|known| known.text == reason.text) {
            reasons.push(reason);
        }
    }
    let Some(served) = world.served(env) else {
        reasons.push(super::not_seen(workload));
        return reasons;
    };
    let after = env.checks.iter().filter(|check| check.spec.phase == CheckPhase::Post);
    reasons.extend(after.filter_map(|check| gate(check, &served.key, now)));
    reasons.extend(super::record_unknown(env).filter(|_| !env.settings.sign_offs.roles.is_empty()));
    reasons.extend(role_statuses(env, &world.ledger, &served).iter().flat_map(no_gos));
    red_first(&mut reasons);
    reasons
}
