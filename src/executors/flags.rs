//! Turns feature flags off and on; never retries. The providers of one environment share an executor.

mod command;
mod flagd;
mod flagd_file;
mod launchdarkly;
mod table;
mod unleash;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;

use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::flag::unleash::GradualRollout;
use crate::domain::facts::flag::{FlagFacts, FlagKey, Turn};
use crate::domain::record::action::{FlagRequest, Request, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::flag::uid;
use crate::domain::rules::action::{Seen, SeenFlag};
use crate::platform::flags::FlagError;
use crate::platform::flags::flagd::Change;
use crate::platform::flags::flagd_file::FlagCommit;

/// How long a request waits for the token of its provider: a command that fetches it may take ten seconds.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(12);

/// A provider of feature flags, for one environment.
pub trait FlagProvider: Send + Sync {
    /// Reads a flag as it is now; `None` where it is archived or deleted.
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>>;

    /// Makes ready what turns a flag off. It is looked at only where it cannot be sent without: nothing that is seen could stop
    /// it.
    fn prepare_off<'a>(&'a self, _flag: &'a str) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async { Ok(ReadyFlag { payload: FlagPayload::AsAsked, seen: FlagLook::NotLooked }) })
    }

    /// Makes ready what turns a flag on or to a share, and says how it was seen to be.
    fn prepare<'a>(&'a self, flag: &'a str, _turn: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move { Ok(ReadyFlag { payload: FlagPayload::AsAsked, seen: self.look(flag).await?.into() }) })
    }

    /// Turns a flag, once; returns its version since, where the provider says.
    fn turn<'a>(
        &'a self,
        flag: &'a str,
        turn: Turn,
        payload: &'a FlagPayload,
    ) -> BoxFuture<'a, Result<String, SendError>>;
}

/// What is sent to a provider of feature flags.
#[derive(Clone, Debug)]
pub enum FlagPayload {
    /// The request says it all.
    AsAsked,
    /// A document is written anew, if it is still the one that was read; `None` where it says so already.
    Flagd(Option<Change>),
    /// A commit is pushed, if nobody committed since the file was read; `None` where the file says so already.
    FlagdFile(Option<FlagCommit>),
    /// What a gradual rollout of Unleash is changed from.
    Unleash(GradualRollout),
    /// The changes of a request to LaunchDarkly, which holds only for the settings that were read.
    LaunchDarkly(Value),
    /// The row of a table that has to be there still.
    Row(Value),
    /// What was read cannot be changed so; why.
    Impossible(String),
    /// Somebody else has turned it so meanwhile.
    Nothing,
}

/// A flag to be turned.
pub struct ReadyFlag {
    payload: FlagPayload,
    seen: FlagLook,
}

/// Whether a flag was looked at, and how it was seen.
enum FlagLook {
    NotLooked,
    Gone,
    Found(FlagFacts),
}

impl FlagLook {
    /// Whether a turn that goes past no gate takes the flag from users; not where it is turned so already.
    ///
    /// # Errors
    /// That it would give it to some.
    fn loses(&self, turn: Turn) -> Result<bool, SendError> {
        match self {
            Self::Found(found) if turn.takes_from(found.state) => Ok(true),
            Self::Found(found) if turn.is_reached(found.state) => Ok(false),
            Self::Found(found) => Err(SendError::Refused(format!(
                "not sent: the flag is {} by now, and more users would get it",
                found.state
            ))),
            Self::Gone => Err(SendError::Refused("not sent: the flag was archived or deleted".to_owned())),
            Self::NotLooked => Err(SendError::Refused("not sent: the flag was not read".to_owned())),
        }
    }
}

impl From<Option<FlagFacts>> for FlagLook {
    fn from(found: Option<FlagFacts>) -> Self {
        found.map_or(Self::Gone, Self::Found)
    }
}

/// Tells what an error means for the request: a clear no, or nothing known.
fn classify(error: &FlagError) -> SendError {
    match error {
        FlagError::Status(status, _) if (300..500).contains(status) && *status != 408 => {
            SendError::Refused(error.to_string())
        }
        FlagError::NotSent(_) => SendError::Refused(error.to_string()),
        // A 5xx may come after the write.
        FlagError::Status(..) | FlagError::NoAnswer(_) => SendError::Unknown(error.to_string()),
    }
}

/// The executor of the feature flags of one environment. Read-only environments have none.
#[derive(Clone, Default)]
pub struct FlagExecutor {
    providers: Arc<watch::Sender<BTreeMap<String, Admitted>>>,
    /// How many requests were sent: what was listed before is old then.
    sent: Arc<watch::Sender<u64>>,
}

/// A provider as far as it has come up.
#[derive(Clone)]
enum Admitted {
    Ready(Arc<Provider>),
    /// It never does; why.
    Never(String),
}

