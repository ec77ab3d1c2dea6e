//! A flag that goes 1 → 5 → 25 → 100 % in prod, with ten minutes at each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::{CanaryAnalyzer, Need, Rules};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::facts::flag::{FlagChange, FlagEdit, ProviderKind};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::FlagSettings;
use crate::domain::world::{EnvSettings, World};

const FLAG: &str = "checkout";

fn now() -> Timestamp {
    "2026-11-30T09:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn world(has_metrics: bool) -> World {
    let rollout = FlagRollout {
        flag: FLAG.to_owned(),
        steps: [1, 5, 25].map(|step| Share::try_from(step).unwrap()).to_vec(),
        wait: SignedDuration::from_mins(10),
        workload: None,
        with: BTreeMap::new(),
        without: BTreeMap::new(),
    };
    let settings = FlagSettings {
        provider: "unleash".to_owned(),
        place: "unleash".to_owned(),
        of_release: Vec::new(),
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: vec![rollout],
    };
    World::new([EnvSettings { has_metrics, flags: vec![settings], ..EnvSettings::new("prod") }])
}

/// The flag as its provider lists it: in this state since so many minutes, where it keeps a log.
fn listed(state: FlagState, since: Option<i64>) -> Flag {
    let change = |minutes| FlagChange { by: "ada".to_owned(), at: ago(minutes), what: FlagEdit::On };
    Flag { changes: since.map(change).into_iter().collect(), ..Flag::of_name(FLAG, state) }
}

fn lists(world: &mut World, flag: Flag, at: Timestamp) {
    let (env, provider) = (EnvName::new("prod"), "unleash".to_owned());
    world.take(Feed::Flags { env, provider, link: Link::Up, at: Some(at), flags: Arc::new(vec![flag]) }, at);
}

fn finds(world: &mut World, result: Result<Report, String>, at: Timestamp) {
    let (env, provider, flag) = (EnvName::new("prod"), "unleash".to_owned(), FLAG.to_owned());
    let every = SignedDuration::from_secs(10);
    world.take(Feed::FlagCompared { env, provider, flag, every, result: result.map(Arc::new) }, at);
}

fn report(opinion: AnalysisStatus) -> Report {
    let mut report = CanaryAnalyzer::new(Rules::default()).report();
    report.opinion = opinion;
    report.needs.enough = Some(Need { requests: 0.0, seconds: 0.0 });
    report.seen.canary.requests = 1000;
    report.reasons = vec!["error rate: with it 3.10 %, without it 0.10 %".to_owned()];
    report
}

fn asked(world: &World, turn: Turn, at: Timestamp) -> Vec<Refusal> {
    let source = &world.environments[0].flags[0];
    in_the_way(&world.environments[0], source, source.flag(FLAG).unwrap(), turn, at)
}

fn to(percent: u8) -> Turn {
    Turn::Share(percent.try_into().unwrap())
}

fn kinds(refusals: &[Refusal]) -> Vec<RefusalKind> {
    refusals.iter().map(|refusal| refusal.kind).collect()
}

/// At 5 % for a quarter of an hour, with this result.
fn at_five(result: Result<Report, String>) -> World {
    let mut world = world(true);
    lists(&mut world, listed(FlagState::Percent(5), Some(15)), now());
    finds(&mut world, result, now());
    world
}

#[test]
fn a_flag_goes_step_by_step_and_none_is_skipped() {
    let healthy = at_five(Ok(report(AnalysisStatus::Healthy)));
    assert_eq!(asked(&healthy, to(25), now()), []);
    assert_eq!(asked(&healthy, to(10), now()), [], "less than the next step");
    let skipped = asked(&healthy, to(26), now());
    assert_eq!(kinds(&skipped), [RefusalKind::Gate]);
    assert_eq!(
        skipped[0].line(),
        "checkout is 5 %, and goes 1 → 5 → 25 → 100 %: `cockpit flags set prod checkout 25` is next"
    );
    let mut off = world(true);
    lists(&mut off, listed(FlagState::Off, None), now());
    assert_eq!(asked(&off, to(1), now()), [], "nobody has it yet: there is nothing to compare");
    assert_eq!(kinds(&asked(&off, to(5), now())), [RefusalKind::Gate]);
    assert_eq!(kinds(&asked(&off, Turn::On, now())), [RefusalKind::Gate], "on may be everybody");
}

