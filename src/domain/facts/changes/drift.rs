//! What differs between the same workload in two environments, apart from the image: settings that no one meant to differ
//! are found in the second environment, by its users.
//!
//! Values of variables are compared and never told: they may be secrets. Secrets themselves are only named, never read.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Aspect {
    /// A workload that only one of them has.
    Workload,
    Replicas,
    /// A container that only one of them has.
    Container,
    Env,
    Resources,
    Probe,
    Port,
    /// A ConfigMap that is referenced.
    ConfigMap,
    /// A Secret that is referenced.
    Secret,
}

impl Aspect {
    pub const ALL: [Self; 9] = [
        Self::Workload,
        Self::Replicas,
        Self::Container,
        Self::Env,
        Self::Resources,
        Self::Probe,
        Self::Port,
        Self::ConfigMap,
        Self::Secret,
    ];

    /// Returns the word in config and evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Replicas => "replicas",
            Self::Container => "container",
            Self::Env => "env",
            Self::Resources => "resources",
            Self::Probe => "probe",
            Self::Port => "port",
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    pub workload: String,
    pub aspect: Aspect,
    /// Container, where it is about one.
    pub container: Option<String>,
    /// Name, e.g. of the variable; empty for replicas.
    pub name: String,
    /// What differs, in words; never a value of a variable.
    pub words: String,
}

impl Difference {
    /// Returns what `allow` of the config calls it, e.g. `env:LOG_LEVEL`.
    #[must_use]
    pub fn key(&self) -> String {
        if self.name.is_empty() {
            self.aspect.as_str().to_owned()
        } else {
            format!("{}:{}", self.aspect.as_str(), self.name)
        }
    }

    /// Returns it as a line.
    #[must_use]
    pub fn line(&self) -> String {
        let container = self.container.as_ref().map_or_else(String::new, |name| format!(" of container {name}"));
        format!("{} {}{container}: {}", self.workload, self.key(), self.words)
    }

    /// Returns whether it may differ.
    #[must_use]
    pub fn is_allowed(&self, allow: &[Allowed]) -> bool {
        allow.iter().any(|allowed| allowed.fits(self))
    }
}

/// What may differ: `replicas`, `env:LOG_LEVEL`, `env:api/LOG_LEVEL`, `resources:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    aspect: Aspect,
    /// `*` stands for any characters; `None` for all names.
    name: Option<String>,
}

impl Allowed {
    /// Allows every difference of an aspect.
    #[must_use]
    pub fn all(aspect: Aspect) -> Self {
        Self { aspect, name: None }
    }

    /// Reads one.
    ///
    /// # Errors
    /// The word that is no aspect.
    pub fn parse(text: &str) -> Result<Self, &str> {
        let (word, name) = text.split_once(':').map_or((text, None), |(word, name)| (word, Some(name.to_owned())));
        let aspect = Aspect::ALL.into_iter().find(|aspect| aspect.as_str() == word.trim()).ok_or(word)?;
        Ok(Self { aspect, name: name.map(|name| name.trim().to_owned()) })
    }

    fn fits(&self, difference: &Difference) -> bool {
        let Some(pattern) = &self.name else { return self.aspect == difference.aspect };
        let full = || difference.container.as_ref().map(|container| format!("{container}/{}", difference.name));
        self.aspect == difference.aspect
            && (wildcard(pattern, &difference.name) || full().is_some_and(|full| wildcard(pattern, &full)))
    }
}

/// Returns whether a text fits a pattern in which `*` stands for any characters.
#[must_use]
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A workload as it is compared: how many pods, of which template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// `spec.replicas`; a workload without it has one.
    pub replicas: Option<i64>,
    pub pod: Value,
}

/// Returns what differs between a workload here and in the environment before. `names` are those of the two, for the
/// words.
#[must_use]
pub fn compare(workload: &str, here: &Shape, before: &Shape, names: (&str, &str)) -> Vec<Difference> {
    let mut found = WorkloadDrift { workload, names, differences: Vec::new() };
    let replicas = |shape: &Shape| shape.replicas.unwrap_or(1).to_string();
    found.value(Aspect::Replicas, None, "", &replicas(here), &replicas(before));
    let (ours, theirs) = (containers(&here.pod), containers(&before.pod));
    for name in keys(&ours, &theirs) {
        match (ours.get(name), theirs.get(name)) {
            (Some(our), Some(their)) => found.container(name, our, their),
            (our, _) => found.only(Aspect::Container, None, name, our.is_some()),
        }
    }
    for aspect in [Aspect::ConfigMap, Aspect::Secret] {
        let (ours, theirs) = (references(&here.pod, aspect), references(&before.pod, aspect));
        for name in ours.symmetric_difference(&theirs) {
            found.only(aspect, None, name, ours.contains(name));
        }
    }
    found.differences.sort();
    found.differences
}

struct WorkloadDrift<'a> {
    workload: &'a str,
    names: (&'a str, &'a str),
    differences: Vec<Difference>,
}

