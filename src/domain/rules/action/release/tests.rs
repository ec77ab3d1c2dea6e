//! What comes into prod from staging: which image of which container, and what is refused.

mod by_git;
mod by_pipeline;
pub(crate) mod lane;
mod registries;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, Track, WorkloadId, WorkloadKey};
use crate::domain::facts::reduce;
use crate::domain::facts::signals::{NoData, Reading, Signal};
use crate::domain::facts::workload::rollout::TemplateRef;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::{Body, Intent, PlanRecord, Request, Verb};
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::{Plan, PlanContext, SeenWorkload, Settled, named, plan, settled};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::feed::Feed;
use crate::domain::world::verdict::{Assessment, Verdict};
use crate::domain::world::{EnvSettings, World};

/// A container: its name, its image, and the digest that pods run of it, if they say.
pub(crate) type Part<'a> = (&'a str, &'a str, Option<&'a str>);

pub(crate) const OLD: Part<'_> = ("api", "eu.example/shop/api:1.4.2", Some("sha256:old"));
pub(crate) const NEW: Part<'_> = ("api", "us.example/api:1.5.0", Some("sha256:new"));
const LOG: Part<'_> = ("log", "us.example/log:7", Some("sha256:log"));

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

pub(crate) fn id() -> WorkloadId {
    "rollout/api".parse().unwrap()
}

/// A workload of one environment.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a> {
    parts: &'a [Part<'a>],
    /// Whether another revision goes out.
    in_progress: bool,
    paused: bool,
    /// The mark of the release that its manifest has.
    mark: Option<&'a str>,
}

impl<'a> Runs<'a> {
    pub(crate) fn only(parts: &'a [Part<'a>]) -> Self {
        Self { parts, in_progress: false, paused: false, mark: None }
    }

    pub(crate) fn in_progress(self) -> Self {
        Self { in_progress: true, ..self }
    }

    fn snapshot(&self) -> Snapshot {
        let containers: Vec<Value> =
            self.parts.iter().map(|(name, image, _)| json!({"name": name, "image": image})).collect();
        let stable = if self.in_progress { "before" } else { "now" };
        let pauses = if self.in_progress { json!([{"reason": "CanaryPauseStep"}]) } else { Value::Null };
        let object = json!({
            "kind": "Rollout",
            "metadata": {"name": "api", "uid": "u", "generation": 3, "annotations": {"release-cockpit/released": self.mark}},
            "spec": {"replicas": 2, "paused": self.paused, "template": {"spec": {"containers": containers}},
                     "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
            "status": {"observedGeneration": "3", "phase": if self.in_progress { "Paused" } else { "Healthy" },
                       "currentPodHash": "now", "stableRS": stable, "pauseConditions": pauses, "replicas": 2,
                       "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
                       "currentStepIndex": if self.in_progress { 1 } else { 2 }},
        });
        let set = |hash: &str, revision: u64, containers: &Value| {
            reduce::replicaset(&json!({
                "metadata": {"name": format!("api-{hash}"), "uid": hash,
                             "creationTimestamp": format!("1970-01-12T13:0{revision}:00Z"),
                             "labels": {"rollouts-pod-template-hash": hash},
                             "annotations": {"rollout.argoproj.io/revision": revision.to_string()}},
                "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
                "status": {"replicas": 2, "readyReplicas": 2},
            }))
        };
        let mut replicasets = vec![set("now", 2, &json!(containers))];
        if self.in_progress {
            replicasets.push(set("before", 1, &json!([{"name": "api", "image": "us.example/api:1.4.2"}])));
        }
        let told = |(name, _, digest): &Part<'_>| {
            let id = digest.map_or_else(String::new, |digest| format!("any/thing@{digest}"));
            json!({"name": name, "ready": true, "imageID": id, "state": {"running": {}}})
        };
        let pod = json!({
            "metadata": {"name": "api-now-0", "labels": {"rollouts-pod-template-hash": "now"}},
            "spec": {"containers": containers},
            "status": {"phase": "Running", "containerStatuses": self.parts.iter().map(told).collect::<Vec<_>>()},
        });
        Snapshot { replicasets, pods: vec![reduce::pod(&pod)], ..Snapshot::of_object(Object::parse(&object).unwrap()) }
    }
}

