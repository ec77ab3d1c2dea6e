use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::facts::flag::{Flag, ProviderKind, WhenOff};
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::{WorkloadId, WorkloadKey};
use crate::domain::facts::reduce;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::Intent;
use crate::domain::record::freeze::Freeze;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::proof::Proof;
use crate::domain::rules::action::{Seen, SeenFlag, Settled, plan, settled};
use crate::domain::world::EnvSettings;
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::FlagSettings;

const PLACE: &str = "https://unleash.example project default environment production";

fn now() -> Timestamp {
    "2026-11-28T21:00:00Z".parse().unwrap()
}

fn flag(name: &str, state: FlagState) -> Flag {
    Flag {
        kind: Some("release".to_owned()),
        owner: Some("alice".to_owned()),
        version: Some(format!("{name} {state}")),
        ..Flag::of_name(name, state)
    }
}

fn provider(name: &str) -> FlagSettings {
    FlagSettings {
        provider: name.to_owned(),
        place: format!("{PLACE} {name}"),
        of_release: Vec::new(),
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: Vec::new(),
    }
}

/// A protected environment with providers, of which no pod was ever seen.
fn world(providers: &[&str], read_only: bool) -> World {
    World::new([EnvSettings {
        protected: true,
        read_only,
        flags: providers.iter().map(|name| provider(name)).collect(),
        ..EnvSettings::new("prod")
    }])
}

fn tell(world: &mut World, provider: &str, link: Link, at: Option<Timestamp>, flags: Vec<Flag>) {
    let (env, provider) = (EnvName::new("prod"), provider.to_owned());
    world.take(Feed::Flags { env, provider, link, at, flags: Arc::new(flags) }, now());
}

fn key(flag: &str) -> FlagKey {
    FlagKey { env: EnvName::new("prod"), provider: "unleash".to_owned(), flag: flag.to_owned() }
}

fn ask(world: &World, flag: &str, verb: Verb) -> Result<Plan, Vec<Refusal>> {
    let around = PlanContext { now: now(), journal_broken: Some("no disk".to_owned()), ..PlanContext::default() };
    plan(world, &Intent { verb, target: key(flag).into(), to: None }, &around)
}

fn kinds(asked: Result<Plan, Vec<Refusal>>) -> Vec<RefusalKind> {
    asked.unwrap_err().iter().map(|refusal| refusal.kind).collect()
}

proptest! {
    /// Law 3: whatever is known of the flag, its provider, the cluster and the journal, turning it off goes through; that a
    /// list says it is off is no reason either, for the list may be about something else.
    #[test]
    fn off_is_never_blocked(
        listed in prop::option::of(prop::sample::select(vec![
            FlagState::Off, FlagState::Some, FlagState::Percent(7), FlagState::On,
        ])),
        link in prop::sample::select(vec![Link::Never, Link::Up, Link::Down("502".to_owned())]),
        age in 0_i64..600,
        heard in any::<bool>(),
    ) {
        let mut world = world(&["unleash"], false);
        let at = heard.then(|| now() - SignedDuration::from_secs(age));
        let flags = listed.map(|state| flag("checkout", state)).into_iter().collect();
        tell(&mut world, "unleash", link, at, flags);
        let plan = ask(&world, "checkout", Verb::FlagOff).unwrap();
        prop_assert!(plan.record().moves_backward() && plan.typed().is_none());
        prop_assert!(plan.record().gates_asked.is_empty());
        prop_assert_eq!(plan.record().requests.len(), 1);
    }
}

#[test]
fn on_needs_fresh_data_and_every_gate() {
    let mut world = world(&["unleash"], false);
    assert_eq!(kinds(ask(&world, "checkout", Verb::FlagOn)), [RefusalKind::Blind], "nothing is known of the provider");
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::Off)]);
    let refused = kinds(ask(&world, "checkout", Verb::FlagOn));
    assert!(refused.contains(&RefusalKind::Journal) && refused.contains(&RefusalKind::Stale), "{refused:?}");
    assert_eq!(kinds(ask(&world, "nope", Verb::FlagOn)), [RefusalKind::NotSeen]);
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::Percent(25))]);
    assert_eq!(kinds(ask(&world, "checkout", Verb::FlagOn)), [RefusalKind::State], "its strategies decide");
}

fn set(world: &World, percent: u8) -> Result<Plan, Vec<Refusal>> {
    let around = PlanContext { now: now(), journal_broken: Some("no disk".to_owned()), ..PlanContext::default() };
    plan(world, &intent(&key("checkout"), Turn::Share(percent.try_into().unwrap())), &around)
}

