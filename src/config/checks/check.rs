//! `[[checks]]`: one line of the checklist.

use super::{CheckConfig, CheckKind, KINDS, defaults, flag_rules, read_kind};
use crate::config::environment::EnvConfig;
use crate::config::reader::{At, Reader, Table};
use crate::config::section::{Field, Kind, Section, days, keys, secs, words};
use crate::domain::facts::flag::rules::FlagRules;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::{CheckPhase, How};

pub(in crate::config) const SECTION: Section = Section {
    header: "[[checks]]",
    help: "One line of the checklist. One key names its kind; without one, a person acknowledges it.",
    needed: &["id"],
    groups: &[FIELDS, KINDS],
};

keys! {
    CheckConfig = CheckConfig::manual("");
    id: by_hand(Kind::Text), "Short unique name; typed on the command line.";
    title => spec.title: text, "What it is about; without it the id.";
    phase => spec.phase: word(CheckPhase), "Phase of the release in which it must pass.";
    gate => spec.gate: flag, "Whether it stops promotions. There is no way to skip a gate.";
    environments: by_hand(Kind::TextList), "The environments it is about; without it all.";
    owner => spec.owner: text, "Owner of the check.";
    fresh => spec.fresh: time(secs(1)..=days(365)),
        "How long an answer is valid; by default some minutes where something outside is looked at, else as long as the \
         release is the same.";
    timeout: time(millis(100)..=hours(1)), "Timeout of one run.";
    runbook => spec.runbook: text, "URL of the runbook.";
    artifact: by_hand(Kind::Flag), "All replicas run one digest, and it is what the environment before runs.";
    rollback: by_hand(Kind::Table(&ROLLBACK)), "There is a revision to go back to.";
    signals: by_hand(Kind::Flag), "The live signals are within their limits.";
    flags: by_hand(Kind::Table(&flag_rules::SECTION)), "The feature flags of the release are in order.";
}

words!(CheckPhase);

const ROLLBACK: Section = Section {
    header: "`rollback`",
    help: "There is a revision to go back to, and its image is known.",
    needed: &[],
    groups: &[&[Field::new(
        "drilled_within",
        Kind::Time(secs(1), days(365)),
        "A rollback was carried out here within this time, by the journal.",
    )]],
};

/// Longest id, in characters: it is typed.
const MAX_ID_CHARS: usize = 40;

/// A check as written in the file.
pub(in crate::config) struct CheckDraft {
    check: CheckConfig,
    at: usize,
    /// Where the environments stand that it names.
    places: Vec<(EnvName, usize)>,
}

/// Reads the checklist; `None` where the file has none.
pub(in crate::config) fn read(reader: &mut Reader, file: &Table<'_>) -> Option<Vec<CheckDraft>> {
    file.get("checks")?;
    let tables = reader.tables(file, "checks");
    Some(tables.iter().filter_map(|table| check(reader, table)).collect())
}

fn check(reader: &mut Reader, table: &Table<'_>) -> Option<CheckDraft> {
    let id = id(reader, table);
    let how = how(reader, table);
    let places: Vec<(EnvName, usize)> = match reader.list(table, "environments", "write for example [\"prod-eu\"]") {
        Some(list) => {
            let names: Vec<At<String>> = list.iter().filter_map(|item| reader.text_of(item, "environments")).collect();
            names.into_iter().map(|name| (EnvName::new(name.value), name.at)).collect()
        }
        None => Vec::new(),
    };
    let mut check = CheckConfig::manual(id.as_deref().unwrap_or_default());
    read_keys(reader, table, &mut check);
    // Everything that is wrong was noted before this gives up.
    id?;
    let (how, kind) = how?;
    check.spec.how = how;
    check.spec.fresh = check.spec.fresh.or(kind.as_ref().and_then(CheckKind::fresh));
    check.kind = kind;
    check.environments = places.iter().map(|(name, _)| name.clone()).collect();
    Some(CheckDraft { check, at: table.at, places })
}

fn id(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let Some(At { value, at }) = reader.text(table, "id") else {
        if table.get("id").is_none() {
            reader.note(table.at, "this check has no `id`", "write for example id = \"tests\"");
        }
        return None;
    };
    let fits = value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !fits || value.chars().count() > MAX_ID_CHARS {
        let help = format!("letters, digits, `-`, `_` and `.`, at most {MAX_ID_CHARS}: it is typed");
        reader.note(at, format!("`{value}` cannot be the id of a check"), help);
    }
    Some(value)
}

/// Reads how it is answered: by one key, or by a person.
fn how(reader: &mut Reader, table: &Table<'_>) -> Option<(How, Option<CheckKind>)> {
    let words: Vec<&'static str> =
        ["artifact", "rollback", "signals", "flags"].iter().chain(CheckKind::WORDS).copied().collect();
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
            Some(if word == "artifact" { BuiltinCheck::Artifact } else { BuiltinCheck::Signals })
        }
        "rollback" => {
            let own = reader.table(table, word)?;
            let within = reader.time(&own, "drilled_within");
            Some(BuiltinCheck::Rollback { drilled_within: within })
        }
        "flags" => {
            let own = reader.table(table, word)?;
            let mut rules = FlagRules::default();
            flag_rules::read_keys(reader, &own, &mut rules);
            Some(BuiltinCheck::Flags(rules))
        }
        _ => None,
    };
    if let Some(known) = known {
        return Some((How::BuiltinCheck(known), None));
    }
    let own = reader.table(table, word)?;
    let kind = read_kind(reader, word, &own)?;
    Some((How::Evidence(kind.as_str().into()), Some(kind)))
}

/// Gives each environment its checks, the built-in ones where the file has none; returns those that are for all.
pub(in crate::config) fn share_out(
    reader: &mut Reader,
    drafts: Option<Vec<CheckDraft>>,
    environments: &mut [EnvConfig],
) -> Vec<CheckConfig> {
    let Some(drafts) = drafts else {
        for env in environments.iter_mut() {
            env.checks = defaults();
        }
        return defaults();
    };
    let known: Vec<String> = environments.iter().map(|env| env.name().to_string()).collect();
    for draft in &drafts {
        for (name, at) in &draft.places {
            if known.is_empty() {
                let what = format!("the check is for `{name}` only, and the file has no [[environments]]");
                reader.note(*at, what, "name the environments, or leave `environments` out: then it holds everywhere");
            } else if !known.iter().any(|known| known == name.as_str()) {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                reader.note_unknown(*at, format!("there is no environment `{name}`"), name.as_str(), &names);
            }
        }
    }
    for env in environments.iter_mut() {
        for draft in drafts.iter().filter(|draft| draft.check.is_for(&env.settings.name)) {
            let id = &draft.check.spec.id;
            if env.checks.iter().any(|check| check.spec.id == *id) {
                reader.note(draft.at, format!("`{}` has another check `{id}`", env.name()), "check ids must be unique");
            }
            env.checks.push(draft.check.clone());
        }
    }
    drafts.into_iter().map(|draft| draft.check).filter(|check| check.environments.is_empty()).collect()
}
