//! `flagd`: definitions of flagd in a `ConfigMap`.

use super::FlagProviderKind;
use crate::config::environment::{is_dns, namespace};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};

pub(super) const SECTION: Section = Section {
    header: "`flagd`",
    help: "Definitions of flagd in a ConfigMap of the environment's own cluster.",
    needed: &["config_map"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("config_map", Kind::Text, "Name of the ConfigMap."),
    Field::new("key", Kind::Text, "The entry of it that holds the JSON.").or(|| format!("\"{KEY}\"")),
    Field::new("namespace", Kind::Text, "Its namespace; without it that of the environment."),
];

const KEY: &str = "flags.json";

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    if table.get("config_map").is_none() {
        reader.note(table.at, "`flagd` has no `config_map`", "write for example config_map = \"flags\"");
    }
    let config_map = reader.text(table, "config_map");
    if let Some(name) = config_map.as_ref().filter(|name| !is_dns(&name.value, 253, true)) {
        let what = format!("`{}` is no name of a ConfigMap that Kubernetes allows", name.value);
        reader.note(name.at, what, "lower-case letters, digits, `-` and `.`, at most 253");
    }
    let key = reader.text(table, "key").map_or_else(|| KEY.to_owned(), |key| key.value);
    let namespace = namespace(reader, table);
    Some(FlagProviderKind::Flagd { namespace, config_map: config_map?.value, key })
}
