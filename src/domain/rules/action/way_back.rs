//! Where a rollback goes, which way that is, and what is left to do: the same for every kind of workload.

use crate::domain::facts::direction::Direction;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::rejected::taken_back_from;

/// What a rollback comes to now.
pub(super) enum WayBack<'a> {
    /// The template of this ReplicaSet is put back.
    Start(&'a ReplicaSet),
    /// A rollback to this one is in progress: what may still hold it is lifted.
    Finish(&'a ReplicaSet),
    /// Everything was sent: it only has to be carried out.
    Wait(&'a ReplicaSet),
}

/// Returns what a rollback comes to: to the revision asked for, else stable while another one goes out, else the newest
/// earlier revision that was not rejected. Where it is back already, there is nothing to do.
pub(super) fn way_back<'a>(scene: &DraftContext<'a>, under_way: bool) -> Result<WayBack<'a>, Refusal> {
    let snapshot = scene.snapshot;
    let current = current(scene);
    if let Some(number) = scene.to {
        let found = snapshot.replicasets.iter().find(|rs| rs.meta.revision == Some(number));
        let found = found.ok_or_else(|| no_revision(number, &snapshot.replicasets))?;
        if current.is_none_or(|current| current.hash != found.hash) {
            return Ok(WayBack::Start(found));
        }
        if !under_way && manifest_has_another(scene, found) {
            return Ok(WayBack::Start(found));
        }
        if scene.direction().is_backward() {
            return Ok(WayBack::Finish(found));
        }
        if !scene.status.serving.is_all(&found.hash) {
            let text = format!("{} is what goes out, and does not serve everybody yet", found.version());
            return Err(Refusal::state(text, "resume or promote it"));
        }
        return Err(nothing_to_do(scene, found, ""));
    }
    if under_way {
        if let Some(target) = current.filter(|_| scene.direction().is_backward()) {
            return Ok(WayBack::Finish(target));
        }
        let Some(stable) = &scene.status.stable else {
            return Err(Refusal::state("there is no stable revision to go back to", "it is the first one"));
        };
        if !is_stable(scene, &stable.hash) {
            return served_before(scene, current).map(WayBack::Start).ok_or_else(|| no_earlier(scene));
        }
        let stable = snapshot.replicaset(&stable.hash).map(WayBack::Start);
        return stable
            .ok_or_else(|| Refusal::state("there is no stable revision to go back to", "it is the first one"));
    }
    let Some(current) = current else { return Err(no_earlier(scene)) };
    // What the manifest names and nobody gets yet is taken back first.
    if manifest_has_another(scene, current) {
        return Ok(WayBack::Start(current));
    }
    if taken_back_from(snapshot, scene.rejected, current).is_some() {
        if scene.status.serving.is_all(&current.hash) {
            return Err(nothing_to_do(scene, current, "already back: "));
        }
        return Ok(WayBack::Wait(current));
    }
    if let Some(version) = &scene.never_here {
        return Err(Refusal::state(
            format!("{version} was never here: there is nothing of it to roll back"),
            "choose an older revision of what runs here (--to)",
        ));
    }
    let earlier = snapshot.replicasets.iter().filter(|rs| is_earlier(rs, current));
    let target = earlier.filter(|rs| !scene.rejected.bars(&rs.hash)).max_by_key(|rs| rs.revision());
    target.map(WayBack::Start).ok_or_else(|| no_earlier(scene))
}

/// Whether the manifest has another template than a revision, which the controller has not taken up: it has not looked yet, or
/// refuses the spec as it is.
pub(super) fn manifest_has_another(scene: &DraftContext<'_>, current: &ReplicaSet) -> bool {
    let workload = scene.snapshot.object.workload();
    match (&scene.snapshot.template_owner, workload.template_owner()) {
        (Some(owner), _) => owner.containers != current.containers || owner.init_containers != current.init_containers,
        // What is not known is nothing to put back.
        (None, Some(_)) => false,
        (None, None) => workload.has_unseen_template(&scene.snapshot.replicasets),
    }
}

/// Whether a revision is the one to go back to while another one goes out. Kubernetes records none for a Deployment: in the
/// moments when no pod of any is ready, as with `Recreate`, the newest other one counts as stable, and that may be one that
/// was replaced before it served anybody, or was rolled back.
pub(super) fn is_stable(scene: &DraftContext<'_>, hash: &str) -> bool {
    let is_it = scene.status.stable.as_ref().is_some_and(|stable| stable.hash == hash);
    let is_recorded = || scene.snapshot.object.workload().records_stable();
    is_it && (is_recorded() || scene.status.serving.share_of(hash) > 0.0 || !scene.rejected.bars(hash))
}

/// The newest revision before the one that goes out that is not barred; before others, one that is known to have been stable.
fn served_before<'a>(scene: &DraftContext<'a>, current: Option<&ReplicaSet>) -> Option<&'a ReplicaSet> {
    let is_before = |rs: &&ReplicaSet| current.is_none_or(|current| is_earlier(rs, current));
    let earlier = scene.snapshot.replicasets.iter().filter(is_before).filter(|rs| !scene.rejected.bars(&rs.hash));
    earlier.max_by_key(|rs| (scene.rejected.is_known_stable(&rs.hash), rs.revision()))
}

