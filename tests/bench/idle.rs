//! What watching costs while nothing happens.

use std::time::Duration;

use serde_json::Value;
use support::process::{Meter, memory};

use crate::figures::Table;
use crate::place::{self, Place};

/// Until history is fetched and all connections are up.
const WARM_UP: Duration = Duration::from_secs(12);
const MEASURED: Duration = Duration::from_secs(30);

pub fn run(table: &mut Table) {
    for mut place in Place::all() {
        let one = [place.environment("prod-eu", place.rollout)];
        let must = Some(0.08);
        watch(table, &place, &one, false, "one rollout", must);
        watch(table, &place, &one, true, "one rollout with metrics", None);
        let ten = ten(&mut place);
        watch(table, &place, &ten, true, "10 environments with metrics", Some(0.5));
    }
}

/// Ten environments with a rollout each; on the simulator ten views of the three that there are.
fn ten(place: &mut Place) -> Vec<Value> {
    let names = (0..10).map(|n| format!("cell-{n}"));
    if place.is_simulator() {
        let contexts = ["staging", "prod-eu", "prod-us"];
        let mut environments = Vec::new();
        for (name, context) in names.zip(contexts.iter().cycle()) {
            place.alias(&name, context);
            let mut environment = place.environment(&name, place.rollout);
            environment["context"] = Value::from(name);
            environments.push(environment);
        }
        return environments;
    }
    for name in names.clone() {
        place.create(&place::rollout(&name));
    }
    place.wait_pods(110);
    names.map(|name| place.environment(&name, &name)).collect()
}

fn watch(table: &mut Table, place: &Place, environments: &[Value], metrics: bool, what: &str, must: Option<f64>) {
    let mut pty = place.open(environments, metrics, (120, 40));
    pty.wait_text("1.5.0");
    std::thread::sleep(WARM_UP);
    let mut meter = Meter::start(pty.pid());
    meter.watch(MEASURED);
    let percent = meter.percent();
    let memory = memory(pty.pid());
    pty.send("q");
    pty.exit();
    let what = format!("{what}, {}", place.name);
    let must = must.map(|must| (format!("< {must} %"), percent < must));
    table.figure(&format!("idle CPU of one core, {what}"), &format!("{percent:.3} %"), must);
    table.figure(
        &format!("memory (most), {what}"),
        &format!("{:.1} ({:.1}) MiB", memory.now_mib, memory.peak_mib),
        None,
    );
}
