//! Experiments.

use serde_json::Value;

use super::{count, list, maybe_count, text, time};
use crate::domain::facts::experiment::{Experiment, ExperimentTemplate};

#[must_use]
pub fn experiment(value: &Value) -> Experiment {
    let (metadata, status) = (&value["metadata"], &value["status"]);
    let none = Value::Null;
    let template = |template: &Value| {
        let mut reported = list(&status["templateStatuses"]);
        let reported = reported.find(|reported| reported["name"] == template["name"]).unwrap_or(&none);
        ExperimentTemplate {
            name: text(&template["name"]),
            phase: text(&reported["status"]),
            message: text(&reported["message"]),
            // Argo's default is 1.
            desired: maybe_count(&template["replicas"]).unwrap_or(1),
            ready: count(&reported["readyReplicas"]),
        }
    };
    Experiment {
        name: text(&metadata["name"]),
        uid: text(&metadata["uid"]),
        phase: text(&status["phase"]),
        message: text(&status["message"]),
        created: time(&metadata["creationTimestamp"]),
        templates: list(&value["spec"]["templates"]).map(template).collect(),
        ..Experiment::default()
    }
}
