//! The verdict: one word for an environment, with its reasons, from one pure function, [`assess`].
//!
//! Limits say what is never right. Whether the canary is worse than stable is the analysis result ([`analysis`]); where it
//! has no counts, factors between the tracks stand in for it.

use jiff::Timestamp;

use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::{NoData, Signal, Signals};
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::serving::percent;
use crate::domain::facts::workload::{Phase, Revision, Status};
use analysis::{AnalysisStatus, Report, Rules, figure};

use crate::domain::world::verdict::{Assessment, CanaryReport, Limits, Reason, Verdict};

/// Evaluates one workload on its signals and its phase.
///
/// The revision in progress is analysed against the limits and against stable; with nothing in progress, stable is. Missing,
/// stale or too little data is blind, and blind is never green. A Degraded workload is at best on hold.
#[must_use]
pub fn assess(
    status: &Status,
    signals: &Signals,
    limits: &Limits,
    said: Option<&CanaryReport>,
    now: Timestamp,
) -> Assessment {
    let mut found = of_state(status);
    let track = track_under_test(status);
    let is_cleared = said.is_some_and(|said| {
        track == Track::Canary && said.report.opinion == AnalysisStatus::Healthy && !said.is_stale(signals, now)
    });
    judge_track(track, signals, limits, is_cleared, now, &mut found);
    if track == Track::Canary {
        // What the analysis has cleared by counts it compares better than factors do. Until it has, they stay in force:
        // nothing becomes green merely because counting began.
        let counts = said.filter(|said| !said.is_stale(signals, now)).map(|said| &said.report);
        let counts =
            counts.filter(|report| report.opinion == AnalysisStatus::Healthy && report.seen.canary.requests > 0);
        let factors = Limits {
            error_factor: limits.error_factor.filter(|_| counts.is_none()),
            p99_factor: limits.p99_factor.filter(|_| counts.is_none_or(|report| report.heat.is_empty())),
            ..limits.clone()
        };
        if !takes_all(status) {
            compare(signals, &factors, now, &mut found);
        }
        found.extend(said.and_then(|said| beyond_buckets(signals, limits, &said.report, now)));
        found.extend(said.and_then(|said| opinion(status, signals, said, now)));
    }
    weighed(found)
}

/// A histogram tells no latency beyond its largest bound: a limit above that would never trip.
fn beyond_buckets(signals: &Signals, limits: &Limits, report: &Report, now: Timestamp) -> Option<(Verdict, String)> {
    let largest = report.heat.iter().filter_map(|heat| heat.le).reduce(f64::max)?;
    let limit = limits.p99?.as_secs_f64();
    let p99 = signals.reading(Track::Canary, Signal::P99, now).ok()?;
    let is_beyond = p99 >= largest * (1.0 - 1e-6) && (largest..).contains(&limit) && p99 <= limit;
    let show = |seconds| Signal::P99.show(seconds);
    is_beyond.then(|| {
        let text = format!(
            "no data: canary p99 is beyond the largest bucket, {}: the limit is {}",
            show(largest),
            show(limit)
        );
        (Verdict::Blind, text)
    })
}

/// Evaluates one workload without metrics: its state alone speaks, and is never green.
#[must_use]
pub fn assess_without_metrics(status: &Status) -> Assessment {
    let mut found = of_state(status);
    found.push((Verdict::Blind, "no metrics configured".to_owned()));
    weighed(found)
}

/// Weightiest first; among equals, as found.
fn weighed(mut found: Vec<(Verdict, String)>) -> Assessment {
    found.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let verdict = found.first().map_or(Verdict::Go, |(verdict, _)| *verdict);
    Assessment { verdict, reasons: found.into_iter().map(|(verdict, text)| Reason { verdict, text }).collect() }
}

/// Returns what the state alone says, whatever is measured: phase, pods that fail, and what may not be read.
#[must_use]
pub fn of_state(status: &Status) -> Vec<(Verdict, String)> {
    let mut found: Vec<(Verdict, String)> = of_phase(status).into_iter().collect();
    found.extend(status.failing.iter().map(|why| (Verdict::NoGo, why.clone())));
    found.extend(status.unseen.iter().map(|what| (Verdict::Blind, what.clone())));
    found
}

