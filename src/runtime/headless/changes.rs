//! `cockpit changes`: what is in the release, from git and the API servers.

use std::path::Path;

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, complain, print, usage};
use crate::cli::Exit;
use crate::cli::changes::{Changes, ChangesContext, Output, json, text};
use crate::cli::output::json_pretty;
use crate::cli::target::TargetError;
use crate::config::checks::{CheckKind, Drift};
use crate::config::{CheckConfig, Config};
use crate::domain::facts::changes::notes::markdown;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::workload::Revision;
use crate::domain::rules::checklist::{Candidate, CandidateState};
use crate::domain::world::{Environment, World};
use crate::platform::kubeconfig::Clusters;
use crate::platform::{Redactor, Variables};
use crate::sources::changes::{ChangesRequest, gather, origin};
use crate::sources::checks::{Built, CheckInput, Tools};
use crate::sources::git::{Git, Origin, repository};
use crate::sources::kubernetes::ReadClient;

pub(super) async fn run(driver: &mut Driver, config: &Config, variables: &Variables, what: &Changes) -> Result<Exit> {
    let folder = config.origin.as_ref().and_then(|origin| origin.path.parent());
    let repository = match repository(config.service.repository.as_deref(), folder).await {
        Ok(repository) => repository,
        Err(error) => return Ok(usage(driver.redactor(), &error)),
    };
    driver.until(FIRST_DATA_TIMEOUT, |core| core.world.environments.iter().all(seen)).await?;
    let env = match environment(&driver.core.world, what.env.as_deref()) {
        Ok(env) => env,
        Err(error) => return Ok(usage(driver.redactor(), &error)),
    };
    let Some(candidate) = driver.core.world.candidate(env) else {
        let why = env.kubernetes().link.why().unwrap_or("no workload was seen").to_owned();
        return Ok(blind(driver.redactor(), env.name(), &format!("what is released is unknown: {why}")));
    };
    match look(driver, config, variables, env, &candidate, &repository).await {
        Ok(looked) => tell(config, env, &candidate, what, &looked).await,
        Err(why) => Ok(blind(driver.redactor(), env.name(), &why)),
    }
}

fn blind(redactor: &Redactor, env: &EnvName, why: &str) -> Exit {
    complain(redactor, &format!("{env}: {why}"));
    Exit::Blind
}

async fn tell(
    config: &Config,
    env: &Environment,
    candidate: &Candidate,
    what: &Changes,
    looked: &ChangesInput,
) -> Result<Exit> {
    let ChangesInput { scene, tools } = looked;
    let changes = match gather(scene, tools, &asked(config, env, scene)).await {
        Ok(changes) => changes,
        Err(why) => return Ok(blind(&tools.redactor, env.name(), &why)),
    };
    let standing = match candidate.standing {
        CandidateState::UnderWay => "under way",
        CandidateState::Incoming => "to come",
        CandidateState::Settled => "there",
    };
    let before = scene.previous.as_ref().map(EnvName::as_str);
    let place = ChangesContext { env: env.name().as_str(), standing, before };
    print(&match (what.audience(), what.output) {
        (Some(audience), _) => markdown(&changes, audience),
        (None, Output::Json) => json_pretty(&json(&changes, &place)) + "\n",
        (None, _) => text(&changes, &place),
    })?;
    Ok(Exit::Done)
}

/// Whether the workloads of an environment were seen, or cannot be.
fn seen(env: &Environment) -> bool {
    let all = env.workloads.iter().all(|workload| workload.missing || workload.status.is_some());
    env.kubernetes().link.why().is_some() || (!env.workloads.is_empty() && all)
}

/// Returns the environment that was named; else one with something in progress, else one with something to come, else the
/// first.
fn environment<'w>(world: &'w World, name: Option<&str>) -> Result<&'w Environment, TargetError> {
    let all = &world.environments;
    if let Some(name) = name {
        return world.environment(&EnvName::new(name)).ok_or_else(|| TargetError::NoEnvironment {
            name: name.to_owned(),
            known: all.iter().map(|env| env.name().to_string()).collect(),
        });
    }
    let with = |standing| all.iter().find(|env| world.candidate(env).is_some_and(|found| found.standing == standing));
    with(CandidateState::UnderWay)
        .or_else(|| with(CandidateState::Incoming))
        .or(all.first())
        .ok_or(TargetError::Nothing)
}

