//! Confirms the effect of a request by reading the cluster until it shows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::executor::Executor;
use crate::domain::record::action::{After, Outcome, PlanRecord, Request, System, Target, Verb};
use crate::domain::rules::action::kind::Readiness;

use crate::domain::rules::action::{PutBack, RunState, Seen, Settled, settled, unnoticed};
use crate::failpoints::failpoint;

/// How long the controller may take to take a request up.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take until everybody is served by what an action goes to, where nobody says otherwise.
pub const SERVE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long what serves everybody is watched where its owner may put the version of before back: self-heal takes seconds.
const LAST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take until the owner of a manifest is suspended.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest time between two looks.
const MAX_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a settled action that is accepted is looked at for its end.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A controller that has not reacted by then has missed the request, and may miss the nudge too.
const NUDGE_AFTER: [Duration; 3] = [Duration::from_millis(1200), Duration::from_secs(4), Duration::from_secs(10)];
/// After an unknown outcome a request may still be in progress inside the server for this long.
const MAX_SERVER_LATENCY: Duration = Duration::from_secs(12);
/// How long a provider of feature flags may keep silent about one that may have been turned: turning it off once more must
/// be possible then, and does no harm. A registry may keep silent about a tag for as long.
const MAX_SILENCE: Duration = Duration::from_secs(30);
/// How long a push may still be carried out after its connection was lost: hooks of the server may run for minutes.
const MAX_PUSH_LATENCY: Duration = Duration::from_secs(300);
/// The longest time between two looks at a pull request: people take hours, and providers limit how often they are asked.
const MAX_MERGE_INTERVAL: Duration = Duration::from_secs(15);

const NOT_SEEN_YET: &str = "but not seen yet: ";

/// What is told while an action is accepted and not done: what it still lacks.
pub(super) type Lacking<'a> = &'a (dyn Fn(String) -> futures::future::BoxFuture<'a, ()> + Send + Sync);

/// Looks until the effect is there: the status shows it and everybody is served by what the action goes to, which may take
/// `serve_timeout`. A controller that missed the request is nudged.
pub(super) async fn confirm(
    executor: &dyn Executor,
    record: &PlanRecord,
    serve_timeout: Duration,
    lacking: Lacking<'_>,
) -> Outcome {
    let mut accepted_at: Option<Instant> = None;
    let mut wait = Duration::from_millis(50);
    let mut shows = "no answer since it was accepted".to_owned();
    let mut takes_up = TakesUp::of(record);
    let mut nudges = Nudges::of(record);
    let serve_timeout = match record.target {
        // Nobody is served by it.
        Target::Owner(_) | Target::Flag(_) | Target::Tag(_) => serve_timeout.min(SETTLE_TIMEOUT),
        // After a rollback users have what they had: only what applies git has yet to compare.
        Target::Git(_) if record.moves_backward() => serve_timeout.min(SETTLE_TIMEOUT),
        // Nobody is to wait long for a weight that may never be reached: it is said.
        _ if record.verb == Verb::Pause => serve_timeout.min(SETTLE_TIMEOUT),
        Target::Workload(_) | Target::Git(_) | Target::Pipeline(_) => serve_timeout,
    };
    let (mut served_since, mut put_back_since): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        failpoint(format_args!("dispatcher.before-look"));
        let looked = executor.look_for(record).await;
        let mut is_seen_otherwise = false;
        let unread = looked.as_ref().err().map(ToString::to_string);
        if let Ok(found) = looked {
            let put_back = found.put_back(record);
            if matches!(put_back, PutBack::Once | PutBack::NotSuspended) {
                let since = put_back_since.get_or_insert_with(Instant::now).elapsed();
                if put_back == PutBack::Once || since >= SUSPEND_TIMEOUT {
                    let owner = found.owner(record).unwrap_or_default();
                    return Outcome::Unconfirmed { shows: format!("but the version of before was put back; {owner}") };
                }
            } else {
                put_back_since = None;
            }
            takes_up.note(&found);
            let now = settled(record, &found);
            if !matches!(now, Settled::Done(_)) {
                served_since = None;
            }
            match now {
                Settled::Done(done) => match found.may_not_last(record) {
                    None => return Outcome::Confirmed { shows: done },
                    Some((why, time_tells)) => {
                        let served = served_since.get_or_insert_with(Instant::now).elapsed();
                        if served >= LAST_TIMEOUT.min(serve_timeout) {
                            return if time_tells {
                                Outcome::Confirmed { shows: done }
                            } else {
                                Outcome::Unconfirmed { shows: format!("{done}; {why}") }
                            };
                        }
                        accepted_at.get_or_insert_with(Instant::now);
                        if shows != why {
                            lacking(format!("{why}; watching it for {} s", LAST_TIMEOUT.as_secs())).await;
                            shows = why;
                        }
                    }
                },
                Settled::Lost(shows) => return Outcome::Unconfirmed { shows },
                Settled::AwaitsMerge(shows) => return Outcome::AwaitsMerge { shows },
                Settled::Undone(shows) => return Outcome::FoundNotDone { shows },
                Settled::Accepted(lacks) => {
                    accepted_at.get_or_insert_with(Instant::now);
                    if shows != lacks {
                        lacking(lacks.clone()).await;
                        shows = lacks;
                    }
                    // The last of several requests may have been overlooked, though the first was taken up.
                    nudges.if_due(executor, record, &found).await;
                }
                Settled::Running(now) => {
                    let now = format!("{NOT_SEEN_YET}{now}");
                    if shows != now {
                        lacking(now.trim_start_matches(NOT_SEEN_YET).to_owned()).await;
                        shows = now;
                    }
                }
                // Tried again, and given up again.
                Settled::NotYet(now) if record.verb == Verb::Retry && accepted_at.is_some() => {
                    return Outcome::Unconfirmed { shows: format!("it began, and did not go on: {now}") };
                }
                Settled::NotYet(now) => {
                    is_seen_otherwise = true;
                    shows = format!("{NOT_SEEN_YET}{now}");
                    nudges.if_due(executor, record, &found).await;
                }
            }
        }
        let is_over = match accepted_at {
            Some(at) => at.elapsed() >= serve_timeout,
            None => takes_up.is_over(),
        };
        if is_over && !takes_up.is_running() {
            // It failed, and the cluster shows something else now: what was not seen may have been done.
            if takes_up.has_failed() && accepted_at.is_none() && is_seen_otherwise {
                return Outcome::FoundNotDone { shows: shows.trim_start_matches(NOT_SEEN_YET).to_owned() };
            }
            // It stays open until it was looked at: people may still merge it.
            let unread = unread.filter(|_| accepted_at.is_none() && record.goes_by_pull_request());
            return unread.map_or(Outcome::Unconfirmed { shows }, |why| not_known_whether_merged(&why));
        }
        sleep(wait).await;
        wait = (wait * 2).min(MAX_LOOK_INTERVAL);
    }
}

