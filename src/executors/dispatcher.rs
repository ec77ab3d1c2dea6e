//! Carries out plans: journal, precondition, send once, look, journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::confirmation::{SERVE_TIMEOUT, SentBy, settle_unknown, until_merged};
use super::executor::Executor;
use super::journal::{Journal, JournalError};
use super::registry::AskRegistries;
use super::signing::Signer;
use crate::domain::facts::access::{Access, Permission};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, Outcome, PlanRecord, System};
use crate::domain::record::anchor::Anchor;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::proof::Keys;
use crate::domain::record::receipt::Receipt;
use crate::domain::rules::action::{Plan, writes_of};
use crate::failpoints::failpoint;

/// How long the clients of an environment may be in coming. A read-only environment never gets any.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries out plans, each as a task of its own. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    executors: Arc<Mutex<Admitted>>,
    /// Reports that an executor was admitted.
    admitted: Arc<Notify>,
    journal: Journal,
    operator: String,
    access: Arc<Mutex<BTreeMap<EnvName, Access>>>,
    receipts: mpsc::Sender<Receipt>,
    /// How long it may take until everybody is served by what an action goes to, in milliseconds.
    serve_timeout_ms: Arc<AtomicU64>,
    /// Heads of journals that are being anchored.
    pub(super) anchoring: TaskTracker,
    pub(super) signing: Option<Signer>,
    pub(super) keys: Option<Keys>,
    pub(super) registries: AskRegistries,
}

type Admitted = BTreeMap<(EnvName, System), Arc<dyn Executor>>;

impl Dispatcher {
    /// Makes one through which nothing can be done yet.
    #[must_use]
    pub fn new(journal: Journal, operator: String, receipts: mpsc::Sender<Receipt>) -> Self {
        let (executors, admitted, access) = (Arc::default(), Arc::default(), Arc::default());
        let (serve_timeout_ms, anchoring) = (Arc::default(), TaskTracker::new());
        let (signing, keys) = (None, None);
        let dispatcher = Self {
            executors,
            admitted,
            journal,
            operator,
            access,
            receipts,
            serve_timeout_ms,
            anchoring,
            signing,
            keys,
            registries: AskRegistries::default(),
        };
        dispatcher.wait_for(SERVE_TIMEOUT);
        dispatcher
    }

    /// Sets what statements are signed with, and whose keys prove who made one.
    #[must_use]
    pub fn signing(self, signing: Option<Signer>, keys: Option<Keys>) -> Self {
        Self { signing, keys, ..self }
    }

