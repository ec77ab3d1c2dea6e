//! One environment of a run: its client, watches, metrics and checks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::registry::Registries;
use super::{flags, pipelines, pull_requests, registry};
use crate::config::trust::NOT_TRUSTED;
use crate::config::{EnvConfig, Prometheus, SignersFile};
use crate::domain::facts::changes::CodeSearch;
use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::WorkloadId;
use crate::domain::record::action::System;
use crate::domain::world::feed::Feed;
use crate::executors::Dispatcher;
use crate::executors::flags::FlagExecutor;
use crate::executors::git::GitExecutor;
use crate::executors::kubernetes::Kubernetes;
use crate::executors::owner::OwnerExecutor;
use crate::executors::pipeline::PipelineExecutor;
use crate::executors::tag::TagExecutor;
use crate::platform::Redactor;
use crate::platform::kube_client::ClientError;
use crate::platform::kubeconfig::Cluster;
use crate::platform::login::{LOGIN_TIMEOUT, LoginError};
use crate::sources::checks::Tools;
use crate::sources::checks::runner::{Again, Ask, CheckRunner};
use crate::sources::git::{self, GitError};
use crate::sources::inbox::Outlet;
use crate::sources::kubernetes::{
    CanaryByWorkload, KubernetesSource, OwnerPlace, ReadClient, TracksByWorkload, discover,
};
use crate::sources::prometheus::counts::counting::Pace;
use crate::sources::prometheus::flag_users::{DividedFlags, FlagUsersSource};
use crate::sources::prometheus::{PrometheusClient, PrometheusSource, configured};

/// How often an empty namespace is looked at again.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(3);
/// How often a namespace is searched for workloads that are new.
const REDISCOVERY_INTERVAL: Duration = Duration::from_secs(10);
/// How often a login that failed is asked for; it is tried again at its own pace.
const LOGIN_INTERVAL: Duration = Duration::from_millis(500);

/// What the checks of one environment need.
pub(super) struct Checks {
    pub(super) asked: watch::Receiver<Option<Ask>>,
    pub(super) again: broadcast::Receiver<Again>,
    pub(super) room: Arc<Semaphore>,
    /// The configured git repository, and the folder of the config file.
    pub(super) repository: (Option<PathBuf>, Option<PathBuf>),
    pub(super) tag_prefix: Option<String>,
    pub(super) flags_in_code: CodeSearch,
    /// The environment before, in promotion order.
    pub(super) before: Option<(EnvConfig, Cluster)>,
}

impl Checks {
    /// Returns the git repository to ask: the configured one, whether or not it is one, so that this is reported; else the
    /// one that the config file is in, if any. One that git does not trust, or that there is no git for, is asked, too: what
    /// depends on it is not known then.
    async fn repository(&self) -> Option<PathBuf> {
        let (configured, folder) = &self.repository;
        if configured.is_some() {
            return configured.clone();
        }
        match git::repository(None, folder.as_deref()).await {
            Ok(repository) | Err(GitError::NotTrusted(repository)) => Some(repository),
            Err(GitError::NotInstalled | GitError::CannotStart(_)) => {
                folder.clone().filter(|folder| git::is_in_repository(folder))
            }
            Err(_) => None,
        }
    }
}