/// What the changes are about, and what to look with.
struct ChangesInput {
    scene: CheckInput,
    tools: Tools,
}

/// Returns what the changes are about, with what to look with: its commits are determined by labels, images and tags.
async fn look(
    driver: &Driver,
    config: &Config,
    variables: &Variables,
    env: &Environment,
    candidate: &Candidate,
    repository: &Path,
) -> Result<ChangesInput, String> {
    let world = &driver.core.world;
    let previous = world.previous(env);
    let tools = Tools {
        cluster: cluster(variables, driver.redactor(), env).await,
        previous: match previous {
            Some(previous) => cluster(variables, driver.redactor(), previous).await,
            None => None,
        },
        repository: Some(repository.to_owned()),
        tag_prefix: config.service.tag_prefix.clone(),
        redactor: driver.redactor().clone(),
        ..Tools::default()
    };
    let git = Git::open(repository).await.map_err(|error| error.to_string())?;
    let commit = async |revision: &Revision, at: &Environment| {
        let there = cluster(variables, driver.redactor(), at).await;
        origin(&git, there.as_ref(), revision, tools.tag_prefix()).await
    };
    let to = match coming(world, candidate) {
        Some((at, revision)) => Some(commit(revision, at).await?),
        None => None,
    };
    let from = match &candidate.stable {
        Some(stable) => Some(commit(stable, env).await?),
        None => None,
    };
    let built = |origin: Origin| Built { commit: origin.commit.to_string(), told_by: origin.told_by };
    let scene = CheckInput {
        env: Some(env.name().clone()),
        namespace: env.settings.namespace.clone(),
        workloads: env.workloads.iter().map(|workload| workload.id.clone()).collect(),
        service: driver.session().service.clone().unwrap_or_else(|| candidate.workload.name.clone()),
        version: candidate.version.clone(),
        images: candidate.images.clone(),
        artifacts: candidate.artifacts().map(str::to_owned).collect(),
        changing: candidate.changing().map(str::to_owned).collect(),
        replacing: candidate.replacing().map(str::to_owned).collect(),
        commit: to.map(built),
        commit_doubt: None,
        stable_version: candidate.stable.as_ref().map(Revision::version),
        stable_commit: from.map(built),
        stable_doubt: None,
        previous: previous.map(|previous| previous.name().clone()),
        revision: None,
        stable: None,
    };
    Ok(ChangesInput { scene, tools })
}

/// Returns the revision that comes in, and an environment that has it: it is known by its images.
fn coming<'w>(world: &'w World, candidate: &Candidate) -> Option<(&'w Environment, &'w Revision)> {
    world.environments.iter().find_map(|env| {
        let statuses = env.workloads.iter().filter_map(|workload| workload.status.as_ref());
        let mut revisions = statuses.flat_map(|status| status.canary.iter().chain(&status.stable));
        revisions.find(|revision| revision.images == candidate.images).map(|revision| (env, revision))
    })
}

/// Returns a client for an environment's API server; what it cannot be made from was told by the session.
async fn cluster(variables: &Variables, redactor: &Redactor, env: &Environment) -> Option<(ReadClient, String)> {
    let cluster = Clusters::read(variables, redactor).ok()?.load(Some(&env.settings.context)).await.ok()?;
    Some((ReadClient::of(&cluster, redactor).ok()?, env.settings.namespace.clone()))
}

/// Asks for what the environment's checklist asks for; differences are reported wherever there is an environment before.
fn asked(config: &Config, env: &Environment, scene: &CheckInput) -> ChangesRequest {
    let known = config.environments.iter().find(|known| known.name() == env.name());
    let checks: &[CheckConfig] = known.map_or(&config.defaults.checks, |known| &known.checks);
    let mut asked =
        ChangesRequest { drift: scene.previous.is_some().then(Drift::default), ..ChangesRequest::default() };
    for check in checks {
        match &check.kind {
            Some(CheckKind::Migrations(migrations)) => asked.migrations = Some(migrations.clone()),
            Some(CheckKind::Drift(drift)) => asked.drift = Some(drift.clone()),
            _ => {}
        }
    }
    asked
}
