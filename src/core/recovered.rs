//! The journals of earlier runs. Forward actions wait until they are read.

use super::{Core, Effect, Level, on_feed, on_receipt};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{Outcome, PlanRecord};
use crate::domain::record::recovered::Recovered;

pub(super) fn recovered(core: &mut Core, found: Recovered) -> Vec<Effect> {
    let now = core.now;
    core.world.take_ledger(found.ledger, now);
    let mut courses = found.courses;
    courses.sort_by_key(|seen| seen.at);
    core.courses = courses.into_iter().map(|seen| ((seen.target, seen.cluster), seen.course)).collect();
    core.autopilot.remember(found.held);
    for why in found.broken {
        core.notice(Level::Error, format!("journal integrity check failed: {why}"));
    }
    let mut effects = Vec::new();
    core.found_open = found.open.into_iter().map(|(_, record)| record).collect();
    let known: Vec<EnvName> = core.world.environments.iter().map(|env| env.name().clone()).collect();
    for env in known {
        effects.extend(take_open(core, &env));
    }
    core.journal.unread = false;
    effects.extend(on_feed::first_seen(core));
    effects.extend(on_feed::check_news(core));
    effects
}

/// Takes in the intents of an environment that were left open, as far as it is known that they were sent to its cluster.
pub(super) fn take_open(core: &mut Core, env: &EnvName) -> Vec<Effect> {
    let here = core.cluster(env);
    let (of_env, others) = std::mem::take(&mut core.found_open).into_iter().partition(|open| open.target.env() == env);
    core.found_open = others;
    let mut effects = Vec::new();
    for record in of_env {
        if let Some(why) = record.went_elsewhere(here.as_ref()) {
            effects.extend(left_open(core, &record, &why));
            continue;
        }
        let is_known = core.in_flight.get(&record.target).is_some_and(|flying| flying.record == record);
        if !is_known {
            let why = "the program ended before its outcome was known".to_owned();
            effects.extend(on_receipt::ended(core, &record, Outcome::Unknown { why }));
        }
        if here.is_none() {
            // Looked at again once it is known which cluster this is.
            core.found_open.push(record);
        }
    }
    effects
}

/// What was sent elsewhere is not in progress here.
pub(super) fn left_open(core: &mut Core, record: &PlanRecord, why: &str) -> Vec<Effect> {
    if core.in_flight.get(&record.target).is_some_and(|flying| flying.record == *record) {
        core.in_flight.remove(&record.target);
    }
    if core.left_open.iter().all(|(known, _)| known != record) {
        core.left_open.push((record.clone(), why.to_owned()));
        core.notice(Level::Warn, format!("{}: {} — {why}: left open", record.target.env(), record.headline));
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::{now, release_in_progress, target};
    use crate::core::{Msg, update};
    use crate::domain::facts::cluster::ClusterIdentity;
    use crate::domain::record::action::{ActionId, Verb};
    use crate::domain::world::feed::Feed;

    fn cluster(uid: &str) -> ClusterIdentity {
        ClusterIdentity { cluster: Some(uid.to_owned()), ..ClusterIdentity::unknown("shop") }
    }

    fn is(uid: &str) -> Msg {
        Msg::Feed(Feed::Cluster { env: target("prod-eu", "rollout/api").env, identity: cluster(uid) })
    }

    /// A core that finds an abort left open that was sent to the cluster `eu`.
    fn with_open_intent() -> (Core, Msg) {
        let core = Core::new(release_in_progress(), "alice".to_owned(), now());
        let plan = core.plan(&target("prod-eu", "rollout/api"), Verb::Abort, None).unwrap();
        let record = PlanRecord { cluster: Some(cluster("eu")), ..plan.record().clone() };
        let found = Recovered { open: vec![(ActionId("1".to_owned()), record)], ..Recovered::default() };
        (core, Msg::Recovered(Box::new(found)))
    }

    fn is_in_flight(core: &Core) -> bool {
        core.in_flight_on(&target("prod-eu", "rollout/api")).is_some()
    }

    #[test]
    fn an_open_intent_of_another_cluster_is_not_in_progress_here() {
        for identity_first in [true, false] {
            let (mut core, found) = with_open_intent();
            let mut messages = vec![found, is("us")];
            if identity_first {
                messages.reverse();
            }
            for message in messages {
                update(&mut core, message, now());
            }
            assert!(!is_in_flight(&core));
            let said: Vec<&str> = core.notices.iter().map(|notice| notice.text.as_str()).collect();
            assert!(said.iter().any(|text| text.contains("was sent to another cluster")), "{said:?}");
        }
    }

    #[test]
    fn an_open_intent_of_this_cluster_is_in_progress() {
        let (mut core, found) = with_open_intent();
        update(&mut core, found, now());
        assert!(is_in_flight(&core), "nobody knows yet");
        update(&mut core, is("eu"), now());
        assert!(is_in_flight(&core));
    }
}