/// What one environment needs to come up.
pub(super) struct Environment {
    pub(super) checks: Checks,
    pub(super) env: EnvConfig,
    pub(super) cluster: Cluster,
    /// The cluster that Argo CD runs in, where that is another one.
    pub(super) argo_cd: Option<Cluster>,
    /// Where to remember how far counters have been counted.
    pub(super) state: Option<PathBuf>,
    pub(super) signers: Option<SignersFile>,
    /// How the flags of the release are, for the analysis.
    pub(super) release_flags: watch::Receiver<Arc<ReleaseFlags>>,
    pub(super) registries: Registries,
    pub(super) redactor: Redactor,
    pub(super) outlet: Outlet,
    pub(super) dispatcher: Dispatcher,
    pub(super) refresh: Arc<Notify>,
    pub(super) rights: Arc<Notify>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Environment {
    /// Brings it up: client, watches, metrics and checks, as soon as each can be.
    pub(super) async fn start(mut self) {
        let namespace = self.env.namespace.clone().unwrap_or_else(|| self.cluster.namespace.clone());
        self.report_login();
        let divided = self.watch_flags();
        self.watch_registries();
        if self.env.withheld_metrics.is_some() {
            self.told(SourceKind::Prometheus, Link::NotAsked(NOT_TRUSTED.to_owned()));
        }
        let (client, owners) = loop {
            match self.clients(&namespace).await {
                Ok(clients) => break clients,
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
            owners,
            cancel: self.cancel.clone(),
        }
        .spawn(&self.tasks);
        if self.env.withheld_metrics.is_some() {
            // Once more, for the workloads that were found meanwhile.
            self.told(SourceKind::Prometheus, Link::NotAsked(NOT_TRUSTED.to_owned()));
        }
        if let Some(configured) = &self.env.prometheus {
            self.watch_metrics(configured, namespace, (watched, known), divided).await;
        }
    }

    /// Starts the checks that look for evidence, where there are any.
    async fn spawn_checks(&mut self, client: &ReadClient, namespace: &str) {
        let repository = self.checks.repository().await;
        self.outlet.send(Feed::Repository { env: self.env.name().clone(), found: repository.is_some() });
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
            flags_in_code: (!self.env.flags.is_empty()).then(|| self.checks.flags_in_code.clone()),
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
        (tracks, canaries): (watch::Receiver<TracksByWorkload>, watch::Receiver<CanaryByWorkload>),
        divided: watch::Receiver<DividedFlags>,
    ) {
        let questions = loop {
            match configured::questions(configured, &namespace, &self.redactor).await {
                Ok(questions) => break questions,
                Err(why) => self.down(SourceKind::Prometheus, why),
            }
            tokio::time::sleep(DISCOVERY_INTERVAL).await;
        };
        let interval = Duration::try_from(configured.interval).unwrap_or(PrometheusSource::INTERVAL);
        let pace = Pace {
            every: Pace::step(interval, &self.env.settings.rules),
            rules: self.env.settings.rules.clone(),
            source: questions.identity(),
            folder: self.state.clone(),
        };
        for provider in &self.env.flags {
            for rollout in &provider.rollouts {
                let questions = questions.of_users(rollout);
                FlagUsersSource {
                    env: self.env.name().clone(),
                    provider: provider.name.clone(),
                    rollout: rollout.clone(),
                    tracks: tracks.clone(),
                    divided: divided.clone(),
                    pace: Pace { source: questions.identity(), ..pace.clone() },
                    questions,
                    refresh: Arc::clone(&self.refresh),
                    outlet: self.outlet.clone(),
                    cancel: self.cancel.clone(),
                }
                .spawn(&self.tasks);
            }
        }
        PrometheusSource {
            env: self.env.name().clone(),
            questions,
            interval,
            history: PrometheusSource::HISTORY,
            outlet: self.outlet.clone(),
            tracks,
            canaries,
            flags: self.release_flags.clone(),
            pace,
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

    /// Makes the clients for reading, and the executors unless the environment is read-only ([law 8](crate#laws)).
    async fn clients(&self, namespace: &str) -> Result<(ReadClient, OwnerPlace)> {
        let (cluster, argo_cd, redactor) = (self.cluster.clone(), self.argo_cd.clone(), self.redactor.clone());
        let (namespace, read_only) = (namespace.to_owned(), self.env.settings.read_only);
        let applications = self.env.settings.argo_cd.namespace.clone();
        let argo_cd_namespace = applications.clone();
        // It reads files, which may lie on a disk that does not answer.
        let made = tokio::task::spawn_blocking(move || {
            let reading = ReadClient::of(&cluster, &redactor)?;
            let owners = argo_cd.as_ref().map(|cluster| ReadClient::of(cluster, &redactor)).transpose()?;
            if read_only {
                return Ok((reading, owners, None));
            }
            let writing = Kubernetes::of(&cluster, &namespace, redactor.clone())?;
            let suspends = match &argo_cd {
                Some(cluster) => OwnerExecutor::of(cluster, &applications, &namespace, redactor)?,
                None => writing.owners(&applications),
            };
            Ok::<_, ClientError>((reading, owners, Some((writing.with_owners(suspends.clone()), suspends))))
        });
        let (reading, owners, writing) =
            made.await?.wrap_err_with(|| format!("no client for {}", self.cluster.server))?;
        if let Some((executor, suspends)) = writing {
            if let Some(state) = self.state.as_ref().filter(|_| self.env.settings.git.is_configured()) {
                let outside = (executor.clone(), suspends.clone());
                let mut commits =
                    GitExecutor::new(self.env.settings.git.clone(), state, outside, self.redactor.clone());
                if let Some(config) = self.env.pull_requests.clone() {
                    commits = commits.with_pull_requests(pull_requests::connect(config, self.redactor.clone()));
                }
                self.dispatcher.admit(self.env.name().clone(), System::Git, Arc::new(commits));
            }
            if let Some(pipeline) = &self.env.pipeline {
                let mut runs = PipelineExecutor::new(executor.clone(), pipeline.dir.clone(), self.redactor.clone());
                if let Some(connect) = pipelines::connect(&self.env, self.redactor.clone()) {
                    runs = runs.with_service(connect);
                }
                self.dispatcher.admit(self.env.name().clone(), System::Pipeline, Arc::new(runs));
            }
            if self.env.settings.stable_tag.is_some() {
                let registries = registry::that_push(&self.env, self.registries.docker_config.as_ref(), &self.redactor);
                let tags = TagExecutor::new(executor.clone(), registries);
                self.dispatcher.admit(self.env.name().clone(), System::Registry, Arc::new(tags));
            }
            self.dispatcher.admit(self.env.name().clone(), System::Owner, Arc::new(suspends));
            self.dispatcher.admit(self.env.name().clone(), System::Kubernetes, Arc::new(executor));
        }
        Ok((reading, OwnerPlace { client: owners, argo_cd_namespace }))
    }

    /// Starts what reads feature flags, and what turns them unless the environment is read-only ([law 8](crate#laws)). Returns which
    /// of them divide users.
    fn watch_flags(&self) -> watch::Receiver<DividedFlags> {
        let (divided, told) = watch::channel(DividedFlags::default());
        let turns = (!self.env.settings.read_only && !self.env.flags.is_empty()).then(FlagExecutor::default);
        if let Some(turns) = &turns {
            self.dispatcher.admit(self.env.name().clone(), System::Flags, Arc::new(turns.clone()));
        }
        for provider in &self.env.flags {
            let provider = flags::Provider {
                env: self.env.name().clone(),
                config: provider.in_cluster(&self.cluster.context, &self.cluster.namespace),
                cluster: self.cluster.clone(),
                turns: turns.clone(),
                divided: divided.clone(),
                state: self.state.clone(),
                redactor: self.redactor.clone(),
                outlet: self.outlet.clone(),
                refresh: Arc::clone(&self.refresh),
                cancel: self.cancel.clone(),
            };
            let (tasks, cancel) = (self.tasks.clone(), self.cancel.clone());
            self.tasks.spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = provider.start(&tasks) => {}
                }
            });
        }
        told
    }

    /// Starts what asks registries for images.
    fn watch_registries(&self) {
        for config in &self.env.registries {
            let (asked, docker_config) = (self.registries.asked.clone(), self.registries.docker_config.clone());
            let watched = registry::Watched {
                env: self.env.name().clone(),
                config: config.clone(),
                docker_config,
                asked,
                dispatcher: self.dispatcher.clone(),
                redactor: self.redactor.clone(),
                outlet: self.outlet.clone(),
                refresh: Arc::clone(&self.refresh),
            };
            self.tasks.spawn(watched.run_until(self.cancel.clone()));
        }
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
