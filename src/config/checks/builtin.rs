//! The checklist that holds where the config has none: what needs no settings.

use super::drift::Drift;
use super::schedule::Schedule;
use super::{CheckConfig, CheckKind};
use crate::domain::facts::changes::drift::{Allowed, Aspect};
use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::{CheckPhase, CheckSpec, How};

/// Returns the built-in checklist, which `cockpit init` writes down. What answers itself and stops a release is a gate;
/// what a person has to say is advice, for no one asked for it to stop anything.
#[must_use]
pub fn defaults() -> Vec<CheckConfig> {
    use CheckPhase::{Deploy, Post, Pre};
    let rollback = How::BuiltinCheck(BuiltinCheck::Rollback { drilled_within: None });
    let drift = CheckKind::Drift(Drift { allow: vec![Allowed::all(Aspect::Replicas)] });
    let person = |id, title, phase| line(id, title, phase, false, How::Manual);
    vec![
        line(
            "artifact",
            "one digest, the one that was verified before",
            Pre,
            true,
            How::BuiltinCheck(BuiltinCheck::Artifact),
        ),
        line("rollback", "a last known good revision to go back to", Pre, true, rollback),
        evidence("drift", "set up as in the environment before", drift),
        evidence("window", "inside the release window", CheckKind::Schedule(Schedule::default())),
        person("plan", "rollback plan written: what will not roll back, who decides", Pre),
        person("flags", "flags have a plan and a kill switch", Pre),
        person("on-call", "on-call knows about it", Pre),
        person("notes", "release notes are written", Pre),
        person("dashboards", "dashboards and alerts are ready", Deploy),
        line("signals", "errors and latency are normal", Post, false, How::BuiltinCheck(BuiltinCheck::Signals)),
        person("metrics", "key metrics of the business are healthy", Post),
        person("told", "stakeholders informed", Post),
        person("tidy", "obsolete flags removed", Post),
    ]
}

fn evidence(id: &str, title: &str, kind: CheckKind) -> CheckConfig {
    let mut check = line(id, title, CheckPhase::Pre, false, How::Evidence(kind.as_str().into()));
    check.spec.fresh = kind.fresh();
    check.kind = Some(kind);
    check
}

fn line(id: &str, title: &str, phase: CheckPhase, gate: bool, how: How) -> CheckConfig {
    let mut check = CheckConfig::manual(id);
    check.spec = CheckSpec { title: title.to_owned(), phase, gate, how, ..check.spec };
    check
}
