//! What limits, state and analysis come to together.

use std::sync::Arc;

use jiff::SignedDuration;

use super::*;
use crate::domain::facts::signals::Sample;
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::workload::Weight;
use crate::domain::facts::workload::serving::{Measure, Serving, Share};
use analysis::{CanaryAnalyzer, Need};
use proptest::prelude::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn status() -> Status {
    Status::of_canary_at_20_percent()
}

fn signals(canary: (f64, f64, f64), stable: (f64, f64, f64)) -> Signals {
    let mut signals = Signals { interval: Some(SignedDuration::from_secs(5)), ..Signals::default() };
    let mut readings = std::collections::BTreeMap::new();
    for (track, (rps, errors, p99)) in [(Track::Canary, canary), (Track::Stable, stable)] {
        readings.insert((track, Signal::Rps), Ok(rps));
        readings.insert((track, Signal::ErrorRatio), Ok(errors));
        readings.insert((track, Signal::P99), Ok(p99));
    }
    signals.take(&Sample { at: now(), readings });
    signals
}

#[test]
fn within_limits_is_go() {
    let assessment =
        assess(&status(), &signals((10.0, 0.001, 0.2), (40.0, 0.001, 0.19)), &Limits::default(), None, now());
    assert_eq!(assessment, Assessment { verdict: Verdict::Go, reasons: Vec::new() });
}

#[test]
fn three_times_the_errors_of_stable_is_no_go() {
    let assessment =
        assess(&status(), &signals((20.0, 0.008, 0.2), (40.0, 0.001, 0.19)), &Limits::default(), None, now());
    assert_eq!(assessment.verdict, Verdict::NoGo);
    assert_eq!(assessment.describe().collect::<Vec<_>>(), ["canary errors 0.80 % against 0.10 % on stable"]);
}

#[test]
fn a_few_failed_requests_are_waited_out() {
    let few = signals((10.0, 0.005, 0.2), (40.0, 0.001, 0.19));
    let assessment = assess(&status(), &few, &Limits::default(), None, now());
    assert_eq!(assessment.verdict, Verdict::Wait);
    let said = "canary errors 0.50 % against 0.10 % on stable: 3 failed requests in 60 s, fewer than 5";
    assert_eq!(assessment.describe().collect::<Vec<_>>(), [said]);
    // Counts that prove it healthy have seen more than the window.
    let over = signals((1.0, 0.05, 0.2), (40.0, 0.001, 0.19));
    let healthy = said_of(AnalysisStatus::Healthy);
    assert_eq!(assess(&status(), &over, &Limits::default(), Some(&healthy), now()).verdict, Verdict::Go);
    assert_eq!(assess(&status(), &over, &Limits::default(), None, now()).verdict, Verdict::Wait);
    let many = signals((10.0, 0.05, 0.2), (40.0, 0.001, 0.19));
    assert_eq!(assess(&status(), &many, &Limits::default(), Some(&healthy), now()).verdict, Verdict::NoGo);
}

fn said_of(opinion: AnalysisStatus) -> CanaryReport {
    said(opinion, 1000, 1)
}

#[test]
fn preview_without_traffic_is_not_analysed_and_stable_is() {
    let mut preview = status();
    preview.canary_serves = false;
    let signals = signals((0.0, 0.0, 0.0), (40.0, 0.001, 0.19));
    assert_eq!(assess(&preview, &signals, &Limits::default(), None, now()).verdict, Verdict::Go);
    preview.canary_serves = true;
    assert_eq!(assess(&preview, &signals, &Limits::default(), None, now()).verdict, Verdict::Blind);
}

#[test]
fn missing_or_stale_numbers_are_blind() {
    assert_eq!(assess(&status(), &Signals::default(), &Limits::default(), None, now()).verdict, Verdict::Blind);
    let later = now() + SignedDuration::from_secs(16);
    let assessment = assess(&status(), &signals((10.0, 0.0, 0.1), (40.0, 0.0, 0.1)), &Limits::default(), None, later);
    assert_eq!(assessment.verdict, Verdict::Blind);
    assert_eq!(assessment.reasons[0].text, "no data: canary traffic (samples are too old)");
}

