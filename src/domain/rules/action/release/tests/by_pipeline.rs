//! A release where a pipeline of the user's own promotes: a run in place of a patch, and when it is done.

use jiff::SignedDuration;

use super::*;
use crate::domain::facts::changes::{Changes, Point};
use crate::domain::facts::pipeline::{ApprovalCall, GitlabCall, Pipeline, PipelineCall};
use crate::domain::record::action::{ActionId, PipelineRequest, Target};
use crate::domain::rules::action::{InProgress, RunState, SeenPipeline, SeenRun};
use crate::domain::world::Promote;

const NEXT: Part<'_> = ("api", "eu.example/shop/api:1.5.0@sha256:new", Some("sha256:new"));

fn command(words: &[&str]) -> Promote {
    let call = PipelineCall::Command(words.iter().map(|word| (*word).to_owned()).collect());
    let pipeline = Pipeline { call, timeout: SignedDuration::from_mins(10) };
    Promote { pipeline: Some(Box::new(pipeline)), is_withheld: false }
}

fn by(promote: Promote, staging: &[Part<'_>], prod: &[Part<'_>]) -> World {
    let mut world = world(Runs::only(staging), Runs::only(prod));
    world.environments[1].settings.promote = promote;
    world
}

fn request(record: &PlanRecord) -> &PipelineRequest {
    let [Request::Pipeline(request)] = record.requests.as_slice() else { panic!("{:?}", record.requests) };
    request
}

fn words(world: &World) -> Vec<String> {
    let plan = release(world, "prod").unwrap();
    let PipelineCall::Command(words) = &request(plan.record()).call else { panic!("no command") };
    words.clone()
}

#[test]
fn the_command_is_told_what_was_verified_by_its_digest() {
    let all = [
        "/bin/deploy",
        "{environment}",
        "--to={image}",
        "{digest}",
        "{tag}",
        "{workload}.{namespace}",
        "{images}",
        "{repository}",
    ];
    let world = by(command(&all), &[NEW], &[OLD]);
    let plan = release(&world, "prod").unwrap();
    let record = plan.record();
    let image = NEXT.1;
    let told = [
        "/bin/deploy",
        "prod",
        &format!("--to={image}"),
        "sha256:new",
        "1.5.0",
        "api.prod",
        &format!("api={image}"),
        "eu.example/shop/api",
    ];
    assert_eq!(words(&world), told);
    let Target::Pipeline(key) = &record.target else { panic!("{}", record.target) };
    assert_eq!((key.pipeline.as_str(), record.target.changes()), ("deploy", Some(key.workload_key())));
    assert_eq!(record.headline, "release 1.5.0 by deploy");
    // It rests on both environments as they were seen, and on its gates; its name is typed as ever.
    let there = world.find(&key.workload_key()).unwrap().1.snapshot.as_ref().unwrap();
    assert_eq!(record.facts, there.object.actions().facts());
    assert_eq!((record.rests_on.len(), record.gates_asked.len(), plan.typed()), (1, 1, Some("prod")));
    // What is written down is read the same.
    let record = record.clone().of_action(&ActionId("a1".to_owned()), "alice");
    assert_eq!(request(&record).action, Some(ActionId("a1".to_owned())));
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<PlanRecord>(&text).unwrap(), record);
}

#[test]
fn what_cannot_be_told_to_a_command_is_not_run() {
    let why = |world: &World| {
        let refusals = release(world, "prod").unwrap_err();
        refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
    };
    let no_tag = ("api", "us.example/api@sha256:new", Some("sha256:new"));
    assert!(why(&by(command(&["deploy", "{image}", "{tag}"]), &[no_tag], &[OLD])).contains("has no tag"));
    let log_before = ("log", "eu.example/log:6", Some("sha256:log6"));
    let several = by(command(&["deploy", "{image}"]), &[NEW, LOG], &[OLD, log_before]);
    assert!(why(&several).contains("several images change (api, log), and deploy is told one of them"));
    let several = by(command(&["deploy", "{images}"]), &[NEW, LOG], &[OLD, log_before]);
    assert_eq!(words(&several)[1], "api=eu.example/shop/api:1.5.0@sha256:new,log=eu.example/log:7@sha256:log");
    let mut hostile = by(command(&["deploy", "{namespace}", "{image}"]), &[NEW], &[OLD]);
    for namespace in ["--force", "a\nb", ""] {
        hostile.environments[1].settings.namespace = namespace.to_owned();
        assert!(why(&hostile).contains("cannot be given to deploy"), "{namespace:?}");
    }
}

