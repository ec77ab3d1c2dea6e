//! The reasons for a status, in short sentences with figures.

use super::analysis_status::StatusBasis;
use super::latency::{LatencyTest, Slower};
use super::ratio_interval::Ratio;
use super::report::{AnalysisStatus, Evidence, Metric, Needs};
use super::rules::Rules;
use super::sentence::Sentence;
use super::state::CanaryAnalyzer;
use super::weight::Mismatch;

/// Returns why.
pub(super) fn of(analyzer: &CanaryAnalyzer, assessment: &StatusBasis, e: &Evidence, needs: &Needs) -> Vec<String> {
    let alpha = analyzer.rules.alpha;
    let mut reasons = Vec::with_capacity(4);
    reasons.extend(assessment.trouble.clone());
    // While undecided, what is missing comes first.
    if assessment.opinion == AnalysisStatus::Undecided {
        reasons.extend(waits_for(analyzer, needs).into_iter().flatten());
    }
    let compared = reasons.len();
    reasons.extend(analyzer.ratio.map(|ratio| comparison(analyzer, &ratio)));
    match assessment.opinion {
        AnalysisStatus::Regressed => reasons.push(match assessment.culprit {
            Some(Metric::Latency) => {
                slower(Sentence::new("latency is worse than stable"), analyzer).evidence(e.guarded, alpha).end()
            }
            Some(Metric::Statuses) => more_statuses(analyzer).evidence(e.guarded, alpha).end(),
            Some(Metric::Budget) => cost(assessment.burn.map_or(0.0, |burn| burn.spent)),
            _ => oftener(Sentence::new("error rate is higher than stable"), analyzer).evidence(e.guarded, alpha).end(),
        }),
        AnalysisStatus::Suspect => reasons.extend(suspicion(analyzer, assessment, e)),
        AnalysisStatus::Healthy => reasons.push(good_enough(Sentence::new("proven: "), &analyzer.rules)),
        AnalysisStatus::Undecided => reasons.push(Sentence::new("").evidence(e.guarded, alpha).end()),
        AnalysisStatus::NoData => {}
    }
    // What decided comes first: error rates do not where they did not.
    if assessment.culprit.is_some_and(|metric| metric != Metric::Errors) && reasons.len() > compared + 1 {
        reasons.swap(compared, compared + 1);
    }
    if assessment.stable_burns {
        reasons.push("stable burns its error budget too: probably not the canary".to_owned());
    }
    reasons.extend(assessment.mismatch.filter(|off| !off.is_far_off()).map(|off| share_of_requests(&off).end()));
    reasons
}

/// Says that the share of requests is not the one set.
pub(super) fn far_off(off: &Mismatch) -> String {
    share_of_requests(off).words(": the metrics may belong to another workload").end()
}

fn share_of_requests(off: &Mismatch) -> Sentence {
    Sentence::new("the canary gets ").percent(off.seen).words(" of requests, its weight is ").percent(off.set)
}

/// Returns seconds in words: `40 s`, `4 min`, `2.1 h`, `3 days`.
#[must_use]
pub fn time(seconds: f64) -> String {
    Sentence::new("").time(seconds).end()
}

fn comparison(analyzer: &CanaryAnalyzer, ratio: &Ratio) -> String {
    let share = |[requests, errors]: [u64; 2]| errors as f64 / (requests as f64).max(1.0);
    let (canary, stable) = (share(analyzer.seen.canary), share(analyzer.seen.stable));
    let shares = Sentence::new("error rate: canary ").percent(canary).words(", stable ").percent(stable).words(" (");
    let times = match ratio.estimate {
        Some(estimate) => shares.figure(estimate).words("×; "),
        None => shares,
    };
    // The bounds leave out `alpha_warn`, 5 % unless configured otherwise.
    let level = 100.0 * (1.0 - analyzer.rules.alpha_warn);
    let bounds = match ratio.high {
        Some(high) => times.decimals(level, 0).words(" % CI ").figure(ratio.low).words("–").figure(high).words("×"),
        None if ratio.low > 0.0 => times.decimals(level, 0).words(" % CI from ").figure(ratio.low).words("×"),
        None => times.words("too few errors to tell"),
    };
    bounds.words(")").end()
}

