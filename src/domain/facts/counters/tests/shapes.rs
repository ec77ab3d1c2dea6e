//! Births, resets, ends, duplicates and histograms, one by one.

use super::*;
use crate::domain::facts::counters::{Histogram, KnownPod, PodReadiness};

/// A pod of stable that answers ten requests per scrape.
fn stable(to: i64) -> SeriesSeen {
    series("web-5d-a", "200", &(0..=to).map(|n| (n, 1000.0 + 10.0 * n as f64)).collect::<Vec<_>>())
}

#[test]
fn new_error_series_at_one_and_three_count_four() {
    // Rates of these are zero: a series of one sample has none, and what a series begins with does not count.
    let answer = [
        stable(4),
        series("web-7f-a", "200", &[(0, 5.0), (1, 10.0), (2, 15.0), (3, 20.0), (4, 25.0)]),
        series("web-7f-a", "500", &[(2, 1.0), (3, 1.0), (4, 1.0)]),
        series("web-7f-b", "200", &[(0, 5.0), (1, 10.0), (2, 15.0), (3, 20.0), (4, 25.0)]),
        series("web-7f-b", "500", &[(4, 3.0)]),
    ];
    let scrapes = scrapes(take(&mut counters(), &seen(4, &answer)));
    let errors: Vec<_> = scrapes.iter().map(|scrape| (scrape.canary.requests, scrape.canary.errors)).collect();
    assert_eq!(errors, [(0, 0), (10, 0), (11, 1), (10, 0), (13, 3)]);
    assert_eq!(
        scrapes.iter().map(|scrape| scrape.stable.requests).sum::<u64>(),
        40,
        "an old series: from what it reads"
    );
    assert_eq!(scrapes[4].stable_pods.len(), 1);
    assert!((scrapes[1].t - scrapes[0].t - 15.0).abs() < 1e-9);
}

#[test]
fn pod_created_after_the_first_look_counts_from_zero() {
    let mut counters = counters();
    let canary = |samples: &[(i64, f64)]| series("web-7f-a", "200", samples);
    let first = take(&mut counters, &seen(2, &[stable(2), canary(&[(1, 50.0), (2, 60.0)])]));
    assert_eq!(totals(&first)[0], 10, "the pod is older than the first look");
    let born = series("web-7f-b", "200", &[(3, 7.0)]);
    let second = take(&mut counters, &seen(3, &[stable(3), canary(&[(2, 60.0), (3, 61.0)]), born]));
    assert_eq!(totals(&second)[0], 8);
}

#[test]
fn pod_that_was_down_counts_from_its_first_value() {
    let mut counters = counters();
    let canary = |to: i64| series("web-7f-a", "200", &(1..=to).map(|n| (n, n as f64)).collect::<Vec<_>>());
    let up = |samples: &[(i64, f64)]| of("web-5d-b", Role::Up, &[], samples);
    take(&mut counters, &seen(2, &[stable(2), canary(2), up(&[(1, 0.0), (2, 0.0)])]));
    let back = series("web-5d-b", "200", &[(3, 90_000.0)]);
    let answer = [stable(3), canary(3), up(&[(2, 0.0), (3, 1.0)]), back];
    assert_eq!(totals(&take(&mut counters, &seen(3, &answer)))[2], 10);
}

#[test]
fn series_missing_at_pod_restart_counts_from_zero() {
    let mut counters = counters();
    let answer = [
        stable(5),
        series("web-7f-a", "200", &[(0, 90.0), (1, 100.0), (2, 4.0), (3, 8.0), (4, 9.0), (5, 9.0)]),
        // Two errors before the crash, and five of the new process: more than before.
        series("web-7f-a", "500", &[(0, 2.0), (1, 2.0), (3, 5.0), (4, 5.0), (5, 5.0)]),
    ];
    let whole = [10 + 4 + 5 + 5, 5];
    assert_eq!(totals(&take(&mut counters, &seen(5, &answer)))[..2], whole);
    for between in 1..5 {
        let mut counters = self::counters();
        let mut looks = take(&mut counters, &seen(between, &answer));
        looks.extend(take(&mut counters, &seen(5, &answer)));
        assert_eq!(totals(&looks)[..2], whole, "a look after scrape {between}");
    }
}

#[test]
fn a_pod_that_ended_keeps_what_was_counted() {
    let mut counters = counters();
    let mut all =
        take(&mut counters, &seen(2, &[stable(2), series("web-7f-a", "200", &[(0, 0.0), (1, 5.0), (2, 9.0)])]));
    let other = series("web-7f-b", "200", &[(3, 2.0), (4, 4.0)]);
    all.extend(take(&mut counters, &seen(4, &[stable(4), series("web-7f-a", "200", &[(1, 5.0), (2, 9.0)]), other])));
    assert_eq!(totals(&all)[0], 9 + 4);
}

