//! When the tag follows, and when it stays: over what controllers, pods and registries may say.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::reduce;
use crate::domain::facts::registry::Contents;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::{Intent, Outcome};
use crate::domain::record::checklist::{Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Finding, How};
use crate::domain::record::journal::{Entry, Line, hex};
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::tests::{NOW, canary, replicaset, texts};
use crate::domain::rules::action::{NamedTag, Seen, SeenTag, SeenWorkload, Settled, plan, settled};
use crate::domain::world::EnvSettings;
use crate::domain::world::feed::Feed;
use crate::domain::world::registry::{Answers, Looked, RegistrySettings};

const HOST: &str = "r.example";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// The digest that a revision runs.
fn digest(hash: &str) -> String {
    format!("sha256:{:0<64}", hex(hash.as_bytes()))
}

/// Revisions r0, r1, … in the order of their making, with so many ready pods each.
fn sets(pods: &[u32]) -> Vec<Value> {
    let set = |(index, ready): (usize, &u32)| {
        let hash = format!("r{index}");
        let mut set = replicaset(&hash, index as u32 + 1, &format!("2026-11-21T0{}:00:00Z", index + 5), *ready);
        let image = format!("{HOST}/shop/api:1.{index}.0@{}", digest(&hash));
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        set
    };
    pods.iter().enumerate().map(set).collect()
}

fn rollout(current: &str, stable: &str, phase: &str) -> Value {
    let mut rollout = canary(current, stable, phase);
    rollout["spec"]["replicas"] = json!(2);
    rollout
}

fn snapshot(object: &Value, sets: &[Value]) -> Snapshot {
    let mut replicasets: Vec<_> = sets.iter().map(reduce::replicaset).collect();
    replicasets.sort_by_key(|set| std::cmp::Reverse(set.revision()));
    Snapshot { replicasets, ..Snapshot::of_object(Object::parse(object).unwrap()) }
}

/// What the registry says that the tag names.
type Says = (Timestamp, Stored);

fn says(digest: Option<String>) -> Says {
    let contents = |digest| Stored::Present(Contents { digest: Some(digest), ..Contents::default() });
    (now(), digest.map_or(Stored::Absent, contents))
}

struct Scene {
    world: World,
    key: WorkloadKey,
}

impl Scene {
    fn new(object: &Value, sets: &[Value], rejected: &[&str]) -> Self {
        let snapshot = snapshot(object, sets);
        let key = WorkloadKey { env: EnvName::new("prod"), workload: snapshot.object.id() };
        let mut world = World::new([EnvSettings {
            workloads: vec![key.workload.clone()],
            registries: vec![RegistrySettings { host: HOST.to_owned(), require_signature: false }],
            stable_tag: Some("stable".to_owned()),
            ..EnvSettings::new("prod")
        }]);
        world.take(Feed::Workload { target: key.clone(), snapshot: Some(Arc::new(snapshot)) }, now());
        let link = Feed::Link { env: key.env.clone(), source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) };
        world.take(link, now());
        world.take(Feed::Record { env: key.env.clone(), known: Ok(()) }, now());
        let lines: Vec<Line> = rejected
            .iter()
            .map(|hash| {
                let rejection = Rejection {
                    target: key.clone(),
                    cluster: None,
                    uid: "u".to_owned(),
                    hash: (*hash).to_owned(),
                    images: vec![format!("{HOST}/shop/api:1.{}.0@{}", &hash[1..], digest(hash))],
                    to: None,
                    verb: Verb::Rollback,
                    was_stable: true,
                    by: "ada".to_owned(),
                    at: now(),
                    signature: None,
                };
                Line::after(None, now(), Entry::Rejected(Box::new(rejection)))
            })
            .collect();
        world.take_lines(&lines, now());
        Self { world, key }
    }

    /// A release that serves everybody.
    fn released() -> Self {
        Self::new(&rollout("r1", "r1", "Healthy"), &sets(&[0, 2]), &[])
    }

    fn says(mut self, (at, stored): Says) -> Self {
        let repository = Repository::parse(&format!("{HOST}/shop/api"));
        let image = StoredImage { repository, reference: "stable".to_owned() };
        let answers = Arc::new(Answers([(image, Looked { at, stored })].into()));
        let (env, host) = (self.key.env.clone(), HOST.to_owned());
        self.world.take(Feed::Registry { env, host, link: Link::Up, answers }, now());
        self
    }

    fn plan(&self) -> Result<Plan, Vec<Refusal>> {
        self.plan_around(&PlanContext { now: now(), ..PlanContext::default() })
    }

    fn plan_around(&self, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
        let target = Target::Tag(tag_of(&self.world, &self.key).unwrap());
        plan(&self.world, &Intent { verb: Verb::MoveTag, target, to: None }, around)
    }

    fn refused(&self) -> String {
        texts(&self.plan().unwrap_err())
    }
}

