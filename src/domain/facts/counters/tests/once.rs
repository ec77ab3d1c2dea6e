//! However looks are split, answers overlap, or the program is restarted: the totals are the same.

use super::refusals::steady;
use super::*;
use proptest::prelude::*;

/// What a counter does from one scrape to the next.
#[derive(Clone, Copy, Debug)]
enum Step {
    More(u16),
    /// The process restarts and answers so many.
    Anew(u16),
    /// The scrape fails; so many more meanwhile.
    Hole(u16),
}

/// Runs of one series and what is to be counted of it: of a series that is there from the start all but what it begins
/// with, of a newborn one all.
fn played(start: i64, first: u16, steps: &[Step]) -> (Vec<(i64, f64)>, u64, u64) {
    let mut value = u64::from(first);
    let mut samples = vec![(start, value as f64)];
    let (mut counted, mut pending) = (0, 0);
    for (n, step) in (start + 1..).zip(steps) {
        match step {
            Step::More(more) => {
                value += u64::from(*more);
                counted += pending + u64::from(*more);
                pending = 0;
                samples.push((n, value as f64));
            }
            // A process that already answered more than the one before cannot be derived from it.
            Step::Anew(more) if u64::from(*more) < value.saturating_sub(pending) => {
                value = u64::from(*more);
                counted += value;
                pending = 0;
                samples.push((n, value as f64));
            }
            Step::Anew(more) | Step::Hole(more) => {
                value += u64::from(*more);
                pending += u64::from(*more);
            }
        }
    }
    (samples, counted, u64::from(first))
}

/// One pod in progress: at most one restart, for two of them in a row are no data.
fn pod() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![6 => (0_u16..50).prop_map(Step::More), 1 => (0_u16..50).prop_map(Step::Hole)];
    (prop::collection::vec(step, 30), prop::option::of((0_usize..25, 0_u16..60))).prop_map(|(mut steps, restart)| {
        if let Some((at, more)) = restart {
            steps[at] = Step::Anew(more);
        }
        // In the end there are samples to count up to; what waits for a slice to be whole adds nothing.
        steps.extend([Step::More(1); 4]);
        steps.extend([Step::More(0); 4]);
        steps
    })
}

/// The times of the looks, in scrapes: never far apart, so that nothing falls out of the answers.
fn looks() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_i64..4, 40).prop_map(|gaps| {
        let mut at = 4;
        let mut looks = vec![4];
        looks.extend(gaps.into_iter().map_while(|gap| {
            at += gap;
            (at < 34).then_some(at)
        }));
        looks.push(38);
        looks
    })
}

/// What an answer at a scrape holds, with the last scrapes before it.
fn window(all: &[SeriesSeen], at: i64, scrapes: i64) -> Seen {
    let within = |series: &SeriesSeen| {
        let Samples::Numbers(numbers) = &series.samples else { return series.clone() };
        let kept = numbers.iter().filter(|(t, _)| *t > (at - scrapes) * SCRAPE_MS && *t <= at * SCRAPE_MS).copied();
        SeriesSeen { samples: Samples::Numbers(kept.collect()), ..series.clone() }
    };
    let mut answer: Vec<_> = all.iter().map(within).collect();
    answer.retain(|series| series.samples.times().next().is_some());
    seen(at, &answer)
}

