//! Drills of which everything is known.

use super::*;
use crate::domain::rules::drill::Moment;
use analysis::Seen;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Requests and errors that the canary's pods count in each moment of two seconds from second 100 on, and those lost.
fn moments(of: impl Fn(i64) -> (u64, u64, u64, bool)) -> Vec<Moment> {
    let moment = |second: i64| {
        let (requests, errors, lost, failing) = of(second);
        Moment { at: at(second), seconds: 2.0, canary: Seen { requests, errors }, lost, failing }
    };
    (0..400).map(|n| moment(n * 2)).collect()
}

/// A canary that fails 10 of 100 requests from second 200 on and is gone at a second.
fn record(gone: i64) -> DrillRecord {
    let of = |second| match second {
        _ if second < 100 || second >= gone => (0, 0, 0, second >= 200 && second < gone),
        _ if second < 200 => (100, 0, 0, false),
        _ => (100, 10, 0, true),
    };
    DrillRecord {
        failure: Failure::Errors,
        seed: 7,
        moments: moments(of),
        opinions: vec![
            (at(110), AnalysisStatus::Undecided),
            (at(150), AnalysisStatus::Suspect),
            (at(165), AnalysisStatus::Undecided),
            (at(215), AnalysisStatus::Suspect),
            (at(245), AnalysisStatus::Regressed),
        ],
        actions: vec![(at(130), Verb::Pause), (at(230), Verb::Pause), (at(250), Verb::Rollback)],
        ended: Ended::Stopped,
    }
}

fn near(is: Option<f64>, wanted: f64) -> bool {
    is.is_some_and(|is| (is - wanted).abs() < 1e-9)
}

#[test]
fn times_are_counted_from_the_onset() {
    let score = score(&record(260));
    assert_eq!((score.verdict, score.began_at), (Verdict::Caught, Some(at(200))));
    assert!(near(score.began_after_seconds, 100.0));
    // The suspicion before the onset was of nothing.
    assert!(near(score.suspect_seconds, 15.0) && near(score.regressed_seconds, 45.0));
    assert_eq!(score.acted, Some(Verb::Pause));
    assert!(near(score.acted_seconds, 30.0) && near(score.safe_seconds, 60.0));
    assert_eq!(score.harm, Harm { errors: 300, requests: 3000 });
}

#[test]
fn baseline_without_cockpit_keeps_its_traffic() {
    for gone in [210, 260, 790] {
        let score = score(&record(gone));
        // Measured each minute from second 100 on: at 220, 280, 340 and 400 more than one per cent of the minute fails.
        let argo = score.argo.unwrap();
        assert!(near(argo.noticed_seconds, 200.0), "{gone}: {argo:?}");
        assert_eq!(
            (argo.safe_seconds, argo.errors.abs_diff(1005) <= 5),
            (argo.noticed_seconds, true),
            "{gone}: {argo:?}"
        );
        // At 220, of the 60 moments so far 11 at ten per cent are more than one per cent of all.
        let person = score.dashboard.unwrap();
        assert!(near(person.noticed_seconds, 20.0) && near(person.safe_seconds, 50.0), "{gone}: {person:?}");
        assert!(person.errors.abs_diff(255) <= 5, "{gone}: {person:?}");
    }
}

#[test]
fn errors_no_pod_counted_are_in_no_rate() {
    let of = |second| match second {
        _ if second < 100 => (0, 0, 0, false),
        _ if second < 200 => (100, 0, 0, false),
        _ if second < 300 => (0, 0, 100, true),
        _ => (0, 0, 0, false),
    };
    let record = DrillRecord { failure: Failure::Crash, moments: moments(of), ..record(260) };
    let score = score(&record);
    assert_eq!(score.harm, Harm { errors: 5000, requests: 5000 });
    assert!(near(score.safe_seconds, 100.0));
    for baseline in [score.argo.unwrap(), score.dashboard.unwrap()] {
        assert_eq!((baseline.noticed_seconds, baseline.safe_seconds), (None, None));
        assert!(baseline.errors.abs_diff(90_000) < 200, "half an hour: {baseline:?}");
    }
}

#[test]
fn rolling_back_a_healthy_release_is_a_false_alarm() {
    let of = |second| if (100..300).contains(&second) { (100, 0, 0, false) } else { (0, 0, 0, false) };
    let healthy = |failure, ended| DrillRecord { failure, ended, moments: moments(of), ..record(260) };
    let rolled_back = score(&healthy(Failure::Healthy, Ended::Stopped));
    assert_eq!(rolled_back.verdict, Verdict::FalseAlarm);
    assert_eq!((rolled_back.harm, rolled_back.argo, rolled_back.safe_seconds), (Harm::default(), None, None));
    assert_eq!(score(&healthy(Failure::Healthy, Ended::Promoted)).verdict, Verdict::LetPass);
    assert_eq!(score(&healthy(Failure::Errors, Ended::Stopped)).verdict, Verdict::TooEarly);
    assert_eq!(score(&healthy(Failure::Errors, Ended::Left)).verdict, Verdict::Left);
    let nothing = DrillRecord { moments: Vec::new(), opinions: Vec::new(), actions: Vec::new(), ..record(260) };
    assert_eq!(score(&DrillRecord { ended: Ended::Left, ..nothing }).verdict, Verdict::Left);
}

#[test]
fn leaving_early_or_letting_it_through_is_reported() {
    assert_eq!(score(&DrillRecord { ended: Ended::Promoted, ..record(900) }).verdict, Verdict::Missed);
    let left = score(&DrillRecord { ended: Ended::Left, actions: Vec::new(), ..record(900) });
    assert_eq!((left.verdict, left.acted, left.safe_seconds), (Verdict::Abandoned, None, None));
}

#[test]
fn failure_without_traffic_affects_no_request() {
    let of = |second| if (100..180).contains(&second) { (100, 0, 0, false) } else { (0, 0, 0, second >= 200) };
    let early = DrillRecord { moments: moments(of), ..record(260) };
    assert_eq!(score(&early).verdict, Verdict::TooEarly);
}
