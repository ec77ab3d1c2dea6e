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
    } else if status.canary.is_some() {
        found.extend(said.and_then(|said| against_it(&said.report)));
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

/// Returns what the analysis found against a revision in progress that gets no requests of users now: what a preview, a
/// header route or an earlier weight has shown stays true of it.
fn against_it(report: &Report) -> Option<(Verdict, String)> {
    let verdict = match report.opinion {
        AnalysisStatus::Regressed => Verdict::NoGo,
        AnalysisStatus::Suspect => Verdict::Wait,
        AnalysisStatus::NoData | AnalysisStatus::Undecided | AnalysisStatus::Healthy => return None,
    };
    Some((verdict, report.reasons.first().cloned().unwrap_or_default()))
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
        let anew =
            report.proof_since.as_ref().map_or_else(String::new, |what| format!(" (count restarted after {what})"));
        format!("collecting: {} more requests of the canary, about {left}{anew}", figure(need.requests))
    })
}

/// Returns whether the canary takes all requests, so that nothing is left to compare it with. What is served decides: the
/// controller is past the last step, or has none, long before.
pub(super) fn takes_all(status: &Status) -> bool {
    status.canary.as_ref().is_none_or(|canary| status.serving.is_only(&canary.hash))
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
            Ok(p99) if p99 > limit => {
                let text = format!("{word} p99 {} over {}", Signal::P99.show(p99), Signal::P99.show(limit));
                let few = limits.too_few_for_p99(signals, track, now);
                found.extend(by_latency(text, few, limits, is_cleared));
            }
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

/// The same of a p99: of a few requests it is the slowest one's time.
fn by_latency(text: String, few: Option<(f64, f64)>, limits: &Limits, is_cleared: bool) -> Option<(Verdict, String)> {
    let Some((requests, needed)) = few else { return Some((Verdict::NoGo, text)) };
    let window = limits.window_seconds;
    let text = format!("{text}: {requests} requests in {window:.0} s, and it takes {needed:.0}");
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
            let text =
                format!("canary p99 {} against {} on stable", Signal::P99.show(canary), Signal::P99.show(stable));
            let few =
                [Track::Canary, Track::Stable].into_iter().find_map(|of| limits.too_few_for_p99(signals, of, now));
            found.extend(by_latency(text, few, limits, false));
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
    // Without a limit of its own nothing else asks for it: a canary that lost its histogram would pass.
    let canary = signals.reading(Track::Canary, Signal::P99, now);
    if let (Some(_), None, Err(why)) = (limits.p99_factor, limits.p99, canary) {
        if signals.reading(Track::Stable, Signal::P99, now).is_ok() {
            found.push((Verdict::Blind, format!("no data: canary p99 ({})", why.describe())));
        }
    }
}

#[cfg(test)]
mod tests;
