//! Users with a flag and users without it, who are answered by the same pod.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use analysis::{Report, Rules};
use jiff::SignedDuration;
use release_cockpit::config::Prometheus as Settings;
use release_cockpit::domain::facts::flag::rollout::FlagRollout;
use release_cockpit::domain::facts::flag::{Flag, FlagState};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKind};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::inbox::Inbox;
use release_cockpit::sources::prometheus::configured;
use release_cockpit::sources::prometheus::counts::counting::Pace;
use release_cockpit::sources::prometheus::flag_users::{DividedFlags, FlagUsersSource};
use support::{Checked, until};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exporter::Exporter;
use super::scraped::Scraped;

const POD: &str = "web-5d-a";
const FLAG: &str = "checkout";

fn rollout() -> FlagRollout {
    let label = |value: &str| BTreeMap::from([("variant".to_owned(), value.to_owned())]);
    FlagRollout {
        flag: FLAG.to_owned(),
        steps: Vec::new(),
        wait: SignedDuration::ZERO,
        workload: None,
        with: label("on"),
        without: label(""),
    }
}

/// The source that compares the users of the flag, with what it told last.
struct Comparison {
    inbox: Inbox,
    last: Mutex<Option<Result<Arc<Report>, String>>>,
    divided: watch::Sender<DividedFlags>,
    _tracks: watch::Sender<BTreeMap<WorkloadId, Tracks>>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Comparison {
    /// Opens it while a canary of the workload is in progress.
    async fn open(url: &str, folder: Option<PathBuf>) -> Checked<Self> {
        let (inbox, cancel, tasks) = (Inbox::default(), CancellationToken::new(), TaskTracker::new());
        let both = Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) };
        let (tracks, watched) = watch::channel(BTreeMap::from([(WorkloadId::new(WorkloadKind::Rollout, "web"), both)]));
        let divided = watch::Sender::default();
        let questions = configured::questions(&Settings::at(url.parse()?), "shop", &Redactor::default()).await?;
        let source = FlagUsersSource {
            env: EnvName::new("bed"),
            provider: "unleash".to_owned(),
            rollout: rollout(),
            questions: questions.of_users(&rollout()),
            tracks: watched,
            divided: divided.subscribe(),
            pace: Pace { every: Duration::from_millis(600), rules: Rules::default(), source: String::new(), folder },
            refresh: Arc::new(Notify::new()),
            outlet: inbox.outlet(),
            cancel: cancel.clone(),
        };
        source.spawn(&tasks);
        Ok(Self { inbox, last: Mutex::default(), divided, _tracks: tracks, cancel, tasks })
    }

    /// Says how the provider lists the flag.
    fn list(&self, state: FlagState) {
        self.divided.send_if_modified(|all| all.take("unleash", &[rollout()], &[Flag::of_name(FLAG, state)]));
    }

    fn last(&self) -> Option<Result<Arc<Report>, String>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in self.inbox.drain() {
            if let Feed::FlagCompared { result, .. } = feed {
                *last = Some(result);
            }
        }
        last.clone()
    }

    /// Waits until the report is such.
    async fn is(&self, what: &str, holds: impl Fn(&Report) -> bool) -> Checked {
        let told = || matches!(self.last(), Some(Ok(report)) if holds(&report));
        let told = until("", || async { told().then_some(()) }).await;
        told.map_err(|_| format!("never {what}: {:?}", self.last()).into())
    }

    /// Waits until it counts, and has counted nothing of what was before.
    async fn begins(&self) -> Checked {
        let reads = |report: &Report| report.t.is_some() && report.seen.canary.requests == 0;
        self.is("began", |report| reads(report) && report.reasons.iter().any(|why| why.contains("nothing to compare")))
            .await
    }

    /// Waits until requests and failed requests of users with the flag, then of those without it, are these.
    async fn has_counted(&self, expected: [u64; 4]) -> Checked {
        let counted = |report: &Report| {
            let (with, without) = (report.seen.canary, report.seen.stable);
            [with.requests, with.errors, without.requests, without.errors] == expected
        };
        self.is(&format!("counted {expected:?}"), counted).await
    }

    async fn close(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A pod that has answered for long, to nobody with the flag.
async fn pod() -> Checked<(Exporter, Scraped)> {
    let exporter = Exporter::start().await?;
    exporter.answer(POD, "200", 1000.0);
    exporter.answer(POD, "500", 7.0);
    let prometheus = Scraped::start(&exporter, &[POD]).await?;
    prometheus.has_seen(&exporter, POD, "200").await?;
    Ok((exporter, prometheus))
}

/// Each request counts once, on the side of whoever made it, from the first one on.
pub async fn counted_apart() -> Checked {
    let (exporter, prometheus) = pod().await?;
    let comparison = Comparison::open(&prometheus.url(), None).await?;
    comparison.list(FlagState::Percent(1));
    comparison
        .is("said that nobody has it yet", |report| {
            report.reasons.iter().any(|reason| reason == "no request counter for users with it")
        })
        .await?;
    // The first of them, and all of them.
    exporter.answer(POD, "200 on", 1.0);
    comparison.has_counted([1, 0, 0, 0]).await?;
    exporter.answer(POD, "200 on", 9.0);
    exporter.answer(POD, "500 on", 3.0);
    exporter.answer(POD, "200", 40.0);
    exporter.answer(POD, "503", 2.0);
    comparison.has_counted([13, 3, 42, 2]).await?;
    // The share grows: the same users and more.
    comparison.list(FlagState::Percent(25));
    exporter.answer(POD, "200 on", 5.0);
    comparison.has_counted([18, 3, 42, 2]).await
}

/// What was counted is kept over a restart, and forgotten when nobody has the flag any more.
pub async fn forgotten_when_off() -> Checked {
    let (exporter, prometheus) = pod().await?;
    exporter.answer(POD, "200 on", 100.0);
    prometheus.has_seen(&exporter, POD, "200 on").await?;
    let folder = tempfile::tempdir()?;
    let url = prometheus.url();
    let open = || Comparison::open(&url, Some(folder.path().to_owned()));
    let comparison = open().await?;
    comparison.list(FlagState::Some);
    comparison.begins().await?;
    exporter.answer(POD, "500 on", 4.0);
    exporter.answer(POD, "200", 6.0);
    comparison.has_counted([4, 4, 6, 0]).await?;
    comparison.close().await;
    exporter.answer(POD, "200 on", 3.0);
    let comparison = open().await?;
    comparison.list(FlagState::Percent(10));
    comparison.has_counted([7, 4, 6, 0]).await?;
    comparison.list(FlagState::Off);
    comparison.list(FlagState::Percent(10));
    comparison.is("began anew", |report| report.seen.canary.requests == 0).await?;
    comparison.close().await;
    // It was off while nothing ran, and is on again.
    let comparison = open().await?;
    comparison.list(FlagState::Off);
    comparison.list(FlagState::Percent(10));
    comparison.begins().await?;
    exporter.answer(POD, "200 on", 2.0);
    comparison.has_counted([2, 0, 0, 0]).await
}
