//! What is read from the shared record, and what has to go when it is full.

use super::*;
use crate::domain::record::checklist::{CheckId, Finding};
use crate::domain::record::freeze::Freeze;
use crate::domain::record::lane::tests::opening;
use crate::domain::record::lane::{Lane, LaneFound};
use proptest::prelude::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn signed(env: &str, at: i64, decision: Decision) -> SignOff {
    SignOff {
        env: EnvName::new(env),
        cluster: None,
        role: "sre".to_owned(),
        who: "bob".to_owned(),
        verified: true,
        decision,
        note: "seen".to_owned(),
        at: Timestamp::from_second(at).unwrap(),
        subject: "api:1".to_owned(),
        digest: None,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    }
}

fn here() -> ClusterIdentity {
    ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown("shop") }
}

fn sign_off(env: &str, at: i64) -> Entry {
    Entry::SignedOff(signed(env, at, Decision::Go))
}

fn data(entries: &[Entry]) -> BTreeMap<String, String> {
    entries.iter().filter_map(statement).collect()
}

#[test]
fn statements_belong_to_one_environment() {
    let ledger = read((&EnvName::new("a"), &here()), &data(&[sign_off("a", 1), sign_off("b", 2)]), now(), None);
    assert_eq!(ledger.sign_offs.len(), 1);
    assert_eq!(ledger.sign_offs[0].at, Timestamp::from_second(1).unwrap());
}

#[test]
fn statements_about_another_cluster_of_that_name_are_left_out() {
    let of = |cluster: &str, decision| {
        let cluster = ClusterIdentity { cluster: Some(cluster.to_owned()), ..here() };
        Entry::SignedOff(SignOff { cluster: Some(cluster), ..signed("a", 1, decision) })
    };
    let all = [("uid-of-a", Decision::Go), ("uid-of-b", Decision::Go), ("uid-of-b", Decision::NoGo)];
    let data = data(&all.map(|(cluster, decision)| of(cluster, decision)));
    let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
    assert_eq!(ledger.sign_offs.len(), 1);
    assert_eq!(ledger.sign_offs[0].cluster, Some(here()));
}

/// Another person's config, or `--context`, calls the same namespace of the same cluster otherwise.
#[test]
fn what_is_said_of_this_cluster_counts_under_every_name() {
    let of = |cluster: Option<ClusterIdentity>, decision| {
        Entry::SignedOff(SignOff { cluster, ..signed("prod", 1, decision) })
    };
    let counts = |cluster: Option<ClusterIdentity>, decision| {
        let ledger = read((&EnvName::new("live"), &here()), &data(&[of(cluster, decision)]), now(), None);
        !ledger.sign_offs.is_empty()
    };
    let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
    let unreadable = ClusterIdentity::unknown("shop");
    for decision in [Decision::Go, Decision::NoGo] {
        assert!(counts(Some(here()), decision));
        assert!(!counts(Some(elsewhere.clone()), decision));
    }
    // It lies in this cluster: what keeps out is believed.
    assert!(counts(Some(unreadable.clone()), Decision::NoGo) && !counts(Some(unreadable), Decision::Go));
}

#[test]
fn whoever_may_read_no_uid_takes_the_record_for_that_of_its_cluster() {
    let signed = SignOff { cluster: Some(here()), ..signed("a", 1, Decision::Go) };
    let unreadable = ClusterIdentity::unknown("shop");
    let ledger = read((&EnvName::new("a"), &unreadable), &data(&[Entry::SignedOff(signed)]), now(), None);
    assert_eq!(ledger.sign_offs[0].cluster, Some(unreadable));
}

#[test]
fn only_statements_of_people_are_read_from_the_record() {
    let note = Entry::Note { who: "eve".to_owned(), text: "x".to_owned() };
    assert_eq!(statement(&note), None);
    let data = BTreeMap::from([("k".to_owned(), serde_json::to_string(&note).unwrap())]);
    assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None), Ledger::default());
}

#[test]
fn an_anchor_is_no_statement_and_takes_the_room_of_none() {
    let go = (0..MAX_STATEMENTS as i64).map(|at| sign_off("a", at));
    let mut data = data(&go.collect::<Vec<_>>());
    // Whatever it says.
    let no_go = serde_json::to_string(&Entry::SignedOff(signed("a", 1, Decision::NoGo))).unwrap();
    data.insert("journal.0123456789abcdef".to_owned(), no_go);
    let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
    assert_eq!(ledger.sign_offs.len(), MAX_STATEMENTS);
    assert!(ledger.sign_offs.iter().all(|sign| sign.decision == Decision::Go));
    assert!(surplus(&data, None).is_empty());
}

