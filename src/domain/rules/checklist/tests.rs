//! What may not be green: two environments, seen or not, with one artifact or another.

mod flags;
mod lane;
mod registry;
mod soak;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Candidate, answer, in_the_way, in_the_way_of};
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::reduce;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::checklist::{
    BuiltinCheck, Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Decision, Finding, How, RedRef, SignOff,
};
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::proof::{Flaw, Proof};
use crate::domain::record::regression::Regression;
use crate::domain::record::shared;
use crate::domain::rules::checklist::role::role_statuses;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::feed::Feed;
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{EnvSettings, World};

/// A container of a template: its name, its image, and the digest that pods run of it, if they say.
type Part<'a> = (&'a str, &'a str, Option<&'a str>);

const API: Part<'_> = ("api", "registry/api:1.5.0", Some("sha256:aaaaaaaa"));

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn pod(parts: &[Part<'_>], init: &[Part<'_>], hash: &str, index: usize) -> Value {
    let status = |parts: &[Part<'_>], state: Value| -> Vec<Value> {
        let one = |(name, _, digest): &Part<'_>| {
            let id = digest.map_or_else(String::new, |digest| format!("registry/x@{digest}"));
            json!({"name": name, "ready": true, "imageID": id, "state": state})
        };
        let mut all: Vec<Value> = parts.iter().map(one).collect();
        // As the kubelet does it.
        all.sort_by_key(|status| status["name"].as_str().map(str::to_owned));
        all
    };
    json!({
        "metadata": {"name": format!("api-{hash}-{index}"), "labels": {"rollouts-pod-template-hash": hash}},
        "spec": {"containers": parts.iter().map(|(name, ..)| json!({"name": name})).collect::<Vec<_>>()},
        "status": {
            "phase": "Running",
            "containerStatuses": status(parts, json!({"running": {}})),
            "initContainerStatuses": status(init, json!({"terminated": {"exitCode": 0}})),
        },
    })
}

/// Two pods of one template; `more` are in the pods only.
struct Runs<'a> {
    parts: &'a [Part<'a>],
    init: &'a [Part<'a>],
    more: &'a [Part<'a>],
}

impl<'a> Runs<'a> {
    fn only(parts: &'a [Part<'a>]) -> Self {
        Self { parts, init: &[], more: &[] }
    }

    /// A Rollout that serves it, or that has it as a canary beside `old`.
    fn snapshot(&self, under_way: bool) -> Snapshot {
        let stable = if under_way { "old" } else { "new" };
        let object = json!({
            "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
            "spec": {"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
            "status": {"observedGeneration": "3", "phase": "Paused", "currentPodHash": "new", "stableRS": stable,
                       "currentStepIndex": 1, "controllerPause": true,
                       "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "1970-01-12T13:46:00Z"}]},
        });
        let set = |hash: &str, revision: u64, containers: &[Part<'_>], init: &[Part<'_>]| {
            let all = |parts: &[Part<'_>]| -> Vec<Value> {
                parts.iter().map(|(name, image, _)| json!({"name": name, "image": image})).collect()
            };
            reduce::replicaset(&json!({
                "metadata": {
                    "name": format!("api-{hash}"), "uid": hash,
                    "creationTimestamp": format!("1970-01-12T13:0{revision}:00Z"),
                    "labels": {"rollouts-pod-template-hash": hash},
                    "annotations": {"rollout.argoproj.io/revision": revision.to_string()},
                },
                "spec": {"replicas": 2, "template": {"spec": {"containers": all(containers), "initContainers": all(init)}}},
                "status": {"replicas": 2, "readyReplicas": 2},
            }))
        };
        let mut replicasets = vec![set("new", 2, self.parts, self.init)];
        if under_way {
            replicasets.push(set("old", 1, &[("api", "registry/api:1.4.2", None)], &[]));
        }
        let all = [self.parts, self.more].concat();
        let pods = (0..2).map(|index| reduce::pod(&pod(&all, self.init, "new", index))).collect();
        Snapshot { replicasets, pods, ..Snapshot::of_object(Object::parse(&object).unwrap()) }
    }
}

fn id() -> WorkloadId {
    "rollout/api".parse().unwrap()
}

/// Staging has released something, prod promotes something; the checks are those of staging.
fn world(staging: Option<&Runs<'_>>, prod: &Runs<'_>, checks: Vec<CheckSpec>) -> World {
    let env = |name: &str, checks: Vec<CheckSpec>| EnvSettings {
        namespace: name.to_owned(),
        workloads: vec![id()],
        checks,
        ..EnvSettings::new(name)
    };
    let mut world = World::new([env("staging", checks), env("prod", Vec::new())]);
    let mut seen = |name: &str, snapshot: Snapshot| {
        let env = EnvName::new(name);
        let target = WorkloadKey { env: env.clone(), workload: id() };
        world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
        world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
        world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
    };
    if let Some(staging) = staging {
        seen("staging", staging.snapshot(false));
    }
    seen("prod", prod.snapshot(true));
    world
}

/// The same with a second workload in both environments.
fn world_of_two(staging: [&Runs<'_>; 2], prod: [(&Runs<'_>, bool); 2]) -> World {
    let ids = ["rollout/api", "rollout/web"].map(|id| id.parse::<WorkloadId>().unwrap());
    let env =
        |name: &str| EnvSettings { namespace: name.to_owned(), workloads: ids.to_vec(), ..EnvSettings::new(name) };
    let mut world = World::new([env("staging"), env("prod")]);
    for name in ["staging", "prod"] {
        let env = EnvName::new(name);
        world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
        world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
    }
    let mut seen = |name: &str, workload: &WorkloadId, snapshot: Snapshot| {
        let target = WorkloadKey { env: EnvName::new(name), workload: workload.clone() };
        world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
    };
    for ((id, staging), (prod, under_way)) in ids.iter().zip(staging).zip(prod) {
        seen("staging", id, staging.snapshot(false));
        seen("prod", id, prod.snapshot(under_way));
    }
    world
}

