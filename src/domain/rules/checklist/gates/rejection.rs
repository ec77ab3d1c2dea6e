//! How an artifact was rejected in an environment, in words.

use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::Verb;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::checklist::candidate::{is_same_artifact, rejection_of};
use crate::domain::world::WorkloadState;

/// Returns how what goes out here was rejected, if it was.
pub(super) fn of_canary(workload: &WorkloadState, canary: &Revision) -> Option<String> {
    let is_rejected = workload.rejected.contains(&canary.hash);
    is_rejected.then(|| words(workload.rejected.rejection(&canary.hash), "here"))
}

/// Returns how an artifact was rejected in an environment, which is `here` or `there`, if it was.
pub(in crate::domain::rules) fn rejected_as(
    workload: &WorkloadState,
    artifact: &Revision,
    place: &str,
) -> Option<String> {
    let snapshot = workload.snapshot.as_ref()?;
    let mut sets = snapshot.replicasets.iter().filter(|rs| workload.rejected.contains(&rs.hash));
    let rejection = match sets.find(|rs| is_same_artifact(&snapshot.revision(rs), artifact)) {
        Some(left) => workload.rejected.rejection(&left.hash),
        None => Some(rejection_of(&workload.rejected, artifact)?),
    };
    Some(words(rejection, place))
}

fn words(rejection: Option<&Rejection>, place: &str) -> String {
    let Some(rejection) = rejection else { return format!("it was rolled back or aborted {place}") };
    let how = if rejection.verb == Verb::Abort { "aborted" } else { "rolled back" };
    format!("{how} {place} by {} at {}", rejection.by, rfc3339_seconds(rejection.at))
}