fn said(opinion: AnalysisStatus, counted: u64, age: i64) -> CanaryReport {
    let mut report = CanaryAnalyzer::new(Rules::default()).report();
    report.opinion = opinion;
    report.seen.canary.requests = counted;
    report.reasons = vec!["why".to_owned()];
    report.needs.enough = Some(Need { requests: 0.0, seconds: 0.0 });
    let at = now() - SignedDuration::from_secs(age);
    CanaryReport { tracks: Tracks::default(), report: Arc::new(report), at, flags: None }
}

fn with(opinion: AnalysisStatus, counted: u64, age: i64) -> Assessment {
    let signals = signals((10.0, 0.001, 0.1), (40.0, 0.001, 0.1));
    assess(&status(), &signals, &Limits::default(), Some(&said(opinion, counted, age)), now())
}

#[test]
fn analysis_is_the_verdict_within_limits() {
    for (opinion, verdict, reasons) in [
        (AnalysisStatus::Healthy, Verdict::Go, vec![]),
        (AnalysisStatus::Undecided, Verdict::Go, vec![]),
        (AnalysisStatus::Suspect, Verdict::Wait, vec!["why"]),
        (AnalysisStatus::Regressed, Verdict::NoGo, vec!["why"]),
        (AnalysisStatus::NoData, Verdict::Blind, vec!["no data: why"]),
    ] {
        let assessment = with(opinion, 100, 15);
        assert_eq!((assessment.verdict, assessment.describe().collect::<Vec<_>>()), (verdict, reasons));
    }
}

#[test]
fn too_little_traffic_to_notice_a_regression_waits() {
    let lacking = |requests: Option<f64>| {
        let mut said = said(AnalysisStatus::Healthy, 100, 0);
        let need = requests.map(|requests| Need { requests, seconds: requests / 10.0 });
        Arc::get_mut(&mut said.report).unwrap().needs.enough = need;
        let signals = signals((10.0, 0.001, 0.1), (40.0, 0.001, 0.1));
        assess(&status(), &signals, &Limits::default(), Some(&said), now())
    };
    let waits = lacking(Some(400.0));
    assert_eq!(waits.verdict, Verdict::Wait);
    assert_eq!(waits.reasons[0].text, "collecting: 400 more requests of the canary, about 40 s");
    assert_eq!(lacking(None).reasons[0].text, "collecting: no traffic to compare yet");
    assert_eq!(lacking(Some(0.0)).verdict, Verdict::Go);
}

#[test]
fn within_limits_waits_for_the_analysis_to_begin() {
    let assessed = |status: &Status, rules: &Rules| {
        let signals = signals((10.0, 0.001, 0.2), (40.0, 0.001, 0.19));
        before_analysis(assess(status, &signals, &Limits::default(), None, now()), status, rules).verdict
    };
    assert_eq!(assessed(&status(), &Rules::default()), Verdict::Wait);
    let off = Rules { enough: analysis::Enough::Off, ..Rules::default() };
    assert_eq!(assessed(&status(), &off), Verdict::Go);
    assert_eq!(assessed(&Status { canary: None, ..status() }, &Rules::default()), Verdict::Go);
}

#[test]
fn silent_analysis_is_blind_unless_it_never_counted() {
    let mut never = said(AnalysisStatus::NoData, 0, 0);
    Arc::get_mut(&mut never.report).unwrap().needs.enough = None;
    let signals = signals((10.0, 0.001, 0.1), (40.0, 0.001, 0.1));
    let assessment = assess(&status(), &signals, &Limits::default(), Some(&never), now());
    assert_eq!(assessment.verdict, Verdict::Wait);
    assert_eq!(assessment.describe().collect::<Vec<_>>(), ["collecting: why"]);
    let silent = with(AnalysisStatus::Healthy, 100, 121);
    assert_eq!(silent.verdict, Verdict::Blind);
    assert_eq!(silent.describe().collect::<Vec<_>>(), ["no new samples for 2m01s"]);
}

