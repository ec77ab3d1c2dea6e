//! What people state: signed, written to the journal, and shared with everybody who looks at the environment.

use std::time::Duration;

use jiff::Timestamp;

use super::dispatcher::Dispatcher;
use crate::domain::record::action::{ActionId, PlanRecord, System};
use crate::domain::record::checklist::Decision;
use crate::domain::record::flag_off::FlagOff;
use crate::domain::record::journal::Entry;
use crate::domain::record::receipt::Receipt;
use crate::domain::record::shared::{MAX_STATEMENT_BYTES, statement};

/// How long signing a statement may take: a token may have to be touched.
const SIGN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a NO-GO, a freeze or the end of a lane waits for that.
const NO_GO_SIGN_TIMEOUT: Duration = Duration::from_secs(2);

impl Dispatcher {
    /// Shares what a person said with everybody who looks at the environment. It is in the journal already, and counts
    /// here whether or not it can be shared.
    ///
    /// # Errors
    /// Why no one else sees it.
    pub async fn share(&self, entry: &Entry) -> Result<(), String> {
        if self.signing.is_none() || entry.signature().is_some() {
            return self.publish(entry).await;
        }
        // What keeps a release out is known at once, signed or not.
        let unsigned = match entry {
            Entry::Rejected(rejection) if !rejection.is_lifted() => Some(self.publish(entry).await),
            Entry::Rejected(_) | Entry::TurnedOff(_) => None,
            _ => return self.publish(entry).await,
        };
        match self.signed(entry.clone()).await {
            (signed, Ok(())) => self.publish(&signed).await,
            (_, Err(why)) => {
                tracing::warn!(why, "a statement is shared unsigned");
                match unsigned {
                    Some(shared) => shared,
                    None => self.publish(entry).await,
                }
            }
        }
    }

    /// Signs a statement of this operator, where a key is configured; unsigned, it comes back with the reason.
    async fn signed(&self, entry: Entry) -> (Entry, Result<(), String>) {
        let (Some(signer), Some(message)) = (&self.signing, entry.to_be_signed()) else { return (entry, Ok(())) };
        // What keeps a release out counts unsigned as well, and soon.
        let keeps_out = match &entry {
            Entry::SignedOff(sign_off) => sign_off.decision == Decision::NoGo,
            Entry::Frozen(freeze) => !freeze.is_end,
            Entry::Lane(lane) => lane.is_end,
            _ => false,
        };
        let timeout = if keeps_out { NO_GO_SIGN_TIMEOUT } else { SIGN_TIMEOUT };
        match signer.sign(&message, timeout).await {
            Ok(signature) => (entry.with_signature(Some(signature)), Ok(())),
            Err(why) => (entry, Err(why)),
        }
    }

    /// Shares that a flag was turned off, beside everything else: others need not turn it off again to know that it works. What
    /// is not shared counts on this machine only.
    pub(super) fn share_off(&self, action: &ActionId, record: &PlanRecord, author: &str) {
        let Some(off) = FlagOff::of(record, author, action.asked_at_or(Timestamp::now())) else { return };
        let dispatcher = self.clone();
        self.anchoring.spawn(async move { dispatcher.share_turned_off(off).await });
    }

    /// Shares that a flag was turned off, with the cluster whose record it becomes part of.
    pub(super) async fn share_turned_off(&self, mut off: FlagOff) {
        let Some(executor) = self.executor_soon(&off.env, System::Kubernetes).await else { return };
        // Under another cluster, or none, it would be another statement.
        let shared = match executor.identity().await {
            Ok(identity) => {
                off.cluster = Some(identity);
                self.share(&Entry::TurnedOff(off)).await
            }
            Err(why) => Err(why.to_string()),
        };
        if let Err(why) = shared {
            tracing::warn!(why, "that a flag was turned off is known on this machine only");
        }
    }

    /// Whether statements are signed here.
    pub(super) fn signs(&self) -> bool {
        self.signing.is_some()
    }

    async fn publish(&self, entry: &Entry) -> Result<(), String> {
        let (Some((key, value)), Some(env)) = (statement(entry), entry.checklist_of()) else { return Ok(()) };
        if value.len() > MAX_STATEMENT_BYTES {
            return Err(format!("it has {} bytes, and others read at most {MAX_STATEMENT_BYTES}", value.len()));
        }
        let executor =
            self.executor(env, System::Kubernetes).ok_or_else(|| format!("nothing is written to {env}: read-only"))?;
        executor.publish(&key, &value, None).await.map_err(|error| error.to_string())
    }

    /// Records an entry. What a person stated counts only when it is on disk; then it is shared.
    pub async fn record(&self, release: &str, entry: Entry) {
        if matches!(entry, Entry::Checked { .. } | Entry::Regressed(_)) || statement(&entry).is_none() {
            self.write(release, entry).await;
            return;
        }
        let (entry, signed) = self.signed(entry).await;
        let written = self.journal().append(release, entry.clone()).await;
        let shared = match &written {
            Ok(_) => self.share(&entry).await,
            Err(_) => Err("it is not recorded".to_owned()),
        };
        let written = match written {
            Ok(lines) => {
                let lines = match self.keys.clone() {
                    Some(mut keys) => keys.prove_lines(lines, Timestamp::now()),
                    None => lines,
                };
                self.tell_written(lines).await;
                Ok(())
            }
            Err(error) => {
                self.tell(Receipt::Journal(self.journal().state())).await;
                Err(error.to_string())
            }
        };
        self.tell(Receipt::Stated { entry: Box::new(entry), written, shared, signed }).await;
    }
}
