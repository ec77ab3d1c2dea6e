//! The API server goes away and comes back. These cases have the servers to themselves.

use jiff::Timestamp;
use release_cockpit::domain::facts::freshness::Link;
use release_cockpit::domain::record::action::{Outcome, Verb};
use serde_json::Value;
use support::check::{holds, same, says};
use support::manifests::{canary, image, pause, weight};
use support::proxy::WriteFault;
use support::{Checked, TestNamespace};

use crate::contract::cockpit::{Cockpit, Opening};

fn steps() -> Vec<Value> {
    vec![weight(50), pause(), weight(67), pause()]
}

/// In the middle of a canary: the state ages and says why, promotion is refused; afterwards everything goes on.
pub async fn in_mid_canary(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([canary("api", 2, &steps())]).await?;
    let mut opening = Opening::of("rollout/api")?;
    opening.proxied = false;
    let mut cockpit = Cockpit::open(namespace, opening).await?;
    cockpit.until_settled().await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    namespace.cluster.api_server.stop().await?;
    cockpit.until_link("down", |heard| matches!(heard.link, Link::Down(_))).await?;
    let heard = cockpit.environment()?.kubernetes();
    let Link::Down(why) = &heard.link else { return Err("the link is up".into()) };
    says(why, "connection")?;
    says(why, "is the API server up?")?;
    holds("it is not fresh", !heard.is_fresh(Timestamp::now()))?;
    // Whatever is still told, the time of the last answer stands still: the state ages.
    cockpit.next().await?;
    same("last heard", &cockpit.environment()?.kubernetes().at, &heard.at)?;
    holds("the picture is kept", cockpit.seen()?.paused_at(1))?;
    says(&cockpit.refused(Verb::Promote)?, "Stale: state is")?;
    // What stops is tried, whatever is known.
    let plan = cockpit.planned(Verb::Rollback)?;
    let outcome = cockpit.dispatcher.perform(plan).await;
    let Outcome::Refused { why } = &outcome else { return Err(outcome.describe().into()) };
    says(why, "not sent")?;
    let plan = cockpit.planned(Verb::Rollback)?;
    namespace.cluster.api_server.start().await?;
    let outcome = cockpit.dispatcher.perform(plan).await;
    holds(&format!("it is confirmed: {}", outcome.describe()), matches!(outcome, Outcome::Confirmed { .. }))?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.until_link("up", |heard| heard.link.is_up()).await?;
    // Without a restart of anything it sees what comes next.
    namespace.set_image("Rollout", "api", &image("api", "1.2.0")).await?;
    cockpit.until("1.2.0", |view| view.paused_at(1) && view.goes_out() == "1.2.0").await?;
    cockpit.picture(namespace).await?;
    let plan = cockpit.planned(Verb::Promote)?;
    let outcome = cockpit.dispatcher.perform(plan).await;
    holds(&format!("it is confirmed: {}", outcome.describe()), matches!(outcome, Outcome::Confirmed { .. }))?;
    cockpit.until_paused_at(3).await?;
    cockpit.check_life()
}

/// Two promotions are on their way when it goes away: one was done, one was not. Both are unknown, are settled when it is
/// back, and are never sent again.
pub async fn with_actions_in_flight(namespace: &TestNamespace) -> Checked {
    let mut cockpits = Vec::new();
    for (name, fault) in [("done", WriteFault::HoldAnswer), ("lost", WriteFault::HoldRequest)] {
        namespace.create_objects([canary(name, 1, &steps())]).await?;
        let mut cockpit = Cockpit::open(namespace, Opening::of(&format!("rollout/{name}"))?).await?;
        cockpit.until_settled().await?;
        namespace.set_image("Rollout", name, &image(name, "1.1.0")).await?;
        cockpit.until_paused_at(1).await?;
        cockpit.proxy()?.fail_next_write(fault);
        let (door, plan) = (cockpit.dispatcher.clone(), cockpit.planned(Verb::Promote)?);
        let action = tokio::spawn(async move { door.perform(plan).await });
        cockpit.proxy()?.held().await?;
        cockpits.push((cockpit, action));
    }
    namespace.cluster.api_server.stop().await?;
    for (cockpit, _) in &mut cockpits {
        cockpit.proxy()?.drop_held();
        let told = |cockpit: &Cockpit| cockpit.unknown() == 1;
        cockpit.until_any("it is unknown", told).await?;
    }
    namespace.cluster.api_server.start().await?;
    let mut found = Vec::new();
    for (cockpit, action) in &mut cockpits {
        let outcome = action.await?;
        found.push(match outcome {
            Outcome::FoundDone { .. } => "done",
            Outcome::FoundNotDone { .. } => "not done",
            other => return Err(other.describe().into()),
        });
        same("writes tried", &cockpit.proxy()?.writes_without_conflicts().len(), &1)?;
        cockpit.until_link("up", |heard| heard.link.is_up()).await?;
        cockpit.check_life()?;
    }
    same("found", &found, &vec!["done", "not done"])
}