#[test]
fn two_servers_that_scrape_the_same_pods_count_once() {
    for (name, configured) in [("prometheus_replica", None), ("dc", Some("dc"))] {
        let mut counters = counters();
        let mut all = Vec::new();
        let from_one = |replica: &str, n: i64, shift: i64, gone: bool| -> Vec<SeriesSeen> {
            let of = |pod: &str, each: f64| {
                let scrapes = if gone { n - 8..=n - 7 } else { n - 3..=n };
                let values = scrapes.filter(|n| *n >= 0).map(|n| (n * SCRAPE_MS + shift, each * n as f64 + each));
                let mut one = series(pod, "200", &[]);
                one.samples = Samples::Numbers(values.collect());
                one.labels.insert(name.to_owned(), replica.to_owned());
                one
            };
            vec![of("web-5d-a", 10.0), of("web-7f-a", 3.0)]
        };
        for n in 0..20 {
            let mut answer = from_one("a", n, 0, n >= 12);
            // The clock of the other one is ahead: its samples look older than they are.
            answer.extend(from_one("b", n, -4000, false));
            let seen = seen(n, &answer);
            all.extend(counters.take(&seen, SCRAPE_MS, configured));
        }
        let [requests, errors, of_stable, _] = totals(&all);
        assert_eq!((requests, errors, of_stable), (3 * 19, 0, 10 * 19), "{name}");
    }
}

fn bucket(pod: &str, le: &str, samples: &[(i64, f64)]) -> SeriesSeen {
    let seconds = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
    of(pod, Role::Bucket(seconds), &[("le", le)], samples)
}

#[test]
fn buckets_use_common_bounds_of_both_tracks() {
    let canary = series("web-7f-a", "200", &[(0, 0.0), (1, 10.0)]);
    let answer = [
        stable(1),
        canary,
        bucket("web-5d-a", "0.1", &[(0, 5.0), (1, 9.0)]),
        bucket("web-5d-a", "0.25", &[(0, 5.0), (1, 11.0)]),
        bucket("web-5d-a", "0.5", &[(0, 6.0), (1, 13.0)]),
        bucket("web-5d-a", "+Inf", &[(0, 6.0), (1, 16.0)]),
        bucket("web-7f-a", "1e-1", &[(0, 0.0), (1, 1.0)]),
        bucket("web-7f-a", "0.50", &[(0, 0.0), (1, 7.0)]),
        bucket("web-7f-a", "+Inf", &[(0, 0.0), (1, 10.0)]),
    ];
    let scrapes = scrapes(take(&mut counters(), &seen(1, &answer)));
    let last = scrapes.last().unwrap();
    let own = |buckets: &[analysis::Bucket]| buckets.iter().map(|b| (b.le, b.count)).collect::<Vec<_>>();
    assert_eq!(own(&last.stable.buckets), [(0.1, 4), (0.5, 3), (f64::INFINITY, 3)]);
    assert_eq!(own(&last.canary.buckets), [(0.1, 1), (0.5, 6), (f64::INFINITY, 3)]);
}

#[test]
fn native_histograms_are_compared_at_common_bounds() {
    let native = |pod: &str, samples: Vec<(i64, Histogram)>| {
        let samples =
            Samples::Histograms(samples.into_iter().map(|(n, histogram)| (n * SCRAPE_MS, histogram)).collect());
        SeriesSeen { samples, ..of(pod, Role::Native(1), &[], &[]) }
    };
    let read = |n: f64, low: f64, high: f64| Histogram::read(n, &[(low, high, n)]).unwrap();
    let answer = [
        stable(1),
        series("web-7f-a", "200", &[(0, 0.0), (1, 10.0)]),
        // Resolution 0: powers of two. Resolution 2 on the other side.
        native("web-5d-a", vec![(0, read(2.0, 0.25, 0.5)), (1, read(9.0, 0.25, 0.5))]),
        native("web-7f-a", vec![(0, read(0.0, 0.5, 0.5_f64.exp2() * 0.5)), (1, read(4.0, 0.5, 0.25_f64.exp2() * 0.5))]),
    ];
    let scrapes = scrapes(take(&mut counters(), &seen(1, &answer)));
    let last = scrapes.last().unwrap();
    let full = |buckets: &[analysis::Bucket]| {
        buckets.iter().filter(|bucket| bucket.count > 0).map(|bucket| (bucket.le, bucket.count)).collect::<Vec<_>>()
    };
    assert_eq!(full(&last.stable.buckets), [(0.5, 7)]);
    assert_eq!(full(&last.canary.buckets), [(1.0, 4)]);
    assert_eq!(last.stable.buckets.len(), last.canary.buckets.len());
    assert!(last.stable.buckets.last().unwrap().le.is_infinite());
}

#[test]
fn separately_counted_errors_never_exceed_requests() {
    let errors = of("web-7f-a", Role::FailedAgain, &[("kind", "error")], &[(0, 0.0), (1, 4.0)]);
    let answer = [stable(1), series("web-7f-a", "200", &[(0, 0.0), (1, 3.0)]), errors];
    assert_eq!(totals(&take(&mut counters(), &seen(1, &answer)))[..2], [4, 4]);
}

#[test]
fn a_young_pod_counts_from_zero_even_in_the_first_look() {
    let canary = || series("web-7f-a", "200", &[(3, 8.0), (4, 9.0)]);
    let look = |created: i64| {
        let pods = Some(vec![KnownPod {
            name: "web-7f-a".to_owned(),
            created: Some(created),
            readiness: PodReadiness::Ready,
        }]);
        totals(&take(&mut counters(), &Seen { pods, ..seen(4, &[stable(4), canary()]) }))[0]
    };
    assert_eq!(look(2 * SCRAPE_MS), 9);
    assert_eq!(look(-3_600_000), 1);
}
