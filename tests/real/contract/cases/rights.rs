//! Who may do what, and how it is told.

use release_cockpit::domain::facts::access::Permission;
use release_cockpit::domain::facts::freshness::{Heard, Link};
use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::{Outcome, Verb};
use support::check::{holds, same, says};
use support::manifests::{canary, deployment, image, pause, weight};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::{Cockpit, Opening};

const API: &str = "rollout/api";

async fn knows_rights(cockpit: &mut Cockpit) -> Checked {
    let asked = |cockpit: &Cockpit| cockpit.environment().is_ok_and(|env| env.access.verbs.len() == Verb::ALL.len());
    cockpit.until_any("the rights", asked).await
}

/// A viewer sees everything; every verb is off, with the right that is missing; the dispatcher refuses too.
pub async fn viewer(namespace: &TestNamespace) -> Checked {
    let mut alice = fresh(namespace, API, [canary("api", 2, &[weight(50), pause()])]).await?;
    let mut viewer = Cockpit::open(namespace, Opening::of(API)?.by("viewer")).await?;
    knows_rights(&mut viewer).await?;
    same("who", &viewer.environment()?.access.user.as_deref(), &Some("viewer"))?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    viewer.until_paused_at(1).await?;
    for verb in Verb::ALL {
        let permission = viewer.environment()?.access.of(verb);
        holds(&format!("{verb} is denied: {permission:?}"), matches!(permission, Permission::Denied(_)))?;
        let said = viewer.refused(verb)?;
        says(&said, "Denied: RBAC denies viewer: patch rollouts")?;
        says(&said, &format!("in {}", namespace.name))?;
    }
    // A plan of somebody who may.
    alice.until_paused_at(1).await?;
    let plan = alice.planned(Verb::Abort)?;
    let outcome = viewer.dispatcher.perform(plan).await;
    holds(&outcome.describe(), matches!(outcome, Outcome::Refused { .. }))?;
    same("writes tried", &viewer.proxy()?.writes().len(), &0)?;
    // The server says it itself where the rights are not known.
    let unaware = Cockpit::open(namespace, Opening::of(API)?.by("viewer").unaware()).await?;
    let outcome = unaware.dispatcher.perform(alice.planned(Verb::Abort)?).await;
    let Outcome::Refused { why } = &outcome else { return Err(outcome.describe().into()) };
    says(why, "403")?;
    says(why, "User \"viewer\" cannot patch resource \"rollouts/status\"")?;
    same("writes tried", &unaware.proxy()?.writes().len(), &1)
}

/// Rights on a Deployment are asked for Deployments.
pub async fn viewer_of_a_deployment(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([deployment("api", 1)]).await?;
    let mut viewer = Cockpit::open(namespace, Opening::of("deployment/api")?.by("viewer")).await?;
    viewer.until_settled().await?;
    knows_rights(&mut viewer).await?;
    says(&viewer.refused(Verb::Pause)?, "RBAC denies viewer: patch deployments in")?;
    let mut alice = Cockpit::open(namespace, Opening::of("deployment/api")?).await?;
    alice.until_settled().await?;
    knows_rights(&mut alice).await?;
    alice.act(Verb::Pause).await?;
    alice.check_life()
}

/// `rollouts` without `rollouts/status`: what needs the status is off, the rest works.
pub async fn without_the_status(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([canary("api", 2, &[weight(50), pause()])]).await?;
    let who = namespace.somebody_without("rollouts/status").await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?.by(who)).await?;
    cockpit.until_settled().await?;
    knows_rights(&mut cockpit).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    for verb in [Verb::Promote, Verb::PromoteFull, Verb::Abort] {
        says(&cockpit.refused(verb)?, "patch rollouts/status in")?;
    }
    cockpit.act(Verb::Pause).await?;
    cockpit.until("the hold", |view| view.status.message == "manually paused").await?;
    cockpit.act(Verb::Resume).await?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| view.is(Phase::Healthy) && view.goes_out() == "1.0.0").await?;
    cockpit.check_life()
}

fn down(heard: &Heard, with: &str) -> bool {
    matches!(&heard.link, Link::Down(why) if why.starts_with(with))
}

/// Nobody may not even look: the link says so.
pub async fn nobody(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([canary("api", 1, &[weight(50), pause()])]).await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?.by("nobody")).await?;
    cockpit.until_link("403", |heard| down(heard, "403 Forbidden: ")).await?;
    let said = cockpit.refused(Verb::Rollback)?;
    says(&said, "not seen yet: 403 Forbidden: rollouts.argoproj.io")?;
    says(&said, "User \"nobody\" cannot")
}

/// A token that is no longer known.
pub async fn expired(namespace: &TestNamespace) -> Checked {
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?.by("expired")).await?;
    cockpit.until_link("401", |heard| down(heard, "401 Unauthorized: ")).await?;
    let said = cockpit.refused(Verb::Rollback)?;
    says(&said, "not seen yet: 401 Unauthorized")?;
    says(&said, "log in again")
}

/// A workload, a namespace that do not exist; the workload may come later.
pub async fn what_does_not_exist(namespace: &TestNamespace) -> Checked {
    let missing = |cockpit: &Cockpit| cockpit.world.find(&cockpit.target).is_some_and(|(_, workload)| workload.missing);
    let mut elsewhere = Opening::of(API)?;
    elsewhere.namespace = Some("no-such-namespace".to_owned());
    let mut elsewhere = Cockpit::open(namespace, elsewhere).await?;
    elsewhere.until_any("it is missing", missing).await?;
    says(&elsewhere.refused(Verb::Pause)?, "rollout/api does not exist")?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?).await?;
    cockpit.until_any("it is missing", missing).await?;
    holds("the link is up", cockpit.environment()?.kubernetes().link.is_up())?;
    says(&cockpit.refused(Verb::Rollback)?, "rollout/api does not exist")?;
    namespace.create_objects([canary("api", 1, &[weight(50), pause()])]).await?;
    cockpit.until_settled().await
}
