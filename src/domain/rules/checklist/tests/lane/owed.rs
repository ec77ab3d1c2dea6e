//! What came by a lane and has not been through what that left out.

use super::*;
use crate::domain::record::action::Verb;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::checklist::in_the_way;
use crate::domain::rules::lane::{Owed, owes};

fn owed(world: &World) -> Option<Owed> {
    owes(world, prod(world), &id())
}

fn by_staging(version: &str) -> Owed {
    let by = [EnvName::new("staging")].into();
    Owed { lane: "hotfix".to_owned(), version: version.to_owned(), by }
}

/// Counted apart: prod serves it, and staging does not.
#[test]
fn what_is_owed_goes_only_when_every_skipped_environment_has_it() {
    let parts = [FIX, OLD, NEXT];
    let all = || parts.into_iter();
    for (dev, staging) in all().flat_map(|dev| all().map(move |staging| (dev, staging))) {
        for prod in all() {
            for opened in all() {
                let world = opened_for(world_with(prod_settings(), [dev, staging, prod], None), opened);
                let is_owed = prod == opened && staging != opened;
                assert_eq!(owed(&world).is_some(), is_owed, "{dev:?} {staging:?} {prod:?} {opened:?}");
                // Its end pays for nothing.
                let mut over = world;
                over.reassess(now() + SignedDuration::from_hours(30));
                assert_eq!(owed(&over).is_some(), is_owed);
            }
        }
    }
}

#[test]
fn a_skipped_environment_has_it_once_everybody_there_got_it() {
    let mut world = opened_for(world_with(prod_settings(), [FIX, OLD, FIX], None), FIX);
    assert_eq!(owed(&world), Some(by_staging("1.5.1")));
    seen(&mut world, "staging", Runs::only(&[FIX]).snapshot(true));
    assert_eq!(owed(&world), Some(by_staging("1.5.1")), "it only goes out there");
    seen(&mut world, "staging", Runs::only(&[FIX]).snapshot(false));
    assert_eq!(owed(&world), None);
    let there = &mut world.environments[1].workloads[0];
    (there.snapshot, there.status) = (None, None);
    assert_eq!(owed(&world), Some(by_staging("1.5.1")), "what is not seen has not released it");
}

/// Staging went on to something else since, which leaves the ReplicaSet of what it had.
#[test]
fn what_a_skipped_environment_had_before_is_paid_unless_it_was_rejected() {
    let mut world = opened_for(world_with(prod_settings(), [OLD, NEXT, OLD], None), OLD);
    assert_eq!(owed(&world), Some(by_staging("1.4.2")));
    let mut went_on = Runs::only(&[NEXT]).snapshot(false);
    went_on.replicasets.extend(Runs::only(&[NEXT]).snapshot(true).replicasets.pop());
    seen(&mut world, "staging", went_on);
    assert_eq!(owed(&world), None);
    let rejection = Rejection {
        target: WorkloadKey { env: EnvName::new("staging"), workload: id() },
        cluster: Some(cluster("staging")),
        uid: "u".to_owned(),
        hash: "old".to_owned(),
        images: vec![OLD.1.to_owned()],
        to: None,
        verb: Verb::Rollback,
        was_stable: true,
        by: "bob".to_owned(),
        at: now(),
        signature: None,
    };
    state(&mut world, Entry::Rejected(Box::new(rejection)), now());
    assert_eq!(owed(&world), Some(by_staging("1.4.2")));
}

#[test]
fn what_is_owed_does_not_go_on_in_promotion_order() {
    let refused = |staging: Part<'_>| {
        let mut world = World::new([settings("dev"), settings("staging"), prod_settings(), settings("prod-us")]);
        for (name, part) in [("dev", FIX), ("staging", staging), ("prod", FIX), ("prod-us", OLD)] {
            let env = EnvName::new(name);
            world.take(Feed::Cluster { env: env.clone(), identity: cluster(name) }, now());
            world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
            world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
            seen(&mut world, name, Runs::only(&[part]).snapshot(false));
        }
        let world = opened_for(world, FIX);
        let us = world.environment(&EnvName::new("prod-us")).unwrap();
        let refused = in_the_way(&world, us, us.workload(&id()).unwrap(), now());
        refused.into_iter().map(|reason| reason.text).collect::<Vec<_>>()
    };
    let text = "prod got 1.5.1 by the lane hotfix, and staging has not released it".to_owned();
    assert!(refused(OLD).contains(&text), "{:?}", refused(OLD));
    assert!(!refused(FIX).iter().any(|text| text.contains("lane")), "{:?}", refused(FIX));
}
