//! Where an environment stands on the way of the release.

use super::model::Model;
use crate::domain::world::{ReleaseView, WorkloadState};

/// Where an environment stands on the way of the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The release is out there, or none is in progress anywhere.
    Out,
    /// It is in progress there.
    UnderWay,
    /// It has not come there yet.
    Waits,
    /// Nothing is known of it.
    Unknown,
}

/// Returns the workload of an environment that the screen shows: the selected one where it exists, else the first.
#[must_use]
pub fn shown<'a>(model: &Model, env: &'a crate::domain::world::Environment) -> Option<&'a WorkloadState> {
    model.ui.workload.as_ref().and_then(|id| env.workload(id)).or_else(|| env.workloads.first())
}

/// Returns where a workload stands on the way of `release`.
#[must_use]
pub fn place(workload: Option<&WorkloadState>, release: Option<&ReleaseView>) -> Place {
    let Some((workload, status)) = workload.and_then(|workload| Some((workload, workload.status.as_ref()?))) else {
        return Place::Unknown;
    };
    if status.canary.is_some() {
        return Place::UnderWay;
    }
    let Some(release) = release.filter(|release| release.from.is_some() && release.service == workload.id.name) else {
        return Place::Out;
    };
    match &status.stable {
        Some(stable) if stable.version() != release.to => Place::Waits,
        _ => Place::Out,
    }
}
