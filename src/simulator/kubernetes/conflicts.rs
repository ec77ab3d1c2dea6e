//! Server-side apply: fields that someone else owns are not taken without force.

use serde_json::Value;

use super::api_error::ApiError;
use super::managed_fields::owners;
use super::object::text;

/// Returns a conflict for every field that an applied object would change and another manager owns.
pub fn check(stored: &Value, applied: &Value, manager: &str) -> Result<(), ApiError> {
    let mut conflicts = Vec::new();
    let mut path = Vec::new();
    collect(stored, stored, applied, manager, &mut path, &mut conflicts);
    if conflicts.is_empty() { Ok(()) } else { Err(ApiError::apply_conflict(&conflicts)) }
}

fn collect(
    whole: &Value,
    stored: &Value,
    applied: &Value,
    manager: &str,
    path: &mut Vec<String>,
    conflicts: &mut Vec<(String, String)>,
) {
    if let (Value::Object(map), true) = (applied, stored.is_object() || stored.is_null()) {
        for (key, value) in map {
            // Identity is not owned.
            if path.is_empty() && matches!(key.as_str(), "apiVersion" | "kind") {
                continue;
            }
            if path.len() == 1
                && path[0] == "metadata"
                && !matches!(key.as_str(), "labels" | "annotations" | "finalizers" | "ownerReferences")
            {
                continue;
            }
            path.push(key.clone());
            collect(whole, stored.get(key).unwrap_or(&Value::Null), value, manager, path, conflicts);
            path.pop();
        }
        return;
    }
    if stored == applied {
        return;
    }
    for entry in owners(whole, path) {
        let other = text(entry, "/manager");
        let apply = text(entry, "/operation") == "Apply";
        if other == manager && apply {
            continue;
        }
        // Who owns by update is distinguished by the version that the update was made in.
        let whom =
            if apply { format!("\"{other}\"") } else { format!("\"{other}\" using {}", text(entry, "/apiVersion")) };
        let field = format!(".{}", path.join("."));
        conflicts.push((whom, field));
    }
}
