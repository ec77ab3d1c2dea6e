//! `cockpit log verify`: each journal's chain, and each journal against its anchors in the shared record and in the
//! annotations of workloads.

use std::path::{Path, PathBuf};

use color_eyre::eyre::Result;
use futures::future::join_all;

use super::log::journals;
use super::{FIRST_DATA_TIMEOUT, complain, log_in, print};
use crate::cli::Exit;
use crate::config::{Config, EnvConfig};
use crate::domain::facts::text::{plural, sanitize};
use crate::domain::record::anchor::{ANNOTATION, Anchor, Misfit};
use crate::domain::record::journal::Line;
use crate::domain::record::shared;
use crate::executors::journal;
use crate::platform::kubeconfig::{Cluster, Clusters};
use crate::platform::{Redactor, Variables};
use crate::sources::kubernetes::{ReadClient, anchors, workload_anchors};

/// Where anchors are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    SharedRecord,
    Workloads,
}

/// The anchors of a namespace in one kind of place, as far as they can be read, with their keys: entries of the shared record,
/// or workloads.
struct Record {
    keeper: Keeper,
    /// The environments that share it.
    envs: String,
    anchors: Anchors,
}

/// A journal file.
struct Found {
    path: PathBuf,
    /// `None` where its chain is broken, which is said already.
    lines: Option<Vec<Line>>,
    /// What follows its last whole line, from a crash.
    is_torn: bool,
}

/// Verifies one journal, or all of a folder.
pub(super) async fn run(
    config: &Config,
    variables: &Variables,
    redactor: &Redactor,
    folder: &Path,
    release: Option<&str>,
) -> Result<Exit> {
    let paths = match release {
        Some(release) => {
            vec![folder.join(journal::file_name(release))].into_iter().filter(|path| path.exists()).collect()
        }
        None => journals(folder)?,
    };
    let mut exit = Exit::Done;
    let mut found = Vec::new();
    for path in paths {
        let read = journal::read(&path);
        if let Err(error) = &read {
            complain(redactor, &error.to_string());
            exit = Exit::Error;
        }
        let is_torn = read.as_ref().is_ok_and(|contents| !contents.torn.is_empty());
        found.push(Found { path, lines: read.ok().map(|contents| contents.lines), is_torn });
    }
    let records = records(config, variables, redactor).await;
    let differing = differing(&records, &found, folder, release);
    for (_, what) in &differing {
        complain(redactor, what);
        exit = Exit::Error;
    }
    if found.is_empty() && differing.is_empty() {
        let what = match release {
            Some(release) => format!("no journal of `{release}` in {}", folder.display()),
            None => format!("no journals in {}", folder.display()),
        };
        let said = format!("{what}{}", against(&records, None));
        if release.is_some() {
            complain(redactor, &said);
            return Ok(Exit::Error);
        }
        print(&format!("{said}\n"))?;
    }
    for (index, Found { path, lines, is_torn }) in found.iter().enumerate() {
        let Some(lines) = lines.as_ref().filter(|_| !differing.iter().any(|(at, _)| *at == Some(index))) else {
            continue;
        };
        let torn = if *is_torn { "; a torn line follows, from a crash" } else { "" };
        let against = against(&records, Some(lines));
        print(&format!("{}: {}, unbroken{torn}{against}\n", path.display(), plural(lines.len(), "line")))?;
    }
    Ok(exit)
}

/// Says what a journal that fits was compared with, and what it was not compared with.
fn against(records: &[Record], lines: Option<&[Line]>) -> String {
    let first = lines.and_then(|lines| lines.first()).map(|line| line.hash.as_str());
    let (mut same, mut absent, mut not) = (Vec::new(), Vec::new(), Vec::new());
    let (mut annotated, mut unread) = (Vec::new(), Vec::new());
    for Record { keeper, envs, anchors } in records {
        match anchors {
            Ok(anchors) if *keeper == Keeper::Workloads => {
                let own = anchors.iter().filter(|(_, anchor)| Some(anchor.first.as_str()) == first);
                annotated.extend(
                    own.map(|(name, anchor)| format!("of {} of {envs} up to line {}", sanitize(name), anchor.lines)),
                );
            }
            Err(why) if *keeper == Keeper::Workloads => unread.push(format!("{envs}: {}", sanitize(why))),
            Ok(anchors) => {
                let own = anchors.iter().filter(|(_, anchor)| Some(anchor.first.as_str()) == first);
                match own.map(|(_, anchor)| anchor.lines).max() {
                    Some(line) => same.push(format!("of {envs} up to line {line}")),
                    None => absent.push(format!("{envs} has no anchor of it")),
                }
            }
            Err(why) => not.push(format!("{envs}: {}", sanitize(why))),
        }
    }
    // A release need not have acted everywhere.
    if lines.is_some() && same.is_empty() {
        not.extend(absent);
    }
    let listed = |before: &str, all: &[String]| {
        if all.is_empty() { String::new() } else { format!("{before}{}", all.join(", ")) }
    };
    [
        listed("; fits the shared record ", &same),
        listed("; fits the annotation ", &annotated),
        listed("; not compared with the shared record: ", &not),
        listed("; not compared with annotations: ", &unread),
    ]
    .concat()
}