fn not_known_whether_merged(why: &dyn std::fmt::Display) -> Outcome {
    Outcome::AwaitsMerge { shows: format!("it is not known whether it is merged: {why}") }
}

/// Which run of this program sent what is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentBy {
    ThisRun,
    /// One that ended before it knew what came of it.
    EarlierRun,
}

/// Looks until the cluster tells whether an action that may have been sent took effect. The action is not sent again;
/// a controller that overlooked it is nudged.
pub(super) async fn settle_unknown(executor: &dyn Executor, record: &PlanRecord, sent_by: SentBy) -> Outcome {
    let mut wait = Duration::from_millis(250);
    let mut answered_since: Option<Instant> = None;
    let mut nudges = Nudges::of(record);
    let mut heard = Instant::now();
    loop {
        if gives_up(record, heard) {
            let whom = if record.target.system() == System::Registry { "registry" } else { "provider" };
            return Outcome::Unconfirmed { shows: format!("or not: nothing was heard since, look at the {whom}") };
        }
        let looked = executor.look_for(record).await;
        if let Err(why) = &looked {
            // It may take as long as people take: nobody waits for that here.
            if record.goes_by_pull_request() && heard.elapsed() >= SETTLE_TIMEOUT {
                return not_known_whether_merged(why);
            }
        }
        if let Ok(found) = looked {
            heard = Instant::now();
            let since = answered_since.get_or_insert_with(Instant::now).elapsed();
            let waits_for_controller = unnoticed(record, &found);
            let latency = latency(record, &found);
            match settled(record, &found) {
                Settled::Done(shows) => {
                    return match found.may_not_last(record) {
                        None => Outcome::FoundDone { shows },
                        Some((why, _)) => Outcome::Unconfirmed { shows: format!("{shows}; {why}") },
                    };
                }
                Settled::Lost(shows) | Settled::Undone(shows) => return Outcome::FoundNotDone { shows },
                Settled::AwaitsMerge(shows) => return Outcome::AwaitsMerge { shows },
                // Merged meanwhile: who applies it is made to look, and gets as long as after any merge.
                Settled::Accepted(shows) if record.goes_by_pull_request() => return Outcome::AwaitsMerge { shows },
                Settled::Accepted(lacks) if since >= SETTLE_TIMEOUT => return Outcome::Unconfirmed { shows: lacks },
                Settled::NotYet(shows) if waits_for_controller && since >= ACCEPT_TIMEOUT => {
                    return Outcome::Unconfirmed { shows: format!("but not seen yet: {shows}") };
                }
                // It may be carried out later than anybody watches it.
                Settled::NotYet(shows) if since >= latency && may_run_on(record, sent_by) => {
                    return Outcome::Unconfirmed { shows: format!("or not: {shows}") };
                }
                Settled::NotYet(shows) if !waits_for_controller && since >= latency => {
                    return Outcome::FoundNotDone { shows };
                }
                Settled::Running(shows) if since >= latency => {
                    return Outcome::Unconfirmed { shows: format!("or not: {shows}") };
                }
                Settled::NotYet(_) | Settled::Running(_) | Settled::Accepted(_) => {}
            }
            if waits_for_controller {
                nudges.if_due(executor, record, &found).await;
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(3));
    }
}

/// How long what was sent may still be carried out.
fn latency(record: &PlanRecord, found: &Seen) -> Duration {
    match found {
        // The push is over: only the request for the pull request may still be on its way.
        Seen::Git(seen) if seen.is_pushed() => MAX_SERVER_LATENCY,
        _ if record.target.system() == System::Git => MAX_PUSH_LATENCY,
        // It may run on without this program.
        _ => limit(record).map_or(MAX_SERVER_LATENCY, |limit| limit.max(MAX_SERVER_LATENCY)),
    }
}

/// Whether what was begun may run for longer than anybody waits: on a server of somebody else's, or as a provider's command that
/// outlived this program.
fn may_run_on(record: &PlanRecord, sent_by: SentBy) -> bool {
    let is_command = |request: &Request| matches!(request, Request::Flag(request) if request.may_run_on);
    record.pipeline().is_some_and(|request| request.call.is_elsewhere())
        || record.pushes_a_flag()
        || (sent_by == SentBy::EarlierRun && record.requests.iter().any(is_command))
}

/// How long a pipeline may run, where the action begins one.
fn limit(record: &PlanRecord) -> Option<Duration> {
    record.pipeline().map(|request| Duration::from_secs(request.timeout_seconds))
}

/// How long an action may take until it is seen to be taken up.
struct TakesUp {
    begun: Instant,
    limit: Duration,
    /// How long a pipeline may be taken to run that is not seen any more.
    longest_run: Duration,
    /// How a pipeline stands, and since when it is not seen to run.
    run: Option<RunState>,
    at_rest: Instant,
}

impl TakesUp {
    fn of(record: &PlanRecord) -> Self {
        // However long anybody wants to watch it: before that it may be begun a second time.
        let limit = limit(record).map_or(ACCEPT_TIMEOUT, |limit| limit.max(ACCEPT_TIMEOUT));
        let longest_run = self::limit(record).unwrap_or_default() + ACCEPT_TIMEOUT;
        Self { begun: Instant::now(), limit, longest_run, run: None, at_rest: Instant::now() }
    }

    fn note(&mut self, found: &Seen) {
        let Seen::Pipeline(seen) = found else { return };
        if self.is_running() {
            self.at_rest = Instant::now();
        }
        self.run = seen.state();
    }

    /// Whether it runs on this machine, which its own limit ends.
    fn is_running(&self) -> bool {
        self.run == Some(RunState::Running) && self.begun.elapsed() < self.longest_run
    }

    fn has_failed(&self) -> bool {
        self.run == Some(RunState::Failed)
    }

    /// One that failed may have done half of it: that is seen soon, or not at all.
    fn is_over(&self) -> bool {
        !self.is_running()
            && self.at_rest.elapsed() >= ACCEPT_TIMEOUT
            && (self.has_failed() || self.begun.elapsed() >= self.limit)
    }
}

/// Looks until people merged a pull request or closed it, however long they take, and then until it is applied; tells whenever
/// it shows something else.
pub(super) async fn until_merged(
    executor: &dyn Executor,
    record: &PlanRecord,
    serve_timeout: Duration,
    (tell, lacking): (Lacking<'_>, Lacking<'_>),
) -> Outcome {
    let (mut wait, mut told) = (Duration::from_secs(1), String::new());
    loop {
        let shows = match executor.look_for(record).await.map(|found| settled(record, &found)) {
            Ok(Settled::AwaitsMerge(shows)) => shows,
            Ok(_) => return confirm(executor, record, serve_timeout, lacking).await,
            Err(why) => format!("it is not known whether it is merged: {why}"),
        };
        if shows != told {
            tell(shows.clone()).await;
            told = shows;
        }
        sleep(wait).await;
        wait = (wait * 2).min(MAX_MERGE_INTERVAL);
    }
}

/// Whether a provider of flags or a registry has been silent for too long to be waited for.
pub(super) fn gives_up(record: &PlanRecord, heard: Instant) -> bool {
    matches!(record.target.system(), System::Flags | System::Registry) && heard.elapsed() >= MAX_SILENCE
}

/// Returns a rollback made for what is seen now, where the owner of the manifest put the bad version back by what it had
/// begun before it was suspended: a new request for a new state, not one that is sent twice. An owner that is not suspended
/// would only put it back again.
pub(super) async fn put_back_meanwhile(executor: &dyn Executor, record: &PlanRecord) -> Option<PlanRecord> {
    let begun = Instant::now();
    let mut wait = Duration::from_millis(50);
    loop {
        let found = executor.look(&record.target).await.ok()?;
        match found.put_back(record) {
            PutBack::No => return None,
            PutBack::Once => {
                let (facts, resource_version) = (found.facts(), found.version().to_owned());
                return Some(PlanRecord { facts, resource_version, ..record.clone() });
            }
            PutBack::Syncing if begun.elapsed() >= ACCEPT_TIMEOUT => return None,
            PutBack::NotSuspended if begun.elapsed() >= SUSPEND_TIMEOUT => return None,
            PutBack::Syncing | PutBack::NotSuspended => {}
        }
        sleep(wait).await;
        wait = (wait * 2).min(MAX_LOOK_INTERVAL);
    }
}

/// What became of waiting for a request's turn.
pub(super) enum Turn {
    /// It may be sent, on this version of the target.
    Send { version: String },
    /// It is not needed any more.
    Skip,
    /// It cannot be sent; why.
    Never(String),
}

/// Waits until a request may be sent that follows on another one: the controller has to take note of that first.
pub(super) async fn turn_of(executor: &dyn Executor, record: &PlanRecord, after: &After) -> Turn {
    let begun = Instant::now();
    let mut wait = Duration::from_millis(50);
    let mut nudges = Nudges::of(record);
    loop {
        if let Ok(found) = executor.look(&record.target).await {
            match found.readiness(after) {
                Readiness::Send => return Turn::Send { version: found.version().to_owned() },
                Readiness::Skip => return Turn::Skip,
                Readiness::Lost(why) => return Turn::Never(why),
                Readiness::Wait => nudges.if_due(executor, record, &found).await,
            }
        }
        if begun.elapsed() >= ACCEPT_TIMEOUT {
            let seconds = ACCEPT_TIMEOUT.as_secs();
            return Turn::Never(format!("the controller has not taken up the request before it in {seconds} s"));
        }
        sleep(wait).await;
        wait = (wait * 2).min(MAX_LOOK_INTERVAL);
    }
}

/// Makes a controller look again that has not taken note of a request: it may have missed it.
struct Nudges {
    since: Option<Instant>,
    done: usize,
}

impl Nudges {
    fn of(record: &PlanRecord) -> Self {
        let may_overlook = record.target.workload().is_some_and(|key| key.workload.kind.may_overlook_requests());
        // What applies a commit would look for one at its own pace.
        let is_by_git = matches!(record.target, Target::Git(_));
        let done = if may_overlook || is_by_git { 0 } else { NUDGE_AFTER.len() };
        Self { since: None, done }
    }

    /// Nudges, if it is time. The time counts from the first call: from when the request was known to be taken.
    async fn if_due(&mut self, executor: &dyn Executor, record: &PlanRecord, found: &Seen) {
        let since = self.since.get_or_insert_with(Instant::now).elapsed();
        if NUDGE_AFTER.get(self.done).is_some_and(|after| since >= *after) {
            self.done += 1;
            failpoint(format_args!("dispatcher.before-nudge"));
            let touched = executor.nudge(&record.target, found).await;
            failpoint(format_args!("dispatcher.nudged"));
            tracing::info!(workload = %record.target, ?touched, "the controller had not noticed: nudged");
        }
    }
}
