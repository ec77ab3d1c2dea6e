//! Promotion by a pipeline of the user's own.

use super::git::{changes, shares_image};
use super::plan::{Draft, PlanContext};
use crate::domain::facts::manifest::is_same_image;
use crate::domain::facts::object::{Container, ImageRef};
use crate::domain::facts::pipeline::{ApprovalCall, GitlabCall, Pipeline, PipelineCall};
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::{Snapshot, Status};
use crate::domain::record::action::{
    Body, KubernetesRequest, PipelineKey, PipelineRequest, PlanRecord, Request, Target,
};
use crate::domain::rules::checklist::BuiltFrom;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, WorkloadState, World};

/// Makes a release a run of the environment's pipeline, where it has one; `None` where it has not.
pub(super) fn release(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    (snapshot, status): (&Snapshot, &Status),
    draft: Draft,
) -> Result<(Draft, Option<PipelineKey>), Refusal> {
    if env.settings.promote.is_withheld {
        let text = "./cockpit.toml is not trusted, and says that a pipeline promotes here";
        return Err(Refusal::new(RefusalKind::Blind, text, "run `cockpit trust`"));
    }
    let Some(pipeline) = &env.settings.promote.pipeline else { return Ok((draft, None)) };
    let Some(Request::Kubernetes(KubernetesRequest { body: Body::SetImages { images, .. }, .. })) =
        draft.requests.first()
    else {
        return Ok((draft, None));
    };
    let here = status.canary.as_ref().or(status.stable.as_ref());
    let here = here.ok_or_else(|| Refusal::new(RefusalKind::NotSeen, "not seen what runs here", ""))?;
    let next: Vec<(&str, &str)> = images.iter().map(|next| (next.name.as_str(), next.image.as_str())).collect();
    let changes = changes(env, workload, snapshot, (here, &next));
    if changes.is_empty() {
        let text = format!("{} is what runs here", draft.headline.trim_start_matches("release "));
        return Err(Refusal::new(RefusalKind::NothingToDo, text, ""));
    }
    // Gates were asked for this workload alone (law 1).
    let is_told_which = pipeline.call.is_told_what() && pipeline.call.takes("workload");
    if let Some(other) = shares_image(env, workload, &changes).filter(|_| !is_told_which) {
        let text =
            format!("{} is not told which workload, and {} runs that image, too", pipeline.call.name(), other.id);
        let help = if pipeline.call.is_told_what() {
            "give it `{workload}`, and let it bring the image to that one only"
        } else {
            "begin a workflow instead that is told `{workload}` by `inputs`, and brings the image to that one only"
        };
        return Err(Refusal::new(RefusalKind::Gate, text, help));
    }
    let brings: Vec<Container> = changes
        .iter()
        .map(|change| Container { name: change.place.container.clone(), image: change.to.clone() })
        .collect();
    let mut call = filled(env, workload, pipeline, &brings)?;
    let of = commit_of(world, env, workload, &call)?;
    if let PipelineCall::Gitlab(GitlabCall { commit, .. }) | PipelineCall::Approval(ApprovalCall { commit, .. }) =
        &mut call
    {
        *commit = of;
    }
    let mut goes: Vec<String> =
        changes.iter().map(|change| format!("{}: {} → {}", change.place.container, change.from, change.to)).collect();
    goes.push(match &call {
        PipelineCall::Command(_) => {
            let limit = duration(pipeline.timeout);
            format!("{} runs here, without a shell, for at most {limit}; it ends with this program", call.name())
        }
        PipelineCall::Workflow(_) => "the workflow is begun once; where and when it runs is up to GitHub".to_owned(),
        PipelineCall::Approval(_) => {
            "the deployment is approved once, where it waits to be; the run deploys what it built, and when is up to GitHub"
                .to_owned()
        }
        PipelineCall::Gitlab(GitlabCall { job: Some(_), .. }) => {
            "the job is played once, where it waits to be; when it runs is up to GitLab".to_owned()
        }
        PipelineCall::Gitlab(_) => "the pipeline is begun once; when it runs is up to GitLab".to_owned(),
        PipelineCall::Jenkins(_) => "the build is asked for once; when it runs is up to Jenkins".to_owned(),
    });
    goes.push(
        "done once this workload runs these images and is as far as it gets by itself, whatever the pipeline says"
            .to_owned(),
    );
    let key = PipelineKey { env: env.name().clone(), pipeline: call.name(), promotes: workload.id.clone() };
    let timeout_seconds = pipeline.timeout.as_secs().unsigned_abs();
    let headline = format!("{} by {}", draft.headline, call.name());
    let request = PipelineRequest { call, brings, timeout_seconds, action: None };
    Ok((Draft { headline, goes, requests: vec![request.into()], mark: None, ..draft }, Some(key)))
}

