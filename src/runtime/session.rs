//! Sources and executors of one run: every environment with its clients, watches, checks and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::trust::NOT_TRUSTED;
use crate::config::{Config, EnvConfig, Prometheus, SignersFile};
use crate::domain::record::action::System;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::proof::Keys;
use crate::domain::record::receipt::Receipt;

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::workload::Revision;
use crate::domain::record::recovered::Recovered;
use crate::domain::rules::checklist::{Candidate, CandidateState};
use crate::domain::world::World;
use crate::domain::world::feed::Feed;
use crate::executors::kubernetes::Kubernetes;
use crate::executors::signing::Signer;
use crate::executors::{Dispatcher, Journal, recovery};
use crate::platform::kube_client::ClientError;
use crate::platform::kubeconfig::{Cluster, ClusterError, Clusters};
use crate::platform::login::{LOGIN_TIMEOUT, LoginError};
use crate::platform::private_files::private_dir;
use crate::platform::{Redactor, Variables};
use crate::sources::checks::runner::{self, Again, Ask, CheckRunner};
use crate::sources::checks::{CheckInput, Tools};
use crate::sources::git;
use crate::sources::inbox::{Inbox, Outlet};
use crate::sources::kubernetes::{CanaryByWorkload, KubernetesSource, ReadClient, TracksByWorkload, discover};
use crate::sources::prometheus::counts::counting::Pace;
use crate::sources::prometheus::{PrometheusClient, PrometheusSource, configured};

/// Receipts that wait at most; the dispatcher waits for room.
const MAX_QUEUED_RECEIPTS: usize = 256;
/// Wishes for another look that wait at most.
const MAX_QUEUED_RECHECKS: usize = 64;
/// How often an empty namespace is looked at again.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(3);
/// How often a namespace is searched for workloads that are new.
const REDISCOVERY_INTERVAL: Duration = Duration::from_secs(10);
/// How often a login that failed is asked for; it is tried again at its own pace.
const LOGIN_INTERVAL: Duration = Duration::from_millis(500);

/// Why a session cannot begin: configuration, not the outside.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

