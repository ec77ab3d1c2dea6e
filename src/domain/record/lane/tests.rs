//! Which lane is open by what was stated, and by which rule.

use super::*;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::journal::Entry;
use crate::domain::record::proof::Keys;
use crate::domain::record::proof::tests::{here, keys, signed};
use proptest::prelude::*;

const HOUR: i64 = 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn cluster(namespace: &str) -> ClusterIdentity {
    ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown(namespace) }
}

pub(crate) fn place(env: &str) -> Place {
    Place { env: EnvName::new(env), cluster: None }
}

pub(crate) fn rule() -> LaneRule {
    LaneRule {
        lane: "hotfix".to_owned(),
        before: place("dev"),
        skips: vec![place("staging")],
        gates: BTreeSet::from([CheckId::new("smoke")]),
        gates_before: BTreeSet::new(),
        sign_offs: BTreeMap::from([("sre".to_owned(), 1)]),
        soak_seconds: 0,
        longest_seconds: 4 * HOUR,
    }
}

/// The opening of a lane into prod, past staging: `hotfix` for 1.5.1, by alice.
pub(crate) fn opening(opened: i64, until: i64) -> Lane {
    Lane {
        env: EnvName::new("prod"),
        cluster: None,
        workload: "rollout/api".parse().unwrap(),
        rule: WrittenRule::Known(Box::new(rule())),
        version: "1.5.1".to_owned(),
        digests: BTreeMap::from([("api".to_owned(), "sha256:77aa01ce00".to_owned())]),
        opened: at(opened),
        until: at(until),
        is_end: false,
        who: "alice".to_owned(),
        note: "incident 4711".to_owned(),
        at: at(opened),
        signature: None,
        proof: Proof::default(),
    }
}

fn other_artifact(lane: Lane) -> Lane {
    Lane { digests: BTreeMap::from([("api".to_owned(), "sha256:0b".to_owned())]), ..lane }
}

fn found(stated: &[Lane], now: i64) -> LaneFound<'_> {
    in_force(stated.iter(), |_| true, at(now))
}

fn until(stated: &[Lane], now: i64) -> Option<i64> {
    match found(stated, now) {
        LaneFound::Open(open) => Some(open.until.as_second()),
        _ => None,
    }
}

#[test]
fn a_lane_is_open_until_its_time_and_no_longer_than_its_rule() {
    let short = [opening(10, 20)];
    assert_eq!((until(&short, 19), until(&short, 20)), (Some(20), None));
    let long = [opening(10, 100 * HOUR)];
    assert_eq!((until(&long, 4 * HOUR + 9), until(&long, 4 * HOUR + 10)), (Some(4 * HOUR + 10), None));
    // Dated further ahead than clocks differ.
    let ahead = [opening(200, 300)];
    assert_eq!((until(&ahead, 139), until(&ahead, 140)), (None, Some(300)));
}

#[test]
fn an_end_names_what_it_ends_whatever_the_clocks() {
    let first = opening(10, 200);
    for dated in [1, 12, 999] {
        let end = Lane { is_end: true, at: at(dated), ..first.clone() };
        assert_eq!(until(&[first.clone(), end.clone()], 15), None, "{dated}");
        // What was opened anew is not ended by it.
        assert_eq!(until(&[end, first.clone(), opening(14, 100)], 15), Some(100), "{dated}");
    }
}

#[test]
fn an_extension_keeps_its_beginning_and_comes_before_the_end() {
    let first = opening(10, 20);
    let extended = |dated: i64, to: i64| Lane { at: at(dated), until: at(to), who: "bob".to_owned(), ..first.clone() };
    let in_time = [first.clone(), extended(19, 50), extended(49, 70)];
    assert_eq!(until(&in_time, 60), Some(70));
    let LaneFound::Open(open) = found(&in_time, 60) else { panic!("not open") };
    assert_eq!((open.lane.opened, open.by), (at(10), BTreeSet::from(["alice", "bob"])));
    // What is over stays so, and an extension of nothing begins nothing.
    assert_eq!(until(&[first.clone(), extended(20, 50)], 30), None);
    assert_eq!(until(&[extended(19, 50)], 30), None);
    assert_eq!(until(&[first.clone(), extended(19, 100 * HOUR)], 5 * HOUR), None);
}

