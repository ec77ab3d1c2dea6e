//! The Experiments of a Rollout, with the ReplicaSets, pods and analysis runs that belong to them.

use super::store::Store;
use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::step::Step;
use crate::domain::facts::workload::Object;

/// What the other watches of a workload have seen.
pub(super) struct Beside<'a> {
    pub replicasets: &'a Store<ReplicaSet>,
    pub pods: &'a Store<Pod>,
    pub runs: &'a Store<AnalysisRun>,
}

/// Returns whether an object may have Experiments.
pub(super) fn are_expected(object: &Object) -> bool {
    object.workload().steps().contains(&Step::Experiment)
}

/// Returns the Experiments of an owner that are going on, or whose pods are still there, newest first; and their runs. Those
/// that are not read are known by their ReplicaSets.
pub(super) fn of_owner(
    experiments: Option<&Store<Experiment>>,
    owner: &str,
    beside: &Beside<'_>,
) -> (Vec<Experiment>, Vec<AnalysisRun>) {
    let running = beside.replicasets.owned(|_| true).filter(|rs| rs.experiment.is_some() && rs.current > 0);
    let mut found = Experiment::of_replicasets(running.cloned());
    for known in experiments.into_iter().flat_map(|all| all.owned(|uid| uid == owner)) {
        match found.iter_mut().find(|one| one.name == known.name) {
            Some(one) => *one = Experiment { replicasets: std::mem::take(&mut one.replicasets), ..known.clone() },
            None if !known.completed() => found.push(known.clone()),
            None => {}
        }
    }
    for experiment in &mut found {
        experiment.replicasets.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        experiment.pods = pods(experiment, beside.pods);
    }
    found.sort_by_key(|experiment| std::cmp::Reverse((experiment.created, experiment.name.clone())));
    let runs = found.iter().flat_map(|experiment| runs(experiment, beside.runs)).collect();
    (found, runs)
}

fn pods(experiment: &Experiment, all: &Store<Pod>) -> Vec<Pod> {
    let owners: Vec<&str> = experiment.replicasets.iter().map(|rs| rs.meta.uid.as_str()).collect();
    let mut pods: Vec<Pod> = all.owned(|owner| owners.contains(&owner)).cloned().collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    pods
}

fn runs(experiment: &Experiment, all: &Store<AnalysisRun>) -> Vec<AnalysisRun> {
    let of_it = all.owned(|owner| owner == experiment.uid);
    of_it.map(|run| AnalysisRun { kind: "Experiment".to_owned(), ..run.clone() }).collect()
}
