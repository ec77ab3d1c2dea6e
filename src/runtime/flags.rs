//! A provider of feature flags of one environment: its client, as soon as its token is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::trust::NOT_TRUSTED;
use crate::config::{FlagDatabase, FlagProviderConfig, FlagProviderKind, Secret};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::feed::Feed;
use crate::executors::flags::{FlagExecutor, FlagProvider};
use crate::platform::Redactor;
use crate::platform::flags::command::FlagCommands;
use crate::platform::flags::flagd::Flagd;
use crate::platform::flags::flagd_file::FlagdFile;
use crate::platform::flags::launchdarkly::LaunchDarkly;
use crate::platform::flags::table::postgres::Postgres;
use crate::platform::flags::table::sqlite::Sqlite;
use crate::platform::flags::table::{Database, FlagTable, Statements};
use crate::platform::flags::unleash::Unleash;
use crate::platform::flags::{ListsFlags, Login, Place, RevealToken};
use crate::platform::git::clone::ShallowClone;
use crate::platform::kube_client::client_for_writing;
use crate::platform::kubeconfig::Cluster;
use crate::sources::flags::FlagsSource;
use crate::sources::inbox::Outlet;
use crate::sources::kubernetes::ReadClient;
use crate::sources::prometheus::flag_users::DividedFlags;

/// How often a client is tried to be made that cannot be yet, for its token is not to be had.
const CLIENT_INTERVAL: Duration = Duration::from_secs(3);

/// Why a repository is not cloned.
const NO_STATE_FOLDER: &str = "there is no folder for a clone: set XDG_STATE_HOME or HOME";

/// What a provider needs to come up.
pub(super) struct Provider {
    pub(super) env: EnvName,
    pub(super) config: FlagProviderConfig,
    /// The cluster of the environment.
    pub(super) cluster: Cluster,
    /// Turns flags; `None` where the environment is read-only.
    pub(super) turns: Option<FlagExecutor>,
    /// Is told which flags divide users.
    pub(super) divided: watch::Sender<DividedFlags>,
    /// Where a clone of a repository is kept.
    pub(super) state: Option<PathBuf>,
    pub(super) redactor: Redactor,
    pub(super) outlet: Outlet,
    pub(super) refresh: Arc<Notify>,
    pub(super) cancel: CancellationToken,
}

impl Provider {
    /// Brings it up: what turns flags before what lists them, for a provider that lists none is tried all the same.
    pub(super) async fn start(self, tasks: &TaskTracker) {
        let Some(kind) = self.config.kind.clone() else {
            return self.cannot(NOT_TRUSTED);
        };
        match &kind {
            FlagProviderKind::Unleash { url, project, token } => {
                let client = self.as_soon_as(|| self.web((url, project), token, Unleash::new)).await;
                self.serve(client, tasks);
            }
            FlagProviderKind::LaunchDarkly { url, project, token } => {
                let client = self.as_soon_as(|| self.web((url, project), token, LaunchDarkly::new)).await;
                self.serve(client, tasks);
            }
            FlagProviderKind::Flagd { namespace, config_map, key } => {
                let namespace =
                    namespace.as_ref().or(self.config.namespace.as_ref()).unwrap_or(&self.cluster.namespace);
                let client = self.as_soon_as(|| std::future::ready(self.flagd(namespace, config_map, key))).await;
                self.serve(client, tasks);
            }
            FlagProviderKind::FlagdFile(place) => match &self.state {
                Some(state) => {
                    let (path, env) = (self.config.file(place), self.env.to_string());
                    let clone = ShallowClone::new(place, state, self.redactor.clone());
                    self.serve(FlagdFile::new(clone, &path, &env), tasks);
                }
                None => self.cannot(NO_STATE_FOLDER),
            },
            FlagProviderKind::Table { database, statements } => {
                let client = self.as_soon_as(|| self.table(database, statements)).await;
                self.serve(client, tasks);
            }
            FlagProviderKind::Command { commands, dir } => {
                let commands = FlagCommands {
                    commands: commands.clone(),
                    dir: dir.clone(),
                    environment: self.config.environment.clone(),
                    env: self.env.clone(),
                    redactor: self.redactor.clone(),
                };
                self.serve(commands, tasks);
            }
        }
    }

