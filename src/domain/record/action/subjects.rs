//! What people state things about: the artifacts that an action brings to users.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::registry::StoredImage;
use crate::domain::record::checklist::{Decision, SignOff};
use crate::domain::record::lane::{LaneFound, OpenLane};
use crate::domain::record::ledger::Ledger;

/// What stands between the artifacts of a subject and the opening of a lane.
const LANE: &str = " lane:";

/// The artifacts of an environment for which gates were asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjects {
    /// All of them, without registries: what an answer or a sign-off is given for.
    pub key: String,
    /// Those of them that go out or come in.
    pub moving: Vec<String>,
}

/// That the gates of an environment were asked, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatesAsked {
    pub env: EnvName,
    pub subjects: Subjects,
    /// The images that registries have to have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<StoredImage>,
    /// The lane by which it goes, where it goes by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneRef>,
}

/// One opening of a lane, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRef {
    pub lane: String,
    pub opened: Timestamp,
    pub workload: WorkloadId,
    /// Of the artifact, for people.
    pub version: String,
    pub digests: BTreeMap<String, String>,
}

impl LaneRef {
    /// Returns why nothing goes by it any more, by the record of an environment: it is over, another one is open as well, or
    /// nobody allows it.
    #[must_use]
    pub fn over_in(
        &self,
        ledger: &Ledger,
        (env, here): (&EnvName, &ClusterIdentity),
        now: Timestamp,
    ) -> Option<String> {
        let (name, version) = (&self.lane, &self.version);
        let is_it = |open: &OpenLane<'_>| {
            let is_named = open.rule.lane == *name && open.lane.digests == self.digests;
            is_named && open.lane.opened == self.opened
        };
        let open = match ledger.lane((env, Some(here)), &self.workload, now) {
            LaneFound::Open(open) if is_it(&open) => open,
            _ => return Some(format!("the lane {name} for {version} is not open any more")),
        };
        let allowed = ledger.required(env, Some(here), &self.workload).lanes;
        let is_allowed = allowed.iter().any(|one| one.rule.known().is_some_and(|known| known.is_same(open.rule)));
        (!is_allowed).then(|| format!("{env} does not allow the lane {name} any more"))
    }
}

/// Returns what a GO for artifacts is given for in one opening of a lane, and nowhere else.
#[must_use]
pub fn subject_in_lane(artifacts: &str, lane: &str, opened: Timestamp) -> String {
    format!("{artifacts}{LANE}{lane}@{opened}")
}

/// Returns the lane in which a GO was given for artifacts.
#[must_use]
pub fn lane_of_subject<'a>(subject: &'a str, artifacts: &str) -> Option<&'a str> {
    let opening = subject.strip_prefix(artifacts)?.strip_prefix(LANE)?;
    Some(opening.rsplit_once('@').map_or(opening, |(lane, _)| lane))
}

impl Subjects {
    /// Whether a NO-GO for this subject holds for them: for the same, or for an artifact that is still to reach everybody,
    /// whatever else has changed beside it, or is left out of sight by a flag.
    #[must_use]
    pub fn is_held_by(&self, subject: &str) -> bool {
        // In which lane it was given does not matter.
        let subject = subject.split_once(LANE).map_or(subject, |(artifacts, _)| artifacts);
        subject == self.key || subject.split(' ').any(|part| self.moving.iter().any(|own| is_same_part(own, part)))
    }

    /// Returns who stopped them in an environment, by a freeze or a NO-GO that stands, if somebody did.
    #[must_use]
    pub fn stopped_by(
        &self,
        ledger: &Ledger,
        (env, here): (&EnvName, &ClusterIdentity),
        now: Timestamp,
    ) -> Option<String> {
        if let Some(freeze) = ledger.frozen(env, Some(here), now) {
            return Some(freeze.sentence());
        }
        if let Some(stop) = ledger.later_stop(env, Some(here)) {
            return Some(stop.sentence());
        }
        self.no_go_in(ledger, (env, Some(here)))
    }

    /// Returns the NO-GO against them that stands in an environment, in words.
    #[must_use]
    pub fn no_go_in(&self, ledger: &Ledger, (env, here): (&EnvName, Option<&ClusterIdentity>)) -> Option<String> {
        let about = || ledger.signed_in(env, here).filter(|sign_off| self.is_held_by(&sign_off.subject));
        let own = |sign_off: &SignOff| {
            let (who, role) = (sign_off.speaks_for().to_owned(), sign_off.role.clone());
            ledger.standing(
                about().filter(move |own| own.speaks_for() == who && own.role == role).collect::<Vec<_>>().into_iter(),
            )
        };
        let no_go = about().filter(|sign_off| sign_off.decision == Decision::NoGo).find_map(own)?;
        let note = if no_go.note.is_empty() { String::new() } else { format!(": “{}”", no_go.note) };
        Some(format!("{} signed NO-GO as {}{note}", no_go.who, no_go.role))
    }
}

/// Whether two names of a workload's artifacts, as in [`Subjects::key`], are of the same, however much each of them tells: by
/// digest where both tell it, else by tag.
fn is_same_part(one: &str, other: &str) -> bool {
    let (Some((workload, ours)), Some((other_workload, theirs))) = (one.split_once('='), other.split_once('=')) else {
        return one == other;
    };
    let is_same_image = |(ours, theirs): (&str, &str)| {
        let (ours, theirs) = (ImageRef::parse(ours), ImageRef::parse(theirs));
        let by_digest = ours.digest.zip(theirs.digest).map(|(one, other)| one == other);
        ours.repository == theirs.repository && by_digest.unwrap_or(ours.tag == theirs.tag)
    };
    workload == other_workload
        && ours.split(',').count() == theirs.split(',').count()
        && ours.split(',').zip(theirs.split(',')).all(is_same_image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_artifact_is_recognised_however_it_is_spelled() {
        for (one, other, same) in [
            ("api=api:1.5.0@sha256:a", "api=api@sha256:a", true),
            ("api=api:1.5.0", "api=api:1.5.0@sha256:a", true),
            ("api=api:1.5.0@sha256:a", "api=api:1.5.0@sha256:b", false),
            ("api=api:1.5.0", "api=api:1.5.1@sha256:a", false),
            ("api=api:1.5.0", "web=api:1.5.0", false),
            ("api=api:1.5.0,mesh:2", "api=api:1.5.0@sha256:a,mesh:2", true),
            ("api=api:1.5.0,mesh:2", "api=api:1.5.0,mesh:3", false),
            ("api=api:1.5.0", "api=api:1.5.0,mesh:2", false),
            ("api=api@sha256:a", "api=api@sha256:a", true),
        ] {
            assert_eq!(is_same_part(one, other), same, "{one} {other}");
            assert_eq!(is_same_part(other, one), same, "{other} {one}");
        }
    }
}
