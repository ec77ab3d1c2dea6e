//! Rules for `[[checks]]`.

use jiff::SignedDuration;

use super::section_of;
use crate::config::EnvConfig;
use crate::config::checks::{CheckConfig, CheckKind, defaults, read_kind};
use crate::config::fields::FILE;
use crate::config::reader::{At, Reader, Table};
use crate::domain::checklist::known::Known;
use crate::domain::checklist::{CheckId, CheckPhase, CheckSpec, How};
use crate::domain::ids::EnvName;

/// Longest id: it is typed.
const LONGEST_ID: usize = 40;
/// How long answers may hold.
const FRESH: std::ops::RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(1)..=SignedDuration::from_hours(24 * 365);
/// How long a look may take.
const TIMEOUT: std::ops::RangeInclusive<SignedDuration> =
    SignedDuration::from_millis(100)..=SignedDuration::from_hours(1);

/// A check as it stands in the file.
pub(super) struct Draft {
    check: CheckConfig,
    /// Where it stands.
    at: usize,
    /// Where the environments stand that it names.
    places: Vec<(EnvName, usize)>,
}

/// Reads the checklist; `None` where the file has none.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>) -> Option<Vec<Draft>> {
    file.get("checks")?;
    let tables = reader.tables(file, "checks", section_of(&FILE, "checks")?);
    Some(tables.iter().filter_map(|table| check(reader, table)).collect())
}

fn check(reader: &mut Reader, table: &Table<'_>) -> Option<Draft> {
    let id = id(reader, table);
    let (how, kind) = how(reader, table)?;
    let places: Vec<(EnvName, usize)> = match reader.list(table, "environments", "write for example [\"prod-eu\"]") {
        Some(list) => {
            let names: Vec<At<String>> = list.iter().filter_map(|item| reader.text_of(item, "environments")).collect();
            names.into_iter().map(|name| (EnvName::new(name.value), name.at)).collect()
        }
        None => Vec::new(),
    };
    let phases = CheckPhase::ALL.map(|phase| (phase.word(), phase));
    let spec = CheckSpec {
        id: CheckId::new(id.clone()?),
        title: reader.text(table, "title").map_or(id?, |title| title.value),
        phase: reader.word(table, "phase", &phases).unwrap_or(CheckPhase::Pre),
        gate: reader.flag(table, "gate").unwrap_or_default(),
        owner: reader.text(table, "owner").map(|owner| owner.value),
        how,
        fresh: reader
            .time(table, "fresh", &FRESH)
            .map(|fresh| fresh.value)
            .or(kind.as_ref().and_then(CheckKind::fresh)),
        runbook: reader.text(table, "runbook").map(|runbook| runbook.value),
    };
    let timeout = reader.time(table, "timeout", &TIMEOUT).map_or(CheckConfig::TIMEOUT, |timeout| timeout.value);
    let environments = places.iter().map(|(name, _)| name.clone()).collect();
    Some(Draft { check: CheckConfig { spec, environments, kind, timeout }, at: table.at, places })
}

fn id(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let Some(At { value, at }) = reader.text(table, "id") else {
        if table.get("id").is_none() {
            reader.note(table.at, "this check has no `id`", "write for example id = \"tests\"");
        }
        return None;
    };
    let fits = value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !fits || value.chars().count() > LONGEST_ID {
        let help = format!("letters, digits, `-`, `_` and `.`, at most {LONGEST_ID}: it is typed");
        reader.note(at, format!("`{value}` cannot be the id of a check"), help);
    }
    Some(value)
}

/// Reads how it is answered: by one key, or by a person.
fn how(reader: &mut Reader, table: &Table<'_>) -> Option<(How, Option<CheckKind>)> {
    let words: Vec<&'static str> = ["artifact", "rollback", "signals"].into_iter().chain(CheckKind::WORDS).collect();
    let mut given = words.into_iter().filter(|word| table.get(word).is_some());
    let Some(word) = given.next() else { return Some((How::Manual, None)) };
    if let Some(second) = given.next() {
        let what = format!("`{word}` and `{second}` exclude each other: a check is answered in one way");
        reader.note(table.key_at(second), what, "make two checks of it");
        return None;
    }
    let known = match word {
        "artifact" | "signals" => {
            if reader.flag(table, word) == Some(false) {
                reader.note(
                    table.key_at(word),
                    format!("`{word}` is false"),
                    "leave the key out: a person answers then",
                );
            }
            Some(if word == "artifact" { Known::Artifact } else { Known::Signals })
        }
        "rollback" => {
            let own = super::section(reader, table, word)?;
            let within = reader.time(&own, "drilled_within", &FRESH).map(|time| time.value);
            Some(Known::Rollback { drilled_within: within })
        }
        _ => None,
    };
    if let Some(known) = known {
        return Some((How::Known(known), None));
    }
    let own = super::section(reader, table, word)?;
    let kind = read_kind(reader, word, &own)?;
    Some((How::Evidence(kind.word().into()), Some(kind)))
}

/// Gives each environment its checks, the built-in ones where the file has none; returns those that are for all.
pub(super) fn share_out(
    reader: &mut Reader,
    drafts: Option<Vec<Draft>>,
    environments: &mut [EnvConfig],
) -> Vec<CheckConfig> {
    let Some(drafts) = drafts else {
        for env in environments.iter_mut() {
            env.checks = defaults();
        }
        return defaults();
    };
    let known: Vec<String> = environments.iter().map(|env| env.name.to_string()).collect();
    for draft in &drafts {
        for (name, at) in &draft.places {
            if !known.is_empty() && !known.iter().any(|known| known == name.as_str()) {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                reader.note_unknown(*at, format!("there is no environment `{name}`"), name.as_str(), &names);
            }
        }
    }
    for env in environments.iter_mut() {
        for draft in drafts.iter().filter(|draft| draft.check.is_for(&env.name)) {
            let id = &draft.check.spec.id;
            if env.checks.iter().any(|check| check.spec.id == *id) {
                reader.note(draft.at, format!("`{}` has another check `{id}`", env.name), "ids tell checks apart");
            }
            env.checks.push(draft.check.clone());
        }
    }
    drafts.into_iter().map(|draft| draft.check).filter(|check| check.environments.is_empty()).collect()
}