fn refused_at(world: &World, now: Timestamp) -> Vec<Refusal> {
    let env = world.environment(&EnvName::new("prod")).unwrap();
    in_the_way(world, env, env.workload(&id()).unwrap(), now)
}

fn refused(world: &World) -> Vec<String> {
    refused_at(world, now()).iter().map(Refusal::line).collect()
}

fn soak() -> CheckSpec {
    CheckSpec {
        id: CheckId::new("soak"),
        title: "soak".to_owned(),
        phase: CheckPhase::Post,
        gate: true,
        owner: None,
        how: How::Evidence("command".into()),
        fresh: None,
        runbook: None,
    }
}

fn soaked(world: &mut World) {
    let env = EnvName::new("staging");
    let subject = world.candidate(world.environment(&env).unwrap()).map(|candidate: Candidate| candidate.key).unwrap();
    let finding = Finding {
        found: CheckOutcome::Passed,
        summary: "10 min".to_owned(),
        evidence: Vec::new(),
        green_when: String::new(),
        at: now(),
        subject,
    };
    world.take(Feed::Checked { env, check: CheckId::new("soak"), finding }, now());
}

#[test]
fn the_artifact_is_compared_though_no_check_asks_for_it() {
    let other = [("api", "registry/api:1.5.0", Some("sha256:bbbbbbbb"))];
    let world = world(Some(&Runs::only(&[API])), &Runs::only(&other), Vec::new());
    let refused = refused(&world);
    assert!(refused[0].starts_with("artifact: api: bbbbbbbb on 0/2 pods of staging"), "{refused:?}");
    let same = self::world(Some(&Runs::only(&[API])), &Runs::only(&[API]), Vec::new());
    assert!(self::refused(&same).is_empty());
}

