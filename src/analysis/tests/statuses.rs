//! The status that given counts lead to.

use super::*;

fn reasons(judge: &CanaryAnalyzer) -> String {
    judge.report().reasons.join("; ")
}

#[test]
fn nothing_seen_is_no_data() {
    let report = CanaryAnalyzer::new(Rules::default()).report();
    assert_eq!((report.opinion, report.t, report.ratio), (AnalysisStatus::NoData, None, None));
    assert_eq!(report.reasons, ["analysis not started"]);
}

#[test]
fn clear_regression_is_regressed_within_a_minute() {
    let look = |t, _| scrape(t, (375, 20), (7125, 70));
    let first = after(Rules::default(), 1, look).report();
    assert_eq!((first.opinion, first.tier), (AnalysisStatus::Suspect, Some(Tier::Plain)), "{first:?}");
    assert_eq!(first.culprit, Some(Metric::Errors));
    let later = after(Rules::default(), 5, look).report();
    assert_eq!((later.opinion, later.tier), (AnalysisStatus::Regressed, Some(Tier::Guarded)), "{later:?}");
    assert!(later.reasons[0].starts_with("error rate: canary 5.33 %, stable 0.98 % (5.4×; 95 % CI "), "{later:?}");
    assert!(later.reasons[1].starts_with("error rate is higher than stable by more than 25 %: evidence "), "{later:?}");
}

#[test]
fn one_scrape_alone_never_rolls_back() {
    let mut judge = after(Rules::default(), 10, |t, _| scrape(t, (375, 0), (7125, 7)));
    judge.take(&scrape(165.0, (375, 375), (7125, 7)));
    assert_eq!(judge.report().opinion, AnalysisStatus::Suspect);
}

#[test]
fn too_few_errors_never_roll_back() {
    let rules = Rules { min_errors: 50, ..Rules::default() };
    let judge = after(rules, 6, |t, _| scrape(t, (375, 5), (7125, 0)));
    assert!(judge.evidence().guarded > 100.0);
    assert_eq!(judge.report().opinion, AnalysisStatus::Suspect);
}

#[test]
fn a_canary_like_stable_is_undecided_and_then_healthy() {
    let look = |t, at: u32| scrape(t, (38, u64::from(at % 27 == 26)), (712, 1));
    let judge = after(Rules::default(), 2, look);
    let report = judge.report();
    assert_eq!(report.opinion, AnalysisStatus::Undecided);
    assert!(reasons(&judge).contains("; not yet proven: error rate below 1.44 %"), "{}", reasons(&judge));
    let needs = report.needs.x5.unwrap();
    assert!(needs.seconds > 0.0 && needs.seconds < report.needs.x2.unwrap().seconds);
    let judge = after(Rules::default(), 20, look);
    assert_eq!(judge.report().opinion, AnalysisStatus::Healthy, "{:?}", judge.report());
    assert!(reasons(&judge).contains("proven: error rate below 1.44 %"));
}

#[test]
fn sample_without_data_gives_the_reason_and_keeps_evidence() {
    let mut judge = after(Rules::default(), 20, |t, _| scrape(t, (38, 0), (712, 1)));
    judge.take(&Look::Missing { t: 315.0, why: "HTTP 503 from Prometheus".to_owned() });
    assert_eq!(judge.report().opinion, AnalysisStatus::NoData);
    assert_eq!(judge.report().reasons[0], "HTTP 503 from Prometheus");
    judge.take(&scrape(330.0, (38, 0), (712, 1)));
    assert_eq!(judge.report().opinion, AnalysisStatus::Healthy);
}

#[test]
fn incomparable_scrapes_are_no_data() {
    for (canary, stable, says) in [
        ((0, 0), (712, 1), "the canary got no requests"),
        ((38, 0), (0, 0), "stable got no requests"),
        ((0, 0), (0, 0), "no requests on either"),
        ((5, 6), (712, 1), "the canary has more errors than requests"),
        ((38, 0), (1, 2), "stable has more errors than requests"),
    ] {
        let mut judge = after(Rules::default(), 20, |t, _| scrape(t, (38, 0), (712, 1)));
        judge.take(&scrape(330.0, canary, stable));
        assert_eq!(judge.report().opinion, AnalysisStatus::NoData, "{says}");
        assert!(reasons(&judge).starts_with(says), "{}", reasons(&judge));
    }
    let mut judge = after(Rules::default(), 20, |t, _| scrape(t, (38, 0), (712, 1)));
    judge.take(&scrape(10.0, (38, 0), (712, 1)));
    assert_eq!(judge.report().reasons[0], "sample timestamps went backwards");
}

#[test]
fn old_data_is_no_data() {
    let judge = after(Rules::default(), 20, |t, _| scrape(t, (38, 0), (712, 1)));
    assert_eq!(judge.report_at(330.0).opinion, AnalysisStatus::Healthy);
    let stale = judge.report_at(360.0);
    assert_eq!((stale.opinion, stale.reasons[0].as_str()), (AnalysisStatus::NoData, "the last data is 60 s old"));
}