/// Returns the commit whose pipeline has the job, or whose run is approved; `None` where neither goes by it.
fn commit_of(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    call: &PipelineCall,
) -> Result<Option<String>, Refusal> {
    let (what, has_other, help) = match call {
        PipelineCall::Gitlab(GitlabCall { job: Some(job), git_ref, .. }) => (
            format!("which pipeline's `{job}` is to be played"),
            git_ref.is_some(),
            "let git tell it (`repository` of [service]), or name a branch: `ref` of `promote`",
        ),
        PipelineCall::Approval(ApprovalCall { environment, .. }) => (
            format!("which run's deployment to `{environment}` is to be approved"),
            false,
            "let git tell it: `repository` of [service], in which the version has a tag",
        ),
        PipelineCall::Command(_)
        | PipelineCall::Workflow(_)
        | PipelineCall::Gitlab(GitlabCall { job: None, .. })
        | PipelineCall::Jenkins(_) => return Ok(None),
    };
    let what = format!("not known {what}: the commit that it was built from");
    match world.built_from(env, &workload.id) {
        BuiltFrom::Commit(commit) => Ok(Some(commit)),
        // Once git has answered, another one might be chosen.
        BuiltFrom::NotYet => Err(Refusal::new(RefusalKind::Blind, format!("{what} is looked for"), "ask again")),
        BuiltFrom::Unknown(_) if has_other => Ok(None),
        BuiltFrom::Unknown(why) => Err(Refusal::new(RefusalKind::Blind, format!("{what} is unknown: {why}"), help)),
    }
}

/// Puts what is promoted into the words of a pipeline.
fn filled(
    env: &Environment,
    workload: &WorkloadState,
    pipeline: &Pipeline,
    brings: &[Container],
) -> Result<PipelineCall, Refusal> {
    let call = &pipeline.call;
    let first = brings.first().map_or("", |container| container.image.as_str());
    let parsed = ImageRef::parse(first);
    let digest = parsed.digest.unwrap_or_default();
    let each: Vec<String> = brings.iter().map(|container| format!("{}={}", container.name, container.image)).collect();
    let is_one = brings.iter().all(|container| is_same_image(&container.image, first));
    let names_one = ["image", "digest", "repository", "tag"].iter().any(|name| call.takes(name));
    if !is_one && names_one && !call.takes("images") {
        let names: Vec<&str> = brings.iter().map(|container| container.name.as_str()).collect();
        let text = format!("several images change ({}), and {} is told one of them", names.join(", "), call.name());
        return Err(Refusal::state(text, "give it `{images}`: NAME=IMAGE of each container, with commas"));
    }
    if call.takes("tag") && parsed.tag.is_none() {
        let text = format!("{first} has no tag, which {} is to be told", call.name());
        return Err(Refusal::state(text, "name it with its tag, or give the pipeline `{digest}`"));
    }
    let filled = call.filled(&[
        ("environment", env.name().as_str()),
        ("image", first),
        ("images", &each.join(",")),
        ("repository", parsed.repository),
        ("digest", digest),
        ("tag", parsed.tag.unwrap_or_default()),
        ("workload", &workload.id.name),
        ("namespace", &env.settings.namespace),
    ]);
    filled.map_err(|value| {
        let text = format!("`{}` cannot be given to {}", value.escape_debug(), call.name());
        Refusal::state(text, "it is empty, begins with `-` or has control characters")
    })
}

/// Sets what a plan is about: the pipeline in place of the workload. The facts stay those of the workload: nothing can be
/// made conditional on them at a pipeline, so they are compared right before it is begun.
pub(super) fn by_pipeline(record: &mut PlanRecord, key: PipelineKey) {
    record.target = Target::Pipeline(key);
    record.resource_version = String::new();
}

/// Says that a pipeline may bring back what is taken back.
pub(super) fn may_bring_back(env: &Environment, workload: &WorkloadState, around: &PlanContext) -> Option<String> {
    let pipeline = env.settings.promote.pipeline.as_ref()?;
    let name = pipeline.call.name();
    let is_it = |target: &Target| matches!(target, Target::Pipeline(key) if key.promotes == workload.id && key.env == *env.name());
    Some(if around.in_flight.iter().any(|other| is_it(&other.target)) {
        format!("{name} is in progress, and may bring it out again: stop it where it runs")
    } else {
        format!("what {name} deploys from: its next run may bring it out again")
    })
}