pub(super) struct Session {
    /// What sources have to say.
    pub(super) inbox: Inbox,
    /// The only way to change anything.
    pub(super) dispatcher: Dispatcher,
    pub(super) receipts: mpsc::Receiver<Receipt>,
    /// Asks all sources to look now.
    pub(super) refresh: Arc<Notify>,
    /// Asks what the operator may do once more.
    pub(super) rights: Arc<Notify>,
    /// Name of the service, where the config gives it one.
    pub(super) service: Option<String>,
    /// Where to remember what is needed over a restart.
    state: Option<PathBuf>,
    /// What of the config is not used, for nobody trusted it.
    pub(super) distrusted: Option<String>,
    /// What went wrong already: the journal's folder.
    pub(super) troubles: Vec<String>,
    /// What is wrong with the keys that are to prove who said something.
    pub(super) signers: Vec<String>,
    /// Tells the checks of each environment what they are about.
    asks: BTreeMap<EnvName, watch::Sender<Option<Ask>>>,
    /// Asks for another look at checks.
    again: broadcast::Sender<Again>,
    /// The configured git repository, and the folder of the config file.
    repository: (Option<PathBuf>, Option<PathBuf>),
    tag_prefix: Option<String>,
    /// Whose keys prove who said something, where that is configured.
    keys: Option<Keys>,
    /// Where that is written.
    signers_file: Option<SignersFile>,
    /// Hides secrets in what is shown, logged and written down.
    pub(super) redactor: Redactor,
    longest_check: Duration,
    plans: Vec<(EnvConfig, Cluster)>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Session {
    /// Reads kubeconfigs and makes the world, without touching the network: see [`Session::start`].
    pub(super) async fn open(
        mut config: Config,
        variables: &Variables,
        redactor: &Redactor,
    ) -> Result<(Self, World), StartError> {
        let clusters = Clusters::read(variables, redactor)?;
        config.assume(&clusters.current().or_else(|error| {
            // With environments of their own contexts no current one is needed.
            if config.environments.is_empty() { Err(error) } else { Ok(String::new()) }
        })?);
        let mut plans = Vec::new();
        for env in &config.environments {
            plans.push((env.clone(), clusters.load(env.context.as_deref()).await?));
        }
        let world = World::new(plans.iter().map(|(env, cluster)| env.resolved(cluster, &[])));
        let (receipt_sender, receipts) = mpsc::channel(MAX_QUEUED_RECEIPTS);
        let (journal, troubles) = journal(&config, variables);
        let keys = config.record.keys();
        // What git signs with signs here only where that is asked for.
        let signs = keys.is_some() || variables.signing_key.is_some();
        let signer = Signer { own: variables.signing_key.clone(), home: variables.home.clone() };
        let dispatcher =
            Dispatcher::new(journal, operator(), receipt_sender).signing(signs.then_some(signer), keys.clone());
        let session = Self {
            inbox: Inbox::default(),
            dispatcher,
            receipts,
            refresh: Arc::new(Notify::new()),
            rights: Arc::new(Notify::new()),
            service: config.service.name.clone(),
            distrusted: config.distrusted(),
            troubles,
            signers: config.record.warnings(),
            state: variables.state_dir().ok(),
            asks: BTreeMap::new(),
            again: broadcast::channel(MAX_QUEUED_RECHECKS).0,
            repository: (
                config.service.repository.clone(),
                config.origin.as_ref().and_then(|origin| origin.path.parent()).map(Path::to_owned),
            ),
            tag_prefix: config.service.tag_prefix.clone(),
            keys,
            signers_file: config.record.allowed_signers.clone(),
            redactor: redactor.clone(),
            longest_check: plans
                .iter()
                .flat_map(|(env, _)| env.checks.iter().filter(|check| check.kind.is_some()))
                .map(|check| check.timeout.unsigned_abs())
                .max()
                .unwrap_or_default(),
            plans,
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Ok((session, world))
    }

    /// Starts sources and executors, each environment on its own.
    pub(super) fn start(&mut self) {
        let room = Arc::new(Semaphore::new(runner::MAX_CONCURRENT_CHECKS));
        let mut before: Option<(EnvConfig, Cluster)> = None;
        for (env, cluster) in std::mem::take(&mut self.plans) {
            let (asks, asked) = watch::channel(None);
            self.asks.insert(env.name().clone(), asks);
            let environment = Environment {
                checks: Checks {
                    asked,
                    again: self.again.subscribe(),
                    room: Arc::clone(&room),
                    repository: self.repository.clone(),
                    tag_prefix: self.tag_prefix.clone(),
                    before: before.replace((env.clone(), cluster.clone())),
                },
                outlet: self.inbox.outlet(),
                dispatcher: self.dispatcher.clone(),
                refresh: Arc::clone(&self.refresh),
                rights: Arc::clone(&self.rights),
                cancel: self.cancel.clone(),
                tasks: self.tasks.clone(),
                env,
                cluster,
                state: self.state.clone(),
                signers: self.signers_file.clone(),
                redactor: self.redactor.clone(),
            };
            let cancel = self.cancel.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = environment.start() => {}
                }
            });
        }
    }

    /// Tells the checks which candidates their environments have now.
    pub(super) fn ask(&self, world: &World) {
        for env in &world.environments {
            let Some(asks) = self.asks.get(env.name()) else { continue };
            let ask = world.candidate(env).map(|candidate| ask_about(world, env, &candidate));
            asks.send_if_modified(|known| {
                let other = ask.is_some() && *known != ask;
                if other {
                    known.clone_from(&ask);
                }
                other
            });
        }
    }

    /// Returns the longest time limit of a check that looks for evidence.
    pub(super) fn longest_check(&self) -> Duration {
        self.longest_check
    }

    /// Runs checks again: one of an environment, or all of them.
    pub(super) fn run_checks(&self, env: EnvName, check: Option<CheckId>) {
        // Without a runner there is nothing to look at.
        let _ = self.again.send((env, check));
    }

    /// Reads all journals, apart from everything else: there may be years of them.
    pub(super) fn read_journals(&self) -> JoinHandle<Recovered> {
        let (dispatcher, keys) = (self.dispatcher.clone(), self.keys.clone());
        tokio::task::spawn_blocking(move || recovery::find(&dispatcher, keys))
    }

    /// Settles intents that a crash left open by looking, and shares what could not be shared.
    pub(super) fn recover(&self, found: &Recovered) {
        for (action, record) in found.open.clone() {
            let dispatcher = self.dispatcher.clone();
            self.tasks.spawn(async move { recovery::settle(&dispatcher, &action, &record).await });
        }
        let (dispatcher, stated) = (self.dispatcher.clone(), found.stated.clone());
        self.tasks.spawn(async move { recovery::share_again(&dispatcher, stated).await });
    }

    pub(super) async fn end(self) {
        self.cancel.cancel();
        self.tasks.close();
        // Tasks that wait for a dead server must not hold up leaving.
        let _ = tokio::time::timeout(Duration::from_millis(300), self.tasks.wait()).await;
    }
}

