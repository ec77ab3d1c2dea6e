//! Faults between the cockpit and Prometheus: nothing is promoted blind, and everything is stopped at once.

use std::collections::BTreeSet;

use serde_json::json;
use support::check::same;
use support::proxy::Fault;
use support::{Checked, Pty, http_client};

use super::setup::{Meter, Setup, confirm, promotion_is_refused, until};
use super::table::PROMETHEUS;

/// For how many seconds of the screen's clock it is measured.
const WINDOW_SECONDS: usize = 8;

/// Tries one row of the table.
pub fn run(name: &str, fault: Fault, says: &str) -> Checked {
    let setup = Setup::new(&format!("metrics-{name}"), true)?;
    let proxy = setup.prometheus.as_ref().ok_or("PROMETHEUS_URL is not set")?;
    let mut pty = ready(&setup)?;
    proxy.begin(fault);
    blind(&setup, &mut pty, says)?;
    let meter = Meter::begin(proxy, pty.pid())?;
    let mut clocks = BTreeSet::new();
    until("a clock that goes on", || {
        clocks.extend(
            pty.text()
                .lines()
                .next()
                .and_then(|line| line.rsplit(' ').find(|word| word.contains(':')).map(ToOwned::to_owned)),
        );
        Ok((clocks.len() > WINDOW_SECONDS).then_some(()))
    })?;
    meter.end(name, &PROMETHEUS)?;
    proxy.heal();
    see_again(&setup, &mut pty)?;
    // And a rollback while it is ill once more.
    proxy.begin(fault);
    pty.wait_text("prometheus ✖ down");
    confirm(&mut pty, "R", "Roll back prod");
    pty.wait_text("prod was rolled back from");
    // A pause and its end, a promotion, a rollback.
    same("actions", &setup.api.writes_without_conflicts().len(), &4)?;
    Ok(())
}

/// Opens the screen on a canary that is well.
pub fn ready(setup: &Setup) -> Checked<Pty> {
    traffic(setup, 0.0)?;
    let pty = setup.cockpit(&[]);
    pty.wait_text("p would promote 33 → 50 %");
    Ok(pty)
}

/// Without numbers: told why, a pause as ever, and nothing goes on: no promotion, and no end of the pause.
pub fn blind(setup: &Setup, pty: &mut Pty, says: &str) -> Checked {
    pty.wait_text("prometheus ✖ down");
    pty.wait_text(says);
    pty.wait_text("? BLIND");
    promotion_is_refused(pty, "no data");
    setup.promote_is_refused(&[4])?;
    confirm(pty, " ", "Pause prod");
    pty.wait_text("prod is paused by");
    pty.send(" ");
    pty.wait_text("prod cannot resume");
    pty.send("\x1b");
    pty.wait("it is closed", |screen| !screen.contents().contains("prod cannot resume"));
    Ok(())
}

/// With numbers again: the pause ends, promotion goes through, and errors are seen.
pub fn see_again(setup: &Setup, pty: &mut Pty) -> Checked {
    pty.wait("fresh numbers", |screen| {
        let text = screen.contents();
        text.contains("prometheus ●") && !text.contains("? BLIND")
    });
    confirm(pty, " ", "Resume prod");
    pty.wait_text("p would promote 33 → 50 %");
    confirm(pty, "p", "Promote prod");
    pty.wait_text("p would promote 50 → 67 %");
    traffic(setup, 0.5)?;
    pty.wait_text("✖ NO-GO");
    promotion_is_refused(pty, "errors");
    Ok(())
}

/// Sets which share of the requests to the pods fails.
fn traffic(setup: &Setup, error_ratio: f64) -> Checked {
    let exporter = std::env::var("EXPORTER_URL")?;
    setup.wait(async {
        let client = http_client();
        let rule = client.put(format!("{exporter}/traffic/{}/api", setup.namespace.name));
        rule.json(&json!({"rps": 30, "error_ratio": error_ratio})).send().await?.error_for_status()?;
        Ok(())
    })
}