impl WorkloadDrift<'_> {
    fn add(&mut self, aspect: Aspect, container: Option<&str>, name: &str, words: String) {
        self.differences.push(Difference {
            workload: self.workload.to_owned(),
            aspect,
            container: container.map(ToOwned::to_owned),
            name: name.to_owned(),
            words,
        });
    }

    /// Only one of them has it.
    fn only(&mut self, aspect: Aspect, container: Option<&str>, name: &str, is_here: bool) {
        let (here, before) = self.names;
        let (has, lacks) = if is_here { (here, before) } else { (before, here) };
        self.add(aspect, container, name, format!("only in {has}, not in {lacks}"));
    }

    /// Both have it, and its value may be told.
    fn value(&mut self, aspect: Aspect, container: Option<&str>, name: &str, here: &str, before: &str) {
        if here != before {
            let words = format!("{here} in {}, {before} in {}", self.names.0, self.names.1);
            self.add(aspect, container, name, words);
        }
    }

    /// A part that is compared as a whole, and told by its name alone.
    fn whole(&mut self, aspect: Aspect, container: &str, name: &str, here: Option<&Value>, before: Option<&Value>) {
        match (here, before) {
            (Some(here), Some(before)) if here != before => {
                let words = format!("differs between {} and {}", self.names.0, self.names.1);
                self.add(aspect, Some(container), name, words);
            }
            (Some(_), None) => self.only(aspect, Some(container), name, true),
            (None, Some(_)) => self.only(aspect, Some(container), name, false),
            _ => {}
        }
    }

    fn container(&mut self, container: &str, here: &Value, before: &Value) {
        let (ours, theirs) = (env(here), env(before));
        for name in keys(&ours, &theirs) {
            self.whole(Aspect::Env, container, name, ours.get(name).copied(), theirs.get(name).copied());
        }
        let (ours, theirs) = (resources(here), resources(before));
        for name in keys(&ours, &theirs) {
            match (ours.get(name), theirs.get(name)) {
                (Some(our), Some(their)) if quantity(our) == quantity(their) => {}
                (Some(our), Some(their)) => self.value(Aspect::Resources, Some(container), name, our, their),
                (our, _) => self.only(Aspect::Resources, Some(container), name, our.is_some()),
            }
        }
        for (key, name) in [("livenessProbe", "liveness"), ("readinessProbe", "readiness"), ("startupProbe", "startup")]
        {
            self.whole(Aspect::Probe, container, name, here.get(key), before.get(key));
        }
        let (ours, theirs) = (ports(here), ports(before));
        for port in ours.symmetric_difference(&theirs) {
            self.only(Aspect::Port, Some(container), port, ours.contains(port));
        }
    }
}

/// The names that either of two maps has, in order.
fn keys<'a, V>(one: &'a BTreeMap<String, V>, other: &'a BTreeMap<String, V>) -> BTreeSet<&'a str> {
    one.keys().chain(other.keys()).map(String::as_str).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// Containers by name, the initial ones too.
fn containers(pod: &Value) -> BTreeMap<String, &Value> {
    list(pod, "initContainers")
        .chain(list(pod, "containers"))
        .filter_map(|container| Some((text(container, "/name")?.to_owned(), container)))
        .collect()
}

fn env(container: &Value) -> BTreeMap<String, &Value> {
    list(container, "env").filter_map(|item| Some((text(item, "/name")?.to_owned(), item))).collect()
}

/// Requests and limits by name, e.g. `requests.cpu`.
fn resources(container: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for group in ["requests", "limits"] {
        let entries = container.pointer(&format!("/resources/{group}")).and_then(Value::as_object);
        for (name, amount) in entries.into_iter().flatten() {
            let amount = amount.as_str().map_or_else(|| amount.to_string(), ToOwned::to_owned);
            found.insert(format!("{group}.{name}"), amount);
        }
    }
    found
}

fn ports(container: &Value) -> BTreeSet<String> {
    list(container, "ports")
        .filter_map(|port| {
            let number = port.get("containerPort")?.as_u64()?;
            let protocol = text(port, "/protocol").unwrap_or("TCP");
            Some(if protocol == "TCP" { number.to_string() } else { format!("{number}/{protocol}") })
        })
        .collect()
}

/// Names of the ConfigMaps or Secrets that a pod refers to: by `envFrom`, variables and volumes.
fn references(pod: &Value, aspect: Aspect) -> BTreeSet<String> {
    let (from, key, volume, volume_name) = match aspect {
        Aspect::Secret => ("/secretRef/name", "/valueFrom/secretKeyRef/name", "/secret/secretName", "/secret/name"),
        _ => ("/configMapRef/name", "/valueFrom/configMapKeyRef/name", "/configMap/name", "/configMap/name"),
    };
    let mut found = BTreeSet::new();
    let mut add = |name: Option<&str>| found.extend(name.map(ToOwned::to_owned));
    for container in containers(pod).into_values() {
        list(container, "envFrom").for_each(|source| add(text(source, from)));
        list(container, "env").for_each(|variable| add(text(variable, key)));
    }
    for item in list(pod, "volumes") {
        add(text(item, volume));
        if let Some(projected) = item.get("projected") {
            list(projected, "sources").for_each(|source| add(text(source, volume_name)));
        }
    }
    found
}

/// Reads a quantity such as `500m` or `1Gi`; what is none is the text itself, which equals nothing but the same text.
fn quantity(text: &str) -> Result<f64, &str> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        _ => return Err(text),
    };
    number.parse::<f64>().map(|number| number * factor).map_err(|_| text)
}

#[cfg(test)]
mod tests;
