//! What the record says that a promotion asks for, against what this config asks for: without the team's config, or with
//! another one, nothing is promoted past its gates ([law 13](crate#laws)).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::record::checklist::CheckPhase;
use crate::domain::record::ledger::is_of;
use crate::domain::record::proof::Proof;
use crate::domain::record::requirement::{InForce, Requirement, Requirements};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, World};

/// How many missing gates a reason names.
const MAX_NAMED: usize = 8;

/// Returns what the config in force asks for before a promotion into an environment.
#[must_use]
pub fn asked_here(world: &World, env: &Environment) -> BTreeSet<Requirement> {
    let settings = &env.settings;
    let gates = settings.checks.iter().filter(|check| check.gate);
    let mut asked: BTreeSet<Requirement> =
        gates.map(|check| Requirement::Gate { check: check.id.clone(), phase: check.phase }).collect();
    let roles = settings.sign_offs.roles.iter();
    asked.extend(roles.map(|(role, people)| Requirement::SignOff { role: role.clone(), people: *people }));
    let before = world.previous(env);
    asked.extend(
        before.map(|before| Requirement::After { env: before.name().clone(), cluster: before.cluster.clone() }),
    );
    let flags = [
        (settings.sign_offs.four_eyes && !settings.sign_offs.roles.is_empty(), Requirement::FourEyes),
        (settings.has_metrics, Requirement::Metrics),
        (settings.protected, Requirement::Protected),
        (settings.keys_required, Requirement::Keys),
    ];
    asked.extend(flags.into_iter().filter(|(holds, _)| *holds).map(|(_, requirement)| requirement));
    asked
}

/// Whether the config in force asks for it, or for more.
fn is_met(world: &World, env: &Environment, asked: &BTreeSet<Requirement>, wanted: &Requirement) -> bool {
    match wanted {
        Requirement::SignOff { role, people } => asked.iter().any(|own| match own {
            Requirement::SignOff { role: own_role, people: own } => own_role == role && own >= people,
            _ => false,
        }),
        Requirement::After { env: name, cluster } => world
            .previous(env)
            .is_some_and(|before| is_of(before.name(), before.cluster.as_ref(), (name, cluster.as_ref()))),
        Requirement::Later => false,
        _ => asked.contains(wanted),
    }
}

/// Returns what the record asks for and the config in force does not, for promotions of one workload.
fn lacking(world: &World, env: &Environment, id: &WorkloadId) -> (InForce, Vec<Requirement>) {
    let in_force = world.ledger.required(env.name(), env.cluster.as_ref(), id);
    if in_force.asked.is_empty() {
        return (in_force, Vec::new());
    }
    let asked = asked_here(world, env);
    let missing = in_force.asked.keys().filter(|wanted| !is_met(world, env, &asked, wanted)).cloned().collect();
    (in_force, missing)
}

/// A gate that others ask for, and this config does not.
struct Missing {
    of: EnvName,
    wanted: Requirement,
    /// Who acted with a config that asks for it first, and when.
    by: String,
    at: Timestamp,
}

/// Returns what is missing in an environment, of the phases that matter.
fn missing(world: &World, env: &Environment, id: &WorkloadId, matters: impl Fn(&Requirement) -> bool) -> Vec<Missing> {
    let (in_force, wanted) = lacking(world, env, id);
    let wanted = wanted.into_iter().filter(matters).filter_map(|wanted| {
        let (by, at) = in_force.asked.get(&wanted)?.clone();
        Some(Missing { of: env.name().clone(), wanted, by, at })
    });
    wanted.collect()
}

