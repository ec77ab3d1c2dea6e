//! `[[flags]]`: the providers of feature flags.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;

use super::checks::web;
use super::environment::EnvConfig;
use super::reader::{At, Reader, Table};
use super::secret::{self, Secret};
use super::section::{Field, Kind, Section};
use crate::domain::facts::ids::EnvName;
use crate::domain::world::flags::FlagSettings;

/// A provider of feature flags, as it is for one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagProviderConfig {
    pub name: String,
    /// What the provider calls the environment.
    pub environment: String,
    /// Flags that belong to the release.
    pub of_release: Vec<String>,
    /// Other environments of ours that are the same one there.
    pub shared_with: Vec<EnvName>,
    /// `None` where nothing is asked, until a person trusts the config: see [`trust`](super::trust).
    pub kind: Option<FlagProviderKind>,
}

/// Which provider it is, and where.
#[derive(Clone, Debug, PartialEq)]
pub enum FlagProviderKind {
    Unleash {
        /// Address of the server; ends in `/`.
        url: Url,
        project: String,
        token: Secret,
    },
}

impl FlagProviderConfig {
    /// Returns what stands for this environment at the provider.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.kind {
            None => "a place that is not trusted".to_owned(),
            Some(FlagProviderKind::Unleash { url, project, .. }) => {
                format!("{} project {project} environment {}", url.as_str().trim_end_matches('/'), self.environment)
            }
        }
    }

    /// Returns what the world knows of it.
    #[must_use]
    pub fn settings(&self) -> FlagSettings {
        FlagSettings {
            provider: self.name.clone(),
            place: self.place(),
            of_release: self.of_release.clone(),
            shared_with: self.shared_with.clone(),
        }
    }
}

pub(super) const SECTION: Section = Section {
    header: "[[flags]]",
    help: "A provider of feature flags.",
    needed: &["name", "unleash"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("name", Kind::Text, "Short unique name; `PROVIDER/FLAG` names a flag where several have it."),
    Field::table("unleash", &UNLEASH),
    Field::new(
        "environments",
        Kind::Texts,
        "What it calls our environments, e.g. { prod-eu = \"production\" }; without it each of ours has the same name there.",
    ),
    Field::new("of_release", Kind::TextList, "Flags that belong to the release: they come first.")
        .or(|| "[]".to_owned()),
];

const UNLEASH: Section = Section {
    header: "`unleash`",
    help: "Unleash, by its admin API.",
    needed: &["url", "token"],
    groups: &[UNLEASH_FIELDS],
};

const UNLEASH_FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "Address of the server."),
    Field::new("project", Kind::Text, "The project whose flags are shown.").or(|| "\"default\"".to_owned()),
    Field::new("token", Kind::Secret, "A token that may read the project, and turn flags in these environments."),
];

/// A provider as it stands in the file.
struct Draft {
    name: String,
    kind: Option<FlagProviderKind>,
    /// What it calls our environments; `None` where it has all of them, by the same names.
    environments: Option<BTreeMap<String, At<String>>>,
    of_release: Vec<String>,
}

/// Reads the providers, and gives each environment those that have it; returns those that have every environment.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>, environments: &mut [EnvConfig]) -> Vec<FlagProviderConfig> {
    let mut names = BTreeSet::new();
    let tables = reader.tables(file, "flags");
    let drafts: Vec<Draft> = tables.iter().map(|table| draft(reader, table, &mut names)).collect();
    let known: Vec<String> = environments.iter().map(|env| env.name().to_string()).collect();
    for draft in &drafts {
        for (ours, theirs) in draft.environments.iter().flatten() {
            if !known.contains(ours) {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                reader.note_unknown(theirs.at, format!("there is no environment `{ours}`"), ours, &names);
            }
        }
        for env in environments.iter_mut() {
            env.flags.extend(draft.of(env.name().as_str()));
        }
    }
    note_shared(environments);
    drafts.iter().filter(|draft| draft.environments.is_none()).filter_map(|draft| draft.of("")).collect()
}

/// Notes which environments are one at a provider: what is turned in one of them is turned in all.
fn note_shared(environments: &mut [EnvConfig]) {
    let places: Vec<(EnvName, String)> =
        environments.iter().flat_map(|env| env.flags.iter().map(|flags| (env.name().clone(), flags.place()))).collect();
    for env in environments {
        let own = env.name().clone();
        for flags in &mut env.flags {
            let place = flags.place();
            let same = places.iter().filter(|(name, other)| *name != own && *other == place);
            flags.shared_with = same.map(|(name, _)| name.clone()).collect();
        }
    }
}

impl Draft {
    /// Returns the provider for an environment of ours, where it has that.
    fn of(&self, env: &str) -> Option<FlagProviderConfig> {
        let environment = match &self.environments {
            None => env.to_owned(),
            Some(map) => map.get(env)?.value.clone(),
        };
        let (name, of_release) = (self.name.clone(), self.of_release.clone());
        let shared_with = Vec::new();
        Some(FlagProviderConfig { name, environment, of_release, shared_with, kind: Some(self.kind.clone()?) })
    }
}

fn draft(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> Draft {
    if table.get("unleash").is_none() {
        let help = "write for example unleash = { url = \"https://unleash.example\", token = { env = \"NAME\" } }";
        reader.note(table.at, "this provider of feature flags is of no kind", help);
    }
    let kind = reader.table(table, "unleash").and_then(|unleash| read_unleash(reader, &unleash));
    let environments = table.get("environments").map(|_| {
        let entries = reader.entries(table, "environments");
        entries
            .into_iter()
            .filter_map(|(ours, theirs)| {
                let theirs = reader.text_of(theirs, "environments")?;
                Some((ours.value.to_owned(), theirs))
            })
            .collect()
    });
    let help = "write for example [\"express-checkout-v2\"]";
    let named = reader.list(table, "of_release", help).into_iter().flat_map(|list| list.iter());
    let of_release = named.filter_map(|name| Some(reader.text_of(name, "of_release")?.value)).collect();
    Draft { name: name(reader, table, names), kind, environments, of_release }
}

fn name(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> String {
    let Some(At { value, at }) = reader.text(table, "name") else {
        if table.get("name").is_none() {
            reader.note(
                table.at,
                "this provider of feature flags has no `name`",
                "write for example name = \"unleash\"",
            );
        }
        return String::new();
    };
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        reader.note(at, format!("`{value}` cannot be the name of a provider"), "no spaces and no `/`");
    } else if !names.insert(value.clone()) {
        reader.note(at, format!("there is another provider `{value}`"), "rename one of the two");
    }
    value
}

fn read_unleash(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    for key in ["url", "token"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example url = \"https://unleash.example\" and token = { env = \"NAME\" }";
        reader.note(table.at, format!("`unleash` has no `{key}`"), help);
    }
    let url = web::base(reader, table, "url");
    let token = table.get("token").and_then(|token| secret::read(reader, token, "token"));
    let project = reader.text(table, "project").map_or_else(|| "default".to_owned(), |project| project.value);
    Some(FlagProviderKind::Unleash { url: url?, project, token: token? })
}
