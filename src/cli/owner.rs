//! `cockpit owner`: what owns a workload's manifest, as text and as JSON.

use std::fmt::Display;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::facts::owner::{Automation, Owned};
use crate::domain::facts::text::sanitize;

/// Returns what is known of the owner as text; `key` names the workload.
#[must_use]
pub fn text(key: &dyn Display, owned: Option<&Owned>, now: Timestamp) -> String {
    let Some(owned) = owned else {
        return format!("{}: no mark of Argo CD, Flux or Helm is on it\n", sanitize(&key.to_string()));
    };
    let found = owned.reconciler();
    let mut lines = vec![format!("{key}: {}", owned.line(now))];
    lines.extend(found.and_then(|found| found.source.as_ref()).map(|source| format!("  source      {source}")));
    lines.extend(
        found
            .and_then(|found| found.written_by.as_ref())
            .map(|writer| format!("  written by  {writer}, which may undo a suspension")),
    );
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}

/// What owns the manifest, and what it does to changes; what is not known is null.
#[must_use]
pub fn json(owned: &Owned) -> Value {
    let found = owned.reconciler();
    let suspension = found.and_then(|found| match &found.automation {
        Automation::Suspended(by) => by.as_ref(),
        _ => None,
    });
    json!({
        "kind": owned.owner.kind.as_str(),
        "namespace": found.map(|found| found.namespace.as_str()).or(owned.owner.namespace.as_deref()),
        "name": owned.owner.name,
        "automation": found.map(|found| found.automation.as_str()),
        "suspended": suspension.map(|by| json!({"by": by.by, "at": by.at.to_string()})),
        "in_sync": found.and_then(|found| found.in_sync),
        "commit": found.and_then(|found| found.commit.as_deref()),
        "source": found.and_then(|found| found.source.as_deref()),
        "written_by": found.and_then(|found| found.written_by.as_deref()),
        "why_not": owned.found.as_ref().and_then(|found| found.as_ref().err()),
    })
}