fn world(staging: Runs<'_>, prod: Runs<'_>) -> World {
    let env = |name: &str| EnvSettings { namespace: name.to_owned(), workloads: vec![id()], ..EnvSettings::new(name) };
    let mut world = World::new([env("staging"), EnvSettings { protected: true, ..env("prod") }]);
    for (name, runs) in [("staging", staging), ("prod", prod)] {
        see(&mut world, name, runs);
    }
    world
}

fn see(world: &mut World, name: &str, runs: Runs<'_>) {
    let env = EnvName::new(name);
    let target = WorkloadKey { env: env.clone(), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(runs.snapshot())) }, now());
    world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
    world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
}

fn release(world: &World, env: &str) -> Result<Plan, Vec<Refusal>> {
    let target = WorkloadKey { env: EnvName::new(env), workload: id() }.into();
    let intent = Intent { verb: Verb::Release, target, to: None };
    plan(world, &intent, &PlanContext { now: now(), ..PlanContext::default() })
}

/// What stands in the way, in words.
fn refused(staging: Runs<'_>, prod: Runs<'_>) -> String {
    let refusals = release(&world(staging, prod), "prod").unwrap_err();
    refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
}

fn images(record: &PlanRecord) -> Vec<String> {
    let [Request::Kubernetes(request)] = record.requests.as_slice() else { panic!("{:?}", record.requests) };
    let Body::SetImages { images, .. } = &request.body else { panic!("{:?}", request.body) };
    images.iter().map(|next| next.image.clone()).collect()
}

#[test]
fn the_digest_that_runs_before_comes_in_from_the_own_registry() {
    let log_before = ("log", "eu.example/log:6", Some("sha256:log6"));
    let world = world(Runs::only(&[NEW, LOG]), Runs::only(&[OLD, log_before]));
    let plan = release(&world, "prod").unwrap();
    let record = plan.record();
    assert_eq!(images(record), ["eu.example/shop/api:1.5.0@sha256:new", "eu.example/log:7@sha256:log"]);
    assert_eq!(plan.typed(), Some("prod"));
    assert!(!record.moves_backward());
    assert_eq!(record.release, "api 1.5.0");
    assert_eq!(record.rests_on.len(), 1, "on what staging runs, too");
    let goes = record.goes.join("; ");
    assert!(goes.contains("api is pulled from eu.example/shop/api instead of us.example/api"), "{goes}");
}

#[test]
fn only_what_is_released_before_comes_in() {
    let here = Runs::only(&[OLD]);
    let going_out = Runs { in_progress: true, ..Runs::only(&[NEW]) };
    assert!(refused(going_out, here).contains("staging has nothing released to go on with: paused"));
    let seen = release(&world(Runs::only(&[NEW]), here), "staging").unwrap_err();
    assert!(seen[0].text.contains("staging is the first environment"), "{seen:?}");
    let same = ("api", "eu.example/shop/api:1.5.0@sha256:new", Some("sha256:new"));
    assert!(refused(Runs::only(&[NEW]), Runs::only(&[same])).contains("1.5.0 is what runs here"));
}

#[test]
fn nothing_comes_in_over_a_rollout_or_a_pause() {
    let new = Runs::only(&[NEW]);
    let going_out = Runs { in_progress: true, ..Runs::only(&[OLD]) };
    assert!(refused(new, going_out).contains("a rollout is in progress here"));
    let paused = Runs { paused: true, ..Runs::only(&[OLD]) };
    assert!(refused(new, paused).contains("it is paused manually"));
}

#[test]
fn an_artifact_that_does_not_fit_is_refused() {
    let here = Runs::only(&[OLD]);
    let untold = release(&world(Runs::only(&[("api", "us.example/api:1.5.0", None)]), here), "prod").unwrap_err();
    assert!(untold.iter().any(|refusal| refusal.kind == RefusalKind::Blind), "{untold:?}");
    assert!(refused(Runs::only(&[("api", "us.example/api:latest", Some("sha256:new"))]), here).contains("mutable tag"));
    assert!(refused(Runs::only(&[NEW, LOG]), here).contains("container log of staging is not in the template here"));
    assert!(
        refused(Runs::only(&[NEW]), Runs::only(&[OLD, LOG]))
            .contains("container log is not in the template of staging")
    );
    let other = ("api", "us.example/checkout:1.5.0", Some("sha256:new"));
    assert!(
        refused(Runs::only(&[other]), here)
            .contains("container api runs eu.example/shop/api here and us.example/checkout")
    );
}

