//! `[[flags]]`: the providers of feature flags, of one kind each.

mod command;
mod flagd;
mod launchdarkly;
mod rollout;
mod table;
mod unleash;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use reqwest::Url;

use super::environment::EnvConfig;
use super::reader::{At, Reader, Table};
use super::secret::Secret;
use super::section::{Field, Kind, Section};
use super::trust::{Need, of_address};
use crate::domain::facts::flag::ProviderKind;
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::GitPlace;
use crate::domain::world::flags::FlagSettings;
use crate::platform::flags::command::Commands;
use crate::platform::flags::table::Statements;
use crate::platform::git::clone::is_inside;

use rollout::RolloutDraft;

pub use table::FlagDatabase;

/// A provider of feature flags, as it is for one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagProviderConfig {
    pub name: String,
    /// What the provider calls the environment.
    pub environment: String,
    /// Kube context of the environment, where its own cluster holds the flags; `None` is the current one.
    pub context: Option<String>,
    /// Namespace of the environment; `None` is the default one of the context.
    pub namespace: Option<String>,
    /// Flags that belong to the release.
    pub of_release: Vec<String>,
    /// Flags that go to more users step by step.
    pub rollouts: Vec<FlagRollout>,
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
    LaunchDarkly {
        /// Address of the server; ends in `/`.
        url: Url,
        project: String,
        token: Secret,
    },
    /// Definitions of flagd in a `ConfigMap` of the environment's cluster.
    Flagd {
        /// Its namespace; `None` is that of the environment.
        namespace: Option<String>,
        config_map: String,
        /// The entry that is the document.
        key: String,
    },
    /// Definitions of flagd in a file of a git repository; `{environment}` in its path is what the provider calls the environment.
    FlagdFile(GitPlace),
    /// Commands of the user's own.
    Command { commands: Commands, dir: PathBuf },
    /// A table in a database, by statements of the user's own.
    Table { database: FlagDatabase, statements: Statements },
}

impl FlagProviderKind {
    /// Returns what a config has to be trusted for that names it.
    pub(super) fn needs(&self) -> Vec<Need> {
        match self {
            Self::Unleash { url, token, .. } | Self::LaunchDarkly { url, token, .. } => {
                of_address(url).into_iter().chain([Need::from(token)]).collect()
            }
            // It is asked of the cluster that the environment is in anyway.
            Self::Flagd { .. } => Vec::new(),
            Self::FlagdFile(place) => vec![Need::SendTo(place.repository.clone())],
            Self::Table { database, statements } => database.needs(statements),
            Self::Command { commands, .. } => commands.all().map(|argv| Need::Run(argv.clone())).collect(),
        }
    }
}

impl FlagProviderConfig {
    /// Returns what stands for this environment at the provider.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.kind {
            None => "a place that is not trusted".to_owned(),
            Some(
                FlagProviderKind::Unleash { url, project, .. } | FlagProviderKind::LaunchDarkly { url, project, .. },
            ) => {
                format!("{} project {project} environment {}", url.as_str().trim_end_matches('/'), self.environment)
            }
            Some(FlagProviderKind::Flagd { namespace, config_map, key }) => {
                let namespace =
                    namespace.as_ref().or(self.namespace.as_ref()).map_or("the default one", String::as_str);
                let context = self.context.as_deref().unwrap_or("the current one");
                format!("ConfigMap {config_map} key {key} namespace {namespace} context {context}")
            }
            Some(FlagProviderKind::FlagdFile(place)) => {
                let GitPlace { repository, branch, .. } = place;
                format!("{} on {branch} of {repository}", self.file(place))
            }
            Some(FlagProviderKind::Table { database, statements }) => database.place(statements, &self.environment),
            Some(FlagProviderKind::Command { commands, .. }) => {
                let list = commands.list.join(" ");
                // A command that is not told which environment turns all of them.
                let is_told = |words: &Vec<String>| words.iter().any(|word| word.contains("{environment}"));
                if commands.turning().all(is_told) {
                    format!("`{list}` environment {}", self.environment)
                } else {
                    format!("`{list}`")
                }
            }
        }
    }

    /// Returns the file of a repository that stands for this environment.
    #[must_use]
    pub fn file(&self, place: &GitPlace) -> String {
        file_of(place, &self.environment)
    }

    /// Names the cluster that it is in, once that is known.
    #[must_use]
    pub fn in_cluster(&self, context: &str, namespace: &str) -> Self {
        let namespace = self.namespace.clone().unwrap_or_else(|| namespace.to_owned());
        Self { context: Some(context.to_owned()), namespace: Some(namespace), ..self.clone() }
    }

    fn provider_kind(&self) -> ProviderKind {
        match self.kind {
            None | Some(FlagProviderKind::Unleash { .. }) => ProviderKind::Unleash,
            Some(FlagProviderKind::LaunchDarkly { .. }) => ProviderKind::LaunchDarkly,
            Some(FlagProviderKind::Flagd { .. }) => ProviderKind::Flagd,
            Some(FlagProviderKind::FlagdFile(_)) => ProviderKind::FlagdFile,
            Some(FlagProviderKind::Command { .. }) => ProviderKind::Command,
            Some(FlagProviderKind::Table { .. }) => ProviderKind::Table,
        }
    }

    /// Returns what the world knows of it.
    #[must_use]
    pub fn settings(&self) -> FlagSettings {
        FlagSettings {
            provider: self.name.clone(),
            place: self.place(),
            of_release: self.of_release.clone(),
            kind: self.provider_kind(),
            shared_with: self.shared_with.clone(),
            rollouts: self.rollouts.clone(),
        }
    }
}

