//! Rules for `[[environments]]`.

use std::collections::BTreeSet;

use reqwest::Url;
use toml::de::DeValue;

use super::prometheus::{self, Draft};
use super::{limits, section, section_of, sign_offs, verdict};
use crate::config::EnvConfig;
use crate::config::fields::FILE;
use crate::config::prometheus::Prometheus;
use crate::config::reader::{At, Reader, Table};
use crate::domain::checklist::SignOffRules;
use crate::domain::guardrails::Guardrails;
use crate::domain::ids::{EnvName, WorkloadId};
use crate::domain::verdict::Limits;
use analysis::Rules;

/// Longest name of an environment: it is typed, and stands in the header of a card.
const LONGEST_NAME: usize = 40;

/// What holds for environments that do not say otherwise.
pub(super) struct Base<'a> {
    /// Their metrics.
    pub(super) metrics: Option<&'a Draft>,
    /// Their limits.
    pub(super) limits: &'a Limits,
    /// What their judge keeps to.
    pub(super) rules: &'a Rules,
    /// What its word leads to.
    pub(super) guardrails: &'a Guardrails,
    /// Who signs.
    pub(super) sign_offs: &'a SignOffRules,
    /// Where Prometheus is if nothing says so.
    pub(super) fallback: Option<&'a Url>,
}

/// Reads the environments, in order.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>, base: &Base<'_>) -> Vec<EnvConfig> {
    let Some(known) = section_of(&FILE, "environments") else { return Vec::new() };
    let tables = reader.tables(file, "environments", known);
    if let (Some(value), true) = (file.get("environments"), tables.is_empty()) {
        if matches!(value.get_ref(), DeValue::Array(list) if list.is_empty()) {
            reader.note(value.span().start, "`environments` is empty", "leave it out, or write [[environments]]");
        }
    }
    let several = tables.len() > 1;
    let mut environments: Vec<EnvConfig> = Vec::new();
    let mut names = BTreeSet::new();
    for table in tables {
        let name = name(reader, &table, &mut names);
        let context = reader.text(&table, "context").map(|context| context.value);
        if context.is_none() && several && table.get("context").is_none() {
            reader.note(
                table.at,
                "this environment has no `context`",
                "with several environments each names its own: the current context is whatever kubectl was last told",
            );
        }
        let env = EnvConfig {
            name,
            context,
            namespace: namespace(reader, &table),
            workloads: workloads(reader, &table),
            protected: reader.flag(&table, "protected").unwrap_or_default(),
            read_only: reader.flag(&table, "read_only").unwrap_or_default(),
            prometheus: metrics_of(reader, &table, base.metrics, base.fallback),
            limits: match section(reader, &table, "limits") {
                Some(own) => limits::read(reader, &own, base.limits),
                None => base.limits.clone(),
            },
            rules: match section(reader, &table, "verdict") {
                Some(own) => verdict::read(reader, &own, base.rules),
                None => base.rules.clone(),
            },
            guardrails: match section(reader, &table, "guardrails") {
                Some(own) => verdict::guardrails(reader, &own, base.guardrails),
                None => base.guardrails.clone(),
            },
            checks: Vec::new(),
            sign_offs: match section(reader, &table, "sign_offs") {
                Some(own) => sign_offs::read(reader, &own),
                None => base.sign_offs.clone(),
            },
        };
        for other in &environments {
            shared_workload(reader, &table, &env, other);
        }
        environments.push(env);
    }
    environments
}

fn name(reader: &mut Reader, table: &Table<'_>, names: &mut BTreeSet<String>) -> EnvName {
    let Some(At { value, at }) = reader.text(table, "name") else {
        if table.get("name").is_none() {
            reader.note(table.at, "this environment has no `name`", "write for example name = \"staging\"");
        }
        return EnvName::new("");
    };
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        let help = "no spaces and no `/`: it is typed to confirm, and `ENV/SERVICE` names a workload";
        reader.note(at, format!("`{value}` cannot be the name of an environment"), help);
    } else if value.chars().count() > LONGEST_NAME {
        reader.note(at, format!("the name is longer than {LONGEST_NAME} characters"), "");
    } else if !names.insert(value.clone()) {
        reader.note(at, format!("there is another environment `{value}`"), "names tell environments apart");
    }
    EnvName::new(value)
}

fn namespace(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
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
            Ok(id) if workloads.contains(&id) => reader.note(text.at, format!("`{id}` stands here twice"), ""),
            Ok(id) => workloads.push(id),
            Err(error) => reader.note(text.at, error.to_string(), ""),
        }
    }
    workloads
}

/// Metrics of an environment: its own over those of the file.
fn metrics_of(
    reader: &mut Reader,
    table: &Table<'_>,
    base: Option<&Draft>,
    fallback: Option<&Url>,
) -> Option<Prometheus> {
    match table.get("prometheus").map(|value| (value.get_ref(), value.span().start)) {
        Some((DeValue::Boolean(false), _)) => None,
        Some((DeValue::Boolean(true), at)) => {
            reader.note(at, "`prometheus` is true, and must be a table, or false for no metrics", "");
            None
        }
        Some(_) => {
            let own = section(reader, table, "prometheus")?;
            let draft = prometheus::read(reader, &own, base.cloned().unwrap_or_default());
            draft.finish(reader, &own, fallback)
        }
        None => match base {
            Some(base) => base.clone().finish_for(reader, table, fallback),
            None => fallback.map(|url| Prometheus::at(url.clone())),
        },
    }
}

/// Two environments that are the same object would show one release twice, and act on it twice.
fn shared_workload(reader: &mut Reader, table: &Table<'_>, env: &EnvConfig, other: &EnvConfig) {
    if env.context != other.context || env.namespace != other.namespace {
        return;
    }
    let all = env.workloads.is_empty() || other.workloads.is_empty();
    let shared = env.workloads.iter().find(|id| other.workloads.contains(id));
    let what = match shared {
        Some(id) => format!("`{}` watches {id} as `{}` does: same context, same namespace", env.name, other.name),
        None if all => format!("`{}` watches what `{}` does: same context, same namespace", env.name, other.name),
        None => return,
    };
    reader.note(table.at, what, "an environment is a place of its own");
}

/// Returns whether a name is one that Kubernetes allows.
fn is_dns(name: &str, longest: usize, dots: bool) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= longest
        && name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(|c| edge(c) || c == '-' || (dots && c == '.'))
}