/// `histogram_quantile` answers with the largest bound, however much slower requests are.
#[test]
fn limit_beyond_the_largest_bucket_is_blind_once_it_matters() {
    let verdict = |p99: f64, limit: i64, largest: f64| {
        let mut said = said(AnalysisStatus::Healthy, 100, 0);
        let bounds = [Some(0.1), Some(largest), None];
        let heat = bounds.map(|le| analysis::Heat { le, canary: 0.3, stable: 0.3 });
        Arc::get_mut(&mut said.report).unwrap().heat = heat.to_vec();
        let limits = Limits { p99: Some(SignedDuration::from_secs(limit)), ..Limits::default() };
        assess(&status(), &signals((10.0, 0.001, p99), (40.0, 0.001, p99)), &limits, Some(&said), now())
    };
    let unknown = verdict(10.0, 15, 10.0);
    assert_eq!(unknown.verdict, Verdict::Blind);
    let text = "no data: canary p99 is beyond the largest bucket, 10.0 s: the limit is 15.0 s";
    assert_eq!(unknown.reasons[0].text, text);
    assert_eq!(verdict(9.0, 15, 10.0).verdict, Verdict::Go);
    assert_eq!(verdict(10.0, 5, 10.0).verdict, Verdict::NoGo);
    assert_eq!(verdict(1.0, 15, 30.0).verdict, Verdict::Go);
}

#[test]
fn canary_with_all_traffic_is_not_compared() {
    let signals = signals((10.0, 0.001, 0.1), (0.0, 0.0, 0.1));
    let of = |old_pods: u64| {
        let assessed = assess(
            &past_steps(old_pods),
            &signals,
            &Limits::default(),
            Some(&said(AnalysisStatus::NoData, 9, 0)),
            now(),
        );
        assessed.verdict
    };
    assert_eq!(of(0), Verdict::Go);
    // Past its steps, or without any, while old pods still serve.
    assert_eq!(of(8), Verdict::Blind);
}

/// A canary of two pods that is past its steps, beside so many pods of stable.
fn past_steps(old_pods: u64) -> Status {
    let share = |hash: &str| Share { hash: hash.to_owned(), version: hash.to_owned(), share: 0.0, ready: 2 };
    let revision = |hash: &str| Some(Revision { hash: hash.to_owned(), ..Revision::default() });
    Status {
        weight: Some(Weight { set: 100, actual: 100, max: 100 }),
        canary: revision("new"),
        stable: revision("old"),
        serving: Serving::of(Measure::ReadyPods, [(share("new"), 2), (share("old"), old_pods)]),
        ..status()
    }
}

#[test]
fn canary_past_its_steps_is_compared_while_stable_serves() {
    let worse = signals((20.0, 0.008, 0.2), (40.0, 0.001, 0.19));
    let of = |old_pods| assess(&past_steps(old_pods), &worse, &Limits::default(), None, now()).verdict;
    assert_eq!(of(8), Verdict::NoGo);
    assert_eq!(of(0), Verdict::Go);
}

/// The p99 of sixty requests is the time of the slowest one.
#[test]
fn one_slow_request_is_waited_out() {
    let of = |canary: (f64, f64, f64), stable: (f64, f64, f64)| {
        let assessment = assess(&status(), &signals(canary, stable), &Limits::default(), None, now());
        (assessment.verdict, assessment.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default())
    };
    let (verdict, why) = of((1.0, 0.0, 1.4), (40.0, 0.0, 1.0));
    assert_eq!(verdict, Verdict::Wait);
    assert_eq!(why, "canary p99 1400 ms over 1000 ms: 60 requests in 60 s, and it takes 500");
    assert_eq!(of((10.0, 0.0, 1.4), (40.0, 0.0, 1.0)).0, Verdict::NoGo);
    assert_eq!(of((1.0, 0.0, 0.9), (40.0, 0.0, 0.2)).0, Verdict::Wait);
    assert_eq!(of((10.0, 0.0, 0.9), (2.0, 0.0, 0.2)).0, Verdict::Wait);
    assert_eq!(of((10.0, 0.0, 0.9), (40.0, 0.0, 0.2)).0, Verdict::NoGo);
}

