//! Who is served by a Rollout.

use super::{CanaryStrategy, Rollout, RolloutStrategy, RouterWeight, RouterWeights};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::workload::Snapshot;
use crate::domain::facts::workload::router::{Routed, RoutedTo};
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
        add(&mut parts, snapshot, rs, rs.ready.into());
    }
    Serving::of(Measure::ReadyPods, parts)
}

/// Adds what the ReplicaSet of an experiment gets to what the revision gets that it runs.
fn add(parts: &mut Vec<(Share, u64)>, snapshot: &Snapshot, rs: &ReplicaSet, gets: u64) {
    let of = revision_run_by(snapshot, rs);
    match parts.iter_mut().find(|(share, _)| share.hash == of.hash) {
        Some((share, part)) => {
            share.ready += rs.ready;
            *part += gets;
        }
        None => parts.push((Share { ready: rs.ready, ..share(of) }, gets)),
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
        _ => None,
    });
    let active = selected.map_or(reported, |(_, hash)| hash);
    let measure = selected.map_or(Measure::ActiveService, |(routed, _)| Measure::Router(routed.object.clone()));
    let part = snapshot.replicaset(active).map(|rs| (share(rs), u64::from(rs.ready.min(1))));
    let mut serving = Serving::of(measure, part);
    serving.doubt = match selected.filter(|(_, hash)| *hash != reported && !reported.is_empty()) {
        Some((routed, hash)) => Some(format!("{} selects {hash}, the controller reports {reported}", routed.object)),
        None => unread(snapshot, selected.is_some()),
    };
    serving
}

/// The router decides who is served, whatever the controller says that it asked for; of several, and of several routes of one,
/// the one that is farthest from where it is to be.
fn routed(rollout: &Rollout, snapshot: &Snapshot) -> Serving {
    let weights = rollout.status.weights.clone().unwrap_or_else(|| before_any_weight(rollout));
    let said = canary_share(weights.canary.weight, weights.canary.weight.saturating_add(weights.stable.weight));
    let splits = Splits::of(snapshot);
    let wanted = if rollout.aborted() { 0.0 } else { said };
    let Some((decides, actual)) = splits.farthest_from(wanted) else {
        let mut serving = by_weights(Measure::Weights, &weights, said, snapshot);
        serving.doubt = unread(snapshot, false);
        return serving;
    };
    let off = splits.farthest_from(said).filter(|(_, actual)| differs(*actual, said));
    let measure = match (off, router_is_read(rollout)) {
        (None, false) => Measure::Weights,
        _ => Measure::Router(decides.object.clone()),
    };
    let actual = if differs(actual, said) { actual } else { said };
    let mut serving = by_weights(measure, &weights, actual, snapshot);
    serving.doubt = match off {
        Some((routed, actual)) => Some(format!(
            "{} sends {} to the canary, the controller reports {}",
            routed.object,
            percent(actual),
            percent(said)
        )),
        None => unread(snapshot, true),
    };
    serving
}

/// What the router's objects say of the canary's share, from 0 to 1.
struct Splits<'a>(Vec<(&'a Routed, f64)>);

impl<'a> Splits<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let split = |routed: &'a Routed| match routed.to {
            RoutedTo::Canary(canary, whole) if whole > 0 => Some((routed, canary_share(canary, whole))),
            _ => None,
        };
        Self(snapshot.routed.iter().filter_map(split).collect())
    }

    /// Returns the split that is farthest from a share; of two that are equally far the one that gives the canary more.
    fn farthest_from(&self, share: f64) -> Option<(&'a Routed, f64)> {
        let off = |split: &(&Routed, f64)| (split.1 - share).abs();
        self.0.iter().copied().max_by(|one, other| off(one).total_cmp(&off(other)).then(one.1.total_cmp(&other.1)))
    }
}

fn canary_share(canary: u32, whole: u32) -> f64 {
    f64::from(canary) / f64::from(whole.max(1))
}

/// Whether two shares are not the same but for rounding.
fn differs(one: f64, other: f64) -> bool {
    (one - other).abs() >= 0.005
}

/// Whether every object of the router is of a kind that is read.
fn router_is_read(rollout: &Rollout) -> bool {
    let RolloutStrategy::Canary(CanaryStrategy { router: Some(router), .. }) = &rollout.spec.strategy else {
        return false;
    };
    router.objects.iter().all(|object| object.resource().is_some())
}

/// Says which object of the router is not known, where that leaves a doubt: looking at it has failed, or others can be read. Where
/// none can be, the controller's report is all there is.
fn unread(snapshot: &Snapshot, others_are_read: bool) -> Option<String> {
    snapshot.routed.iter().find_map(|routed| match &routed.to {
        RoutedTo::Failed(why) => Some(format!("{} {why}", routed.object)),
        RoutedTo::Unreadable(why) if others_are_read => Some(format!("{} {why}", routed.object)),
        _ => None,
    })
}

/// Gives the canary a share of what goes to canary and stable. What experiments get is known from the report alone.
fn by_weights(measure: Measure, weights: &RouterWeights, canary: f64, snapshot: &Snapshot) -> Serving {
    let both = u64::from(weights.canary.weight) + u64::from(weights.stable.weight);
    let to_canary = (canary * (both * SCALE) as f64).round() as u64;
    let mut parts: Vec<(Share, u64)> = Vec::new();
    for (hash, part) in [(&weights.canary.hash, to_canary), (&weights.stable.hash, both * SCALE - to_canary)] {
        let Some(rs) = snapshot.replicaset(hash) else { continue };
        // At the end of a rollout both are the same.
        match parts.iter_mut().find(|(share, _)| share.hash == *hash) {
            Some((_, before)) => *before += part,
            None => parts.push((share(rs), part)),
        }
    }
    for weight in &weights.additional {
        if let Some(rs) = in_experiments(snapshot).find(|rs| rs.hash == weight.hash) {
            add(&mut parts, snapshot, rs, u64::from(weight.weight) * SCALE);
        }
    }
    Serving::of(measure, parts)
}

/// Parts of a weight that are told apart.
const SCALE: u64 = 1000;

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

#[cfg(test)]
mod tests;
