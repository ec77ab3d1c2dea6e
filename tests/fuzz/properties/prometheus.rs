//! Answers of Prometheus: as JSON, and as looks of a scraper that stumbles; counted and analysed.

use std::collections::BTreeMap;

use analysis::{CanaryAnalyzer, Look, Rules};
use release_cockpit::domain::facts::counters::{self, Counters, Histogram, Role, Samples, Seen, SeriesSeen};
use release_cockpit::domain::facts::ids::Track;
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::prometheus::answer::{Alerts, Answer, Data, Envelope, Plain, RaisedAlert, RuleGroups};
use release_cockpit::sources::prometheus::trouble::{said, tidy};

use super::bytes::Bytes;
use super::{judge, safe};

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((b'S', rest)) => scrapes(&mut Bytes(rest)),
        Some((b'A', rest)) => alerts(rest),
        Some((_, rest)) => answers(rest),
        None => {}
    }
}

fn tracks() -> Tracks {
    Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) }
}

fn alerts(bytes: &[u8]) {
    if let Ok(Plain { data: Some(Alerts { alerts }), .. }) = serde_json::from_slice::<Plain<Alerts>>(bytes) {
        for RaisedAlert { labels, .. } in alerts {
            for label in labels.values() {
                safe::lines(&tidy(label, &Redactor::default()));
            }
        }
    }
    let _ = serde_json::from_slice::<Plain<RuleGroups>>(bytes);
}

/// Lines, each an answer: all of them together are what the looks of one rollout saw.
fn answers(bytes: &[u8]) {
    let mut counted = Counted::new();
    for line in bytes.split(|byte| *byte == b'\n').take(40) {
        safe::lines(&said(&String::from_utf8_lossy(line), &Redactor::default()));
        let Ok(envelope) = serde_json::from_slice::<Envelope>(line) else { continue };
        safe::lines(&tidy(&envelope.error, &Redactor::default()));
        match envelope.into_answer() {
            Ok(Answer { data: Data::Matrix(runs), .. }) => {
                let series: Vec<SeriesSeen> = runs
                    .into_iter()
                    .enumerate()
                    .map(|(index, run)| {
                        let samples = if run.histograms.is_empty() {
                            let numbers = run.values.iter().map(|point| (point.at.as_millisecond(), point.value));
                            Samples::Numbers(numbers.collect())
                        } else {
                            let histograms = run.histograms.iter();
                            Samples::Histograms(
                                histograms.map(|(at, one)| (at.as_millisecond(), one.clone())).collect(),
                            )
                        };
                        let role = role(&run.metric, index, &samples);
                        let track = if run.metric.get("pod").is_some_and(|pod| pod.contains("7f")) {
                            Track::Canary
                        } else {
                            Track::Stable
                        };
                        SeriesSeen { track, role, labels: run.metric, samples }
                    })
                    .collect();
                let at = series.iter().flat_map(|series| series.samples.times().collect::<Vec<_>>()).max().unwrap_or(0);
                counted.look(&Seen { at, series, pods: None });
            }
            Ok(Answer { warnings, .. }) => safe::lines(&tidy(&warnings.join(" "), &Redactor::default())),
            Err(why) => assert!(!why.is_empty()),
        }
    }
    counted.end();
}

fn role(labels: &BTreeMap<String, String>, index: usize, samples: &Samples) -> Role {
    match (samples, labels.get("le").map(|le| le.parse::<f64>()), labels.get("code")) {
        (Samples::Histograms(_), ..) => Role::Native(1),
        (_, Some(Ok(le)), _) => Role::Bucket(le),
        (_, _, Some(code)) if code.starts_with('5') => Role::Failed,
        _ if index % 5 == 4 => Role::Up,
        _ => Role::Answered(counters::AnswerClass::Served),
    }
}

/// A scraper that stumbles: series come and go, restart, repeat, run backwards, and say what is no number.
fn scrapes(bytes: &mut Bytes<'_>) {
    let mut counted = Counted::new();
    let mut at = 1_700_000_000_000_i64;
    for _ in 0..30 {
        if bytes.is_empty() {
            break;
        }
        at += i64::from(bytes.as_str()) - 500;
        let mut series = Vec::new();
        for _ in 0..bytes.byte() % 6 {
            let track = bytes.pick(&[Track::Stable, Track::Canary]);
            let role = bytes.pick(&[
                Role::Answered(counters::AnswerClass::Served),
                Role::Failed,
                Role::FailedAgain,
                Role::Unknown,
                Role::Bucket(0.1),
                Role::Bucket(f64::INFINITY),
                Role::Native(1),
                Role::Up,
            ]);
            let pod = format!("web-{}-{}", if track == Track::Stable { "5d" } else { "7f" }, bytes.byte() % 3);
            let labels = BTreeMap::from([("pod".to_owned(), pod), ("job".to_owned(), "web".to_owned())]);
            let samples = samples(bytes, role, at);
            series.push(SeriesSeen { track, role, labels, samples });
        }
        counted.look(&Seen { at, series, pods: None });
    }
    counted.end();
}

fn samples(bytes: &mut Bytes<'_>, role: Role, at: i64) -> Samples {
    let count = i64::from(bytes.byte() % 5);
    let times = (0..count).map(|index| at - (count - index) * 15_000);
    if matches!(role, Role::Native(_)) {
        let mut one = || {
            let count = f64::from(bytes.as_str());
            let rows = [(0.0, 0.1, count / 2.0), (0.1, f64::from(bytes.byte()), count / 2.0)];
            Histogram::read(count, &rows).unwrap_or_default()
        };
        return Samples::Histograms(times.map(|at| (at, one())).collect());
    }
    let mut one = || match bytes.byte() {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -1.0,
        3 => 1e300,
        4 => 0.5,
        5 => f64::MIN_POSITIVE,
        large @ 200.. => f64::from(large) * 1e9,
        small => f64::from(small) * 7.0,
    };
    Samples::Numbers(times.map(|at| (at, one())).collect())
}

struct Counted {
    counters: Counters,
    judge: CanaryAnalyzer,
}

impl Counted {
    fn new() -> Self {
        Self { counters: Counters::new(tracks()), judge: CanaryAnalyzer::new(Rules::default()) }
    }

    fn look(&mut self, seen: &Seen) {
        for look in self.counters.take(seen, 15_000, None) {
            if let Look::Scrape(scrape) = &look {
                assert!(scrape.t.is_finite(), "{scrape:?}");
                for counts in [&scrape.canary, &scrape.stable] {
                    assert!(counts.errors <= counts.requests, "{scrape:?}");
                    assert!(counts.buckets.iter().all(|bucket| !bucket.le.is_nan()), "{scrape:?}");
                }
            }
            judge::take(&mut self.judge, &look);
        }
        // What is kept over a restart is read back as it was.
        let kept = serde_json::to_vec(&self.counters).unwrap();
        assert_eq!(serde_json::from_slice::<Counters>(&kept).unwrap(), self.counters);
    }

    fn end(&self) {
        judge::remembered(&self.judge);
    }
}