    /// Sets how long an action that was accepted is waited for.
    pub fn wait_for(&self, serve_timeout: Duration) {
        let milliseconds = u64::try_from(serve_timeout.as_millis()).unwrap_or(u64::MAX);
        self.serve_timeout_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Admits the executor of a system in an environment. A read-only environment is never given one ([law 8](crate#laws)).
    pub fn admit(&self, env: EnvName, system: System, executor: Arc<dyn Executor>) {
        self.executors.lock().unwrap_or_else(PoisonError::into_inner).insert((env, system), executor);
        self.admitted.notify_waiters();
    }

    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Takes in what the operator may do in an environment.
    pub fn learn(&self, env: &EnvName, access: &Access) {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).insert(env.clone(), access.clone());
    }

    /// Whether RBAC denies what it sends. What moves backward is sent all the same: the API server decides (law 3).
    fn is_denied(&self, record: &PlanRecord) -> bool {
        let access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        let denies = |access: &Access| matches!(access.of(&writes_of(&record.requests)), Permission::Denied(_));
        !record.moves_backward() && access.get(record.target.env()).is_some_and(denies)
    }

    /// Whether something carries out actions of a system in an environment.
    #[must_use]
    pub fn is_admitted(&self, env: &EnvName, system: System) -> bool {
        self.executor(env, system).is_some()
    }

    pub(super) fn executor(&self, env: &EnvName, system: System) -> Option<Arc<dyn Executor>> {
        self.executors.lock().unwrap_or_else(PoisonError::into_inner).get(&(env.clone(), system)).cloned()
    }

    /// Returns an executor, which may be a moment in coming: at start the clients are being built.
    pub(super) async fn executor_soon(&self, env: &EnvName, system: System) -> Option<Arc<dyn Executor>> {
        let admitted = async {
            loop {
                let another = self.admitted.notified();
                if let Some(executor) = self.executor(env, system) {
                    return executor;
                }
                another.await;
            }
        };
        tokio::time::timeout(ADMISSION_TIMEOUT, admitted).await.ok()
    }

    pub(super) async fn tell(&self, receipt: Receipt) {
        // The screen may be gone already: the journal has it all.
        let _ = self.receipts.send(receipt).await;
    }

    /// Writes an entry, in memory if it must be, and tells of it.
    pub async fn write(&self, release: &str, entry: Entry) {
        let written = self.journal.append_or_keep(release, entry).await;
        self.tell_late(written.late);
        self.tell_written(written.lines).await;
    }

    /// Tells of lines once they are written, where the disk takes its time.
    fn tell_late(&self, late: Option<oneshot::Receiver<Result<Vec<Line>, JournalError>>>) {
        let Some(late) = late else { return };
        let dispatcher = self.clone();
        tokio::spawn(async move {
            if let Ok(Ok(lines)) = late.await {
                dispatcher.tell_written(lines).await;
            }
        });
    }

    /// Tries the journal of a release, and tells how it stands.
    pub async fn probe(&self, release: &str) {
        let lines = self.journal.probe(release).await;
        self.tell_written(lines).await;
    }

    /// Tells of lines that were written before.
    pub async fn show(&self, lines: Vec<Line>) {
        self.tell(Receipt::Written(lines)).await;
    }

    pub(super) async fn tell_written(&self, lines: Vec<Line>) {
        if !lines.is_empty() {
            self.tell(Receipt::Written(lines)).await;
        }
        self.tell(Receipt::Journal(self.journal.state())).await;
    }

    /// Carries out a plan and returns how it ended; an unknown outcome is settled by looking before this returns.
    pub async fn perform(&self, plan: Plan) -> Outcome {
        let action = plan.action().cloned().unwrap_or_else(|| ActionId(uuid::Uuid::now_v7().to_string()));
        let by = self.actor(plan.record().target.env());
        let record = plan.record().clone().of_action(&action, &by);
        let env = record.target.env();
        let admitted = self.executor(env, record.target.system()).filter(|_| !self.is_denied(&record));
        let Some(executor) = admitted else {
            let outcome = Outcome::Refused { why: "there is no executor for it: read-only or denied".to_owned() };
            self.ended(&action, &record, outcome.clone(), Vec::new()).await;
            return outcome;
        };
        let alone = match self.alone(&record).await {
            Ok(alone) => alone,
            Err(why) => {
                let outcome = Outcome::Refused { why: format!("not begun: {why}") };
                self.ended(&action, &record, outcome.clone(), Vec::new()).await;
                return outcome;
            }
        };
        let mark = self.journal.mark_in_flight(&record.release).await;
        failpoint(format_args!("dispatcher.marked"));
        let author = self.author(&record);
        let head = match self.write_intent(&action, &record, &author).await {
            Ok(head) => head,
            Err(outcome) => {
                self.ended(&action, &record, outcome.clone(), Vec::new()).await;
                return outcome;
            }
        };
        failpoint(format_args!("dispatcher.intent-written"));
        self.tell(Receipt::Begun { action: action.clone(), target: record.target.clone(), verb: record.verb }).await;
        let outcome = self.carry_out(executor.as_ref(), &action, &record, head.as_ref()).await;
        failpoint(format_args!("dispatcher.carried-out"));
        let outcome = self.settled(executor.as_ref(), (&action, &record), outcome).await;
        self.conclude(&action, &record, outcome.clone()).await;
        if outcome.is_done() {
            self.share_off(&action, &record, &author);
        }
        failpoint(format_args!("dispatcher.concluded"));
        drop((mark, alone));
        failpoint(format_args!("dispatcher.mark-released"));
        outcome
    }

    /// Makes sure that nobody on this machine has begun the same pipeline: nothing at a pipeline is conditional.
    async fn alone(&self, record: &PlanRecord) -> Result<Option<File>, String> {
        let Some(what) = record.pipeline_mark() else { return Ok(None) };
        let mark = self.journal.mark_alone(&what).await?;
        let open = self.journal.open_intents(&record.release).await?;
        match open.iter().find(|(_, open)| open.pipeline_mark().as_ref() == Some(&what)) {
            Some((_, open)) => {
                Err(format!("what came of `{}` is not settled yet: `cockpit` settles it when it starts", open.headline))
            }
            None => Ok(Some(mark)),
        }
    }

    /// Tells of an outcome that is open, and looks until it is not any more.
    pub(super) async fn settled(
        &self,
        executor: &dyn Executor,
        (action, record): (&ActionId, &PlanRecord),
        outcome: Outcome,
    ) -> Outcome {
        let mut outcome = outcome;
        loop {
            outcome = match outcome {
                Outcome::Unknown { why } => {
                    self.ended(action, record, Outcome::Unknown { why }, Vec::new()).await;
                    settle_unknown(executor, record, SentBy::ThisRun).await
                }
                Outcome::AwaitsMerge { .. } => {
                    let tell = |shows: String| -> BoxFuture<'_, ()> {
                        Box::pin(self.ended(action, record, Outcome::AwaitsMerge { shows }, Vec::new()))
                    };
                    let lacking = |lacks: String| self.accepted(action, record, lacks);
                    until_merged(executor, record, self.serve_timeout(), (&tell, &lacking)).await
                }
                outcome => return outcome,
            };
        }
    }

    pub(super) fn serve_timeout(&self) -> Duration {
        Duration::from_millis(self.serve_timeout_ms.load(Ordering::Relaxed))
    }

    pub(super) fn accepted<'a>(&'a self, action: &ActionId, record: &PlanRecord, lacks: String) -> BoxFuture<'a, ()> {
        let receipt = Receipt::Accepted { action: action.clone(), record: Box::new(record.clone()), lacks };
        Box::pin(self.tell(receipt))
    }

    /// Returns who acts: the API server's word, else the machine's, marked as unverified.
    pub(super) fn actor(&self, env: &EnvName) -> String {
        let access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = access.get(env).and_then(|access| access.user.clone());
        verified.unwrap_or_else(|| format!("{} (unverified)", self.operator))
    }

    /// Returns who asks for an action: somebody, or their autopilot.
    fn author(&self, record: &PlanRecord) -> String {
        let actor = self.actor(record.target.env());
        if record.automatic.is_some() { format!("autopilot of {actor}") } else { actor }
    }

    /// Writes the intent, and returns it as the head of its journal where it is on disk by now. Where that fails only backward
    /// actions continue ([law 3](crate#laws)), its intent kept in memory.
    async fn write_intent(
        &self,
        action: &ActionId,
        record: &PlanRecord,
        author: &str,
    ) -> Result<Option<Anchor>, Outcome> {
        let head = |lines: &[Line]| {
            let author = self.actor(record.target.env());
            self.journal.anchor(&record.release, lines.last()?, author)
        };
        let entry = Entry::Intent {
            action: action.clone(),
            operator: author.to_owned(),
            plan: Box::new(record.clone()),
            settings: self.journal.settings(),
        };
        if record.moves_backward() {
            let written = self.journal.append_or_keep(&record.release, entry).await;
            let head = head(&written.lines);
            self.tell_late(written.late);
            self.tell_written(written.lines).await;
            return Ok(head);
        }
        match self.journal.append(&record.release, entry).await {
            Ok(lines) => {
                let head = head(&lines);
                self.tell_written(lines).await;
                Ok(head)
            }
            Err(error) => {
                self.tell(Receipt::Journal(self.journal.state())).await;
                Err(Outcome::Refused { why: format!("not sent: the journal cannot be written: {error}") })
            }
        }
    }

    async fn ended(&self, action: &ActionId, record: &PlanRecord, outcome: Outcome, lines: Vec<Line>) {
        self.tell(Receipt::Ended { action: action.clone(), record: Box::new(record.clone()), outcome, lines }).await;
    }

    /// Tells that an intent stays open.
    pub(super) async fn leave_open(&self, record: &PlanRecord, why: String) {
        self.tell(Receipt::LeftOpen { record: Box::new(record.clone()), why }).await;
    }

    /// Writes the outcome and tells of it.
    pub(super) async fn conclude(&self, action: &ActionId, record: &PlanRecord, outcome: Outcome) {
        let entry = Entry::Outcome { action: action.clone(), outcome: outcome.clone() };
        let written = self.journal.append_or_keep(&record.release, entry).await;
        match written.late {
            Some(late) => self.tell_and_anchor_late(record, late),
            None => self.anchor(record, written.lines.last().cloned()),
        }
        self.ended(action, record, outcome, written.lines).await;
        self.tell(Receipt::Journal(self.journal.state())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::kubernetes::Kubernetes;
    use crate::platform::Redactor;

    #[tokio::test]
    async fn what_is_to_be_settled_waits_for_an_executor_that_is_in_coming() {
        let folder = tempfile::tempdir().unwrap();
        let (receipts, _inflow) = mpsc::channel(1);
        let dispatcher = Dispatcher::new(Journal::new(folder.path(), None), "alice".to_owned(), receipts);
        let env = EnvName::new("prod");
        let coming = async {
            tokio::task::yield_now().await;
            let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
            let executor = Kubernetes::new(config, "ns", Redactor::default()).unwrap();
            dispatcher.admit(env.clone(), System::Kubernetes, Arc::new(executor));
        };
        let (executor, ()) = tokio::join!(dispatcher.executor_soon(&env, System::Kubernetes), coming);
        assert!(executor.is_some());
    }
}
