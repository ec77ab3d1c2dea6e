//! After a crash: intents without an outcome are settled by looking at the cluster. Nothing is sent again.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::confirmation::{SentBy, gives_up, settle_unknown};
use super::dispatcher::Dispatcher;
use super::executor::Executor;
use super::journal::{self, JournalError};
use crate::domain::facts::cluster::is_here;
use crate::domain::record::action::{ActionId, Outcome, PlanRecord, System};
use crate::domain::record::flag_off::FlagOff;
use crate::domain::record::journal::Entry;
use crate::domain::record::proof::Keys;
use crate::domain::record::recovered::Recovered;
use crate::failpoints::failpoint;

/// How long until an object is looked at again that could not be read.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Reads all journals, with what `keys` prove of the statements in them, leaving out the open intents of actions that a living process has in progress.
#[must_use]
pub fn find(dispatcher: &Dispatcher, mut keys: Option<Keys>) -> Recovered {
    let mut found = Recovered::default();
    let journals = match journal::list(dispatcher.journal().dir()) {
        Ok(journals) => journals,
        Err(error) => {
            found.broken.push(format!("{}: {error}", dispatcher.journal().dir().display()));
            return found;
        }
    };
    for path in journals {
        match journal::read(&path) {
            Ok(contents) => {
                let release = contents.lines.iter().find_map(|line| match &line.entry {
                    Entry::Opened { release, .. } => Some(release.clone()),
                    _ => None,
                });
                let alive = release.is_some_and(|release| dispatcher.journal().is_in_flight(&release));
                let lines = match &mut keys {
                    Some(keys) => keys.prove_lines(contents.lines, Timestamp::now()),
                    None => contents.lines,
                };
                found.take(&lines, alive, Timestamp::now());
            }
            Err(error @ JournalError::Broken { .. }) => found.broken.push(error.to_string()),
            Err(error) => tracing::warn!(%error, "journal not read"),
        }
    }
    found
}

/// Shares once more what people said here lately. Where it is shared already that changes nothing: its key is the same.
pub async fn share_again(dispatcher: &Dispatcher, said: Vec<Entry>) {
    for entry in said {
        let Some(env) = entry.checklist_of() else { continue };
        if let Entry::TurnedOff(off) = entry {
            // A provider's change belongs to no cluster. It is signed when it is shared: nobody is asked for that at each start.
            if !dispatcher.signs() {
                dispatcher.share_turned_off(off).await;
            }
            continue;
        }
        let Some(executor) = dispatcher.executor_soon(env, System::Kubernetes).await else { continue };
        // Said of another cluster, it is nothing to say in this one.
        let here = executor.identity().await.ok();
        if !is_here(here.as_ref(), entry.cluster()) {
            continue;
        }
        if let Err(why) = dispatcher.share(&entry).await {
            tracing::warn!(why, "statements are kept on this machine only");
        }
    }
}

/// Shares once more what people stated here lately, by the journals.
pub async fn share_lately(dispatcher: Dispatcher) {
    let reader = dispatcher.clone();
    match tokio::task::spawn_blocking(move || find(&reader, None).stated).await {
        Ok(stated) => share_again(&dispatcher, stated).await,
        Err(error) => tracing::warn!(%error, "the journals were not read"),
    }
}

/// Settles one open intent by looking, and shares that a flag was turned off if that came of it.
pub async fn settle_and_share(dispatcher: &Dispatcher, action: &ActionId, record: &PlanRecord, off: Option<FlagOff>) {
    let is_done = settle(dispatcher, action, record).await.is_some_and(|outcome| outcome.is_done());
    if let Some(off) = off.filter(|_| is_done) {
        dispatcher.share_turned_off(off).await;
    }
}

/// Settles one open intent by looking. Where its environment is not configured here, read-only, or another one by now, it
/// stays open: `None`.
pub async fn settle(dispatcher: &Dispatcher, action: &ActionId, record: &PlanRecord) -> Option<Outcome> {
    let Some(executor) = dispatcher.executor_soon(record.target.env(), record.target.system()).await else {
        let why = "nothing is configured here any more that could look for it, or it is read-only";
        tracing::warn!(workload = %record.target, why, "an open intent stays open");
        dispatcher.leave_open(record, why.to_owned()).await;
        return None;
    };
    failpoint(format_args!("recovery.found"));
    if let Some(why) = elsewhere(executor.as_ref(), record).await {
        tracing::warn!(workload = %record.target, why, "an open intent stays open");
        dispatcher.leave_open(record, why).await;
        return None;
    }
    let _mark = dispatcher.journal().mark_in_flight(&record.release).await;
    // Where another process settles it as well, that one keeps the mark.
    let _alone = match record.pipeline_mark() {
        Some(what) => dispatcher.journal().mark_alone(&what).await.ok(),
        None => None,
    };
    let outcome = settle_unknown(executor.as_ref(), record, SentBy::EarlierRun).await;
    let outcome = dispatcher.settled(executor.as_ref(), (action, record), outcome).await;
    failpoint(format_args!("recovery.looked"));
    dispatcher.conclude(action, record, outcome.clone()).await;
    failpoint(format_args!("recovery.concluded"));
    Some(outcome)
}

/// Returns why what was sent cannot be looked for here, if so: another cluster or object bears the name now.
async fn elsewhere(executor: &dyn Executor, record: &PlanRecord) -> Option<String> {
    // What names no cluster that could be compared is known by the UID of its object.
    let here = match &record.cluster {
        Some(sent_to) if sent_to.is_known() => executor.identity().await.ok(),
        _ => None,
    };
    if let Some(why) = record.went_elsewhere(here.as_ref()) {
        return Some(why);
    }
    if here.is_some() && is_here(here.as_ref(), record.cluster.as_ref()) {
        return None;
    }
    let begun = Instant::now();
    loop {
        match executor.look(&record.target).await {
            Ok(seen) if seen.facts().uid == record.facts.uid => return None,
            Ok(_) => return Some("was sent to another object of that name, perhaps in another cluster".to_owned()),
            Err(_) if gives_up(record, begun) => return None,
            Err(_) => sleep(LOOK_INTERVAL).await,
        }
    }
}