/// Returns what does not fit its anchor: which of the journals, and what is wrong.
fn differing(
    records: &[Record],
    found: &[Found],
    folder: &Path,
    release: Option<&str>,
) -> Vec<(Option<usize>, String)> {
    let place = journal::place(folder);
    let mut differing = Vec::new();
    for Record { keeper, envs, anchors } in records {
        for (key, anchor) in anchors.iter().flatten() {
            if release.is_some_and(|release| release != anchor.release) {
                continue;
            }
            let path = folder.join(journal::file_name(&anchor.release));
            let is_it = |one: &Found| {
                let first = one.lines.as_ref().and_then(|lines| lines.first());
                first.is_some_and(|line| line.hash == anchor.first)
            };
            let known = found.iter().position(is_it);
            if known.is_none() && !anchor.is_from(&place) {
                continue;
            }
            let index = known.or_else(|| found.iter().position(|one| one.path == path));
            let lines = match index.map(|index| &found[index].lines) {
                Some(None) => continue,
                Some(Some(lines)) => Some(lines),
                None => None,
            };
            let misfit = lines.map_or(Err(Misfit::Short), |lines| anchor.fits(lines)).err();
            let path = index.map_or(&path, |index| &found[index].path);
            differing.extend(
                misfit
                    .map(|misfit| (index, explain(misfit, anchor, (*keeper, envs, key), (path, lines.map(Vec::len))))),
            );
        }
    }
    differing
}

/// Says what is wrong, where, and what to do.
fn explain(
    misfit: Misfit,
    anchor: &Anchor,
    (keeper, envs, key): (Keeper, &str, &str),
    (path, lines): (&Path, Option<usize>),
) -> String {
    let path = path.display();
    let by = format!("{} by {} on {}", anchor.at, sanitize(&anchor.author), sanitize(&anchor.machine));
    let key = sanitize(key);
    let (record, entry) = match keeper {
        Keeper::SharedRecord => {
            (format!("the shared record of {envs}"), format!("the entry {key} from the ConfigMap {}", shared::NAME))
        }
        Keeper::Workloads => {
            (format!("the annotation of {key} of {envs}"), format!("the annotation {ANNOTATION} from {key}"))
        }
    };
    let kept = anchor.lines;
    let what = match (misfit, lines) {
        (_, None) => {
            let release = sanitize(&anchor.release);
            format!("{path}: the journal of `{release}` is missing: {record} has its line {kept}, written {by}")
        }
        (Misfit::Short, Some(lines)) => {
            let lines = plural(lines, "line");
            format!(
                "{path}: {lines}, but {record} has line {kept}, written {by}: its end was cut off, or it was made anew"
            )
        }
        (Misfit::Differs, Some(_)) => format!(
            "{path}, line {kept}: not the line that {record} has, written {by}: the lines up to there were changed and \
             hashed anew, or the journal was made anew"
        ),
    };
    format!(
        "{what}\nKeep what is there as evidence, and compare it with a backup. Where the journal was moved away on purpose, \
         put it back, or remove {entry}."
    )
}

/// Reads the shared records and the annotations of all environments, each namespace once.
async fn records(config: &Config, variables: &Variables, redactor: &Redactor) -> Vec<Record> {
    let unknown =
        |envs: &str, why: String| Record { keeper: Keeper::SharedRecord, envs: envs.to_owned(), anchors: Err(why) };
    let clusters = match Clusters::read(variables, redactor) {
        Ok(clusters) => clusters,
        Err(error) => return vec![unknown("no cluster", error.to_string())],
    };
    let mut config = config.clone();
    match clusters.current() {
        Ok(current) => config.assume(&current),
        Err(error) if config.environments.is_empty() => return vec![unknown("no cluster", error.to_string())],
        Err(_) => {}
    }
    let mut places: Vec<(String, &EnvConfig)> = Vec::new();
    for env in &config.environments {
        let same =
            |(_, other): &&mut (String, &EnvConfig)| other.context == env.context && other.namespace == env.namespace;
        match places.iter_mut().find(same) {
            Some((envs, _)) => *envs = format!("{envs} and {}", env.name()),
            None => places.push((env.name().to_string(), env)),
        }
    }
    let reading = places.into_iter().map(|(envs, env)| {
        let clusters = &clusters;
        async move {
            let (shared, annotated) = match clusters.load(env.context.as_deref()).await {
                Ok(cluster) => {
                    let late = || Err(format!("no answer within {} s", FIRST_DATA_TIMEOUT.as_secs()));
                    let read = tokio::time::timeout(FIRST_DATA_TIMEOUT, read(&cluster, env, redactor));
                    read.await.unwrap_or_else(|_| (late(), late()))
                }
                Err(error) => (Err(error.to_string()), Err(error.to_string())),
            };
            [
                Record { keeper: Keeper::SharedRecord, envs: envs.clone(), anchors: shared },
                Record { keeper: Keeper::Workloads, envs, anchors: annotated },
            ]
        }
    });
    join_all(reading).await.into_iter().flatten().collect()
}

type Anchors = Result<Vec<(String, Anchor)>, String>;

async fn read(cluster: &Cluster, env: &EnvConfig, redactor: &Redactor) -> (Anchors, Anchors) {
    let client = match ReadClient::of(cluster, redactor) {
        Ok(client) => client,
        Err(error) => return (Err(error.to_string()), Err(error.to_string())),
    };
    log_in(cluster, redactor).await;
    let namespace = env.namespace.as_deref().unwrap_or(&cluster.namespace);
    tokio::join!(anchors(&client, namespace), workload_anchors(&client, namespace, &env.settings.workloads))
}
