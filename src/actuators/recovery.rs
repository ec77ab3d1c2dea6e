//! After a crash: intents without an outcome are settled by looking at the cluster. Nothing is sent.

use super::door::Door;
use super::journal::{self, JournalError};
use crate::domain::action::{ActionId, PlanRecord};
use crate::domain::journal::{Entry, open_intents};

/// What was found at start.
#[derive(Debug, Default)]
pub struct Found {
    /// Open intents that are being settled.
    pub open: Vec<(ActionId, PlanRecord)>,
    /// Journals that cannot be read, with the reason.
    pub broken: Vec<String>,
}

/// Finds the open intents of all journals, leaving out those of actions that a living process has on its way.
#[must_use]
pub fn find(door: &Door) -> Found {
    let mut found = Found::default();
    let journals = match journal::list(door.journal().dir()) {
        Ok(journals) => journals,
        Err(error) => {
            found.broken.push(format!("{}: {error}", door.journal().dir().display()));
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
                let alive = release.is_some_and(|release| door.journal().is_in_flight(&release));
                if !alive {
                    found.open.extend(open_intents(&contents.lines));
                }
            }
            Err(error @ JournalError::Broken { .. }) => found.broken.push(error.to_string()),
            Err(error) => tracing::warn!(%error, "journal not read"),
        }
    }
    found
}

/// Settles one open intent by looking. Where its environment is not configured here, or read-only, it stays open.
pub async fn settle(door: &Door, action: &ActionId, record: &PlanRecord) {
    let Some(executor) = door.executor(&record.target.env) else {
        tracing::warn!(workload = %record.target, "an open intent stays open: no executor for its environment");
        return;
    };
    let _mark = door.journal().mark_in_flight(&record.release);
    let outcome = door.settle_unknown(&executor, record).await;
    door.conclude(action, record, outcome).await;
}