/// Makes the question to an environment's checks.
fn ask_about(world: &World, env: &crate::domain::world::Environment, candidate: &Candidate) -> Ask {
    Ask {
        subject: candidate.key.clone(),
        scene: CheckInput {
            env: Some(env.name().clone()),
            namespace: env.settings.namespace.clone(),
            workloads: env.workloads.iter().map(|workload| workload.id.clone()).collect(),
            service: candidate.workload.name.clone(),
            version: candidate.version.clone(),
            images: candidate.images.clone(),
            commit: None,
            stable_version: candidate.stable.as_ref().map(Revision::version),
            stable_commit: None,
            previous: world.previous(env).map(|before| before.name().clone()),
            revision: Some((undigested(&candidate.revision), candidate.standing == CandidateState::Incoming)),
            stable: candidate.stable.as_ref().map(undigested),
        },
    }
}

fn undigested(revision: &Revision) -> Revision {
    Revision { digest: None, digests: std::collections::BTreeMap::new(), ..revision.clone() }
}

/// Returns the journals, and why their folder cannot be used: the dispatcher then refuses promotions and lets stops through.
fn journal(config: &Config, variables: &Variables) -> (Journal, Vec<String>) {
    let hash = config.origin.as_ref().map(|origin| origin.hash.clone());
    let settings = config.in_force();
    match config.journals(variables) {
        Ok(folder) => {
            let trouble = private_dir(&folder).err().map(|error| error.to_string());
            (Journal::new(&folder, hash).under(settings), trouble.into_iter().collect())
        }
        // Nowhere to write to: every entry stays in memory, and that is said.
        Err(error) => {
            (Journal::new(Path::new("/dev/null/release-cockpit"), hash).under(settings), vec![error.to_string()])
        }
    }
}

/// Who sits here, as the machine knows; the API server's word stands in the environment's access.
pub(super) fn operator() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// What the checks of one environment need.
struct Checks {
    asked: watch::Receiver<Option<Ask>>,
    again: broadcast::Receiver<Again>,
    room: Arc<Semaphore>,
    /// The configured git repository, and the folder of the config file.
    repository: (Option<PathBuf>, Option<PathBuf>),
    tag_prefix: Option<String>,
    /// The environment before, in promotion order.
    before: Option<(EnvConfig, Cluster)>,
}

impl Checks {
    /// Returns the git repository to ask: the configured one, whether or not it is one, so that this is reported; else the
    /// one that the config file is in, if any.
    async fn repository(&self) -> Option<PathBuf> {
        let (configured, folder) = &self.repository;
        if configured.is_some() {
            return configured.clone();
        }
        git::repository(None, folder.as_deref()).await.ok()
    }
}