#[test]
fn buckets_without_a_common_bound_are_no_data() {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    let Look::Scrape(mut odd) = latencies(15.0, [9, 1, 0, 0], [90, 9, 1, 0]) else { return };
    odd.canary.buckets = vec![Bucket { le: 0.3, count: 9 }, Bucket { le: f64::INFINITY, count: 1 }];
    judge.take(&Look::Scrape(odd));
    assert_eq!(judge.report().opinion, AnalysisStatus::NoData);
    assert!(reasons(&judge).contains("share no bound"));
}

#[test]
fn incident_on_both_tracks_is_not_blamed_on_the_canary() {
    let judge = after(Rules::default(), 20, |t, _| scrape(t, (100, 5), (1900, 95)));
    let report = judge.report();
    assert_eq!(report.opinion, AnalysisStatus::Undecided, "{report:?}");
    assert!(report.stable_burns && report.burn.unwrap().short > 14.4);
    assert!(reasons(&judge).contains("probably not the canary"));
    // Worse than stable in the midst of it is worse all the same.
    let worse = after(Rules::default(), 20, |t, _| scrape(t, (100, 40), (1900, 95))).report();
    assert!(worse.stable_burns && worse.opinion == AnalysisStatus::Regressed);
}

#[test]
fn burning_budget_is_suspect_even_with_little_stable_traffic() {
    let judge = after(Rules::default(), 8, |t, _| scrape(t, (100, 3), (2, 0)));
    let report = judge.report();
    assert_eq!((report.opinion, report.culprit), (AnalysisStatus::Suspect, Some(Metric::Budget)), "{report:?}");
    assert!(reasons(&judge).contains("error budget burn rate 30×"), "{}", reasons(&judge));
}

