//! Strategic merge patch, as far as kubectl uses it: lists of objects merge by their key.

use serde_json::{Map, Value};

use crate::kubernetes::object::as_map;

/// The merge key of each list that has one, by field name, as in the published schemas.
/// The first key that the elements carry is used.
const MERGE_KEYS: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("imagePullSecrets", &["name"]),
    ("ports", &["containerPort", "port"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
    ("secrets", &["name"]),
];

/// Directive that deletes or replaces what it stands in.
const DIRECTIVE: &str = "$patch";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";
const RETAIN: &str = "$retainKeys";

/// Applies a strategic merge patch.
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get(DIRECTIVE).is_some_and(|d| d == "replace") {
        let mut replaced = patch.clone();
        replaced.shift_remove(DIRECTIVE);
        *target = Value::Object(replaced);
        return;
    }
    let map = as_map(target);
    if let Some(keep) = patch.get(RETAIN).and_then(Value::as_array) {
        map.retain(|key, _| keep.iter().any(|k| k == key) || patch.contains_key(key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_FROM) {
            delete_from(map, list, value);
        } else if key.starts_with(ORDER) || key == RETAIN || key == DIRECTIVE {
            // Order is kept as it is: nothing here depends on it.
        } else if value.is_null() || value.get(DIRECTIVE).is_some_and(|d| d == "delete") {
            map.shift_remove(key);
        } else if let (Some(name), Some(elements)) = (merge_key(key, value), value.as_array()) {
            merge_list(map.entry(key.clone()).or_insert(Value::Null), elements, name);
        } else {
            apply(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn merge_key(field: &str, list: &Value) -> Option<&'static str> {
    let elements = list.as_array()?;
    let (_, keys) = MERGE_KEYS.iter().find(|(name, _)| *name == field)?;
    keys.iter().find(|key| elements.iter().all(|e| e.get(*key).is_some() || e.get(DIRECTIVE).is_some())).copied()
}

fn merge_list(target: &mut Value, elements: &[Value], key: &str) {
    if elements.iter().any(|e| e.get(DIRECTIVE).is_some_and(|d| d == "replace")) {
        let kept: Vec<Value> = elements.iter().filter(|e| e.get(DIRECTIVE).is_none()).cloned().collect();
        *target = Value::Array(kept);
        return;
    }
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(list) = target else { return };
    for element in elements {
        let found = list.iter().position(|old| old.get(key) == element.get(key));
        let delete = element.get(DIRECTIVE).is_some_and(|d| d == "delete");
        match (found, delete) {
            (Some(index), true) => drop(list.remove(index)),
            (Some(index), false) => apply(&mut list[index], element),
            (None, true) => {}
            (None, false) => list.push(element.clone()),
        }
    }
}

fn delete_from(map: &mut Map<String, Value>, list: &str, gone: &Value) {
    let gone = gone.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(Value::Array(values)) = map.get_mut(list) {
        values.retain(|value| !gone.contains(value));
    }
}
