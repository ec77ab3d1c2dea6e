//! Workflows of GitHub, each begun once. What a run says is shown, and decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::facts::pipeline::WorkflowCall;
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workflow_run::WorkflowRun;
use crate::domain::record::action::ActionId;
use crate::domain::rules::action::{RunState, SeenRun};
use crate::executors::executor::SendError;
use crate::failpoints::failpoint;
use crate::platform::rest_api::RestError;
use crate::platform::workflows::Workflows as Client;

/// How often the run is looked for: GitHub limits how much it is asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Makes a client with the token as it is now, or says why not.
pub type ConnectWorkflows = Arc<dyn Fn() -> BoxFuture<'static, Result<Client, String>> + Send + Sync>;

/// The workflows of an environment.
pub(super) struct Workflows {
    connect: ConnectWorkflows,
    client: Mutex<Option<Client>>,
    begun: Mutex<BTreeMap<ActionId, Begun>>,
}

/// A workflow that this process has begun.
#[derive(Clone)]
struct Begun {
    at: Timestamp,
    /// The run, as far as it was told.
    run: Option<WorkflowRun>,
    /// What was seen of it last, and when.
    seen: Option<(String, Instant)>,
}

impl Workflows {
    pub(super) fn new(connect: ConnectWorkflows) -> Self {
        Self { connect, client: Mutex::default(), begun: Mutex::default() }
    }

    /// Returns a client for a call. After a change of the config it may lead elsewhere.
    pub(super) async fn connect(&self, call: &WorkflowCall) -> Result<Client, SendError> {
        let mut client = self.client.lock().await;
        let found = match client.take() {
            Some(found) => found,
            None => (self.connect)().await.map_err(|why| SendError::Refused(format!("not sent: {why}")))?,
        };
        if !found.is_for(call) {
            return Err(SendError::Refused(format!("not sent: {} is not configured here any more", call.repository)));
        }
        Ok(client.insert(found).clone())
    }

    /// Lets go of a client whose token is not accepted any more: the next one asks for the token again.
    async fn failed(&self, error: &RestError) {
        if matches!(error, RestError::Status(401, _)) {
            *self.client.lock().await = None;
        }
    }

    /// Begins a workflow, once; returns what stands in the journal.
    pub(super) async fn begin(&self, call: &WorkflowCall, action: &ActionId) -> Result<String, SendError> {
        let client = self.connect(call).await?;
        let at = Timestamp::now();
        self.begun.lock().await.insert(action.clone(), Begun { at, run: None, seen: None });
        failpoint(format_args!("pipeline.before-dispatch"));
        let result = client.begin(call).await;
        failpoint(format_args!("pipeline.dispatched"));
        match result {
            Ok(run) => {
                let what = format!("{} of {}", call.workflow, call.repository);
                let said = run.as_ref().map_or_else(|| what.clone(), |run| format!("{what}, {}", run.describe()));
                if let Some(begun) = self.begun.lock().await.get_mut(action) {
                    begun.run = run;
                }
                Ok(sanitize(&said).into_owned())
            }
            Err(error) => {
                self.failed(&error).await;
                self.begun.lock().await.remove(action);
                let what = format!("{} of {}", call.workflow, call.repository);
                Err(if error.is_refusal() {
                    SendError::Refused(format!("{what} was not begun: {error}"))
                } else {
                    SendError::Unknown(format!("{what} may have been begun or not: {error}"))
                })
            }
        }
    }

    /// Returns what is known of the run of an action; `None` where this process has begun none for it.
    pub(super) async fn run(&self, call: &WorkflowCall, action: &ActionId) -> Option<SeenRun> {
        let begun = self.begun.lock().await.get(action).cloned()?;
        let what = format!("{} begun ✓", call.workflow);
        let lately = begun.seen.as_ref().filter(|(_, at)| at.elapsed() < LOOK_INTERVAL);
        let text = if let Some((text, _)) = lately {
            text.clone()
        } else {
            let text = self.look(call, &begun).await.map_or_else(|| what.clone(), |run| format!("{what} ({run})"));
            if let Some(begun) = self.begun.lock().await.get_mut(action) {
                begun.seen = Some((text.clone(), Instant::now()));
            }
            text
        };
        Some(SeenRun { state: RunState::Elsewhere, text })
    }

    /// Says how it is with the run, as far as it can be told from those of others.
    async fn look(&self, call: &WorkflowCall, begun: &Begun) -> Option<String> {
        let client = self.connect(call).await.ok()?;
        let told = begun.run.as_ref().map(WorkflowRun::describe);
        // Its clock may be ahead of GitHub's.
        let since = begun.at - Duration::from_secs(30);
        let found = match client.runs_since(call, since).await {
            Ok(found) => found,
            Err(error) => {
                self.failed(&error).await;
                return told;
            }
        };
        let text = match (&begun.run, found.as_slice()) {
            (Some(own), found) => found.iter().find(|run| run.id == own.id).map(WorkflowRun::describe).or(told)?,
            (None, []) => return None,
            (None, [one]) => format!("perhaps {}", one.describe()),
            (None, several) => format!("one of {} runs since then", several.len()),
        };
        Some(sanitize(&text).into_owned())
    }
}
