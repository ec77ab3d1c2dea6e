//! Law 13 for gates: a machine whose config asks for less is never more permissive.

use proptest::prelude::*;

use super::*;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{CheckId, How, SignOffRules};
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::lane::Lane;
use crate::domain::record::lane::tests::{opening, rule};
use crate::domain::record::shared::{read, statement};
use crate::domain::world::EnvSettings;

const GATES: [&str; 3] = ["smoke", "load", "pager"];
const ROLES: [&str; 2] = ["sre", "product"];

/// What one config asks for, by choice: gates with their phases, and people by role.
#[derive(Clone, Debug)]
struct Asks {
    gates: Vec<Option<CheckPhase>>,
    roles: Vec<usize>,
    protected: bool,
    lanes: bool,
}

fn asks() -> impl Strategy<Value = Asks> {
    let phase = prop_oneof![
        Just(None),
        Just(Some(CheckPhase::Pre)),
        Just(Some(CheckPhase::Deploy)),
        Just(Some(CheckPhase::Post))
    ];
    (
        prop::collection::vec(phase, GATES.len()),
        prop::collection::vec(0_usize..3, ROLES.len()),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(gates, roles, protected, lanes)| Asks { gates, roles, protected, lanes })
}

fn id() -> WorkloadId {
    "rollout/api".parse().unwrap()
}

fn here(cluster: &str) -> ClusterIdentity {
    ClusterIdentity { cluster: Some(cluster.to_owned()), ..ClusterIdentity::unknown("shop") }
}

/// A lane that leaves out every gate but one.
fn lane(before: &str) -> LaneRule {
    LaneRule { before: Place { env: EnvName::new(before), cluster: None }, skips: Vec::new(), ..rule() }
}

/// A machine whose config calls the environments as it likes.
fn machine(names: [&str; 2], asks: &Asks) -> World {
    let spec = |(id, phase): (&&str, &Option<CheckPhase>)| {
        Some(CheckSpec {
            id: CheckId::new(*id),
            title: String::new(),
            phase: (*phase)?,
            gate: true,
            owner: None,
            how: How::Manual,
            fresh: None,
            runbook: None,
        })
    };
    let roles = ROLES.iter().zip(&asks.roles).filter(|(_, people)| **people > 0);
    let settings = EnvSettings {
        namespace: "shop".to_owned(),
        workloads: vec![id()],
        checks: GATES.iter().zip(&asks.gates).filter_map(spec).collect(),
        sign_offs: SignOffRules { roles: roles.map(|(role, n)| ((*role).to_owned(), *n)).collect(), four_eyes: true },
        protected: asks.protected,
        lanes: if asks.lanes { vec![lane(names[0])] } else { Vec::new() },
        is_declared: true,
        ..EnvSettings::new(names[1])
    };
    let before = EnvSettings { workloads: vec![id()], ..EnvSettings::new(names[0]) };
    let mut world = World::new([before, settings]);
    for (env, cluster) in world.environments.iter_mut().zip(["staging", "prod"]) {
        env.cluster = Some(here(cluster));
        env.record = Some(Ok(()));
    }
    world
}

fn record(world: &mut World, requirements: Requirements) {
    let entry = Entry::Requires(Box::new(requirements));
    world.ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, entry));
}