/// Returns what the analysis result comes to. It waits for enough traffic to have noticed a regression, also before the first
/// count; once it has counted, silence is blind.
fn opinion(status: &Status, signals: &Signals, said: &CanaryReport, now: Timestamp) -> Option<(Verdict, String)> {
    if said.is_stale(signals, now) {
        let age = duration(now.duration_since(said.at));
        return Some((Verdict::Blind, format!("no new samples for {age}")));
    }
    let report = &said.report;
    let reason = report.reasons.first().cloned().unwrap_or_default();
    Some(match report.opinion {
        AnalysisStatus::Regressed => (Verdict::NoGo, reason),
        AnalysisStatus::NoData if report.seen.canary.requests > 0 && !takes_all(status) => {
            (Verdict::Blind, format!("no data: {reason}"))
        }
        AnalysisStatus::NoData => {
            lacks_traffic(status, report)?;
            (Verdict::Wait, format!("collecting: {reason}"))
        }
        AnalysisStatus::Suspect => (Verdict::Wait, reason),
        AnalysisStatus::Undecided | AnalysisStatus::Healthy => (Verdict::Wait, lacks_traffic(status, report)?),
    })
}

/// Returns what limits alone come to while the analysis of a canary has not begun: at best it waits for that.
#[must_use]
pub fn before_analysis(within_limits: Assessment, status: &Status, rules: &Rules) -> Assessment {
    let is_analysed = track_under_test(status) == Track::Canary && status.stable.is_some() && !takes_all(status);
    if within_limits.verdict != Verdict::Go || !is_analysed || rules.enough.factor().is_none() {
        return within_limits;
    }
    Assessment::new(Verdict::Wait, ["collecting: analysis not started".to_owned()])
}

/// Says what traffic is still lacking before a regression that matters would have been noticed; `None` where none is.
fn lacks_traffic(status: &Status, report: &Report) -> Option<String> {
    if takes_all(status) {
        return None;
    }
    let Some(need) = report.needs.enough else {
        return Some("collecting: no traffic to compare yet".to_owned());
    };
    (need.requests > 0.0).then(|| {
        let left = analysis::time(need.seconds);
        format!("collecting: {} more requests of the canary, about {left}", figure(need.requests))
    })
}

/// Returns whether the canary takes all requests, so that nothing is left to compare it with.
fn takes_all(status: &Status) -> bool {
    status.weight.is_some_and(|weight| weight.set >= weight.max)
}

/// Returns what the phase alone says: the least that can be told of a workload that is Degraded.
#[must_use]
pub fn of_phase(status: &Status) -> Option<(Verdict, String)> {
    match status.phase {
        Phase::Degraded if status.aborted && status.canary_serves => {
            let share = status.canary.as_ref().map_or(0.0, |canary| status.serving.share_of(&canary.hash));
            let version = status.canary.as_ref().map_or_else(String::new, Revision::version);
            Some((Verdict::NoGo, format!("aborted, still serving {} of {version}", percent(share))))
        }
        Phase::Degraded if status.aborted => Some((Verdict::Wait, "aborted: stable serves".to_owned())),
        Phase::Degraded => Some((Verdict::NoGo, format!("Degraded: {}", status.message))),
        _ => None,
    }
}

/// Returns the track whose numbers count: the revision in progress as soon as it gets requests, else stable.
#[must_use]
pub fn track_under_test(status: &Status) -> Track {
    if status.canary.is_some() && status.canary_serves { Track::Canary } else { Track::Stable }
}

/// `is_cleared`: the analysis has proven by counts that it is healthy, and few failures are no reason to wait.
fn judge_track(
    track: Track,
    signals: &Signals,
    limits: &Limits,
    is_cleared: bool,
    now: Timestamp,
    found: &mut Vec<(Verdict, String)>,
) {
    let word = track.as_str();
    let few = limits.too_few_failed(signals, track, now);
    let blind = |signal: Signal, why: &NoData| {
        (Verdict::Blind, format!("no data: {word} {} ({})", signal.label(), why.describe()))
    };
    match signals.reading(track, Signal::Rps, now) {
        Ok(rps) if rps < limits.min_rps => {
            found.push((Verdict::Blind, format!("no data: {word} gets {rps:.2} requests/s, needs {}", limits.min_rps)));
            return;
        }
        Ok(_) => {}
        Err(why) => {
            found.push(blind(Signal::Rps, &why));
            return;
        }
    }
    match (signals.reading(track, Signal::ErrorRatio, now), limits.error_ratio) {
        (Ok(ratio), Some(limit)) if ratio > limit => {
            let text =
                format!("{word} errors {} over {}", Signal::ErrorRatio.show(ratio), Signal::ErrorRatio.show(limit));
            found.extend(by_failures(text, few, limits, is_cleared));
        }
        (Err(why), _) => found.push(blind(Signal::ErrorRatio, &why)),
        _ => {}
    }
    if let Some(limit) = limits.p99.map(|limit| limit.as_secs_f64()) {
        match signals.reading(track, Signal::P99, now) {
            Ok(p99) if p99 > limit => found.push((
                Verdict::NoGo,
                format!("{word} p99 {} over {}", Signal::P99.show(p99), Signal::P99.show(limit)),
            )),
            Err(why) => found.push(blind(Signal::P99, &why)),
            Ok(_) => {}
        }
    }
}