#[test]
fn every_container_is_compared_by_name_and_injected_ones_are_not() {
    let mesh = [("a-proxy", "mesh/proxy:2", Some("sha256:cccccccc"))];
    let other_mesh = [("a-proxy", "mesh/proxy:3", Some("sha256:dddddddd"))];
    let here = Runs { parts: &[API], init: &[], more: &mesh };
    let before = Runs { parts: &[API], init: &[], more: &other_mesh };
    assert!(refused(&world(Some(&before), &here, Vec::new())).is_empty());
    // The sidecar is the same, the program is not.
    let forged = [("api", "elsewhere/api:1.5.0", Some("sha256:bbbbbbbb"))];
    let forged = Runs { parts: &forged, init: &[], more: &other_mesh };
    assert!(!refused(&world(Some(&before), &forged, Vec::new())).is_empty());
    let second = [API, ("miner", "elsewhere/miner:6", Some("sha256:eeeeeeee"))];
    let refused_second = refused(&world(Some(&before), &Runs::only(&second), Vec::new()));
    assert!(refused_second[0].contains("staging runs no container miner"), "{refused_second:?}");
    let migrate = [("migrate", "registry/migrate:1", Some("sha256:eeeeeeee"))];
    let with_init = Runs { parts: &[API], init: &migrate, more: &[] };
    assert!(refused(&world(Some(&before), &with_init, Vec::new()))[0].contains("no container migrate"));
    assert!(refused(&world(Some(&with_init), &with_init, Vec::new())).is_empty());
    let latest = [("migrate", "registry/migrate:latest", Some("sha256:eeeeeeee"))];
    let latest = Runs { parts: &[API], init: &latest, more: &[] };
    assert!(refused(&world(Some(&latest), &latest, Vec::new()))[0].contains("uses a mutable tag"));
}

#[test]
fn an_unknown_digest_is_blind() {
    let silent = [("api", "registry/api:1.5.0", None)];
    for (before, here) in [([API], silent), (silent, [API])] {
        let world = world(Some(&Runs::only(&before)), &Runs::only(&here), Vec::new());
        let refused = refused_at(&world, now());
        assert_eq!(refused.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::Blind], "{refused:?}");
    }
}

#[test]
fn checks_after_the_release_hold_for_the_artifact_that_comes_in_only() {
    let api = [API];
    let mut soaked_here = world(Some(&Runs::only(&api)), &Runs::only(&api), vec![soak()]);
    assert!(refused(&soaked_here)[0].contains("staging: soak"), "{:?}", refused(&soaked_here));
    soaked(&mut soaked_here);
    assert!(refused(&soaked_here).is_empty(), "{:?}", refused(&soaked_here));
    // Staging went on to something else, which is well.
    let next = [("api", "registry/api:1.6.0", Some("sha256:ffffffff"))];
    let mut moved_on = world(Some(&Runs::only(&next)), &Runs::only(&api), vec![soak()]);
    soaked(&mut moved_on);
    let refused_moved = refused(&moved_on);
    assert!(
        refused_moved.iter().any(|line| line.contains("staging runs 1.6.0: its checks say nothing of 1.5.0")),
        "{refused_moved:?}"
    );
    // Not seen at all, or not for some time.
    assert!(!refused(&world(None, &Runs::only(&api), vec![soak()])).is_empty());
    let later = now() + SignedDuration::from_secs(60);
    let stale = refused_at(&soaked_here, later);
    assert!(stale.iter().all(|refusal| refusal.kind == RefusalKind::Blind) && stale.len() == 2, "{stale:?}");
}

#[test]
fn a_version_that_only_dev_runs_is_no_candidate_for_prod() {
    let settings = |name: &str| EnvSettings { workloads: vec![id()], ..EnvSettings::new(name) };
    let mut world = World::new(["dev", "staging", "prod"].map(settings));
    let older = [("api", "registry/api:1.4.2", Some("sha256:bbbbbbbb"))];
    let newer = [API];
    for (env, runs) in [("dev", &newer), ("staging", &older), ("prod", &older)] {
        let target = WorkloadKey { env: EnvName::new(env), workload: id() };
        let snapshot = Some(Arc::new(Runs::only(runs).snapshot(false)));
        world.take(Feed::Workload { target, snapshot }, now());
    }
    let comes_in = |env: &str| {
        let env = world.environment(&EnvName::new(env)).unwrap();
        world.incoming(env, &id()).map(crate::domain::facts::workload::Revision::version)
    };
    assert_eq!(comes_in("staging").as_deref(), Some("1.5.0"));
    assert_eq!(comes_in("prod"), None);
}

