//! A provider of feature flags of one environment: its client, as soon as its token is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::trust::NOT_TRUSTED;
use crate::config::{FlagProviderConfig, FlagProviderKind};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::feed::Feed;
use crate::executors::flags::FlagExecutor;
use crate::platform::Redactor;
use crate::platform::flags::unleash::{Place, Unleash};
use crate::sources::flags::FlagsSource;
use crate::sources::inbox::Outlet;

/// How often a token is asked for that is not to be had yet.
const TOKEN_INTERVAL: Duration = Duration::from_secs(3);

/// What a provider needs to come up.
pub(super) struct Provider {
    pub(super) env: EnvName,
    pub(super) config: FlagProviderConfig,
    /// Turns flags; `None` where the environment is read-only.
    pub(super) turns: Option<FlagExecutor>,
    pub(super) redactor: Redactor,
    pub(super) outlet: Outlet,
    pub(super) refresh: Arc<Notify>,
    pub(super) cancel: CancellationToken,
}

impl Provider {
    /// Brings it up: what turns flags before what lists them, for a provider that lists none is tried all the same.
    pub(super) async fn start(self, tasks: &TaskTracker) {
        let Some(kind) = &self.config.kind else {
            self.told(Link::NotAsked(NOT_TRUSTED.to_owned()));
            if let Some(turns) = &self.turns {
                turns.withhold(&self.config.name, NOT_TRUSTED);
            }
            return;
        };
        let client = loop {
            match self.client(kind).await {
                Ok(client) => break client,
                Err(why) => self.told(Link::Down(why)),
            }
            tokio::time::sleep(TOKEN_INTERVAL).await;
        };
        if let Some(turns) = &self.turns {
            turns.add(&self.config.name, &self.config.place(), client.clone());
        }
        FlagsSource {
            env: self.env,
            provider: self.config.name,
            client,
            outlet: self.outlet,
            refresh: self.refresh,
            cancel: self.cancel,
        }
        .spawn(tasks);
    }

    async fn client(&self, kind: &FlagProviderKind) -> Result<Unleash, String> {
        let FlagProviderKind::Unleash { url, project, token } = kind;
        let token = token.reveal(&self.redactor).await.map_err(|error| error.to_string())?;
        let environment = self.config.environment.clone();
        let place = Place { url: url.clone(), project: project.clone(), environment };
        Unleash::new(place, token.expose(), self.redactor.clone())
    }

    fn told(&self, link: Link) {
        let (env, provider) = (self.env.clone(), self.config.name.clone());
        self.outlet.send(Feed::Flags { env, provider, link, at: None, flags: Arc::default() });
    }
}
