//! The lanes into an environment that people decided on: a config alone allows none.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::record::lane::{LaneRule, WrittenRule};
use crate::domain::record::requirement::{Requirement, Requirements};

/// A lane that a person allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedLane {
    pub rule: WrittenRule,
    pub who: String,
    pub at: Timestamp,
}

/// Returns the lanes that decisions allow: those of the last one that says anything of lanes, and of several that do not know
/// each other those that all of them allow.
pub(super) fn of(decisions: &[&Requirements], comes_after: impl Fn(usize, usize) -> bool) -> Vec<AllowedLane> {
    let said: Vec<(usize, &Requirements, &[WrittenRule])> = decisions
        .iter()
        .enumerate()
        .filter_map(|(place, decision)| Some((place, *decision, decision.lanes.as_deref()?)))
        .collect();
    let is_last = |place: usize| !said.iter().any(|(other, ..)| comes_after(*other, place));
    let mut last = said.iter().filter(|(place, ..)| is_last(*place));
    let Some((_, first, lanes)) = last.next() else { return Vec::new() };
    let others: Vec<&[WrittenRule]> = last.map(|(_, _, lanes)| *lanes).collect();
    let in_all = |rule: &&WrittenRule| others.iter().all(|lanes| lanes.iter().any(|other| other.is_same(rule)));
    let allowed = |rule: &WrittenRule| AllowedLane { rule: rule.clone(), who: first.who.clone(), at: first.at };
    lanes.iter().filter(in_all).map(allowed).collect()
}

