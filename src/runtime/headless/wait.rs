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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::facts::reduce;
    use crate::domain::facts::workload::{Object, Snapshot};
    use crate::domain::record::action::Verb;
    use crate::domain::record::rejection::Rejection;
    use crate::domain::world::EnvSettings;
    use crate::domain::world::feed::Feed;

    fn target(env: &str) -> WorkloadKey {
        WorkloadKey { env: EnvName::new(env), workload: "rollout/api".parse().unwrap() }
    }

    /// Where `stable` serves; `canary` goes out beside it, aborted or not.
    fn see(world: &mut World, env: &str, stable: &str, canary: Option<(&str, bool)>) {
        let (current, aborted) = canary.unwrap_or((stable, false));
        let object = json!({
            "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
            "spec": {"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
            "status": {"observedGeneration": "3", "phase": if aborted { "Degraded" } else { "Healthy" }, "abort": aborted,
                       "currentPodHash": current, "stableRS": stable, "replicas": 2, "updatedReplicas": 2},
        });
        let set = |hash: &str, minute: u32, ready: u32| -> Value {
            json!({
                "metadata": {"name": format!("api-{hash}"), "uid": hash, "creationTimestamp": format!("2026-11-30T12:0{minute}:00Z"),
                             "labels": {"rollouts-pod-template-hash": hash},
                             "annotations": {"rollout.argoproj.io/revision": minute.to_string()}},
                "spec": {"replicas": ready, "template": {"spec": {"containers": [{"name": "app", "image": format!("api:{hash}")}]}}},
                "status": {"replicas": ready, "readyReplicas": ready, "availableReplicas": ready},
            })
        };
        let mut sets = vec![reduce::replicaset(&set(stable, 1, 2))];
        sets.extend(canary.map(|(hash, _)| reduce::replicaset(&set(hash, 2, 0))));
        let snapshot = Snapshot { replicasets: sets, ..Snapshot::of_object(Object::parse(&object).unwrap()) };
        let feed = Feed::Workload { target: target(env), snapshot: Some(Arc::new(snapshot)) };
        world.take(feed, "2026-11-30T12:10:00Z".parse().unwrap());
    }

    fn world() -> World {
        let env = |name: &str| EnvSettings {
            namespace: name.to_owned(),
            workloads: vec![target(name).workload],
            ..EnvSettings::new(name)
        };
        World::new([env("staging"), env("prod")])
    }

    fn waits_for(world: &World, version: Option<&str>, begun_with: &str) -> Progress {
        let key = target("prod");
        let begun = Revision { hash: begun_with.to_owned(), ..Revision::default() };
        released(world, &key, status(world, &key).unwrap(), version, Some(&begun))
    }

    #[test]
    fn what_is_still_to_come_is_not_lost_by_what_was_taken_back_before() {
        let mut world = world();
        see(&mut world, "prod", "1.4.2", Some(("1.5.0", true)));
        assert_eq!(waits_for(&world, Some("1.5.1"), "1.5.0"), Progress::Waiting);
        for (version, begun_with) in [(Some("1.5.0"), "1.5.0"), (None, "1.5.0")] {
            assert!(matches!(waits_for(&world, version, begun_with), Progress::Lost(_)), "{version:?}");
        }
        // Rolled back yesterday.
        see(&mut world, "prod", "1.4.2", None);
        let at: Timestamp = "2026-11-30T12:09:00Z".parse().unwrap();
        world.environments[1].workloads[0].rejected.take(&Rejection {
            target: target("prod"),
            cluster: None,
            uid: "u".to_owned(),
            hash: "1.5.0".to_owned(),
            images: vec!["api:1.5.0".to_owned()],
            to: Some("1.4.2".to_owned()),
            verb: Verb::Rollback,
            was_stable: true,
            by: "bob".to_owned(),
            at,
            signature: None,
        });
        assert_eq!(waits_for(&world, Some("1.5.1"), "1.4.2"), Progress::Waiting);
    }

    #[test]
    fn what_serves_everybody_is_released_though_the_next_is_coming() {
        let mut world = world();
        see(&mut world, "prod", "1.5.0", None);
        for canary in [None, Some(("1.6.0", false))] {
            see(&mut world, "staging", if canary.is_some() { "1.5.0" } else { "1.6.0" }, canary);
            assert_eq!(waits_for(&world, Some("1.5.0"), "1.5.0"), Progress::Reached);
            assert_eq!(waits_for(&world, None, "1.5.0"), Progress::Reached);
            assert_eq!(waits_for(&world, Some("1.6.0"), "1.5.0"), Progress::Waiting);
        }
    }
}
