//! Hashes of pod templates, as they appear in the names of `ReplicaSets`.

use serde_json::{Value, json};

use crate::kubernetes::object::{canonical, remove};

/// Characters that cannot form words, from which Kubernetes builds hashes (`SafeEncodeString` of apimachinery).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns a template as the API server would hold it, without what controllers inject: equal templates have
/// equal results, whichever way they came.
pub fn normal(template: &Value) -> Value {
    let mut template = template.clone();
    for label in ["rollouts-pod-template-hash", "pod-template-hash"] {
        remove(&mut template, &["metadata", "labels", label]);
    }
    remove(&mut template, &["metadata", "creationTimestamp"]);
    crate::kubernetes::defaults::template(&mut template);
    canonical(&without_empty(&template))
}

/// Returns the hash of a template for one of the controllers: they hash differently, so that a Rollout and the
/// Deployment it takes its template from can have `ReplicaSets` side by side. `collisions` makes another one when the
/// first is taken.
pub fn template_hash(controller: &str, template: &Value, collisions: Option<i64>) -> String {
    let mut text = format!("{controller}{}", normal(template));
    if let Some(count) = collisions {
        text.push_str(&count.to_string());
    }
    safe(&text)
}

/// Returns the hash of canary steps.
pub fn steps_hash(steps: &Value) -> String {
    let steps = if steps.is_null() { &json!([]) } else { steps };
    safe(&canonical(steps).to_string())
}

/// FNV-1a with 32 bits in decimal, written in the safe alphabet: what Kubernetes does, on another text.
fn safe(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()])).collect()
}

fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), without_empty(value)))
                .filter(|(_, value)| {
                    !value.is_null()
                        && value.as_object().is_none_or(|map| !map.is_empty())
                        && value.as_array().is_none_or(|list| !list.is_empty())
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(without_empty).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_templates_have_equal_hashes_in_any_spelling() {
        let written = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "web:1"}]},
        });
        let mut stored = written.clone();
        crate::kubernetes::defaults::template(&mut stored);
        stored["metadata"]["labels"]["rollouts-pod-template-hash"] = json!("abc");
        assert_eq!(template_hash("web", &written, None), template_hash("web", &stored, None));
        let mut other = written.clone();
        other["spec"]["containers"][0]["image"] = json!("web:2");
        assert_ne!(template_hash("web", &written, None), template_hash("web", &other, None));
        assert_ne!(template_hash("web", &written, None), template_hash("web", &written, Some(1)));
    }

    #[test]
    fn hashes_use_only_safe_characters() {
        let hash = template_hash("web", &json!({}), None);
        assert!(hash.len() >= 8 && hash.len() <= 10, "{hash}");
        assert!(hash.bytes().all(|b| ALPHABET.contains(&b)), "{hash}");
    }
}
