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
            Ok(Ok(Stored::Present(contents))) if contents.lacks_all() => {
                let what = format!("none of the manifests that {short} lists is in {repository} any more");
                Err(Outcome::Moved { what })
            }
            Ok(Ok(Stored::Present(_))) => Ok(()),
            Ok(Ok(Stored::Absent)) => Err(Outcome::Moved { what: format!("{short} is not in {repository} any more") }),
            Ok(Ok(Stored::Unknown(why)) | Err(why)) => Err(unknown(why)),
            Err(_) => Err(unknown(format!("no answer in {} s", TIMEOUT.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::domain::facts::registry::manifest::Platform;
    use crate::domain::facts::registry::{Contents, StoredPlatform};
    use crate::executors::Journal;

    const IMAGE: &str = "r.example/api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// What the door says where a registry answers so; `None` where no registry is admitted.
    async fn at_the_door(answer: Option<Result<Stored, String>>) -> Result<(), Outcome> {
        let folder = tempfile::tempdir().unwrap();
        let dispatcher = Dispatcher::new(Journal::new(folder.path(), None), "ada".to_owned(), mpsc::channel(1).0);
        let env = EnvName::new("prod");
        if let Some(answer) = answer {
            let ask = move |_| Box::pin(std::future::ready(answer.clone())) as _;
            dispatcher.admit_registry(env.clone(), "r.example".to_owned(), Arc::new(ask));
        }
        dispatcher.still_has(&env, &StoredImage::of(IMAGE).unwrap()).await
    }

    #[tokio::test]
    async fn only_an_image_that_is_there_passes_the_door() {
        assert_eq!(at_the_door(Some(Ok(Stored::Present(Contents::default())))).await, Ok(()));
        let gone = at_the_door(Some(Ok(Stored::Absent))).await;
        assert!(
            matches!(gone, Err(Outcome::Moved { what }) if what == "sha256:01234567… is not in r.example/api any more")
        );
        let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None };
        let emptied =
            Contents { platforms: vec![StoredPlatform { platform, is_present: false }], ..Contents::default() };
        let emptied = at_the_door(Some(Ok(Stored::Present(emptied)))).await;
        assert!(
            matches!(emptied, Err(Outcome::Moved { what }) if what.starts_with("none of the manifests that sha256:01234567…"))
        );
        for unknown in [Some(Ok(Stored::Unknown("?".to_owned()))), Some(Err("401".to_owned())), None] {
            let refused = at_the_door(unknown).await;
            assert!(
                matches!(refused, Err(Outcome::Refused { why }) if why.starts_with("not sent: r.example does not say"))
            );
        }
    }
}
