//! Who is served by a Rollout.

use super::{CanaryStrategy, Rollout, RolloutStrategy, RouterWeight, RouterWeights};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::workload::Snapshot;
use crate::domain::facts::workload::router::RoutedTo;
use crate::domain::facts::workload::serving::{Measure, NO_REVISION, Serving, Share, by_ready_pods, percent, share};

pub(super) fn serving(rollout: &Rollout, snapshot: &Snapshot) -> Serving {
    match &rollout.spec.strategy {
        RolloutStrategy::BlueGreen(_) => blue_green(rollout, snapshot),
        RolloutStrategy::Canary(CanaryStrategy { router: Some(_), .. }) => routed(rollout, snapshot),
        RolloutStrategy::Canary(CanaryStrategy { router: None, .. }) => by_pods(snapshot),
    }
}

/// Without a router every ready pod gets its share: those of a Deployment that gives the template and still runs, too, and
/// those of an experiment that carry the Rollout's labels.
fn by_pods(snapshot: &Snapshot) -> Serving {
    let mut parts = by_ready_pods(&snapshot.replicasets);
    parts.extend(beside(snapshot));
    for rs in in_experiments(snapshot) {
        add(&mut parts, snapshot, rs, rs.ready);
    }
    Serving::of(Measure::ReadyPods, parts)
}

/// Adds what the ReplicaSet of an experiment gets to what the revision gets that it runs.
fn add(parts: &mut Vec<(Share, u64)>, snapshot: &Snapshot, rs: &ReplicaSet, gets: u32) {
    let of = revision_run_by(snapshot, rs);
    match parts.iter_mut().find(|(share, _)| share.hash == of.hash) {
        Some((share, part)) => {
            share.ready += rs.ready;
            *part += u64::from(gets);
        }
        None => parts.push((Share { ready: rs.ready, ..share(of) }, u64::from(gets))),
    }
}

fn in_experiments(snapshot: &Snapshot) -> impl Iterator<Item = &ReplicaSet> {
    snapshot.experiments.iter().flat_map(|experiment| &experiment.replicasets)
}

/// Returns the revision whose containers a ReplicaSet of an experiment runs; itself where it is none of them.
fn revision_run_by<'a>(snapshot: &'a Snapshot, rs: &'a ReplicaSet) -> &'a ReplicaSet {
    let same = |own: &&ReplicaSet| own.containers == rs.containers && own.init_containers == rs.init_containers;
    snapshot.replicasets.iter().find(same).unwrap_or(rs)
}

/// The pods of the Deployment behind `workloadRef`, which Argo Rollouts does not manage.
fn beside(snapshot: &Snapshot) -> Option<(Share, u64)> {
    let owner = snapshot.template_owner.as_ref().filter(|owner| owner.status.ready > 0)?;
    let version = format!("deployment/{}", owner.meta.name);
    Some((
        Share { hash: NO_REVISION.to_owned(), version, share: 0.0, ready: owner.status.ready },
        u64::from(owner.status.ready),
    ))
}

fn blue_green(rollout: &Rollout, snapshot: &Snapshot) -> Serving {
    let reported = &rollout.status.active_hash;
    let selected = snapshot.routed.iter().find_map(|routed| match &routed.to {
        RoutedTo::Hash(hash) => Some((routed, hash)),
        RoutedTo::Canary(..) => None,
    });
    let active = selected.map_or(reported, |(_, hash)| hash);
    let measure = selected.map_or(Measure::ActiveService, |(routed, _)| Measure::Router(routed.object.clone()));
    let part = snapshot.replicaset(active).map(|rs| (share(rs), u64::from(rs.ready.min(1))));
    let mut serving = Serving::of(measure, part);
    if let Some((routed, hash)) = selected.filter(|(_, hash)| *hash != reported && !reported.is_empty()) {
        serving.doubt = Some(format!("{} selects {hash}, the controller reports {reported}", routed.object));
    }
    serving
}

fn routed(rollout: &Rollout, snapshot: &Snapshot) -> Serving {
    let weights = rollout.status.weights.clone().unwrap_or_else(|| before_any_weight(rollout));
    let split = snapshot.routed.iter().find_map(|routed| match routed.to {
        RoutedTo::Canary(canary, whole) if whole > 0 => Some((routed, f64::from(canary) / f64::from(whole))),
        _ => None,
    });
    let part = |weight: &RouterWeight| {
        let rs = snapshot.replicaset(&weight.hash)?;
        Some((share(rs), u64::from(weight.weight)))
    };
    let mut parts: Vec<_> = [&weights.canary, &weights.stable].into_iter().filter_map(part).collect();
    for weight in &weights.additional {
        if let Some(rs) = in_experiments(snapshot).find(|rs| rs.hash == weight.hash) {
            add(&mut parts, snapshot, rs, weight.weight);
        }
    }
    let mut serving = Serving::of(Measure::Weights, parts);
    let Some((routed, actual)) = split else { return serving };
    let said = f64::from(weights.canary.weight) / f64::from((weights.canary.weight + weights.stable.weight).max(1));
    if (actual - said).abs() < 0.005 {
        serving.measure = Measure::Router(routed.object.clone());
        return serving;
    }
    // The router decides who is served, whatever the controller says that it asked for.
    let parts =
        [(&weights.canary, actual), (&weights.stable, 1.0 - actual)].into_iter().filter_map(|(weight, part)| {
            let rs = snapshot.replicaset(&weight.hash)?;
            Some((share(rs), (part * 1000.0).round() as u64))
        });
    let mut serving = Serving::of(Measure::Router(routed.object.clone()), parts);
    serving.doubt = Some(format!(
        "{} sends {} to the canary, the controller reports {}",
        routed.object,
        percent(actual),
        percent(said)
    ));
    serving
}

/// Before the first weight was set all requests go to stable.
fn before_any_weight(rollout: &Rollout) -> RouterWeights {
    let stable =
        if rollout.status.stable_hash.is_empty() { &rollout.status.current_hash } else { &rollout.status.stable_hash };
    RouterWeights {
        canary: RouterWeight { hash: rollout.status.current_hash.clone(), weight: 0 },
        stable: RouterWeight { hash: stable.clone(), weight: 100 },
        ..RouterWeights::default()
    }
}
