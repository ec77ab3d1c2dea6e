//! Argo's Experiments: ReplicaSets that a step of a canary starts beside stable and canary, for a while.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::analysis_run::is_final;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::why;

/// What is kept of an Experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    pub name: String,
    pub uid: String,
    /// `Pending`, `Running`, `Successful`, `Failed`, `Error` or `Inconclusive`.
    pub phase: String,
    pub message: String,
    pub created: Option<Timestamp>,
    pub templates: Vec<ExperimentTemplate>,
    /// Its ReplicaSets, and their pods; what an object itself does not tell.
    pub replicasets: Vec<ReplicaSet>,
    pub pods: Vec<Pod>,
}

/// One version that an Experiment runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentTemplate {
    pub name: String,
    /// `Progressing`, `Running`, `Successful`, `Failed` or `Error`.
    pub phase: String,
    pub message: String,
    /// How many pods it asks for.
    pub desired: u32,
    pub ready: u32,
}

impl Experiment {
    /// Returns the Experiments that ReplicaSets name as their owners. More than their names is not known.
    #[must_use]
    pub fn of_replicasets(replicasets: impl IntoIterator<Item = ReplicaSet>) -> Vec<Self> {
        let mut found: BTreeMap<String, Vec<ReplicaSet>> = BTreeMap::new();
        for rs in replicasets {
            if let Some(name) = rs.experiment.clone() {
                found.entry(name).or_default().push(rs);
            }
        }
        found.into_iter().map(|(name, replicasets)| Self { name, replicasets, ..Self::default() }).collect()
    }

    /// Returns whether it has ended; its pods may be there for a while yet.
    #[must_use]
    pub fn completed(&self) -> bool {
        is_final(&self.phase)
    }

    /// Returns the ReplicaSet of one of its templates.
    #[must_use]
    pub fn replicaset(&self, template: &ExperimentTemplate) -> Option<&ReplicaSet> {
        let of_it = |rs: &&ReplicaSet| {
            rs.meta.name.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('-')) == Some(&template.name)
        };
        self.replicasets.iter().find(of_it)
    }

    /// Returns what it waits for, in words: pods that fail, then pods that are not ready, then its message.
    #[must_use]
    pub fn waits_for(&self) -> String {
        if let Some(failing) = why::failing(&self.pods) {
            return failing;
        }
        if let Some(failure) = self.replicasets.iter().find_map(|rs| rs.failure.as_ref()) {
            return format!("pods cannot be created: {failure}");
        }
        if let Some(lacking) = self.templates.iter().find(|template| template.ready < template.desired) {
            let name = &lacking.name;
            let said = if lacking.message.is_empty() { String::new() } else { format!(", {}", lacking.message) };
            return format!("{name} has {} of {} pods ready{said}", lacking.ready, lacking.desired);
        }
        self.message.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::facts::reduce;

    /// As Argo Rollouts 1.9 writes it, shortened.
    fn experiment(candidate_ready: u32) -> Experiment {
        let object: Value = json!({
            "metadata": {"name": "api-cdfd8559c-2-1", "uid": "45f7", "creationTimestamp": "2026-11-27T20:15:52Z"},
            "spec": {"duration": "20s", "templates": [{"name": "baseline"}, {"name": "candidate", "replicas": 2}]},
            "status": {
                "availableAt": "2026-11-27T20:15:53Z", "phase": "Running",
                "analysisRuns": [{"analysisRun": "api-cdfd8559c-2-1-endless", "name": "endless", "phase": "Running"}],
                "templateStatuses": [
                    {"name": "baseline", "readyReplicas": 1, "replicas": 1, "status": "Running"},
                    {"name": "candidate", "readyReplicas": candidate_ready, "replicas": 2, "status": "Progressing"},
                ],
            },
        });
        reduce::experiment(&object)
    }

    #[test]
    fn templates_are_read_with_argos_default_of_one_pod() {
        let templates: Vec<_> = experiment(2)
            .templates
            .into_iter()
            .map(|template| (template.name, template.ready, template.desired))
            .collect();
        assert_eq!(templates, [("baseline".to_owned(), 1, 1), ("candidate".to_owned(), 2, 2)]);
        assert!(!experiment(2).completed());
    }

    #[test]
    fn what_it_waits_for_is_said_from_the_cause_up() {
        assert_eq!(experiment(2).waits_for(), "");
        let mut lacking = experiment(1);
        assert_eq!(lacking.waits_for(), "candidate has 1 of 2 pods ready");
        lacking.pods.push(Pod {
            reason: "CrashLoopBackOff".to_owned(),
            message: "back-off 10s".to_owned(),
            ..Pod::default()
        });
        assert_eq!(lacking.waits_for(), "1 pod CrashLoopBackOff: back-off 10s");
    }

    #[test]
    fn replicaset_of_a_template_is_found_by_its_name() {
        let set = |name: &str| {
            let object = json!({"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [
                {"name": "app", "image": format!("api:{name}")},
            ]}}}});
            reduce::replicaset(&object)
        };
        let mut experiment = experiment(2);
        experiment.replicasets = vec![set("api-cdfd8559c-2-1-baseline"), set("api-cdfd8559c-2-1-candidate")];
        let found = experiment.replicaset(&experiment.templates[1]).map(|rs| rs.meta.name.as_str());
        assert_eq!(found, Some("api-cdfd8559c-2-1-candidate"));
    }
}
