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
    core.autopilot.remember(found.held, found.moved_on);
    for why in found.broken {
        core.notice(Level::Error, format!("journal integrity check failed: {why}"));
    }
    let mut effects = Vec::new();
    core.found_open = found.open;
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
    let (of_env, others): (Vec<_>, Vec<_>) =
        std::mem::take(&mut core.found_open).into_iter().partition(|(_, open)| open.target.env() == env);
    core.found_open = others;
    let mut effects = Vec::new();
    for (action, record) in of_env {
        if let Some(why) = record.went_elsewhere(here.as_ref()) {
            effects.extend(left_open(core, &record, &why));
            continue;
        }
        if core.unsettled_mut(&record.target, &action).is_none() {
            let why = "the program ended before its outcome was known".to_owned();
            effects.extend(on_receipt::ended(core, &action, &record, Outcome::Unknown { why }));
        }
        if here.is_none() {
            // Looked at again once it is known which cluster this is.
            core.found_open.push((action, record));
        }
    }
    effects
}

/// What was sent elsewhere is not in progress here.
pub(super) fn left_open(core: &mut Core, record: &PlanRecord, why: &str) -> Vec<Effect> {
    if core.in_flight.get(&record.target).is_some_and(|flying| flying.record == *record) {
        core.in_flight.remove(&record.target);
    }
    core.superseded.retain(|_, superseded| superseded.flying.record != *record);
    // Nor once it is known which cluster this is.
    core.found_open.retain(|(_, open)| open != record);
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
    use crate::core::{InFlight, Msg, update};
    use crate::domain::facts::cluster::ClusterIdentity;
    use std::sync::Arc;

    use crate::domain::facts::flag::{FlagKey, ProviderKind, Turn};
    use crate::domain::facts::freshness::Heard;
    use crate::domain::record::action::{ActionId, Target, Verb};
    use crate::domain::record::receipt::Receipt;
    use crate::domain::rules::refusal::RefusalKind;
    use crate::domain::world::feed::Feed;
    use crate::domain::world::flags::{FlagSettings, FlagSource};

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
    fn what_is_settled_before_the_cluster_is_known_is_not_open_again() {
        let (mut core, found) = with_open_intent();
        let Msg::Recovered(recovered) = &found else { panic!("{found:?}") };
        let (action, record) = recovered.open[0].clone();
        update(&mut core, found, now());
        let outcome = Outcome::FoundDone { shows: "aborted".to_owned() };
        let ended = Receipt::Ended { action, record: Box::new(record), outcome, lines: Vec::new() };
        update(&mut core, Msg::Receipt(ended), now());
        update(&mut core, is("eu"), now());
        assert!(!is_in_flight(&core));
    }

    #[test]
    fn what_was_sent_to_another_object_is_not_in_progress_once_the_cluster_is_known() {
        let (mut core, found) = with_open_intent();
        let Msg::Recovered(recovered) = &found else { panic!("{found:?}") };
        let record = Box::new(recovered.open[0].1.clone());
        update(&mut core, found, now());
        let why = "was sent to another object of that name".to_owned();
        update(&mut core, Msg::Receipt(Receipt::LeftOpen { record, why }), now());
        update(&mut core, is("eu"), now());
        assert!(!is_in_flight(&core));
    }

    /// An off whose outcome is not known does not keep anybody from sending another, and how it ends is not how that ends.
    #[test]
    fn a_flag_is_turned_off_again_while_the_last_time_is_in_doubt() {
        let key = FlagKey {
            env: target("prod-eu", "rollout/api").env,
            provider: "unleash".to_owned(),
            flag: "checkout".to_owned(),
        };
        let mut core = Core::new(release_in_progress(), "alice".to_owned(), now());
        let settings = FlagSettings {
            provider: "unleash".to_owned(),
            place: "https://unleash.example".to_owned(),
            of_release: Vec::new(),
            kind: ProviderKind::Unleash,
            shared_with: Vec::new(),
            rollouts: Vec::new(),
        };
        for env in &mut core.world.environments {
            let (heard, flags) = (Heard::default(), Arc::default());
            env.flags = vec![FlagSource { heard, flags, ..FlagSource::new(settings.clone()) }];
        }
        let record = core.plan_flag(&key, Turn::Off).unwrap().record().clone();
        let old = ActionId("1".to_owned());
        let found = Recovered { open: vec![(old.clone(), record.clone())], ..Recovered::default() };
        update(&mut core, Msg::Recovered(Box::new(found)), now());
        let on = core.plan_flag(&key, Turn::On).unwrap_err();
        assert!(on.iter().any(|refusal| refusal.kind == RefusalKind::InFlight), "{on:?}");
        let again = core.plan_flag(&key, Turn::Off).unwrap();
        assert!(!core.perform(again).is_empty());
        core.plan_flag(&key, Turn::Off).expect_err("one at a time, while it is on its way");
        let new = core.in_flight[&Target::Flag(key.clone())].action.clone();
        let ended = |action: &ActionId, shows: &str| {
            let (record, outcome) = (Box::new(record.clone()), Outcome::FoundNotDone { shows: shows.to_owned() });
            Msg::Receipt(Receipt::Ended { action: action.clone(), record, outcome, lines: Vec::new() })
        };
        update(&mut core, ended(&old, "it is on"), now());
        assert!(core.in_flight.contains_key(&Target::Flag(key.clone())));
        update(&mut core, ended(&new, "it is on"), now());
        assert!(!core.in_flight.contains_key(&Target::Flag(key)));
    }

    /// Law 3: what stops waits for no answer to the same thing, be it from before a crash or to a request that was not answered.
    #[test]
    fn a_stop_is_asked_for_again_while_the_last_time_is_in_doubt() {
        for verb in [Verb::Pause, Verb::Abort, Verb::Rollback] {
            let key = target("prod-eu", "rollout/api");
            let mut core = Core::new(release_in_progress(), "alice".to_owned(), now());
            let record = core.plan(&key, verb, None).unwrap().record().clone();
            let old = ActionId("1".to_owned());
            let found = Recovered { open: vec![(old.clone(), record.clone())], ..Recovered::default() };
            update(&mut core, Msg::Recovered(Box::new(found)), now());
            let forward = core.plan(&key, Verb::Promote, None).unwrap_err();
            assert!(forward.iter().any(|refusal| refusal.kind == RefusalKind::InFlight), "{verb}: {forward:?}");
            let receipt = |action: &ActionId, outcome: Outcome| {
                let (action, record) = (action.clone(), Box::new(record.clone()));
                Msg::Receipt(Receipt::Ended { action, record, outcome, lines: Vec::new() })
            };
            let mut own = Vec::new();
            for _ in 0..2 {
                let again = core.plan(&key, verb, None).unwrap();
                assert!(!core.perform(again).is_empty(), "{verb}");
                let refusals = core.plan(&key, verb, None).expect_err("one at a time, while it is on its way");
                assert!(refusals.iter().any(|refusal| refusal.kind == RefusalKind::InFlight), "{verb}: {refusals:?}");
                let action = core.in_flight_on(&key).unwrap().action.clone();
                // Those that are in doubt may become known in any order, and are not this one.
                let missing = Outcome::FoundNotDone { shows: "as before".to_owned() };
                update(&mut core, receipt(&old, missing), now());
                assert!(core.in_flight_on(&key).is_some_and(|flying| flying.action == action && flying.begun_here));
                update(&mut core, receipt(&action, Outcome::Unknown { why: "no answer".to_owned() }), now());
                own.push(action);
            }
            // The later one is refused while the earlier one is still in doubt: nothing goes forward before that is known.
            update(&mut core, receipt(&own[1], Outcome::Refused { why: "conflict".to_owned() }), now());
            let forward = core.plan(&key, Verb::Promote, None).unwrap_err();
            assert!(forward.iter().any(|refusal| refusal.kind == RefusalKind::InFlight), "{verb}: {forward:?}");
            update(&mut core, receipt(&own[0], Outcome::FoundDone { shows: "as wanted".to_owned() }), now());
            assert!(core.unsettled().next().is_none(), "{verb}");
        }
    }

    /// Two that were left open on one workload are settled each by itself.
    #[test]
    fn two_open_intents_are_both_waited_for() {
        let (mut core, _) = with_open_intent();
        let key = target("prod-eu", "rollout/api");
        let record = core.plan(&key, Verb::Abort, None).unwrap().record().clone();
        let [first, second] = ["1", "2"].map(|action| ActionId(action.to_owned()));
        let open = vec![(first.clone(), record.clone()), (second.clone(), record.clone())];
        update(&mut core, Msg::Recovered(Box::new(Recovered { open, ..Recovered::default() })), now());
        let again = core.plan(&key, Verb::Abort, None).unwrap();
        core.perform(again);
        let own = core.in_flight_on(&key).unwrap().action.clone();
        for action in [second, first] {
            let outcome = Outcome::Unconfirmed { shows: "90 %".to_owned() };
            let (action, record) = (action.clone(), Box::new(record.clone()));
            update(&mut core, Msg::Receipt(Receipt::Ended { action, record, outcome, lines: Vec::new() }), now());
            assert_eq!(core.in_flight_on(&key).map(|flying| &flying.action), Some(&own));
        }
        assert_eq!(core.unsettled().count(), 1);
    }

    /// A rollback to another revision waits for none that is on its way to a revision that turned out to be bad as well.
    #[test]
    fn a_rollback_to_another_revision_does_not_wait() {
        let key = target("prod-eu", "rollout/api");
        let mut core = Core::new(release_in_progress(), "alice".to_owned(), now());
        let first = core.plan(&key, Verb::Rollback, None).unwrap();
        let record = PlanRecord { to_hash: Some("another".to_owned()), ..first.record().clone() };
        let action = ActionId("1".to_owned());
        core.in_flight.insert(record.target.clone(), InFlight::new(action, record, now()));
        let again = core.plan(&key, Verb::Rollback, None).unwrap();
        assert!(!core.perform(again).is_empty());
        assert_eq!(core.unsettled().count(), 2);
    }

    /// What waits for people keeps nobody from anything but another commit, and says so once.
    #[test]
    fn what_waits_for_a_merge_stays_open_and_blocks_only_another_commit() {
        let (mut core, found) = with_open_intent();
        let Msg::Recovered(recovered) = &found else { panic!("{found:?}") };
        let (action, record) = recovered.open[0].clone();
        update(&mut core, found, now());
        update(&mut core, is("eu"), now());
        let outcome = Outcome::AwaitsMerge { shows: "pull request #12 open ✓".to_owned() };
        for _ in 0..2 {
            let (action, record) = (action.clone(), Box::new(record.clone()));
            let ended = Receipt::Ended { action, record, outcome: outcome.clone(), lines: Vec::new() };
            update(&mut core, Msg::Receipt(ended), now());
        }
        let said = core.notices.iter().filter(|notice| notice.text.contains("waits for a merge")).count();
        assert_eq!(said, 1);
        let open = core.in_flight_on(&target("prod-eu", "rollout/api")).unwrap();
        assert!(open.awaits_merge() && open.blocks(Verb::Release) && open.blocks(record.verb));
        assert!(!open.blocks(Verb::Promote) && !open.blocks(Verb::Rollback));
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
