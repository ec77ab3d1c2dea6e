//! `[[environments]]`: the places where the service runs, in promotion order.

use std::collections::BTreeSet;

use reqwest::Url;
use toml::de::DeValue;

use super::checks::CheckConfig;
use super::feature_flags::FlagProviderConfig;
use super::prometheus::{self, Prometheus, PrometheusDraft};
use super::promote::{self, PipelineConfig};
use super::pull_requests::PullRequestConfig;
use super::reader::{At, Reader, Table};
use super::registries::{self, RegistryConfig};
use super::section::{Kind, Section, keys};
use super::{argo_cd, git, guardrails, limits, sign_offs, verdict};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::world::EnvSettings;
use crate::platform::kubeconfig::Cluster;

#[derive(Clone, Debug, PartialEq)]
pub struct EnvConfig {
    /// What the world knows of it. Its context, namespace, metrics and checks are empty until they are
    /// [resolved](Self::resolved) from the fields here.
    pub settings: EnvSettings,
    /// Kube context; `None` is the current one.
    pub context: Option<String>,
    /// Namespace; `None` is the default one of the context.
    pub namespace: Option<String>,
    pub prometheus: Option<Prometheus>,
    /// Metrics of a config that is not trusted, without what is secret: there are some, and they are not asked for.
    pub withheld_metrics: Option<Prometheus>,
    pub checks: Vec<CheckConfig>,
    pub flags: Vec<FlagProviderConfig>,
    pub registries: Vec<RegistryConfig>,
    /// How pull requests of the config repository are opened.
    pub pull_requests: Option<PullRequestConfig>,
    /// What the pipeline needs that promotes it.
    pub pipeline: Option<Box<PipelineConfig>>,
}

impl Default for EnvConfig {
    /// An environment without a name, of which nothing is configured.
    fn default() -> Self {
        let settings = EnvSettings { namespace: String::new(), ..EnvSettings::new("") };
        Self {
            settings,
            context: None,
            namespace: None,
            prometheus: None,
            withheld_metrics: None,
            checks: Vec::new(),
            flags: Vec::new(),
            registries: Vec::new(),
            pull_requests: None,
            pipeline: None,
        }
    }
}

impl EnvConfig {
    #[must_use]
    pub fn name(&self) -> &EnvName {
        &self.settings.name
    }

    /// Makes the environment that a context is, named after it, of what holds for all that the file does not name.
    #[must_use]
    pub(super) fn of_context(&self, context: &str) -> Self {
        let settings = EnvSettings { name: EnvName::new(context), ..self.settings.clone() };
        let mut flags = self.flags.clone();
        for provider in &mut flags {
            context.clone_into(&mut provider.environment);
            provider.context = Some(context.to_owned());
        }
        Self { settings, context: Some(context.to_owned()), flags, ..self.clone() }
    }

    /// Returns the settings for the world: with the names that the cluster resolved, and what was found in the
    /// namespace where no workloads are configured.
    #[must_use]
    pub fn resolved(&self, cluster: &Cluster, found: &[WorkloadId]) -> EnvSettings {
        let mut settings = self.settings.clone();
        settings.context.clone_from(&cluster.context);
        settings.namespace = self.namespace.clone().unwrap_or_else(|| cluster.namespace.clone());
        settings.has_metrics = self.prometheus.is_some() || self.withheld_metrics.is_some();
        if let Some(prometheus) = &self.prometheus {
            settings.limits.window_seconds = prometheus.window.as_secs_f64();
        }
        let in_cluster =
            |flags: &FlagProviderConfig| flags.in_cluster(&settings.context, &settings.namespace).settings();
        settings.flags = self.flags.iter().map(in_cluster).collect();
        settings.registries = self.registries.iter().map(|registry| registry.settings.clone()).collect();
        settings.checks = self.checks.iter().map(|check| check.spec.clone()).collect();
        if settings.workloads.is_empty() {
            settings.workloads = found.to_vec();
        }
        settings
    }
}

pub(super) const SECTION: Section = Section {
    header: "[[environments]]",
    help: "One place where the service runs. Their order in the file is the promotion order.",
    needed: &["name"],
    groups: &[FIELDS],
};

