//! Faults between the cockpit and Prometheus: nothing is promoted blind, and everything is stopped at once.

use std::collections::BTreeSet;

use serde_json::json;

use crate::Checked;
use crate::fault::Fault;
use crate::pty::Tui;
use crate::scene::{Meter, Scene, confirm, promotion_is_refused, same, until, wait};
use crate::table::PROMETHEUS;

/// For how many seconds of the screen's clock it is measured.
const WINDOW: usize = 8;

/// Plays one row of the table.
pub fn play(name: &str, fault: Fault, says: &str) -> Checked {
    let scene = Scene::set(&format!("metrics-{name}"), true)?;
    let proxy = scene.prometheus.as_ref().ok_or("PROMETHEUS_URL is not set")?;
    let mut tui = ready(&scene)?;
    proxy.begin(fault);
    blind(&scene, &mut tui, says)?;
    let meter = Meter::begin(proxy, tui.pid())?;
    let mut clocks = BTreeSet::new();
    until("a clock that goes on", || {
        clocks.extend(
            tui.text()
                .lines()
                .next()
                .and_then(|line| line.rsplit(' ').find(|word| word.contains(':')).map(ToOwned::to_owned)),
        );
        Ok((clocks.len() > WINDOW).then_some(()))
    })?;
    meter.end(name, &PROMETHEUS)?;
    proxy.heal()?;
    see_again(&scene, &mut tui)?;
    // And a rollback while it is ill once more.
    proxy.begin(fault);
    tui.wait_text("prometheus ✖ down");
    confirm(&mut tui, "R", "Roll back prod");
    tui.wait_text("nothing is under way in prod");
    // A pause and its end, a promotion, a rollback.
    same("actions", &scene.api.writes().len(), &4)?;
    Ok(())
}

/// Opens the screen on a canary that is well.
pub fn ready(scene: &Scene) -> Checked<Tui> {
    traffic(scene, 0.0)?;
    let tui = scene.cockpit(&[]);
    tui.wait_text("p would promote 34 → 50 %");
    Ok(tui)
}

/// Without numbers: told why, nothing promoted, pause and its end as ever.
pub fn blind(scene: &Scene, tui: &mut Tui, says: &str) -> Checked {
    tui.wait_text("prometheus ✖ down");
    tui.wait_text(says);
    tui.wait_text("? BLIND");
    promotion_is_refused(tui, "no data");
    scene.promote_is_refused(&[4])?;
    confirm(tui, " ", "Hold prod");
    tui.wait_text("prod is held by hand");
    confirm(tui, " ", "Resume prod");
    tui.wait_text("prod waits for a person to promote it");
    Ok(())
}

/// With numbers again: promotion goes through, and errors are seen.
pub fn see_again(scene: &Scene, tui: &mut Tui) -> Checked {
    tui.wait_text("prometheus ●");
    tui.wait_text("p would promote 34 → 50 %");
    confirm(tui, "p", "Promote prod");
    tui.wait_text("p would promote 50 → 67 %");
    traffic(scene, 0.5)?;
    tui.wait_text("✖ NO-GO");
    promotion_is_refused(tui, "errors");
    Ok(())
}

/// Sets which share of the requests to the pods fails.
fn traffic(scene: &Scene, error_ratio: f64) -> Checked {
    let exporter = std::env::var("EXPORTER_URL")?;
    wait(async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let rule = client.put(format!("{exporter}/traffic/{}/api", scene.stage.namespace));
        rule.json(&json!({"rps": 30, "error_ratio": error_ratio})).send().await?.error_for_status()?;
        Ok(())
    })
}
