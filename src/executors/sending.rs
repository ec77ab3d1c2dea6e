//! Sends the requests of a plan: each once, right after what it rests on was looked at again, and over again only where it
//! certainly did nothing.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::confirmation::{Turn, confirm, put_back_meanwhile, turn_of};
use super::dispatcher::Dispatcher;
use super::executor::{Executor, SendError};
use crate::domain::facts::direction::Direction;
use crate::domain::record::action::{ActionId, Outcome, PlanRecord, Request, System, Verb};
use crate::domain::record::anchor::Anchor;
use crate::domain::record::journal::Entry;
use crate::domain::record::ledger::ACCEPTED;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::Seen;
use crate::domain::rules::action::kind::Readiness;
use crate::domain::rules::action::owner::rewrites_backward;
use crate::failpoints::failpoint;

/// How long conflicts are met by reading again before giving up. A rollout's resourceVersion moves every second, so two
/// tries nearly always do; but someone who keeps writing something else must not hold up an abort.
const CONFLICT_RETRY_TIMEOUT: Duration = Duration::from_secs(10);
/// The same in git, where each try fetches, commits and pushes.
const GIT_CONFLICT_RETRY_TIMEOUT: Duration = Duration::from_secs(90);
/// So many conflicts are met at once; after more, someone writes at the same pace, and it helps to get out of step.
const MAX_IMMEDIATE_RETRIES: usize = 2;
/// How often a rollback is begun anew that the owner of the manifest put back by what it had begun before.
const MAX_TIMES_AGAIN: usize = 2;
/// The longest wait to get out of step.
const MAX_RETRY_JITTER: Duration = Duration::from_millis(100);

impl Dispatcher {
    /// Sends what a plan asks for, and looks until its effect is there.
    pub(super) async fn carry_out(
        &self,
        executor: &dyn Executor,
        action: &ActionId,
        record: &PlanRecord,
        head: Option<&Anchor>,
    ) -> Outcome {
        if let Err(outcome) = self.still_stands(record).await {
            return outcome;
        }
        let mut outcome = self.send_all(executor, action, record, head).await;
        for _ in 0..MAX_TIMES_AGAIN {
            // Where the first request was not answered that is told at once: nothing is looked at before.
            let may_be_put_back = match outcome {
                Outcome::Unconfirmed { .. } => true,
                Outcome::Unknown { .. } => record.requests.len() > 1,
                _ => false,
            };
            if !may_be_put_back || !rewrites_backward(record) {
                break;
            }
            let Some(again) = put_back_meanwhile(executor, record).await else { break };
            outcome = self.send_all(executor, action, &again, head).await;
        }
        outcome
    }

    /// Sends the requests of an action in order, and looks until it is done.
    async fn send_all(
        &self,
        executor: &dyn Executor,
        action: &ActionId,
        record: &PlanRecord,
        head: Option<&Anchor>,
    ) -> Outcome {
        let mut version = record.resource_version.clone();
        for (index, request) in record.requests.iter().enumerate() {
            if let Some(after) = request.after() {
                match turn_of(executor, record, after).await {
                    Turn::Send { version: seen } => version = seen,
                    Turn::Skip => continue,
                    Turn::Never(why) => {
                        let why = format!("request {} of {} was not sent: {why}", index + 1, record.requests.len());
                        return Outcome::Unknown { why };
                    }
                }
            }
            match self.send_and_note(executor, action, (record, head), (index, request), &version).await {
                Ok(new) => version = new,
                Err(outcome) => return outcome,
            }
        }
        // What it takes back may have become stable meanwhile: how the controller goes back is known once it has begun to.
        if let Some(begun) = record.back_to_stable() {
            turn_of(executor, record, &begun).await;
        }
        if let Ok(found) = executor.look(&record.target).await {
            if let Some(rest) = found.remainder(record) {
                let last = (record.requests.len(), &rest);
                if let Err(outcome) = self.send_and_note(executor, action, (record, head), last, found.version()).await
                {
                    return outcome;
                }
            }
        }
        let lacking = |lacks: String| self.accepted(action, record, lacks);
        confirm(executor, record, self.serve_timeout(), &lacking).await
    }

