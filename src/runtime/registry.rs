//! A registry of one environment: who we are to it, and what watches it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::config::trust::NOT_TRUSTED;
use crate::config::{EnvConfig, RegistryAccess, RegistryConfig, RegistryLogin};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::registry::StoredImage;
use crate::domain::world::feed::Feed;
use crate::executors::Dispatcher;
use crate::executors::registry::AskRegistry;
use crate::executors::tag::ConnectRegistry;
use crate::platform::Redactor;
use crate::platform::registry::credentials::Credentials;
use crate::platform::registry::look::LookFor;
use crate::platform::registry::{Registry, RegistryPlace, docker_config};
use crate::sources::inbox::Outlet;
use crate::sources::registry::RegistrySource;

/// What the registries of one environment need.
pub(super) struct Registries {
    /// What they are asked about.
    pub(super) asked: watch::Receiver<BTreeSet<StoredImage>>,
    /// Where `docker login` keeps logins.
    pub(super) docker_config: Option<PathBuf>,
}

/// What a registry needs to be watched.
pub(super) struct Watched {
    pub(super) env: EnvName,
    pub(super) config: RegistryConfig,
    /// Where `docker login` keeps logins.
    pub(super) docker_config: Option<PathBuf>,
    /// What it is asked about.
    pub(super) asked: watch::Receiver<BTreeSet<StoredImage>>,
    /// Asks it once more right before a promotion is sent.
    pub(super) dispatcher: Dispatcher,
    pub(super) redactor: Redactor,
    pub(super) outlet: Outlet,
    pub(super) refresh: Arc<Notify>,
}

impl Watched {
    pub(super) async fn run_until(self, cancel: CancellationToken) {
        if let Some(ask) = ask(&self.config, self.docker_config.clone(), &self.redactor) {
            self.dispatcher.admit_registry(self.env.clone(), self.config.settings.host.clone(), ask);
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.run() => {}
        }
    }

    /// Watches it, until nobody asks any more; one that is not to be asked says so.
    async fn run(self) {
        let host = self.config.settings.host.clone();
        let Some(access) = self.config.access.clone() else {
            let (env, link) = (self.env.clone(), Link::NotAsked(NOT_TRUSTED.to_owned()));
            self.outlet.send(Feed::Registry { env, host, link, answers: Arc::default() });
            return;
        };
        let look_for = if self.config.settings.require_signature { LookFor::Signatures } else { LookFor::Image };
        let (redactor, docker_config) = (self.redactor, self.docker_config);
        let place = host.clone();
        let connect = Box::new(move || {
            let (host, access) = (place.clone(), access.clone());
            let (docker_config, redactor) = (docker_config.clone(), redactor.clone());
            Box::pin(async move { client(host, access, docker_config, redactor).await }) as _
        });
        RegistrySource {
            env: self.env,
            host,
            connect,
            look_for,
            asked: self.asked,
            outlet: self.outlet,
            refresh: self.refresh,
        }
        .run()
        .await;
    }
}

/// Returns what asks a registry once; `None` where it is not to be asked.
fn ask(config: &RegistryConfig, docker_config: Option<PathBuf>, redactor: &Redactor) -> Option<AskRegistry> {
    let (host, access) = (config.settings.host.clone(), config.access.clone()?);
    let redactor = redactor.clone();
    Some(Arc::new(move |image| {
        let made = client(host.clone(), access.clone(), docker_config.clone(), redactor.clone());
        Box::pin(async move {
            let answer = made.await?.look(&image, &mut None, LookFor::Image).await;
            answer.map_err(|error| error.to_string())
        })
    }))
}

/// Returns what makes clients of the registries of an environment that may push, by their names; none of one that is not to be
/// asked.
pub(super) fn that_push(
    env: &EnvConfig,
    docker_config: Option<&PathBuf>,
    redactor: &Redactor,
) -> BTreeMap<String, ConnectRegistry> {
    let of = |registry: &RegistryConfig| {
        let (host, access) = (registry.settings.host.clone(), registry.access.clone()?);
        let (docker_config, redactor, name) = (docker_config.cloned(), redactor.clone(), host.clone());
        let connect: ConnectRegistry =
            Arc::new(move || Box::pin(client(host.clone(), access.clone(), docker_config.clone(), redactor.clone())));
        Some((name, connect))
    };
    env.registries.iter().filter_map(of).collect()
}

/// Makes a client with the login as it is now.
///
/// # Errors
/// Which secret or certificate is not to be had, in words.
async fn client(
    host: String,
    access: RegistryAccess,
    docker_config: Option<PathBuf>,
    redactor: Redactor,
) -> Result<Registry, String> {
    let RegistryAccess { url, login, ca_file } = access;
    let credentials = credentials(&host, &login, docker_config, &redactor).await?;
    let ca = match ca_file {
        Some(path) => Some(tokio::fs::read(&path).await.map_err(|error| format!("{}: {error}", path.display()))?),
        None => None,
    };
    Registry::new(RegistryPlace { host, url, ca }, credentials, redactor)
}

async fn credentials(
    host: &str,
    login: &RegistryLogin,
    docker_config: Option<PathBuf>,
    redactor: &Redactor,
) -> Result<Credentials, String> {
    let reveal = async |secret: &crate::config::Secret| {
        let revealed = secret.reveal(redactor).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(revealed.expose().to_owned())
    };
    let credentials = match login {
        RegistryLogin::Anonymous => Credentials::Anonymous,
        RegistryLogin::Token(token) => Credentials::Token(reveal(token).await?),
        RegistryLogin::Basic { username, password } => {
            Credentials::Basic { username: username.clone(), password: reveal(password).await? }
        }
        RegistryLogin::Docker => match docker_config {
            Some(path) => docker_config::login(&path, host).await?,
            None => Credentials::Anonymous,
        },
    };
    credentials.secrets().for_each(|secret| redactor.add_secret(secret));
    Ok(credentials)
}