/// A header route, a preview, a weight that was taken back.
#[test]
fn what_was_proven_of_a_canary_holds_while_it_gets_no_traffic() {
    let aside = Status { canary_serves: false, ..status() };
    let signals = signals((0.0, 0.0, 0.1), (40.0, 0.001, 0.1));
    for (opinion, verdict) in [
        (AnalysisStatus::Regressed, Verdict::NoGo),
        (AnalysisStatus::Suspect, Verdict::Wait),
        (AnalysisStatus::Healthy, Verdict::Go),
        (AnalysisStatus::NoData, Verdict::Go),
    ] {
        let assessment = assess(&aside, &signals, &Limits::default(), Some(&said(opinion, 100, 0)), now());
        assert_eq!(assessment.verdict, verdict, "{opinion:?}: {assessment:?}");
    }
    let settled = Status { canary: None, ..aside };
    let assessment =
        assess(&settled, &signals, &Limits::default(), Some(&said(AnalysisStatus::Regressed, 9, 0)), now());
    assert_eq!(assessment.verdict, Verdict::Go);
}

#[test]
fn canary_that_lost_its_latency_is_blind_where_it_is_compared() {
    let mut signals = signals((10.0, 0.001, 0.1), (40.0, 0.001, 0.1));
    signals.now.insert((Track::Canary, Signal::P99), Err(NoData::Empty));
    let limits = Limits { p99: None, ..Limits::default() };
    let of = |signals: &Signals, limits: &Limits| assess(&status(), signals, limits, None, now()).verdict;
    assert_eq!(of(&signals, &limits), Verdict::Blind);
    assert_eq!(of(&signals, &Limits { p99_factor: None, ..limits.clone() }), Verdict::Go);
    // A service without a histogram has none to lose.
    signals.now.insert((Track::Stable, Signal::P99), Err(NoData::Empty));
    assert_eq!(of(&signals, &limits), Verdict::Go);
}

#[test]
fn a_partial_figure_of_stable_is_blind_to_compare_with() {
    let mut signals = signals((10.0, 0.001, 0.1), (40.0, 0.001, 0.1));
    let of = |signals: &Signals, limits: &Limits| assess(&status(), signals, limits, None, now());
    let limits = Limits::default();
    signals.now.insert((Track::Stable, Signal::P99), Err(NoData::Partial("a store is away".to_owned())));
    let assessment = of(&signals, &limits);
    assert_eq!(assessment.verdict, Verdict::Blind);
    let words = "no data: stable p99 (partial data: a store is away)";
    assert!(assessment.describe().any(|reason| reason == words), "{assessment:?}");
    let off = of(&signals, &Limits { p99_factor: None, ..limits });
    assert!(!off.describe().any(|reason| reason.contains("a store is away")), "{off:?}");
}

#[test]
fn healthy_counts_override_the_rate_factor() {
    let signals = signals((10.0, 0.008, 0.1), (40.0, 0.001, 0.1));
    let assessment = |said: CanaryReport| assess(&status(), &signals, &Limits::default(), Some(&said), now());
    assert_eq!(assessment(said(AnalysisStatus::Healthy, 0, 0)).verdict, Verdict::NoGo);
    for unsure in [AnalysisStatus::Undecided, AnalysisStatus::Suspect, AnalysisStatus::NoData] {
        assert_eq!(assessment(said(unsure, 100, 0)).verdict, Verdict::NoGo, "{unsure:?}");
    }
    assert_eq!(assessment(said(AnalysisStatus::Healthy, 100, 0)).verdict, Verdict::Go);
}

proptest! {
    #[test]
    fn blind_is_never_green(missing in 0_usize..6, errors in 0.0..1.0_f64, p99 in 0.0..3.0_f64) {
        let mut signals = signals((10.0, errors, p99), (40.0, errors, p99));
        let keys: Vec<_> = signals.now.keys().copied().collect();
        signals.now.insert(keys[missing], Err(NoData::Empty));
        let verdict = assess(&status(), &signals, &Limits::default(), None, now()).verdict;
        // Only the stable track's own ratios may be missing without making the canary blind.
        let needed = keys[missing].0 == Track::Canary || keys[missing].1 == Signal::Rps;
        prop_assert!(!needed || verdict != Verdict::Go);
    }

    #[test]
    fn more_errors_never_look_better(low in 0.0..1.0_f64, more in 0.0..1.0_f64, stable in 0.0..0.1_f64) {
        let at = |errors| assess(&status(), &signals((10.0, errors, 0.1), (40.0, stable, 0.1)), &Limits::default(), None, now()).verdict;
        prop_assert!(at(low) <= at(low + more));
    }
}
