//! The door itself: journal, precondition, request, look, journal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use super::confirmation::{confirm, settle_unknown, workload};
use super::journal::{Journal, JournalState};
use super::kubernetes::{Executor, SendError};
use crate::domain::access::Access;
use crate::domain::action::{ActionId, Facts, Outcome, Plan, PlanRecord, Request, Verb, remainder};
use crate::domain::checklist::record::statement;
use crate::domain::ids::{EnvName, Target};
use crate::domain::journal::{Entry, Line};
use crate::domain::reduce;
use crate::kill_points::pass;

/// How long conflicts are met by reading again before giving up. A rollout's resourceVersion moves every second, so two
/// tries nearly always do; but somebody who keeps writing something else must not hold up an abort.
const CONFLICTS_FOR: Duration = Duration::from_secs(10);
/// So many conflicts are met at once; after more, somebody writes at the same pace, and it helps to get out of step.
const AT_ONCE: usize = 2;
/// The longest wait to get out of step.
const OUT_OF_STEP: Duration = Duration::from_millis(100);
/// How long the clients of an environment may be in coming. A read-only environment never gets any.
const ADMITTED_WITHIN: Duration = Duration::from_secs(10);

/// What the door reports.
#[derive(Clone, Debug)]
pub enum Receipt {
    /// The intent is written, the action is on its way.
    Begun {
        /// Which action.
        action: ActionId,
        /// On what.
        target: Target,
        /// What it does.
        verb: Verb,
    },
    /// It ended, or became unknown; an unknown one is settled later by another receipt.
    Ended {
        /// Which action.
        action: ActionId,
        /// What it was.
        record: Box<PlanRecord>,
        /// How.
        outcome: Outcome,
    },
    /// Lines were written.
    Written(Vec<Line>),
    /// How the journals stand.
    Journal(JournalState),
    /// What a person said is kept on this machine only; why.
    NotShared(String),
}

/// The door. Cheap to clone; every action is its own task.
#[derive(Clone)]
pub struct Door {
    executors: Arc<Mutex<BTreeMap<EnvName, Executor>>>,
    /// Tells that an executor was admitted.
    admitted: Arc<Notify>,
    journal: Journal,
    operator: String,
    /// Who the API servers say we are.
    users: Arc<Mutex<BTreeMap<EnvName, String>>>,
    receipts: mpsc::Sender<Receipt>,
}

impl Door {
    /// Makes a door through which nothing can be done yet.
    #[must_use]
    pub fn new(journal: Journal, operator: String, receipts: mpsc::Sender<Receipt>) -> Self {
        Self { executors: Arc::default(), admitted: Arc::default(), journal, operator, users: Arc::default(), receipts }
    }

    /// Builds the executor of an environment. A read-only environment is never given one (law 8).
    pub fn admit(&self, env: EnvName, executor: Executor) {
        self.executors.lock().unwrap_or_else(PoisonError::into_inner).insert(env, executor);
        self.admitted.notify_waiters();
    }

    /// Returns the journals.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Builds an environment's verbs anew from what the operator may do.
    pub fn learn(&self, env: &EnvName, access: &Access) {
        if let Some(user) = &access.user {
            self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(env.clone(), user.clone());
        }
        let mut executors = self.executors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(executor) = executors.get_mut(env) {
            executor.learn(access);
        }
    }

    pub(super) fn executor(&self, env: &EnvName) -> Option<Executor> {
        self.executors.lock().unwrap_or_else(PoisonError::into_inner).get(env).cloned()
    }

    /// Returns the executor of an environment, which may be a moment in coming: at start its clients are being built.
    pub(super) async fn executor_soon(&self, env: &EnvName) -> Option<Executor> {
        let admitted = async {
            loop {
                let another = self.admitted.notified();
                if let Some(executor) = self.executor(env) {
                    return executor;
                }
                another.await;
            }
        };
        tokio::time::timeout(ADMITTED_WITHIN, admitted).await.ok()
    }

    async fn tell(&self, receipt: Receipt) {
        // The screen may be gone already: the journal has it all.
        let _ = self.receipts.send(receipt).await;
    }

    /// Writes an entry, in memory if it must be, and tells of it.
    pub async fn write(&self, release: &str, entry: Entry) {
        let lines = self.journal.append_or_keep(release, entry).await;
        self.tell_written(lines).await;
    }

    /// Shares what a person said with everybody who looks at the environment. It is in the journal already, and counts
    /// here whether or not it can be shared.
    ///
    /// # Errors
    /// Why nobody else sees it.
    pub async fn share(&self, entry: &Entry) -> Result<(), String> {
        let (Some((key, value)), Some(env)) = (statement(entry), entry.checklist_of()) else { return Ok(()) };
        let executor = self.executor(env).ok_or_else(|| format!("nothing is written to {env}: read-only"))?;
        executor.publish(&key, &value).await.map_err(|error| error.words())
    }

