//! The source on the simulator, from the first look through outages and a change of tracks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::simulated::{Metrics, Outage, PodLoad};
use super::{look, questions, settings, tracks, web};
use crate::config::{Auth, Preset, Prometheus, Secret};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::{EnvName, Track, WorkloadId};
use crate::domain::facts::signals::{NoData, Reading, Signal, Signals, Tracks};
use crate::domain::world::feed::Feed;
use crate::platform::Redactor;
use crate::sources::inbox::Inbox;
use crate::sources::prometheus::configured;
use crate::sources::prometheus::counts::counting::Pace;
use crate::sources::prometheus::source::PrometheusSource;
use analysis::Look;
use analysis::Rules;

pub(super) fn pod(name: &str, requests_per_second: f64, error_ratio: f64) -> PodLoad {
    PodLoad::web("c", name, requests_per_second, error_ratio)
}

/// Ten minutes of traffic that end now.
fn metrics() -> Metrics {
    let metrics = Metrics::new(5);
    let pods = [pod("web-5d-a", 40.0, 0.01), pod("web-7f-c", 10.0, 0.2)];
    let now = Timestamp::now();
    for n in (0..120).rev() {
        let at = now - SignedDuration::from_secs(n * 5);
        metrics.scrape(at, Duration::from_secs(5), &pods);
    }
    metrics
}

pub(super) struct RunningSource {
    inbox: Inbox,
    pub(super) tracks: watch::Sender<BTreeMap<WorkloadId, Tracks>>,
    refresh: Arc<Notify>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    signals: Signals,
    link: Link,
    histories: usize,
    pub(super) samples: usize,
    pub(super) looks: Vec<(Tracks, Look)>,
}

impl RunningSource {
    async fn start(url: &str) -> Self {
        Self::with(settings(url)).await
    }

    async fn with(settings: Prometheus) -> Self {
        Self::keeping(settings, None).await
    }

    /// Starts a source that remembers its counts in a folder.
    pub(super) async fn keeping(settings: Prometheus, folder: Option<std::path::PathBuf>) -> Self {
        let settings = Prometheus { timeout: SignedDuration::from_millis(500), ..settings };
        let (inbox, cancel, refresh) = (Inbox::default(), CancellationToken::new(), Arc::new(Notify::new()));
        let (sender, receiver) = watch::channel(BTreeMap::new());
        let source = PrometheusSource {
            env: EnvName::new("staging"),
            questions: configured::questions(&settings, "shop", &Redactor::default()).await.unwrap(),
            interval: Duration::from_millis(200),
            history: Duration::from_secs(3600),
            outlet: inbox.outlet(),
            tracks: receiver,
            canaries: watch::channel(BTreeMap::new()).1,
            flags: watch::channel(Arc::default()).1,
            pace: Pace { every: Duration::from_millis(400), rules: Rules::default(), source: String::new(), folder },
            refresh: Arc::clone(&refresh),
            cancel: cancel.clone(),
        };
        let tasks = TaskTracker::new();
        source.spawn(&tasks);
        let signals = Signals::default();
        Self {
            inbox,
            tracks: sender,
            refresh,
            cancel,
            tasks,
            signals,
            link: Link::Never,
            histories: 0,
            samples: 0,
            looks: Vec::new(),
        }
    }

