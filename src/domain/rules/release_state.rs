//! The state of a release in an environment: one pure function of record and cluster, which everything asks.

use jiff::Timestamp;

use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::workload::Revision;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::checklist::candidate::{is_same_artifact, rejection_of};
use crate::domain::rules::rejected::taken_back_from;
use crate::domain::world::{Environment, WorkloadState, World};

/// The state of a release in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// It never came here, and is not the next to come.
    NotHere,
    /// The environment before has it, this one has not yet.
    Next {
        from: String,
        to: String,
    },
    InProgress,
    /// It waits at a pause: for its time, or for a person.
    Paused,
    Released,
    /// Users get back what they had.
    RollingBack {
        from: String,
        to: String,
    },
    RolledBack(RolledBack),
    /// The update was aborted; the manifest still asks for it.
    Aborted,
    /// A newer release took its place.
    Superseded,
}

/// A release that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    pub from: String,
    pub to: String,
    /// Who did it, and when, where that is known.
    pub by: Option<(String, Timestamp)>,
}

impl ReleaseState {
    /// Returns the word in JSON and on the command line.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotHere => "not-here",
            Self::Next { .. } => "next",
            Self::InProgress => "in-progress",
            Self::Paused => "paused",
            Self::Released => "released",
            Self::RollingBack { .. } => "rolling-back",
            Self::RolledBack(_) => "rolled-back",
            Self::Aborted => "aborted",
            Self::Superseded => "superseded",
        }
    }

    /// Returns the words for the screen, e.g. `rolled back 1.5.0 → 1.4.2 by alice`. The time is in [`RolledBack::by`]: a
    /// screen shows it in its own zone.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Next { from, to } => format!("next: {from} → {to}"),
            Self::RollingBack { from, to } => format!("rolling back {from} → {to}"),
            Self::RolledBack(back) => {
                let who = back.by.as_ref().map_or_else(String::new, |(who, _)| format!(" by {who}"));
                format!("rolled back {} → {}{who}", back.from, back.to)
            }
            Self::NotHere => "not here".to_owned(),
            Self::InProgress => "in progress".to_owned(),
            other => other.as_str().to_owned(),
        }
    }

    /// Whether nothing moves and nobody waits: what the environment shows is where the release ended there.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::NotHere | Self::Next { .. } | Self::Released | Self::RolledBack(_) | Self::Superseded)
    }
}

/// Returns the state of the release that goes through the environments, for one workload of one of them; `None` where
/// nothing is known of it.
#[must_use]
pub fn release_state(world: &World, env: &Environment, id: &WorkloadId) -> Option<ReleaseState> {
    let workload = env.workload(id)?;
    let status = workload.status.as_ref()?;
    if let Some(canary) = &status.canary {
        let from = || status.stable.as_ref().map_or_else(|| "?".to_owned(), Revision::version);
        return Some(match workload.direction() {
            Some(Direction::Backward) => ReleaseState::RollingBack { from: from(), to: canary.version() },
            _ if status.aborted => ReleaseState::Aborted,
            _ if status.pause.is_some() => ReleaseState::Paused,
            _ => ReleaseState::InProgress,
        });
    }
    let stable = status.stable.as_ref()?;
    let incoming = world.incoming(env, id);
    if let Some(incoming) = incoming.filter(|incoming| is_next(world, env, id, incoming)) {
        return Some(ReleaseState::Next { from: stable.version(), to: incoming.version() });
    }
    if let Some(back) = rolled_back(workload, stable) {
        let serves_all = status.serving.is_all(&stable.hash);
        return Some(if serves_all {
            ReleaseState::RolledBack(back)
        } else {
            ReleaseState::RollingBack { from: back.from, to: back.to }
        });
    }
    // Its ReplicaSet may be gone; what was made after it was rejected is another release.
    let made = workload.snapshot.as_ref().and_then(|snapshot| snapshot.replicaset(&stable.hash)?.meta.created);
    let rejection = incoming.and_then(|incoming| rejection_of(&workload.rejected, incoming));
    if let Some(rejection) = rejection.filter(|rejection| made.is_some_and(|made| is_before(made, rejection.at))) {
        let by = Some((rejection.by.clone(), rejection.at));
        return Some(ReleaseState::RolledBack(RolledBack { from: rejection.version(), to: stable.version(), by }));
    }
    Some(match incoming {
        Some(incoming) if had(workload, incoming) => ReleaseState::Superseded,
        Some(_) => ReleaseState::NotHere,
        None => ReleaseState::Released,
    })
}