#[test]
fn a_record_that_is_not_read_may_hold_a_no_go() {
    let api = [API];
    let mut world = world(Some(&Runs::only(&api)), &Runs::only(&api), Vec::new());
    let env = EnvName::new("prod");
    // Also where this config asks nobody: others may.
    assert!(refused(&world).is_empty());
    world.environments[1].record = None;
    assert!(refused(&world)[0].contains("is not read yet"), "{:?}", refused(&world));
    world.take(Feed::Record { env: env.clone(), known: Err("403 forbidden".to_owned()) }, now());
    assert!(refused(&world)[0].contains("cannot be read: 403 forbidden"));
    world.take(Feed::Record { env, known: Ok(()) }, now());
    assert!(refused(&world).is_empty());
}

/// A NO-GO or a gate of the environment before may stand there.
#[test]
fn the_record_of_the_environment_before_has_to_be_read() {
    let api = [API];
    let mut world = world(Some(&Runs::only(&api)), &Runs::only(&api), Vec::new());
    assert!(refused(&world).is_empty());
    let env = EnvName::new("staging");
    world.take(Feed::Record { env, known: Err("403 forbidden".to_owned()) }, now());
    assert!(refused(&world)[0].contains("staging: the shared record cannot be read: 403 forbidden"));
}

/// By `rollback --to`, too: another canary in between changes nothing.
#[test]
fn a_revision_that_regressed_against_stable_does_not_come_back_by_name() {
    let api = [API];
    let mut world = world(Some(&Runs::only(&api)), &Runs::only(&api), Vec::new());
    let why = |world: &World| {
        let env = world.environment(&EnvName::new("prod")).unwrap();
        let workload = env.workload(&id()).unwrap();
        let snapshot = workload.snapshot.as_ref().unwrap();
        let revision = snapshot.revision(snapshot.replicaset("new").unwrap());
        let refusals = in_the_way_of(world, env, (workload, &revision), now());
        refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
    };
    assert!(!why(&world).contains("regressed"), "{}", why(&world));
    let regression = Regression {
        target: WorkloadKey { env: EnvName::new("prod"), workload: id() },
        cluster: None,
        uid: "u".to_owned(),
        canary: "new".to_owned(),
        stable: "old".to_owned(),
        version: "1.5.0".to_owned(),
        why: "errors".to_owned(),
        by: "ada".to_owned(),
        at: now(),
    };
    world.ledger.take(&Line::after(None, now(), Entry::Regressed(Box::new(regression))));
    assert!(why(&world).contains("1.5.0 regressed, by the analysis of ada"), "{}", why(&world));
}

#[test]
fn the_built_in_check_and_planning_say_the_same() {
    let other = [("api", "registry/api:1.5.0", Some("sha256:bbbbbbbb"))];
    let world = world(Some(&Runs::only(&[API])), &Runs::only(&other), Vec::new());
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let candidate = world.candidate(env).unwrap();
    let finding = BuiltinCheck::Artifact.finding(&world, env, &candidate, &world.ledger, now());
    assert_eq!(finding.found, CheckOutcome::Failed);
    assert!(refused(&world)[0].contains(&finding.summary));
}