#[test]
fn a_text_does_not_vouch_for_its_author() {
    let ledger = read((&EnvName::new("a"), &here()), &data(&[sign_off("a", 1)]), now(), None);
    assert!(!ledger.sign_offs[0].verified);
}

#[test]
fn a_go_of_a_clock_that_is_ahead_does_not_count_yet_and_a_no_go_does() {
    let ahead = now().as_second() + 1200;
    let go = data(&[sign_off("a", ahead)]);
    assert!(read((&EnvName::new("a"), &here()), &go, now(), None).sign_offs.is_empty());
    let no_go = data(&[Entry::SignedOff(signed("a", ahead, Decision::NoGo))]);
    assert_eq!(read((&EnvName::new("a"), &here()), &no_go, now(), None).sign_offs.len(), 1);
}

#[test]
fn a_no_go_stands_until_it_is_taken_back_whatever_the_clocks_say() {
    let (fast, no_go) = (signed("a", 900_000, Decision::Go), signed("a", 800_000, Decision::NoGo));
    let ledger = |more: Option<SignOff>| {
        let all = [fast.clone(), no_go.clone()].into_iter().chain(more).map(Entry::SignedOff).collect::<Vec<_>>();
        read((&EnvName::new("a"), &here()), &data(&all), now(), None)
    };
    let standing = |ledger: &Ledger| {
        let env = EnvName::new("a");
        ledger.standing_no_go((&env, None), ("bob", "sre"), |subject| subject == "api:1").is_some()
    };
    assert!(standing(&ledger(None)));
    let back = SignOff { takes_back: Some(no_go.at), ..signed("a", 810_000, Decision::Go) };
    assert!(!standing(&ledger(Some(back.clone()))));
    // Nobody takes it back for somebody else.
    assert!(standing(&ledger(Some(SignOff { who: "eve".to_owned(), ..back }))));
}

#[test]
fn oldest_statements_are_dropped_when_full_and_a_no_go_stays() {
    let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
    let go = (2..MAX_STATEMENTS as i64 + 5).map(|at| sign_off("a", at));
    let data = data(&std::iter::once(no_go).chain(go).collect::<Vec<_>>());
    let keys: Vec<&String> = data.keys().collect();
    assert_eq!(surplus(&data, None), keys[1..4]);
}

#[test]
fn a_large_record_is_read_in_part_with_every_no_go() {
    let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
    let go = (2..10_000).map(|at| sign_off("a", at));
    let ledger =
        read((&EnvName::new("a"), &here()), &data(&std::iter::once(no_go).chain(go).collect::<Vec<_>>()), now(), None);
    assert_eq!(ledger.sign_offs.len(), MAX_STATEMENTS + 1);
    assert_eq!(ledger.sign_offs[0].decision, Decision::NoGo);
}

#[test]
fn statements_about_elsewhere_push_out_none_of_here() {
    let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
    let foreign =
        |at| Entry::SignedOff(SignOff { cluster: Some(elsewhere.clone()), ..signed("a", at, Decision::NoGo) });
    let own = Entry::SignedOff(SignOff { cluster: Some(here()), ..signed("a", 1, Decision::NoGo) });
    let mut data = data(std::slice::from_ref(&own));
    let others = (2..MAX_STATEMENTS as i64 + 50).map(foreign);
    data.extend(others.filter_map(|entry| statement(&entry)).map(|(key, value)| (format!("9{key}"), value)));
    assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None).sign_offs.len(), 1);
    let gone = surplus(&data, Some(&here()));
    assert_eq!(gone.len(), 48);
    assert!(!gone.contains(&&statement(&own).unwrap().0));
}

/// Its author's machine was not told yet which cluster it is.
#[test]
fn a_no_go_that_names_no_cluster_counts_under_every_name() {
    let no_go = data(&[Entry::SignedOff(signed("prod", 1, Decision::NoGo))]);
    let ledger = read((&EnvName::new("live"), &here()), &no_go, now(), None);
    assert_eq!(ledger.sign_offs[0].cluster, Some(here()));
    let go = data(&[Entry::SignedOff(signed("prod", 1, Decision::Go))]);
    assert!(read((&EnvName::new("live"), &here()), &go, now(), None).sign_offs.is_empty());
}

