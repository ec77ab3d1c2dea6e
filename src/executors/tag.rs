//! Moves tags in registries: each manifest is put under its tag once. What came of it is told by the registry alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, try_join_all};

use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use super::kubernetes::Kubernetes;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::registry::{Repository, short};
use crate::domain::record::action::{PlanRecord, Request, TagKey, TagRequest, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::{NamedTag, Seen, SeenTag, SeenWorkload};
use crate::failpoints::failpoint;
use crate::platform::registry::tag::{StoredManifest, TagError};
use crate::platform::registry::{Registry, RegistryError};

/// How long the login to a registry may take, and what is asked of it before a tag is moved.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Makes a client that may push, with the login as it is now, or says why not.
pub type ConnectRegistry = Arc<dyn Fn() -> BoxFuture<'static, Result<Registry, String>> + Send + Sync>;

/// The executor of the tags of one environment.
pub struct TagExecutor {
    /// What shows the workload, and which cluster it is in.
    cluster: Kubernetes,
    /// The registries, by their names.
    registries: BTreeMap<String, ConnectRegistry>,
    /// The clients that were made, by the names of their registries.
    clients: tokio::sync::Mutex<BTreeMap<String, Registry>>,
}

impl TagExecutor {
    #[must_use]
    pub fn new(cluster: Kubernetes, registries: BTreeMap<String, ConnectRegistry>) -> Self {
        Self { cluster, registries, clients: tokio::sync::Mutex::default() }
    }

    /// Returns the client of a registry.
    async fn client(&self, repository: &Repository) -> Result<Registry, SendError> {
        let host = &repository.host;
        if let Some(client) = self.clients.lock().await.get(host) {
            return Ok(client.clone());
        }
        let refused = |why: &str| SendError::Refused(format!("not sent: {host}: {why}"));
        let connect = self.registries.get(host).ok_or_else(|| refused("it is not asked here"))?;
        let client = in_time(connect()).await.ok_or_else(|| refused("no login in time"))?;
        let client = client.map_err(|why| refused(&why))?.that_pushes();
        self.clients.lock().await.insert(host.clone(), client.clone());
        Ok(client)
    }

    /// Lets go of a client whose login is not accepted any more: the next one asks for the login again.
    async fn forget(&self, repository: &Repository) {
        self.clients.lock().await.remove(&repository.host);
    }

    async fn named(&self, request: &TagRequest) -> Result<NamedTag, SendError> {
        let client = self.client(&request.repository).await?;
        let (repository, tag) = (request.repository.clone(), request.tag.clone());
        match in_time(client.named_by(&repository, &tag)).await {
            Some(Ok(names)) => Ok(NamedTag { repository, tag, names }),
            Some(Err(error)) => Err(self.not_told(&client, &repository, &error).await),
            None => Err(SendError::Unknown(format!("{}: no answer in {} s", repository.host, TIMEOUT.as_secs()))),
        }
    }

    /// Reads the manifest that a tag is to name.
    async fn manifest(&self, request: &TagRequest) -> Result<StoredManifest, SendError> {
        let client = self.client(&request.repository).await?;
        let TagRequest { repository, digest, .. } = request;
        match in_time(client.manifest_of(repository, digest)).await {
            Some(Ok(Some(manifest))) => Ok(manifest),
            Some(Ok(None)) => Err(SendError::Refused(format!("{} is not in {repository} any more", short(digest)))),
            Some(Err(error)) => Err(self.not_told(&client, repository, &error).await),
            None => Err(SendError::Unknown(format!("{}: no answer in {} s", repository.host, TIMEOUT.as_secs()))),
        }
    }

    async fn not_told(&self, client: &Registry, repository: &Repository, error: &RegistryError) -> SendError {
        if matches!(error, RegistryError::NotLoggedIn(_)) {
            self.forget(repository).await;
        }
        SendError::Unknown(format!("{}: {}", repository.host, client.push_refused(error, repository)))
    }

    async fn workload(&self, key: &TagKey) -> Result<SeenWorkload, SendError> {
        match Executor::look(&self.cluster, &Target::Workload(key.workload_key())).await? {
            Seen::Workload(workload) => Ok(*workload),
            Seen::Owner(_) | Seen::Git(_) | Seen::Flag(_) | Seen::Pipeline(_) | Seen::Tag(_) => {
                Err(SendError::Unknown(format!("{} is no workload", key.follows)))
            }
        }
    }
}

async fn in_time<T>(asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(TIMEOUT, asked).await.ok()
}

fn key_of(target: &Target) -> Result<&TagKey, SendError> {
    match target {
        Target::Tag(key) => Ok(key),
        Target::Workload(_) | Target::Owner(_) | Target::Git(_) | Target::Flag(_) | Target::Pipeline(_) => {
            Err(SendError::Refused(format!("{target} is no tag")))
        }
    }
}

fn request_of(request: &Request) -> Result<&TagRequest, SendError> {
    request.tag().ok_or_else(|| SendError::Refused("not sent: it moves no tag".to_owned()))
}

impl Executor for TagExecutor {
    /// Nothing at a registry is conditional: the workload is looked at, and the tag last, right before it is moved.
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        _: &'a str,
        _: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let (key, request) = (key_of(target)?, request_of(request)?);
            let manifest = self.manifest(request).await?;
            let workload = Some(self.workload(key).await?);
            let tags = vec![self.named(request).await?];
            Ok(Prepared { payload: Payload::Tag(manifest), seen: Some(SeenTag { workload, tags }.into()) })
        })
    }

    fn send<'a>(&'a self, _: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let request = request_of(request)?;
            let Payload::Tag(manifest) = &prepared.payload else {
                return Err(SendError::Refused("not sent: there is no manifest".to_owned()));
            };
            let client = self.client(&request.repository).await?;
            failpoint(format_args!("tag.before-put"));
            let moved = client.move_tag(&request.repository, &request.tag, manifest).await;
            failpoint(format_args!("tag.put"));
            match moved {
                Ok(()) => Ok(format!("{} names {}", request.place(), short(&request.digest))),
                Err(TagError::Refused(why)) => {
                    self.forget(&request.repository).await;
                    Err(SendError::Refused(format!("{} was not moved: {why}", request.place())))
                }
                Err(TagError::Unknown(why)) => {
                    Err(SendError::Unknown(format!("{} may have been moved or not: {why}", request.place())))
                }
            }
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(async move {
            let workload = Some(self.workload(key_of(target)?).await?);
            Ok(SeenTag { workload, tags: Vec::new() }.into())
        })
    }

    /// Looks at the registries alone: what they say of the tag is what came of it.
    fn look_for<'a>(&'a self, record: &'a PlanRecord) -> Pending<'a, Seen> {
        Box::pin(async move {
            let requests = record.requests.iter().filter_map(Request::tag);
            let tags = try_join_all(requests.map(|request| self.named(request))).await?;
            Ok(SeenTag { workload: None, tags }.into())
        })
    }

    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        self.cluster.identity()
    }
}
