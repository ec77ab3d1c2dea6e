//! Events.

use serde_json::Value;

use super::{count, text, time};
use crate::domain::facts::event::KubeEvent;

/// Reduces an event; `None` when it carries no time at all.
#[must_use]
pub fn kube_event(value: &Value) -> Option<KubeEvent> {
    let series = &value["series"];
    let at = [
        &series["lastObservedTime"],
        &value["lastTimestamp"],
        &value["eventTime"],
        &value["firstTimestamp"],
        &value["metadata"]["creationTimestamp"],
    ]
    .into_iter()
    .find_map(time)?;
    let about = &value["involvedObject"];
    Some(KubeEvent {
        uid: text(&value["metadata"]["uid"]),
        at,
        warning: value["type"] == "Warning",
        reason: text(&value["reason"]),
        message: text(&value["message"]),
        kind: text(&about["kind"]),
        name: text(&about["name"]),
        count: count(&value["count"]).max(count(&series["count"])).max(1),
    })
}