/// What a person signs for before is what comes in, also when the environment before has moved on since.
#[test]
fn a_release_keeps_the_subject_that_was_signed_for() {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    let subject = |world: &World| {
        let env = world.environment(&EnvName::new("prod")).unwrap();
        world.candidate(env).map(|candidate| candidate.key).unwrap()
    };
    let before = subject(&world);
    let released = ("api", "eu.example/shop/api:1.5.0@sha256:new", Some("sha256:new"));
    let parts = [released];
    let in_progress = Runs { in_progress: true, ..Runs::only(&parts) };
    see(&mut world, "prod", in_progress);
    assert_eq!(subject(&world), before);
    see(&mut world, "staging", Runs::only(&[("api", "us.example/api:1.6.0", Some("sha256:newer"))]));
    assert_eq!(subject(&world), before);
    let other = [("api", "eu.example/shop/api:1.5.0@sha256:other", Some("sha256:other"))];
    see(&mut world, "prod", Runs { in_progress: true, ..Runs::only(&other) });
    assert_ne!(subject(&world), before);
}

#[test]
fn a_release_is_found_done_by_its_own_mark_alone() {
    let plan = release(&world(Runs::only(&[NEW]), Runs::only(&[OLD])), "prod").unwrap();
    let record = PlanRecord {
        facts: crate::domain::record::action::Facts { under_way: "earlier".to_owned(), ..plan.record().facts.clone() },
        ..plan.record().clone()
    };
    let set = images(plan.record())[0].clone();
    let looks = |image: &str, mark: Option<&str>, in_progress: bool| {
        let parts = [("api", image, Some("sha256:new"))];
        let runs = Runs { in_progress, mark, ..Runs::only(&parts) };
        settled(&record, &SeenWorkload { snapshot: runs.snapshot(), replicasets_known: true }.into())
    };
    let own = record.mark.clone();
    assert!(matches!(looks(&set, own.as_deref(), true), Settled::Done(_)), "it has come to its pause");
    assert!(matches!(looks(&set, own.as_deref(), false), Settled::Done(_)), "it serves everybody");
    assert!(matches!(looks(&set, Some("1970-01-01T00:00:00Z"), true), Settled::Lost(_)), "somebody else's release");
    assert!(matches!(looks(&set, None, true), Settled::Lost(_)));
    // Whoever sets another image leaves the mark as it is.
    for other in ["eu.example/shop/api:1.6.0", "eu.example/shop/api:1.5.0", OLD.1] {
        assert!(matches!(looks(other, own.as_deref(), true), Settled::Lost(_)), "{other}");
    }
    // A webhook has put a registry before it.
    let mirrored = format!("mirror.example/{set}");
    assert!(matches!(looks(&mirrored, own.as_deref(), true), Settled::Done(_)));
}

/// What was aborted, or does not get on, is not done, whatever the object asks for.
#[test]
fn a_release_that_was_given_up_is_not_done() {
    let plan = release(&world(Runs::only(&[NEW]), Runs::only(&[OLD])), "prod").unwrap();
    let record = PlanRecord {
        facts: crate::domain::record::action::Facts { under_way: "earlier".to_owned(), ..plan.record().facts.clone() },
        ..plan.record().clone()
    };
    let set = images(plan.record())[0].clone();
    let looks = |change: &dyn Fn(&mut crate::domain::facts::workload::rollout::Rollout)| {
        let parts = [("api", set.as_str(), Some("sha256:new"))];
        let runs = Runs { in_progress: true, mark: record.mark.as_deref(), ..Runs::only(&parts) };
        let mut snapshot = runs.snapshot();
        let Object::Rollout(rollout) = &mut snapshot.object else { panic!("a Rollout") };
        rollout.status.pause_conditions.clear();
        change(rollout);
        settled(&record, &SeenWorkload { snapshot, replicasets_known: true }.into())
    };
    let aborted = looks(&|rollout| {
        rollout.status.abort = true;
        rollout.status.phase = "Degraded".to_owned();
        rollout.status.message = "RolloutAborted: errors".to_owned();
    });
    assert!(
        matches!(&aborted, Settled::Lost(why) if why.starts_with("aborted since then: RolloutAborted")),
        "{aborted:?}"
    );
    let stuck = looks(&|rollout| rollout.status.phase = "Degraded".to_owned());
    assert!(matches!(stuck, Settled::Accepted(_)), "its pods may come up yet: {stuck:?}");
    let paused = looks(&|rollout| rollout.spec.paused = true);
    assert!(matches!(paused, Settled::Accepted(_)), "a person has paused it before its stop: {paused:?}");
}