    /// Writes down what a person said, shares it, and tells of both.
    pub async fn say(&self, release: &str, entry: Entry) {
        self.write(release, entry.clone()).await;
        if let Err(why) = self.share(&entry).await {
            self.tell(Receipt::NotShared(why)).await;
        }
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

    async fn tell_written(&self, lines: Vec<Line>) {
        if !lines.is_empty() {
            self.tell(Receipt::Written(lines)).await;
        }
        self.tell(Receipt::Journal(self.journal.state())).await;
    }

    /// Carries out a plan and returns how it ended; an unknown outcome is settled by looking before this returns.
    pub async fn perform(&self, plan: Plan) -> Outcome {
        let record = plan.record().clone();
        let action = ActionId(uuid::Uuid::now_v7().to_string());
        let Some(executor) = self.executor(&record.target.env).filter(|executor| executor.can(record.verb)) else {
            let outcome = Outcome::Refused { why: "there is no executor for it: read-only or denied".to_owned() };
            self.ended(&action, &record, outcome.clone()).await;
            return outcome;
        };
        let mark = self.journal.mark_in_flight(&record.release);
        pass(format_args!("door.marked"));
        if let Err(outcome) = self.write_intent(&action, &record).await {
            self.ended(&action, &record, outcome.clone()).await;
            return outcome;
        }
        pass(format_args!("door.intent-written"));
        self.tell(Receipt::Begun { action: action.clone(), target: record.target.clone(), verb: record.verb }).await;
        let mut outcome = self.carry_out(&executor, &action, &record).await;
        pass(format_args!("door.carried-out"));
        if !outcome.is_settled() {
            self.ended(&action, &record, outcome.clone()).await;
            outcome = settle_unknown(&executor, &record).await;
        }
        self.conclude(&action, &record, outcome.clone()).await;
        pass(format_args!("door.concluded"));
        drop(mark);
        pass(format_args!("door.mark-let-go"));
        outcome
    }

    /// Returns who acts: the API server's word, else the machine's, marked as unverified.
    fn actor(&self, env: &EnvName) -> String {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(env).cloned().unwrap_or_else(|| format!("{} (unverified)", self.operator))
    }

    /// Writes the intent. Where that fails only what stops goes on (law 3), its intent kept in memory.
    async fn write_intent(&self, action: &ActionId, record: &PlanRecord) -> Result<(), Outcome> {
        let entry = Entry::Intent {
            action: action.clone(),
            operator: match record.automatic {
                Some(_) => format!("autopilot of {}", self.actor(&record.target.env)),
                None => self.actor(&record.target.env),
            },
            plan: Box::new(record.clone()),
        };
        if record.verb.stops() {
            self.write(&record.release, entry).await;
            return Ok(());
        }
        match self.journal.append(&record.release, entry).await {
            Ok(lines) => {
                self.tell_written(lines).await;
                Ok(())
            }
            Err(error) => {
                self.tell(Receipt::Journal(self.journal.state())).await;
                Err(Outcome::Refused { why: format!("not sent: the journal cannot be written: {error}") })
            }
        }
    }

    async fn ended(&self, action: &ActionId, record: &PlanRecord, outcome: Outcome) {
        self.tell(Receipt::Ended { action: action.clone(), record: Box::new(record.clone()), outcome }).await;
    }

    /// Writes the outcome and tells of it.
    pub(super) async fn conclude(&self, action: &ActionId, record: &PlanRecord, outcome: Outcome) {
        self.write(&record.release, Entry::Outcome { action: action.clone(), outcome: outcome.clone() }).await;
        self.ended(action, record, outcome).await;
    }

    async fn carry_out(&self, executor: &Executor, action: &ActionId, record: &PlanRecord) -> Outcome {
        let mut version = record.resource_version.clone();
        for (index, request) in record.requests.iter().enumerate() {
            match self.send_and_note(executor, action, record, (index, request), &version).await {
                Ok(new) => version = new,
                Err(outcome) => return outcome,
            }
        }
        if let Ok(found) = executor.look(&workload(record)).await {
            if let Some(rest) = remainder(record, &found) {
                let (index, version) = (record.requests.len(), &found.meta().resource_version);
                if let Err(outcome) = self.send_and_note(executor, action, record, (index, &rest), version).await {
                    return outcome;
                }
            }
        }
        confirm(executor, record).await
    }

    /// Sends one request of an action and writes down how it was answered.
    async fn send_and_note(
        &self,
        executor: &Executor,
        action: &ActionId,
        record: &PlanRecord,
        (index, request): (usize, &Request),
        version: &str,
    ) -> Result<String, Outcome> {
        let result = self.send_once(executor, record, request, version).await;
        pass(format_args!("door.answered"));
        let answer = match &result {
            Ok(new) => format!("accepted at resourceVersion {new}"),
            Err(outcome) => outcome.words(),
        };
        let entry = Entry::Answer { action: action.clone(), request: index + 1, answer };
        self.write(&record.release, entry).await;
        pass(format_args!("door.answer-written"));
        result.map_err(|outcome| match outcome {
            // The first part is done: what the whole came to is told by looking.
            Outcome::Refused { why } | Outcome::Moved { what: why } if index > 0 => {
                Outcome::Unknown { why: format!("request {} of {}: {why}", index + 1, record.requests.len()) }
            }
            outcome => outcome,
        })
    }

    /// Sends one request, once. A conflict means that nothing was written: the object is read again, and only if the
    /// facts still hold the request is made anew for it.
    async fn send_once(
        &self,
        executor: &Executor,
        record: &PlanRecord,
        request: &Request,
        version: &str,
    ) -> Result<String, Outcome> {
        let mut version = version.to_owned();
        let until = Instant::now() + CONFLICTS_FOR;
        let mut conflicts = 0;
        while Instant::now() < until {
            pass(format_args!("door.before-prepare"));
            let prepared = executor.prepare(request, &version).await.map_err(not_sent)?;
            if let Some(live) = &prepared.live {
                still_hold(executor, record, request, live).await?;
            }
            pass(format_args!("door.before-send"));
            match executor.send(request, &prepared).await {
                Ok(new) => return Ok(new),
                Err(SendError::Conflict) => {
                    pass(format_args!("door.conflict"));
                    conflicts += 1;
                    if conflicts > AT_ONCE {
                        sleep(noise(OUT_OF_STEP)).await;
                    }
                    let live = executor.get(&request.object).await.map_err(not_sent)?;
                    still_hold(executor, record, request, &live).await?;
                    live["metadata"]["resourceVersion"].as_str().unwrap_or_default().clone_into(&mut version);
                }
                Err(SendError::Refused(why)) => return Err(Outcome::Refused { why }),
                Err(SendError::Unknown(why)) => return Err(Outcome::Unknown { why }),
            }
        }
        Err(Outcome::Moved { what: "somebody else keeps writing to it".to_owned() })
    }
}

/// Returns some part of a time, by the clock's own noise.
fn noise(longest: Duration) -> Duration {
    longest.mul_f64(f64::from(Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000) / 1000.0)
}

/// A failure before anything was sent.
fn not_sent(error: SendError) -> Outcome {
    match error {
        SendError::Refused(why) => Outcome::Refused { why },
        SendError::Conflict => Outcome::Refused { why: "not sent: conflict".to_owned() },
        SendError::Unknown(why) => Outcome::Refused { why: format!("not sent: {why}") },
    }
}

/// Compares the facts of the plan with those of now. `live` is the object that the request goes to; where that is not
/// the workload itself (the Deployment behind a `workloadRef`), the workload is read too.
async fn still_hold(
    executor: &Executor,
    record: &PlanRecord,
    request: &Request,
    live: &serde_json::Value,
) -> Result<(), Outcome> {
    let own = workload(record);
    let found =
        if request.object == own { reduce::object(live) } else { Some(executor.look(&own).await.map_err(not_sent)?) };
    let Some(found) = found else {
        return Err(Outcome::Refused { why: "not sent: the answer is no workload".to_owned() });
    };
    let (first, now) = (record.requests.first() == Some(request), Facts::of(&found));
    let held = if first {
        record.facts.still_hold(&now, record.verb)
    } else {
        record.facts.hold_midway(&now, record.to_hash.as_deref())
    };
    held.map_err(|what| Outcome::Moved { what: found.meta().blame(what, record.picture_at, Timestamp::now()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Redactor;

    #[tokio::test]
    async fn what_is_to_be_settled_waits_for_an_executor_that_is_in_coming() {
        let folder = tempfile::tempdir().unwrap();
        let (receipts, _inflow) = mpsc::channel(1);
        let door = Door::new(Journal::new(folder.path(), None), "alice".to_owned(), receipts);
        let env = EnvName::new("prod");
        let coming = async {
            tokio::task::yield_now().await;
            let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
            door.admit(env.clone(), Executor::new(config, "ns", Redactor::default()).unwrap());
        };
        let (executor, ()) = tokio::join!(door.executor_soon(&env), coming);
        assert!(executor.is_some());
    }
}