    /// Notes that a revision was rejected, or is sent out again, as soon as the API server took it; others are told, and
    /// nothing waits for that.
    async fn note_rejection(&self, record: &PlanRecord) {
        let by = match record.automatic {
            Some(_) => format!("autopilot of {}", self.actor(record.target.env())),
            None => self.actor(record.target.env()),
        };
        let Some(rejection) = Rejection::of(record, &by, Timestamp::now()) else { return };
        let entry = Entry::Rejected(Box::new(rejection));
        self.write(&record.release, entry.clone()).await;
        let dispatcher = self.clone();
        tokio::spawn(async move {
            if let Err(why) = dispatcher.share(&entry).await {
                tracing::warn!(why, "that a revision was rejected is known on this machine only");
            }
        });
    }

    /// Looks at what a plan rests on besides its target, and whether somebody stopped it.
    async fn still_stands(&self, record: &PlanRecord) -> Result<(), Outcome> {
        tokio::try_join!(self.still_rests(record), self.still_allowed(record), self.still_stored(record)).map(|_| ())
    }

    /// Looks at what else a plan rests on. Where nothing may be written there is no executor to look with: then what was
    /// seen at the moment of the question has to do.
    async fn still_rests(&self, record: &PlanRecord) -> Result<(), Outcome> {
        for rest in &record.rests_on {
            let Some(executor) = self.executor(rest.target.env(), rest.target.system()) else { continue };
            let seen = executor.look(&rest.target).await.map_err(not_sent)?;
            rest.still_holds(&seen.facts()).map_err(|what| Outcome::Moved { what })?;
        }
        Ok(())
    }

    /// Sends one request of an action and writes down how it was answered.
    async fn send_and_note(
        &self,
        executor: &dyn Executor,
        action: &ActionId,
        (record, head): (&PlanRecord, Option<&Anchor>),
        (index, request): (usize, &Request),
        version: &str,
    ) -> Result<String, Outcome> {
        let result = self.send_once(executor, (record, head), request, version).await;
        failpoint(format_args!("dispatcher.answered"));
        let answer = match &result {
            Ok(Sent::Taken { version }) if record.target.system() == System::Git => {
                format!("{ACCEPTED} as commit {version}")
            }
            Ok(Sent::Taken { version }) if matches!(record.target.system(), System::Pipeline | System::Registry) => {
                format!("{ACCEPTED}: {version}")
            }
            Ok(Sent::Taken { version }) if record.target.system() == System::Flags => format!("{ACCEPTED} {version}"),
            Ok(Sent::Taken { version }) => format!("{ACCEPTED} at resourceVersion {version}"),
            Ok(Sent::Needless { .. }) => "not sent: another client did the same meanwhile".to_owned(),
            Err(outcome) => outcome.describe(),
        };
        let entry = Entry::Answer { action: action.clone(), request: index + 1, answer };
        self.write(&record.release, entry).await;
        failpoint(format_args!("dispatcher.answer-written"));
        if index == 0 && result.is_ok() {
            self.note_rejection(record).await;
        }
        result.map(Sent::version).map_err(|outcome| match outcome {
            // The first part is done: what the whole came to is determined by looking.
            Outcome::Refused { why } | Outcome::Moved { what: why } if index > 0 => {
                Outcome::Unknown { why: format!("request {} of {}: {why}", index + 1, record.requests.len()) }
            }
            outcome => outcome,
        })
    }

