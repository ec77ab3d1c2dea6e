//! How long a release has to serve in staging before it goes into prod.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{API, Runs, id, now, refused, refused_at, world};
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::object::Condition;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::workload::Object;
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::world::World;
use crate::domain::world::feed::Feed;

/// Staging asks for a soak of ten minutes, and has served 1.5.0 for so many seconds, as its controller says.
fn world_after_a_soak_of(seconds: i64, staging: &Runs<'_>) -> World {
    let mut world = world(None, &Runs::only(&[API]), Vec::new());
    let env = EnvName::new("staging");
    let staging_settings = world.environments.iter_mut().find(|other| *other.name() == env).unwrap();
    staging_settings.settings.soak = SignedDuration::from_mins(10);
    let mut snapshot = staging.snapshot(false);
    // They were there before.
    snapshot.pods.iter_mut().for_each(|pod| pod.created = Some(now() - SignedDuration::from_hours(9)));
    if let Object::Rollout(rollout) = &mut snapshot.object {
        rollout.status.conditions.push(Condition {
            kind: "Completed".to_owned(),
            status: "True".to_owned(),
            since: Some(now() - SignedDuration::from_secs(seconds)),
            ..Condition::default()
        });
    }
    let target = WorkloadKey { env: env.clone(), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
    world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
    world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
    world
}

#[test]
fn a_release_goes_on_once_it_has_soaked_in_the_environment_before() {
    let api = [API];
    let runs = Runs::only(&api);
    let soaks = refused_at(&world_after_a_soak_of(599, &runs), now());
    let kinds: Vec<RefusalKind> = soaks.iter().map(|refusal| refusal.kind).collect();
    assert_eq!(kinds, [RefusalKind::Collecting], "{soaks:?}");
    assert!(soaks[0].text.contains("staging: 1.5.0 soaks for 10m, until 1970-01-12T13:46:41Z"), "{soaks:?}");
    assert!(refused(&world_after_a_soak_of(600, &runs)).is_empty());
    // A controller whose clock is ahead says that it was released in a time to come.
    assert_eq!(refused(&world_after_a_soak_of(-60, &runs)).len(), 1);
}

#[test]
fn a_soak_of_something_else_or_of_nobody_knows_what_is_blind() {
    let api = [API];
    let next = [("api", "registry/api:1.6.0", Some("sha256:ffffffff"))];
    let moved_on = refused(&world_after_a_soak_of(10_000, &Runs::only(&next)));
    assert!(moved_on.iter().any(|line| line.contains("staging runs 1.6.0: it does not soak 1.5.0")), "{moved_on:?}");
    // Without a condition, as under controllers before 1.2.
    let mut silent = world(Some(&Runs::only(&api)), &Runs::only(&api), Vec::new());
    silent.environments[0].settings.soak = SignedDuration::from_mins(10);
    let silent = refused_at(&silent, now());
    assert_eq!(silent.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::Blind], "{silent:?}");
    // Not heard of for a minute.
    let later = now() + SignedDuration::from_secs(60);
    let stale = refused_at(&world_after_a_soak_of(10_000, &Runs::only(&api)), later);
    assert!(!stale.is_empty() && stale.iter().all(|refusal| refusal.kind == RefusalKind::Blind), "{stale:?}");
}

#[test]
fn what_no_pod_serves_does_not_soak() {
    let api = [API];
    let mut world = world_after_a_soak_of(10_000, &Runs::only(&api));
    let there = &mut world.environments[0].workloads[0];
    let mut snapshot = there.snapshot.as_deref().unwrap().clone();
    let mut seen = |change: &dyn Fn(&mut Pod)| {
        snapshot.pods.iter_mut().for_each(change);
        let target = WorkloadKey { env: EnvName::new("staging"), workload: id() };
        world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot.clone())) }, now());
        refused_at(&world, now())
    };
    // Scaled up again a minute ago.
    let young = seen(&|pod| pod.created = Some(now() - SignedDuration::from_secs(60)));
    assert!(young.iter().any(|refusal| refusal.text.contains("soaks for 10m")), "{young:?}");
    let none = seen(&|pod| pod.hash = "gone".to_owned());
    assert!(none.iter().any(|refusal| refusal.text.contains("no pod of 1.5.0 is ready there")), "{none:?}");
}