keys! {
    EnvSettings = EnvSettings::new("");
    name: by_hand(Kind::Text), "Short unique name; typed to confirm promotions.";
    context: by_hand(Kind::Text), "Kube context; may be left out by a single environment: then the current one.";
    namespace: by_hand(Kind::Text), "Namespace; without it the default one of the context.";
    workloads: by_hand(Kind::Workloads),
        "What to watch, as `rollout/NAME` or `deployment/NAME`; without it whatever is found in the namespace.";
    protected: flag, "Promotion requires the environment's name typed. Rollback never does.";
    read_only: flag, "Nothing can be changed here.";
    soak: time(secs(0)..=hours(720)),
        "How long a release has to serve everybody here before the next environment takes it, e.g. \"30m\".";
    prometheus: by_hand(Kind::TableOrOff(&prometheus::SECTION)), "Its metrics, over [prometheus]; `false` for none.";
    limits: by_hand(Kind::Table(&limits::SECTION)), "Its limits, over [limits].";
    verdict: by_hand(Kind::Table(&verdict::SECTION)), "Its canary analysis, over [verdict].";
    guardrails: by_hand(Kind::Table(&guardrails::SECTION)), "Its guardrails, over [guardrails].";
    sign_offs: by_hand(Kind::Table(&sign_offs::SECTION)), "Who signs here, instead of [sign_offs].";
    argo_cd: by_hand(Kind::Table(&argo_cd::SECTION)), "Where the Argo CD of this environment is, over [argo_cd].";
    images_from: by_hand(Kind::Texts, "{}"),
        "Registries or repositories of the environment before, and what stands for them here.";
    stable_tag: by_hand(Kind::Text),
        "A tag that follows what serves everybody here, in [[registries]]; without it no tag is moved.";
    git: by_hand(Kind::Table(&git::SECTION)), "The file that names its image in git, over [git].";
    promote: by_hand(Kind::Table(&promote::SECTION)), "A pipeline of your own that promotes it, in place of a patch or a commit.";
}

/// Longest name of an environment, in characters: it is typed, and stands in the header of a card.
const MAX_NAME_CHARS: usize = 40;

/// What holds for environments that do not say otherwise.
pub(super) struct Base<'a> {
    /// What the sections that they share say.
    pub(super) settings: &'a EnvSettings,
    pub(super) metrics: Option<&'a PrometheusDraft>,
    pub(super) pull_requests: Option<&'a PullRequestConfig>,
    /// Where Prometheus is if nothing says so.
    pub(super) fallback: Option<&'a Url>,
}

/// Reads the sections that the file has for all environments, and each environment for itself, over what holds so far.
pub(super) fn read_shared(
    reader: &mut Reader,
    table: &Table<'_>,
    (into, pull_requests): (&mut EnvSettings, &mut Option<PullRequestConfig>),
) {
    reader.over(table, "limits", &mut into.limits, limits::read_keys);
    reader.over(table, "verdict", &mut into.rules, verdict::read);
    reader.over(table, "guardrails", &mut into.guardrails, guardrails::read_keys);
    reader.over(table, "sign_offs", &mut into.sign_offs, sign_offs::read);
    reader.over(table, "argo_cd", &mut into.argo_cd, argo_cd::read);
    reader.over(table, "git", &mut into.git, |reader, table, into| git::read(reader, table, (into, pull_requests)));
}

/// Reads the environments, in order.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>, base: &Base<'_>) -> Vec<EnvConfig> {
    let tables = reader.tables(file, "environments");
    if let (Some(value), true) = (file.get("environments"), tables.is_empty()) {
        if matches!(value.get_ref(), DeValue::Array(list) if list.is_empty()) {
            reader.note(value.span().start, "`environments` is empty", "leave it out, or write [[environments]]");
        }
    }
    let several = tables.len() > 1;
    let mut environments: Vec<EnvConfig> = Vec::new();
    let mut names = BTreeSet::new();
    for table in tables {
        let env = environment(reader, &table, base, several, &mut names);
        if env.settings.stable_tag.is_some() && file.get("registries").is_none() {
            let what = "`stable_tag` is set, and no registry is configured";
            reader.note(table.key_at("stable_tag"), what, "add [[registries]] for the registry of the images");
        }
        for other in &environments {
            shared_workload(reader, &table, &env, other);
            git::shared_file(reader, &table, (&env.settings, &other.settings));
        }
        environments.push(env);
    }
    environments
}

fn environment(
    reader: &mut Reader,
    table: &Table<'_>,
    base: &Base<'_>,
    several: bool,
    names: &mut BTreeSet<String>,
) -> EnvConfig {
    let mut settings = base.settings.clone();
    settings.is_declared = true;
    settings.name = name(reader, table, names);
    settings.workloads = workloads(reader, table);
    settings.images_from = registries::images_from(reader, table);
    settings.stable_tag = registries::stable_tag(reader, table);
    read_keys(reader, table, &mut settings);
    let mut pull_requests = base.pull_requests.cloned();
    read_shared(reader, table, (&mut settings, &mut pull_requests));
    git::check(reader, table, &settings.git);
    let pipeline = promote::read(reader, table, &mut settings).map(Box::new);
    let context = reader.text(table, "context").map(|context| context.value);
    if context.is_none() && several && table.get("context").is_none() {
        reader.note(
            table.at,
            "this environment has no `context`",
            "with several environments each names its own: the current context may change at any time",
        );
    }
    let namespace = namespace(reader, table);
    let prometheus = metrics_of(reader, table, base);
    EnvConfig { settings, context, namespace, prometheus, pull_requests, pipeline, ..EnvConfig::default() }
}