#[test]
fn the_tag_names_what_serves_everybody() {
    let plan = Scene::released().says(says(Some(digest("r0")))).plan().unwrap();
    let record = plan.record();
    assert_eq!(record.headline, "move tag stable to 1.1.0");
    assert_eq!((record.direction, plan.typed()), (Some(Direction::Forward), None));
    assert_eq!(record.release, "api 1.1.0");
    let request = record.requests[0].tag().unwrap();
    assert_eq!((request.place(), &request.digest), ("r.example/shop/api:stable".to_owned(), &digest("r1")));
    assert_eq!(request.was, Some(digest("r0")));
    // A first one is made.
    let first = Scene::released().says(says(None)).plan().unwrap();
    assert_eq!(first.record().requests[0].tag().unwrap().was, None);
    let already = Scene::released().says(says(Some(digest("r1")))).plan().unwrap_err();
    assert_eq!(already[0].kind, RefusalKind::NothingToDo);
    assert_eq!(already.len(), 1);
}

#[test]
fn after_a_rollback_it_goes_back_and_never_to_what_was_taken_back() {
    let mut sets = sets(&[2, 0]);
    // What is put back gets the next number.
    sets[0]["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!("3");
    let scene = Scene::new(&rollout("r0", "r0", "Healthy"), &sets, &["r1"]).says(says(Some(digest("r1"))));
    let around = PlanContext { now: now(), journal_broken: Some("full".to_owned()), ..PlanContext::default() };
    let plan = scene.plan_around(&around).unwrap();
    let record = plan.record();
    assert_eq!(record.requests[0].tag().unwrap().digest, digest("r0"));
    assert_eq!(record.direction, Some(Direction::Backward));
    assert_eq!(record.release, "api 1.1.0", "it belongs to the release that is taken back");
    // Forward, the disk has to take it first.
    let forward = Scene::released().says(says(None)).plan_around(&around).unwrap_err();
    assert!(texts(&forward).contains("the journal cannot be written"), "{}", texts(&forward));
}

#[test]
fn what_is_not_known_moves_no_tag() {
    let scene = Scene::released();
    assert!(scene.refused().contains("has not answered yet about r.example/shop/api:stable"), "{}", scene.refused());
    let old = now() - SignedDuration::from_secs(151);
    let scene = Scene::released().says((old, Stored::Absent));
    assert!(scene.refused().contains("has not answered yet"), "{}", scene.refused());
    let scene = Scene::released().says((now(), Stored::Unknown("503: Unavailable".to_owned())));
    assert!(scene.refused().contains("r.example: 503: Unavailable"), "{}", scene.refused());
    // A recording of before does not say what it names.
    let scene = Scene::released().says((now(), Stored::Present(Contents::default())));
    assert!(scene.refused().contains("does not say what"), "{}", scene.refused());
    let late = PlanContext { now: now() + SignedDuration::from_secs(60), ..PlanContext::default() };
    let stale = Scene::released().says(says(None)).plan_around(&late).unwrap_err();
    assert!(stale.iter().any(|refusal| refusal.kind == RefusalKind::Stale), "{}", texts(&stale));
    // Two pods of one tag may run two digests.
    let mut tagged = sets(&[0, 2]);
    tagged[1]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("r.example/shop/api:1.1.0");
    let scene = Scene::new(&rollout("r1", "r1", "Healthy"), &tagged, &[]).says(says(None));
    assert!(scene.refused().contains("not known which digest all its pods run"), "{}", scene.refused());
}

#[test]
fn a_gate_that_has_to_hold_afterwards_is_waited_for() {
    let gate = CheckSpec {
        id: CheckId::new("smoke"),
        title: "smoke".to_owned(),
        phase: CheckPhase::Post,
        gate: true,
        owner: None,
        how: How::Evidence("command".into()),
        fresh: None,
        runbook: None,
    };
    let mut scene = Scene::released().says(says(None));
    scene.world.environments[0].checks.push(Check::new(gate));
    let open = scene.plan().unwrap_err();
    assert!(open.iter().all(|refusal| refusal.kind == RefusalKind::Blind), "{}", texts(&open));
    let subject = scene.world.served(&scene.world.environments[0]).unwrap().key;
    let finding = |found| Finding {
        found,
        summary: "as asked".to_owned(),
        evidence: Vec::new(),
        green_when: String::new(),
        at: now(),
        subject: subject.clone(),
    };
    scene.world.environments[0].checks[0].finding = Some(finding(CheckOutcome::Failed));
    assert!(scene.refused().contains("smoke"), "{}", scene.refused());
    scene.world.environments[0].checks[0].finding = Some(finding(CheckOutcome::Passed));
    assert!(scene.plan().is_ok());
}

/// Law 2: what is promoted is never chosen by the tag, whatever it is called.
#[test]
fn a_canary_that_runs_by_the_tag_is_not_promoted() {
    for (tag, is_refused) in [("stable", true), ("follows", true), ("1.1.0", false)] {
        let mut tagged = sets(&[1, 1]);
        tagged[1]["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("{HOST}/shop/api:{tag}"));
        let mut object = rollout("r1", "r0", "Paused");
        object["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep", "startTime": NOW}]);
        object["status"]["controllerPause"] = json!(true);
        object["status"]["currentStepIndex"] = json!(1);
        let mut scene = Scene::new(&object, &tagged, &[]);
        scene.world.environments[0].settings.stable_tag = Some("follows".to_owned());
        let intent = Intent { verb: Verb::Promote, target: scene.key.clone().into(), to: None };
        let planned = plan(&scene.world, &intent, &PlanContext { now: now(), ..PlanContext::default() });
        let refused = planned.err().is_some_and(|refusals| texts(&refusals).contains("mutable tag"));
        assert_eq!(refused, is_refused, "{tag}");
    }
}

