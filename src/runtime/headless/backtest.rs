//! `cockpit backtest`: releases of the past from the journals, their counters from Prometheus, analysed as live.

use std::path::Path;
use std::time::Duration;

use color_eyre::eyre::{OptionExt, Result, WrapErr, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{complain, print};
use crate::cli::Exit;
use crate::cli::args::{BacktestArgs, Output, When};
use crate::cli::backtest::{ReplayedRelease, exit, json, text};
use crate::cli::output::json_pretty;
use crate::cli::target::TargetError;
use crate::config::trust::NOT_TRUSTED;
use crate::config::{Config, EnvConfig};
use crate::domain::facts::ids::{WorkloadId, WorkloadKey, WorkloadKind};
use crate::domain::facts::signals::Tracks;
use crate::domain::rules::backtest::{End, Findings, Past, releases};
use crate::executors::journal;
use crate::platform::kubeconfig::Clusters;
use crate::platform::{Redactor, Variables};
use crate::runtime::signals::{ShutdownRequest, Signals};
use crate::sources::prometheus::counts::counting::Pace;
use crate::sources::prometheus::counts::replay::{Period, replay};
use crate::sources::prometheus::{PrometheusSource, Questions, configured};

/// The longest rollout that is looked at again.
const MAX_ROLLOUT_DURATION: SignedDuration = SignedDuration::from_hours(48);

/// Looks at the releases again and prints what was found.
pub(in crate::runtime) async fn run(
    mut config: Config,
    variables: &Variables,
    redactor: &Redactor,
    what: &BacktestArgs,
) -> Result<Exit> {
    super::warn_of_distrust(&config, redactor);
    let clusters = Clusters::read(variables, redactor);
    let current = clusters.as_ref().ok().and_then(|clusters| clusters.current().ok()).unwrap_or_default();
    config.assume(&current);
    let past = match asked(&config, variables, redactor, what) {
        Ok(past) => past,
        Err(error) => {
            complain(redactor, &format!("{error:#}"));
            return Ok(Exit::Usage);
        }
    };
    if past.is_empty() {
        complain(
            redactor,
            "no journal has a rollout with its ReplicaSets; name one with --from, --to, --stable and --canary",
        );
        return Ok(Exit::Blind);
    }
    let mut signals = Signals::listen().wrap_err("cannot listen to signals")?;
    let work = async {
        let mut looked = Vec::new();
        for past in past {
            let env = config.environments.iter().find(|env| *env.name() == past.target.env);
            let found = match env {
                Some(env) => look(env, clusters.as_ref().ok(), &past, redactor).await,
                None => Err(format!("the config has no environment `{}`", past.target.env)),
            };
            let rails = env.map(|env| env.settings.guardrails.clone()).unwrap_or_default();
            looked.push(ReplayedRelease { past, rails, found });
        }
        looked
    };
    let looked = tokio::select! {
        looked = work => looked,
        ShutdownRequest::End(_) = signals.next() => return Ok(Exit::Interrupted),
    };
    print(&match what.output {
        Output::Text => text(&looked, &TimeZone::system()),
        Output::Json => json_pretty(&json(&looked)) + "\n",
    })?;
    Ok(exit(&looked))
}

/// Returns the rollouts that are asked for, the latest last.
fn asked(config: &Config, variables: &Variables, redactor: &Redactor, what: &BacktestArgs) -> Result<Vec<Past>> {
    let env = match &what.env {
        Some(name) => Some(environment(config, name)?),
        None => None,
    };
    if what.from.is_some() {
        return Ok(vec![named(config, env, what)?]);
    }
    let mut past = journalled(&config.journals(variables)?, redactor)?;
    past.retain(|past| env.is_none_or(|env| *env.name() == past.target.env));
    past.sort_by_key(|past| past.from);
    Ok(past)
}

fn environment<'c>(config: &'c Config, name: &str) -> Result<&'c EnvConfig> {
    let known = || config.environments.iter().map(|env| env.name().to_string()).collect();
    let found = config.environments.iter().find(|env| env.name().as_str() == name);
    Ok(found.ok_or_else(|| TargetError::NoEnvironment { name: name.to_owned(), known: known() })?)
}

