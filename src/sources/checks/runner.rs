//! The task that looks for an environment's evidence: at start, when something else comes in, on demand, and before
//! answers grow old.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::kept::{Kept, Looked, look_again};
use super::{CheckInput, Evidence, Tools, look};
use crate::config::checks::{CheckConfig, CheckKind, Drift};
use crate::domain::facts::changes::CodeSearch;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{CheckId, CheckOutcome, Finding};
use crate::domain::world::feed::Feed;
use crate::platform::Redactor;
use crate::sources::changes::{ChangesRequest, gather, is_located, located};
use crate::sources::inbox::Outlet;

/// What is looked at, and what the answers are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub scene: CheckInput,
    /// [`Candidate::key`](crate::domain::rules::checklist::Candidate::key).
    pub subject: String,
}

/// Asks for another look: in which environment, and at which check; without one at all of them.
pub type Again = (EnvName, Option<CheckId>);

/// How many checks run at once, over all environments.
pub const MAX_CONCURRENT_CHECKS: usize = 8;
/// When to look again at what did not pass, where the answer has no time limit of its own.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// How long gathering what is in a release may take.
const GATHER_TIMEOUT: Duration = Duration::from_secs(60);
/// No answer is asked for more often than this.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks again after this part of the time that an answer holds, so that it does not grow stale in between.
const REFRESH_AT_SHARE: f64 = 0.8;
/// Looking commits up holds the task up: unless a person asks, it rests for so many times as long as the last time took.
const LOCATING_REST: u32 = 5;

/// What the checks of one environment need.
pub struct CheckRunner {
    pub env: EnvName,
    /// Its checks; those that a person or the world answers are left alone.
    pub checks: Vec<CheckConfig>,
    pub tools: Tools,
    /// How feature flags are found in code; `None` where no provider has any.
    pub flags_in_code: Option<CodeSearch>,
    pub asks: watch::Receiver<Option<Ask>>,
    /// Who asks for another look.
    pub again: broadcast::Receiver<Again>,
    pub room: Arc<Semaphore>,
    pub outlet: Outlet,
    pub cancel: CancellationToken,
}

impl CheckRunner {
    /// Starts the task, if there is anything to look at.
    pub fn spawn(mut self, tasks: &TaskTracker) {
        self.checks.retain(|check| check.kind.is_some());
        if self.checks.is_empty() && self.tools.repository.is_none() {
            return;
        }
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = Looks::new(self).run() => {}
            }
        });
    }
}

/// A look that is over: which check, what it was about, and what it came to.
type Done = (CheckId, String, Looked);

struct Looks {
    runner: CheckRunner,
    ask: Option<Ask>,
    /// When to look at a check next.
    due: BTreeMap<CheckId, Instant>,
    going: BTreeMap<CheckId, AbortHandle>,
    /// What the last look at a check may spare the next one.
    kept: BTreeMap<CheckId, Arc<Kept>>,
    /// When commits that are unknown may be looked up again on its own.
    locate_from: Instant,
    set: JoinSet<Done>,
    /// What is in the release is gathered beside.
    gathering: JoinSet<()>,
}

impl Looks {
    fn new(runner: CheckRunner) -> Self {
        let (due, going, kept) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let locate_from = Instant::now();
        Self { runner, ask: None, due, going, kept, locate_from, set: JoinSet::new(), gathering: JoinSet::new() }
    }

