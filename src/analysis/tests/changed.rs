//! A canary that changes while it is analysed.

use proptest::prelude::*;

use super::*;

fn changed(t: f64) -> Look {
    Look::Changed { t, what: "new-search was turned on".to_owned() }
}

fn good(t: f64) -> Look {
    scrape(t, (400, 0), (7000, 7))
}

#[test]
fn proof_that_it_is_healthy_starts_over_with_a_change() {
    let mut judge = after(Rules::default(), 20, |t, _| good(t));
    let before = judge.report();
    assert_eq!((before.opinion, before.proof_since.as_deref()), (AnalysisStatus::Healthy, None));
    judge.take(&changed(310.0));
    let report = judge.report();
    assert_eq!(report.opinion, AnalysisStatus::Undecided);
    assert!(report.needs.enough.unwrap().requests > 0.0, "{report:?}");
    assert_eq!(report.seen.canary.requests, 8000, "what was counted is still told");
    assert_eq!(report.proof_since.as_deref(), Some("new-search was turned on"));
    let first = "count restarted after new-search was turned on: 0 canary requests so far";
    assert!(report.reasons[0].starts_with(first), "{:?}", report.reasons);
    // Part of these were answered before the change: a sample that lies after it may hold requests from before.
    for t in [315.0, 330.0, 345.0, 360.0] {
        judge.take(&good(t));
        assert_eq!(judge.report().e.safe.total_cmp(&report.e.safe), std::cmp::Ordering::Equal);
    }
    for at in 0..20 {
        judge.take(&good(375.0 + f64::from(at) * 15.0));
    }
    assert_eq!(judge.report().opinion, AnalysisStatus::Healthy);
}

#[test]
fn a_change_before_all_that_was_counted_leaves_nothing_out() {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    judge.take(&changed(-1000.0));
    for at in 1..=20 {
        judge.take(&good(f64::from(at) * 15.0));
    }
    let before = judge.report();
    assert_eq!((before.opinion, before.proof_since.as_deref()), (AnalysisStatus::Healthy, None));
    // It is told late, and again.
    judge.take(&changed(-400.0));
    judge.take(&changed(-500.0));
    judge.take(&changed(f64::NAN));
    assert_eq!(judge.report(), before);
}

/// As where the past is counted in one look: the change is told first.
#[test]
fn counts_up_to_a_change_that_was_told_first_are_left_out() {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    judge.take(&changed(300.0));
    for at in 1..=20 {
        judge.take(&good(f64::from(at) * 15.0));
        assert_ne!(judge.report().opinion, AnalysisStatus::Healthy);
    }
    assert_eq!(judge.report().proof_since.as_deref(), Some("new-search was turned on"));
}

#[test]
fn an_older_change_that_is_told_later_does_not_widen_the_proof() {
    let mut judge = after(Rules::default(), 20, |t, _| good(t));
    judge.take(&changed(300.0));
    let report = judge.report();
    judge.take(&changed(100.0));
    assert_eq!(judge.report(), report);
}

#[test]
fn the_next_rollout_leaves_nothing_out() {
    let mut judge = after(Rules::default(), 20, |t, _| good(t));
    judge.take(&changed(310.0));
    judge.take(&Look::Reset);
    assert_eq!(judge, CanaryAnalyzer::new(Rules::default()));
}

proptest! {
    /// No change is a way around what was found.
    #[test]
    fn a_change_never_makes_anything_better(
        scrapes in prop::collection::vec((1..400_u64, 0..60_u64, 100..7000_u64, 0..60_u64), 1..30),
        at in prop::collection::vec(-20.0..500.0_f64, 0..30),
    ) {
        let (mut without, mut with) = (CanaryAnalyzer::new(Rules::default()), CanaryAnalyzer::new(Rules::default()));
        let mut changes = at.into_iter();
        for (number, (requests, errors, all, failed)) in scrapes.into_iter().enumerate() {
            if let Some(t) = changes.next().filter(|_| number % 2 == 0) {
                with.take(&changed(t));
            }
            let look = scrape((number + 1) as f64 * 15.0, (requests, errors.min(requests)), (all, failed.min(all)));
            without.take(&look);
            with.take(&look);
            let (one, other) = (without.report(), with.report());
            prop_assert_eq!(
                (one.e.plain, one.e.guarded, one.e.latency, one.culprit, one.seen),
                (other.e.plain, other.e.guarded, other.e.latency, other.culprit, other.seen)
            );
            let opinions = (one.opinion, other.opinion);
            prop_assert!(one.opinion == other.opinion || opinions == (AnalysisStatus::Healthy, AnalysisStatus::Undecided));
            let lacking = |report: &Report| report.needs.enough.map_or(f64::MAX, |need| need.requests);
            prop_assert!(lacking(&one) <= lacking(&other));
        }
    }
}
