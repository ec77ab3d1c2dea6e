//! Objects reduced while they are decoded, so that templates and managedFields never pile up.

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::object::Meta;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::reduce;
use crate::domain::facts::replicaset::ReplicaSet;

/// Something that an object can be reduced to.
pub trait Reduced: Sized + Clone + Debug + Send + 'static {
    /// Reduces an object; `None` for one that is of no use.
    fn reduce(value: &Value) -> Option<Self>;
}

// By type and not by `kind`: the items of a list carry none.
/// A workload as it came: which kind it is, and so what is kept of it, is known to whoever asked for it.
impl Reduced for Value {
    fn reduce(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl Reduced for ReplicaSet {
    fn reduce(value: &Value) -> Option<Self> {
        Some(reduce::replicaset(value))
    }
}

impl Reduced for Pod {
    fn reduce(value: &Value) -> Option<Self> {
        Some(reduce::pod(value))
    }
}

impl Reduced for AnalysisRun {
    fn reduce(value: &Value) -> Option<Self> {
        Some(reduce::analysis_run(value))
    }
}

impl Reduced for Experiment {
    fn reduce(value: &Value) -> Option<Self> {
        Some(reduce::experiment(value))
    }
}

impl Reduced for KubeEvent {
    fn reduce(value: &Value) -> Option<Self> {
        reduce::kube_event(value)
    }
}

impl Reduced for Meta {
    fn reduce(value: &Value) -> Option<Self> {
        Some(reduce::meta(value))
    }
}

/// A reduced object with what a watch needs of its metadata.
#[derive(Clone, Debug)]
pub struct Raw<T> {
    meta: ObjectMeta,
    pub owners: Vec<String>,
    pub kept: Option<T>,
}

impl<T> Raw<T> {
    pub fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }

    /// Turns what is kept into something else.
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Raw<U> {
        Raw { meta: self.meta, owners: self.owners, kept: self.kept.map(wrap) }
    }
}

impl<'de, T: Reduced> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = |field: &str| value["metadata"][field].as_str().map(ToOwned::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, owners: reduce::owner_uids(&value), kept: T::reduce(&value) })
    }
}

impl<T> Resource for Raw<T> {
    type DynamicType = ApiResource;
    type Scope = kube::core::DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