proptest! {
    /// Laws 1 and 3: a share that takes the flag from users goes past no gate, whatever else is known, and says that it may do
    /// nothing else; any other share asks every gate.
    #[test]
    fn a_share_asks_the_gates_unless_fewer_users_get_it(
        listed in prop::option::of(prop::sample::select(vec![
            FlagState::Off, FlagState::Some, FlagState::Percent(7), FlagState::Percent(50), FlagState::On,
        ])),
        percent in 1..=100_u8,
        link in prop::sample::select(vec![Link::Up, Link::Down("502".to_owned())]),
        age in 0_i64..600,
    ) {
        let mut world = world(&["unleash"], false);
        let flags = listed.map(|state| flag("checkout", state)).into_iter().collect();
        tell(&mut world, "unleash", link, Some(now() - SignedDuration::from_secs(age)), flags);
        let is_less = listed.is_some_and(|state| match state {
            FlagState::Percent(now) => percent < now,
            FlagState::On => percent < 100,
            FlagState::Off | FlagState::Some => false,
        });
        match set(&world, percent) {
            Ok(plan) => {
                let record = plan.record();
                prop_assert!(is_less && record.moves_backward() && record.gates_asked.is_empty() && plan.typed().is_none());
                let Request::Flag(request) = &record.requests[0] else { panic!("{record:?}") };
                prop_assert!(request.only_less);
            }
            // The journal cannot be written, and nothing is seen of the cluster.
            Err(refusals) => prop_assert!(!is_less && !refusals.is_empty(), "{refusals:?}"),
        }
    }
}

#[test]
fn a_share_that_is_there_is_nothing_to_do_and_some_users_are_no_share() {
    let mut world = world(&["unleash"], false);
    for (state, percent, kind) in [
        (FlagState::Percent(25), 25, RefusalKind::NothingToDo),
        (FlagState::On, 100, RefusalKind::NothingToDo),
        (FlagState::Some, 25, RefusalKind::State),
    ] {
        tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", state)]);
        assert_eq!(kinds(set(&world, percent)), [kind], "{state}");
    }
    let huge = Intent { verb: Verb::FlagSet, target: key("checkout").into(), to: Some(300) };
    let around = PlanContext { now: now(), ..PlanContext::default() };
    assert_eq!(kinds(plan(&world, &huge, &around)), [RefusalKind::State]);
}

/// Law 3: what brings the flag to users, or may have, keeps nobody from taking it from them; only the same lowering does.
#[test]
fn a_lower_share_waits_for_nothing_that_goes_forward() {
    let mut world = world(&["unleash"], false);
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::Percent(50))]);
    let asked = |percent: u8, verb: Verb| {
        let target = Target::Flag(key("checkout"));
        let in_flight = vec![InProgress { target, verb, to_hash: None, is_in_doubt: false }];
        let around = PlanContext { now: now(), in_flight, ..PlanContext::default() };
        plan(&world, &intent(&key("checkout"), Turn::Share(percent.try_into().unwrap())), &around)
    };
    for verb in [Verb::FlagOn, Verb::FlagSet, Verb::FlagOff] {
        assert!(asked(5, verb).is_ok(), "{verb}");
        assert!(kinds(asked(90, verb)).contains(&RefusalKind::InFlight), "{verb}");
    }
    assert_eq!(kinds(asked(5, Verb::FlagLower)), [RefusalKind::InFlight]);
}

#[test]
fn a_share_is_done_once_the_provider_says_this_share() {
    let mut world = world(&["unleash"], false);
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::Percent(50))]);
    let record = set(&world, 10).unwrap().record().clone();
    assert_eq!(record.headline, "set flag checkout of unleash to 10 %");
    let seen =
        |state| Seen::from(SeenFlag { uid: record.facts.uid.clone(), found: Some((&flag("checkout", state)).into()) });
    assert!(matches!(settled(&record, &seen(FlagState::Percent(10))), Settled::Done(_)));
    for other in [FlagState::Off, FlagState::Percent(50), FlagState::Percent(11), FlagState::On, FlagState::Some] {
        assert!(!matches!(settled(&record, &seen(other)), Settled::Done(_)), "{other}");
    }
}

