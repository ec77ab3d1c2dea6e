//! Whether registries still have what is promoted, asked right before it is sent: what was seen at the question may have been
//! deleted since.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, try_join_all};

use super::dispatcher::Dispatcher;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::registry::{Stored, StoredImage};
use crate::domain::record::action::{Outcome, PlanRecord};

/// How long a registry may take, with the login to it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Asks a registry whether it has an image, once; or why it cannot be asked.
pub type AskRegistry = Arc<dyn Fn(StoredImage) -> BoxFuture<'static, Result<Stored, String>> + Send + Sync>;

/// What asks the registries of each environment, by the name of the registry.
#[derive(Clone, Default)]
pub(super) struct AskRegistries(Arc<Mutex<BTreeMap<(EnvName, String), AskRegistry>>>);

impl Dispatcher {
    /// Admits what asks a registry of an environment.
    pub fn admit_registry(&self, env: EnvName, host: String, ask: AskRegistry) {
        self.registries.0.lock().unwrap_or_else(PoisonError::into_inner).insert((env, host), ask);
    }

    /// Asks for every image that the gates were asked about.
    ///
    /// # Errors
    /// Which one is not there, or not known to be.
    pub(super) async fn still_stored(&self, record: &PlanRecord) -> Result<(), Outcome> {
        let images = record.gates_asked.iter().flat_map(|asked| asked.images.iter().map(|image| (&asked.env, image)));
        try_join_all(images.map(|(env, image)| self.still_has(env, image))).await.map(|_| ())
    }

    async fn still_has(&self, env: &EnvName, image: &StoredImage) -> Result<(), Outcome> {
        let (short, repository) = (image.short(), &image.repository);
        let unknown = |why: String| Outcome::Refused {
            why: format!("not sent: {} does not say whether it has {short}: {why}", repository.host),
        };
        let ask = {
            let registries = self.registries.0.lock().unwrap_or_else(PoisonError::into_inner);
            registries.get(&(env.clone(), repository.host.clone())).cloned()
        };
        let ask = ask.ok_or_else(|| unknown("it is not asked here".to_owned()))?;
        let answer = tokio::time::timeout(TIMEOUT, ask(image.clone())).await;
        match answer {
            Ok(Ok(Stored::Present(_))) => Ok(()),
            Ok(Ok(Stored::Absent)) => Err(Outcome::Moved { what: format!("{short} is not in {repository} any more") }),
            Ok(Ok(Stored::Unknown(why)) | Err(why)) => Err(unknown(why)),
            Err(_) => Err(unknown(format!("no answer in {} s", TIMEOUT.as_secs()))),
        }
    }
}