#[test]
fn what_its_users_fare_decides_whether_it_goes_on() {
    for (opinion, kind) in [
        (AnalysisStatus::Regressed, RefusalKind::Gate),
        (AnalysisStatus::Suspect, RefusalKind::Collecting),
        (AnalysisStatus::NoData, RefusalKind::Blind),
    ] {
        let world = at_five(Ok(report(opinion)));
        assert_eq!(kinds(&asked(&world, to(25), now())), [kind], "{opinion:?}");
    }
    for opinion in [AnalysisStatus::Undecided, AnalysisStatus::Healthy] {
        let mut lacking = report(opinion);
        lacking.needs.enough = Some(Need { requests: 312.0, seconds: 240.0 });
        let refused = asked(&at_five(Ok(lacking)), to(25), now());
        assert_eq!(kinds(&refused), [RefusalKind::Collecting]);
        assert_eq!(refused[0].text, "checkout at 5 %: collecting: 312 more requests of users with it, about 4 min");
    }
    let nobody = Report { needs: analysis::Needs::default(), ..report(AnalysisStatus::Undecided) };
    assert_eq!(kinds(&asked(&at_five(Ok(nobody)), to(25), now())), [RefusalKind::Collecting]);
    let unknown = at_five(Err("there are several workloads".to_owned()));
    assert_eq!(kinds(&asked(&unknown, to(25), now())), [RefusalKind::Blind]);
}

#[test]
fn without_a_fresh_comparison_it_goes_no_further() {
    let mut none = world(false);
    lists(&mut none, listed(FlagState::Percent(5), Some(15)), now());
    assert_eq!(kinds(&asked(&none, to(25), now())), [RefusalKind::Blind], "no metrics");
    let mut begun = world(true);
    lists(&mut begun, listed(FlagState::Percent(5), Some(15)), now());
    assert_eq!(kinds(&asked(&begun, to(25), now())), [RefusalKind::Collecting]);
    let healthy = at_five(Ok(report(AnalysisStatus::Healthy)));
    let later = now() + SignedDuration::from_mins(3);
    let mut healthy = healthy;
    lists(&mut healthy, listed(FlagState::Percent(5), Some(15)), later);
    assert_eq!(kinds(&asked(&healthy, to(25), later)), [RefusalKind::Blind], "it is three minutes old");
}

#[test]
fn what_was_found_before_it_was_off_counts_no_more() {
    let mut world = at_five(Ok(report(AnalysisStatus::Healthy)));
    lists(&mut world, listed(FlagState::Off, Some(0)), now());
    lists(&mut world, listed(FlagState::Percent(1), Some(0)), now());
    assert!(kinds(&asked(&world, to(5), now())).contains(&RefusalKind::Collecting));
    let source = &world.environments[0].flags[0];
    assert!(fresh_report(source, &source.rollouts[0], now()).is_none());
    // What comes late of before it was off is dropped.
    lists(&mut world, listed(FlagState::Off, Some(0)), now());
    finds(&mut world, Ok(report(AnalysisStatus::Healthy)), now());
    lists(&mut world, listed(FlagState::Percent(1), Some(0)), now());
    assert!(world.environments[0].flags[0].rollouts[0].compared().is_none());
}