#[test]
fn two_lanes_are_none_and_the_same_twice_is_one() {
    let first = opening(10, 100);
    let again = Lane { who: "bob".to_owned(), note: "me too".to_owned(), ..opening(12, 200) };
    let twice = [again.clone(), first.clone()];
    let LaneFound::Open(open) = found(&twice, 15) else { panic!("not open") };
    assert_eq!((open.lane.opened, open.until, open.by), (at(10), at(100), BTreeSet::from(["alice", "bob"])));
    let looser = LaneRule { gates: BTreeSet::new(), ..rule() };
    let others = [other_artifact(opening(12, 50)), Lane { rule: WrittenRule::Known(Box::new(looser)), ..again }];
    for other in others {
        let both = [first.clone(), other];
        assert!(matches!(found(&both, 15), LaneFound::Several(lanes) if lanes.len() == 2));
    }
    // Once one of them is over the other counts.
    assert_eq!(until(&[first, other_artifact(opening(12, 50))], 60), Some(100));
}

#[test]
fn an_unproven_opening_opens_nothing_and_an_unproven_end_ends() {
    let unproven = opening(10, 100);
    let proven = Lane { proof: Proof::ByKey, ..unproven.clone() };
    let by_key = |stated: &[Lane]| match in_force(stated.iter(), |proof| *proof == Proof::ByKey, at(15)) {
        LaneFound::Unusable { why, .. } => why,
        LaneFound::Open(_) => "open".to_owned(),
        LaneFound::None | LaneFound::Several(_) => "none".to_owned(),
    };
    assert_eq!(by_key(std::slice::from_ref(&unproven)), "unsigned");
    assert_eq!(by_key(&[proven.clone(), other_artifact(unproven.clone())]), "open");
    assert_eq!(by_key(&[proven, Lane { is_end: true, ..unproven }]), "none");
}

#[test]
fn a_rule_that_asks_nobody_or_lasts_for_days_is_not_used() {
    let bad = [
        LaneRule { sign_offs: BTreeMap::new(), ..rule() },
        LaneRule { sign_offs: BTreeMap::from([("sre".to_owned(), 0)]), ..rule() },
        LaneRule { longest_seconds: 25 * HOUR, ..rule() },
        LaneRule { longest_seconds: 0, ..rule() },
        LaneRule { soak_seconds: -1, ..rule() },
    ];
    assert_eq!(rule().flaw(), None);
    for rule in bad {
        assert!(rule.flaw().is_some(), "{rule:?}");
        let stated = [Lane { rule: WrittenRule::Known(Box::new(rule)), ..opening(10, 100) }];
        assert_eq!(until(&stated, 15), None);
    }
}

#[test]
fn a_rule_of_a_later_version_is_not_used_and_written_back() {
    let text = r#"{"lane":"hotfix","before":{"env":"dev"},"gates":["smoke"],"sign_offs":{"sre":1},"longest_seconds":3600,"region":"eu"}"#;
    let later: WrittenRule = serde_json::from_str(text).unwrap();
    assert_eq!((later.known(), later.name().as_str()), (None, "hotfix"));
    assert_eq!(serde_json::to_string(&later).unwrap(), text);
    let stated = [Lane { rule: later, ..opening(10, 100) }];
    assert!(matches!(found(&stated, 15), LaneFound::Unusable { .. }));
    // It is no less a second lane.
    let both = [opening(12, 100), stated[0].clone()];
    assert!(matches!(found(&both, 15), LaneFound::Several(_)));
    let known = WrittenRule::Known(Box::new(rule()));
    let read: WrittenRule = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
    assert_eq!(read, known);
}

#[test]
fn rules_are_the_same_by_clusters_and_by_names_where_a_namespace_is_shared() {
    let of = |env: &str, namespace: &str| Place { env: EnvName::new(env), cluster: Some(cluster(namespace)) };
    let between = |before: Place, skipped: Place| LaneRule { before, skips: vec![skipped], ..rule() };
    let own = between(of("dev", "dev"), of("staging", "stage"));
    assert!(own.is_same(&between(of("d", "dev"), of("s", "stage"))));
    assert!(!own.is_same(&between(of("dev", "dev"), of("staging", "other"))));
    // Clusters that are not known yet are known by their names.
    assert!(own.is_same(&rule()) && !own.is_same(&between(place("dev"), place("s"))));
    let shared = between(of("dev", "shop"), of("staging", "shop"));
    assert!(shared.is_same(&shared) && !shared.is_same(&between(of("staging", "shop"), of("dev", "shop"))));
    assert!(!own.is_same(&LaneRule { longest_seconds: 1, ..own.clone() }));
}

fn revision(images: &[&str], digests: &[(&str, &str)]) -> Revision {
    Revision {
        number: 1,
        hash: "a".to_owned(),
        replicaset: "api-a".to_owned(),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        init_images: Vec::new(),
        names: ["api", "log"].iter().take(images.len()).map(|name| (*name).to_owned()).collect(),
        digest: None,
        digests: digests.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect(),
    }
}

