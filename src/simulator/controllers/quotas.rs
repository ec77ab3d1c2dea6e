//! The quota controller: how many pods of each namespace's quota are used. Only pods are counted.

use serde_json::json;

use super::{CONTROLLER_MANAGER, Tools};
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

/// Counts what is used of one quota.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(quota) = tools.store.get(key) else {
        return;
    };
    let hard = quota.pointer("/spec/hard").cloned().unwrap_or(json!({}));
    let pods = tools.store.list(Kind::Pod, Some(&key.namespace)).1.len();
    let mut used = json!({});
    if hard.get("pods").is_some() {
        used["pods"] = json!(pods.to_string());
    }
    // A quota that is gone needs no count.
    let _ = tools.store.update(key, Part::Status, &Author::update(CONTROLLER_MANAGER), |old| {
        let mut new = old.clone();
        object::set(&mut new, &["status"], json!({"hard": hard, "used": used}));
        Ok(new)
    });
}