    /// Says that nothing is asked, and why.
    fn cannot(&self, why: &str) {
        self.told(Link::NotAsked(why.to_owned()));
        if let Some(turns) = &self.turns {
            turns.withhold(&self.config.name, why);
        }
    }

    /// Makes a client, again and again until it can be made; says meanwhile why not.
    async fn as_soon_as<C, F: Future<Output = Result<C, String>>>(&self, make: impl Fn() -> F) -> C {
        loop {
            match make().await {
                Ok(client) => return client,
                Err(why) => self.told(Link::Down(why)),
            }
            tokio::time::sleep(CLIENT_INTERVAL).await;
        }
    }

    /// Makes a client that logs in with a token.
    async fn web<C>(
        &self,
        (url, project): (&Url, &str),
        token: &Secret,
        new: impl Fn(Place, Login, Redactor) -> Result<C, String>,
    ) -> Result<C, String> {
        let reveal = reveal(token, &self.redactor);
        let login = Login::new(reveal().await?, Arc::clone(&reveal));
        let environment = self.config.environment.clone();
        let place = Place { url: url.clone(), project: project.to_owned(), environment };
        new(place, login, self.redactor.clone())
    }

    /// Makes a client of a table; it logs in with its password where there is one.
    async fn table(&self, database: &FlagDatabase, statements: &Statements) -> Result<FlagTable, String> {
        let database = match database {
            FlagDatabase::Sqlite(path) => Database::Sqlite(Sqlite::new(path.clone())),
            FlagDatabase::Postgres { server, password } => {
                let login = match password {
                    Some(password) => {
                        let reveal = reveal(password, &self.redactor);
                        Some(Login::new(reveal().await?, Arc::clone(&reveal)))
                    }
                    None => None,
                };
                Database::Postgres(Postgres::new(server.clone(), login)?)
            }
        };
        let (environment, redactor) = (self.config.environment.clone(), self.redactor.clone());
        Ok(FlagTable { database, statements: Arc::new(statements.clone()), environment, redactor })
    }

    fn flagd(&self, namespace: &str, config_map: &str, key: &str) -> Result<Flagd, String> {
        let client = match &self.turns {
            Some(_) => client_for_writing(&self.cluster, &self.redactor),
            None => ReadClient::of(&self.cluster, &self.redactor).map(|client| client.kube),
        };
        let client = client.map_err(|error| error.to_string())?;
        Ok(Flagd::new(client, namespace, config_map, key, self.redactor.clone()))
    }

    fn serve<C: FlagProvider + ListsFlags + Clone + 'static>(self, client: C, tasks: &TaskTracker) {
        if let Some(turns) = &self.turns {
            turns.add(&self.config.name, &self.config.place(), client.clone());
        }
        FlagsSource {
            env: self.env,
            provider: self.config.name,
            client,
            outlet: self.outlet,
            refresh: self.refresh,
            sent: self.turns.as_ref().map(FlagExecutor::sent),
            rollouts: (self.config.rollouts, self.divided),
            cancel: self.cancel,
        }
        .spawn(tasks);
    }

    fn told(&self, link: Link) {
        let (env, provider) = (self.env.clone(), self.config.name.clone());
        self.outlet.send(Feed::Flags { env, provider, link, at: None, flags: Arc::default() });
    }
}

/// Returns what reads a token, whenever it is asked for.
fn reveal(token: &Secret, redactor: &Redactor) -> RevealToken {
    let (token, redactor) = (token.clone(), redactor.clone());
    Arc::new(move || {
        let (token, redactor) = (token.clone(), redactor.clone());
        Box::pin(async move {
            let revealed = token.reveal(&redactor).await.map_err(|error| error.to_string())?;
            Ok(revealed.expose().to_owned())
        })
    })
}