    /// Sends one request, once. A conflict means that nothing was written: the object is read again, and only if the
    /// facts still hold the request is recreated for it.
    async fn send_once(
        &self,
        executor: &dyn Executor,
        (record, head): (&PlanRecord, Option<&Anchor>),
        request: &Request,
        version: &str,
    ) -> Result<Sent, Outcome> {
        let mut version = version.to_owned();
        let timeout = match record.target.system() {
            System::Git => GIT_CONFLICT_RETRY_TIMEOUT,
            System::Flags if record.pushes_a_flag() => GIT_CONFLICT_RETRY_TIMEOUT,
            System::Kubernetes | System::Owner | System::Flags | System::Pipeline | System::Registry => {
                CONFLICT_RETRY_TIMEOUT
            }
        };
        let (mut until, mut conflicts) = (None::<Instant>, 0);
        while until.is_none_or(|until| Instant::now() < until) {
            failpoint(format_args!("dispatcher.before-prepare"));
            let prepared = executor.prepare(&record.target, request, &version, head).await.map_err(not_sent)?;
            if let Some(seen) = &prepared.seen {
                if seen.is_there_already(record) || seen.is_reached(request) {
                    return Ok(Sent::Needless { version });
                }
                still_hold(record, request, seen)?;
                if let Some(what) = seen.moved(record, request) {
                    return Err(Outcome::Moved { what });
                }
                if is_needless(record, request, seen) {
                    return Ok(Sent::Needless { version });
                }
            }
            // Git takes a minute to be read, and longer where it never was: somebody may have stopped it meanwhile.
            if record.target.system() != System::Kubernetes {
                self.still_stands(record).await?;
            }
            failpoint(format_args!("dispatcher.before-send"));
            match executor.send(&record.target, request, &prepared).await {
                Ok(version) => return Ok(Sent::Taken { version }),
                Err(SendError::Conflict) => {
                    failpoint(format_args!("dispatcher.conflict"));
                    conflicts += 1;
                    until.get_or_insert_with(|| Instant::now() + timeout);
                    if conflicts > MAX_IMMEDIATE_RETRIES {
                        sleep(noise(MAX_RETRY_JITTER)).await;
                    }
                    let seen;
                    (seen, version) = executor.look_again(&record.target, request).await.map_err(not_sent)?;
                    if seen.is_there_already(record) {
                        return Ok(Sent::Needless { version });
                    }
                    still_hold(record, request, &seen)?;
                    // Whoever commits may have kept it off: what gives it to more users is asked for anew.
                    if record.pushes_a_flag() && record.direction == Some(Direction::Forward) {
                        let what = "somebody else committed meanwhile: look at it and ask again".to_owned();
                        return Err(Outcome::Moved { what });
                    }
                    // What it was to complete may have been taken away by whoever wrote.
                    if request.after().is_some_and(|after| seen.readiness(after) != Readiness::Send) {
                        return Err(Outcome::Moved { what: "another revision is in progress".to_owned() });
                    }
                    if is_needless(record, request, &seen) {
                        return Ok(Sent::Needless { version });
                    }
                }
                Err(SendError::Refused(why)) => return Err(Outcome::Refused { why }),
                Err(SendError::Unknown(why)) => return Err(Outcome::Unknown { why }),
            }
        }
        Err(Outcome::Moved { what: "another client keeps writing to it".to_owned() })
    }
}

/// Returns some part of a time, by the clock's own noise.
fn noise(longest: Duration) -> Duration {
    longest.mul_f64(f64::from(Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000) / 1000.0)
}

/// A failure before anything was sent.
pub(super) fn not_sent(error: SendError) -> Outcome {
    match error {
        SendError::Refused(why) => Outcome::Refused { why },
        SendError::Conflict => Outcome::Refused { why: "not sent: conflict".to_owned() },
        SendError::Unknown(why) => Outcome::Refused { why: format!("not sent: {why}") },
    }
}

/// How far a request got.
enum Sent {
    /// The server took it; the version of the object since.
    Taken { version: String },
    /// Another client has asked for the same since the plan was made, so that there was nothing to send.
    Needless { version: String },
}

impl Sent {
    fn version(self) -> String {
        match self {
            Self::Taken { version } | Self::Needless { version } => version,
        }
    }
}

/// Returns whether a stop is asked for already, though it was not when the plan was made.
fn is_needless(record: &PlanRecord, request: &Request, seen: &Seen) -> bool {
    let (before, now) = (&record.facts, seen.facts());
    record.requests.first() == Some(request)
        && match record.verb {
            Verb::Pause => !before.paused && now.paused,
            Verb::Abort => !before.aborted && now.aborted,
            _ => false,
        }
}

/// Compares the facts of the plan with those of now.
fn still_hold(record: &PlanRecord, request: &Request, seen: &Seen) -> Result<(), Outcome> {
    let (first, now) = (record.requests.first() == Some(request), seen.facts());
    let held = if first {
        record.facts.still_hold(&now, record.moves_backward())
    } else {
        record.facts.hold_midway(&now, record.to_hash.as_deref())
    };
    held.map_err(|moved| Outcome::Moved { what: seen.blame(&moved, record.picture_at, Timestamp::now()) })
}
