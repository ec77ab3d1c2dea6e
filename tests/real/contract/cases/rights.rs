//! Who may do what, and how it is told.

use release_cockpit::domain::facts::access::Permission;
use release_cockpit::domain::facts::freshness::{Heard, Link};
use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::{Outcome, Verb};
use release_cockpit::domain::rules::action::writes;
use release_cockpit::domain::world::verdict::Verdict;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::{canary, deployment, image, pause, weight, workload_ref};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::{Cockpit, Opening};

const API: &str = "rollout/api";

async fn knows_rights(cockpit: &mut Cockpit) -> Checked {
    let asked = |cockpit: &Cockpit| cockpit.environment().is_ok_and(|env| env.access.is_known());
    cockpit.until_any("the rights", asked).await
}

/// A viewer sees everything; what goes forward is off, with the right that is missing; what stops is sent, and the
/// server says no.
pub async fn viewer(namespace: &TestNamespace) -> Checked {
    let mut alice = fresh(namespace, API, [canary("api", 2, &[weight(50), pause()])]).await?;
    let mut viewer = Cockpit::open(namespace, Opening::of(API)?.by("viewer")).await?;
    knows_rights(&mut viewer).await?;
    same("who", &viewer.environment()?.access.user.as_deref(), &Some("viewer"))?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    viewer.until_paused_at(1).await?;
    for verb in Verb::ALL {
        let needed = writes(&API.parse()?, None, verb);
        let permission = viewer.environment()?.access.of(&needed);
        holds(&format!("{verb} is denied: {permission:?}"), matches!(permission, Permission::Denied(_)))?;
        if verb.stops() {
            let plan = viewer.planned(verb)?;
            says(&plan.record().goes.join(", "), "RBAC seems to deny viewer: patch rollouts")?;
            continue;
        }
        let said = viewer.refused(verb)?;
        says(&said, "Denied: RBAC denies viewer: patch rollouts")?;
        says(&said, &format!("in {}", namespace.name))?;
    }
    // A plan of somebody who may.
    alice.until_paused_at(1).await?;
    let plan = alice.planned(Verb::Promote)?;
    let outcome = viewer.dispatcher.perform(plan).await;
    holds(&outcome.describe(), matches!(outcome, Outcome::Refused { .. }))?;
    same("writes tried", &viewer.proxy()?.writes().len(), &0)?;
    is_forbidden(&mut viewer, Verb::Abort, "User \"viewer\" cannot patch resource \"rollouts/status\"").await?;
    same("writes tried", &viewer.proxy()?.writes().len(), &1)
}

/// A stop that is sent, and that the server does not let through.
async fn is_forbidden(cockpit: &mut Cockpit, verb: Verb, words: &str) -> Checked {
    let plan = cockpit.planned(verb)?;
    let outcome = cockpit.dispatcher.perform(plan).await;
    let Outcome::Refused { why } = &outcome else { return Err(outcome.describe().into()) };
    says(why, "403")?;
    says(why, words)
}

/// Reads all that is watched.
async fn may_read(namespace: &TestNamespace) -> Checked {
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["replicasets", "deployments"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["argoproj.io"], "resources": ["analysisruns", "rollouts"], "verbs": ["get", "list", "watch"]},
    ]);
    namespace.grant("nobody", "read", rules).await
}

/// Reads what others state, a NO-GO perhaps: nothing is promoted without it.
async fn may_read_the_record(namespace: &TestNamespace) -> Checked {
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["release-cockpit"], "verbs": ["get"]},
    ]);
    namespace.grant("nobody", "record", rules).await
}

async fn paused_canary_of_nobody(namespace: &TestNamespace) -> Checked<Cockpit> {
    fresh(namespace, API, [canary("api", 2, &[weight(50), pause()])]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?.by("nobody")).await?;
    cockpit.until_paused_at(1).await?;
    knows_rights(&mut cockpit).await?;
    Ok(cockpit)
}

/// Rights by `resourceNames`: they are asked for with the name.
pub async fn of_one_object_by_name(namespace: &TestNamespace) -> Checked {
    may_read(namespace).await?;
    let rules = json!([
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts", "rollouts/status"], "resourceNames": ["api"],
         "verbs": ["get", "patch"]},
    ]);
    namespace.grant("nobody", "by-name", rules).await?;
    let mut cockpit = paused_canary_of_nobody(namespace).await?;
    cockpit.act(Verb::Pause).await?;
    says(&cockpit.refused(Verb::Resume)?, "the shared record cannot be read: 403 Forbidden")?;
    may_read_the_record(namespace).await?;
    let is_read = |cockpit: &Cockpit| cockpit.environment().is_ok_and(|env| matches!(env.record, Some(Ok(()))));
    cockpit.until_any("the shared record", is_read).await?;
    cockpit.act(Verb::Resume).await?;
    cockpit.until_paused_at(1).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.check_life()
}

