//! `[[lanes]]`: shorter ways into an environment. One counts only once a person decided that, and somebody opened it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::environment::{self, EnvConfig};
use super::reader::{At, Reader, Table};
use super::section::{Field, Kind, Section, ToToml as _, hours, mins, secs};
use super::sign_offs;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{CheckId, CheckPhase, CheckSpec};
use crate::domain::record::lane::{LaneRule, Place};

pub(super) const SECTION: Section = Section {
    header: "[[lanes]]",
    help: "A shorter way for a hotfix: the environments that it does not name, and their gates, are left out. It has to be \
           allowed (`cockpit require ENV`) and opened by a person (`cockpit lane open`).",
    needed: &["name", "environments", "gates", "sign_offs"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("name", Kind::Text, "Short unique name; typed on the command line."),
    Field::new(
        "environments",
        Kind::TextList,
        "The environments that an artifact goes through, in promotion order: those between are left out.",
    ),
    Field::new("gates", Kind::TextList, "The gates that are asked; all others are left out."),
    Field::new(
        "sign_offs",
        Kind::Numbers,
        "How many people sign GO in each role, besides whoever opens it, e.g. { sre = 1 }.",
    ),
    Field::new(
        "soak",
        Kind::Time(secs(0), hours(24)),
        "How long a release has to serve everybody in the environment before, instead of the `soak` there.",
    )
    .or(|| SOAK.to_toml()),
    Field::new("longest", Kind::Time(mins(1), hours(24)), "How long it may be open.").or(|| DEFAULT_LONGEST.to_toml()),
];

const SOAK: SignedDuration = SignedDuration::ZERO;
const DEFAULT_LONGEST: SignedDuration = SignedDuration::from_hours(4);

/// A lane as written in the file, all of it known.
struct Draft {
    name: String,
    /// At least two, in promotion order: places among the environments of the file.
    through: Vec<usize>,
    gates: Vec<At<CheckId>>,
    sign_offs: BTreeMap<String, usize>,
    soak: SignedDuration,
    longest: SignedDuration,
}

/// Reads the lanes, and gives each environment those that lead into it. The checks of the environments are known by then.
pub(super) fn share_out(reader: &mut Reader, file: &Table<'_>, environments: &mut [EnvConfig]) {
    let mut names = BTreeSet::new();
    for table in reader.tables(file, "lanes") {
        let Some(draft) = draft(reader, &table, environments, &mut names) else { continue };
        for pair in draft.through.windows(2) {
            let &[from, to] = pair else { continue };
            let rule = rule(&draft, &environments[from..=to]);
            environments[to].settings.lanes.extend(rule);
        }
    }
}

/// Reads one; `None` where something of it is not known, which is noted.
fn draft(
    reader: &mut Reader,
    table: &Table<'_>,
    environments: &[EnvConfig],
    names: &mut BTreeSet<String>,
) -> Option<Draft> {
    for key in SECTION.needed {
        if table.get(key).is_none() {
            let example = match *key {
                "name" => "name = \"hotfix\"",
                "environments" => "environments = [\"dev\", \"prod\"]",
                "gates" => "gates = [\"smoke\"], or gates = [] where none is asked",
                _ => "sign_offs = { sre = 1 }: somebody else than who opens it",
            };
            reader.note(table.at, format!("this lane has no `{key}`"), format!("write for example {example}"));
        }
    }
    let name = name(reader, table, names);
    let through = through(reader, table, environments);
    let gates = texts(reader, table, "gates", "write for example [\"smoke\"]");
    let sign_offs = people(reader, table);
    let soak = table.get("soak").map_or(Some(SOAK), |_| reader.time(table, "soak"));
    let longest = table.get("longest").map_or(Some(DEFAULT_LONGEST), |_| reader.time(table, "longest"));
    let gates = gates.map(|gates| gates.into_iter().map(|gate| At { value: CheckId::new(gate.value), at: gate.at }));
    let draft = Draft {
        name: name?,
        through: through?,
        gates: gates?.collect(),
        sign_offs: sign_offs?,
        soak: soak?,
        longest: longest?,
    };
    known_gates(reader, &draft, environments);
    Some(draft)
}

fn name(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    let name = reader.text(table, "name")?;
    if !environment::is_typed_name(reader, &name, ("a lane", "no spaces and no `/`: it is typed")) {
        return None;
    }
    if !names.insert(name.value.clone()) {
        reader.note(name.at, format!("there is another lane `{}`", name.value), "rename one of the two");
    }
    Some(name.value)
}

/// Reads the environments that it goes through.
fn through(reader: &mut Reader, table: &Table<'_>, environments: &[EnvConfig]) -> Option<Vec<usize>> {
    let named = texts(reader, table, "environments", "write for example [\"dev\", \"prod\"]")?;
    let known: Vec<&str> = environments.iter().map(|env| env.name().as_str()).collect();
    let mut through: Vec<usize> = Vec::new();
    for At { value, at } in &named {
        let Some(place) = known.iter().position(|known| known == value) else {
            reader.note_unknown(*at, format!("there is no environment `{value}`"), value, &known);
            return None;
        };
        if through.last().is_some_and(|last| *last >= place) {
            let what = format!("`{value}` does not come after the one before it");
            reader.note(*at, what, "a lane names each environment once, in the order of [[environments]]");
            return None;
        }
        through.push(place);
    }
    if through.len() < 2 {
        let help = "name the one that an artifact comes from, and the one that it goes into";
        reader.note(table.key_at("environments"), "a lane goes through two environments or more", help);
        return None;
    }
    Some(through)
}

fn people(reader: &mut Reader, table: &Table<'_>) -> Option<BTreeMap<String, usize>> {
    table.get("sign_offs")?;
    let before = reader.notes.len();
    let roles: BTreeMap<String, usize> = sign_offs::people(reader, table, "sign_offs").into_iter().collect();
    if reader.notes.len() > before {
        return None;
    }
    if roles.is_empty() {
        let help = "a lane is used by two people: write for example { sre = 1 }";
        reader.note(table.key_at("sign_offs"), "nobody signs in this lane", help);
        return None;
    }
    Some(roles)
}

/// Reads texts with their places; `None` where one of them is none.
fn texts(reader: &mut Reader, table: &Table<'_>, key: &str, help: &str) -> Option<Vec<At<String>>> {
    let list = reader.list(table, key, help)?;
    let texts: Vec<Option<At<String>>> = list.iter().map(|item| reader.text_of(item, key)).collect();
    texts.into_iter().collect()
}

/// The gates of an environment before and during a promotion into it, or after one.
fn gates_of(env: &EnvConfig, is_after: bool) -> impl Iterator<Item = &CheckId> {
    let checks = env.checks.iter().map(|check| &check.spec);
    let is_asked = move |check: &&CheckSpec| check.gate && (check.phase == CheckPhase::Post) == is_after;
    checks.filter(is_asked).map(|check| &check.id)
}

/// Notes the gates that no promotion by the lane would ask.
fn known_gates(reader: &mut Reader, draft: &Draft, environments: &[EnvConfig]) {
    let pairs = || draft.through.windows(2).filter_map(|pair| Some((pair.first()?, pair.last()?)));
    let before = pairs().flat_map(|(from, _)| gates_of(&environments[*from], true));
    let known: BTreeSet<&CheckId> =
        pairs().flat_map(|(_, to)| gates_of(&environments[*to], false)).chain(before).collect();
    let words: Vec<&str> = known.iter().map(|id| id.as_str()).collect();
    for gate in draft.gates.iter().filter(|gate| !known.contains(&gate.value)) {
        let what = format!("no promotion by this lane asks for a gate `{}`", gate.value);
        if words.is_empty() {
            reader.note(gate.at, what, "its environments have none");
        } else {
            reader.note_unknown(gate.at, what, gate.value.as_str(), &words);
        }
    }
}

/// Makes the rule of a lane from the first of some environments into the last.
fn rule(draft: &Draft, environments: &[EnvConfig]) -> Option<LaneRule> {
    let [from, skipped @ .., to] = environments else { return None };
    let place = |env: &EnvName| Place { env: env.clone(), cluster: None };
    let is_named = |id: &&CheckId| draft.gates.iter().any(|gate| gate.value == **id);
    Some(LaneRule {
        lane: draft.name.clone(),
        before: place(from.name()),
        skips: skipped.iter().map(|env| place(env.name())).collect(),
        gates: gates_of(to, false).filter(is_named).cloned().collect(),
        gates_before: gates_of(from, true).filter(is_named).cloned().collect(),
        sign_offs: draft.sign_offs.clone(),
        soak_seconds: draft.soak.as_secs(),
        longest_seconds: draft.longest.as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBase};

    const ENVIRONMENTS: &str = "
        [[environments]]
        name = 'dev'
        context = 'dev'
        [[environments]]
        name = 'staging'
        context = 'staging'
        [[environments]]
        name = 'prod-eu'
        context = 'prod-eu'
        [[environments]]
        name = 'prod-us'
        context = 'prod-us'
        [[checks]]
        id = 'smoke'
        gate = true
        environments = ['prod-eu']
        [[checks]]
        id = 'errors'
        gate = true
        phase = 'post'
        [[checks]]
        id = 'load'
        gate = true
    ";

    fn parse(lane: &str) -> Config {
        let text = format!("{ENVIRONMENTS}\n[[lanes]]\nname = 'hotfix'\nsign_offs = {{ sre = 1 }}\n{lane}");
        let base = ConfigBase { folder: "/repo".into(), ..ConfigBase::default() };
        Config::parse(&text, &base).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn rules(config: &Config) -> Vec<(&str, &LaneRule)> {
        let all = config.environments.iter();
        all.flat_map(|env| env.settings.lanes.iter().map(|rule| (env.name().as_str(), rule))).collect()
    }

    fn names(places: &[Place]) -> Vec<&str> {
        places.iter().map(|place| place.env.as_str()).collect()
    }

    fn ids(gates: &BTreeSet<CheckId>) -> Vec<&str> {
        gates.iter().map(CheckId::as_str).collect()
    }

    #[test]
    fn it_leads_from_each_environment_into_the_next_one_it_names() {
        let config = parse("environments = ['dev', 'prod-eu', 'prod-us']\ngates = ['smoke', 'errors']\nsoak = '5m'\n");
        let rules = rules(&config);
        let [(eu, into_eu), (us, into_us)] = rules.as_slice() else { panic!("{rules:?}") };
        assert_eq!((*eu, into_eu.before.env.as_str(), names(&into_eu.skips)), ("prod-eu", "dev", vec!["staging"]));
        assert_eq!((*us, into_us.before.env.as_str(), names(&into_us.skips)), ("prod-us", "prod-eu", vec![]));
        assert_eq!((ids(&into_eu.gates), ids(&into_eu.gates_before)), (vec!["smoke"], vec!["errors"]));
        assert_eq!((ids(&into_us.gates), ids(&into_us.gates_before)), (vec![], vec!["errors"]));
        for (_, rule) in rules {
            assert_eq!((rule.soak_seconds, rule.longest_seconds, rule.flaw()), (300, 4 * 3600, None));
            assert!(rule.before.cluster.is_none() && rule.skips.iter().all(|place| place.cluster.is_none()));
        }
    }

    #[test]
    fn an_environment_that_the_file_does_not_know_has_none() {
        let config = parse("environments = ['dev', 'prod-eu']\ngates = []\n");
        let flags = crate::config::Flags { contexts: vec!["elsewhere".to_owned()], ..Default::default() };
        let config = config.with_flags(&flags);
        assert!(config.environments.iter().all(|env| env.settings.lanes.is_empty()), "{config:?}");
    }

    #[test]
    fn what_adds_a_gate_of_its_own_may_be_named() {
        let freeze = "[freeze]\ndates = ['2026-12-24']\n[[registries]]\nhost = 'registry.example'\n";
        let config = parse(&format!("environments = ['dev', 'prod-eu']\ngates = ['freeze', 'registry']\n{freeze}"));
        assert_eq!(ids(&rules(&config)[0].1.gates), ["freeze", "registry"]);
    }
}