fn went_red(at: i64) -> Entry {
    Entry::Checked {
        env: EnvName::new("a"),
        cluster: None,
        check: CheckId::new("smoke"),
        finding: Finding {
            found: CheckOutcome::Failed,
            summary: "503".to_owned(),
            evidence: Vec::new(),
            green_when: String::new(),
            at: Timestamp::from_second(at).unwrap(),
            subject: "api:1".to_owned(),
        },
    }
}

#[test]
fn a_check_that_goes_red_again_and_again_pushes_out_no_no_go() {
    let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
    let red = (2..MAX_STATEMENTS as i64 + 50).map(went_red);
    let data = data(&std::iter::once(no_go.clone()).chain(red).collect::<Vec<_>>());
    let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
    assert_eq!(ledger.sign_offs.len(), 1);
    let (key, _) = statement(&no_go).unwrap();
    let gone = surplus(&data, None);
    assert_eq!(gone.len(), 48);
    assert!(!gone.contains(&&key));
}

#[test]
fn a_red_with_long_evidence_is_read_by_others() {
    let Entry::Checked { env, cluster, check, finding } = went_red(1) else { unreachable!() };
    let long = Finding { evidence: vec!["x".repeat(600); 500], summary: "é".repeat(20_000), ..finding };
    let data = data(&[Entry::Checked { env, cluster, check, finding: long }]);
    assert!(data.values().all(|value| value.len() < 2048));
    assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None).reds.len(), 1);
}

#[test]
fn long_statements_leave_room_for_a_no_go() {
    let long = |at, decision| Entry::SignedOff(SignOff { note: "x".repeat(6 * 1024), ..signed("a", at, decision) });
    let go = (2..190).map(|at| long(at, Decision::Go));
    let mut data = data(&std::iter::once(long(1, Decision::NoGo)).chain(go).collect::<Vec<_>>());
    let bytes = |data: &BTreeMap<String, String>| data.iter().map(|(key, value)| key.len() + value.len()).sum();
    let before: usize = bytes(&data);
    assert!(before > 1024 * 1024);
    let gone: Vec<String> = surplus(&data, None).into_iter().cloned().collect();
    data.retain(|key, _| !gone.contains(key));
    assert!(bytes(&data) <= MAX_STATEMENTS_BYTES);
    let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
    assert_eq!(ledger.sign_offs[0].decision, Decision::NoGo);
    assert!(surplus(&data, None).is_empty());
}

proptest! {
    #[test]
    fn any_record_is_read_without_panic(values in proptest::collection::btree_map(".*", ".*", 0..20)) {
        prop_assert_eq!(read((&EnvName::new("a"), &here()), &values, now(), None), Ledger::default());
    }
}

/// Law 13: a program that knows less lets nothing through that a later one stopped.
#[test]
fn a_stop_of_a_later_version_counts_and_stays() {
    let stop = |cluster: &str| {
        format!(
            r#"{{"kind":"halted","env":"a","keeps_out":true,"who":"bob","cluster":{{"cluster":"{cluster}","namespace":"shop"}}}}"#
        )
    };
    let mut all = data(&(0..300).map(|at| sign_off("a", at)).collect::<Vec<_>>());
    all.insert("000000000001.halted".to_owned(), stop("uid-of-a"));
    let ledger = read((&EnvName::new("a"), &here()), &all, now(), None);
    assert!(ledger.later_stop(&EnvName::new("a"), Some(&here())).is_some());
    let surplus = surplus(&all, Some(&here()));
    assert!(surplus.len() >= 100 && !surplus.iter().any(|key| key.ends_with("halted")), "{surplus:?}");
    all.insert("000000000001.halted".to_owned(), stop("uid-of-b"));
    let ledger = read((&EnvName::new("a"), &here()), &all, now(), None);
    assert!(ledger.later_stop(&EnvName::new("a"), Some(&here())).is_none());
}