    async fn run(mut self) {
        self.take_ask().await;
        loop {
            let next = self.due.values().min().copied();
            tokio::select! {
                changed = self.runner.asks.changed() => match changed {
                    Ok(()) => self.take_ask().await,
                    Err(_) => return,
                },
                again = self.runner.again.recv() => match again {
                    Ok((env, check)) if env == self.runner.env => self.look_again_at(check.as_ref()).await,
                    Ok(_) => {}
                    // Which ones were asked for is lost: all are looked at.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.look_again_at(None).await,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(done) = self.set.join_next_with_id(), if !self.set.is_empty() => self.finish(done),
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.look_at_due().await,
            }
        }
    }

    /// Takes in what is to be looked at. What was found of something else says nothing about it.
    async fn take_ask(&mut self) {
        let Some(ask) = self.runner.asks.borrow_and_update().clone() else { return };
        let Ask { scene, subject } = ask;
        // Those that are over and were not taken in yet go as well.
        self.set = JoinSet::new();
        self.going.clear();
        self.due.clear();
        let scene = located(scene, &self.runner.tools).await;
        self.ask = Some(Ask { scene, subject });
        self.look_again(None);
    }

    /// Looks again because a person asks: the commit may be another one by now, such as that of a tag that was moved.
    async fn look_again_at(&mut self, only: Option<&CheckId>) {
        self.locate().await;
        self.look_again(only);
    }

    /// Looks the commits up again: one read may have failed, or the clone may have been behind.
    async fn locate(&mut self) {
        let Some(ask) = &self.ask else { return };
        let began = Instant::now();
        let scene = located(ask.scene.clone(), &self.runner.tools).await;
        self.locate_from = Instant::now() + began.elapsed() * LOCATING_REST;
        let Some(ask) = self.ask.as_mut().filter(|ask| ask.scene != scene) else { return };
        ask.scene = scene;
        self.gather();
    }

    fn look_again(&mut self, only: Option<&CheckId>) {
        if only.is_none() {
            self.gather();
        }
        let wanted = |id: &CheckId| only.is_none_or(|only| only == id);
        let ids: Vec<CheckId> = self.runner.checks.iter().map(|check| check.spec.id.clone()).collect();
        for id in ids.iter().filter(|id| wanted(id)) {
            // Something else may have changed than a file, such as the repository.
            self.kept.remove(id);
            self.begin(id);
        }
    }

    /// Gathers what is in the release, where there is a repository.
    fn gather(&mut self) {
        let (Some(ask), true) = (&self.ask, self.runner.tools.repository.is_some()) else { return };
        let (scene, tools, asked) = (ask.scene.clone(), self.runner.tools.clone(), self.asked());
        let (outlet, env, subject) = (self.runner.outlet.clone(), self.runner.env.clone(), ask.subject.clone());
        self.gathering.abort_all();
        self.gathering.spawn(async move {
            let gathered = match timeout(GATHER_TIMEOUT, gather(&scene, &tools, &asked)).await {
                Ok(gathered) => gathered.map(Arc::new),
                Err(_) => Err(format!("git and the clusters gave no answer in {} s", GATHER_TIMEOUT.as_secs())),
            };
            outlet.send(Feed::Changes { env, subject, gathered });
        });
    }

    /// What else is gathered: migrations where a check looks at them, differences wherever there is an environment before.
    fn asked(&self) -> ChangesRequest {
        let mut asked = ChangesRequest {
            migrations: None,
            drift: self.runner.tools.previous.is_some().then(Drift::default),
            code: self.runner.flags_in_code.clone(),
        };
        for check in &self.runner.checks {
            match &check.kind {
                Some(CheckKind::Migrations(migrations)) => asked.migrations = Some(migrations.clone()),
                Some(CheckKind::Drift(drift)) => asked.drift = Some(drift.clone()),
                _ => {}
            }
        }
        asked
    }

    async fn look_at_due(&mut self) {
        let is_unknown = self.ask.as_ref().is_some_and(|ask| !is_located(&ask.scene));
        if is_unknown && self.locate_from <= Instant::now() {
            self.locate().await;
        }
        let now = Instant::now();
        let due: Vec<CheckId> = self.due.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.begin(&id);
        }
    }

    /// Begins a look, unless one is running already.
    fn begin(&mut self, id: &CheckId) {
        let Some(check) = self.runner.checks.iter().find(|check| check.spec.id == *id) else { return };
        let (Some(ask), Some(kind)) = (&self.ask, &check.kind) else { return };
        if self.going.contains_key(id) {
            return;
        }
        self.due.remove(id);
        let begun = Feed::CheckBegun { env: self.runner.env.clone(), check: id.clone(), at: Timestamp::now() };
        self.runner.outlet.send(begun);
        let (kind, scene, tools) = (kind.clone(), ask.scene.clone(), self.runner.tools.clone());
        let (room, limit) = (Arc::clone(&self.runner.room), check.timeout.unsigned_abs());
        let (done_as, subject, kept) = (id.clone(), ask.subject.clone(), self.kept.get(id).cloned());
        let handle = self.set.spawn(async move {
            // Closed only when everything ends.
            let _room = room.acquire_owned().await.ok();
            (done_as, subject, look_again(&kind, &scene, &tools, limit, kept).await)
        });
        self.going.insert(id.clone(), handle);
    }

