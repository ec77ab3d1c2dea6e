//! `flagd`: definitions of flagd in a `ConfigMap`, or in a file of a git repository.

use super::FlagProviderKind;
use crate::config::environment::{is_dns, namespace};
use crate::config::git;
use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};
use crate::domain::world::GitPlace;

pub(super) const SECTION: Section = Section {
    header: "`flagd`",
    help: "Definitions of flagd, in a ConfigMap of the environment's own cluster or in a file of a git repository.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("config_map", Kind::Text, "Name of the ConfigMap."),
    Field::new("key", Kind::Text, "The entry of it that holds the JSON.").or(|| format!("\"{KEY}\"")),
    Field::new("namespace", Kind::Text, "Its namespace; without it that of the environment."),
    Field::new("repository", Kind::Text, "Address to push to, over SSH or HTTPS; how to log in is left to git."),
    Field::new("branch", Kind::Text, "Branch that holds what is in force.").or(|| format!("\"{BRANCH}\"")),
    Field::new(
        "path",
        Kind::Text,
        "The file that holds the JSON; `{environment}` in it is what the provider calls the environment.",
    ),
    Field::new("author_name", Kind::Text, "Name of who commits; by default as git's own config says."),
    Field::new("author_mail", Kind::Text, "Mail address of who commits; likewise."),
];

const KEY: &str = "flags.json";
const BRANCH: &str = "main";
/// Keys of a `ConfigMap`, and of a repository.
const OF_CONFIG_MAP: [&str; 3] = ["config_map", "key", "namespace"];
const OF_REPOSITORY: [&str; 5] = ["repository", "branch", "path", "author_name", "author_mail"];

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    let first = |keys: &[&'static str]| keys.iter().copied().find(|key| table.get(key).is_some());
    match (first(&OF_CONFIG_MAP), first(&OF_REPOSITORY)) {
        (Some(one), Some(other)) => {
            let what = format!("`flagd` names two places: a ConfigMap by `{one}`, and a repository by `{other}`");
            reader.note(table.key_at(other), what, "make two [[flags]] of them, with a name each");
            None
        }
        (_, Some(_)) => in_repository(reader, table),
        (_, None) => in_config_map(reader, table),
    }
}

fn in_config_map(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    if table.get("config_map").is_none() {
        let help = "write for example config_map = \"flags\", or repository = \"git@git.example:shop/flags.git\" and path = \"prod.json\"";
        reader.note(table.at, "`flagd` has no `config_map` and no `repository`", help);
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

fn in_repository(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    for (key, example) in [("repository", "git@git.example:shop/flags.git"), ("path", "prod.json")] {
        if table.get(key).is_none() {
            let help = format!("write for example {key} = \"{example}\"");
            reader.note(table.at, format!("`flagd` in a repository has no `{key}`"), &help);
        }
    }
    let repository = reader.text(table, "repository").map(|text| git::repository(reader, text));
    let path = reader.text(table, "path").map(|text| git::file(reader, text, "flags/prod.json"));
    let branch = reader.text(table, "branch").map(|text| git::branch(reader, text));
    let mut text = |key: &str| reader.text(table, key).map(|text| text.value);
    Some(FlagProviderKind::FlagdFile(GitPlace {
        author_name: text("author_name"),
        author_mail: text("author_mail"),
        repository: repository?,
        path: path?,
        branch: branch.unwrap_or_else(|| BRANCH.to_owned()),
        ..GitPlace::default()
    }))
}