/// The ReplicaSet of the template that is in the manifest.
fn current<'a>(scene: &DraftContext<'a>) -> Option<&'a ReplicaSet> {
    let revision = scene.status.canary.as_ref().or(scene.status.stable.as_ref())?;
    scene.snapshot.replicaset(&revision.hash)
}

/// Whether a ReplicaSet was made before another one.
fn is_earlier(rs: &ReplicaSet, other: &ReplicaSet) -> bool {
    match (rs.meta.created, other.meta.created) {
        (Some(one), Some(two)) if one != two => one < two,
        _ => rs.hash != other.hash && rs.revision() < other.revision(),
    }
}

/// Returns which way it is to a revision: backward only to an earlier one that was not rejected. What came after the revision
/// that is stable was superseded before it was, or was left since.
pub(super) fn direction_to(scene: &DraftContext<'_>, target: &ReplicaSet) -> Direction {
    let stable = scene.status.stable.as_ref();
    let stable_set = stable.and_then(|stable| scene.snapshot.replicaset(&stable.hash));
    let came_after_stable = stable_set.is_some_and(|stable| is_earlier(stable, target));
    let earlier = current(scene).is_some_and(|current| is_earlier(target, current)) && !came_after_stable;
    // Whatever serves already may be gone back to while something else goes out.
    let back = !scene.rejected.bars(&target.hash) && earlier
        || is_stable(scene, &target.hash) && !scene.direction().is_backward();
    if back { Direction::Backward } else { Direction::Forward }
}

/// Fills in where a rollback goes, and what it rejects.
pub(super) fn aim(draft: &mut Draft, scene: &DraftContext<'_>, target: &ReplicaSet, direction: Direction) {
    let revision = scene.snapshot.revision(target);
    draft.direction = direction;
    if direction == Direction::Forward {
        draft.headline = format!("promote {} again", revision.version());
        draft.goes.insert(
            0,
            "this is a promotion, not a rollback: it is newer, was never released, or was rejected here".to_owned(),
        );
    }
    // Of two revisions that are in play, the one that is left is rejected.
    let leaves = [&scene.status.canary, &scene.status.stable].into_iter().flatten();
    let mut left = leaves.filter(|revision| revision.hash != target.hash);
    draft.rejects = left.next().filter(|_| direction.is_backward()).cloned();
    draft.to_revision = Some(revision);
}

/// A plan that sends nothing: the rollback was sent already, by whomever, and is not carried out yet.
pub(super) fn wait_for(mut draft: Draft, scene: &DraftContext<'_>, target: &ReplicaSet) -> Draft {
    let revision = scene.snapshot.revision(target);
    draft.headline = format!("wait for the rollback to {}", revision.version());
    draft.to = revision_line(&revision);
    draft.goes = vec!["everything was sent already; nothing is sent again".to_owned()];
    aim(&mut draft, scene, target, Direction::Backward);
    draft
}

/// An abort of a rollback would send users back to what they were taken from.
pub(super) fn abort_would_go_forward(scene: &DraftContext<'_>) -> Refusal {
    let version = |revision: &Option<crate::domain::facts::workload::Revision>| {
        revision.as_ref().map_or_else(|| "?".to_owned(), crate::domain::facts::workload::Revision::version)
    };
    Refusal::state(
        format!(
            "a rollback to {} is in progress: an abort would send users back to {}",
            version(&scene.status.canary),
            version(&scene.status.stable)
        ),
        "rollback finishes it",
    )
}

fn nothing_to_do(scene: &DraftContext<'_>, current: &ReplicaSet, already: &str) -> Refusal {
    let known = scene.rejected.known().max_by_key(|rejection| rejection.at);
    let since = known.filter(|_| !already.is_empty()).map_or_else(String::new, |rejection| {
        format!(
            " since {}, rolled back from {} by {}",
            rfc3339_seconds(rejection.at),
            rejection.version(),
            rejection.by
        )
    });
    let text = if already.is_empty() {
        format!("revision {} ({}) is the one in the manifest", current.revision(), current.version())
    } else {
        format!("already back on {}{since}", current.version())
    };
    Refusal::new(RefusalKind::NothingToDo, text, "choose an older revision to go further back (--to)")
}

/// Says that there is no such revision, and which there are.
fn no_revision(number: u64, replicasets: &[ReplicaSet]) -> Refusal {
    let known: Vec<_> = replicasets.iter().map(|rs| rs.revision().to_string()).collect();
    Refusal::state(format!("there is no revision {number}"), format!("there are {}", known.join(", ")))
}

/// Says that there is nothing to go back to that was not rejected before.
fn no_earlier(scene: &DraftContext<'_>) -> Refusal {
    if scene.snapshot.replicasets.len() > 1 {
        Refusal::state("every earlier revision was rolled back, aborted or never stable", "choose one by its number")
    } else {
        Refusal::state("there is no earlier revision", "its history is empty")
    }
}