/// Returns why workloads may not be promoted with this config: gates that others ask for are missing in it.
pub(super) fn missing_gates<'a>(
    world: &World,
    env: &Environment,
    workloads: impl Iterator<Item = &'a WorkloadId>,
) -> Option<Refusal> {
    let is_post = |wanted: &Requirement| matches!(wanted, Requirement::Gate { phase: CheckPhase::Post, .. });
    let mut found: Vec<Missing> = Vec::new();
    for id in workloads {
        // What has to hold afterwards in the environment before is a gate of this one.
        let before = world.previous(env).map(|before| missing(world, before, id, is_post));
        let own = missing(world, env, id, |wanted| !is_post(wanted));
        for one in before.into_iter().flatten().chain(own) {
            if !found.iter().any(|known| known.of == one.of && known.wanted == one.wanted) {
                found.push(one);
            }
        }
    }
    let first = found.iter().min_by_key(|one| one.at)?;
    let by = format!("recorded by {} at {}", first.by, rfc3339_seconds(first.at));
    let words = found.iter().take(MAX_NAMED).map(|one| {
        if one.of == *env.name() { one.wanted.to_string() } else { format!("{} of {}", one.wanted, one.of) }
    });
    let more = found.len().saturating_sub(MAX_NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let text = format!("this config lacks {} ({by})", words.chain(more).collect::<Vec<_>>().join(", "));
    let remedy = format!("promote with the team's config; if it is this one, run `cockpit require {}`", first.of);
    Some(Refusal::new(RefusalKind::Blind, text, remedy))
}

/// Returns what is to be recorded of the config in force, if it asks for something that the record does not hold. Nothing is
/// recorded of a config that a file did not bring, or that is not trusted.
#[must_use]
pub fn unrecorded(world: &World, env: &Environment, who: &str, now: Timestamp) -> Option<Requirements> {
    let asked = asked_here(world, env);
    let is_read = matches!(env.record, Some(Ok(())));
    if !is_read || !env.settings.is_declared || asked.is_empty() || env.settings.workloads.is_empty() {
        return None;
    }
    let is_known = |id: &WorkloadId| {
        let in_force = world.ledger.required(env.name(), env.cluster.as_ref(), id);
        asked.iter().all(|own| is_recorded(&in_force, own))
    };
    (!env.settings.workloads.iter().all(is_known)).then(|| stated(env, asked, who, now))
}

/// Whether the record holds what a config asks for, or that a person dropped it.
fn is_recorded(in_force: &InForce, own: &Requirement) -> bool {
    let same = |known: &Requirement| match (own, known) {
        (Requirement::After { env, cluster }, Requirement::After { env: known, cluster: known_cluster }) => {
            is_of(env, cluster.as_ref(), (known, known_cluster.as_ref()))
        }
        _ => own == known,
    };
    in_force.asked.keys().chain(&in_force.dropped).any(same)
}

/// Returns a person's decision that a promotion asks for what this config asks for, and for nothing else.
#[must_use]
pub fn decision(world: &World, env: &Environment, who: &str, now: Timestamp) -> Requirements {
    let asked = asked_here(world, env);
    let in_force = || {
        let of = |id: &WorkloadId| world.ledger.required(env.name(), env.cluster.as_ref(), id);
        env.settings.workloads.iter().map(of)
    };
    let dropped = in_force().flat_map(|one| one.asked.into_keys()).filter(|wanted| !asked.contains(wanted)).collect();
    // The last word, also where this clock is behind the one that dated the word before.
    let last = in_force().filter_map(|one| one.decided).max();
    let at = last.map_or(now, |last| now.max(last + SignedDuration::from_secs(1)));
    Requirements { dropped, is_decision: true, ..stated(env, asked, who, at) }
}

fn stated(env: &Environment, asked: BTreeSet<Requirement>, who: &str, at: Timestamp) -> Requirements {
    Requirements {
        env: env.name().clone(),
        cluster: env.cluster.clone(),
        workloads: env.settings.workloads.iter().cloned().collect(),
        asked,
        dropped: BTreeSet::new(),
        is_decision: false,
        who: who.to_owned(),
        at,
        signature: None,
        proof: Proof::default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::facts::cluster::ClusterIdentity;
    use crate::domain::record::checklist::{CheckId, CheckSpec, How, SignOffRules};
    use crate::domain::record::journal::{Entry, Line};
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
    }

    fn asks() -> impl Strategy<Value = Asks> {
        let phase = prop_oneof![
            Just(None),
            Just(Some(CheckPhase::Pre)),
            Just(Some(CheckPhase::Deploy)),
            Just(Some(CheckPhase::Post))
        ];
        (prop::collection::vec(phase, GATES.len()), prop::collection::vec(0_usize..3, ROLES.len()), any::<bool>())
            .prop_map(|(gates, roles, protected)| Asks { gates, roles, protected })
    }

    fn id() -> WorkloadId {
        "rollout/api".parse().unwrap()
    }

    fn here(cluster: &str) -> ClusterIdentity {
        ClusterIdentity { cluster: Some(cluster.to_owned()), ..ClusterIdentity::unknown("shop") }
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
            sign_offs: SignOffRules {
                roles: roles.map(|(role, n)| ((*role).to_owned(), *n)).collect(),
                four_eyes: true,
            },
            protected: asks.protected,
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
        missing_gates(world, &world.environments[1], [id()].iter())
    }

    proptest! {
        /// Law 13: a machine that asks for less than another one did is never more permissive.
        #[test]
        fn fewer_gates_are_never_enough(team in asks(), own in asks()) {
            let (team_world, mut own_world) = (machine(["staging", "prod"], &team), machine(["s", "live"], &own));
            let said = unrecorded(&team_world, &team_world.environments[1], "ada", now());
            prop_assert!(said.is_some());
            share(said.unwrap(), &mut own_world);
            let fewer_gates = team.gates.iter().zip(&own.gates).any(|(team, own)| {
                // Those after a promotion are gates of the environment after.
                !matches!(team, None | Some(CheckPhase::Post)) && team != own
            });
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
            let decided = decision(&own_world, &own_world.environments[1], "bob", now());
            share(decided, &mut own_world);
            prop_assert_eq!(refusal(&own_world), None);
            prop_assert_eq!(unrecorded(&own_world, &own_world.environments[1], "bob", now()), None);
        }
    }

    fn some_gates() -> Asks {
        Asks { gates: vec![Some(CheckPhase::Pre), Some(CheckPhase::Post), None], roles: vec![0, 0], protected: false }
    }

    #[test]
    fn what_has_to_hold_afterwards_is_missed_in_the_environment_after() {
        let none = Asks { gates: vec![None; 3], roles: vec![0, 0], protected: false };
        let team = machine(["dev", "staging"], &some_gates());
        let mut own = machine(["staging", "prod"], &none);
        own.environments[0].cluster = Some(here("prod"));
        own.environments[1].cluster = Some(here("live"));
        record(&mut own, unrecorded(&team, &team.environments[1], "ada", now()).unwrap());
        let why = refusal(&own).unwrap();
        assert!(why.text.contains("lacks gate load of staging (recorded by ada"), "{}", why.text);
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
        assert_eq!(missing_gates(&own, &own.environments[1], ["rollout/ledger".parse().unwrap()].iter()), None);
    }
}