/// Two environments that are one at the provider, in which a Rollout serves.
fn two_of_one_place() -> World {
    let id: WorkloadId = "rollout/api".parse().unwrap();
    let settings = |name: &str| EnvSettings {
        namespace: name.to_owned(),
        workloads: vec![id.clone()],
        flags: vec![provider("unleash")],
        ..EnvSettings::new(name)
    };
    let mut world = World::new(["prod", "prod-us"].map(settings));
    for name in ["prod", "prod-us"] {
        let object = json!({
            "kind": "Rollout", "metadata": {"name": "api", "uid": name, "generation": 1},
            "spec": {"replicas": 1, "strategy": {"canary": {}}},
            "status": {"observedGeneration": "1", "phase": "Healthy", "currentPodHash": "a", "stableRS": "a"},
        });
        let set = reduce::replicaset(&json!({
            "metadata": {"name": "api-a", "uid": "a", "labels": {"rollouts-pod-template-hash": "a"}},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "api", "image": "registry/api:1.5.0"}]}}},
            "status": {"replicas": 1, "readyReplicas": 1},
        }));
        let pod = reduce::pod(&json!({
            "metadata": {"name": "api-a-1", "labels": {"rollouts-pod-template-hash": "a"}},
            "spec": {"containers": [{"name": "api"}]},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "api", "ready": true, "imageID": "registry/api@sha256:aaaa", "state": {"running": {}}},
            ]},
        }));
        let snapshot = Snapshot {
            replicasets: vec![set],
            pods: vec![pod],
            ..Snapshot::of_object(Object::parse(&object).unwrap())
        };
        let env = EnvName::new(name);
        let target = WorkloadKey { env: env.clone(), workload: id.clone() };
        world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
        world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
        let (source, link, at) = (SourceKind::Kubernetes, Link::Up, Some(now()));
        world.take(Feed::Link { env: env.clone(), source, link: link.clone(), at }, now());
        let flags = Arc::new(vec![flag("checkout", FlagState::Off)]);
        world.take(Feed::Flags { env, provider: "unleash".to_owned(), link, at, flags }, now());
    }
    world
}

#[test]
fn on_asks_the_gates_of_every_environment_that_gets_the_flag() {
    let mut world = two_of_one_place();
    let around = PlanContext { now: now(), ..PlanContext::default() };
    let ask = |world: &World| {
        let target = key("checkout").into();
        plan(world, &Intent { verb: Verb::FlagOn, target, to: None }, &around)
    };
    let asked = |plan: &Plan| plan.record().gates_asked.iter().map(|asked| asked.env.to_string()).collect::<Vec<_>>();
    let plan = ask(&world).unwrap_or_else(|refusals| panic!("{refusals:?}"));
    assert_eq!(asked(&plan), ["prod", "prod-us"]);
    assert!(plan.record().goes.iter().any(|line| line.starts_with("prod-us has the same")), "{:?}", plan.record().goes);
    // What users get there is named, by which a NO-GO of moments ago stops it.
    assert!(plan.record().gates_asked[1].subjects.is_held_by("api=api:1.5.0"));
    let freeze = Freeze {
        env: EnvName::new("prod-us"),
        cluster: None,
        who: "bob".to_owned(),
        reason: "incident".to_owned(),
        until: None,
        is_end: false,
        ends: None,
        at: now(),
        signature: None,
        proof: Proof::default(),
    };
    world.take_lines(&[Line::after(None, now(), Entry::Frozen(freeze))], now());
    let refused = ask(&world).unwrap_err();
    assert!(refused[0].text.starts_with("prod-us: frozen"), "{refused:?}");
    // Of an environment that is not watched nothing can be asked.
    let mut alone = two_of_one_place();
    alone.environments.pop();
    alone.environments[0].flags[0].settings.shared_with = vec![EnvName::new("prod-us")];
    assert_eq!(kinds(ask(&alone)), [RefusalKind::Blind]);
}

#[test]
fn on_asks_of_every_environment_that_gets_the_flag_what_it_asks_of_its_own() {
    let ask = |world: &World, verb: Verb| {
        let around = PlanContext { now: now(), ..PlanContext::default() };
        plan(world, &Intent { verb, target: key("checkout").into(), to: None }, &around)
    };
    let mut world = two_of_one_place();
    world.environments[1].settings.protected = true;
    assert_eq!(ask(&world, Verb::FlagOn).unwrap().typed(), Some("prod"));
    assert_eq!(ask(&world, Verb::FlagOff).unwrap().typed(), None);
    world.environments[1].settings.read_only = true;
    assert_eq!(kinds(ask(&world, Verb::FlagOn)), [RefusalKind::ReadOnly]);
    ask(&world, Verb::FlagOff).unwrap();
    let mut late = two_of_one_place();
    let (env, source, at) =
        (EnvName::new("prod-us"), SourceKind::Kubernetes, Some(now() - SignedDuration::from_mins(9)));
    late.take(Feed::Link { env, source, link: Link::Down("timed out".to_owned()), at }, now());
    let refused = ask(&late, Verb::FlagOn).unwrap_err();
    assert!(refused.iter().any(|refusal| refusal.text.starts_with("prod-us: state is")), "{refused:?}");
}

#[test]
fn a_no_go_for_the_stable_version_holds_while_a_canary_runs() {
    let mut world = two_of_one_place();
    let status = world.environments[0].workloads[0].status.as_mut().unwrap();
    let mut canary = status.stable.clone().unwrap();
    canary.hash = "b".to_owned();
    canary.images = vec!["registry/api:1.6.0".to_owned()];
    status.canary = Some(canary);
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let subjects = world.served(env).unwrap().subjects();
    for version in ["1.5.0", "1.6.0"] {
        assert!(subjects.is_held_by(&format!("api=api:{version}")), "{version}: {subjects:?}");
    }
    // Of a workload that is not seen nothing is known.
    world.environments[0].workloads[0].status = None;
    assert!(world.served(&world.environments[0]).is_none());
}