fn suspicion(analyzer: &CanaryAnalyzer, assessment: &StatusBasis, e: &Evidence) -> Option<String> {
    let alpha = analyzer.rules.alpha_warn;
    Some(match assessment.culprit? {
        Metric::Errors => oftener(Sentence::new("error rate looks higher"), analyzer).evidence(e.plain, alpha).end(),
        Metric::Latency => slower(Sentence::new("latency looks worse"), analyzer).evidence(e.plain, alpha).end(),
        Metric::Statuses => more_statuses(analyzer).evidence(e.plain, alpha).end(),
        Metric::Budget => {
            let burn = assessment.burn?;
            if burn.overspent() {
                cost(burn.spent)
            } else {
                Sentence::new("error budget burn rate ").figure(burn.short).words("×").end()
            }
        }
    })
}

fn more_statuses(analyzer: &CanaryAnalyzer) -> Sentence {
    let (class, share) = analyzer.statuses.class();
    let more = Sentence::new("more ").words(class.label()).words(": canary ").percent(share.canary);
    more.words(", stable ").percent(share.stable).words("; ")
}

/// What a regression of the error rate is beyond, where there is a margin: ` by more than 25 %`.
fn oftener(sentence: Sentence, analyzer: &CanaryAnalyzer) -> Sentence {
    beyond(sentence, analyzer.rules.margin_errors)
}

/// Says by how much it is slower, at the bound that shows it best: `12.00 % over 250 ms, stable 3.10 %; `.
fn slower(sentence: Sentence, analyzer: &CanaryAnalyzer) -> Sentence {
    let sentence = beyond(sentence, analyzer.rules.margin_latency);
    match analyzer.latency.as_ref().and_then(LatencyTest::slowest) {
        Some(Slower { seconds, canary, stable }) => {
            let canary = sentence.percent(canary).words(" over ").seconds(seconds);
            canary.words(", stable ").percent(stable).words("; ")
        }
        None => sentence,
    }
}

fn beyond(sentence: Sentence, margin: f64) -> Sentence {
    let sentence = if margin > 1.0 {
        sentence.words(" by more than ").decimals((margin - 1.0) * 100.0, 0).words(" %")
    } else {
        sentence
    };
    sentence.words(": ")
}

fn cost(spent: f64) -> String {
    Sentence::new("this rollout has used ").percent(spent).words(" of the 30-day error budget").end()
}

fn waits_for(analyzer: &CanaryAnalyzer, needs: &Needs) -> [Option<String>; 3] {
    let since = analyzer.proof.starts_at().map(|what| {
        let since = Sentence::new("count restarted after ").words(what).words(": ");
        since.decimals(analyzer.proof.requests() as f64, 0).words(" canary requests so far").end()
    });
    let wait = needs.x2.map(|need| {
        if need.seconds > 0.0 {
            Sentence::new("a 2× regression detectable in ~").time(need.seconds).end()
        } else {
            "a 2× regression would have been detected by now".to_owned()
        }
    });
    [since, wait, Some(good_enough(Sentence::new("not yet proven: "), &analyzer.rules))]
}

fn good_enough(sentence: Sentence, rules: &Rules) -> String {
    let fails = sentence.words("error rate below ").percent(rules.healthy_below());
    let Some(slow) = rules.slow else { return fails.end() };
    let slower = fails.words(", fewer than ").percent(slow.at_most).words(" slower than ");
    slower.words(&slow.bound_seconds.to_string()).words(" s").end()
}

/// Returns a figure with one decimal below ten, and never more digits than a person reads.
#[must_use]
pub fn figure(value: f64) -> String {
    Sentence::new("").figure(value).end()
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