fn file_of(place: &GitPlace, environment: &str) -> String {
    place.path.replace("{environment}", environment)
}

pub(super) const SECTION: Section =
    Section { header: "[[flags]]", help: "A provider of feature flags.", needed: &["name"], groups: &[FIELDS] };

const FIELDS: &[Field] = &[
    Field::new("name", Kind::Text, "Short unique name; `PROVIDER/FLAG` names a flag where several have it."),
    Field::table("unleash", &unleash::SECTION),
    Field::table("launchdarkly", &launchdarkly::SECTION),
    Field::table("flagd", &flagd::SECTION),
    Field::table("command", &command::SECTION),
    Field::table("table", &table::SECTION),
    Field::new(
        "environments",
        Kind::Texts,
        "What it calls our environments, e.g. { prod-eu = \"production\" }; without it each of ours has the same name there.",
    ),
    Field::new("of_release", Kind::TextList, "Flags that belong to the release: they come first.")
        .or(|| "[]".to_owned()),
    Field::new("rollouts", Kind::Tables(&rollout::SECTION), rollout::SECTION.help),
];

/// A provider as it stands in the file.
struct Draft {
    name: String,
    kind: Option<FlagProviderKind>,
    /// What it calls our environments; `None` where it has all of them, by the same names.
    environments: Option<BTreeMap<String, At<String>>>,
    of_release: Vec<String>,
    rollouts: Vec<RolloutDraft>,
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
            draft.note_file(reader, theirs);
        }
        for name in draft.rollouts.iter().flat_map(|rollout| rollout.environments.iter().flatten()) {
            if !known.contains(&name.value) {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                let what = format!("there is no environment `{}`", name.value);
                reader.note_unknown(name.at, what, &name.value, &names);
            }
        }
        for env in environments.iter_mut() {
            env.flags.extend(draft.of(env));
        }
    }
    note_shared(environments);
    drafts
        .iter()
        .filter(|draft| draft.environments.is_none())
        .filter_map(|draft| draft.of(&EnvConfig::default()))
        .collect()
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
    /// Notes where an environment's name leads to no file.
    fn note_file(&self, reader: &mut Reader, environment: &At<String>) {
        if let Some(FlagProviderKind::FlagdFile(place)) = &self.kind {
            let file = file_of(place, &environment.value);
            if is_inside(&place.path) && !is_inside(&file) {
                let what = format!("`{file}` is not a file of a repository");
                reader.note(environment.at, what, "the name stands in `path`: without `.` and `..` as folders");
            }
        }
    }

    /// Returns the provider for an environment of ours, where it has that.
    fn of(&self, env: &EnvConfig) -> Option<FlagProviderConfig> {
        let ours = env.name().as_str();
        let environment = match &self.environments {
            None => ours.to_owned(),
            Some(map) => map.get(ours)?.value.clone(),
        };
        Some(FlagProviderConfig {
            name: self.name.clone(),
            environment,
            context: env.context.clone(),
            namespace: env.namespace.clone(),
            of_release: self.of_release.clone(),
            rollouts: self.rollouts.iter().filter_map(|rollout| rollout.of(ours)).collect(),
            shared_with: Vec::new(),
            kind: Some(self.kind.clone()?),
        })
    }
}

fn draft(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> Draft {
    let kind = kind(reader, table);
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
    let rollouts = rollout::read(reader, table);
    Draft { name: name(reader, table, names), kind, environments, of_release, rollouts }
}

/// Reads a kind of provider.
type ReadKind = fn(&mut Reader, &Table<'_>) -> Option<FlagProviderKind>;

const KINDS: [(&str, ReadKind); 5] = [
    ("unleash", unleash::read),
    ("launchdarkly", launchdarkly::read),
    ("flagd", flagd::read),
    ("command", command::read),
    ("table", table::read),
];

fn kind(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    let help = "write for example unleash = { url = \"https://unleash.example\", token = { env = \"NAME\" } }, \
                launchdarkly = { token = { env = \"NAME\" } }, flagd = { config_map = \"NAME\" }, flagd = { repository = \"ADDRESS\", path = \"FILE\" }, command = { list = [\"program\"], off = [\"program\", \"{flag}\"] } or \
                table = { sqlite = \"FILE\", list = \"SELECT ...\", off = \"UPDATE ...\" }";
    let mut named = KINDS.iter().filter(|(key, _)| table.get(key).is_some());
    match (named.next(), named.next()) {
        (Some((key, read)), None) => {
            let of_kind = reader.table(table, key)?;
            read(reader, &of_kind)
        }
        (None, _) => {
            reader.note(table.at, "this provider of feature flags is of no kind", help);
            None
        }
        (Some((one, _)), Some((other, _))) => {
            let what = format!("this provider of feature flags is of two kinds: `{one}` and `{other}`");
            reader.note(table.key_at(other), what, "make two [[flags]] of them, with a name each");
            None
        }
    }
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
