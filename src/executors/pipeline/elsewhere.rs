//! Pipelines that run on a server of somebody else's, each begun once. What a run says is shown, and decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::facts::pipeline::PipelineCall;
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::ActionId;
use crate::domain::rules::action::{RunState, SeenRun};
use crate::executors::executor::SendError;
use crate::failpoints::failpoint;
use crate::platform::rest_api::RestError;

/// How often a run is looked for: providers limit how much they are asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Makes a client with the token as it is now, or says why not.
pub type Connect<C> = Arc<dyn Fn() -> BoxFuture<'static, Result<C, String>> + Send + Sync>;

/// Why nothing may be begun; nothing was.
pub(super) enum NotReady {
    Unread(RestError),
    Unfit(String),
}

impl From<RestError> for NotReady {
    fn from(error: RestError) -> Self {
        Self::Unread(error)
    }
}

/// A client of what runs pipelines, as this executor needs it.
pub(super) trait Provider: Clone + Send + Sync + 'static {
    type Call: Sync;
    /// A run that was begun, as far as it was told.
    type Run: Clone + Send + Sync;

    /// Returns what it begins, where it begins such a thing.
    fn call(call: &PipelineCall) -> Option<&Self::Call>;

    /// Whether a call goes where this client does.
    fn is_for(&self, call: &Self::Call) -> bool;

    /// Returns what is begun, with its project and without.
    fn names(call: &Self::Call) -> (String, String);

    /// Makes sure that it can be begun, and chooses what is; its number.
    fn ready(&self, call: &Self::Call) -> impl Future<Output = Result<Option<u64>, NotReady>> + Send;

    /// Begins it, once.
    fn begin(
        &self,
        call: &Self::Call,
        chosen: Option<u64>,
    ) -> impl Future<Output = Result<Option<Self::Run>, RestError>> + Send;

    /// Whether nothing came of beginning it.
    fn is_refusal(error: &RestError) -> bool;

    fn describe(run: &Self::Run) -> String;

    /// Looks at what was begun then; returns the run, where it is known by now, and how it is with it.
    fn look(
        &self,
        call: &Self::Call,
        begun: (Timestamp, Option<&Self::Run>),
    ) -> impl Future<Output = Result<(Option<Self::Run>, Option<String>), RestError>> + Send;
}

/// The pipelines of one provider.
pub(super) struct Elsewhere<P: Provider> {
    connect: Connect<P>,
    client: Mutex<Option<P>>,
    begun: Mutex<BTreeMap<ActionId, Begun<P::Run>>>,
}

/// What this process has begun.
#[derive(Clone)]
struct Begun<R> {
    at: Timestamp,
    /// The run, as far as it was told.
    run: Option<R>,
    /// What was seen of it last, and when.
    seen: Option<(String, Instant)>,
}

impl<P: Provider> Elsewhere<P> {
    pub(super) fn new(connect: Connect<P>) -> Self {
        Self { connect, client: Mutex::default(), begun: Mutex::default() }
    }

    /// Returns a client for a call. After a change of the config it may lead elsewhere.
    async fn client(&self, call: &P::Call) -> Result<P, SendError> {
        let mut client = self.client.lock().await;
        let found = match client.take() {
            Some(found) => found,
            None => (self.connect)().await.map_err(|why| SendError::Refused(format!("not sent: {why}")))?,
        };
        if !found.is_for(call) {
            let what = P::names(call).0;
            return Err(SendError::Refused(format!("not sent: {what} is not configured here any more")));
        }
        Ok(client.insert(found).clone())
    }

    /// Lets go of a client whose token is not accepted any more: the next one asks for the token again.
    async fn failed(&self, error: &RestError) {
        if matches!(error, RestError::Status(401, _)) {
            *self.client.lock().await = None;
        }
    }

    /// Makes sure that it can be begun, as far as that can be told; returns the number of what is.
    pub(super) async fn ready(&self, call: &P::Call) -> Result<Option<u64>, SendError> {
        let client = self.client(call).await?;
        let why = match client.ready(call).await {
            Ok(chosen) => return Ok(chosen),
            Err(NotReady::Unfit(why)) => why,
            Err(NotReady::Unread(error)) => {
                self.failed(&error).await;
                error.to_string()
            }
        };
        Err(SendError::Refused(format!("{} was not begun: {why}", P::names(call).0)))
    }

    /// Begins it, once; returns what stands in the journal.
    pub(super) async fn begin(
        &self,
        call: &P::Call,
        chosen: Option<u64>,
        action: &ActionId,
    ) -> Result<String, SendError> {
        let client = self.client(call).await?;
        let at = Timestamp::now();
        self.begun.lock().await.insert(action.clone(), Begun { at, run: None, seen: None });
        failpoint(format_args!("pipeline.before-dispatch"));
        let result = client.begin(call, chosen).await;
        failpoint(format_args!("pipeline.dispatched"));
        let what = P::names(call).0;
        match result {
            Ok(run) => {
                let said = run.as_ref().map_or_else(|| what.clone(), |run| format!("{what}, {}", P::describe(run)));
                if let Some(begun) = self.begun.lock().await.get_mut(action) {
                    begun.run = run;
                }
                Ok(sanitize(&said).into_owned())
            }
            Err(error) => {
                self.failed(&error).await;
                self.begun.lock().await.remove(action);
                Err(if P::is_refusal(&error) {
                    SendError::Refused(format!("{what} was not begun: {error}"))
                } else {
                    SendError::Unknown(format!("{what} may have been begun or not: {error}"))
                })
            }
        }
    }

    /// Returns what is known of the run of an action; `None` where this process has begun none for it.
    pub(super) async fn run(&self, call: &P::Call, action: &ActionId) -> Option<SeenRun> {
        let begun = self.begun.lock().await.get(action).cloned()?;
        let lately = begun.seen.as_ref().filter(|(_, at)| at.elapsed() < LOOK_INTERVAL);
        let text = if let Some((text, _)) = lately {
            text.clone()
        } else {
            let (run, said) = self.look(call, &begun).await;
            let what = format!("{} begun ✓", P::names(call).1);
            let text = said.map_or_else(|| what.clone(), |said| format!("{what} ({})", sanitize(&said)));
            if let Some(begun) = self.begun.lock().await.get_mut(action) {
                begun.seen = Some((text.clone(), Instant::now()));
                begun.run = run.or_else(|| begun.run.take());
            }
            text
        };
        Some(SeenRun { state: RunState::Elsewhere, text })
    }

    /// Says how it is with the run, as far as it can be told.
    async fn look(&self, call: &P::Call, begun: &Begun<P::Run>) -> (Option<P::Run>, Option<String>) {
        let told = begun.run.as_ref().map(P::describe);
        let Ok(client) = self.client(call).await else { return (None, told) };
        match client.look(call, (begun.at, begun.run.as_ref())).await {
            Ok((run, said)) => (run, said.or(told)),
            Err(error) => {
                self.failed(&error).await;
                (None, told)
            }
        }
    }
}