/// Whether a ReplicaSet was made before something was rejected. Kubernetes keeps whole seconds: what was made right after, such as by
/// a restart, bears the same one.
fn is_before(made: Timestamp, rejected: Timestamp) -> bool {
    made.as_second() < rejected.as_second()
}

/// What went out last was rejected, and an earlier revision is stable again.
fn rolled_back(workload: &WorkloadState, stable: &Revision) -> Option<RolledBack> {
    let snapshot = workload.snapshot.as_ref()?;
    let here = snapshot.replicaset(&stable.hash)?;
    let left = taken_back_from(snapshot, &workload.rejected, here)?;
    let to = stable.version();
    // Who took it back is not known where another tool did.
    if workload.rejected.rejection(&left.hash).is_none() {
        return Some(RolledBack { from: left.version(), to, by: None });
    }
    // Whoever went back once more came from what was rejected last, not from what was made last.
    let others = workload.rejected.known().filter(|rejection| rejection.hash != stable.hash);
    let last = others.max_by_key(|rejection| rejection.at)?;
    Some(RolledBack { from: last.version(), to, by: Some((last.by.clone(), last.at)) })
}

/// Whether this environment ran an artifact before.
fn had(workload: &WorkloadState, revision: &Revision) -> bool {
    let is_there = workload.snapshot.as_ref().is_some_and(|snapshot| {
        snapshot.replicasets.iter().any(|rs| is_same_artifact(&snapshot.revision(rs), revision))
    });
    is_there || rejection_of(&workload.rejected, revision).is_some()
}

/// It comes next where the environment before has released it, and this one never had it.
fn is_next(world: &World, env: &Environment, id: &WorkloadId, incoming: &Revision) -> bool {
    let here = env.workload(id).is_some_and(|workload| had(workload, incoming));
    let before = world.way(env, id).before.is_some_and(|before| {
        let there = crate::domain::rules::checklist::candidate::counterpart(before, id);
        there.is_some_and(|there| is_released(world, before, &there.id))
    });
    !here && before
}

/// Whether what is stable in an environment was released there and may go on, whatever comes in there next: nothing else goes
/// out, everybody is served by it, and it is not what something was rolled back to.
#[must_use]
pub fn is_released(world: &World, env: &Environment, id: &WorkloadId) -> bool {
    match release_state(world, env, id) {
        Some(ReleaseState::Released) => true,
        Some(ReleaseState::NotHere | ReleaseState::Next { .. } | ReleaseState::Superseded) => {
            env.workload(id).is_some_and(has_released)
        }
        _ => false,
    }
}

fn has_released(workload: &WorkloadState) -> bool {
    let Some(status) = &workload.status else { return false };
    let Some(stable) = status.stable.as_ref().filter(|_| status.canary.is_none()) else { return false };
    let made = workload.snapshot.as_ref().and_then(|snapshot| snapshot.replicaset(&stable.hash)?.meta.created);
    let was_before =
        |rejection: &Rejection| rejection.hash != stable.hash && made.is_none_or(|made| is_before(made, rejection.at));
    status.serving.is_all(&stable.hash)
        && !workload.rejected.bars(&stable.hash)
        && rolled_back(workload, stable).is_none()
        && !workload.rejected.known().any(was_before)
}