#[test]
fn it_is_about_these_digests_and_no_other_container() {
    let lane = opening(10, 100);
    let digest = "sha256:77aa01ce00";
    let is_about = |images: &[&str], digests: &[(&str, &str)]| lane.is_about(&revision(images, digests));
    assert!(is_about(&["r/api:1.5.1"], &[("api", digest)]));
    assert!(is_about(&["r/api@sha256:77aa01ce00"], &[]));
    assert!(!is_about(&["r/api:1.5.1"], &[]), "which digest it is, is not known");
    assert!(!is_about(&["r/api:1.5.1"], &[("api", "sha256:0b")]), "the tag was moved");
    assert!(!is_about(&["r/api:1.5.1", "r/log:2"], &[("api", digest), ("log", "sha256:0c")]), "a sidecar was added");
    assert!(!is_about(&[], &[]));
}

#[test]
fn an_opening_and_its_end_in_words() {
    let lane = opening(0, 60);
    assert_eq!(
        lane.sentence(),
        "alice opened the lane hotfix in prod for api 1.5.1 (77aa01ce) until 1970-01-01T00:01:00Z: “incident 4711”"
    );
    let end = Lane { is_end: true, at: at(5), note: "it is out".to_owned(), ..lane };
    assert_eq!(end.sentence(), "alice closed the lane hotfix in prod: “it is out”");
}

/// The entries of the version before, as far as they matter here.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Older {
    Note {
        who: String,
    },
    #[serde(other)]
    Later,
}

#[test]
fn an_older_reader_skips_it() {
    let entry = Entry::Lane(Box::new(opening(10, 100)));
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Older>(&text).unwrap(), Older::Later);
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    let note = r#"{"kind":"note","who":"ada","text":"x"}"#;
    assert_eq!(serde_json::from_str::<Older>(note).unwrap(), Older::Note { who: "ada".to_owned() });
}

#[test]
fn a_signature_is_for_these_digests_this_time_and_this_author() {
    let mut keys = keys(&[("alice", "", 1), ("bob", "", 2)]);
    let prove = |lane: Lane, keys: &mut Keys| keys.prove(&Entry::Lane(Box::new(lane)), Some(&here()), at(50));
    let unsigned = Lane { cluster: Some(here()), ..opening(10, 100) };
    let by = |seed: u8| match signed(Entry::Lane(Box::new(unsigned.clone())), seed) {
        Entry::Lane(lane) => *lane,
        _ => unreachable!(),
    };
    let own = by(1);
    assert_eq!(prove(own.clone(), &mut keys), Proof::ByKey);
    assert_eq!(prove(by(2), &mut keys), Proof::Missing(Flaw::NotTheKeyOf("alice".to_owned())));
    assert_eq!(prove(unsigned.clone(), &mut keys), Proof::Missing(Flaw::Unsigned));
    let others = [
        other_artifact(own.clone()),
        Lane { until: at(200), ..own.clone() },
        Lane { opened: at(9), ..own.clone() },
        Lane { is_end: true, ..own.clone() },
        Lane { rule: WrittenRule::Known(Box::new(LaneRule { soak_seconds: 1, ..rule() })), ..own },
    ];
    for other in others {
        assert_eq!(prove(other.clone(), &mut keys), Proof::Missing(Flaw::Mismatch), "{other:?}");
    }
}

/// Openings, extensions and ends by two people, for two artifacts, close enough to overlap.
fn statements() -> impl Strategy<Value = Vec<Lane>> {
    let one = (0_i64..6, 0_i64..8, 0_i64..12, 0_u8..8).prop_map(|(opened, later, lasts, which)| {
        let who = if which & 1 == 0 { "alice" } else { "bob" };
        let digest = if which & 2 == 0 { "sha256:a" } else { "sha256:b" };
        Lane {
            at: at(opened + later.max(4) - 4),
            who: who.to_owned(),
            is_end: which == 7,
            digests: BTreeMap::from([("api".to_owned(), digest.to_owned())]),
            ..opening(opened, opened + lasts)
        }
    });
    proptest::collection::vec(one, 0..7)
}

proptest! {
    #[test]
    fn order_of_reading_changes_nothing(
        (stated, other) in statements().prop_flat_map(|stated| {
            let twice = [stated.clone(), stated.clone()].concat();
            (Just(stated), Just(twice).prop_shuffle())
        }),
        now in 0_i64..14,
    ) {
        prop_assert_eq!(found(&stated, now), found(&other, now));
    }
}
