//! Anchors the head of a journal in the shared record after each outcome. Nothing waits for it, and nothing hangs on it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::dispatcher::Dispatcher;
use super::executor::SendError;
use super::journal::{self, JournalError};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{PlanRecord, System};
use crate::domain::record::anchor::{Anchor, find};
use crate::domain::record::journal::Line;
use crate::failpoints::failpoint;

/// So often an anchor is tried where others write to the record at the same time.
const MAX_ATTEMPTS: usize = 5;

impl Dispatcher {
    /// Anchors a journal at the line of an outcome, beside everything else.
    pub(super) fn anchor(&self, record: &PlanRecord, head: Option<Line>) {
        let Some(head) = head else { return };
        let (dispatcher, release, env) = (self.clone(), record.release.clone(), record.target.env().clone());
        self.anchoring.spawn(async move { dispatcher.write_anchor(&release, &env, &head).await });
    }

    /// Tells of an outcome once it is written, where the disk takes its time, and anchors it then.
    pub(super) fn tell_and_anchor_late(
        &self,
        record: &PlanRecord,
        late: oneshot::Receiver<Result<Vec<Line>, JournalError>>,
    ) {
        let (dispatcher, release, env) = (self.clone(), record.release.clone(), record.target.env().clone());
        self.anchoring.spawn(async move {
            let Ok(Ok(lines)) = late.await else { return };
            let head = lines.last().cloned();
            dispatcher.tell_written(lines).await;
            if let Some(head) = head {
                dispatcher.write_anchor(&release, &env, &head).await;
            }
        });
    }

    /// Waits until all outcomes are anchored, or so long.
    pub async fn anchored(&self, within: Duration) {
        self.anchoring.close();
        // What is late is anchored with the next outcome.
        let _ = tokio::time::timeout(within, self.anchoring.wait()).await;
    }

    async fn write_anchor(&self, release: &str, env: &EnvName, head: &Line) {
        if let Err(why) = self.try_anchor(release, env, head).await {
            tracing::warn!(why, release, %env, "the journal is not anchored in the shared record");
        }
    }

    async fn try_anchor(&self, release: &str, env: &EnvName, head: &Line) -> Result<(), String> {
        let executor =
            self.executor(env, System::Kubernetes).ok_or_else(|| format!("nothing is written to {env}: read-only"))?;
        let [Some(first), _] = self.hashes(release, 1).await? else { return Err("it has no first line".to_owned()) };
        let place = journal::place(self.journal().dir());
        let anchor = Anchor {
            release: release.to_owned(),
            author: self.actor(env),
            machine: place.machine,
            folder: place.folder,
            first,
            lines: head.n,
            hash: head.hash.clone(),
            at: Timestamp::now(),
        };
        let (key, value) = (anchor.key(), anchor.value());
        for _ in 0..MAX_ATTEMPTS {
            let record = executor.shared_record().await.map_err(|error| error.to_string())?;
            if let Some(known) = find(&record.data, &key) {
                let [_, hash] = self.hashes(release, known.lines).await?;
                // It stays as evidence: `log verify` says what is wrong.
                known.compare(hash.as_deref()).map_err(|_| {
                    format!("the journal does not fit the anchor at line {}: run `cockpit log verify`", known.lines)
                })?;
                if known.lines >= anchor.lines {
                    return Ok(());
                }
            }
            failpoint(format_args!("anchor.before-patch"));
            match executor.publish(&key, &value, record.version.as_deref()).await {
                Err(SendError::Conflict) => {}
                written => return written.map_err(|error| error.to_string()),
            }
        }
        Err("others keep writing to the shared record".to_owned())
    }

    /// Returns the hashes of a journal's first line and of its `n`th, apart from this task.
    async fn hashes(&self, release: &str, n: u64) -> Result<[Option<String>; 2], String> {
        let path = self.journal().dir().join(journal::file_name(release));
        let read = tokio::task::spawn_blocking(move || journal::hashes(&path, n)).await;
        read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}
