//! What is asked for, by what configs said and people decided.

use super::*;

fn gate(id: &str) -> Requirement {
    Requirement::Gate(CheckId::new(id))
}

fn asks(at: i64, asked: &[&str], dropped: &[&str]) -> Requirements {
    Requirements {
        env: EnvName::new("prod"),
        cluster: None,
        workloads: BTreeSet::new(),
        asked: asked.iter().map(|id| gate(id)).collect(),
        dropped: dropped.iter().map(|id| gate(id)).collect(),
        follows: None,
        lanes: None,
        is_decision: !dropped.is_empty(),
        who: format!("ada{at}"),
        at: Timestamp::from_second(at).unwrap(),
        signature: None,
        proof: Proof::default(),
    }
}

fn in_force(stated: &[Requirements]) -> Vec<String> {
    InForce::of(stated.iter(), |_| true).asked.keys().map(ToString::to_string).collect()
}

#[test]
fn a_config_that_asks_for_less_takes_nothing_back() {
    assert_eq!(in_force(&[asks(1, &["smoke", "load"], &[]), asks(2, &["smoke"], &[])]), ["gate load", "gate smoke"]);
}

#[test]
fn a_person_drops_it_and_an_old_config_does_not_bring_it_back() {
    let first = asks(1, &["smoke", "load"], &[]);
    let dropped = asks(2, &["smoke"], &["load"]);
    assert_eq!(in_force(&[first.clone(), dropped.clone(), asks(3, &["smoke", "load"], &[])]), ["gate smoke"]);
    // A person may ask for it again.
    assert_eq!(in_force(&[first, dropped, asks(4, &["load"], &["smoke"])]), ["gate load"]);
}

/// A clock that is fast dates a decision after what others decide later: it drops only what its author knew.
#[test]
fn a_decision_drops_nothing_that_it_does_not_follow() {
    let first = asks(1, &["smoke", "load"], &[]);
    let following = |one: Requirements, after: &[&Requirements]| {
        let named = after.iter().map(|after| after.named()).collect();
        Requirements { follows: Some(named), is_decision: true, ..one }
    };
    for dated in [2, 4, 20] {
        let drops = following(asks(dated, &["smoke"], &["load"]), &[]);
        assert_eq!(in_force(&[first.clone(), drops.clone()]), ["gate smoke"], "{dated}");
        let unaware = following(asks(3, &["smoke", "load"], &[]), &[]);
        let all = [first.clone(), drops.clone(), unaware.clone()];
        assert_eq!(in_force(&all), ["gate load", "gate smoke"], "{dated}");
        // Whoever asks again after that drop is the last word, whatever their clock says.
        let again = following(unaware.clone(), &[&drops]);
        assert_eq!(in_force(&[first.clone(), drops.clone(), again]).len(), 2, "{dated}");
        let once_more = following(asks(1, &["smoke"], &["load"]), &[&drops, &unaware]);
        assert_eq!(in_force(&[first.clone(), drops, unaware, once_more]), ["gate smoke"], "{dated}");
    }
}

#[test]
fn a_decision_of_an_earlier_version_counts_by_its_time_but_not_against_one_that_follows_it() {
    let (first, fast) = (asks(1, &["load"], &[]), asks(20, &["smoke"], &["load"]));
    let named = Some(BTreeSet::from([fast.named()]));
    let again = Requirements { follows: named, is_decision: true, ..asks(5, &["load"], &[]) };
    assert_eq!(in_force(&[first.clone(), fast.clone(), again.clone()]), ["gate load", "gate smoke"]);
    let unaware = Requirements { follows: Some(BTreeSet::new()), ..again };
    assert_eq!(in_force(&[first, fast, unaware]), ["gate smoke"]);
}

#[test]
fn who_asked_first_is_named() {
    let found = InForce::of([asks(2, &["smoke"], &[]), asks(1, &["smoke"], &[])].iter(), |_| true);
    assert_eq!(found.asked[&gate("smoke")].0, "ada1");
}

#[test]
fn a_drop_that_is_not_proven_drops_nothing() {
    let all = [asks(1, &["smoke"], &[]), asks(2, &[], &["smoke"])];
    let found = InForce::of(all.iter(), |proof| *proof == Proof::ByKey);
    assert_eq!(found.asked.len(), 1);
}

#[test]
fn where_keys_are_wanted_only_a_proven_decision_drops_anything() {
    let first = Requirements { asked: BTreeSet::from([gate("smoke"), Requirement::Keys]), ..asks(1, &[], &[]) };
    let dropped = BTreeSet::from([gate("smoke"), Requirement::Keys]);
    let decision = Requirements { dropped, is_decision: true, ..asks(2, &[], &[]) };
    assert_eq!(in_force(&[first.clone(), decision.clone()]).len(), 2);
    let proven = Requirements { proof: Proof::ByKey, ..decision };
    assert!(in_force(&[first, proven]).is_empty());
}

#[test]
fn what_a_later_version_asks_for_is_told_apart_and_written_as_it_was() {
    let text = r#"[{"is":"image-signature"},{"is":"two-person-rule","people":2},{"is":"gate","check":"smoke"}]"#;
    let read: Vec<Requirement> = serde_json::from_str(text).unwrap();
    assert!(matches!(&read[..2], [Requirement::Later(one), Requirement::Later(two)] if one != two));
    assert_eq!(read[2], gate("smoke"));
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert!(read[0].to_string().starts_with("image-signature ("));
}
