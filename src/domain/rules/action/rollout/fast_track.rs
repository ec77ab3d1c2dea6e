//! When Argo Rollouts would take a revision to everybody at once, because its ReplicaSet is there already: without steps, pauses
//! and analyses. That is right for a rollback; what goes forward is refused.
//!
//! As of v1.9: `isRollbackWithinWindow` (an abort on the way is taken back as well) and `isBlueGreenFastTracked`.

use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::rules::refusal::Refusal;

/// Returns why a revision may not go forward from its ReplicaSet; `None` where it goes through steps or a preview.
pub(super) fn in_the_way(rollout: &Rollout, target: &ReplicaSet, replicasets: &[ReplicaSet]) -> Option<Refusal> {
    let version = target.version();
    if is_within_window(rollout, target, replicasets) {
        return Some(Refusal::state(
            format!(
                "{version} would go to everybody at once, without steps or analysis: it is within `rollbackWindow`"
            ),
            "build it anew, or take `rollbackWindow` out of the Rollout first",
        ));
    }
    let runs = target.desired > 0 || target.current > 0;
    let marked = target.scale_down_at.filter(|_| runs && !rollout.is_canary())?;
    Some(Refusal::state(
        format!("its pods still run: {version} would get all users at once, without preview, pause or analysis"),
        format!("wait until they are scaled down, at {}", rfc3339_seconds(marked)),
    ))
}

/// Whether it was made before stable, with fewer ReplicaSets between the two than the window has.
fn is_within_window(rollout: &Rollout, target: &ReplicaSet, replicasets: &[ReplicaSet]) -> bool {
    let stable = replicasets.iter().find(|rs| rs.hash == rollout.status.stable_hash);
    let made = stable.and_then(|stable| stable.meta.created).zip(target.meta.created);
    let (Some(window), Some((stable, target))) = (rollout.spec.rollback_window, made) else { return false };
    let is_between = |rs: &&ReplicaSet| rs.meta.created.is_some_and(|made| target < made && made < stable);
    target < stable && replicasets.iter().filter(is_between).count() < window as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(hash: &str, second: i64) -> ReplicaSet {
        let mut set = ReplicaSet { hash: hash.to_owned(), ..ReplicaSet::default() };
        set.meta.created = Some(jiff::Timestamp::from_second(second).unwrap());
        set
    }

    #[test]
    fn what_is_within_the_window_goes_to_everybody_at_once() {
        let sets = [made("a", 1), made("b", 2), made("c", 3), made("stable", 4), made("later", 5)];
        let with = |window: Option<u32>| {
            let mut rollout = Rollout::default();
            rollout.spec.rollback_window = window;
            "stable".clone_into(&mut rollout.status.stable_hash);
            let fast = sets.iter().filter(|set| is_within_window(&rollout, set, &sets));
            fast.map(|set| set.hash.clone()).collect::<Vec<_>>()
        };
        assert_eq!(with(Some(1)), ["c"]);
        assert_eq!(with(Some(2)), ["b", "c"]);
        assert_eq!(with(Some(9)), ["a", "b", "c"]);
        assert_eq!(with(Some(0)), [""; 0]);
        assert_eq!(with(None), [""; 0]);
    }
}