#[test]
fn containers_of_one_repository_run_one_digest() {
    let mut object = sets(&[0, 2]);
    let add = |object: &mut Vec<Value>, name: &str, image: String| {
        let containers = object[1]["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
        containers.push(json!({"name": name, "image": image}));
    };
    add(&mut object, "worker", format!("{HOST}/shop/api@{}", digest("r1")));
    add(&mut object, "mesh", "mesh.example/proxy:7".to_owned());
    let scene = Scene::new(&rollout("r1", "r1", "Healthy"), &object, &[]).says(says(None));
    let plan = scene.plan().unwrap();
    assert_eq!(plan.record().requests.len(), 1);
    let goes = plan.record().goes.join("; ");
    assert!(goes.contains("mesh: mesh.example is not in [[registries]], and is left alone"), "{goes}");
    add(&mut object, "cron", format!("{HOST}/shop/api@{}", digest("r0")));
    let scene = Scene::new(&rollout("r1", "r1", "Healthy"), &object, &[]).says(says(None));
    assert!(scene.refused().contains("a tag names one"), "{}", scene.refused());
    object[1]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("elsewhere.example/api:1");
    let scene = Scene::new(&rollout("r1", "r1", "Healthy"), &object, &[]).says(says(None));
    assert!(scene.refused().contains("elsewhere.example is not in [[registries]]"), "{}", scene.refused());
}

#[test]
fn a_tag_that_moved_or_a_workload_that_went_on_is_left_alone() {
    let plan = Scene::released().says(says(Some(digest("r0")))).plan().unwrap();
    let record = plan.record();
    let seen = |object: &Value, pods: &[u32], names: Option<String>, replicasets_known: bool| -> Seen {
        let request = record.requests[0].tag().unwrap();
        let (repository, tag) = (request.repository.clone(), request.tag.clone());
        let workload = Some(SeenWorkload { snapshot: snapshot(object, &sets(pods)), replicasets_known });
        SeenTag { workload, tags: vec![NamedTag { repository, tag, names }] }.into()
    };
    let released = rollout("r1", "r1", "Healthy");
    let moved = |seen: &Seen| seen.moved(record, &record.requests[0]);
    assert_eq!(moved(&seen(&released, &[0, 2], Some(digest("r0")), true)), None);
    let other = moved(&seen(&released, &[0, 2], Some(digest("r2")), true)).unwrap();
    assert!(other.starts_with("somebody moved r.example/shop/api:stable meanwhile"), "{other}");
    assert!(moved(&seen(&released, &[0, 2], None, true)).is_some());
    let still = moved(&seen(&released, &[1, 2], Some(digest("r0")), true)).unwrap();
    assert!(still.contains("still serving"), "{still}");
    assert!(moved(&seen(&released, &[0, 2], Some(digest("r0")), false)).is_some());
    let next = rollout("r2", "r1", "Progressing");
    assert!(moved(&seen(&next, &[0, 2, 1], Some(digest("r0")), true)).is_some());
    // Somebody else had it name the same: that is as wanted.
    assert!(seen(&released, &[0, 2], Some(digest("r1")), true).is_reached(&record.requests[0]));
    // What came of it is told by the registry alone.
    let told = |names| settled(record, &SeenTag { workload: None, tags: vec![named_tag(record, names)] }.into());
    assert!(matches!(told(Some(digest("r1"))), Settled::Done(_)));
    assert!(matches!(told(Some(digest("r0"))), Settled::NotYet(_)));
    assert!(matches!(told(None), Settled::NotYet(_)));
}

fn named_tag(record: &PlanRecord, names: Option<String>) -> NamedTag {
    let request = record.requests[0].tag().unwrap();
    NamedTag { repository: request.repository.clone(), tag: request.tag.clone(), names }
}

/// The journal holds no tag of what kind a target and a request are.
#[test]
fn a_journal_gives_back_what_was_moved() {
    let plan = Scene::released().says(says(Some(digest("r0")))).plan().unwrap();
    let text = serde_json::to_string(plan.record()).unwrap();
    assert_eq!(&serde_json::from_str::<PlanRecord>(&text).unwrap(), plan.record());
    assert!(!plan.record().moves_backward() && !Outcome::Refused { why: String::new() }.is_done());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Whatever controller and pods say, the tag is only ever let name the digest that every ready pod runs, of a revision that is
    /// the only one there is, is well, and that nobody rejected.
    #[test]
    fn only_what_serves_everybody_is_ever_named(
        current in 0_usize..3,
        stable in 0_usize..3,
        rejected in proptest::sample::subsequence(vec!["r0", "r1", "r2"], 0..=3),
        (paused, aborted, full, waits, observed) in any::<(bool, bool, bool, bool, bool)>(),
        phase in proptest::sample::select(vec!["Healthy", "Healthy", "Paused", "Progressing", "Degraded"]),
        step in 0_u64..3,
        pods in [0_u32..3, 0_u32..3, 0_u32..3],
        named in proptest::option::of(0_usize..3),
    ) {
        let mut object = rollout(&format!("r{current}"), &format!("r{stable}"), phase);
        object["spec"]["paused"] = json!(paused);
        object["status"]["abort"] = json!(aborted);
        object["status"]["promoteFull"] = json!(full);
        object["status"]["currentStepIndex"] = json!(step);
        object["status"]["observedGeneration"] = json!(if observed { "3" } else { "2" });
        if waits {
            object["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep", "startTime": NOW}]);
        }
        let named = named.map(|index| digest(&format!("r{index}")));
        let scene = Scene::new(&object, &sets(&pods), &rejected).says(says(named.clone()));
        let hash = format!("r{stable}");
        match scene.plan() {
            Ok(plan) => {
                prop_assert_eq!(current, stable);
                prop_assert!(observed && phase == "Healthy");
                prop_assert!(pods.iter().enumerate().all(|(index, ready)| (*ready > 0) == (index == stable)), "{:?}", pods);
                prop_assert!(!rejected.contains(&hash.as_str()), "{} was rejected", hash);
                let request = plan.record().requests[0].tag().cloned().unwrap();
                prop_assert_eq!(&request.digest, &digest(&hash));
                prop_assert_eq!(&request.was, &named);
                prop_assert!(named != Some(request.digest));
            }
            Err(refusals) => prop_assert!(!refusals.is_empty()),
        }
    }
}