/// Returns which lanes a decision allows, as the end of its sentence.
pub(super) fn sentence(lanes: &[WrittenRule], asked: &BTreeSet<Requirement>) -> String {
    if lanes.is_empty() {
        return "; it allows no lane".to_owned();
    }
    let one = |rule: &WrittenRule| match rule {
        WrittenRule::Known(rule) => {
            format!("the lane {} from {} (leaves out {})", rule.lane, rule.before.env, left_out(rule, asked).join(", "))
        }
        WrittenRule::Later(_) => format!("the lane {}, which this version of cockpit does not know", rule.name()),
    };
    format!("; it allows {}", lanes.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Returns what a lane leaves out of what is asked for: environments, gates, sign-offs, the soak.
#[must_use]
pub fn left_out(rule: &LaneRule, asked: &BTreeSet<Requirement>) -> Vec<String> {
    let skipped = rule.skips.last().map(|place| &place.env);
    let is_left_out = |requirement: &Requirement| match requirement {
        Requirement::Gate(check) => (!rule.gates.contains(check)).then(|| requirement.to_string()),
        Requirement::SignOff { role, people } => {
            let is_asked = rule.sign_offs.get(role).is_some_and(|own| own >= people);
            (!is_asked).then(|| requirement.to_string())
        }
        // Those of an environment that is left out itself go without saying.
        Requirement::GateBefore(check) => {
            (skipped.is_none() && !rule.gates_before.contains(check)).then(|| requirement.to_string())
        }
        Requirement::SoakBefore { seconds } => match skipped {
            Some(skipped) => Some(format!("a soak of {:#} in {skipped}", SignedDuration::from_secs(*seconds))),
            None => (rule.soak_seconds < *seconds).then(|| requirement.to_string()),
        },
        _ => None,
    };
    let left_out: Vec<String> = asked.iter().filter_map(is_left_out).collect();
    let all: Vec<String> = rule.skips.iter().map(|place| place.env.to_string()).chain(left_out).collect();
    if all.is_empty() { vec!["nothing".to_owned()] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::record::checklist::CheckId;
    use crate::domain::record::lane::tests::rule;
    use crate::domain::record::proof::Proof;
    use crate::domain::record::requirement::InForce;

    fn decides(at: i64, lanes: Option<&[&str]>) -> Requirements {
        let named = |name: &&str| WrittenRule::Known(Box::new(LaneRule { lane: (*name).to_owned(), ..rule() }));
        Requirements {
            env: EnvName::new("prod"),
            cluster: None,
            workloads: BTreeSet::new(),
            asked: BTreeSet::new(),
            dropped: BTreeSet::new(),
            follows: Some(BTreeSet::new()),
            lanes: lanes.map(|lanes| lanes.iter().map(named).collect()),
            is_decision: true,
            who: format!("ada{at}"),
            at: Timestamp::from_second(at).unwrap(),
            signature: None,
            proof: Proof::default(),
        }
    }

    fn after(one: Requirements, known: &[&Requirements]) -> Requirements {
        Requirements { follows: Some(known.iter().map(|known| known.named()).collect()), ..one }
    }

    fn allowed(stated: &[Requirements]) -> Vec<String> {
        InForce::of(stated.iter(), |_| true).lanes.iter().map(|lane| lane.rule.name()).collect()
    }

    #[test]
    fn the_last_decision_that_says_anything_of_lanes_counts() {
        let first = decides(1, Some(&["hotfix", "security"]));
        assert_eq!(allowed(std::slice::from_ref(&first)), ["hotfix", "security"]);
        let silent = after(decides(2, None), &[&first]);
        assert_eq!(allowed(&[first.clone(), silent]), ["hotfix", "security"]);
        // Whatever the clocks say.
        for dated in [0, 3] {
            let fewer = after(decides(dated, Some(&["security"])), &[&first]);
            assert_eq!(allowed(&[first.clone(), fewer]), ["security"], "{dated}");
        }
        let none = after(decides(2, Some(&[])), &[&first]);
        assert_eq!(allowed(&[first, none]), Vec::<String>::new());
    }

    #[test]
    fn of_two_decisions_that_do_not_know_each_other_what_both_allow_counts() {
        let both = [decides(1, Some(&["hotfix", "security"])), decides(9, Some(&["data", "hotfix"]))];
        assert_eq!(allowed(&both), ["hotfix"]);
    }

    #[test]
    fn what_a_config_says_allows_none_nor_what_is_not_proven() {
        let said = Requirements { is_decision: false, ..decides(1, Some(&["hotfix"])) };
        assert_eq!(allowed(&[said]), Vec::<String>::new());
        let decided = decides(1, Some(&["hotfix"]));
        let keys = Requirements { asked: BTreeSet::from([Requirement::Keys]), ..decides(2, None) };
        assert_eq!(allowed(&[decided.clone(), keys.clone()]), Vec::<String>::new());
        assert_eq!(allowed(&[Requirements { proof: Proof::ByKey, ..decided }, keys]), ["hotfix"]);
    }

    #[test]
    fn a_decision_says_what_its_lanes_leave_out() {
        let asked = [
            Requirement::Gate(CheckId::new("smoke")),
            Requirement::Gate(CheckId::new("load")),
            Requirement::SignOff { role: "product".to_owned(), people: 1 },
            Requirement::SignOff { role: "sre".to_owned(), people: 1 },
            Requirement::SoakBefore { seconds: 1800 },
            Requirement::Lanes,
        ];
        let decided = Requirements { asked: asked.into(), ..decides(1, Some(&["hotfix"])) };
        let sentence = decided.sentence();
        let end = "; it allows the lane hotfix from dev (leaves out staging, gate load, a soak of 30m in staging, \
                   sign-off product)";
        assert!(sentence.ends_with(end) && sentence.contains(", lanes"), "{sentence}");
        assert!(decides(1, Some(&[])).sentence().ends_with("; it allows no lane"));
        assert!(!decides(1, None).sentence().contains("lane"));
    }

    /// A decision of a version that does not know lanes is signed over other words: it leaves them as they were.
    #[test]
    fn a_decision_without_lanes_is_written_as_before() {
        let text = serde_json::to_string(&decides(1, None)).unwrap();
        assert!(!text.contains("lanes"), "{text}");
        let both = decides(1, Some(&["hotfix"]));
        let read: Requirements = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        assert_eq!(read, both);
    }
}
