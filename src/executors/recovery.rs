//! After a crash: intents without an outcome are settled by looking at the cluster. Nothing is sent again.

use jiff::Timestamp;

use super::confirmation::settle_unknown;
use super::dispatcher::Dispatcher;
use super::journal::{self, JournalError};
use crate::domain::record::action::{ActionId, PlanRecord, System};
use crate::domain::record::journal::Entry;
use crate::domain::record::recovered::Recovered;
use crate::failpoints::failpoint;

/// Reads all journals, leaving out the open intents of actions that a living process has in progress.
#[must_use]
pub fn find(dispatcher: &Dispatcher) -> Recovered {
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
                found.take(&contents.lines, alive, Timestamp::now());
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
        if dispatcher.executor_soon(env, System::Kubernetes).await.is_none() {
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
    match tokio::task::spawn_blocking(move || find(&reader).stated).await {
        Ok(stated) => share_again(&dispatcher, stated).await,
        Err(error) => tracing::warn!(%error, "the journals were not read"),
    }
}

/// Settles one open intent by looking. Where its environment is not configured here, or read-only, it stays open.
pub async fn settle(dispatcher: &Dispatcher, action: &ActionId, record: &PlanRecord) {
    let Some(executor) = dispatcher.executor_soon(record.target.env(), record.target.system()).await else {
        tracing::warn!(workload = %record.target, "an open intent stays open: no executor for its environment");
        return;
    };
    failpoint(format_args!("recovery.found"));
    let _mark = dispatcher.journal().mark_in_flight(&record.release).await;
    let outcome = settle_unknown(executor.as_ref(), record).await;
    failpoint(format_args!("recovery.looked"));
    dispatcher.conclude(action, record, outcome).await;
    failpoint(format_args!("recovery.concluded"));
}