#[test]
fn a_template_in_another_object_that_is_not_seen_yet_is_blind() {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    let mut snapshot = Runs::only(&[OLD]).snapshot();
    let Object::Rollout(rollout) = &mut snapshot.object else { panic!("a Rollout") };
    rollout.spec.workload_ref = Some(TemplateRef { kind: "Deployment".to_owned(), name: "api".to_owned() });
    rollout.spec.containers.clear();
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
    let refusals = release(&world, "prod").unwrap_err();
    let blind: Vec<String> =
        refusals.iter().filter(|refusal| refusal.kind == RefusalKind::Blind).map(Refusal::line).collect();
    assert!(blind.iter().any(|line| line.contains("the template in Deployment api is not known")), "{refusals:?}");
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn release_image(world: &World, env: &str, image: &str) -> Result<Plan, Vec<Refusal>> {
    let key = WorkloadKey { env: EnvName::new(env), workload: id() };
    let mut world = world.clone();
    let revision = named(&world, &key, image).map_err(|refusal| vec![refusal])?;
    world.name(&key, revision);
    release(&world, env)
}

fn refused_image(world: &World, env: &str, image: &str) -> (RefusalKind, String) {
    let refusals = release_image(world, env, image).unwrap_err();
    (refusals[0].kind, refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; "))
}

#[test]
fn an_image_comes_into_the_first_environment_by_its_digest() {
    let world = world(Runs::only(&[OLD, LOG]), Runs::only(&[OLD, LOG]));
    let plan = release_image(&world, "staging", &format!("eu.example/shop/api:1.6.0@{DIGEST}")).unwrap();
    // What is not named stays as it is.
    assert_eq!(images(plan.record()), [&format!("eu.example/shop/api:1.6.0@{DIGEST}"), "us.example/log:7"]);
    assert_eq!(plan.record().headline, "release 1.6.0");
    assert!(!plan.record().moves_backward());
    // The same image of another registry: it is pulled from the one that is used here.
    let plan = release_image(&world, "staging", &format!("build.example/api@{DIGEST}")).unwrap();
    assert_eq!(images(plan.record())[0], format!("eu.example/shop/api@{DIGEST}"));
}

#[test]
fn what_is_named_badly_is_refused_before_anything_is_sent() {
    let world = world(Runs::only(&[OLD, LOG]), Runs::only(&[OLD, LOG]));
    let named = |image: &str| refused_image(&world, "staging", image);
    let cases = [
        ("eu.example/shop/api:1.6.0", "names no digest"),
        ("eu.example/shop/api", "names no digest"),
        ("eu.example/shop/api:1.6.0@sha256:abc", "is no digest"),
        ("eu.example/shop/api:1.6.0@md5:0123456789abcdef0123456789abcdef", "is no digest"),
    ];
    for (image, says) in cases {
        let (kind, text) = named(image);
        assert!(kind == RefusalKind::Artifact && text.contains(says), "{image}: {text}");
    }
    assert!(named(&format!("eu.example/shop/api:latest@{DIGEST}")).1.contains("a tag that is moved"));
    assert!(named(&format!("eu.example/web:1@{DIGEST}")).1.contains("no container here runs eu.example/web"));
    let upper = DIGEST.to_uppercase().replace("SHA256", "sha256");
    assert!(named(&format!("eu.example/shop/api:1@{upper}")).1.contains("is no digest"));
}

#[test]
fn an_image_that_may_be_two_containers_is_ambiguous() {
    let two = [OLD, ("worker", "eu.example/batch/api:3", Some("sha256:worker"))];
    let world = world(Runs::only(&two), Runs::only(&[OLD]));
    let (_, text) = refused_image(&world, "staging", &format!("build.example/api:4@{DIGEST}"));
    assert!(text.contains("may be eu.example/batch/api or eu.example/shop/api"), "{text}");
    let plan = release_image(&world, "staging", &format!("eu.example/batch/api:4@{DIGEST}")).unwrap();
    assert_eq!(images(plan.record()), ["eu.example/shop/api:1.4.2", &format!("eu.example/batch/api:4@{DIGEST}")]);
}

/// Law 2: into every other environment comes what the one before it has released, whatever is typed.
#[test]
fn a_digest_that_the_environment_before_does_not_run_is_refused() {
    let world = world(Runs::only(&[NEW, LOG]), Runs::only(&[OLD, LOG]));
    let (kind, text) = refused_image(&world, "prod", &format!("us.example/api:1.5.0@{DIGEST}"));
    assert!(kind == RefusalKind::Artifact && text.contains("staging has released 1.5.0, not 1.5.0@01234567"), "{text}");
}

/// Law 1: what fails users in the environment before goes no further.
#[test]
fn what_is_no_go_in_the_environment_before_does_not_come_in() {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    assert!(release(&world, "prod").is_ok());
    let bad = Assessment::new(Verdict::NoGo, ["stable errors 9.16 % over 1.00 %".to_owned()]);
    world.environments[0].workloads[0].assessment = bad;
    let refusals = release(&world, "prod").unwrap_err();
    assert_eq!(refusals[0].kind, RefusalKind::Gate);
    assert!(refusals[0].text.contains("1.5.0 is NO-GO in staging: stable errors 9.16 %"), "{}", refusals[0].text);
}

/// Law 1: a machine that does not see how it does there lets through no more than one that sees that it is bad.
#[test]
fn what_is_not_seen_in_the_environment_before_does_not_come_in() {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    let blind = |world: &mut World, is_measured: bool, rate: Reading| {
        let staging = &mut world.environments[0];
        staging.settings.has_metrics = is_measured;
        let workload = &mut staging.workloads[0];
        workload.assessment =
            Assessment::new(Verdict::Blind, ["no data: stable requests (connection refused)".to_owned()]);
        workload.signals.now.insert((Track::Stable, Signal::Rps), rate);
        workload.signals.at = Some(now());
        release(world, "prod")
    };
    let silent = || Err(NoData::Failed("connection refused".to_owned()));
    let refusals = blind(&mut world, true, silent()).unwrap_err();
    assert_eq!(refusals[0].kind, RefusalKind::Blind);
    assert!(refusals[0].text.contains("how it does in staging is not known: no data"), "{}", refusals[0].text);
    assert!(blind(&mut world, true, Ok(40.0)).is_err(), "another signal is missing");
    world.environments[0].workloads[0].status.as_mut().unwrap().unseen = vec!["pods may not be read".to_owned()];
    assert!(blind(&mut world, true, Ok(0.0)).is_err(), "too few requests are not all that is wrong");
    world.environments[0].workloads[0].status.as_mut().unwrap().unseen.clear();
    // At rest nothing can be measured, and one that is not measured says nothing.
    assert!(blind(&mut world, true, Ok(0.0)).is_ok());
    assert!(blind(&mut world, false, silent()).is_ok());
}

/// Law 11, also where the controller has deleted the ReplicaSet (`revisionHistoryLimit`).
#[test]
fn what_was_rolled_back_does_not_come_in_again_without_its_replicaset() {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    assert!(release(&world, "prod").is_ok());
    let rejection = |images: &[&str], verb: Verb| Rejection {
        target: WorkloadKey { env: EnvName::new("prod"), workload: id() },
        cluster: None,
        uid: "u".to_owned(),
        hash: "gone".to_owned(),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        to: Some("1.4.2".to_owned()),
        verb,
        was_stable: true,
        by: "bob".to_owned(),
        at: now(),
        signature: None,
    };
    let state = |world: &World| release_state(world, world.environment(&EnvName::new("prod")).unwrap(), &id());
    for (images, is_it) in [
        (&["eu.example/shop/api:1.5.0"][..], true),
        (&["eu.example/shop/api:1.5.0@sha256:new"], true),
        (&["eu.example/shop/api:1.5.0@sha256:other"], false),
        (&["eu.example/shop/api:1.4.9"], false),
        (&["eu.example/shop/api:1.5.0", "eu.example/log:7"], false),
        (&[], false),
    ] {
        world.environments[1].workloads[0].rejected.take(&rejection(images, Verb::Rollback));
        let refused =
            release(&world, "prod").err().is_some_and(|all| all.iter().any(|one| one.kind == RefusalKind::Rejected));
        assert_eq!(refused, is_it, "{images:?}");
        assert_eq!(matches!(state(&world), Some(ReleaseState::RolledBack(_))), is_it, "{images:?}");
        world.environments[1].workloads[0].rejected.take(&rejection(images, Verb::Retry));
        assert!(release(&world, "prod").is_ok());
    }
    // What is made in the second of the rejection may come after it: all pods are restarted right after a rollback.
    let made: Timestamp = "1970-01-12T13:02:00Z".parse().unwrap();
    for (milliseconds, is_it) in [(700, false), (1_000, true)] {
        let at = made + jiff::SignedDuration::from_millis(milliseconds);
        let rejection = Rejection { at, ..rejection(&["eu.example/shop/api:1.5.0"], Verb::Rollback) };
        world.environments[1].workloads[0].rejected.take(&rejection);
        assert_eq!(matches!(state(&world), Some(ReleaseState::RolledBack(_))), is_it, "{milliseconds} ms");
    }
}

/// Whoever runs it again in a pipeline must not be told that all is well.
#[test]
fn what_was_aborted_or_is_not_taken_up_is_not_out() {
    let outgoing = Runs { in_progress: true, ..Runs::only(&[NEW]) };
    let mut world = world(Runs::only(&[NEW]), outgoing);
    let said = |world: &World| release(world, "prod").unwrap_err().remove(0);
    assert_eq!(said(&world).kind, RefusalKind::NothingToDo);
    world.environments[1].workloads[0].status.as_mut().unwrap().aborted = true;
    let refused = said(&world);
    assert_eq!(refused.kind, RefusalKind::Rejected);
    assert!(refused.line().starts_with("1.5.0 was aborted here, and is still in the manifest"), "{}", refused.line());
    // The manifest has it, and the controller refuses the spec.
    let mut snapshot = Runs::only(&[OLD]).snapshot();
    let Object::Rollout(rollout) = &mut snapshot.object else { panic!() };
    rollout.spec.containers[0].image = "eu.example/shop/api:1.5.0@sha256:new".to_owned();
    let refuses = crate::domain::facts::object::Condition { kind: "InvalidSpec".to_owned(), ..Default::default() };
    rollout.status.conditions.push(refuses);
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
    let refused = said(&world);
    assert_eq!(refused.kind, RefusalKind::State);
    assert!(refused.line().contains("the controller does not roll it out"), "{}", refused.line());
}

/// Staging moves on every day: what prod-eu has released goes on all the same.
#[test]
fn what_was_released_goes_on_though_the_next_is_coming() {
    let env = |name: &str| EnvSettings { namespace: name.to_owned(), workloads: vec![id()], ..EnvSettings::new(name) };
    let mut world = World::new(["staging", "prod-eu", "prod-us"].map(env));
    let next: Part<'_> = ("api", "us.example/api:1.6.0", Some("sha256:next"));
    see(&mut world, "prod-eu", Runs::only(&[NEW]));
    see(&mut world, "prod-us", Runs::only(&[OLD]));
    let of = |world: &World, env: &str| release_state(world, world.environment(&EnvName::new(env)).unwrap(), &id());
    for staging in [Runs { in_progress: true, ..Runs::only(&[next]) }, Runs::only(&[next])] {
        see(&mut world, "staging", staging);
        assert_ne!(of(&world, "prod-eu"), Some(ReleaseState::Released));
        let plan = release(&world, "prod-us").map_err(|all| all.iter().map(Refusal::line).collect::<Vec<_>>()).unwrap();
        assert_eq!(images(plan.record()), ["eu.example/shop/api:1.5.0@sha256:new"]);
        assert!(matches!(of(&world, "prod-us"), Some(ReleaseState::Next { .. })));
    }
    // Not where it is what something else was rolled back to.
    let rejection = Rejection {
        target: WorkloadKey { env: EnvName::new("prod-eu"), workload: id() },
        cluster: None,
        uid: "u".to_owned(),
        hash: "gone".to_owned(),
        images: vec!["us.example/api:1.5.9".to_owned()],
        to: Some("1.5.0".to_owned()),
        verb: Verb::Rollback,
        was_stable: true,
        by: "bob".to_owned(),
        at: now(),
        signature: None,
    };
    world.environments[1].workloads[0].rejected.take(&rejection);
    assert!(release(&world, "prod-us").is_err());
}