#[test]
fn it_stays_at_a_step_for_a_while_whatever_is_found() {
    let mut world = at_five(Ok(report(AnalysisStatus::Healthy)));
    lists(&mut world, listed(FlagState::Percent(5), Some(4)), now());
    let refused = asked(&world, to(25), now());
    assert_eq!(kinds(&refused), [RefusalKind::Collecting]);
    assert_eq!(refused[0].text, "checkout at 5 %: collecting: it stays at 5 % for 6m00s more");
    // Without a log it counts from when it was set so here, or from when it is seen so.
    let set = |minutes| Some((to(5), ago(minutes)));
    for (minutes, may) in [(9, false), (11, true)] {
        let mut unlogged = at_five(Ok(report(AnalysisStatus::Healthy)));
        lists(&mut unlogged, listed(FlagState::Percent(5), None), now());
        unlogged.environments[0].flags[0].rollouts[0].set = set(minutes);
        assert_eq!(asked(&unlogged, to(25), now()).is_empty(), may);
        unlogged.environments[0].flags[0].rollouts[0].set = Some((to(1), ago(minutes)));
        assert!(!asked(&unlogged, to(25), now()).is_empty(), "somebody else set it to 5 %");
    }
    let mut unlogged = at_five(Ok(report(AnalysisStatus::Healthy)));
    lists(&mut unlogged, listed(FlagState::Percent(5), None), now());
    assert_eq!(kinds(&asked(&unlogged, to(25), now())), [RefusalKind::Collecting]);
    let later = now() + SignedDuration::from_mins(10);
    lists(&mut unlogged, listed(FlagState::Percent(5), None), later);
    finds(&mut unlogged, Ok(report(AnalysisStatus::Healthy)), later);
    assert_eq!(asked(&unlogged, to(25), later), []);
}

#[test]
fn what_comes_next_is_told_in_words() {
    let told = |world: &World| {
        let source = &world.environments[0].flags[0];
        progress(&world.environments[0], source, source.flag(FLAG).unwrap(), now()).unwrap().describe()
    };
    assert_eq!(
        told(&at_five(Ok(report(AnalysisStatus::Healthy)))).as_deref(),
        Some("25 % is next in 1 → 5 → 25 → 100 %")
    );
    assert_eq!(
        told(&at_five(Ok(report(AnalysisStatus::Regressed)))).as_deref(),
        Some("NO-GO: error rate: with it 3.10 %, without it 0.10 %")
    );
    let mut all = world(true);
    lists(&mut all, listed(FlagState::On, Some(1)), now());
    assert_eq!(told(&all), None);
}

fn opinions() -> impl Strategy<Value = AnalysisStatus> {
    prop::sample::select(vec![
        AnalysisStatus::Regressed,
        AnalysisStatus::Suspect,
        AnalysisStatus::Undecided,
        AnalysisStatus::Healthy,
        AnalysisStatus::NoData,
    ])
}

proptest! {
    /// Law 1: whatever is known, more users get a flag that goes step by step only by the next step, and only once those who have
    /// it were found to fare no worse, lately, for as long as the step lasts.
    #[test]
    fn nothing_but_a_healthy_step_lets_it_go_on(
        opinion in opinions(),
        lacking in prop::sample::select(vec![0.0, 40.0]),
        state in prop::sample::select(vec![FlagState::Percent(1), FlagState::Percent(5), FlagState::Percent(30)]),
        since in 0_i64..20,
        age in 0_i64..300,
        percent in 2..=100_u8,
    ) {
        let mut world = world(true);
        let found = now() - SignedDuration::from_secs(age);
        lists(&mut world, listed(state, Some(since)), now());
        let mut report = report(opinion);
        report.needs.enough = Some(Need { requests: lacking, seconds: lacking });
        finds(&mut world, Ok(report), found);
        let next = match state {
            FlagState::Percent(1) => 5,
            FlagState::Percent(5) => 25,
            _ => 100,
        };
        let is_well = matches!(opinion, AnalysisStatus::Healthy | AnalysisStatus::Undecided) && lacking == 0.0;
        let may = is_well && age <= 120 && since >= 10 && percent <= next;
        prop_assert_eq!(asked(&world, to(percent), now()).is_empty(), may);
    }
}

/// What an environment says of the same flag that has not listed it lately is no reason to let it go on.
#[test]
fn where_the_provider_is_silent_it_goes_no_further() {
    let world = at_five(Ok(report(AnalysisStatus::Healthy)));
    let silent = &world.environments[0].flags[0];
    let later = now() + SignedDuration::from_mins(5);
    assert!(!silent.heard.is_fresh(later));
    assert_eq!(kinds(&asked(&world, to(25), later)), [RefusalKind::Blind]);
    let unlisted = self::world(true);
    let listed = listed(FlagState::Percent(5), Some(15));
    let there = &unlisted.environments[0];
    assert_eq!(kinds(&in_the_way(there, &there.flags[0], &listed, to(100), now())), [RefusalKind::Blind]);
}