/// What one environment needs to come up.
struct Environment {
    checks: Checks,
    env: EnvConfig,
    cluster: Cluster,
    /// Where to remember how far counters have been counted.
    state: Option<PathBuf>,
    signers: Option<SignersFile>,
    redactor: Redactor,
    outlet: Outlet,
    dispatcher: Dispatcher,
    refresh: Arc<Notify>,
    rights: Arc<Notify>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Environment {
    async fn start(mut self) {
        let namespace = self.env.namespace.clone().unwrap_or_else(|| self.cluster.namespace.clone());
        self.report_login();
        if self.env.withheld_metrics.is_some() {
            self.told(SourceKind::Prometheus, Link::NotAsked(NOT_TRUSTED.to_owned()));
        }
        let client = loop {
            match self.clients(&namespace).await {
                Ok(client) => break client,
                Err(error) => self.down(SourceKind::Kubernetes, format!("{error:#}")),
            }
            // A file that is missing may come.
            tokio::time::sleep(DISCOVERY_INTERVAL).await;
        };
        self.spawn_checks(&client, &namespace).await;
        self.logged_in().await;
        let workloads = self.watch_workloads(&client, &namespace).await;
        let (tracks, watched) = watch::channel(TracksByWorkload::new());
        let (canaries, known) = watch::channel(CanaryByWorkload::new());
        KubernetesSource {
            env: self.env.name().clone(),
            client,
            namespace: namespace.clone(),
            workloads,
            outlet: self.outlet.clone(),
            tracks,
            canaries,
            identity: watch::Sender::default(),
            refresh: Arc::clone(&self.refresh),
            rights: Arc::clone(&self.rights),
            signers: self.signers.clone(),
            cancel: self.cancel.clone(),
        }
        .spawn(&self.tasks);
        if self.env.withheld_metrics.is_some() {
            // Once more, for the workloads that were found meanwhile.
            self.told(SourceKind::Prometheus, Link::NotAsked(NOT_TRUSTED.to_owned()));
        }
        if let Some(configured) = &self.env.prometheus {
            self.watch_metrics(configured, namespace, watched, known).await;
        }
    }

    /// Starts the checks that look for evidence, where there are any.
    async fn spawn_checks(&mut self, client: &ReadClient, namespace: &str) {
        let repository = self.checks.repository().await;
        if repository.is_none() && self.env.checks.iter().all(|check| check.kind.is_none()) {
            return;
        }
        let prometheus = match &self.env.prometheus {
            // What is unavailable now is reported by the source of metrics; the checks then say that there is none.
            Some(configured) => PrometheusClient::new(configured, &self.redactor).await.ok(),
            None => None,
        };
        let before = self.checks.before.take().and_then(|(env, cluster)| {
            let client = ReadClient::of(&cluster, &self.redactor).ok()?;
            Some((client, env.namespace.unwrap_or(cluster.namespace)))
        });
        CheckRunner {
            env: self.env.name().clone(),
            checks: self.env.checks.clone(),
            tools: Tools {
                http: crate::sources::checks::http_client(),
                prometheus,
                cluster: Some((client.clone(), namespace.to_owned())),
                previous: before,
                repository,
                tag_prefix: self.checks.tag_prefix.clone(),
                redactor: self.redactor.clone(),
            },
            asks: self.checks.asked.clone(),
            again: self.checks.again.resubscribe(),
            room: Arc::clone(&self.checks.room),
            outlet: self.outlet.clone(),
            cancel: self.cancel.clone(),
        }
        .spawn(&self.tasks);
    }

    /// Starts the source of metrics; a secret that is not to be had yet is asked for again.
    async fn watch_metrics(
        &self,
        configured: &Prometheus,
        namespace: String,
        tracks: watch::Receiver<TracksByWorkload>,
        canaries: watch::Receiver<CanaryByWorkload>,
    ) {
        let questions = loop {
            match configured::questions(configured, &namespace, &self.redactor).await {
                Ok(questions) => break questions,
                Err(why) => self.down(SourceKind::Prometheus, why),
            }
            tokio::time::sleep(DISCOVERY_INTERVAL).await;
        };
        let interval = Duration::try_from(configured.interval).unwrap_or(PrometheusSource::INTERVAL);
        PrometheusSource {
            env: self.env.name().clone(),
            questions,
            interval,
            history: PrometheusSource::HISTORY,
            outlet: self.outlet.clone(),
            tracks,
            canaries,
            pace: Pace {
                every: Pace::step(interval, &self.env.settings.rules),
                rules: self.env.settings.rules.clone(),
                source: configured.url.to_string(),
                folder: self.state.clone(),
            },
            refresh: Arc::clone(&self.refresh),
            cancel: self.cancel.clone(),
        }
        .spawn(&self.tasks);
    }

    /// Says that a login is waited for, or that it failed, as soon as it is so; tries it again when asked to look again.
    fn report_login(&self) {
        let Some(login) = self.cluster.login.clone() else { return };
        let (env, outlet, refresh) = (self.env.name().clone(), self.outlet.clone(), Arc::clone(&self.refresh));
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            let mut told = None;
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = refresh.notified() => login.try_again(),
                    hindrance = login.hindrance_after(told.as_ref()) => {
                        let link = hindrance.as_ref().map(|error| match error {
                            LoginError::Waiting(_) => Link::LoggingIn(error.to_string()),
                            LoginError::Failed(why) => Link::Down(why.clone()),
                        });
                        told = hindrance;
                        // That it worked is said by the first answer.
                        if let Some(link) = link {
                            let (env, source) = (env.clone(), SourceKind::Kubernetes);
                            outlet.send(Feed::Link { env, source, link, at: None });
                        }
                    }
                }
            }
        });
    }

    /// Makes the client for reading, and the executor unless the environment is read-only ([law 8](crate#laws)).
    async fn clients(&self, namespace: &str) -> Result<ReadClient> {
        let (cluster, redactor) = (self.cluster.clone(), self.redactor.clone());
        let (namespace, read_only) = (namespace.to_owned(), self.env.settings.read_only);
        // It reads files, which may lie on a disk that does not answer.
        let made = tokio::task::spawn_blocking(move || {
            let reading = ReadClient::of(&cluster, &redactor)?;
            let writing = if read_only { None } else { Some(Kubernetes::of(&cluster, &namespace, redactor)?) };
            Ok::<_, ClientError>((reading, writing))
        });
        let (reading, writing) = made.await?.wrap_err_with(|| format!("no client for {}", self.cluster.server))?;
        if let Some(executor) = writing {
            self.dispatcher.admit(self.env.name().clone(), System::Kubernetes, Arc::new(executor));
        }
        Ok(reading)
    }

    /// Waits for the first login, where the cluster has one.
    async fn logged_in(&self) {
        let Some(login) = &self.cluster.login else { return };
        while login.credential(LOGIN_TIMEOUT).await.is_err() {
            tokio::time::sleep(LOGIN_INTERVAL).await;
        }
    }

    /// Returns the configured workloads, else those found in the namespace: looked for until there are some.
    async fn workloads(&self, client: &ReadClient, namespace: &str) -> Vec<WorkloadId> {
        if !self.env.settings.workloads.is_empty() {
            return self.env.settings.workloads.clone();
        }
        loop {
            match discover::workloads(client, namespace).await {
                Ok(found) if !found.is_empty() => {
                    let feed = Feed::Discovered { env: self.env.name().clone(), workloads: found.clone() };
                    self.outlet.send(feed);
                    return found;
                }
                Ok(_) => self.down(
                    SourceKind::Kubernetes,
                    format!("no Rollout and no Deployment in namespace {namespace}; choose another with -n"),
                ),
                // What a login says is reported by itself.
                Err(_) if self.cluster.login.as_ref().is_some_and(|login| login.hindrance().is_some()) => {}
                Err(why) => self.down(SourceKind::Kubernetes, why),
            }
            tokio::time::sleep(DISCOVERY_INTERVAL).await;
        }
    }

    /// Returns the workloads, and whatever is found in the namespace later where none are configured.
    async fn watch_workloads(&self, client: &ReadClient, namespace: &str) -> watch::Receiver<Vec<WorkloadId>> {
        let (sender, receiver) = watch::channel(self.workloads(client, namespace).await);
        if !self.env.settings.workloads.is_empty() {
            return receiver;
        }
        let (env, outlet, refresh) = (self.env.name().clone(), self.outlet.clone(), Arc::clone(&self.refresh));
        let (client, namespace, cancel) = (client.clone(), namespace.to_owned(), self.cancel.clone());
        self.tasks.spawn(async move {
            let mut known = discover::names(&client, &namespace).await;
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = sender.closed() => return,
                    () = refresh.notified() => {}
                    () = tokio::time::sleep(REDISCOVERY_INTERVAL) => {}
                }
                let names = discover::names(&client, &namespace).await;
                if names.is_subset(&known) {
                    continue;
                }
                let Ok(found) = discover::workloads(&client, &namespace).await else { continue };
                known.extend(names);
                let all: BTreeSet<WorkloadId> = sender.borrow().iter().cloned().chain(found).collect();
                if all.len() > sender.borrow().len() {
                    let all: Vec<WorkloadId> = all.into_iter().collect();
                    outlet.send(Feed::Discovered { env: env.clone(), workloads: all.clone() });
                    sender.send_replace(all);
                }
            }
        });
        receiver
    }

    fn down(&self, source: SourceKind, why: String) {
        self.told(source, Link::Down(why));
    }

    fn told(&self, source: SourceKind, link: Link) {
        let env = self.env.name().clone();
        self.outlet.send(Feed::Link { env, source, link, at: None });
    }
}
