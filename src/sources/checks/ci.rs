//! `ci`: what the pipeline says of the commit that the artifact was built from.

mod circleci;
mod github;
mod gitlab;
mod jenkins;

use super::wording::{MAX_LISTED, Wording as _, and_more, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Ci;
use crate::config::checks::ci::Provider;
use crate::platform::Redactor;

/// Shortest hash that is taken for one.
const MIN_HASH_CHARS: usize = 7;
/// Length of a whole hash (SHA-1).
const FULL_HASH_CHARS: usize = 40;
/// Most pages of a list that are read.
const MAX_PAGES: usize = 20;
const PAGE_SIZE: usize = 100;

pub(super) async fn look(asked: &Ci, scene: &CheckInput, tools: &Tools) -> Evidence {
    let redactor = &tools.redactor;
    let commit = match commit(scene, redactor) {
        Ok(commit) => commit,
        Err(why) => return Evidence::blind(why),
    };
    let jobs = match asked.provider {
        Provider::GitHub => github::jobs(asked, commit, tools).await,
        Provider::GitLab => gitlab::jobs(asked, commit, tools).await,
        Provider::CircleCi => circleci::jobs(asked, commit, tools).await,
        Provider::Jenkins => jenkins::jobs(asked, commit, tools).await,
    };
    match jobs {
        Ok(jobs) => judge(&jobs, &asked.checks, &commit[..commit.len().min(10)], redactor),
        Err(why) => Evidence::blind(why),
    }
}

fn commit<'a>(scene: &'a CheckInput, redactor: &Redactor) -> Result<&'a str, String> {
    let version = redactor.cut(&scene.version, 60);
    let Some(commit) = scene.commit.as_ref().map(|built| built.commit.trim()).filter(|commit| !commit.is_empty())
    else {
        let what = if version.is_empty() { "it".to_owned() } else { version };
        let remedy = "label the image (or annotate the pods) with org.opencontainers.image.revision, or tag the commit \
            v{version} in the repository of [service]";
        let why = scene.commit_doubt.as_deref().unwrap_or(remedy);
        return Err(format!("the commit that {what} was built from is unknown: {why}"));
    };
    let is_hash = commit.len() >= MIN_HASH_CHARS && commit.len() <= 64 && commit.chars().all(|c| c.is_ascii_hexdigit());
    if !is_hash {
        return Err(format!(
            "`{}` is not a commit hash: give at least {MIN_HASH_CHARS} of its digits",
            redactor.cut(commit, 60)
        ));
    }
    Ok(commit)
}

/// Says whether a full hash is the one that is meant.
fn is_meant(full: &str, meant: &str) -> bool {
    full.len() >= meant.len() && full.is_char_boundary(meant.len()) && full[..meant.len()].eq_ignore_ascii_case(meant)
}

/// One check, job or build.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    name: String,
    outcome: Outcome,
    /// What its own word for that is.
    word: String,
    link: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Running,
    /// It did not run, by intention.
    Skipped,
    /// A person has to start it.
    Waiting,
}

impl Job {
    /// Returns whether it alone decides, where these names count; without any all do.
    fn is_red(&self, names: &[String]) -> bool {
        self.outcome == Outcome::Failed && (names.is_empty() || names.contains(&self.name))
    }

    fn line(&self, redactor: &Redactor) -> String {
        redactor.one_line(&format!(
            "{}: {} {}",
            redactor.cut(&self.name, 100),
            redactor.cut(&self.word, 40),
            redactor.cut(&self.link, 140)
        ))
    }
}

fn judge(jobs: &[Job], names: &[String], commit: &str, redactor: &Redactor) -> Evidence {
    // Of several pipelines one may leave out what another one ran.
    let ran = |name: &str| jobs.iter().any(|job| job.name == name && job.outcome == Outcome::Passed);
    let left_out = |job: &Job| matches!(job.outcome, Outcome::Skipped | Outcome::Waiting) && ran(&job.name);
    let decides = |job: &&Job| names.is_empty() || names.contains(&job.name) && !left_out(job);
    let with = |outcome: Outcome| jobs.iter().filter(decides).filter(move |job| job.outcome == outcome);
    let named = |outcome: Outcome| {
        let all = with(outcome).count() as u64;
        (all, redactor.some(with(outcome).map(|job| job.name.as_str()), all))
    };
    let mut sorted: Vec<&Job> = jobs.iter().collect();
    sorted.sort_by_key(|job| (job.outcome != Outcome::Failed, job.outcome == Outcome::Passed, !decides(job)));
    let lines = sorted.iter().take(MAX_LISTED).map(|job| job.line(redactor));
    let more = and_more(MAX_LISTED, jobs.len() as u64);
    let missing: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !jobs.iter().any(|job| job.name == *name)).collect();
    let evidence = match (named(Outcome::Failed), named(Outcome::Running), named(Outcome::Waiting)) {
        ((failed @ 1.., names), _, _) => Evidence::failed(
            format!("{} failed for {commit}: {names}", figures(failed, "check")),
            format!("the pipeline of {commit} succeeds"),
        ),
        (_, (1.., names), _) => Evidence::blind(format!("still running for {commit}: {names}")),
        (_, _, (1.., names)) => Evidence::blind(format!("waits to be started by a person for {commit}: {names}")),
        _ if !missing.is_empty() => {
            let names = redactor.some(missing.iter().copied(), missing.len() as u64);
            Evidence::blind(format!("there is no {names} for {commit}: it did not run, or has another name"))
        }
        _ => match (named(Outcome::Passed), named(Outcome::Skipped)) {
            ((0, _), (0, _)) => Evidence::blind(format!("nothing ran for {commit}: has its pipeline started?")),
            (_, (1.., skipped)) if !names.is_empty() => {
                Evidence::blind(format!("skipped for {commit}: {skipped}, which `checks` names"))
            }
            ((0, _), (_, skipped)) => Evidence::blind(format!("all was skipped for {commit}: {skipped}")),
            ((passed, _), (skipped, _)) => {
                let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
                Evidence::passed(format!("{} passed for {commit}{skipped}", figures(passed, "check")))
            }
        },
    };
    evidence.with(lines).with(more)
}

#[cfg(test)]
mod tests;