struct Provider {
    /// What identifies its flags, with their names.
    place: String,
    client: Box<dyn FlagProvider>,
}

impl FlagExecutor {
    /// Adds a provider, as soon as there is a client of it.
    pub fn add(&self, name: &str, place: &str, client: impl FlagProvider + 'static) {
        let provider = Provider { place: place.to_owned(), client: Box::new(client) };
        self.admit(name, Admitted::Ready(Arc::new(provider)));
    }

    /// Notes that there is no client of a provider, and will be none.
    pub fn withhold(&self, name: &str, why: &str) {
        self.admit(name, Admitted::Never(why.to_owned()));
    }

    /// Tells whenever a request was sent, whatever came of it.
    #[must_use]
    pub fn sent(&self) -> watch::Receiver<u64> {
        self.sent.subscribe()
    }

    fn admit(&self, name: &str, admitted: Admitted) {
        self.providers.send_modify(|providers| drop(providers.insert(name.to_owned(), admitted)));
    }

    /// Returns the provider of a flag; one whose token takes its time is waited for.
    async fn provider<'a>(&self, target: &'a Target) -> Result<(Arc<Provider>, &'a FlagKey), SendError> {
        let Target::Flag(key) = target else {
            return Err(SendError::Refused(format!("{target} is no feature flag")));
        };
        let mut providers = self.providers.subscribe();
        let is_there = |providers: &BTreeMap<String, Admitted>| providers.contains_key(&key.provider);
        let found = tokio::time::timeout(TOKEN_TIMEOUT, providers.wait_for(is_there)).await;
        let admitted = found.ok().and_then(Result::ok).and_then(|providers| providers.get(&key.provider).cloned());
        match admitted {
            Some(Admitted::Ready(provider)) => Ok((provider, key)),
            Some(Admitted::Never(why)) => Err(SendError::Refused(format!("{}: {why}", key.provider))),
            None => {
                let (name, seconds) = (&key.provider, TOKEN_TIMEOUT.as_secs());
                Err(SendError::Refused(format!("not sent: there is no token of {name} after {seconds} s")))
            }
        }
    }

    async fn seen(&self, target: &Target) -> Result<Seen, SendError> {
        let (provider, key) = self.provider(target).await?;
        let found = provider.client.look(&key.flag).await?;
        Ok(provider.seen(key, found))
    }
}

impl Provider {
    fn seen(&self, key: &FlagKey, found: Option<FlagFacts>) -> Seen {
        SeenFlag { uid: uid(&self.place, &key.flag), found }.into()
    }
}

fn own(request: &Request) -> Result<&FlagRequest, SendError> {
    match request {
        Request::Flag(request) => Ok(request),
        Request::Kubernetes(_) | Request::Git(_) | Request::Pipeline(_) | Request::Tag(_) => Err(not_for_us()),
    }
}

fn not_for_us() -> SendError {
    SendError::Refused("not sent: it turns no feature flag".to_owned())
}

impl Executor for FlagExecutor {
    /// What is seen never stops an off.
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        _: &'a str,
        _: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let FlagRequest { turn, only_less, .. } = *own(request)?;
            let (provider, key) = self.provider(target).await?;
            let mut ready = match turn {
                Turn::Off => provider.client.prepare_off(&key.flag).await?,
                Turn::On | Turn::Share(_) => provider.client.prepare(&key.flag, turn).await?,
            };
            if only_less && !ready.seen.loses(turn)? {
                ready.payload = FlagPayload::Nothing;
            }
            let seen = match ready.seen {
                FlagLook::NotLooked => None,
                FlagLook::Gone | FlagLook::Found(_) if turn == Turn::Off => None,
                FlagLook::Gone => Some(provider.seen(key, None)),
                FlagLook::Found(found) => Some(provider.seen(key, Some(found))),
            };
            Ok(Prepared { payload: Payload::Flag(ready.payload), seen })
        })
    }

    fn send<'a>(&'a self, target: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let (provider, key) = self.provider(target).await?;
            let request = own(request)?;
            // After a crash the config may lead elsewhere: only what was asked for there is turned.
            if request.flag != key.flag || request.place != provider.place {
                return Err(SendError::Refused(format!("{} is {} by now", key.provider, provider.place)));
            }
            let Payload::Flag(payload) = &prepared.payload else { return Err(not_for_us()) };
            match payload {
                FlagPayload::Nothing => return Ok("(nothing to send)".to_owned()),
                FlagPayload::Impossible(why) => return Err(SendError::Refused(why.clone())),
                _ => {}
            }
            let answer = provider.client.turn(&key.flag, request.turn, payload).await;
            self.sent.send_modify(|sent| *sent += 1);
            answer
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(self.seen(target))
    }

    /// A provider is no cluster: flags are told apart by where they are.
    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        Box::pin(async { Err(SendError::Unknown("a provider of feature flags is no cluster".to_owned())) })
    }
}