/// The status alone: an abort needs no more, and a retry only the record besides.
pub async fn of_the_status_alone(namespace: &TestNamespace) -> Checked {
    may_read(namespace).await?;
    let rules = json!([{"apiGroups": ["argoproj.io"], "resources": ["rollouts/status"], "verbs": ["get", "patch"]}]);
    namespace.grant("nobody", "status", rules).await?;
    may_read_the_record(namespace).await?;
    let mut cockpit = paused_canary_of_nobody(namespace).await?;
    says(&cockpit.refused(Verb::Restart)?, "RBAC denies nobody: patch rollouts in")?;
    cockpit.act(Verb::Abort).await?;
    cockpit.act(Verb::Retry).await?;
    cockpit.check_life()
}

async fn paused_with_template_elsewhere(namespace: &TestNamespace) -> Checked<Cockpit> {
    fresh(namespace, API, workload_ref("api", 2, &[weight(50), pause()])).await?;
    namespace.set_image("Deployment", "api", &image("api", "1.1.0")).await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?.by("nobody")).await?;
    cockpit.until_paused_at(1).await?;
    knows_rights(&mut cockpit).await?;
    Ok(cockpit)
}

fn may_roll_back(cockpit: &Cockpit) -> Checked<Permission> {
    let view = cockpit.seen()?;
    let needed = writes(&API.parse()?, view.snapshot.object.workload().template_owner(), Verb::Rollback);
    Ok(cockpit.environment()?.access.of(&needed))
}

/// A rollback writes to the Deployment: rights on the Rollout do not help.
pub async fn of_a_rollout_whose_template_is_elsewhere(namespace: &TestNamespace) -> Checked {
    may_read(namespace).await?;
    let rules = json!([{"apiGroups": ["argoproj.io"], "resources": ["rollouts", "rollouts/status"], "verbs": ["get", "patch"]}]);
    namespace.grant("nobody", "rollouts", rules).await?;
    let mut cockpit = paused_with_template_elsewhere(namespace).await?;
    let permission = may_roll_back(&cockpit)?;
    holds(&format!("{permission:?}"), matches!(&permission, Permission::Denied(what) if what.contains("deployments")))?;
    is_forbidden(&mut cockpit, Verb::Rollback, "cannot patch resource \"deployments\"").await?;
    cockpit.begin(Verb::Abort).await?;
    namespace.until("Rollout", "api", "the abort", |object| object["status"]["abort"] == true).await?;
    Ok(())
}

/// Rights on the Deployment that the template lives in are enough to roll back.
pub async fn of_the_template_alone(namespace: &TestNamespace) -> Checked {
    may_read(namespace).await?;
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}]);
    namespace.grant("nobody", "deployments", rules).await?;
    let mut cockpit = paused_with_template_elsewhere(namespace).await?;
    same("the right", &may_roll_back(&cockpit)?, &Permission::Allowed)?;
    cockpit.begin(Verb::Rollback).await?;
    // The controller may overlook a change of the Deployment, and who may not write to the Rollout cannot make it look.
    let old = image("api", "1.0.0");
    let is_back = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"] == old.as_str();
    namespace.until("Deployment", "api", "the old template", is_back).await?;
    Ok(())
}

/// All of a Rollout, no pods and no ReplicaSets: what stops works, and it is said what is not seen.
pub async fn without_pods_and_replicasets(namespace: &TestNamespace) -> Checked {
    let rules = json!([
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts", "rollouts/status"],
         "verbs": ["get", "list", "watch", "patch"]},
    ]);
    namespace.grant("nobody", "no-pods", rules).await?;
    let mut cockpit = paused_canary_of_nobody(namespace).await?;
    let unseen = cockpit.seen()?.status.unseen.join(" | ");
    says(&unseen, "replicasets not seen: 403 Forbidden: replicasets.apps is forbidden")?;
    says(&unseen, "pods not seen: 403 Forbidden: pods is forbidden")?;
    holds("the link is up", cockpit.environment()?.kubernetes().link.is_up())?;
    same("goes out", &cockpit.seen()?.goes_out(), &"1.1.0".to_owned())?;
    let reasons = cockpit.world.find(&cockpit.target).map(|(_, workload)| workload.assessment.verdict);
    same("the verdict", &reasons, &Some(Verdict::Blind))?;
    cockpit.act(Verb::Pause).await?;
    cockpit.act(Verb::Abort).await?;
    cockpit.check_life()
}

/// Rights on a Deployment are asked for Deployments.
pub async fn viewer_of_a_deployment(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([deployment("api", 1)]).await?;
    let mut viewer = Cockpit::open(namespace, Opening::of("deployment/api")?.by("viewer")).await?;
    viewer.until_settled().await?;
    knows_rights(&mut viewer).await?;
    says(&viewer.refused(Verb::Restart)?, "RBAC denies viewer: patch deployments in")?;
    is_forbidden(&mut viewer, Verb::Pause, "User \"viewer\" cannot patch resource \"deployments\"").await?;
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
    for verb in [Verb::Promote, Verb::PromoteFull] {
        says(&cockpit.refused(verb)?, "patch rollouts/status in")?;
    }
    is_forbidden(&mut cockpit, Verb::Abort, "cannot patch resource \"rollouts/status\"").await?;
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