    fn finish(&mut self, done: Result<(Id, Done), JoinError>) {
        let Some(subject) = self.ask.as_ref().map(|ask| ask.subject.clone()) else { return };
        let (id, looked) = match done {
            // What was found of another artifact says nothing of this one.
            Ok((_, (_, of, _))) if of != subject => return,
            Ok((_, (id, _, looked))) => (id, looked),
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                let Some(id) = self.of_task(error.id()) else { return };
                tracing::error!(check = %id, %error, "check panicked");
                (id, Evidence::blind("the check panicked: see the log").into())
            }
        };
        let Some(check) = self.runner.checks.iter().find(|check| check.spec.id == id) else { return };
        self.going.remove(&id);
        if let Some(pause) = pause(check, &looked) {
            self.due.insert(id.clone(), Instant::now() + pause);
        }
        match looked.kept {
            Some(kept) => self.kept.insert(id.clone(), kept),
            None => self.kept.remove(&id),
        };
        let finding = finding(looked.evidence, &subject, &self.runner.tools.redactor);
        self.runner.outlet.send(Feed::Checked { env: self.runner.env.clone(), check: id, finding });
    }

    fn of_task(&self, task: Id) -> Option<CheckId> {
        self.going.iter().find(|(_, handle)| handle.id() == task).map(|(id, _)| id.clone())
    }
}

/// Looks, for as long as the check allows.
pub async fn in_time(kind: &CheckKind, scene: &CheckInput, tools: &Tools, limit: Duration) -> Evidence {
    if let Ok(evidence) = timeout(limit, look(kind, scene, tools)).await {
        return evidence;
    }
    let what = format!("no answer in {} s", limit.as_secs_f64());
    match kind {
        // A page or a program that hangs is one that does not work.
        CheckKind::Http(_) | CheckKind::Command(_) => Evidence::failed(what, "it answers in time"),
        // What would have been answered is unknown.
        _ => Evidence::blind(what),
    }
}

/// Makes an answer of what was found. What continues for ever is cut, and what is secret hidden.
#[must_use]
pub fn finding(evidence: Evidence, subject: &str, redactor: &Redactor) -> Finding {
    let mut lines = evidence.lines;
    if lines.len() > Evidence::MAX_LINES {
        let more = lines.len() - Evidence::MAX_LINES;
        lines.truncate(Evidence::MAX_LINES);
        lines.push(format!("… and {more} more lines"));
    }
    let told = |text: &String| redactor.redact(text).into_owned();
    Finding {
        found: evidence.found,
        summary: told(&evidence.summary),
        evidence: lines.iter().map(told).collect(),
        green_when: told(&evidence.green_when),
        at: Timestamp::now(),
        subject: subject.to_owned(),
    }
}

/// Returns when to look again on its own: in time before an answer grows stale; after a while where it did not pass, or where
/// what it is about may change; never where it passed for good.
fn pause(check: &CheckConfig, looked: &Looked) -> Option<Duration> {
    let fresh = check.spec.fresh.map(|fresh| fresh.unsigned_abs().mul_f64(REFRESH_AT_SHARE));
    let pause = match (looked.evidence.found, fresh) {
        (CheckOutcome::Passed, fresh) => fresh,
        (_, Some(fresh)) => Some(fresh.min(RETRY_INTERVAL)),
        (_, None) => Some(RETRY_INTERVAL),
    };
    let pause = pause.into_iter().chain(looked.again_in).min();
    pause.map(|pause| pause.max(MIN_CHECK_INTERVAL))
}

#[cfg(test)]
mod tests;
