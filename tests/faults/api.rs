//! Faults between the cockpit and the API server: each while a promotion is on its way.

use release_cockpit::domain::action::{Outcome, Verb};

use crate::Checked;
use crate::fault::Fault;
use crate::pty::Tui;
use crate::scene::{Meter, Scene, age, confirm, promotion_is_refused, same, until, wait};
use crate::table::{KUBERNETES, Promotion, Row};

/// By how much the picture has to grow older while it is measured, in seconds.
pub const WINDOW: u64 = 8;

/// Plays one row of the table.
pub fn play(row: &Row) -> Checked {
    let scene = Scene::set(row.name, false)?;
    let mut tui = scene.cockpit(&[]);
    tui.wait_text("p would promote 34 → 50 %");
    let carried_out = matches!(row.promotion, Promotion::FoundDone | Promotion::Confirmed);
    scene.api.begin_with_write(row.fault, carried_out);
    confirm(&mut tui, "p", "Promote prod");
    until("the write on the wire", || Ok(scene.api.has_begun().then_some(())))?;
    match row.says {
        Some(says) => lost(&scene, &mut tui, row, says)?,
        None => fresh(&scene, &mut tui, row)?,
    }
    same("writes while it lasted", &scene.api.writes().len(), &1)?;
    scene.api.heal()?;
    recover(&scene, &mut tui, &[row.promotion])
}

/// While it lasts: the picture ages, the reason is told, and nothing is promoted.
fn lost(scene: &Scene, tui: &mut Tui, row: &Row, says: &str) -> Checked {
    tui.wait_text("kubernetes ✖ down");
    tui.wait_text(says);
    promotion_is_refused(tui, "the picture is");
    let meter = Meter::begin(&scene.api, tui.pid())?;
    let first = until("an age on the screen", || Ok(age(&tui.text())))?;
    until("an age that grows", || Ok(age(&tui.text()).filter(|age| *age >= first + WINDOW)))?;
    meter.end(row.name, &KUBERNETES)?;
    stop_is_offered(scene, tui, row.fault)?;
    scene.promote_is_refused(&[3, 4])
}

/// What stops is offered all the while; where no connection comes up, it is said to be not sent.
fn stop_is_offered(scene: &Scene, tui: &mut Tui, fault: Fault) -> Checked {
    if !fault.is_before_requests() {
        tui.send("R");
        tui.wait_text("Roll back prod");
        tui.send("\x1b");
        return Ok(());
    }
    confirm(tui, "R", "Roll back prod");
    let not_sent = |outcome: &Outcome| matches!(outcome, Outcome::Refused { why } if why.contains("not sent"));
    let outcomes = || scene.outcomes(Verb::Rollback);
    let refused = until("a rollback that is not sent", || Ok(outcomes()?.iter().any(not_sent).then_some(())));
    refused.map_err(|_| format!("the rollback is not known to be unsent: {:?}", outcomes()).into())
}

/// While it lasts: the heartbeat keeps the picture fresh, and what happens is seen.
fn fresh(scene: &Scene, tui: &mut Tui, row: &Row) -> Checked {
    tui.wait_text("p would promote 50 → 67 %");
    let meter = Meter::begin(&scene.api, tui.pid())?;
    let beats = || scene.api.seen().iter().filter(|seen| seen.is_beat).count();
    let first = beats();
    until("three heartbeats", || Ok((beats() >= first + 3).then_some(())))?;
    meter.end(row.name, &KUBERNETES)?;
    let text = tui.text();
    if row.fault != Fault::WatchesDeaf && !text.contains("kubernetes ●") {
        return Err(format!("the picture is not fresh:\n{text}").into());
    }
    // A change is seen though no watch tells of it.
    wait(scene.stage.merge("Rollout", "api", serde_json::json!({"spec": {"paused": true}})))?;
    tui.wait_text("prod is held by hand");
    wait(scene.stage.merge("Rollout", "api", serde_json::json!({"spec": {"paused": false}})))?;
    tui.wait_text("p would promote 50 → 67 %");
    Ok(())
}

/// When it is over: pause at once, the promotion settled, a change seen, promotion and rollback. `promotion` is what may
/// have become of one that was on its way; empty where there was none.
pub fn recover(scene: &Scene, tui: &mut Tui, promotion: &[Promotion]) -> Checked {
    confirm(tui, " ", "Hold prod");
    wait(scene.stage.until("Rollout", "api", "held", |object| object["spec"]["paused"] == true))?;
    tui.wait_text("kubernetes ●");
    tui.wait_text("prod is held by hand");
    let found = if promotion.is_empty() { None } else { Some(settled(scene, promotion)?) };
    confirm(tui, " ", "Resume prod");
    tui.wait_text(match found {
        Some(Promotion::FoundDone | Promotion::Confirmed) => "p would promote 50 → 67 %",
        Some(Promotion::FoundNotDone | Promotion::Refused) | None => "p would promote 34 → 50 %",
    });
    wait(scene.release("1.2.0"))?;
    tui.wait("the change", |screen| {
        let text = screen.contents();
        text.contains("1.2.0") && text.contains("p would promote 34 → 50 %")
    });
    confirm(tui, "p", "Promote prod");
    tui.wait_text("p would promote 50 → 67 %");
    confirm(tui, "R", "Roll back prod");
    tui.wait_text("nothing is under way in prod");
    // Each action was sent once: the promotions, a pause and its end, a rollback.
    let writes: Vec<String> = scene.api.writes().into_iter().map(|seen| seen.line).collect();
    let promotions = writes.iter().filter(|line| line.contains("/rollouts/api/status")).count();
    let asked = usize::from(found.is_some()) + 1;
    same(&format!("promotions in {writes:#?}"), &promotions, &asked)?;
    same(&format!("actions in {writes:#?}"), &writes.len(), &(asked + 3))
}

/// Waits until it is known what became of the promotion, as the journal has it.
fn settled(scene: &Scene, promotion: &[Promotion]) -> Checked<Promotion> {
    let outcomes = || scene.outcomes(Verb::Promote);
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
        Outcome::Unconfirmed { .. } | Outcome::Moved { .. } | Outcome::Unknown { .. } => None,
    }
}
