//! Where an environment stands on the way of the release, as far as the screen tells places apart.

use super::model::Model;
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, WorkloadState, World};

/// Where an environment stands on the way of the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The release is there, or none goes anywhere.
    Out,
    /// It goes there now, or is being taken back.
    UnderWay,
    /// It has not come there yet.
    Waits,
    /// It was taken back.
    RolledBack,
    /// Nothing is known of it.
    Unknown,
}

/// Returns the workload of an environment that the screen shows: the selected one where it exists, else the first.
#[must_use]
pub fn shown<'a>(model: &Model, env: &'a Environment) -> Option<&'a WorkloadState> {
    model.ui.workload.as_ref().and_then(|id| env.workload(id)).or_else(|| env.workloads.first())
}

/// Returns where a workload stands on the way of the release.
#[must_use]
pub fn place(world: &World, env: &Environment, workload: Option<&WorkloadState>) -> Place {
    match workload.and_then(|workload| release_state(world, env, &workload.id)) {
        None => Place::Unknown,
        Some(ReleaseState::NotHere | ReleaseState::Next { .. }) => Place::Waits,
        Some(ReleaseState::Released | ReleaseState::Superseded) => Place::Out,
        Some(ReleaseState::RolledBack(_)) => Place::RolledBack,
        Some(
            ReleaseState::InProgress | ReleaseState::Paused | ReleaseState::RollingBack { .. } | ReleaseState::Aborted,
        ) => Place::UnderWay,
    }
}
