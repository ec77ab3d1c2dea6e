//! `ENV[/SERVICE]`: which workload a command is about.

use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::suggest::nearest;
use crate::domain::world::{Environment, World};

/// Why a command is about no workload, or about more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing is watched.
    #[error("there is no environment: name one with --context, or in a config (`cockpit init` writes one)")]
    Nothing,
    /// Several environments, and none was named.
    #[error("name an environment: {}", .0.join(", "))]
    WhichEnvironment(Vec<String>),
    /// Several workloads, and none was named.
    #[error("which service of {env}? there are {}", .known.iter().map(|name| format!("{env}/{name}")).collect::<Vec<_>>().join(", "))]
    WhichService {
        /// The environment.
        env: String,
        /// What it has.
        known: Vec<String>,
    },
    /// No such environment.
    #[error("there is no environment `{name}`{}: there are {}", did_you_mean(.name, .known), .known.join(", "))]
    NoEnvironment {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such workload.
    #[error("{env} has no service `{name}`{}: it has {}", did_you_mean(.name, .known), list(.known))]
    NoService {
        /// The environment.
        env: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

fn did_you_mean(name: &str, known: &[String]) -> String {
    nearest(name, known.iter().map(String::as_str))
        .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn list(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// Returns the environments that a command may be about, as far as its words tell: all of them where they do not.
#[must_use]
pub fn named(world: &World, text: Option<&str>) -> Vec<EnvName> {
    let chosen: Vec<&Environment> = world.chosen().collect();
    match text.and_then(|text| split(&chosen, text)) {
        Some((env, _)) => vec![env.name().clone()],
        None => chosen.iter().map(|env| env.name().clone()).collect(),
    }
}

/// Returns why nothing is known of the one environment that a command is about.
#[must_use]
pub fn out_of_reach(world: &World, named: &[EnvName]) -> Option<String> {
    let [name] = named else { return None };
    let env = world.environment(name).filter(|env| env.workloads.is_empty())?;
    let link = env.kubernetes().link;
    Some(format!("{name} (context {}): {}", env.settings.context, link.why()?))
}

/// Tells which workload a command is about.
///
/// `ENV` may be left out where there is only one environment, `SERVICE` where that has only one workload. A service is
/// named by its name, or as `KIND/NAME` where a Deployment and a Rollout share one.
pub fn resolve(world: &World, text: Option<&str>) -> Result<WorkloadKey, TargetError> {
    let chosen: Vec<&Environment> = world.chosen().collect();
    let names = || chosen.iter().map(|env| env.name().to_string()).collect::<Vec<_>>();
    let (env, service) = match (text, chosen.as_slice()) {
        (_, []) => return Err(TargetError::Nothing),
        (None, [only]) => (*only, None),
        (None, _) => return Err(TargetError::WhichEnvironment(names())),
        (Some(text), all) => match (split(all, text), all) {
            (Some(found), _) => found,
            // With one environment its name says nothing, so that the service alone will do.
            (None, &[only]) if workload(only, text).is_ok() => (only, Some(text)),
            (None, _) => {
                let name = text.split_once('/').map_or(text, |(name, _)| name).to_owned();
                return Err(TargetError::NoEnvironment { name, known: names() });
            }
        },
    };
    let workload = match (service, env.workloads.as_slice()) {
        (Some(name), _) => workload(env, name)?,
        (None, [only]) => only.id.clone(),
        (None, []) => return Err(no_service(env, "")),
        (None, _) => return Err(which_service(env, env.workloads.iter().map(|workload| &workload.id))),
    };
    Ok(WorkloadKey { env: env.name().clone(), workload })
}

/// Takes `ENV[/SERVICE]` apart. Names that come from contexts may hold a `/` themselves: the longest that fits wins.
fn split<'w, 't>(all: &[&'w Environment], text: &'t str) -> Option<(&'w Environment, Option<&'t str>)> {
    all.iter()
        .copied()
        .filter_map(|env| match text.strip_prefix(env.name().as_str())? {
            "" => Some((env, None)),
            rest => Some((env, Some(rest.strip_prefix('/')?))),
        })
        .max_by_key(|(env, _)| env.name().as_str().len())
}

fn workload(env: &Environment, name: &str) -> Result<WorkloadId, TargetError> {
    let exact = name.parse::<WorkloadId>().ok();
    let fits = |id: &WorkloadId| exact.as_ref().map_or(id.name == name, |exact| id == exact);
    let mut found = env.workloads.iter().map(|workload| &workload.id).filter(|id| fits(id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(one), Some(other)) => Err(which_service(env, [one, other])),
        (None, _) => Err(no_service(env, name)),
    }
}

/// Names services as they can be typed: by name alone, unless two share it.
fn typed<'w>(env: &'w Environment, ids: impl IntoIterator<Item = &'w WorkloadId>) -> Vec<String> {
    let shared = |id: &WorkloadId| env.workloads.iter().filter(|other| other.id.name == id.name).count() > 1;
    ids.into_iter().map(|id| if shared(id) { id.to_string() } else { id.name.clone() }).collect()
}

fn which_service<'w>(env: &'w Environment, ids: impl IntoIterator<Item = &'w WorkloadId>) -> TargetError {
    TargetError::WhichService { env: env.name().to_string(), known: typed(env, ids) }
}

fn no_service(env: &Environment, name: &str) -> TargetError {
    let known = typed(env, env.workloads.iter().map(|workload| &workload.id));
    TargetError::NoService { env: env.name().to_string(), name: name.to_owned(), known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::world;

    fn told(envs: &[(&str, &[&str])], text: Option<&str>) -> String {
        match resolve(&world(envs), text) {
            Ok(target) => target.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn single_target_need_not_be_named() {
        let one = [("prod", &["rollout/api"][..])];
        for text in [None, Some("prod"), Some("prod/api"), Some("api"), Some("rollout/api"), Some("prod/ro/api")] {
            assert_eq!(told(&one, text), "rollout/api in prod", "{text:?}");
        }
    }

    #[test]
    fn several_targets_must_be_named() {
        let several = [("staging", &["rollout/api"][..]), ("prod", &["rollout/api", "deploy/api", "deploy/worker"])];
        assert_eq!(told(&several, None), "name an environment: staging, prod");
        assert_eq!(told(&several, Some("staging")), "rollout/api in staging");
        assert_eq!(
            told(&several, Some("prod")),
            "which service of prod? there are prod/rollout/api, prod/deployment/api, prod/worker"
        );
        assert_eq!(told(&several, Some("prod/worker")), "deployment/worker in prod");
        assert_eq!(
            told(&several, Some("prod/api")),
            "which service of prod? there are prod/rollout/api, prod/deployment/api"
        );
        assert_eq!(told(&several, Some("prod/rollout/api")), "rollout/api in prod");
    }

    #[test]
    fn unknown_name_lists_known_ones() {
        let several = [("staging", &["rollout/api"][..]), ("prod", &[])];
        assert_eq!(
            told(&several, Some("stagin/api")),
            "there is no environment `stagin` (did you mean `staging`?): there are staging, prod"
        );
        assert_eq!(
            told(&several, Some("staging/apu")),
            "staging has no service `apu` (did you mean `api`?): it has api"
        );
        assert_eq!(told(&several, Some("prod/api")), "prod has no service `api`: it has none");
        assert!(told(&[], Some("prod")).starts_with("there is no environment:"));
    }

    #[test]
    fn names_with_a_slash_are_found() {
        let arns = [("arn:x/prod", &["rollout/api"][..]), ("arn:x", &["rollout/prod"])];
        assert_eq!(told(&arns, Some("arn:x/prod")), "rollout/api in arn:x/prod");
        assert_eq!(told(&arns, Some("arn:x/prod/api")), "rollout/api in arn:x/prod");
        assert_eq!(told(&arns, Some("arn:x/rollout/prod")), "rollout/prod in arn:x");
    }
}
