//! The whole program in a terminal: how soon it shows, sees and acts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use support::Pty;
use support::proxy::Relay;

use crate::figures::{Samples, Table};
use crate::place::Place;

const SIZE: (u16, u16) = (120, 40);

/// From exec to the first frame, and to the first row that is live.
pub fn start(table: &mut Table) {
    for place in Place::all() {
        let environment = [place.environment("prod-eu", place.rollout)];
        let (mut frame, mut row) = (Samples::default(), Samples::default());
        for _ in 0..30 {
            let began = Instant::now();
            let mut pty = place.open(&environment, true, SIZE);
            pty.wait_text("Deck");
            frame.add(began.elapsed());
            pty.wait_text("1.5.0");
            row.add(began.elapsed());
            pty.send("q");
            pty.exit();
        }
        let what = format!("exec → first frame, {}", place.name);
        table.times(&what, &frame, Some(Duration::from_millis(50)));
        table.times(&format!("exec → first live row, {}", place.name), &row, Some(Duration::from_millis(120)));
    }
}

/// From a key to what it does: on the screen, and on the wire.
pub fn act(table: &mut Table) {
    let mut place = Place::simulator("20");
    let relay = place.runtime.block_on(Relay::to(place.server())).expect("a relay");
    place.redirect(&format!("http://127.0.0.1:{}", relay.port()));
    let mut pty = place.open(&[place.environment("prod-eu", place.rollout)], true, SIZE);
    pty.wait_text("paused until promoted");
    table.times("key → frame through the terminal", &keys(&mut pty), Some(Duration::from_millis(16)));
    let samples = rollbacks(&place, &relay, &mut pty, 20);
    let what = "rollback key → request on the wire, journal fsync included";
    table.times(what, &samples, Some(Duration::from_millis(20)));
}

fn keys(pty: &mut Pty) -> Samples {
    let mut samples = Samples::default();
    for round in 0..200 {
        sleep(Duration::from_millis(53));
        // What only the other screen shows.
        let (key, sign) = if round % 2 == 0 { ("2", "revisions and pods") } else { ("1", "all environments") };
        let began = Instant::now();
        pty.send(key);
        pty.wait_text(sign);
        samples.add(began.elapsed());
    }
    samples
}

/// Rolls back so many times: from the key to the request on the wire.
pub fn rollbacks(place: &Place, relay: &Relay, pty: &mut Pty, times: usize) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..times {
        pty.wait_text("paused until promoted");
        pty.send("R");
        pty.wait_text("Roll back prod-eu");
        // Answers within 300 ms of the question do not count.
        sleep(Duration::from_millis(400));
        relay.forget();
        let began = Instant::now();
        pty.send("y");
        let patched = place.runtime.block_on(relay.next_patch()).expect("a PATCH on the wire");
        samples.add(patched.saturating_duration_since(began));
        pty.wait("the canary gone", |screen| !screen.contents().contains("paused until promoted"));
        // Out again.
        let image = json!([{"name": "payments-api", "image": "registry.example/payments-api:1.5.0"}]);
        sleep(Duration::from_millis(1500));
        place.patch("Rollout", place.rollout, &json!({"spec": {"template": {"spec": {"containers": image}}}}));
    }
    samples
}

/// From a status change at the API server to the frame that shows it.
pub fn see(table: &mut Table) {
    for place in Place::all() {
        let mut pty = place.open(&[place.environment("prod-eu", place.rollout)], true, SIZE);
        pty.wait_text("1.5.0");
        pty.send("2");
        pty.wait_text("revisions and pods");
        let pods = place.api("Pod");
        let mut samples = Samples::default();
        for round in 0..60 {
            sleep(Duration::from_millis(211));
            let params = ListParams::default().labels(&format!("app={}", place.rollout)).limit(1);
            let list = place.runtime.block_on(pods.list(&params)).expect("listed");
            let pod = list.items.first().expect("a pod");
            let mut containers = pod.data["status"]["containerStatuses"].clone();
            let count = 100 + round;
            containers[0]["restartCount"] = json!(count);
            let patch = Patch::Merge(json!({"status": {"containerStatuses": containers}}));
            let name = pod.metadata.name.clone().expect("a name");
            let began = Instant::now();
            let params = PatchParams::default();
            let patched = pods.patch_status(&name, &params, &patch);
            place.runtime.block_on(patched).expect("patched");
            pty.wait_text(&format!("x{count} "));
            samples.add(began.elapsed());
        }
        let what = format!("status change at the API server (its PATCH included) → frame, {}", place.name);
        table.times(&what, &samples, Some(Duration::from_millis(100)));
    }
}
