//! Kubernetes objects as JSON, reduced to what is kept of them.
//!
//! Tolerant on purpose: a field of the wrong shape counts as absent, for a strange object must not end a watch.

mod analysis_run;
mod event;
mod experiment;
mod meta;
mod pod;
mod replicaset;
mod template;

use serde_json::Value;

use crate::domain::facts::object::{Condition, Container};

pub use analysis_run::analysis_run;
pub use event::kube_event;
pub use experiment::experiment;
pub(in crate::domain) use meta::writer;
pub use meta::{meta, owner_uids};
pub use pod::pod;
pub use replicaset::replicaset;
pub(in crate::domain) use template::fingerprint;

pub(in crate::domain) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(in crate::domain) fn count(value: &Value) -> u32 {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

pub(in crate::domain) fn maybe_count(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

/// An `intOrString` or a number, as text.
pub(in crate::domain) fn int_or_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(in crate::domain) fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok()
}

pub(in crate::domain) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(in crate::domain) fn containers(of: &Value) -> Vec<Container> {
    list(of).map(|container| Container { name: text(&container["name"]), image: text(&container["image"]) }).collect()
}

pub(in crate::domain) fn conditions(status: &Value) -> Vec<Condition> {
    list(&status["conditions"])
        .map(|condition| Condition {
            kind: text(&condition["type"]),
            status: text(&condition["status"]),
            reason: text(&condition["reason"]),
            message: text(&condition["message"]),
            since: time(&condition["lastTransitionTime"]),
            updated: time(&condition["lastUpdateTime"]),
        })
        .collect()
}

/// A label selector (`matchLabels` and `matchExpressions`) in the form of the `labelSelector` query parameter.
#[must_use]
pub fn selector(value: &Value) -> String {
    let labels = value["matchLabels"].as_object().into_iter().flatten();
    let mut terms: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    for expression in list(&value["matchExpressions"]) {
        let key = text(&expression["key"]);
        let values: Vec<&str> = list(&expression["values"]).filter_map(Value::as_str).collect();
        match expression["operator"].as_str() {
            Some("In") => terms.push(format!("{key} in ({})", values.join(","))),
            Some("NotIn") => terms.push(format!("{key} notin ({})", values.join(","))),
            Some("Exists") => terms.push(key),
            Some("DoesNotExist") => terms.push(format!("!{key}")),
            _ => {}
        }
    }
    terms.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn selectors_become_query_text() {
        let value = json!({"matchLabels": {"app": "api"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]});
        assert_eq!(selector(&value), "app=api,tier in (a,b),!old");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z:/@.0-9]{0,8}".prop_map(Value::from)
        ];
        let key = prop::sample::select(vec![
            "metadata",
            "spec",
            "status",
            "template",
            "containers",
            "name",
            "image",
            "replicas",
            "strategy",
            "canary",
            "steps",
            "pause",
            "duration",
            "setWeight",
            "conditions",
            "containerStatuses",
            "state",
            "waiting",
            "reason",
            "phase",
            "generation",
            "annotations",
            "labels",
            "metrics",
            "measurements",
            "creationTimestamp",
        ]);
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..6)
                    .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_object_of_any_shape_panics(value in any_json()) {
            let rollout = crate::domain::facts::workload::rollout::reduce(&value);
            let _ = (rollout.phase(), rollout.weight(&[]), rollout.pause());
            let _ = crate::domain::facts::workload::deployment::reduce(&value).phase();
            let _ = (pod(&value), replicaset(&value), analysis_run(&value), kube_event(&value));
        }
    }
}
