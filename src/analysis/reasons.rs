//! The reasons for a status, in short sentences with figures.

use super::analysis_status::StatusBasis;
use super::ratio_interval::Ratio;
use super::report::{AnalysisStatus, Evidence, Metric, Needs};
use super::state::CanaryAnalyzer;
use super::weight::Mismatch;

/// Returns why.
pub(super) fn of(analyzer: &CanaryAnalyzer, assessment: &StatusBasis, e: &Evidence, needs: &Needs) -> Vec<String> {
    let mut reasons = Vec::with_capacity(4);
    reasons.extend(assessment.trouble.clone());
    // While undecided, what is missing comes first.
    if assessment.opinion == AnalysisStatus::Undecided {
        reasons.extend(waits_for(analyzer, needs).into_iter().flatten());
    }
    reasons.extend(analyzer.ratio.map(|ratio| comparison(analyzer, &ratio)));
    match assessment.opinion {
        AnalysisStatus::Regressed => reasons.push(match assessment.culprit {
            Some(Metric::Latency) => {
                format!("latency is worse than stable: evidence {}", of_bar(e.guarded, analyzer.rules.alpha))
            }
            Some(Metric::Budget) => cost(assessment.burn.map_or(0.0, |burn| burn.spent)),
            _ => format!("error rate is higher than stable: evidence {}", of_bar(e.guarded, analyzer.rules.alpha)),
        }),
        AnalysisStatus::Suspect => reasons.extend(suspicion(analyzer, assessment, e)),
        AnalysisStatus::Healthy => reasons.push(format!("proven: {}", good_enough(analyzer))),
        AnalysisStatus::Undecided => reasons.push(format!("evidence {}", of_bar(e.guarded, analyzer.rules.alpha))),
        AnalysisStatus::NoData => {}
    }
    if assessment.stable_burns {
        reasons.push("stable burns its error budget too: probably not the canary".to_owned());
    }
    let minor = |mismatch: &Mismatch| !mismatch.is_far_off();
    reasons.extend(
        assessment.mismatch.filter(minor).map(|off| {
            format!("the canary gets {} of requests, its weight is {}", percent(off.seen), percent(off.set))
        }),
    );
    reasons
}

/// Says that the share of requests is not the one set.
pub(super) fn far_off(off: &Mismatch) -> String {
    format!(
        "the canary gets {} of requests, its weight is {}: the metrics may belong to another workload",
        percent(off.seen),
        percent(off.set)
    )
}

/// Returns seconds in words: `40 s`, `4 min`, `2.1 h`, `3 days`.
#[must_use]
pub fn time(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

fn comparison(analyzer: &CanaryAnalyzer, ratio: &Ratio) -> String {
    let share = |[requests, errors]: [u64; 2]| percent(errors as f64 / (requests as f64).max(1.0));
    let (canary, stable) = (share(analyzer.seen.canary), share(analyzer.seen.stable));
    let times = ratio.estimate.map_or_else(String::new, |estimate| format!("{}×; ", figure(estimate)));
    // The bounds leave out `alpha_warn`, 5 % unless configured otherwise.
    let level = 100.0 * (1.0 - analyzer.rules.alpha_warn);
    let bounds = match ratio.high {
        Some(high) => format!("{level:.0} % CI {}–{}×", figure(ratio.low), figure(high)),
        None if ratio.low > 0.0 => format!("{level:.0} % CI from {}×", figure(ratio.low)),
        None => "too few errors to tell".to_owned(),
    };
    format!("error rate: canary {canary}, stable {stable} ({times}{bounds})")
}

fn suspicion(analyzer: &CanaryAnalyzer, assessment: &StatusBasis, e: &Evidence) -> Option<String> {
    Some(match assessment.culprit? {
        Metric::Errors => format!("error rate looks higher: evidence {}", of_bar(e.plain, analyzer.rules.alpha_warn)),
        Metric::Latency => format!("latency looks worse: evidence {}", of_bar(e.plain, analyzer.rules.alpha_warn)),
        Metric::Budget => {
            let burn = assessment.burn?;
            if burn.overspent() { cost(burn.spent) } else { format!("error budget burn rate {}×", figure(burn.short)) }
        }
    })
}

fn cost(spent: f64) -> String {
    format!("this rollout has used {} of the 30-day error budget", percent(spent))
}

fn waits_for(analyzer: &CanaryAnalyzer, needs: &Needs) -> [Option<String>; 2] {
    let wait = needs.x2.map(|need| {
        if need.seconds > 0.0 {
            format!("a 2× regression detectable in ~{}", time(need.seconds))
        } else {
            "a 2× regression would have been detected by now".to_owned()
        }
    });
    [wait, Some(format!("not yet proven: {}", good_enough(analyzer)))]
}

fn good_enough(analyzer: &CanaryAnalyzer) -> String {
    let fails = format!("error rate below {}", percent(analyzer.rules.healthy_below()));
    match analyzer.rules.slow {
        None => fails,
        Some(slow) => format!("{fails}, fewer than {} slower than {} s", percent(slow.at_most), slow.bound_seconds),
    }
}

fn of_bar(evidence: f64, alpha: f64) -> String {
    format!("{} (bar {:.0})", figure(evidence), 1.0 / alpha)
}

fn percent(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

/// Returns a figure with one decimal below ten, and never more digits than a person reads.
#[must_use]
pub fn figure(value: f64) -> String {
    match value {
        ..9.95 => format!("{value:.1}"),
        ..1e6 => format!("{value:.0}"),
        _ => "> 1,000,000".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_figures_are_readable() {
        let times = [12.4, 240.0, 7560.0, 260_000.0].map(time);
        assert_eq!(times, ["12 s", "4 min", "2.1 h", "3 days"]);
        let figures = [0.04, 6.23, 9.96, 240.4, 1e12].map(figure);
        assert_eq!(figures, ["0.0", "6.2", "10", "240", "> 1,000,000"]);
    }
}
