//! The checklist that holds where the config has none: what needs no settings.

use super::CheckConfig;
use crate::domain::checklist::known::Known;
use crate::domain::checklist::{CheckId, CheckPhase, CheckSpec, How};

/// Returns the built-in checklist. What answers itself is a gate; what a person has to say is advice, for nobody asked
/// for it to stop anything.
#[must_use]
pub fn defaults() -> Vec<CheckConfig> {
    use CheckPhase::{Deploy, Post, Pre};
    let rollback = Known::Rollback { drilled_within: None };
    [
        line("artifact", "one digest, the one that was verified before", Pre, true, How::Known(Known::Artifact)),
        line("rollback", "a last known good revision to go back to", Pre, true, How::Known(rollback)),
        line("plan", "rollback plan written: what will not roll back, who decides", Pre, false, How::Manual),
        line("on-call", "on-call knows about it", Pre, false, How::Manual),
        line("dashboards", "dashboards and alerts are ready", Deploy, false, How::Manual),
        line("signals", "errors and latency are normal", Post, false, How::Known(Known::Signals)),
        line("told", "stakeholders were told", Post, false, How::Manual),
    ]
    .into()
}

fn line(id: &str, title: &str, phase: CheckPhase, gate: bool, how: How) -> CheckConfig {
    let spec = CheckSpec {
        id: CheckId::new(id),
        title: title.to_owned(),
        phase,
        gate,
        owner: None,
        how,
        fresh: None,
        runbook: None,
    };
    CheckConfig { spec, environments: Vec::new(), kind: None, timeout: CheckConfig::TIMEOUT }
}
