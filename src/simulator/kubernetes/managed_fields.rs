//! `metadata.managedFields`: who last wrote which field, and when.
//!
//! The real thing follows schemas; this one follows maps key by key and takes a list as one field, which is enough
//! to tell who paused a rollout.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::object;
use super::store::Part;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The field manager: `fieldManager` of the request, or its user agent up to the first slash.
    pub manager: String,
    /// Whether the write is a server-side apply.
    pub apply: bool,
    /// Whether everything is checked and answered but nothing is stored: `dryRun=All`.
    pub dry_run: bool,
}

impl Author {
    /// Returns an author of plain updates.
    pub fn update(manager: &str) -> Self {
        Self { manager: manager.to_owned(), apply: false, dry_run: false }
    }
}

type Fields = BTreeSet<Vec<String>>;

/// Enters the difference between `old` and `new` for `author`.
pub fn record(old: &Value, new: &mut Value, part: Part, author: &Author, at: Timestamp) {
    let mut changed = Fields::new();
    let mut path = Vec::new();
    difference(old, new, &mut path, &mut changed);
    changed.retain(|path| is_owned(path));
    let mut entries = old.pointer("/metadata/managedFields").and_then(Value::as_array).cloned().unwrap_or_default();
    let operation = if author.apply { "Apply" } else { "Update" };
    let subresource = (part == Part::Status).then_some("status");
    let mine = |entry: &Value| {
        object::text(entry, "/manager") == author.manager
            && object::text(entry, "/operation") == operation
            && entry.get("subresource").and_then(Value::as_str) == subresource
    };
    for entry in entries.iter_mut().filter(|entry| !mine(entry)) {
        let mut fields = Fields::new();
        read(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
        let before = fields.len();
        fields.retain(|path| !changed.contains(path));
        if fields.len() != before {
            entry["fieldsV1"] = write(&fields);
        }
    }
    let existing = entries.iter().position(mine);
    let mut fields = Fields::new();
    if let Some(index) = existing {
        read(&entries[index]["fieldsV1"], &mut Vec::new(), &mut fields);
    }
    fields.extend(changed);
    fields.retain(|path| exists(new, path));
    let mut entry = json!({
        "manager": author.manager,
        "operation": operation,
        "apiVersion": new.get("apiVersion").cloned().unwrap_or_default(),
        "time": object::stamp(at),
        "fieldsType": "FieldsV1",
        "fieldsV1": write(&fields),
    });
    if let Some(name) = subresource {
        entry["subresource"] = json!(name);
    }
    match existing {
        Some(index) => entries[index] = entry,
        None => entries.push(entry),
    }
    entries.retain(|entry| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty()));
    object::set(new, &["metadata", "managedFields"], json!(entries));
}

/// Returns the entries of those who own a field.
pub fn owners<'a>(object: &'a Value, path: &[String]) -> Vec<&'a Value> {
    object::items(object, "/metadata/managedFields")
        .iter()
        .filter(|entry| {
            path.iter()
                .try_fold(&entry["fieldsV1"], |at, key| at.get(format!("f:{key}")))
                .is_some_and(|fields| fields.as_object().is_some_and(serde_json::Map::is_empty))
        })
        .collect()
}

/// Fields that the API server keeps itself belong to no one.
fn is_owned(path: &[String]) -> bool {
    match path.first().map(String::as_str) {
        None | Some("apiVersion" | "kind") => false,
        Some("metadata") => matches!(
            path.get(1).map(String::as_str),
            Some("labels" | "annotations" | "ownerReferences" | "generateName" | "finalizers")
        ),
        Some(_) => true,
    }
}

fn difference(old: &Value, new: &Value, path: &mut Vec<String>, out: &mut Fields) {
    match (old, new) {
        (Value::Object(_) | Value::Null, Value::Object(new)) if !new.is_empty() => {
            let empty = Map::new();
            let old = old.as_object().unwrap_or(&empty);
            let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
            for (key, value) in new.iter().chain(gone) {
                let before = old.get(key).unwrap_or(&Value::Null);
                let after = new.get(key).unwrap_or(&Value::Null);
                if before != after {
                    path.push(key.clone());
                    if after.is_null() && value.is_object() {
                        out.insert(path.clone());
                    } else {
                        difference(before, after, path, out);
                    }
                    path.pop();
                }
            }
        }
        _ => {
            out.insert(path.clone());
        }
    }
}

fn exists(object: &Value, path: &[String]) -> bool {
    path.iter().try_fold(object, |at, key| at.get(key)).is_some()
}

fn read(fields: &Value, path: &mut Vec<String>, out: &mut Fields) {
    let Some(map) = fields.as_object() else {
        return;
    };
    if map.is_empty() && !path.is_empty() {
        out.insert(path.clone());
    }
    for (key, value) in map {
        if let Some(name) = key.strip_prefix("f:") {
            path.push(name.to_owned());
            read(value, path, out);
            path.pop();
        }
    }
}

fn write(fields: &Fields) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut at = &mut root;
        for key in path {
            at = object::as_map(at).entry(format!("f:{key}")).or_insert_with(|| json!({}));
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_writer_of_a_field_owns_it() {
        let mut first = json!({"apiVersion": "v1", "kind": "X", "spec": {"paused": false, "replicas": 1}});
        record(&Value::Null, &mut first, Part::Main, &Author::update("kubectl"), Timestamp::UNIX_EPOCH);
        let mut second = first.clone();
        second["spec"]["paused"] = json!(true);
        record(&first, &mut second, Part::Main, &Author::update("alice"), Timestamp::UNIX_EPOCH);
        let fields = &second["metadata"]["managedFields"];
        assert_eq!(fields[0]["manager"], "kubectl");
        assert_eq!(fields[0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(fields[1]["manager"], "alice");
        assert_eq!(fields[1]["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
    }

    #[test]
    fn status_writes_have_an_entry_of_their_own() {
        let mut first = json!({"apiVersion": "v1", "kind": "X", "spec": {"replicas": 1}});
        record(&Value::Null, &mut first, Part::Main, &Author::update("c"), Timestamp::UNIX_EPOCH);
        let mut second = first.clone();
        second["status"] = json!({"phase": "Paused"});
        record(&first, &mut second, Part::Status, &Author::update("c"), Timestamp::UNIX_EPOCH);
        assert_eq!(second["metadata"]["managedFields"][1]["subresource"], "status");
    }
}