/// A limit on errors that is exceeded is NO-GO; by a few failed requests, which may be chance, it is waited for more.
fn by_failures(text: String, few: Option<f64>, limits: &Limits, is_cleared: bool) -> Option<(Verdict, String)> {
    let Some(failed) = few else { return Some((Verdict::NoGo, text)) };
    let (window, least) = (limits.window_seconds, limits.min_failed);
    let text = format!("{text}: {failed} failed requests in {window:.0} s, fewer than {least}");
    (!is_cleared).then_some((Verdict::Wait, text))
}

fn compare(signals: &Signals, limits: &Limits, now: Timestamp, found: &mut Vec<(Verdict, String)>) {
    let both = |signal| {
        Some((signals.reading(Track::Canary, signal, now).ok()?, signals.reading(Track::Stable, signal, now).ok()?))
    };
    if let (Some(factor), Some((canary, stable))) = (limits.error_factor, both(Signal::ErrorRatio)) {
        if canary > stable * factor && canary - stable > limits.error_slack {
            let text = format!(
                "canary errors {} against {} on stable",
                Signal::ErrorRatio.show(canary),
                Signal::ErrorRatio.show(stable)
            );
            let few = limits.too_few_failed(signals, Track::Canary, now);
            found.extend(by_failures(text, few, limits, false));
        }
    }
    if let (Some(factor), Some((canary, stable))) = (limits.p99_factor, both(Signal::P99)) {
        if canary > stable * factor {
            found.push((
                Verdict::NoGo,
                format!("canary p99 {} against {} on stable", Signal::P99.show(canary), Signal::P99.show(stable)),
            ));
        }
    }
    let wants_comparison = limits.error_factor.is_some() || limits.p99_factor.is_some();
    if wants_comparison && signals.reading(Track::Stable, Signal::Rps, now).is_err() {
        found.push((Verdict::Blind, "no data: stable has no numbers to compare with".to_owned()));
        return;
    }
    // A figure that could not be had in full is not the same as none: the comparison might have tripped.
    for (signal, factor) in [(Signal::ErrorRatio, limits.error_factor), (Signal::P99, limits.p99_factor)] {
        let stable = signals.reading(Track::Stable, signal, now);
        if let (Some(_), Err(why @ (NoData::Partial(_) | NoData::Failed(_)))) = (factor, stable) {
            found.push((Verdict::Blind, format!("no data: stable {} ({})", signal.label(), why.describe())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::domain::facts::signals::Sample;
    use crate::domain::facts::signals::Tracks;
    use crate::domain::facts::workload::Weight;
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
        let assessment =
            assess(&status(), &signals((10.0, 0.0, 0.1), (40.0, 0.0, 0.1)), &Limits::default(), None, later);
        assert_eq!(assessment.verdict, Verdict::Blind);
        assert_eq!(assessment.reasons[0].text, "no data: canary traffic (samples are too old)");
    }

    fn said(opinion: AnalysisStatus, counted: u64, age: i64) -> CanaryReport {
        let mut report = CanaryAnalyzer::new(Rules::default()).report();
        report.opinion = opinion;
        report.seen.canary.requests = counted;
        report.reasons = vec!["why".to_owned()];
        report.needs.enough = Some(Need { requests: 0.0, seconds: 0.0 });
        CanaryReport { tracks: Tracks::default(), report: Arc::new(report), at: now() - SignedDuration::from_secs(age) }
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
        let all = Status { weight: Some(Weight { set: 100, actual: 100, max: 100 }), ..status() };
        let signals = signals((10.0, 0.001, 0.1), (0.0, 0.0, 0.1));
        let assessment = assess(&all, &signals, &Limits::default(), Some(&said(AnalysisStatus::NoData, 9, 0)), now());
        assert_eq!(assessment.verdict, Verdict::Go, "{assessment:?}");
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
}
