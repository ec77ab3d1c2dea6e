//! `cockpit wait`: until a workload is paused, healthy, released or degraded.

use std::cell::OnceCell;

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, chosen, complain, print};
use crate::cli::Exit;
use crate::cli::args::{Goal, Wait};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::text::{duration, sanitize};
use crate::domain::facts::workload::{Phase, Revision, Status};
use crate::domain::rules::release_state::{ReleaseState, is_released, release_state};
use crate::domain::world::World;

/// How far a wait has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Reached,
    /// It cannot come true any more; why.
    Lost(String),
}

pub(super) async fn run(driver: &mut Driver, what: &Wait) -> Result<Exit> {
    let target = match chosen(driver, what.target.as_deref()).await? {
        Ok(target) => target,
        Err(exit) => return Ok(exit),
    };
    driver.until(what.timeout.min(FIRST_DATA_TIMEOUT), |core| status(&core.world, &target).is_some()).await?;
    // What is in the manifest when it is first seen: the workload may come later.
    let begun_with = OnceCell::new();
    let progress = |world: &World| {
        if let Some(revision) = status(world, &target).and_then(in_manifest) {
            begun_with.get_or_init(|| revision.clone());
        }
        progress(world, &target, what, begun_with.get())
    };
    driver.until(what.timeout, |core| progress(&core.world) != Progress::Waiting).await?;
    let line = format!("{target}: {}", sanitize(&shows(&driver.core.world, &target)));
    Ok(match progress(&driver.core.world) {
        Progress::Reached => {
            print(&format!("{line}\n"))?;
            Exit::Done
        }
        Progress::Lost(why) => {
            let why = if why.is_empty() { line } else { format!("{line}: {why}") };
            complain(driver.redactor(), &why);
            Exit::NoGo
        }
        Progress::Waiting => {
            complain(driver.redactor(), &format!("gave up after {}: {line}", humantime(what.timeout)));
            Exit::Error
        }
    })
}

fn status<'a>(world: &'a World, target: &WorkloadKey) -> Option<&'a Status> {
    world.find(target)?.1.status.as_ref()
}

/// The revision that the manifest asks for.
fn in_manifest(status: &Status) -> Option<&Revision> {
    status.canary.as_ref().or(status.stable.as_ref())
}

fn progress(world: &World, target: &WorkloadKey, what: &Wait, begun_with: Option<&Revision>) -> Progress {
    let Some(status) = status(world, target) else { return Progress::Waiting };
    if what.goal == Goal::Released {
        return released(world, target, status, what.version.as_deref(), begun_with);
    }
    let goal = what.goal.phase();
    let replaced = begun_with.zip(in_manifest(status)).filter(|(begun, now)| begun.hash != now.hash);
    match replaced {
        Some((begun, now)) if what.goal == Goal::Healthy && status.phase == Phase::Healthy => {
            Progress::Lost(format!("{} was waited for, {} took over", begun.version(), now.version()))
        }
        _ if status.phase == goal => Progress::Reached,
        // What failed does not get better by waiting.
        _ if status.phase == Phase::Degraded => Progress::Lost(String::new()),
        _ => Progress::Waiting,
    }
}

/// Whether a version serves everybody, or cannot any more.
fn released(
    world: &World,
    target: &WorkloadKey,
    status: &Status,
    version: Option<&str>,
    begun_with: Option<&Revision>,
) -> Progress {
    let is_it = |revision: &Revision| match version {
        Some(version) => is_called(revision, version),
        None => begun_with.is_some_and(|begun| begun.hash == revision.hash),
    };
    let Some((env, workload)) = world.find(target) else { return Progress::Waiting };
    let state = release_state(world, env, &workload.id);
    // Of a version that is still to come, nothing was taken back yet: that concerns the one before.
    let was_taken_back = || match version {
        Some(version) => {
            let from = match &state {
                Some(ReleaseState::RolledBack(back)) => Some(back.from.as_str()),
                Some(ReleaseState::RollingBack { from, .. }) => Some(from.as_str()),
                _ => status.canary.as_ref().filter(|canary| is_it(canary)).map(|_| version),
            };
            from.is_some_and(|from| from == version)
                || workload.rejected.known().any(|rejection| names(&rejection.images, &rejection.version(), version))
        }
        None => true,
    };
    match (&state, &status.stable) {
        (Some(ReleaseState::Released | ReleaseState::Superseded), Some(stable))
            if is_it(stable) && status.serving.is_all(&stable.hash) =>
        {
            Progress::Reached
        }
        (_, Some(stable)) if is_it(stable) && is_released(world, env, &workload.id) => Progress::Reached,
        (Some(state @ (ReleaseState::RolledBack(_) | ReleaseState::RollingBack { .. } | ReleaseState::Aborted)), _)
            if was_taken_back() =>
        {
            Progress::Lost(state.label())
        }
        _ if status.phase == Phase::Degraded && in_manifest(status).is_none_or(is_it) => Progress::Lost(String::new()),
        (Some(ReleaseState::Released), Some(stable)) if version.is_none() => {
            Progress::Lost(format!("{} took over", stable.version()))
        }
        _ => Progress::Waiting,
    }
}

/// Whether a revision is called so: by its version, an image or a digest.
fn is_called(revision: &Revision, name: &str) -> bool {
    let digest = name.rsplit('@').next().unwrap_or(name);
    names(&revision.images, &revision.version(), name) || revision.digest.as_deref() == Some(digest)
}

/// Whether a version or one of its images is called so.
fn names(images: &[String], version: &str, name: &str) -> bool {
    let digest = name.rsplit('@').next().unwrap_or(name);
    version == name || images.iter().any(|image| image == name || ImageRef::parse(image).digest == Some(digest))
}

fn shows(world: &World, target: &WorkloadKey) -> String {
    let Some((env, workload)) = world.find(target) else { return "not seen".to_owned() };
    match &workload.status {
        Some(status) if status.message.is_empty() => status.phase.to_string(),
        Some(status) => format!("{}: {}", status.phase, status.message),
        None if workload.missing => format!("{} does not exist", workload.id),
        None => match env.kubernetes().link.why() {
            Some(why) => format!("not seen: {why}"),
            None => "not seen".to_owned(),
        },
    }
}

fn humantime(time: std::time::Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(|_| "a long time".to_owned(), duration)
}