    pub(super) fn drain(&mut self) {
        for feed in self.inbox.drain() {
            match feed {
                Feed::History { signals, .. } => {
                    self.histories += 1;
                    self.signals = (*signals).clone();
                }
                Feed::Sample { sample, .. } => {
                    self.samples += 1;
                    self.signals.take(&sample);
                }
                Feed::Link { link, at, .. } => {
                    assert_eq!(link.is_up(), at.is_some());
                    self.link = link;
                }
                Feed::Counted { tracks, look, .. } => self.looks.extend(look.map(|look| (tracks, (*look).clone()))),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            self.drain();
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "{what} never came: {:?} {:?} {:?} {:?}",
            self.link,
            self.signals.tracks,
            self.signals.now,
            self.looks.last()
        );
    }

    fn now(&self, track: Track, signal: Signal) -> Option<&Reading> {
        self.signals.now.get(&(track, signal))
    }

    fn reads(&self, track: Track, signal: Signal) -> bool {
        self.now(track, signal).is_some_and(Result::is_ok)
    }
}

#[tokio::test]
async fn a_source_looks_fetches_history_and_follows_the_tracks() {
    let metrics = metrics();
    let server = metrics.serve().await.unwrap();
    let mut source = RunningSource::start(&server.url()).await;
    // Before Kubernetes told the tracks, the link is known all the same.
    source.until("the link", |f| f.link == Link::Up).await;
    assert_eq!(source.samples, 0);
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("history", |f| f.histories == 2 && f.reads(Track::Canary, Signal::ErrorRatio)).await;
    let errors = *source.now(Track::Canary, Signal::ErrorRatio).unwrap().as_ref().unwrap();
    assert!((errors - 0.2).abs() < 0.1, "{errors}");
    assert_eq!(source.signals.tracks, tracks());
    assert_eq!(source.signals.interval, Some(SignedDuration::from_millis(200)));
    for signal in Signal::ALL {
        let points = source.signals.series(Track::Stable, signal).unwrap();
        let values = points.points().filter(|point| point.value.is_some()).count();
        assert!(values > 100, "{signal:?}: {values} of {}", points.points().len());
        let newest = points.last().unwrap().at;
        assert!(Timestamp::now().duration_since(newest) < SignedDuration::from_secs(2));
    }
    // The canary becomes stable.
    let promoted = Tracks { stable: Some("web-7f".to_owned()), canary: None };
    source.tracks.send_replace(BTreeMap::from([(web(), promoted.clone())]));
    source.until("the new tracks", |f| f.histories == 4 && f.reads(Track::Stable, Signal::Rps)).await;
    assert_eq!(source.signals.tracks, promoted);
    let rps = *source.now(Track::Stable, Signal::Rps).unwrap().as_ref().unwrap();
    assert!((rps - 10.0).abs() < 3.0, "{rps}");
    assert_eq!(source.now(Track::Canary, Signal::Rps), Some(&Err(NoData::NoTrack)));
    let series = source.signals.series(Track::Stable, Signal::Rps).unwrap();
    assert!(series.points().filter_map(|p| p.value).all(|value| value < 20.0), "numbers of the old stable");
    source.cancel.cancel();
    source.tasks.close();
    tokio::time::timeout(Duration::from_secs(2), source.tasks.wait()).await.unwrap();
}

#[tokio::test]
async fn every_outage_is_no_data_with_its_reason_and_ends() {
    let metrics = metrics();
    let server = metrics.serve().await.unwrap();
    let mut source = RunningSource::start(&server.url()).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("the start", |f| f.histories == 2 && f.reads(Track::Canary, Signal::P99)).await;
    let cases = [
        (Outage::Down, false, "cannot reach"),
        (Outage::Hang, false, "gave no answer in 0.5 s"),
        (Outage::Html, false, "HTML (“Sign in”)"),
        (Outage::Unavailable, false, "cannot answer now (503: TSDB not ready)"),
        (Outage::Truncated, false, "the JSON breaks off"),
        (Outage::WrongTypes, false, "invalid type"),
        (Outage::Unprocessable, true, "rejects the query (422 execution)"),
        (Outage::Partial, true, "partial data: receive series from store-1:10901"),
        (Outage::Empty, true, "no series matched"),
    ];
    for (outage, up, part) in cases {
        metrics.set_outage(outage);
        let told = |reading: Option<&Reading>| matches!(reading, Some(Err(why)) if why.describe().contains(part));
        let all = |f: &RunningSource| Signal::ALL.iter().all(|signal| told(f.now(Track::Canary, *signal)));
        // A look that began before the outage may have had an answer to some of its questions.
        source.until(part, |f| all(f) && f.link.is_up() == up).await;
        match &source.link {
            Link::Up => assert!(up, "{outage:?}"),
            Link::Down(why) => assert!(!up && why.contains(part), "{outage:?}: {why}"),
            Link::Never | Link::LoggingIn(_) | Link::NotAsked(_) => panic!("{outage:?}"),
        }
        let gap = source.signals.series(Track::Canary, Signal::P99).unwrap().last().unwrap();
        assert_eq!(gap.value, None, "{outage:?}");
        metrics.set_outage(Outage::None);
        source.refresh.notify_one();
        source.until("the end of it", |f| f.link == Link::Up && f.reads(Track::Canary, Signal::P99)).await;
    }
}

#[tokio::test]
async fn unreachable_server_is_queried_less_often() {
    let metrics = metrics();
    let server = metrics.serve().await.unwrap();
    metrics.set_outage(Outage::Down);
    let mut source = RunningSource::start(&server.url()).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    let down = |f: &RunningSource| matches!(f.link, Link::Down(_)) && f.samples > 5;
    source.until("trouble", down).await;
    // The reason is repeated at every interval, so that it does not turn into mere staleness.
    let reading = source.signals.reading(Track::Stable, Signal::Rps, Timestamp::now());
    assert!(matches!(&reading, Err(NoData::Failed(why)) if why.contains("cannot reach")), "{reading:?}");
    assert_eq!(source.histories, 1, "only the fresh start");
    metrics.set_outage(Outage::None);
    source.until("the return", |f| f.histories == 2 && f.reads(Track::Stable, Signal::Rps)).await;
    let values = source.signals.series(Track::Stable, Signal::Rps).unwrap().points().filter(|p| p.value.is_some());
    assert!(values.count() > 100);
}

#[tokio::test]
async fn missed_samples_are_fetched_after_an_outage() {
    let metrics = metrics();
    let server = metrics.serve().await.unwrap();
    let mut source = RunningSource::start(&server.url()).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("the start", |f| f.histories == 2 && f.reads(Track::Canary, Signal::P99)).await;
    metrics.set_outage(Outage::Unavailable);
    let gaps = |f: &RunningSource| {
        let points = f.signals.series(Track::Stable, Signal::Rps).unwrap().points();
        points.rev().take_while(|point| point.value.is_none()).count()
    };
    source.until("gaps", |f| gaps(f) > 3).await;
    metrics.set_outage(Outage::None);
    source.until("the history again", |f| f.histories == 3 && f.reads(Track::Stable, Signal::Rps)).await;
    let points = source.signals.series(Track::Stable, Signal::Rps).unwrap().points();
    let gaps = points.rev().take(100).filter(|point| point.value.is_none()).count();
    assert_eq!(gaps, 0);
}

#[tokio::test]
async fn samples_that_stopped_are_stale_before_the_rate_ends() {
    let metrics = Metrics::new(1);
    let now = Timestamp::now();
    for n in 0..12 {
        let at = now - SignedDuration::from_secs(105 - n * 5);
        metrics.scrape(at, Duration::from_secs(5), &[pod("web-5d-a", 40.0, 0.01)]);
    }
    let server = metrics.serve().await.unwrap();
    let (readings, link) = look(&questions(&server.url(), Preset::Plain).await).await;
    assert_eq!(link, Ok(()));
    for signal in [Signal::Rps, Signal::ErrorRatio, Signal::P99] {
        assert_eq!(readings[&(Track::Stable, signal)], Err(NoData::Stale), "{signal:?}");
    }
    assert_eq!(readings[&(Track::Canary, Signal::Rps)], Err(NoData::Empty));
}

#[tokio::test]
async fn a_renewed_token_is_read_again_after_a_refusal() {
    use axum::http::{HeaderMap, StatusCode};
    let answer = |headers: HeaderMap| async move {
        let known = headers.get("authorization").is_some_and(|value| value == "Bearer new");
        let body = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
        if known { (StatusCode::OK, body) } else { (StatusCode::UNAUTHORIZED, "token expired") }
    };
    let app = axum::Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |token: &str| std::fs::write(file.path(), token).unwrap();
    write("old");
    let auth = Auth::Bearer(Secret::File(file.path().to_owned()));
    let mut source = RunningSource::with(Prometheus { auth, ..settings(&url) }).await;
    let down = |part: &'static str| move |f: &RunningSource| matches!(&f.link, Link::Down(why) if why.contains(part));
    source.until("the refusal", down("denies access (401: token expired)")).await;
    write("");
    source.until("the missing token", down("no secret from the file")).await;
    write("new\n");
    source.until("the return", |f| f.link == Link::Up).await;
}
