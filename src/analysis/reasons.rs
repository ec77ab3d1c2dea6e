//! Why the judge thinks what it thinks, in short sentences with figures.

use super::opinion::CandidateState;
use super::ratio_interval::Ratio;
use super::report::{AnalysisStatus, Evidence, Metric, Needs};
use super::state::CanaryAnalyzer;
use super::weight::Mismatch;

/// Returns why.
pub(super) fn of(judge: &CanaryAnalyzer, standing: &CandidateState, e: &Evidence, needs: &Needs) -> Vec<String> {
    let mut reasons = Vec::with_capacity(4);
    reasons.extend(standing.trouble.clone());
    // What it waits for comes first where that is the news.
    if standing.opinion == AnalysisStatus::Undecided {
        reasons.extend(waits_for(judge, needs).into_iter().flatten());
    }
    reasons.extend(judge.ratio.map(|ratio| comparison(judge, &ratio)));
    match standing.opinion {
        AnalysisStatus::Regressed => reasons.push(match standing.culprit {
            Some(Metric::Latency) => format!("slower than stable: evidence {}", of_bar(e.guarded, judge.rules.alpha)),
            Some(Metric::Budget) => cost(standing.burn.map_or(0.0, |burn| burn.spent)),
            _ => format!("fails more often than stable: evidence {}", of_bar(e.guarded, judge.rules.alpha)),
        }),
        AnalysisStatus::Suspect => reasons.extend(suspicion(judge, standing, e)),
        AnalysisStatus::Healthy => reasons.push(format!("proved: {}", good_enough(judge))),
        AnalysisStatus::Undecided => reasons.push(format!("evidence {}", of_bar(e.guarded, judge.rules.alpha))),
        AnalysisStatus::NoData => {}
    }
    if standing.stable_burns {
        reasons.push("stable burns its budget too: the cause is not the canary".to_owned());
    }
    let told = |mismatch: &Mismatch| !mismatch.is_far_off();
    reasons.extend(
        standing
            .mismatch
            .filter(told)
            .map(|off| format!("the canary gets {} of requests, {} was set", percent(off.seen), percent(off.set))),
    );
    reasons
}

/// Says that the share of requests is not the one set.
pub(super) fn far_off(off: &Mismatch) -> String {
    format!(
        "the canary gets {} of requests where {} was set: the numbers may be of something else",
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

fn comparison(judge: &CanaryAnalyzer, ratio: &Ratio) -> String {
    let share = |[requests, errors]: [u64; 2]| percent(errors as f64 / (requests as f64).max(1.0));
    let (canary, stable) = (share(judge.seen.canary), share(judge.seen.stable));
    let times = ratio.estimate.map_or_else(String::new, |estimate| format!(": {} times", figure(estimate)));
    let bounds = match ratio.high {
        Some(high) => format!("{} … {}", figure(ratio.low), figure(high)),
        None if ratio.low > 0.0 => format!("{} or more", figure(ratio.low)),
        None => return format!("canary {canary} against {stable}{times}, too few errors to bound it"),
    };
    format!("canary {canary} against {stable}{times}, always valid {bounds}")
}

fn suspicion(judge: &CanaryAnalyzer, standing: &CandidateState, e: &Evidence) -> Option<String> {
    Some(match standing.culprit? {
        Metric::Errors => format!("seems to fail more often: evidence {}", of_bar(e.plain, judge.rules.alpha_warn)),
        Metric::Latency => format!("seems slower: evidence {}", of_bar(e.plain, judge.rules.alpha_warn)),
        Metric::Budget => {
            let burn = standing.burn?;
            if burn.overspent() {
                cost(burn.spent)
            } else {
                format!("burns the budget {} times too fast", figure(burn.short))
            }
        }
    })
}

fn cost(spent: f64) -> String {
    format!("this rollout has cost {} of the 30-day budget", percent(spent))
}

fn waits_for(judge: &CanaryAnalyzer, needs: &Needs) -> [Option<String>; 2] {
    let wait = needs.x2.map(|need| {
        if need.seconds > 0.0 {
            format!("about {} to see ×2", time(need.seconds))
        } else {
            "a doubling would most likely have shown by now".to_owned()
        }
    });
    [wait, Some(format!("not proved yet: {}", good_enough(judge)))]
}

fn good_enough(judge: &CanaryAnalyzer) -> String {
    let fails = format!("fewer than {} fail", percent(judge.rules.healthy_below()));
    match judge.rules.slow {
        None => fails,
        Some(slow) => format!("{fails}, fewer than {} take over {} s", percent(slow.at_most), slow.bound_seconds),
    }
}

fn of_bar(evidence: f64, alpha: f64) -> String {
    format!("{} of {:.0}", figure(evidence), 1.0 / alpha)
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
        _ => "over a million".to_owned(),
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
        assert_eq!(figures, ["0.0", "6.2", "10", "240", "over a million"]);
    }
}
