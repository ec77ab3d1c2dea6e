//! A cockpit that is killed in the middle of an action: the next one finds the open intent and settles it by looking.

use std::path::Path;

use release_cockpit::domain::record::action::{Outcome, Verb};
use release_cockpit::domain::record::journal::{Entry, open_intents};
use release_cockpit::executors::{journal, recovery};
use support::check::{WAIT_TIMEOUT, holds, same};
use support::manifests::{canary, deployment, image, pause, weight};
use support::proxy::{Proxy, WriteFault};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::child::Order;
use crate::contract::cockpit::{Cockpit, Opening};

/// Kills a cockpit while its write is held, and drops what is held; returns the proxy that tells what the server took.
async fn kill(
    namespace: &TestNamespace,
    (workload, verb): (&str, Verb),
    fault: WriteFault,
    journals: &Path,
) -> Checked<Proxy> {
    let proxy = Proxy::of_kubernetes(namespace.cluster.config("alice").await?).await?;
    proxy.fail_next_write(fault);
    let order = Order {
        kubeconfig: namespace.cluster.kubeconfig().to_owned(),
        url: proxy.url(),
        namespace: namespace.name.clone(),
        workload: workload.to_owned(),
        verb,
        journals: journals.to_owned(),
    };
    let mut child = order.start()?;
    tokio::select! {
        held = proxy.held() => held?,
        ended = child.wait() => return Err(format!("the child ended early: {ended:?}").into()),
    }
    child.kill().await?;
    proxy.drop_held();
    Ok(proxy)
}

/// Kills a cockpit while its write is held; returns how the next cockpit settled it, and how many writes the server took.
async fn killed(namespace: &TestNamespace, workload: &str, verb: Verb, fault: WriteFault) -> Checked<(Outcome, usize)> {
    let journals = tempfile::tempdir()?;
    let proxy = kill(namespace, (workload, verb), fault, journals.path()).await?;
    let mut opening = Opening::of(workload)?;
    opening.journals = Some(journals.path().to_owned());
    let mut next = Cockpit::open(namespace, opening).await?;
    same("open intents on disk", &open_intents(&next.lines()?).len(), &1)?;
    let found = recovery::find(&next.dispatcher, None);
    let [(action, record)] = found.open.as_slice() else { return Err("one open intent was due".into()) };
    same("verb", &record.verb, &verb)?;
    recovery::settle(&next.dispatcher, action, record).await;
    next.check_life()?;
    same("writes of the next", &next.proxy()?.writes().len(), &0)?;
    let outcome = next.lines()?.into_iter().rev().find_map(|line| match line.entry {
        Entry::Outcome { outcome, .. } => Some(outcome),
        _ => None,
    });
    Ok((outcome.ok_or("no outcome was written")?, proxy.accepted().len()))
}

async fn at_first_pause(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, "rollout/api", [canary("api", 2, &[weight(50), pause()])]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await
}

/// Between intent and request: it was not done, and it is not done now.
pub async fn before_the_request(namespace: &TestNamespace) -> Checked {
    at_first_pause(namespace).await?;
    let (outcome, taken) = killed(namespace, "rollout/api", Verb::Promote, WriteFault::HoldRequest).await?;
    holds(&outcome.describe(), matches!(outcome, Outcome::FoundNotDone { .. }))?;
    same("writes taken", &taken, &0)
}

/// Between request and outcome: it was done, once.
pub async fn after_the_request(namespace: &TestNamespace) -> Checked {
    at_first_pause(namespace).await?;
    let (outcome, taken) = killed(namespace, "rollout/api", Verb::Promote, WriteFault::HoldAnswer).await?;
    holds(&outcome.describe(), matches!(outcome, Outcome::FoundDone { .. }))?;
    same("writes taken", &taken, &1)
}

/// A rollback of a Deployment, between request and outcome.
pub async fn in_a_rollback(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, "deployment/api", [deployment("api", 2)]).await?;
    namespace.set_image("Deployment", "api", &image("api", "1.1.0")).await?;
    cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    let (outcome, taken) = killed(namespace, "deployment/api", Verb::Rollback, WriteFault::HoldAnswer).await?;
    holds(&outcome.describe(), matches!(outcome, Outcome::FoundDone { .. }))?;
    same("writes taken", &taken, &1)
}

/// A rollback of which nobody knows whether it was sent: the next one is sent before that is settled (law 3).
pub async fn a_rollback_does_not_wait_for_one_in_doubt(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, "deployment/api", [deployment("api", 2)]).await?;
    namespace.set_image("Deployment", "api", &image("api", "1.1.0")).await?;
    cockpit.until("1.1.0", |view| view.is_settled() && view.goes_out() == "1.1.0").await?;
    let program = crate::cockpit();
    let journals = program.path("release-cockpit/journals");
    std::fs::create_dir_all(&journals)?;
    kill(namespace, ("deployment/api", Verb::Rollback), WriteFault::HoldRequest, &journals).await?;
    let home = program.path("").display().to_string();
    let program = program
        .env("XDG_STATE_HOME", home)
        .env("KUBECONFIG", namespace.cluster.kubeconfig().display().to_string())
        .args(["--context", "alice", "--namespace", &namespace.name, "--workload", "deployment/api"]);
    let run = program.run_within(WAIT_TIMEOUT, &["rollback", "--yes"]).await;
    same(&run.said(), &run.code(), &0)?;
    let object = namespace.get("Deployment", "api").await?;
    let runs = object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    same("image", &runs, &image("api", "1.0.0").as_str())?;
    let mut lines = Vec::new();
    for path in journal::list(&journals)? {
        lines.extend(journal::read(&path)?.lines);
    }
    let order = lines.iter().filter_map(|line| match line.entry {
        Entry::Intent { .. } => Some("intent"),
        Entry::Outcome { .. } => Some("outcome"),
        _ => None,
    });
    let order: Vec<&str> = order.collect();
    holds(&format!("{order:?}"), order.starts_with(&["intent", "intent"]))
}