/// Shares what one machine says with another one that looks at the same cluster.
fn share(requirements: Requirements, with: &mut World) {
    let data = statement(&Entry::Requires(Box::new(requirements))).into_iter().collect();
    let env = &with.environments[1];
    let ledger = read((env.name(), &here("prod")), &data, now(), None);
    with.ledger.merge(ledger);
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn refusal(world: &World) -> Option<Refusal> {
    missing_gates(world, &world.environments[1], &[&id()]).into_iter().next()
}

proptest! {
    /// Law 13: a machine that asks for less than another one did is never more permissive.
    #[test]
    fn fewer_gates_are_never_enough(team in asks(), own in asks()) {
        let (team_world, mut own_world) = (machine(["staging", "prod"], &team), machine(["s", "live"], &own));
        let said = unrecorded(&team_world, &team_world.environments[1], "ada", now());
        prop_assert!(said.is_some());
        share(said.unwrap(), &mut own_world);
        // Those after a promotion are gates of the environment after.
        let holds_up = |phase: &Option<CheckPhase>| matches!(phase, Some(CheckPhase::Pre | CheckPhase::Deploy));
        let fewer_gates = team.gates.iter().zip(&own.gates).any(|(team, own)| holds_up(team) && !holds_up(own));
        let fewer_people = team.roles.iter().zip(&own.roles).any(|(team, own)| team > own);
        let anybody = |asks: &Asks| asks.roles.iter().any(|people| *people > 0);
        let fewer = fewer_gates
            || fewer_people
            || team.protected && !own.protected
            || anybody(&team) && !anybody(&own);
        prop_assert_eq!(refusal(&own_world).is_some(), fewer, "{:?}", refusal(&own_world));
    }

    #[test]
    fn a_decision_leaves_what_its_config_asks_for(team in asks(), own in asks()) {
        let (team_world, mut own_world) = (machine(["staging", "prod"], &team), machine(["staging", "prod"], &own));
        share(unrecorded(&team_world, &team_world.environments[1], "ada", now()).unwrap(), &mut own_world);
        let decided = decision(&own_world, &own_world.environments[1], "bob", now()).unwrap();
        share(decided, &mut own_world);
        prop_assert_eq!(refusal(&own_world), None);
        prop_assert_eq!(unrecorded(&own_world, &own_world.environments[1], "bob", now()), None);
    }
}

fn some_gates() -> Asks {
    Asks {
        gates: vec![Some(CheckPhase::Pre), Some(CheckPhase::Post), None],
        roles: vec![0, 0],
        protected: false,
        lanes: false,
    }
}

#[test]
fn what_has_to_hold_afterwards_is_missed_in_the_environment_after() {
    let none = Asks { gates: vec![None; 3], roles: vec![0, 0], protected: false, lanes: false };
    let team = machine(["dev", "staging"], &some_gates());
    let mut own = machine(["staging", "prod"], &none);
    own.environments[0].cluster = Some(here("prod"));
    own.environments[1].cluster = Some(here("live"));
    record(&mut own, unrecorded(&team, &team.environments[1], "ada", now()).unwrap());
    let why = refusal(&own).unwrap();
    assert!(why.text.contains("lacks gate load, for staging (recorded by ada"), "{}", why.text);
    assert!(why.remedy.contains("cockpit require staging"), "{}", why.remedy);
}

#[test]
fn nothing_is_recorded_of_a_config_that_nobody_chose_nor_before_the_record_is_read() {
    let mut team = machine(["staging", "prod"], &some_gates());
    let said = |world: &World| unrecorded(world, &world.environments[1], "ada", now());
    assert!(said(&team).is_some());
    team.environments[1].record = None;
    assert_eq!(said(&team), None);
    team.environments[1].record = Some(Ok(()));
    team.environments[1].settings.is_declared = false;
    assert_eq!(said(&team), None);
}

#[test]
fn another_workload_of_the_namespace_is_asked_for_nothing() {
    let team = machine(["staging", "prod"], &some_gates());
    let mut own = machine(["staging", "prod"], &Asks { gates: vec![None; 3], ..some_gates() });
    record(&mut own, unrecorded(&team, &team.environments[1], "ada", now()).unwrap());
    assert!(refusal(&own).is_some());
    assert_eq!(missing_gates(&own, &own.environments[1], &[&"rollout/ledger".parse().unwrap()]), []);
}

/// Nobody signs in staging: what it has to hold afterwards is known from who acts in prod.
#[test]
fn gates_of_the_environment_before_are_recorded_where_they_hold_something_up() {
    let none = || Asks { gates: vec![None; 3], roles: vec![0, 0], protected: false, lanes: false };
    let with_soak = |mut world: World| {
        let spec = machine(["a", "b"], &some_gates()).environments[1].settings.checks[1].clone();
        world.environments[0].settings.checks.push(spec);
        world
    };
    let team = with_soak(machine(["staging", "prod"], &none()));
    let said = unrecorded(&team, &team.environments[1], "ada", now()).unwrap();
    let (mut with, mut without) = (with_soak(machine(["s", "live"], &none())), machine(["s", "live"], &none()));
    share(said.clone(), &mut with);
    share(said, &mut without);
    assert_eq!(refusal(&with), None);
    assert!(refusal(&without).unwrap().text.contains("gate load of the environment before"));
}

#[test]
fn who_asks_for_what_somebody_dropped_is_told() {
    let (team, mut own) = (machine(["staging", "prod"], &some_gates()), machine(["staging", "prod"], &some_gates()));
    share(unrecorded(&team, &team.environments[1], "ada", now()).unwrap(), &mut own);
    assert_eq!(dropped_by_others(&own, &own.environments[1]), None);
    let mut fewer = machine(["staging", "prod"], &Asks { gates: vec![None; 3], ..some_gates() });
    fewer.ledger = own.ledger.clone();
    share(decision(&fewer, &fewer.environments[1], "bob", now()).unwrap(), &mut own);
    let said = dropped_by_others(&own, &own.environments[1]).unwrap();
    assert!(said.contains("bob decided") && said.contains("gate smoke"), "{said}");
}

/// The names of the lanes that the record allows a machine.
fn allowed(world: &World) -> Vec<String> {
    let env = &world.environments[1];
    let in_force = world.ledger.required(env.name(), env.cluster.as_ref(), &id());
    in_force.lanes.iter().map(|lane| lane.rule.name()).collect()
}

fn with_lane() -> Asks {
    Asks { lanes: true, ..some_gates() }
}

/// What a config says is recorded without its lanes, so that whoever edits one allows nothing.
#[test]
fn only_a_decision_allows_a_lane() {
    let (team, mut own) = (machine(["staging", "prod"], &with_lane()), machine(["s", "live"], &with_lane()));
    let said = unrecorded(&team, &team.environments[1], "ada", now()).unwrap();
    assert!(said.asked.contains(&Requirement::Lanes));
    share(said, &mut own);
    assert_eq!(allowed(&own), Vec::<String>::new());
    share(decision(&team, &team.environments[1], "ada", now()).unwrap(), &mut own);
    assert_eq!(allowed(&own), ["hotfix"]);
    // The names of environments are each machine's own.
    assert_eq!(news_of_lanes(&own, &own.environments[1]), Vec::<String>::new());
    own.environments[1].settings.is_declared = false;
    assert_eq!(rules_here(&own, &own.environments[1]), []);
}

#[test]
fn a_decision_of_an_older_version_leaves_lanes_as_they_were() {
    let mut team = machine(["staging", "prod"], &with_lane());
    let decided = decision(&team, &team.environments[1], "ada", now()).unwrap();
    share(decided.clone(), &mut team);
    let older = Requirements {
        lanes: None,
        follows: Some([decided.named()].into()),
        ..decision(&team, &team.environments[1], "bob", now()).unwrap()
    };
    share(older, &mut team);
    assert_eq!(allowed(&team), ["hotfix"]);
}

#[test]
fn a_config_without_lanes_takes_them_back_by_a_decision_and_others_still_have_to_know_them() {
    let none = machine(["staging", "prod"], &some_gates());
    assert_eq!(decision(&none, &none.environments[1], "bob", now()).unwrap().lanes, None);
    let (team, mut own) = (machine(["staging", "prod"], &with_lane()), none);
    share(decision(&team, &team.environments[1], "ada", now()).unwrap(), &mut own);
    let news = news_of_lanes(&own, &own.environments[1]);
    assert_eq!(
        news,
        [
            "prod: ada decided at 1970-01-12T13:46:40Z that the lane hotfix is allowed from staging; this config has no such \
          lane"
        ]
    );
    let decided = decision(&own, &own.environments[1], "bob", now()).unwrap();
    assert_eq!(decided.lanes, Some(Vec::new()));
    assert!(!decided.dropped.contains(&Requirement::Lanes));
    share(decided, &mut own);
    assert_eq!((allowed(&own), refusal(&own)), (Vec::new(), None));
    // None is allowed any more, and none was ever opened.
    let again = decision(&own, &own.environments[1], "bob", now()).unwrap();
    assert!(again.dropped.contains(&Requirement::Lanes));
    let opened = Entry::Lane(Box::new(Lane { cluster: Some(here("prod")), ..opening(0, 1) }));
    own.ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, opened));
    let again = decision(&own, &own.environments[1], "bob", now()).unwrap();
    assert!(!again.dropped.contains(&Requirement::Lanes));
}
