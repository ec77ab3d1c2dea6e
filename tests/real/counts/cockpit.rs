//! The product's source with what it told so far.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use analysis::{Look, Report, Rules, Scrape};
use release_cockpit::config::Prometheus;
use release_cockpit::domain::facts::flag::of_release::ReleaseFlags;
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKind};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::inbox::Inbox;
use release_cockpit::sources::prometheus::counts::counting::Pace;
use release_cockpit::sources::prometheus::{PrometheusSource, configured};
use support::{Checked, until};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub struct Cockpit {
    inbox: Inbox,
    looks: Mutex<Vec<Look>>,
    report: Mutex<Option<Arc<Report>>>,
    flags: watch::Sender<Arc<ReleaseFlags>>,
    cancel: CancellationToken,
    tasks: TaskTracker,
    _senders: (watch::Sender<BTreeMap<WorkloadId, Tracks>>, Box<dyn std::any::Any + Send + Sync>),
}

impl Cockpit {
    /// Opens one on a server, with a canary in progress.
    pub async fn open(settings: Prometheus, folder: Option<PathBuf>) -> Checked<Self> {
        let (inbox, cancel, tasks) = (Inbox::default(), CancellationToken::new(), TaskTracker::new());
        let tracks = Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) };
        let web = WorkloadId::new(WorkloadKind::Rollout, "web");
        let (tracks, watched) = watch::channel(BTreeMap::from([(web, tracks)]));
        let (pods, ready) = watch::channel(BTreeMap::new());
        let flags = watch::Sender::default();
        let source = PrometheusSource {
            env: EnvName::new("bed"),
            questions: configured::questions(&settings, "shop", &Redactor::default()).await?,
            interval: Duration::from_millis(300),
            history: Duration::from_secs(60),
            outlet: inbox.outlet(),
            tracks: watched,
            canaries: ready,
            flags: flags.subscribe(),
            pace: Pace { every: Duration::from_millis(600), rules: Rules::default(), source: String::new(), folder },
            refresh: Arc::new(Notify::new()),
            cancel: cancel.clone(),
        };
        source.spawn(&tasks);
        let (looks, report) = Default::default();
        Ok(Self { inbox, looks, report, flags, cancel, tasks, _senders: (tracks, Box::new(pods)) })
    }

    pub fn looks(&self) -> Vec<Look> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in self.inbox.drain() {
            if let Feed::Counted { look, report, .. } = feed {
                *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
                looks.extend(look.map(|look| (*look).clone()));
            }
        }
        looks.clone()
    }

    /// Says how the flags of the release are.
    pub fn list(&self, flags: ReleaseFlags) {
        self.flags.send_replace(Arc::new(flags));
    }

    /// The last report.
    pub fn report(&self) -> Option<Arc<Report>> {
        self.looks();
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the report is such.
    pub async fn is(&self, what: &str, holds: impl Fn(&Report) -> bool) -> Checked {
        let told = until("", || async { self.report().filter(|report| holds(report)).map(drop) }).await;
        told.map_err(|_| format!("never {what}: {:?}", self.report()).into())
    }

    pub fn scrapes(&self) -> Vec<Scrape> {
        let scrape = |look| if let Look::Scrape(scrape) = look { Some(scrape) } else { None };
        self.looks().into_iter().filter_map(scrape).collect()
    }

    /// Requests and errors of canary, then of stable, so far.
    pub fn totals(&self) -> [u64; 4] {
        self.scrapes().iter().fold([0; 4], |[a, b, c, d], scrape| {
            let (canary, stable) = (&scrape.canary, &scrape.stable);
            [a + canary.requests, b + canary.errors, c + stable.requests, d + stable.errors]
        })
    }

    /// Waits until the totals are these; more than these is never taken back, so that counting twice fails as well.
    pub async fn has_counted(&self, expected: [u64; 4]) -> Checked {
        let counted = until("", || async { (self.totals() == expected).then_some(()) }).await;
        counted.map_err(|_| {
            format!("counted {:?} instead of {expected:?}; {:?}", self.totals(), self.looks().last()).into()
        })
    }

    /// Waits until there are no counts for this reason.
    pub async fn says(&self, part: &str) -> Checked {
        let told = || matches!(self.looks().last(), Some(Look::Missing { why, .. }) if why.contains(part));
        let told = until("", || async { told().then_some(()) }).await;
        told.map_err(|_| format!("never said `{part}`: {:?}", self.looks().last()).into())
    }

    /// Waits until there are counts.
    pub async fn counts(&self) -> Checked {
        until("counts", || async { matches!(self.looks().last(), Some(Look::Scrape(_))).then_some(()) }).await
    }

    /// Closes it, and returns what it told.
    pub async fn close(self) -> Vec<Look> {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.looks()
    }

    /// Takes over what another one told before.
    pub fn after(self, earlier: Vec<Look>) -> Self {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).splice(0..0, earlier);
        self
    }
}
