//! Whether somebody stopped a promotion since it was asked for: on another machine, moments ago.

use jiff::Timestamp;

use super::dispatcher::{Dispatcher, not_sent};
use crate::domain::record::action::{Outcome, PlanRecord, System};
use crate::domain::record::shared;

impl Dispatcher {
    /// Reads the shared record as it is now, where gates were asked: what others state is seen here seconds later otherwise.
    ///
    /// # Errors
    /// Who froze the environment or signed NO-GO, or why that is not known.
    pub(super) async fn still_allowed(&self, record: &PlanRecord) -> Result<(), Outcome> {
        let Some(subjects) = record.subjects.clone() else { return Ok(()) };
        let env = record.target.env().clone();
        let Some(executor) = self.executor(&env, System::Kubernetes) else { return Ok(()) };
        let data = executor.shared_record().await.map_err(not_sent)?.data;
        if data.is_empty() {
            return Ok(());
        }
        let here = match &record.cluster {
            Some(here) => here.clone(),
            None => executor.identity().await.map_err(not_sent)?,
        };
        let mut keys = self.keys.clone();
        // There may be hundreds of signatures.
        let stopped = tokio::task::spawn_blocking(move || {
            let now = Timestamp::now();
            let ledger = shared::read((&env, &here), &data, now, keys.as_mut());
            subjects.stopped_by(&ledger, (&env, &here), now)
        });
        match stopped.await {
            Ok(None) => Ok(()),
            Ok(Some(what)) => Err(Outcome::Moved { what }),
            Err(error) => Err(Outcome::Refused { why: format!("not sent: the shared record is not read: {error}") }),
        }
    }
}
