//! `[freeze]`: days on which nothing is promoted, anywhere: a gate of every environment.

use super::checks::schedule::{Schedule, dates, zone};
use super::checks::{CheckConfig, CheckKind};
use super::environment::EnvConfig;
use super::reader::{Reader, Table};
use super::section::{Field, Kind, Section};
use crate::domain::record::checklist::How;
use crate::domain::record::checklist::schedule;

pub(super) const SECTION: Section = Section {
    header: "[freeze]",
    help: "Days on which nothing is promoted, in any environment: a gate named `freeze`. Rollbacks go on.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("dates", Kind::TextList, "The days, e.g. \"2026-12-18..2027-01-04 year end\".").or(|| "[]".to_owned()),
    Field::new(
        "time_zone",
        Kind::Text,
        "Time zone of these days, e.g. \"Europe/Berlin\"; that of this machine by default.",
    ),
];

/// Name of the gate.
const ID: &str = "freeze";

/// Reads the gate; `None` where no days are named.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<CheckConfig> {
    let freezes = dates(reader, table, "dates");
    let zone = zone(reader, table);
    if freezes.is_empty() {
        return None;
    }
    let rules = schedule::Schedule { windows: vec![schedule::Window::ALWAYS], freezes };
    let kind = CheckKind::Schedule(Schedule { rules, zone });
    let mut check = CheckConfig::manual(ID);
    "No freeze today".clone_into(&mut check.spec.title);
    check.spec.gate = true;
    check.spec.how = How::Evidence(kind.as_str().into());
    check.spec.fresh = kind.fresh();
    check.kind = Some(kind);
    Some(check)
}

/// Adds the gate to every environment, and to what holds for those that the file does not name.
pub(super) fn share_out(
    reader: &mut Reader,
    (table, gate): (&Table<'_>, &CheckConfig),
    environments: &mut [EnvConfig],
    defaults: &mut Vec<CheckConfig>,
) {
    let is_taken = environments.iter().flat_map(|env| &env.checks).chain(&*defaults);
    if is_taken.into_iter().any(|check| check.spec.id == gate.spec.id) {
        reader.note(
            table.at,
            format!("[freeze] is a check named `{ID}`, and there is another"),
            "rename the other one",
        );
        return;
    }
    for env in environments {
        env.checks.push(gate.clone());
    }
    defaults.push(gate.clone());
}