proptest! {
    #[test]
    fn each_request_is_counted_once(
        canary in pod(), stable in pod(), errors in pod(), born in 3_i64..20, first in 1_u16..9,
        times in looks(), kept in 8_i64..40, restart in 0_usize..12,
    ) {
        let errors = &errors[..usize::try_from(38 - born).unwrap()];
        let errors: Vec<_> = errors.iter().map(|step| if let Step::Anew(n) = step { Step::More(*n) } else { *step }).collect();
        let (ok, answered, _) = played(0, 100, &canary);
        // The failures of a pod of their own, whose requests are there from the start.
        let (wrong, failed, born_with) = played(born, first, &errors);
        let (old, of_stable, _) = played(0, 5000, &stable);
        let quiet: Vec<_> = (0..=38).map(|n| (n, 7.0)).collect();
        let all = [
            series("web-7f-a", "200", &ok), series("web-7f-b", "200", &quiet), series("web-7f-b", "500", &wrong),
            series("web-5d-a", "200", &old),
        ];
        let mut counters = counters();
        let mut seen_so_far = Vec::new();
        for (n, at) in times.iter().enumerate() {
            // An answer reaches back to the look before last at least.
            let since = counters.since().map_or(0, |since| *at - since / SCRAPE_MS + 2);
            seen_so_far.extend(take(&mut counters, &window(&all, *at, kept.max(since))));
            if n == restart {
                let saved = serde_json::to_string(&counters).unwrap();
                counters = serde_json::from_str(&saved).unwrap();
            }
        }
        let failed = failed + born_with;
        let [requests, errors, stable, _] = totals(&seen_so_far);
        prop_assert_eq!((requests, errors, stable), (answered + failed, failed, of_stable));
    }
}

#[test]
fn redirects_and_rejected_requests_are_counted_among_all_requests() {
    let mut counters = counters();
    let series = |scrape: f64| {
        let each = |pod: &str, code: &str, per_scrape: f64| {
            let samples: Vec<_> = (0..=scrape as i64).map(|at| (at, per_scrape * at as f64)).collect();
            series(pod, code, &samples)
        };
        vec![
            each("web-5d-a", "200", 50.0),
            each("web-7f-a", "200", 5.0),
            each("web-7f-a", "302", 2.0),
            each("web-7f-a", "404", 3.0),
            each("web-7f-a", "500", 1.0),
        ]
    };
    let seen = Seen { at: 10 * SCRAPE_MS, series: series(10.0), pods: None };
    let looks = counters.take(&seen, SCRAPE_MS, None);
    let Some(Look::Scrape(last)) = looks.last() else { panic!("{looks:?}") };
    let statuses = |redirects, rejected| Some(Statuses { redirects, rejected });
    assert_eq!((last.canary.requests, last.canary.errors, last.canary.statuses), (11, 1, statuses(2, 3)));
    assert_eq!((last.stable.requests, last.stable.statuses), (50, statuses(0, 0)));
}

/// A ServiceMonitor that matches the Services of stable and canary as well as the root one scrapes each pod several times.
#[test]
fn a_pod_that_several_jobs_scrape_is_counted_once() {
    let of_job = |job: &str, series: SeriesSeen| {
        let mut series = series;
        series.labels.insert("job".to_owned(), job.to_owned());
        series.labels.insert("service".to_owned(), job.to_owned());
        series
    };
    let canary = |to: i64| series("web-7f-a", "200", &(0..=to).map(|at| (at, 4.0 * at as f64)).collect::<Vec<_>>());
    let errors = |to: i64| series("web-7f-a", "500", &(2..=to).map(|at| (at, 1.0)).collect::<Vec<_>>());
    let both = |to: i64| {
        let once = [canary(to), errors(to), steady("web-5d-a", 10.0, 0..=to)];
        once.into_iter().flat_map(|one| [of_job("web", one.clone()), of_job("web-canary", one)]).collect::<Vec<_>>()
    };
    let mut counters = counters();
    let mut looks = take(&mut counters, &seen(4, &both(4)));
    assert_eq!(totals(&looks), [17, 1, 40, 0]);
    // The one that counted goes: the other one goes on where it was.
    let left = |to: i64| both(to).into_iter().filter(|one| one.labels["job"] == "web-canary").collect::<Vec<_>>();
    looks.extend(take(&mut counters, &seen(8, &left(8))));
    assert_eq!(totals(&looks), [33, 1, 80, 0]);
    // Endpoints of one target are no duplicates, however a label is called.
    let path = |path: &str| {
        let mut one = canary(4);
        one.labels.insert("endpoint".to_owned(), path.to_owned());
        one
    };
    let answer = [path("/pay"), path("/refund"), steady("web-5d-a", 10.0, 0..=4)];
    assert_eq!(totals(&take(&mut self::counters(), &seen(4, &answer)))[0], 32);
}