#[test]
fn without_proof_a_go_counts_nowhere_that_keys_are_required() {
    let mut world = world(Some(&Runs::only(&[API])), &Runs::only(&[API]), Vec::new());
    world.ledger.keys_required = true;
    let seat = |world: &World| {
        let env = world.environment(&EnvName::new("prod")).unwrap();
        let seats = role_statuses(env, &world.ledger, &world.candidate(env).unwrap());
        let signature = seats[0].signatures[0].clone();
        (signature.sign_off.decision, signature.sign_off.note, signature.void)
    };
    let candidate = world.candidate(world.environment(&EnvName::new("prod")).unwrap()).unwrap();
    let say = |decision, at: i64, note: &str, proof: Proof| SignOff {
        env: EnvName::new("prod"),
        cluster: None,
        role: "sre".to_owned(),
        who: "bob".to_owned(),
        verified: true,
        decision,
        note: note.to_owned(),
        at: Timestamp::from_second(at).unwrap(),
        subject: candidate.key.clone(),
        digest: candidate.digest.clone(),
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof,
    };
    let unsigned = || Proof::Missing(Flaw::Unsigned);
    let take = |world: &mut World, said: SignOff| {
        world.ledger.take(&Line::after(None, now(), Entry::SignedOff(said)));
        seat(world)
    };
    let void = |why: &str| Some(why.to_owned());
    // What was never proven counts as little as what cannot be.
    let plain = take(&mut world, say(Decision::Go, 1, "plain", Proof::NotRequired));
    assert_eq!(plain, (Decision::Go, "plain".to_owned(), void("unsigned")));
    let proven = take(&mut world, say(Decision::Go, 2, "proven", Proof::ByKey));
    assert_eq!(proven, (Decision::Go, "proven".to_owned(), None));
    // A later one that is not proven hides it as little as it counts.
    assert_eq!(take(&mut world, say(Decision::Go, 3, "forged", unsigned())), proven);
    let no_go = say(Decision::NoGo, 4, "stop", unsigned());
    assert_eq!(take(&mut world, no_go.clone()), (Decision::NoGo, "stop".to_owned(), None));
    let back = |proof| SignOff { takes_back: Some(no_go.at), ..say(Decision::Go, 5, "back", proof) };
    assert_eq!(take(&mut world, back(unsigned())).0, Decision::NoGo);
    assert_eq!(take(&mut world, back(Proof::ByKey)), (Decision::Go, "back".to_owned(), None));
    // Somebody else in that role, where its author is not there: by a key, and never by another NO-GO.
    let gone = say(Decision::NoGo, 6, "gone home", unsigned());
    assert_eq!(take(&mut world, gone.clone()).0, Decision::NoGo);
    let for_bob = |decision, role: &str, proof| SignOff {
        who: "eve".to_owned(),
        role: role.to_owned(),
        takes_back: Some(gone.at),
        takes_back_of: Some("bob".to_owned()),
        ..say(decision, 7, "he may", proof)
    };
    assert_eq!(take(&mut world, for_bob(Decision::NoGo, "sre", Proof::ByKey)).2, None);
    assert_eq!(take(&mut world, for_bob(Decision::Go, "product", Proof::ByKey)).2, None);
    assert_eq!(take(&mut world, for_bob(Decision::Go, "sre", unsigned())).2, None);
    let taken_back = (Decision::NoGo, "gone home".to_owned(), void("taken back by eve"));
    assert_eq!(take(&mut world, for_bob(Decision::Go, "sre", Proof::ByKey)), taken_back);
}

const WEB: Part<'_> = ("web", "registry/web:1.0.0", Some("sha256:cccccccc"));
const FORGED: Part<'_> = ("web", "elsewhere/web:6.6.6", Some("sha256:eeeeeeee"));

#[test]
fn each_workload_that_goes_out_is_compared() {
    let (api, web, forged) = ([API], [WEB], [FORGED]);
    let (api, web, forged) = (Runs::only(&api), Runs::only(&web), Runs::only(&forged));
    let of = |world: &World, id: &str| {
        let env = world.environment(&EnvName::new("prod")).unwrap();
        let refusals = in_the_way(world, env, env.workload(&id.parse().unwrap()).unwrap(), now());
        refusals.iter().map(Refusal::line).collect::<Vec<_>>()
    };
    let world = world_of_two([&api, &web], [(&api, true), (&forged, true)]);
    assert!(of(&world, "rollout/api").is_empty(), "{:?}", of(&world, "rollout/api"));
    assert!(of(&world, "rollout/web")[0].starts_with("artifact: web: eeeeeeee on 0/2 pods of staging"));
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let all = answer(&world, env, now());
    assert_eq!(all.reasons[0].text, "artifact: web: web: eeeeeeee on 0/2 pods of staging");
    let finding = BuiltinCheck::Artifact.finding(&world, env, &world.candidate(env).unwrap(), &world.ledger, now());
    assert_eq!(finding.found, CheckOutcome::Failed);
    let good = world_of_two([&api, &web], [(&api, true), (&web, true)]);
    assert!(of(&good, "rollout/web").is_empty());
    assert!(answer(&good, good.environment(&EnvName::new("prod")).unwrap(), now()).reasons.is_empty());
}