#[test]
fn on_is_blind_where_nothing_is_seen_and_a_freeze_is_named_first() {
    let mut world = two_of_one_place();
    world.environments.pop();
    world.environments[0].workloads[0].status = None;
    let around = PlanContext { now: now(), ..PlanContext::default() };
    let intent = Intent { verb: Verb::FlagOn, target: key("checkout").into(), to: None };
    assert!(kinds(plan(&world, &intent, &around)).contains(&RefusalKind::Blind));
}

#[test]
fn nothing_is_turned_where_nothing_may_be_written() {
    let mut world = world(&["unleash"], true);
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::On)]);
    for verb in [Verb::FlagOff, Verb::FlagOn] {
        assert_eq!(kinds(ask(&world, "checkout", verb))[0], RefusalKind::ReadOnly);
    }
}

#[test]
fn a_name_that_two_providers_have_wants_the_provider() {
    let mut world = world(&["unleash", "other"], false);
    let on = || vec![flag("checkout", FlagState::On)];
    tell(&mut world, "unleash", Link::Up, Some(now()), on());
    let found = |world: &World, name: &str| named(&world.environments[0], name).map(|key| key.provider);
    assert!(found(&world, "checkout").is_err(), "the other one has not answered");
    tell(&mut world, "other", Link::Up, Some(now()), Vec::new());
    assert_eq!(found(&world, "checkout"), Ok("unleash".to_owned()));
    tell(&mut world, "other", Link::Up, Some(now()), on());
    assert!(found(&world, "checkout").is_err());
    assert_eq!(found(&world, "other/checkout"), Ok("other".to_owned()));
    assert_eq!(found(&world, "other/never-seen"), Ok("other".to_owned()));
    assert!(found(&world, "never-seen").is_err());
}

#[test]
fn it_is_done_when_the_provider_says_so_and_lost_when_it_is_archived() {
    let mut world = world(&["unleash"], false);
    tell(&mut world, "unleash", Link::Up, Some(now()), vec![flag("checkout", FlagState::On)]);
    let plan = ask(&world, "checkout", Verb::FlagOff).unwrap();
    let seen = |found: Option<FlagState>| -> Seen {
        let found = found.map(|state| FlagFacts { state, version: None, owner: None, when_off: WhenOff::default() });
        SeenFlag { uid: uid(&format!("{PLACE} unleash"), "checkout"), found }.into()
    };
    assert!(matches!(settled(plan.record(), &seen(Some(FlagState::Off))), Settled::Done(_)));
    assert!(matches!(settled(plan.record(), &seen(Some(FlagState::Percent(1)))), Settled::NotYet(_)));
    assert!(matches!(settled(plan.record(), &seen(None)), Settled::Lost(_)));
    let elsewhere = SeenFlag { uid: uid("another server", "checkout"), found: None }.into();
    assert!(matches!(settled(plan.record(), &elsewhere), Settled::Lost(_)));
}

#[test]
fn flags_of_the_release_come_first() {
    let mut world = world(&["unleash"], false);
    world.environments[0].flags[0].settings.of_release = vec!["zeta".to_owned()];
    tell(
        &mut world,
        "unleash",
        Link::Up,
        Some(now()),
        ["alpha", "beta", "zeta"].map(|it| flag(it, FlagState::On)).into(),
    );
    let env = &world.environments[0];
    let names: Vec<&str> = env.listed_flags().iter().map(|listed| listed.flag.name.as_str()).collect();
    assert_eq!(names, ["zeta", "alpha", "beta"]);
}

#[test]
fn a_rollback_names_the_flags_of_the_release_that_are_on() {
    let mut settings = provider("unleash");
    settings.of_release = vec!["checkout".to_owned(), "search".to_owned()];
    let mut world = World::new([EnvSettings { flags: vec![settings], ..EnvSettings::new("prod") }]);
    let instead = |world: &World| instead_of_rollback(world.environment(&EnvName::new("prod")).unwrap(), None);
    assert_eq!(instead(&world), [""; 0]);
    let flags = vec![
        flag("checkout", FlagState::Percent(25)),
        flag("search", FlagState::Off),
        flag("of-another-team", FlagState::On),
    ];
    tell(&mut world, "unleash", Link::Up, Some(now()), flags);
    assert_eq!(
        instead(&world),
        [
            "a flag of this release can be turned off in seconds instead: checkout (25 %); `cockpit flags off prod checkout`"
        ]
    );
}
