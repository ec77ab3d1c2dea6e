//! Faults between the cockpit and the API server: each while a promotion is in progress.

use release_cockpit::domain::record::action::{Outcome, Verb};

use super::setup::{Meter, Setup, age, confirm, promotion_is_refused, until};
use super::table::{KUBERNETES, Promotion, Row};
use axum::http::Method;
use support::check::same;
use support::proxy::{Fault, Recorded};
use support::{Checked, Pty};

/// By how much the state has to grow older while it is measured, in seconds.
pub const WINDOW_SECONDS: u64 = 8;

/// Tries one row of the table.
pub fn run(row: &Row) -> Checked {
    let setup = Setup::new(row.name, false)?;
    let mut pty = setup.cockpit(&[]);
    pty.wait_text("p would promote 33 → 50 %");
    let carried_out = matches!(row.promotion, Promotion::FoundDone | Promotion::Confirmed);
    setup.api.begin_with_write(row.fault, carried_out);
    confirm(&mut pty, "p", "Promote prod");
    until("the write on the wire", || Ok(setup.api.has_begun().then_some(())))?;
    match row.says {
        Some(says) => lost(&setup, &mut pty, row, says)?,
        None => fresh(&setup, &mut pty, row)?,
    }
    same("writes while it lasted", &setup.api.writes_without_conflicts().len(), &1)?;
    setup.api.heal();
    recover(&setup, &mut pty, &[row.promotion])
}

/// While it lasts: the state ages, the reason is told, and nothing is promoted.
fn lost(setup: &Setup, pty: &mut Pty, row: &Row, says: &str) -> Checked {
    pty.wait_text("kubernetes ✖ down");
    pty.wait_text(says);
    promotion_is_refused(pty, "state is");
    let meter = Meter::begin(&setup.api, pty.pid())?;
    let first = until("an age on the screen", || Ok(age(&pty.text())))?;
    until("an age that grows", || Ok(age(&pty.text()).filter(|age| *age >= first + WINDOW_SECONDS)))?;
    meter.end(row.name, &KUBERNETES)?;
    stop_is_offered(setup, pty, row.fault)?;
    setup.promote_is_refused(&[1])
}

/// What stops is offered all the while; where no connection comes up, it is said to be not sent.
fn stop_is_offered(setup: &Setup, pty: &mut Pty, fault: Fault) -> Checked {
    if !fault.is_before_requests() {
        pty.send("R");
        pty.wait_text("Roll back prod");
        pty.send("\x1b");
        return Ok(());
    }
    confirm(pty, "R", "Roll back prod");
    let not_sent = |outcome: &Outcome| matches!(outcome, Outcome::Refused { why } if why.contains("not sent"));
    let outcomes = || setup.outcomes(Verb::Rollback);
    let refused = until("a rollback that is not sent", || Ok(outcomes()?.iter().any(not_sent).then_some(())));
    refused.map_err(|_| format!("the rollback is not known to be unsent: {:?}", outcomes()).into())
}

/// Whether a request is what the heartbeat asks.
fn is_heartbeat(request: &Recorded) -> bool {
    request.method == Method::GET && request.path.ends_with("/rollouts/api")
}

/// While it lasts: the heartbeat keeps the state fresh, and what happens is seen.
fn fresh(setup: &Setup, pty: &mut Pty, row: &Row) -> Checked {
    pty.wait_text("p would promote 50 → 67 %");
    let meter = Meter::begin(&setup.api, pty.pid())?;
    let beats = || setup.api.requests().iter().filter(|request| is_heartbeat(request)).count();
    let first = beats();
    until("three heartbeats", || Ok((beats() >= first + 3).then_some(())))?;
    meter.end(row.name, &KUBERNETES)?;
    let text = pty.text();
    if row.fault != Fault::WatchesDeaf && !text.contains("kubernetes ●") {
        return Err(format!("the picture is not fresh:\n{text}").into());
    }
    // A change is seen though no watch tells of it.
    setup.wait(setup.namespace.merge("Rollout", "api", serde_json::json!({"spec": {"paused": true}})))?;
    pty.wait_text("prod is paused by");
    setup.wait(setup.namespace.merge("Rollout", "api", serde_json::json!({"spec": {"paused": false}})))?;
    pty.wait_text("p would promote 50 → 67 %");
    Ok(())
}

/// When it is over: pause at once, the promotion settled, a change seen, promotion and rollback. `promotion` is what may
/// have become of one that was in progress; empty where there was none.
pub fn recover(setup: &Setup, pty: &mut Pty, promotion: &[Promotion]) -> Checked {
    confirm(pty, " ", "Pause prod");
    setup.wait(setup.namespace.until("Rollout", "api", "held", |object| object["spec"]["paused"] == true))?;
    pty.wait_text("kubernetes ●");
    pty.wait_text("prod is paused by");
    let found = if promotion.is_empty() { None } else { Some(settled(setup, promotion)?) };
    confirm(pty, " ", "Resume prod");
    pty.wait_text(match found {
        Some(Promotion::FoundDone | Promotion::Confirmed) => "p would promote 50 → 67 %",
        Some(Promotion::FoundNotDone | Promotion::Refused) | None => "p would promote 33 → 50 %",
    });
    setup.wait(setup.release("1.2.0"))?;
    pty.wait("the change", |screen| {
        let text = screen.contents();
        text.contains("1.2.0") && text.contains("p would promote 33 → 50 %")
    });
    confirm(pty, "p", "Promote prod");
    pty.wait_text("p would promote 50 → 67 %");
    confirm(pty, "R", "Roll back prod");
    pty.wait_text("prod was rolled back from");
    // Each action was sent once: the promotions, a pause and its end, a rollback.
    let writes: Vec<String> = setup.api.writes_without_conflicts().into_iter().map(|write| write.line()).collect();
    let promotions = writes.iter().filter(|line| line.contains("/rollouts/api/status")).count();
    let asked = usize::from(found.is_some()) + 1;
    same(&format!("promotions in {writes:#?}"), &promotions, &asked)?;
    same(&format!("actions in {writes:#?}"), &writes.len(), &(asked + 3))
}

/// Waits until it is known what became of the promotion, as the journal has it.
fn settled(setup: &Setup, promotion: &[Promotion]) -> Checked<Promotion> {
    let outcomes = || setup.outcomes(Verb::Promote);
    let found = until("the promotion settled", || Ok(outcomes()?.iter().find_map(kind)))
        .map_err(|_| format!("nobody knows what became of the promotion: {:?}", outcomes()))?;
    if promotion.contains(&found) { Ok(found) } else { Err(format!("{promotion:?} became {:?}", outcomes()).into()) }
}

fn kind(outcome: &Outcome) -> Option<Promotion> {
    match outcome {
        Outcome::FoundDone { .. } => Some(Promotion::FoundDone),
        Outcome::FoundNotDone { .. } => Some(Promotion::FoundNotDone),
        Outcome::Refused { .. } => Some(Promotion::Refused),
        Outcome::Confirmed { .. } => Some(Promotion::Confirmed),
        Outcome::Unconfirmed { .. } | Outcome::AwaitsMerge { .. } | Outcome::Moved { .. } | Outcome::Unknown { .. } => {
            None
        }
    }
}
