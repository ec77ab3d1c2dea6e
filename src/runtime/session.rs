//! Sources and executors of one run: every environment with its clients, watches, checks and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::Result;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::environment::{Checks, Environment};
use super::registry::Registries;
use crate::config::{Config, EnvConfig, SignersFile};
use crate::domain::facts::changes::CodeSearch;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::proof::Keys;
use crate::domain::record::receipt::Receipt;

use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::registry::StoredImage;
use crate::domain::facts::workload::Revision;
use crate::domain::record::recovered::Recovered;
use crate::domain::rules::checklist::registry::questions;
use crate::domain::rules::checklist::{Candidate, CandidateState};
use crate::domain::world::World;
use crate::executors::signing::Signer;
use crate::executors::{Dispatcher, Journal, recovery};
use crate::platform::kubeconfig::{Cluster, ClusterError, Clusters};
use crate::platform::private_files::private_dir;
use crate::platform::registry::docker_config;
use crate::platform::{Redactor, Variables};
use crate::sources::checks::CheckInput;
use crate::sources::checks::runner::{self, Again, Ask};
use crate::sources::inbox::Inbox;

/// Receipts that wait at most; the dispatcher waits for room.
const MAX_QUEUED_RECEIPTS: usize = 256;
/// Wishes for another look that wait at most.
const MAX_QUEUED_RECHECKS: usize = 64;

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
    /// Tells the registries of each environment what they are asked about.
    images: BTreeMap<EnvName, watch::Sender<BTreeSet<StoredImage>>>,
    /// Tells the analysis of each environment how the flags of the release are.
    release_flags: BTreeMap<EnvName, watch::Sender<Arc<ReleaseFlags>>>,
    /// Where `docker login` keeps logins.
    docker_config: Option<PathBuf>,
    /// Asks for another look at checks.
    again: broadcast::Sender<Again>,
    /// The configured git repository, and the folder of the config file.
    repository: (Option<PathBuf>, Option<PathBuf>),
    tag_prefix: Option<String>,
    flags_in_code: CodeSearch,
    /// Whose keys prove who said something, where that is configured.
    keys: Option<Keys>,
    /// Where that is written.
    signers_file: Option<SignersFile>,
    /// Hides secrets in what is shown, logged and written down.
    pub(super) redactor: Redactor,
    longest_check: Duration,
    plans: Vec<EnvPlan>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

/// What is known of an environment before the network is touched.
struct EnvPlan {
    env: EnvConfig,
    cluster: Cluster,
    /// The cluster that Argo CD runs in, where that is another one.
    argo_cd: Option<Cluster>,
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
            let argo_cd = match &env.settings.argo_cd.context {
                Some(context) => Some(clusters.load(Some(context)).await?),
                None => None,
            };
            plans.push(EnvPlan { env: env.clone(), cluster: clusters.load(env.context.as_deref()).await?, argo_cd });
        }
        let world = World::new(plans.iter().map(|plan| plan.env.resolved(&plan.cluster, &[])));
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
            images: BTreeMap::new(),
            release_flags: BTreeMap::new(),
            docker_config: docker_config::path(variables.docker_config.as_deref(), variables.home.as_deref()),
            again: broadcast::channel(MAX_QUEUED_RECHECKS).0,
            repository: (
                config.service.repository.clone(),
                config.origin.as_ref().and_then(|origin| origin.path.parent()).map(Path::to_owned),
            ),
            tag_prefix: config.service.tag_prefix.clone(),
            flags_in_code: config.flags_in_code.clone(),
            keys,
            signers_file: config.record.allowed_signers.clone(),
            redactor: redactor.clone(),
            longest_check: plans
                .iter()
                .flat_map(|plan| plan.env.checks.iter().filter(|check| check.kind.is_some()))
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
        for EnvPlan { env, cluster, argo_cd } in std::mem::take(&mut self.plans) {
            let (asks, asked) = watch::channel(None);
            self.asks.insert(env.name().clone(), asks);
            let (images, asked_images) = watch::channel(BTreeSet::new());
            self.images.insert(env.name().clone(), images);
            let (release_flags, told) = watch::channel(Arc::default());
            self.release_flags.insert(env.name().clone(), release_flags);
            let environment = Environment {
                checks: Checks {
                    asked,
                    again: self.again.subscribe(),
                    room: Arc::clone(&room),
                    repository: self.repository.clone(),
                    tag_prefix: self.tag_prefix.clone(),
                    flags_in_code: self.flags_in_code.clone(),
                    before: before.replace((env.clone(), cluster.clone())),
                },
                release_flags: told,
                outlet: self.inbox.outlet(),
                dispatcher: self.dispatcher.clone(),
                refresh: Arc::clone(&self.refresh),
                rights: Arc::clone(&self.rights),
                cancel: self.cancel.clone(),
                tasks: self.tasks.clone(),
                env,
                cluster,
                argo_cd,
                state: self.state.clone(),
                signers: self.signers_file.clone(),
                registries: Registries { asked: asked_images, docker_config: self.docker_config.clone() },
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

    /// Tells the checks which candidates their environments have now, the registries which images, and the analysis which flags.
    pub(super) fn ask(&self, world: &World) {
        for env in &world.environments {
            self.ask_registries(world, env);
            self.tell_release_flags(env);
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

    fn tell_release_flags(&self, env: &crate::domain::world::Environment) {
        let Some(told) = self.release_flags.get(env.name()) else { return };
        told.send_if_modified(|known| {
            let is_other = !Arc::ptr_eq(known, env.release_flags());
            if is_other {
                known.clone_from(env.release_flags());
            }
            is_other
        });
    }

    fn ask_registries(&self, world: &World, env: &crate::domain::world::Environment) {
        let Some(images) = self.images.get(env.name()).filter(|_| !env.registries.is_empty()) else { return };
        let asked = questions(world, env);
        images.send_if_modified(|known| {
            let is_other = *known != asked;
            if is_other {
                *known = asked;
            }
            is_other
        });
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
            let off = found.ledger.flag_offs.asked(&action).cloned();
            self.tasks.spawn(async move { recovery::settle_and_share(&dispatcher, &action, &record, off).await });
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
            artifacts: candidate.artifacts().map(str::to_owned).collect(),
            changing: candidate.changing().map(str::to_owned).collect(),
            replacing: candidate.replacing().map(str::to_owned).collect(),
            commit: None,
            commit_doubt: None,
            stable_version: candidate.stable.as_ref().map(Revision::version),
            stable_commit: None,
            stable_doubt: None,
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