#[test]
fn a_pipeline_that_nobody_trusts_is_neither_run_nor_passed_by() {
    let world = by(Promote { pipeline: None, is_withheld: true }, &[NEW], &[OLD]);
    let refusals = release(&world, "prod").unwrap_err();
    assert_eq!(refusals.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::Blind]);
    let mut world = by(command(&["deploy", "{image}"]), &[NEW], &[OLD]);
    world.environments[1].settings.read_only = true;
    assert!(release(&world, "prod").unwrap_err().iter().any(|refusal| refusal.kind == RefusalKind::ReadOnly));
}

/// What is begun, after what git says of the release.
fn begun(call: PipelineCall, staging: &[Part<'_>], git: impl Fn(&mut World)) -> Result<PipelineCall, String> {
    let pipeline = Pipeline { call, timeout: SignedDuration::from_mins(10) };
    let log_before = ("log", "eu.example/log:6", Some("sha256:log6"));
    let prod = if staging.len() == 1 { vec![OLD] } else { vec![OLD, log_before] };
    let mut world = by(Promote { pipeline: Some(Box::new(pipeline)), is_withheld: false }, staging, &prod);
    git(&mut world);
    let plan = release(&world, "prod");
    let plan = plan.map_err(|all| all.iter().map(Refusal::line).collect::<Vec<_>>().join("; "))?;
    Ok(request(plan.record()).call.clone())
}

fn no_repository(world: &mut World) {
    world.take(Feed::Repository { env: EnvName::new("prod"), found: false }, now());
}

fn git_says(world: &mut World, gathered: Result<Arc<Changes>, String>, is_it: bool) {
    let prod = EnvName::new("prod");
    world.take(Feed::Repository { env: prod.clone(), found: true }, now());
    let key = world.candidate(world.environment(&prod).unwrap()).unwrap().key;
    let subject = if is_it { key } else { "api=api:1.4.9".to_owned() };
    world.take(Feed::Changes { env: prod, subject, gathered }, now());
}

fn built() -> Arc<Changes> {
    let to = Point { commit: "9f".repeat(20), ..Point::default() };
    Arc::new(Changes { to, ..Changes::default() })
}

fn no_tag(world: &mut World) {
    git_says(world, Err("no tag v1.5.0".to_owned()), true);
}

/// The commit of a job of GitLab, of a branch or not.
fn job_after(git_ref: Option<&str>, git: impl Fn(&mut World)) -> Result<Option<String>, String> {
    let call = PipelineCall::Gitlab(GitlabCall {
        url: "https://gitlab.example/".to_owned(),
        project: "shop/api".to_owned(),
        job: Some("deploy-prod".to_owned()),
        git_ref: git_ref.map(ToOwned::to_owned),
        variables: [("IMAGE".to_owned(), "{image}".to_owned())].into(),
        commit: None,
    });
    let PipelineCall::Gitlab(call) = begun(call, &[NEW], git)? else { panic!("no job") };
    assert_eq!(call.variables["IMAGE"], NEXT.1);
    Ok(call.commit)
}

/// A deployment that is approved.
fn approved(comment: &str, staging: &[Part<'_>], git: impl Fn(&mut World)) -> Result<ApprovalCall, String> {
    let call = PipelineCall::Approval(ApprovalCall {
        url: "https://api.github.com/".to_owned(),
        repository: "shop/api".to_owned(),
        environment: "production".to_owned(),
        workflow: None,
        comment: comment.to_owned(),
        commit: None,
    });
    let PipelineCall::Approval(call) = begun(call, staging, git)? else { panic!("nothing to approve") };
    Ok(call)
}

#[test]
fn a_deployment_is_approved_only_for_a_commit_that_git_tells() {
    let comment = "release of {images} to {environment}";
    let after = |git: &dyn Fn(&mut World)| approved(comment, &[NEW], git);
    let call = after(&|world| git_says(world, Ok(built()), true)).unwrap();
    assert_eq!(call.commit, Some("9f".repeat(20)));
    assert_eq!(call.comment, format!("release of api={} to prod", NEXT.1));
    let waits = after(&|_| {}).unwrap_err();
    assert!(waits.contains("which run's deployment to `production`") && waits.contains("is looked for"), "{waits}");
    assert!(after(&|world| git_says(world, Ok(built()), false)).is_err(), "it is about something else");
    for unknown in [&no_repository as &dyn Fn(&mut World), &no_tag] {
        let why = after(unknown).unwrap_err();
        assert!(why.contains("let git tell it"), "{why}");
    }
    // It is told no image: several may change, unless its comment names one of them.
    let knows = |world: &mut World| git_says(world, Ok(built()), true);
    assert!(approved(comment, &[NEW, LOG], knows).unwrap().comment.contains(",log=eu.example/log:7@sha256:log"));
    assert!(approved("go", &[NEW, LOG], knows).is_ok());
    let why = approved("{image}", &[NEW, LOG], knows).unwrap_err();
    assert!(why.contains("several images change"), "{why}");
}

#[test]
fn a_job_is_that_of_the_commit_wherever_git_tells_it() {
    for git_ref in [None, Some("main")] {
        assert_eq!(job_after(git_ref, |world| git_says(world, Ok(built()), true)), Ok(Some("9f".repeat(20))));
        // Before git has answered, another pipeline might be chosen than after.
        let waits = job_after(git_ref, |_| {}).unwrap_err();
        assert!(waits.contains("is looked for"), "{waits}");
        assert!(job_after(git_ref, |world| git_says(world, Ok(built()), false)).is_err(), "it is about something else");
    }
    for unknown in [&no_repository as &dyn Fn(&mut World), &no_tag] {
        assert_eq!(job_after(Some("main"), unknown), Ok(None));
        let why = job_after(None, unknown).unwrap_err();
        assert!(why.contains("name a branch: `ref`"), "{why}");
    }
}

#[test]
fn the_cluster_decides_whatever_the_pipeline_says() {
    let plan = release(&by(command(&["deploy", "{image}"]), &[NEW], &[OLD]), "prod").unwrap();
    let record = plan.record();
    let sees = |runs: Runs<'_>, state: Option<RunState>| {
        let workload = SeenWorkload { snapshot: runs.snapshot(), replicasets_known: true };
        let run = state.map(|state| SeenRun { state, text: "`deploy` …".to_owned() });
        settled(record, &SeenPipeline { workload, run }.into())
    };
    let (old, new) = (Runs::only(&[OLD]), Runs::only(&[NEXT]));
    let other = Runs::only(&[("api", "eu.example/shop/api:1.6.0@sha256:other", Some("sha256:other"))]);
    let by_tag = Runs::only(&[("api", "eu.example/shop/api:1.5.0", Some("sha256:new"))]);
    let done = || Settled::Done("`deploy` …, cluster ✓".to_owned());
    assert_eq!(sees(new, Some(RunState::Succeeded)), done());
    assert_eq!(sees(new, Some(RunState::Failed)), done());
    assert_eq!(sees(new, None), Settled::Done("cluster ✓".to_owned()));
    assert_eq!(sees(new, Some(RunState::Running)), Settled::Running("`deploy` …, cluster ✓".to_owned()));
    for state in [RunState::Succeeded, RunState::Failed] {
        assert_eq!(sees(old, Some(state)), Settled::NotYet("`deploy` …, cluster … 1.4.2".to_owned()));
        assert_eq!(sees(other, Some(state)), Settled::NotYet("`deploy` …, cluster … 1.6.0".to_owned()));
        assert!(matches!(sees(by_tag, Some(state)), Settled::NotYet(_)), "a tag is no digest");
    }
    assert!(matches!(sees(old, Some(RunState::Elsewhere)), Settled::Running(_)));
    assert!(matches!(sees(old, None), Settled::NotYet(_)));
}

#[test]
fn a_rollback_says_that_a_pipeline_may_bring_it_back_and_asks_it_nothing() {
    let mut world = by(command(&["deploy", "{image}"]), &[NEW], &[OLD]);
    see(&mut world, "prod", Runs { in_progress: true, ..Runs::only(&[NEXT]) });
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() };
    let release_by = |verb| Intent { verb, target: target.clone().into(), to: None };
    let plan_with = |in_flight| {
        plan(&world, &release_by(Verb::Abort), &PlanContext { now: now(), in_flight, ..PlanContext::default() })
            .unwrap()
    };
    let at_rest = plan_with(Vec::new());
    let said = at_rest.record().not_undone.join("; ");
    assert!(said.contains("what deploy deploys from: its next run may bring it out again"), "{said}");
    assert!(at_rest.record().requests.iter().all(|request| request.kubernetes().is_some()));
    let key = crate::domain::record::action::PipelineKey {
        env: EnvName::new("prod"),
        pipeline: "deploy".to_owned(),
        promotes: id(),
    };
    let target = Target::Pipeline(key);
    let begun = InProgress { target, verb: Verb::Release, to_hash: None, is_in_doubt: false };
    let running = plan_with(vec![begun]);
    assert!(running.record().not_undone.join("; ").contains("deploy is in progress, and may bring it out again"));
}
