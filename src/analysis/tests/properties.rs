//! What holds for any counts.

use proptest::prelude::*;

use super::super::ratio_evidence::ErrorCounts;
use super::*;

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..5_u64, 0..1000_u64, Just(1 << 60), Just(u64::MAX), any::<u64>().prop_map(|any| any >> 4)]
}

fn counts() -> impl Strategy<Value = Counts> {
    let les = prop::sample::subsequence(vec![-1.0, 0.0, 0.1, 0.25, 0.5, 1.0, f64::INFINITY, f64::NAN], 0..6);
    (count(), count(), les, prop::collection::vec(count(), 6)).prop_map(|(requests, errors, les, counts)| Counts {
        requests,
        errors: if errors > requests && errors % 7 != 0 { errors % (requests.max(1)) } else { errors },
        statuses: (errors % 3 > 0).then_some(Statuses { redirects: requests % 5, rejected: errors % 11 }),
        buckets: les.into_iter().zip(counts).map(|(le, count)| Bucket { le, count }).collect(),
    })
}

fn look() -> impl Strategy<Value = Look> {
    let t = prop_oneof![0.0..5000.0_f64, Just(f64::NAN), Just(f64::INFINITY), Just(1e300), Just(-5.0)];
    let pod = (count(), count()).prop_map(|(requests, errors)| PodCounts { requests, errors });
    let scrape = (t.clone(), counts(), counts(), prop::collection::vec(pod, 0..5))
        .prop_map(|(t, canary, stable, stable_pods)| Look::Scrape(Scrape { t, canary, stable, stable_pods }));
    prop_oneof![
        20 => scrape,
        2 => t.prop_map(|t| Look::Missing { t, why: String::new() }),
        1 => Just(Look::Reset),
        2 => (prop_oneof![0.0..5000.0_f64, Just(f64::NAN)], ".{0,9}").prop_map(|(t, what)| Look::Changed { t, what }),
    ]
}

fn numbers(report: &Report) -> Vec<f64> {
    let mut all = vec![report.e.plain, report.e.guarded, report.e.safe, report.e.latency];
    all.extend(report.t);
    if let Some(ratio) = report.ratio {
        all.extend([Some(ratio.low), ratio.high, ratio.estimate].into_iter().flatten());
    }
    for need in [report.needs.x2, report.needs.x5].into_iter().flatten() {
        all.extend([need.requests, need.seconds]);
    }
    all.extend(report.burn.iter().flat_map(|burn| [burn.short, burn.long, burn.projected, burn.spent]));
    all.extend(report.heat.iter().flat_map(|heat| [heat.canary, heat.stable]));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_looks_give_numbers_and_the_state_survives_a_restart(looks in prop::collection::vec(look(), 1..25), cut in 0..25_usize) {
        let slow = Some(SlowObjective { bound_seconds: 0.3, at_most: 0.01 });
        let mut judge = CanaryAnalyzer::new(Rules { slow, ..Rules::default() });
        let mut other = judge.clone();
        judge.set_weight(Some(0.05));
        other.set_weight(Some(0.05));
        for (at, look) in looks.iter().enumerate() {
            if at == cut {
                other = serde_json::from_str(&serde_json::to_string(&other).unwrap()).unwrap();
            }
            judge.take(look);
            other.take(look);
            let report = judge.report();
            prop_assert!(numbers(&report).iter().all(|number| number.is_finite()), "{report:?}");
            prop_assert_eq!(&other.report(), &report);
            let written: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
            prop_assert_eq!(written, report);
        }
    }

    #[test]
    fn more_canary_errors_never_lower_evidence(
        scrapes in prop::collection::vec((1..200_u64, 0..50_u64, 1..2000_u64, 0..50_u64), 1..10), more in 1..20_u64,
    ) {
        let run = |more: u64| {
            let mut judge = CanaryAnalyzer::new(Rules::default());
            for (at, (n, e, m, f)) in scrapes.iter().enumerate() {
                let last = at + 1 == scrapes.len();
                let errors = if last { e + more } else { *e };
                judge.take(&scrape(at as f64 * 15.0, (n + 50 + 20, errors), (m + 50, *f)));
            }
            judge.evidence()
        };
        let (less, more) = (run(0), run(more));
        prop_assert!(more.plain >= less.plain * (1.0 - 1e-12) && more.guarded >= less.guarded * (1.0 - 1e-12));
        prop_assert!(more.safe <= less.safe * (1.0 + 1e-9));
    }

    #[test]
    fn splitting_a_scrape_leaves_evidence_unchanged(
        parts in prop::collection::vec((0..20_u64, 0..50_u64), 1..8), w in 1.1..50.0_f64, w0 in 1.0..2.0_f64,
    ) {
        let one = |errors: (u64, u64), parts: u64| ErrorCounts::new(errors.0, errors.1, 100 * parts, 1900 * parts).unwrap();
        let apart: f64 = parts.iter().map(|errors| one(*errors, 1).ln_e(w, w0)).sum();
        let sum = parts.iter().fold((0, 0), |sum, errors| (sum.0 + errors.0, sum.1 + errors.1));
        let whole = one(sum, parts.len() as u64).ln_e(w, w0);
        prop_assert!((apart - whole).abs() < 1e-9 * (1.0 + whole.abs()), "{apart} {whole}");
    }

    #[test]
    fn once_regressed_it_stays_so_until_a_new_rollout(looks in prop::collection::vec(look(), 1..20)) {
        let mut judge = after(Rules::default(), 8, |t, _| scrape(t, (1000, 500), (19_000, 20)));
        prop_assert_eq!(judge.report().opinion, AnalysisStatus::Regressed);
        let reset = looks.iter().position(|look| *look == Look::Reset).unwrap_or(looks.len());
        for look in &looks[..reset] {
            judge.take(look);
            prop_assert_eq!(judge.report().opinion, AnalysisStatus::Regressed);
        }
        judge.take(&Look::Reset);
        prop_assert_eq!(judge, CanaryAnalyzer::new(Rules::default()));
    }

    #[test]
    fn empty_look_is_never_green_and_keeps_evidence(canary in 0..400_u64, errors in 0..3_u64) {
        let mut judge = after(Rules::default(), 60, |t, _| scrape(t, (canary + 5, errors.min(canary)), (9500, 9)));
        let before = judge.evidence();
        let regressed = judge.report().opinion == AnalysisStatus::Regressed;
        judge.take(&Look::Missing { t: 2000.0, why: "HTTP 503".to_owned() });
        prop_assert_eq!(judge.evidence(), before);
        let opinion = judge.report().opinion;
        prop_assert_eq!(opinion, if regressed { AnalysisStatus::Regressed } else { AnalysisStatus::NoData });
    }
}
