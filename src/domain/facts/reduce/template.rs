//! Pod templates, reduced to a fingerprint for comparison.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// Returns a fingerprint of a pod template, if there is one. Two templates have the same if the Deployment controller
/// takes them for equal: it leaves out the label it adds itself, and an empty list or map is one that is missing
/// (`EqualIgnoreHash` in `pkg/controller/deployment/util/deployment_util.go`).
#[must_use]
pub fn fingerprint(template: &Value) -> Option<u64> {
    let mut template = template.as_object()?.clone();
    if let Some(labels) = template.get_mut("metadata").and_then(|metadata| metadata["labels"].as_object_mut()) {
        labels.remove("pod-template-hash");
    }
    let mut hasher = DefaultHasher::new();
    feed(&Value::Object(template), &mut hasher);
    Some(hasher.finish())
}

/// Whether a value says nothing.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(empty),
        _ => false,
    }
}

fn feed(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(fields) => {
            let mut told: Vec<_> = fields.iter().filter(|(_, value)| !empty(value)).collect();
            told.sort_by_key(|(name, _)| *name);
            told.len().hash(hasher);
            for (name, value) in told {
                name.hash(hasher);
                feed(value, hasher);
            }
        }
        Value::Array(items) => {
            items.len().hash(hasher);
            for item in items {
                feed(item, hasher);
            }
        }
        plain => plain.to_string().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn template_hash_ignores_controller_label_and_key_order() {
        let own = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}});
        let made = json!({
            "spec": {"containers": [{"image": "web:1", "name": "web", "resources": {}}], "volumes": []},
            "metadata": {"creationTimestamp": null, "labels": {"pod-template-hash": "abc", "app": "web"}},
        });
        assert_eq!(fingerprint(&own), fingerprint(&made));
        let mut other = own.clone();
        other["spec"]["containers"][0]["image"] = json!("web:2");
        assert_ne!(fingerprint(&own), fingerprint(&other));
        assert_eq!(fingerprint(&Value::Null), None);
    }
}
