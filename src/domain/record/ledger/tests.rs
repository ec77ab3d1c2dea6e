//! What is said of one cluster, and of another whose environment has the same name.

use super::*;
use crate::domain::record::lane::tests::opening;
use proptest::prelude::*;

fn cluster(uid: &str) -> ClusterIdentity {
    ClusterIdentity { cluster: Some(uid.to_owned()), ..ClusterIdentity::unknown("shop") }
}

/// Statements of people and of checks, each about one of two clusters whose environment is called the same.
fn entries() -> impl Strategy<Value = Vec<(bool, u8, bool)>> {
    proptest::collection::vec((any::<bool>(), 0_u8..4, any::<bool>()), 0..12)
}

fn entry(at: i64, (here, kind, good): (bool, u8, bool)) -> Entry {
    let (env, check) = (EnvName::new("prod"), CheckId::new("smoke"));
    let cluster = Some(cluster(if here { "here" } else { "there" }));
    let at = Timestamp::from_second(at).unwrap();
    let (who, subject) = ("ada".to_owned(), "api:1".to_owned());
    match kind {
        0 => Entry::Acknowledged(Acknowledgement {
            env,
            cluster,
            check,
            who,
            verified: true,
            note: String::new(),
            at,
            subject,
            signature: None,
            proof: Proof::default(),
        }),
        1 => Entry::SignedOff(SignOff {
            env,
            cluster,
            role: "sre".to_owned(),
            who,
            verified: true,
            decision: if good { Decision::Go } else { Decision::NoGo },
            note: String::new(),
            at,
            subject,
            digest: None,
            takes_back: None,
            takes_back_of: None,
            reds: None,
            signature: None,
            proof: Proof::default(),
        }),
        2 => Entry::Lane(Box::new(Lane { cluster, at, is_end: !good, ..opening(0, 100) })),
        _ => Entry::Checked {
            env,
            cluster,
            check,
            finding: Finding {
                found: if good { CheckOutcome::Passed } else { CheckOutcome::Failed },
                summary: String::new(),
                evidence: Vec::new(),
                green_when: String::new(),
                at,
                subject,
            },
        },
    }
}

fn ledger(entries: impl Iterator<Item = Entry>) -> Ledger {
    let mut ledger = Ledger::default();
    for entry in entries {
        ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, entry));
    }
    ledger
}

/// Another person's config, or `--context`, calls the same namespace of the same cluster otherwise.
#[test]
fn what_is_said_of_this_cluster_counts_under_every_name() {
    let (other, check, here) = (EnvName::new("bob"), CheckId::new("smoke"), cluster("here"));
    for (where_, counts) in [("here", true), ("there", false)] {
        let said = [(true, 0, true), (true, 1, false)].map(|said| entry(1, said));
        let ledger = ledger(said.into_iter());
        let at = cluster(where_);
        assert_eq!(ledger.acknowledged(&other, Some(&at), &check).is_some(), counts);
        let no_go = ledger.standing_no_go((&other, Some(&at)), ("ada", "sre"), |_| true);
        assert_eq!(no_go.is_some(), counts);
    }
    // Where a cluster does not tell who it is, names have to do.
    let unknown = ClusterIdentity::unknown("shop");
    let ledger = ledger([entry(1, (true, 1, false))].into_iter());
    assert_eq!(ledger.signed_in(&other, Some(&unknown)).count(), 0);
    assert_eq!(ledger.signed_in(&EnvName::new("prod"), Some(&unknown)).count(), 1);
    assert_eq!(ledger.signed_in(&other, Some(&here)).count(), 1);
}

proptest! {
    #[test]
    fn what_is_said_of_another_cluster_changes_no_answer_here(said in entries()) {
        let all = || said.iter().enumerate();
        let both = ledger(all().map(|(at, said)| entry(at as i64, *said)));
        let own = ledger(all().filter(|(_, said)| said.0).map(|(at, said)| entry(at as i64, *said)));
        let (env, check, here) = (EnvName::new("prod"), CheckId::new("smoke"), cluster("here"));
        let here = Some(&here);
        prop_assert_eq!(both.acknowledged(&env, here, &check), own.acknowledged(&env, here, &check));
        prop_assert_eq!(both.answer(&env, here, &check), own.answer(&env, here, &check));
        let signed = |ledger: &Ledger| ledger.signed_in(&env, here).cloned().collect::<Vec<_>>();
        prop_assert_eq!(signed(&both), signed(&own));
        let no_go = |ledger: &Ledger| {
            ledger.standing_no_go((&env, here), ("ada", "sre"), |subject| subject == "api:1").cloned()
        };
        prop_assert_eq!(no_go(&both), no_go(&own));
        let reds = |ledger: &Ledger| -> Vec<Red> {
            ledger.reds.iter().filter(|red| !is_elsewhere(here, red.cluster.as_ref())).cloned().collect()
        };
        prop_assert_eq!(reds(&both), reds(&own));
        let (workload, now) = (opening(0, 1).workload, Timestamp::from_second(50).unwrap());
        prop_assert_eq!(both.lane((&env, here), &workload, now), own.lane((&env, here), &workload, now));
    }
}