fn name(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> EnvName {
    let Some(name) = reader.text(table, "name") else {
        if table.get("name").is_none() {
            reader.note(table.at, "this environment has no `name`", "write for example name = \"staging\"");
        }
        return EnvName::new("");
    };
    let help = "no spaces and no `/`: it is typed to confirm, and `ENV/SERVICE` names a workload";
    let fits = is_typed_name(reader, &name, ("an environment", help));
    let At { value, at } = name;
    if fits && !names.insert(value.clone()) {
        reader.note(
            at,
            format!("there is another environment `{value}`"),
            "rename one of the two: names tell environments apart",
        );
    }
    EnvName::new(value)
}

/// Whether something of this kind may be called so, for it is typed; notes why not, with what helps.
pub(super) fn is_typed_name(reader: &mut Reader, name: &At<String>, (kind, help): (&str, &str)) -> bool {
    let At { value, at } = name;
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        reader.note(*at, format!("`{value}` cannot be the name of {kind}"), help);
        return false;
    }
    let is_short = value.chars().count() <= MAX_NAME_CHARS;
    if !is_short {
        reader.note(*at, format!("the name is longer than {MAX_NAME_CHARS} characters"), "");
    }
    is_short
}

pub(super) fn namespace(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let text = reader.text(table, "namespace")?;
    if !is_dns(&text.value, 63, false) {
        let help = "lower-case letters, digits and `-`, at most 63";
        reader.note(text.at, format!("`{}` is not a namespace that Kubernetes allows", text.value), help);
    }
    Some(text.value)
}

fn workloads(reader: &mut Reader, table: &Table<'_>) -> Vec<WorkloadId> {
    let help = "write for example [\"rollout/payments-api\"], or leave the key out to watch what is in the namespace";
    let Some(list) = reader.list(table, "workloads", help) else { return Vec::new() };
    if list.is_empty() {
        reader.note(table.key_at("workloads"), "`workloads` is empty: there would be nothing to watch", help);
    }
    let mut workloads = Vec::new();
    for item in list {
        let Some(text) = reader.text_of(item, "workloads") else { continue };
        match text.value.parse::<WorkloadId>() {
            Ok(id) if !is_dns(&id.name, 253, true) => {
                let what = format!("`{}` is not a name that Kubernetes allows", id.name);
                reader.note(text.at, what, "lower-case letters, digits, `-` and `.`");
            }
            Ok(id) if workloads.contains(&id) => {
                reader.note(text.at, format!("`{id}` is listed twice"), "remove one of the two");
            }
            Ok(id) => workloads.push(id),
            Err(error) => reader.note(text.at, error.to_string(), ""),
        }
    }
    workloads
}

/// Metrics of an environment: its own over those of the file.
fn metrics_of(reader: &mut Reader, table: &Table<'_>, base: &Base<'_>) -> Option<Prometheus> {
    match table.get("prometheus").map(|value| (value.get_ref(), value.span().start)) {
        Some((DeValue::Boolean(false), _)) => None,
        Some((DeValue::Boolean(true), at)) => {
            reader.note(at, "`prometheus` is true, and must be a table, or false for no metrics", "");
            None
        }
        Some(_) => {
            let own = reader.table(table, "prometheus")?;
            let draft = prometheus::read(reader, &own, base.metrics.cloned().unwrap_or_default());
            draft.finish(reader, &own, base.fallback)
        }
        None => match base.metrics {
            Some(draft) => draft.clone().finish_for(reader, table, base.fallback),
            None => base.fallback.map(|url| Prometheus::at(url.clone())),
        },
    }
}

/// Two environments that are the same object would show one release twice, and act on it twice.
fn shared_workload(reader: &mut Reader, table: &Table<'_>, env: &EnvConfig, other: &EnvConfig) {
    if env.context != other.context || env.namespace != other.namespace {
        return;
    }
    let (own, others) = (&env.settings.workloads, &other.settings.workloads);
    let all = own.is_empty() || others.is_empty();
    let shared = own.iter().find(|id| others.contains(id));
    let what = match shared {
        Some(id) => format!("`{}` watches {id} as `{}` does: same context, same namespace", env.name(), other.name()),
        None if all => format!("`{}` watches what `{}` does: same context, same namespace", env.name(), other.name()),
        None => return,
    };
    reader.note(table.at, what, "an environment is a place of its own");
}

/// Returns whether a name is one that Kubernetes allows.
pub(super) fn is_dns(name: &str, longest: usize, dots: bool) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= longest
        && name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(|c| edge(c) || c == '-' || (dots && c == '.'))
}
