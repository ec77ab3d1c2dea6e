//! `spec.restartAt`: pods older than that are replaced, stable first, few at a time.

use std::time::Duration;

use super::context::Context;
use crate::controllers::replica_set_view::{ReplicaSet, sum};
use crate::controllers::replica_sets::is_ready;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Key;

/// How long until pods that could not be replaced are tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

impl Context<'_> {
    /// Evicts pods that are too old, as many as availability allows. Returns how many.
    pub fn restart_pods(&mut self) -> i64 {
        let Some(text) = self.spec.restart_at.clone() else {
            return 0;
        };
        let Ok(restart_at) = text.parse::<jiff::Timestamp>() else {
            return 0;
        };
        if self.status.restarted_at.as_deref() == Some(&text) {
            return 0;
        }
        if restart_at >= self.now() {
            self.again_at(restart_at + jiff::SignedDuration::from_millis(1));
            return 0;
        }
        let mut sets = self.all.clone();
        let rank = |set: &ReplicaSet, context: &Self| {
            let is = |role: &Option<ReplicaSet>| role.as_ref().is_some_and(|role| role.name() == set.name());
            if is(&context.stable) {
                0
            } else if is(&context.new) {
                1
            } else {
                2
            }
        };
        sets.sort_by_key(|set| rank(set, self));
        let pods: Vec<_> = sets.iter().flat_map(|set| self.tools.store.owned_of_kind(set.uid(), Kind::Pod)).collect();
        let available = pods.iter().filter(|pod| is_ready(pod)).count() as i64;
        let at_once = self.spec.max_unavailable().max(1);
        let least = self.replicas().max(sum(&sets, ReplicaSet::wanted)) - at_once;
        let mut may = available - least;
        let mut outdated = 0;
        let mut evicted = 0;
        for pod in &pods {
            let created = object::time(pod, "/metadata/creationTimestamp").unwrap_or_default();
            if created >= restart_at {
                continue;
            }
            outdated += 1;
            if may <= 0 {
                continue;
            }
            if self.tools.store.delete(&Key::of(Kind::Pod, pod), None).is_ok() {
                may -= 1;
                evicted += 1;
            }
        }
        if outdated == evicted {
            self.next.restarted_at = Some(text);
        } else {
            let again = self.tools.clock.after(self.tools.clock.scale(RETRY_INTERVAL));
            self.again_at(again);
        }
        evicted
    }
}