#[test]
fn a_slower_canary_is_regressed_only_beyond_what_is_tolerated() {
    let stable = [500, 300, 150, 50];
    let slow = after(Rules::default(), 12, |t, _| latencies(t, [25, 30, 30, 15], stable)).report();
    assert_eq!((slow.opinion, slow.culprit), (AnalysisStatus::Regressed, Some(Metric::Latency)), "{slow:?}");
    let first = &slow.reasons[0];
    assert!(
        first.starts_with("latency is worse than stable by more than 15 %: 45.00 % over 250 ms, stable 20.00 %; "),
        "{slow:?}"
    );
    let look = |t, _| latencies(t, [455, 320, 171, 54], stable);
    let within = after(Rules::default(), 240, look).report();
    assert_eq!((within.opinion, within.culprit), (AnalysisStatus::Healthy, None), "{within:?}");
    // A few errors on both, which decide nothing: what did is told first.
    let with_errors = |t, at: u32| {
        let Look::Scrape(mut both) = look(t, at) else { return look(t, at) };
        (both.canary.errors, both.stable.errors) = (1, 1);
        Look::Scrape(both)
    };
    let reasons = after(Rules { margin_latency: 1.0, ..Rules::default() }, 240, with_errors).report().reasons;
    assert!(
        reasons[0].starts_with("latency looks worse: ")
            && reasons[0].contains("; evidence ")
            && reasons[1].starts_with("error rate: "),
        "{reasons:?}"
    );
    let judge = after(Rules { margin_latency: 1.0, ..Rules::default() }, 240, look);
    let little = judge.report();
    assert_eq!((little.opinion, little.culprit), (AnalysisStatus::Suspect, Some(Metric::Latency)), "{little:?}");
    assert!(little.e.latency > 20.0 && little.e.guarded < 1.0);
    assert_eq!(little.heat.len(), 4);
    assert!((little.heat.iter().map(|heat| heat.canary).sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(little.p99.canary.unwrap().above, Some(0.5));
}

#[test]
fn healthy_canary_must_also_meet_its_latency_limit() {
    let slow = |at_most| Rules { slow: Some(SlowObjective { bound_seconds: 0.5, at_most }), ..Rules::default() };
    let look = |t, _| latencies(t, [190, 60, 40, 10], [1900, 600, 400, 100]);
    assert_eq!(after(slow(0.1), 20, look).report().opinion, AnalysisStatus::Healthy);
    assert_eq!(after(slow(0.02), 20, look).report().opinion, AnalysisStatus::Undecided);
}

#[test]
fn suspect_ends_when_evidence_fades() {
    let mut judge = after(Rules::default(), 1, |t, _| scrape(t, (38, 3), (712, 1)));
    assert_eq!(judge.report().opinion, AnalysisStatus::Suspect);
    let mut was = Vec::new();
    for at in 0..100 {
        judge.take(&scrape(30.0 + 15.0 * f64::from(at), (38, 0), (712, 1)));
        let (suspect, plain) = (judge.report().opinion == AnalysisStatus::Suspect, judge.evidence().plain);
        assert_eq!(suspect, plain >= 2.0, "it never comes back without new evidence: {plain}");
        was.push(suspect);
    }
    assert!(was[0] && !was[99]);
}

#[test]
fn wrong_traffic_share_warns_and_far_off_is_no_data() {
    let look = |share: u64| move |t: f64, _| scrape(t, (share, 0), (1000 - share, 1));
    let run = |set: f64, share: u64| {
        let mut judge = CanaryAnalyzer::new(Rules::default());
        for at in 0..60_u32 {
            judge.set_weight(Some(set));
            judge.take(&look(share)(f64::from(at) * 15.0, at));
        }
        judge.report()
    };
    let (even, off, far) = (run(0.05, 50), run(0.05, 70), run(0.05, 200));
    assert!(!even.reasons.iter().any(|reason| reason.contains("its weight is")));
    assert_eq!(off.opinion, AnalysisStatus::Healthy);
    assert!(off.reasons.contains(&"the canary gets 7.00 % of requests, its weight is 5.00 %".to_owned()), "{off:?}");
    assert_eq!(far.opinion, AnalysisStatus::NoData);
}

#[test]
fn pods_that_differ_raise_the_tolerance() {
    let look = |t: f64, at: u32| {
        let Look::Scrape(mut scrape) = scrape(t, (100, 2), (500, 5)) else { return Look::Reset };
        let errors = [0, 2, 0, 2, u64::from(at.is_multiple_of(2))];
        scrape.stable_pods = errors.map(|errors| PodCounts { requests: 100, errors }).to_vec();
        Look::Scrape(scrape)
    };
    let auto = after(Rules::default(), 120, look);
    let fixed = after(Rules { auto_tolerance: false, ..Rules::default() }, 120, look);
    assert!(auto.tolerance() > 3.0 && (fixed.tolerance() - 1.0).abs() < 1e-12);
    assert_ne!(auto.report().opinion, AnalysisStatus::Regressed);
    assert_eq!(fixed.report().opinion, AnalysisStatus::Regressed);
}

#[test]
fn counting_starts_with_the_first_scrape_at_any_clock() {
    let early = after(Rules::default(), 30, |t, _| scrape(t, (38, 1), (712, 3)));
    let late = after(Rules::default(), 30, |t, _| scrape(t + 1.7e9, (38, 1), (712, 3)));
    let same = |judge: &CanaryAnalyzer| (judge.report().e, judge.report().burn, judge.report().needs);
    assert_eq!(same(&early), same(&late));
}

/// Nobody rolls back for 3 %, nor for 20: within the margin a canary becomes healthy however long it is watched.
#[test]
fn a_canary_within_the_margin_is_never_suspect() {
    let look = |t, at: u32| scrape(t, (1000, 12 - u64::from(at.is_multiple_of(4))), (19_000, 190));
    for scrapes in [20, 240, 960] {
        let report = after(Rules { slo: 0.99, ..Rules::default() }, scrapes, look).report();
        assert_eq!(report.opinion, AnalysisStatus::Healthy, "{report:?}");
    }
    let without = Rules { slo: 0.99, margin_errors: 1.0, margin_points: 0.0, ..Rules::default() };
    assert_eq!(after(without, 240, look).report().opinion, AnalysisStatus::Regressed);
    // Far beyond it nothing waits for the margin.
    let far = after(Rules::default(), 5, |t, _| scrape(t, (375, 20), (7125, 70))).report();
    assert_eq!(far.opinion, AnalysisStatus::Regressed);
}

/// A scrape without errors, with rejected requests of the canary and of stable.
fn rejecting(t: f64, (canary, rejected): (u64, u64), (stable, usual): (u64, u64)) -> Look {
    let counts = |requests, rejected| Counts {
        requests,
        statuses: Some(Statuses { redirects: 0, rejected }),
        ..Counts::default()
    };
    Look::Scrape(Scrape { t, canary: counts(canary, rejected), stable: counts(stable, usual), stable_pods: Vec::new() })
}

#[test]
fn a_canary_that_rejects_every_request_is_suspect_at_once_and_never_healthy() {
    let look = |t, _| rejecting(t, (375, 375), (7125, 30));
    let first = after(Rules::default(), 1, look).report();
    assert_eq!((first.opinion, first.culprit), (AnalysisStatus::Suspect, Some(Metric::Statuses)), "{first:?}");
    let later = after(Rules::default(), 240, look).report();
    assert_eq!((later.opinion, later.culprit), (AnalysisStatus::Regressed, Some(Metric::Statuses)), "{later:?}");
    let reason = "more rejected requests (4xx): canary 100.00 %, stable 0.42 %; evidence ";
    assert!(later.reasons[0].starts_with(reason), "{later:?}");
    assert_eq!(later.statuses.map(|tracks| tracks.canary.rejected), Some(375 * 240));
}

#[test]
fn a_point_more_of_rejected_requests_is_nothing() {
    let report = after(Rules::default(), 240, |t, _| rejecting(t, (375, 5), (7125, 30))).report();
    assert_eq!(report.opinion, AnalysisStatus::Healthy, "{report:?}");
    let off = Rules { margin_statuses: 1.0, ..Rules::default() };
    let report = after(off, 240, |t, _| rejecting(t, (375, 375), (7125, 30))).report();
    assert_eq!((report.opinion, report.statuses), (AnalysisStatus::Healthy, None), "{report:?}");
}
