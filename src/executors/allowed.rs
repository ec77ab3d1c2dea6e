//! Whether somebody stopped a promotion since it was asked for: on another machine, moments ago.

use futures::future::try_join_all;
use jiff::Timestamp;

use super::dispatcher::Dispatcher;
use super::sending::not_sent;
use crate::domain::record::action::{GatesAsked, Outcome, PlanRecord, System};
use crate::domain::record::shared;

impl Dispatcher {
    /// Reads the shared records as they are now, where gates were asked: what others state is seen here seconds later
    /// otherwise.
    ///
    /// # Errors
    /// Who froze an environment or signed NO-GO, that a lane is over, or why that is not known.
    pub(super) async fn still_allowed(&self, record: &PlanRecord) -> Result<(), Outcome> {
        try_join_all(record.gates_asked.iter().map(|asked| self.still_allowed_in(record, asked))).await.map(|_| ())
    }

    async fn still_allowed_in(&self, record: &PlanRecord, asked: &GatesAsked) -> Result<(), Outcome> {
        let GatesAsked { env, subjects, lane, .. } = asked.clone();
        // Where nothing may be written there is nothing to read with: what was seen at the question has to do, but for a lane.
        let Some(executor) = self.executor(&env, System::Kubernetes) else {
            let why = || format!("not sent: nothing may be read of {env}, and a lane has to be open in its record");
            return lane.map_or(Ok(()), |_| Err(Outcome::Refused { why: why() }));
        };
        let data = executor.shared_record().await.map_err(not_sent)?.data;
        if data.is_empty() && lane.is_none() {
            return Ok(());
        }
        let here = match record.cluster.as_ref().filter(|_| env == *record.target.env()) {
            Some(here) => here.clone(),
            None => executor.identity().await.map_err(not_sent)?,
        };
        let mut keys = self.keys.clone();
        // There may be hundreds of signatures.
        let stopped = tokio::task::spawn_blocking(move || {
            let now = Timestamp::now();
            let mut ledger = shared::read((&env, &here), &data, now, keys.as_mut());
            ledger.keys_required = keys.is_some();
            let stopped = subjects.stopped_by(&ledger, (&env, &here), now);
            stopped.or_else(|| lane?.over_in(&ledger, (&env, &here), now))
        });
        match stopped.await {
            Ok(None) => Ok(()),
            Ok(Some(what)) => Err(Outcome::Moved { what }),
            Err(error) => Err(Outcome::Refused { why: format!("not sent: the shared record is not read: {error}") }),
        }
    }
}
