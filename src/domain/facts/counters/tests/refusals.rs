//! What counts as no data, why, and that no count is lost by it.

use super::*;
use crate::domain::facts::counters::{KnownPod, PodReadiness};

pub(super) fn steady(pod: &str, each: f64, scrapes: std::ops::RangeInclusive<i64>) -> SeriesSeen {
    series(pod, "200", &scrapes.map(|n| (n, each * n as f64)).collect::<Vec<_>>())
}

fn both(to: i64) -> Vec<SeriesSeen> {
    vec![steady("web-5d-a", 10.0, 0..=to), steady("web-7f-a", 2.0, 0..=to)]
}

#[test]
fn failed_look_is_reported_and_the_next_one_catches_up() {
    let down = vec![of("web-7f-a", Role::Up, &[], &[(4, 0.0)])];
    let nan = vec![of("web-7f-a", Role::Failed, &[("code", "500")], &[(4, f64::NAN)])];
    let negative = vec![of("web-5d-a", Role::Failed, &[("code", "500")], &[(4, -1.0)])];
    let cases: [(Vec<SeriesSeen>, &str); 7] = [
        (vec![steady("web-5d-a", 10.0, 0..=4)], "no request counter for the canary"),
        (vec![steady("web-7f-a", 2.0, 0..=4)], "no request counter for the stable"),
        (
            vec![steady("web-5d-a", 10.0, 0..=4), of("web-7f-a", Role::Unknown, &[], &[(4, 1.0)])],
            "the counters of canary have no label for errors",
        ),
        ([both(4), nan].concat(), "a counter of canary reads NaN"),
        ([both(4), negative].concat(), "a counter of stable reads -1"),
        (
            vec![steady("web-5d-a", 10.0, 0..=4), steady("web-7f-a", 2.0, 0..=0)],
            "the newest sample of canary is 1m00s old",
        ),
        ([both(3), down].concat(), "0 of 1 pods of canary are scraped"),
    ];
    for (answer, expected) in cases {
        let mut counters = counters();
        let mut all = take(&mut counters, &seen(2, &both(2)));
        let looks = take(&mut counters, &seen(4, &answer));
        assert_eq!(why(&looks), expected);
        all.extend(looks);
        all.extend(take(&mut counters, &seen(6, &both(6))));
        assert_eq!(totals(&all), [12, 0, 60, 0], "{expected}");
        // The time in between is cut as if nothing had been.
        assert_eq!(all.iter().filter(|look| matches!(look, Look::Scrape(_))).count(), 7, "{expected}");
    }
}

#[test]
fn every_known_pod_must_be_scraped() {
    let known = |created: i64| {
        let pod = |name: &str, created| KnownPod {
            name: name.to_owned(),
            created: Some(created),
            readiness: PodReadiness::Ready,
        };
        Some(vec![pod("web-7f-a", 0), pod("web-7f-b", created)])
    };
    let look = |created| take(&mut counters(), &Seen { pods: known(created), ..seen(4, &both(4)) });
    assert_eq!(why(&look(0)), "1 of 2 pods of canary are scraped");
    assert_eq!(totals(&look(3 * SCRAPE_MS))[0], 8, "it has just begun");
}

#[test]
fn two_quick_restarts_of_a_pod_are_not_trusted() {
    let canary = |values: &[f64]| series("web-7f-a", "200", &(0..).zip(values.iter().copied()).collect::<Vec<_>>());
    let values = [5.0, 9.0, 3.0, 7.0, 2.0, 4.0, 6.0];
    let mut counters = counters();
    let look = |counters: &mut Counters, to: i64| {
        let to_now = values.iter().copied().take(usize::try_from(to).unwrap() + 1).collect::<Vec<_>>();
        take(counters, &seen(to, &[steady("web-5d-a", 10.0, 0..=to), canary(&to_now)]))
    };
    assert_eq!(totals(&look(&mut counters, 3))[0], 4 + 3 + 4);
    assert_eq!(why(&look(&mut counters, 4)), "the counters of web-7f-a went backwards twice within 10 minutes");
    assert_eq!(totals(&look(&mut counters, 6))[0], 4, "trusted again");
}

#[test]
fn stable_alone_is_not_counted_before_there_is_a_canary() {
    let mut counters = counters();
    for n in 1..20 {
        let from = (n - 3).max(0);
        let looks = take(&mut counters, &seen(n, &[steady("web-5d-a", 10.0, from..=n)]));
        assert_eq!(why(&looks), "no request counter for the canary");
    }
    let canary = series("web-7f-a", "200", &[(20, 3.0)]);
    let looks = take(&mut counters, &seen(20, &[steady("web-5d-a", 10.0, 17..=20), canary]));
    assert_eq!(totals(&looks), [3, 0, 10, 0]);
}

#[test]
fn counting_restarts_after_a_long_pause() {
    let mut counters = counters();
    take(&mut counters, &seen(4, &both(4)));
    let late = 4 + 3_600_000 / SCRAPE_MS + 1;
    let answer = [steady("web-5d-a", 10.0, late - 3..=late), steady("web-7f-a", 2.0, late - 3..=late)];
    assert_eq!(totals(&take(&mut counters, &seen(late, &answer))), [6, 0, 30, 0]);
}

#[test]
fn too_large_values_are_not_counted() {
    for value in [1e300, 1e16, f64::MAX] {
        let mut answer = both(4);
        answer.push(series("web-7f-b", "500", &[(3, 1.0), (4, value)]));
        answer.push(series("web-7f-c", "500", &[(3, 1.0), (4, value)]));
        let looks = take(&mut counters(), &seen(4, &answer));
        assert!(matches!(&looks[..], [Look::Missing { .. }]), "{looks:?}");
    }
}

/// A readiness probe that fails while a service warms up is counted by the service, and is no user's request.
#[test]
fn what_a_pod_answers_before_it_is_ready_does_not_count() {
    let probes = |to: i64| {
        let failed: Vec<_> = (0..=to).map(|scrape| (scrape, 3.0 * scrape.min(3) as f64)).collect();
        series("web-7f-a", "503", &failed)
    };
    let users = |to: i64| {
        let served: Vec<_> = (0..=to).map(|scrape| (scrape, 10.0 * (scrape - 3).max(0) as f64)).collect();
        series("web-7f-a", "200", &served)
    };
    let all = |to: i64| vec![probes(to), users(to), steady("web-5d-a", 10.0, 0..=to)];
    let of = |counters: &mut Counters, to: i64, readiness: Option<PodReadiness>| {
        let pod = |readiness| KnownPod { name: "web-7f-a".to_owned(), created: Some(0), readiness };
        take(counters, &Seen { pods: Some(readiness.map(pod).into_iter().collect()), ..seen(to, &all(to)) })
    };
    let mut counters = counters();
    let ready = Some(PodReadiness::Since(3 * SCRAPE_MS));
    let mut looks = of(&mut counters, 3, Some(PodReadiness::Starting));
    assert_eq!(totals(&looks)[..2], [0, 0]);
    looks.extend(of(&mut counters, 6, ready));
    assert_eq!(totals(&looks)[..2], [30, 0], "every request of users, and no probe");
    // What it answers when it is not ready any more are failures of users.
    let looks = of(&mut counters, 8, None);
    assert_eq!(totals(&looks)[0], 20);
    // Seen only later, its past is known by when it became ready.
    let mut late = self::counters();
    assert_eq!(totals(&of(&mut late, 6, ready))[1], 0);
}