/// Returns the rollouts of all journals. One that does not hold together is reported, and its rollouts are not trusted.
fn journalled(folder: &Path, redactor: &Redactor) -> Result<Vec<Past>> {
    let files = match journal::list(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).wrap_err_with(|| format!("cannot read {}", folder.display())),
    };
    let (mut past, now) = (Vec::new(), Timestamp::now());
    for file in files {
        match journal::read(&file) {
            Ok(contents) => past.extend(releases(&contents.lines, now)),
            Err(error) => complain(redactor, &error.to_string()),
        }
    }
    Ok(past)
}

/// Returns the rollout that the options name.
fn named(config: &Config, env: Option<&EnvConfig>, what: &BacktestArgs) -> Result<Past> {
    let ((Some(env), _) | (None, [env])) = (env, config.environments.as_slice()) else {
        bail!("name an environment: one of {}", names(config));
    };
    let (Some(from), Some(to), Some(stable), Some(canary)) = (what.from, what.to, &what.stable, &what.canary) else {
        bail!("--from, --to, --stable and --canary belong together");
    };
    let (now, zone) = (Timestamp::now(), TimeZone::system());
    let moment = |when: When| when.moment(now, &zone).ok_or_eyre("the calendar has no such time");
    let (from, to) = (moment(from)?, moment(to)?.min(now));
    if to <= from {
        bail!("--to has to be later than --from, and --from in the past");
    }
    if to.duration_since(from) > MAX_ROLLOUT_DURATION {
        bail!("from --from to --to are more than {} hours", MAX_ROLLOUT_DURATION.as_hours());
    }
    let target = WorkloadKey { env: env.name().clone(), workload: workload(env, canary) };
    let tracks = Tracks { stable: Some(stable.clone()), canary: Some(canary.clone()) };
    Ok(Past { target, release: String::new(), tracks, from, to, deeds: Vec::new(), end: End::Unknown })
}

fn names(config: &Config) -> String {
    config.environments.iter().map(|env| env.name().to_string()).collect::<Vec<_>>().join(", ")
}

/// Returns the workload that a ReplicaSet belongs to: the configured one whose name it begins with, else by its name.
fn workload(env: &EnvConfig, replicaset: &str) -> WorkloadId {
    let is_of = |id: &&WorkloadId| replicaset.strip_prefix(&id.name).is_some_and(|rest| rest.starts_with('-'));
    let known = env.settings.workloads.iter().filter(is_of).max_by_key(|id| id.name.len());
    known.cloned().unwrap_or_else(|| {
        let name = replicaset.rsplit_once('-').map_or(replicaset, |(name, _)| name);
        WorkloadId::new(WorkloadKind::Rollout, name)
    })
}

/// Looks at a rollout again.
async fn look(
    env: &EnvConfig,
    clusters: Option<&Clusters>,
    past: &Past,
    redactor: &Redactor,
) -> Result<Findings, String> {
    let none =
        if env.withheld_metrics.is_some() { NOT_TRUSTED } else { "no metrics are configured for this environment" };
    let configured = env.prometheus.as_ref().ok_or(none)?;
    let namespace = match (&env.namespace, clusters) {
        (Some(namespace), _) => namespace.clone(),
        (None, Some(clusters)) => {
            clusters.load(env.context.as_deref()).await.map_err(|error| error.to_string())?.namespace
        }
        (None, None) => return Err("its namespace is unknown: neither config nor kubeconfig names it".to_owned()),
    };
    let questions: Questions = configured::questions(configured, &namespace, redactor).await?;
    let interval = Duration::try_from(configured.interval).unwrap_or(PrometheusSource::INTERVAL);
    let period = Period {
        workload: past.target.workload.clone(),
        tracks: past.tracks.clone(),
        from: past.from,
        to: past.to.min(past.from + MAX_ROLLOUT_DURATION).min(Timestamp::now()),
        every: Pace::step(interval, &env.settings.rules),
    };
    let mut findings = Findings::default();
    let rails = &env.settings.guardrails;
    replay(&questions, &period, &env.settings.rules, |at, look, report| findings.take(at, look, &report, rails))
        .await
        .map_err(|error| error.to_string())?;
    findings.end();
    Ok(findings)
}
