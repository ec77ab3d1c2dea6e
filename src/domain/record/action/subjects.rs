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
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::record::journal::{Entry, Line};
    use crate::domain::record::lane::tests::{opening, rule};
    use crate::domain::record::lane::{Lane, WrittenRule};
    use crate::domain::record::proof::Proof;
    use crate::domain::record::requirement::Requirements;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn here() -> ClusterIdentity {
        ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown("prod") }
    }

    fn opened(lane: Lane) -> Entry {
        Entry::Lane(Box::new(Lane { cluster: Some(here()), ..lane }))
    }

    fn decided(second: i64, lanes: Vec<WrittenRule>, after: &[&Requirements]) -> Requirements {
        Requirements {
            env: EnvName::new("prod"),
            cluster: Some(here()),
            workloads: BTreeSet::from(["rollout/api".parse().unwrap()]),
            asked: BTreeSet::new(),
            dropped: BTreeSet::new(),
            follows: Some(after.iter().map(|known| known.named()).collect()),
            lanes: Some(lanes),
            is_decision: true,
            who: "carol".to_owned(),
            at: at(second),
            signature: None,
            proof: Proof::default(),
        }
    }

    #[test]
    fn a_lane_is_over_once_it_is_closed_doubled_timed_out_or_not_allowed() {
        let lane = opening(10, 100);
        let named = LaneRef {
            lane: "hotfix".to_owned(),
            opened: lane.opened,
            workload: lane.workload.clone(),
            version: "1.5.1".to_owned(),
            digests: lane.digests.clone(),
        };
        let allowed = decided(1, vec![WrittenRule::Known(Box::new(rule()))], &[]);
        let over = |entries: &[Entry], second: i64| {
            let mut ledger = Ledger::default();
            for entry in entries {
                ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, entry.clone()));
            }
            named.over_in(&ledger, (&EnvName::new("prod"), &here()), at(second))
        };
        let requires = |decision: &Requirements| Entry::Requires(Box::new(decision.clone()));
        let is_open = [requires(&allowed), opened(lane.clone())];
        assert_eq!(over(&is_open, 50), None);
        let with = |entry: Entry| [is_open.as_slice(), &[entry]].concat();
        let closed = Some("the lane hotfix for 1.5.1 is not open any more".to_owned());
        let other = BTreeMap::from([("api".to_owned(), "sha256:0b".to_owned())]);
        assert_eq!(over(&is_open, 100), closed);
        assert_eq!(over(&[], 50), closed, "an empty record");
        assert_eq!(over(&with(opened(Lane { is_end: true, ..lane.clone() })), 50), closed);
        assert_eq!(over(&with(opened(Lane { digests: other, ..opening(12, 100) })), 50), closed);
        let again = [requires(&allowed), opened(opening(12, 100))];
        assert_eq!(over(&again, 50), closed, "its GOs were given in another opening");
        let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
        let there = Entry::Lane(Box::new(Lane { cluster: Some(elsewhere), ..lane }));
        assert_eq!(over(&[requires(&allowed), there], 50), closed);
        let withdrawn = requires(&decided(2, Vec::new(), &[&allowed]));
        assert_eq!(over(&with(withdrawn), 50).as_deref(), Some("prod does not allow the lane hotfix any more"));
    }

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
