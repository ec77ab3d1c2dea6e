//! `[[flags.rollouts]]`: a flag that goes to more users step by step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use toml::de::DeValue;

use crate::config::prometheus::is_label;
use crate::config::reader::{At, Reader, Table};
use crate::config::section::{Field, Kind, Section, duration_text};
use crate::domain::facts::flag::Share;
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::ids::WorkloadId;

pub(super) const SECTION: Section = Section {
    header: "[[flags.rollouts]]",
    help: "A flag that goes to more users step by step: each step waits until those who have it fare no worse than those who do not.",
    needed: &["flag", "steps", "with", "without"],
    groups: &[FIELDS],
};

/// Most rollouts of a provider: the users of each are asked for by queries of their own.
const MAX_ROLLOUTS: usize = 50;
/// How long a flag stays at a step where nothing else is said.
const WAIT: SignedDuration = SignedDuration::from_mins(10);
const STEPS_HELP: &str = "write for example steps = [1, 5, 25], each larger than the one before";
const LABELS_HELP: &str = "write for example with = { variant = \"on\" } and without = { variant = \"off\" }";

const FIELDS: &[Field] = &[
    Field::new("flag", Kind::Text, "Its name at the provider."),
    Field::new("steps", Kind::Percents, "Shares of users in percent, each larger than the one before; then everybody."),
    Field::new(
        "wait",
        Kind::Time(SignedDuration::ZERO, SignedDuration::from_hours(24 * 30)),
        "How long it stays at a step at least.",
    )
    .or(|| format!("{:?}", duration_text(WAIT))),
    Field::new("environments", Kind::TextList, "Environments of ours in which it goes so; all without it."),
    Field::new("workload", Kind::Text, "What answers the users, e.g. \"rollout/api\"; the only workload without it."),
    Field::new("with", Kind::Labels, "Labels of the request counters of users who have it, e.g. { variant = \"on\" }."),
    Field::new("without", Kind::Labels, "The same of users who do not; an empty value is no such label."),
];

/// A rollout as it stands in the file.
pub(super) struct RolloutDraft {
    rollout: FlagRollout,
    /// In which environments of ours; `None` is all of them.
    pub(super) environments: Option<Vec<At<String>>>,
}

impl RolloutDraft {
    /// Returns it, where it is about an environment of ours.
    pub(super) fn of(&self, env: &str) -> Option<FlagRollout> {
        let names = self.environments.as_ref();
        names.is_none_or(|names| names.iter().any(|name| name.value == env)).then(|| self.rollout.clone())
    }
}

/// Reads the rollouts of a provider.
pub(super) fn read(reader: &mut Reader, provider: &Table<'_>) -> Vec<RolloutDraft> {
    let mut names = BTreeSet::new();
    let tables = reader.tables(provider, "rollouts");
    if tables.len() > MAX_ROLLOUTS {
        let what = format!("there are {} rollouts of one provider, and may be {MAX_ROLLOUTS}", tables.len());
        reader.note(provider.key_at("rollouts"), what, "leave out those that have gone out");
    }
    tables.iter().filter_map(|table| draft(reader, table, &mut names)).collect()
}

fn draft(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> Option<RolloutDraft> {
    for key in SECTION.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = match *key {
            "flag" => "write for example flag = \"express-checkout-v2\"",
            "steps" => STEPS_HELP,
            _ => LABELS_HELP,
        };
        reader.note(table.at, format!("this rollout of a flag has no `{key}`"), help);
    }
    let flag = reader.text(table, "flag");
    let steps = steps(reader, table);
    let wait = reader.time(table, "wait").unwrap_or(WAIT);
    let environments = reader
        .list(table, "environments", "write for example [\"prod\"]")
        .map(|list| list.iter().filter_map(|name| reader.text_of(name, "environments")).collect::<Vec<At<String>>>());
    let workload = workload(reader, table);
    let (with, without) = (labels(reader, table, "with"), labels(reader, table, "without"));
    let (with, without) = with.zip(without)?;
    if !with.iter().any(|(name, value)| without.get(name).is_some_and(|other| other != value)) {
        let what = "`with` and `without` may select the same counters: no label has another value in each";
        reader.note(table.key_at("without"), what, LABELS_HELP);
    }
    let At { value: flag, at } = flag?;
    if !names.insert(flag.clone()) {
        reader.note(at, format!("there is another rollout of `{flag}`"), "remove one of the two");
    }
    let rollout = FlagRollout { flag, steps: steps?, wait, workload, with, without };
    Some(RolloutDraft { rollout, environments })
}

fn steps(reader: &mut Reader, table: &Table<'_>) -> Option<Vec<Share>> {
    let list = reader.list(table, "steps", STEPS_HELP)?;
    if list.is_empty() {
        reader.note(table.key_at("steps"), "`steps` is empty", STEPS_HELP);
        return None;
    }
    let mut steps: Vec<Share> = Vec::new();
    for item in list {
        let at = item.span().start;
        let number = match item.get_ref() {
            DeValue::Integer(integer) => u8::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        match number.and_then(|number| Share::try_from(number).ok()) {
            Some(share) if steps.last().is_some_and(|last| *last >= share) => {
                reader.note(at, format!("{share} comes after a larger or an equal step"), STEPS_HELP);
                return None;
            }
            Some(share) => steps.push(share),
            None => {
                reader.note(at, "a step is a whole number of percent, from 1 to 100", STEPS_HELP);
                return None;
            }
        }
    }
    Some(steps)
}

fn workload(reader: &mut Reader, table: &Table<'_>) -> Option<WorkloadId> {
    let At { value, at } = reader.text(table, "workload")?;
    match value.parse::<WorkloadId>() {
        Ok(id) => Some(id),
        Err(error) => {
            reader.note(at, error.to_string(), "");
            None
        }
    }
}

/// Reads matchers of labels; none at all select everybody.
fn labels(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<BTreeMap<String, String>> {
    table.get(key)?;
    let (mut labels, mut is_right) = (BTreeMap::new(), true);
    for (name, value) in reader.entries(table, key) {
        if !is_label(name.value) {
            let what = format!("`{}` is not the name of a label", name.value);
            reader.note(name.at, what, "letters, digits and `_`, and no digit first");
            is_right = false;
            continue;
        }
        if let DeValue::String(text) = value.get_ref() {
            labels.insert(name.value.to_owned(), text.to_string());
        } else {
            reader.note(value.span().start, format!("`{}` must be text in quotes", name.value), LABELS_HELP);
            is_right = false;
        }
    }
    is_right.then_some(labels)
}