#[test]
fn images_that_stay_as_they_are_do_not_change_with_the_candidate() {
    // Stable runs `api:1.4.2` alone.
    let stays = ("side", "mirror/api:1.4.2", Some("sha256:bbbbbbbb"));
    let (api, web, same) = ([API, stays], [WEB], [stays]);
    let (api, web, same) = (Runs::only(&api), Runs::only(&web), Runs::only(&same));
    let changing = |prod: [(&Runs<'_>, bool); 2]| {
        let world = world_of_two([prod[0].0, prod[1].0], prod);
        let candidate = world.candidate(world.environment(&EnvName::new("prod")).unwrap()).unwrap();
        let images = candidate.changing().map(|image| image.split('@').next().unwrap_or_default().to_owned());
        images.collect::<Vec<_>>()
    };
    assert_eq!(changing([(&api, true), (&web, false)]), ["api:1.5.0"]);
    assert_eq!(changing([(&api, true), (&web, true)]), ["api:1.5.0", "web:1.0.0"]);
    // Its settings alone change.
    assert_eq!(changing([(&same, true), (&web, false)]), ["api:1.4.2"]);
    assert_eq!(changing([(&api, false), (&web, false)]), [""; 0]);
}

#[test]
fn a_tag_of_another_repository_says_nothing_before_a_pod_runs_it() {
    let api = [API];
    let before = Runs::only(&api);
    let refused_with = |image: &str| {
        let parts = [("api", image, None)];
        let mut world = world(Some(&before), &Runs::only(&parts), Vec::new());
        let target = WorkloadKey { env: EnvName::new("prod"), workload: id() };
        let without_pods = Snapshot { pods: Vec::new(), ..Runs::only(&parts).snapshot(true) };
        world.take(Feed::Workload { target, snapshot: Some(Arc::new(without_pods)) }, now());
        refused_at(&world, now()).iter().map(|refusal| refusal.kind).collect::<Vec<_>>()
    };
    assert_eq!(refused_with("registry/api:1.5.0"), []);
    assert_eq!(refused_with("elsewhere/api:1.5.0"), [RefusalKind::Blind]);
    assert_eq!(refused_with("elsewhere/api:1.5.0@sha256:aaaaaaaa"), []);
}

fn signed_no_go(world: &mut World, subject: &str) -> bool {
    let said = SignOff {
        env: EnvName::new("prod"),
        cluster: None,
        role: "sre".to_owned(),
        who: "alice".to_owned(),
        verified: true,
        decision: Decision::NoGo,
        note: "not yet".to_owned(),
        at: now(),
        subject: subject.to_owned(),
        digest: None,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::NotRequired,
    };
    world.ledger.take(&Line::after(None, now(), Entry::SignedOff(said)));
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let reasons = answer(world, env, now()).reasons;
    reasons.iter().any(|reason| reason.text == "alice signed NO-GO as sre: “not yet”")
}

#[test]
fn a_no_go_holds_for_each_artifact_that_is_still_going_out() {
    let (api, web) = ([API], [WEB]);
    let (api, web) = (Runs::only(&api), Runs::only(&web));
    let fresh = |web_goes_out: bool| world_of_two([&api, &web], [(&api, true), (&web, web_goes_out)]);
    let key = |world: &World| world.candidate(world.environment(&EnvName::new("prod")).unwrap()).unwrap().key;
    let (ours, theirs) = (key(&fresh(true)), "api=api:1.6.0@sha256:f web=web:1.0.0@sha256:cccccccc");
    assert!(signed_no_go(&mut fresh(true), &ours));
    // Of one workload only, as a flag may show it, and with another web beside it.
    assert!(signed_no_go(&mut fresh(false), ours.split(' ').next().unwrap()));
    assert!(signed_no_go(&mut fresh(false), &ours.replace("web:1.0.0", "web:0.9.0")));
    assert!(signed_no_go(&mut fresh(true), theirs));
    // What everybody has already is not what it was said of.
    assert!(!signed_no_go(&mut fresh(false), theirs));
}

proptest! {
    /// Law 13: the clock of whoever signs GO neither makes it outlast a gate that went red after it, nor makes it void for what
    /// they knew.
    #[test]
    fn a_go_is_void_for_reds_that_its_author_did_not_know_whatever_their_clock_says(
        signed_at in -5_000_i64..5_000,
        red_at in -5_000_i64..5_000,
        is_known in any::<bool>(),
        is_earlier_version in any::<bool>(),
    ) {
        let parts = [API];
        let mut world = world(None, &Runs::only(&parts), Vec::new());
        world.environments[1].checks.push(Check::new(CheckSpec { phase: CheckPhase::Pre, ..soak() }));
        let env = world.environment(&EnvName::new("prod")).unwrap();
        let candidate = world.candidate(env).unwrap();
        let at = |seconds: i64| now() + SignedDuration::from_secs(seconds);
        let check = CheckId::new("soak");
        let named = RedRef { check: check.clone(), at: at(red_at) };
        let go = SignOff {
            env: EnvName::new("prod"),
            cluster: None,
            role: "sre".to_owned(),
            who: "alice".to_owned(),
            verified: false,
            decision: Decision::Go,
            note: String::new(),
            at: at(signed_at),
            subject: candidate.key.clone(),
            digest: candidate.digest.clone(),
            takes_back: None,
            takes_back_of: None,
            reds: (!is_earlier_version).then(|| is_known.then_some(named).into_iter().collect()),
            signature: None,
            proof: Proof::NotRequired,
        };
        let finding = Finding {
            found: CheckOutcome::Failed,
            summary: "3 failed".to_owned(),
            evidence: Vec::new(),
            green_when: String::new(),
            at: at(red_at),
            subject: candidate.key.clone(),
        };
        let red = Entry::Checked { env: EnvName::new("prod"), cluster: None, check, finding };
        let here = ClusterIdentity::unknown("shop");
        let is_void = |record: &[&Entry]| {
            let data = record.iter().map(|entry| shared::statement(entry).unwrap()).collect();
            let mut world = world.clone();
            world.ledger.merge(shared::read((&EnvName::new("prod"), &here), &data, at(10_000), None));
            let env = world.environment(&EnvName::new("prod")).unwrap();
            role_statuses(env, &world.ledger, &candidate)[0].signatures[0].void.is_some()
        };
        let go = Entry::SignedOff(go);
        prop_assert_eq!(is_void(&[&red, &go]), if is_earlier_version { red_at > signed_at } else { !is_known });
        // It was green in between, which stands nowhere.
        let Entry::Checked { env, cluster, check, finding } = red.clone() else { panic!("{red:?}") };
        let finding = Finding { at: finding.at + SignedDuration::from_secs(7), ..finding };
        let again = Entry::Checked { env, cluster, check, finding };
        prop_assert_eq!(is_void(&[&red, &go, &again]), !is_earlier_version || red_at + 7 > signed_at);
    }
}

/// Law 1: `gate` and a promotion ask the same, also where nothing is measured.
#[test]
fn what_is_not_seen_or_was_seen_long_ago_is_no_go_for_the_environment() {
    let parts = [API];
    let runs = Runs::only(&parts);
    let world = world(Some(&runs), &runs, Vec::new());
    let blind = |world: &World, at: Timestamp| {
        let of = answer(world, world.environment(&EnvName::new("prod")).unwrap(), at);
        (of.verdict, of.reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>())
    };
    let (before, _) = blind(&world, now());
    assert_ne!(before, Verdict::Blind);
    let (verdict, why) = blind(&world, now() + SignedDuration::from_mins(5));
    assert!(
        verdict == Verdict::Blind && why.iter().any(|why| why.starts_with("prod: state is")),
        "{verdict:?} {why:?}"
    );
    for missing in [false, true] {
        let mut world = world.clone();
        let prod = &mut world.environments[1];
        let mut worker = prod.workloads[0].clone();
        worker.id = "rollout/worker".parse().unwrap();
        (worker.status, worker.snapshot, worker.missing) = (None, None, missing);
        prod.workloads.push(worker);
        let (verdict, why) = blind(&world, now());
        assert!(verdict == Verdict::Blind && why[0].starts_with("rollout/worker "), "{verdict:?} {why:?}");
    }
}