/// The end of a freeze that names it counts at once, and a clock that is fast does not make it end what came later.
#[test]
fn an_end_of_a_clock_that_is_fast_ends_what_it_names() {
    let freeze = |who: &str, at: i64, ends: Option<&Freeze>| Freeze {
        env: EnvName::new("a"),
        cluster: None,
        who: who.to_owned(),
        reason: "incident 4711".to_owned(),
        until: None,
        is_end: ends.is_some(),
        ends: ends.map(|freeze| [freeze.named()].into()),
        at: now() + SignedDuration::from_secs(at),
        signature: None,
        proof: Proof::default(),
    };
    let first = freeze("alice", -60, None);
    let end = freeze("alice", 600, Some(&first));
    let frozen = |all: &[&Freeze], after: i64| {
        let all: Vec<Entry> = all.iter().map(|one| Entry::Frozen((*one).clone())).collect();
        let now = now() + SignedDuration::from_secs(after);
        let ledger = read((&EnvName::new("a"), &here()), &data(&all), now, None);
        ledger.frozen(&EnvName::new("a"), Some(&here()), now).map(|freeze| freeze.who.clone())
    };
    let incident = freeze("bob", 300, None);
    assert_eq!(frozen(&[&first, &end], 1), None);
    for after in [301, 599, 601, 9999] {
        assert_eq!(frozen(&[&first, &end, &incident], after).as_deref(), Some("bob"), "{after}");
    }
}

/// Without its end an opening would count again.
#[test]
fn two_hundred_statements_of_any_kind_push_out_no_end_of_a_lane() {
    let (env, here, second) = (EnvName::new("a"), here(), now().as_second());
    let lane =
        |opened: i64, until: i64| Lane { env: env.clone(), cluster: Some(here.clone()), ..opening(opened, until) };
    let opened = lane(second - 60, second + 900);
    let end = Lane { is_end: true, at: Timestamp::from_second(1).unwrap(), ..opened.clone() };
    let frozen = |at: i64| Freeze {
        env: env.clone(),
        cluster: None,
        who: "bob".to_owned(),
        reason: "incident 4711".to_owned(),
        until: Some(Timestamp::from_second(at + 1).unwrap()),
        is_end: false,
        ends: None,
        at: Timestamp::from_second(at).unwrap(),
        signature: None,
        proof: Proof::default(),
    };
    let found = |all: &[Entry]| {
        let mut data = data(all);
        let gone: Vec<String> = surplus(&data, Some(&here)).into_iter().cloned().collect();
        data.retain(|key, _| !gone.contains(key));
        let ledger = read((&env, &here), &data, now(), None);
        matches!(ledger.lane((&env, Some(&here)), &opened.workload, now()), LaneFound::Open(_))
    };
    let mut all = vec![Entry::Lane(Box::new(opened.clone()))];
    for at in 2..MAX_STATEMENTS as i64 + 50 {
        all.extend([
            sign_off("a", at),
            Entry::SignedOff(signed("a", at, Decision::NoGo)),
            went_red(at),
            Entry::Frozen(frozen(at)),
            Entry::Lane(Box::new(lane(at, at + 1))),
        ]);
    }
    assert!(found(&all), "the opening is not pushed out either");
    all.push(Entry::Lane(Box::new(end)));
    assert!(!found(&all));
}

/// A clock that is slow or fast keeps no lane open, and opens none before its time.
#[test]
fn the_end_of_a_lane_counts_at_once_and_an_opening_in_its_time() {
    let (env, here, second) = (EnvName::new("a"), here(), now().as_second());
    let opening =
        |after: i64| Lane { env: env.clone(), cluster: Some(here.clone()), ..opening(second + after, second + 900) };
    let is_open = |all: &[Lane]| {
        let all: Vec<Entry> = all.iter().map(|lane| Entry::Lane(Box::new(lane.clone()))).collect();
        let ledger = read((&env, &here), &data(&all), now(), None);
        matches!(ledger.lane((&env, Some(&here)), &opening(0).workload, now()), LaneFound::Open(_))
    };
    assert!(is_open(&[opening(-60)]) && is_open(&[opening(60)]) && !is_open(&[opening(61)]));
    for after in [-5000, 5000] {
        let at = Timestamp::from_second(second + after).unwrap();
        let end = Lane { is_end: true, cluster: None, at, ..opening(-60) };
        assert!(!is_open(&[opening(-60), end]), "{after}");
    }
}
