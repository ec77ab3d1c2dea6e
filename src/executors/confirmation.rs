//! Confirms the effect of a request by reading the cluster until it shows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::executor::Executor;
use crate::domain::record::action::{Outcome, PlanRecord, Verb};

use crate::domain::rules::action::{Seen, Settled, settled, unnoticed};
use crate::failpoints::failpoint;

/// How long the status may take to show the effect.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);
/// Full promotion waits for pods.
const CONFIRM_FULL_TIMEOUT: Duration = Duration::from_secs(180);
/// A controller that has not reacted by then has missed the request, and may miss the nudge too.
const NUDGE_AFTER: [Duration; 3] = [Duration::from_millis(1200), Duration::from_secs(4), Duration::from_secs(10)];
/// After an unknown outcome a request may still be in progress inside the server for this long.
const MAX_SERVER_LATENCY: Duration = Duration::from_secs(12);

/// Looks until the status shows the effect. A controller that missed the request is nudged.
pub(super) async fn confirm(executor: &dyn Executor, record: &PlanRecord) -> Outcome {
    let within = if record.verb == Verb::PromoteFull { CONFIRM_FULL_TIMEOUT } else { CONFIRM_TIMEOUT };
    let until = Instant::now() + within;
    let mut wait = Duration::from_millis(50);
    let mut shows = "no answer since it was accepted".to_owned();
    let mut nudges = Nudges::of(record);
    loop {
        failpoint(format_args!("dispatcher.before-look"));
        if let Ok(found) = executor.look(&record.target).await {
            match settled(record, &found) {
                Settled::Done(shows) => return Outcome::Confirmed { shows },
                Settled::Lost(shows) => return Outcome::Unconfirmed { shows },
                Settled::NotYet(now) => shows = now,
            }
            nudges.if_due(executor, record, &found).await;
        }
        if Instant::now() >= until {
            return Outcome::Unconfirmed { shows };
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}

/// Looks until the cluster tells whether an action that may have been sent took effect. The action is not sent again;
/// a controller that overlooked it is nudged.
pub(super) async fn settle_unknown(executor: &dyn Executor, record: &PlanRecord) -> Outcome {
    let mut wait = Duration::from_millis(250);
    let mut answered_since: Option<Instant> = None;
    let mut nudges = Nudges::of(record);
    loop {
        if let Ok(found) = executor.look(&record.target).await {
            let since = answered_since.get_or_insert_with(Instant::now).elapsed();
            let waits_for_controller = unnoticed(record, &found);
            match settled(record, &found) {
                Settled::Done(shows) => return Outcome::FoundDone { shows },
                Settled::Lost(shows) => return Outcome::FoundNotDone { shows },
                Settled::NotYet(shows) if waits_for_controller && since >= CONFIRM_TIMEOUT => {
                    return Outcome::Unconfirmed { shows };
                }
                Settled::NotYet(shows) if !waits_for_controller && since >= MAX_SERVER_LATENCY => {
                    return Outcome::FoundNotDone { shows };
                }
                Settled::NotYet(_) => {}
            }
            if waits_for_controller {
                nudges.if_due(executor, record, &found).await;
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(3));
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
        let done = if may_overlook { 0 } else { NUDGE_AFTER.len() };
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
