//! A long watch: memory, threads, descriptors and connections after hours as after minutes, and ages that do not drift.
//!
//! Four simulated hours take four minutes; the real servers are watched for half an hour, or `COCKPIT_SOAK_MINUTES`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crowd;
use crate::figures::Table;
use crate::place::{Place, deployment};
use crate::process::{Meter, memory};
use crate::pty::Tui;

/// How many times faster the simulator's clock runs.
const SPEED: &str = "60";
const SIMULATED: Duration = Duration::from_secs(4 * 3600 / 60);
const REAL_MINUTES: u64 = 30;
/// Between two looks at the process, and two keys.
const EVERY: Duration = Duration::from_secs(5);
/// Lists, histories and caches are filled by then: what grows later grows for ever.
const FILLED: f64 = 0.25;
const DEPLOYMENTS: u32 = 49;
const PODS: u32 = 100;
/// Screens, help and back.
const KEYS: [&str; 8] = ["2", "3", "4", "6", "?", "\x1b", "5", "1"];

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    mib: f64,
    threads: usize,
    descriptors: usize,
    sockets: usize,
}

pub fn run(table: &mut Table) {
    let minutes = std::env::var("COCKPIT_SOAK_MINUTES").ok().and_then(|text| text.parse().ok());
    simulated(table, minutes.map_or(SIMULATED, |minutes: u64| Duration::from_secs(minutes * 60).min(SIMULATED)));
    if let Some(place) = Place::real() {
        real(table, &place, Duration::from_secs(minutes.unwrap_or(REAL_MINUTES) * 60));
    }
}

/// One release after the other, on a clock that runs fast.
fn simulated(table: &mut Table, span: Duration) {
    let place = Place::simulator(SPEED);
    let mut tui = place.open(&[place.environment("prod-eu", place.rollout)], true, (120, 40));
    tui.wait_text("1.5.0");
    let mut version = 0;
    let looks = watch(&mut tui, span, |look| {
        // Every half minute another release: half an hour of the simulator's.
        if look % 6 == 5 {
            version += 1;
            let image = format!("registry.example/payments-api:2.{version}.0");
            let containers = json!([{"name": "payments-api", "image": image}]);
            place.patch("Rollout", place.rollout, &json!({"spec": {"template": {"spec": {"containers": containers}}}}));
        }
    });
    tell(table, &format!("{:.1} simulated hours, {version} releases", span.as_secs_f64() / 60.0), &looks);
    leave(tui);
}

/// One rollout among thousands of pods of which fifty change every second.
fn real(table: &mut Table, place: &Place, span: Duration) {
    for number in 0..DEPLOYMENTS {
        place.create(&deployment(&format!("crowd-{number:02}"), PODS));
    }
    place.wait_pods((DEPLOYMENTS * PODS) as usize + 10);
    let mut tui = place.open(&[place.environment("prod-eu", place.rollout)], true, (120, 40));
    tui.wait_text("1.5.0");
    let over = Arc::new(AtomicBool::new(false));
    let changes = crowd::change(place.api("Pod"), place.names("Pod"), Arc::clone(&over));
    let changes = place.runtime.spawn(changes);
    let mut meter = Meter::start(tui.pid());
    let looks = watch(&mut tui, span, |_| {});
    meter.watch(Duration::from_secs(1));
    over.store(true, Ordering::Relaxed);
    let rate = place.runtime.block_on(changes).expect("changes");
    let what = format!("{} real minutes, {rate:.0} pod changes/s", span.as_secs() / 60);
    table.figure(&format!("CPU of one core, {what}"), &format!("{:.2} %", meter.percent()), None);
    tell(table, &what, &looks);
    leave(tui);
}

fn watch(tui: &mut Tui, span: Duration, mut meanwhile: impl FnMut(usize)) -> Vec<Held> {
    let until = Instant::now() + span;
    let mut looks = Vec::new();
    while Instant::now() < until {
        tui.send(KEYS[looks.len() % KEYS.len()]);
        meanwhile(looks.len());
        sleep(EVERY);
        // The header says how old the picture is: it must stay live as long as the server answers.
        let text = tui.text();
        let head = text.lines().next().unwrap_or_default();
        assert!(head.contains("live"), "after {} looks the picture is not live: {head}", looks.len());
        looks.push(held(tui.pid()));
    }
    looks
}

fn held(pid: u32) -> Held {
    let list =
        |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let descriptors = list("fd");
    let is_socket = |entry: &std::io::Result<fs::DirEntry>| {
        let link = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
        link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    Held {
        mib: memory(pid).0,
        threads: list("task").len(),
        sockets: descriptors.iter().filter(|entry| is_socket(entry)).count(),
        descriptors: descriptors.len(),
    }
}

/// Compares the last quarter with the second one: the most of each.
fn tell(table: &mut Table, what: &str, looks: &[Held]) {
    let part = |from: f64, to: f64| {
        let at = |share: f64| (looks.len() as f64 * share) as usize;
        let part = &looks[at(from)..at(to).max(at(from) + 1).min(looks.len())];
        let most = |of: fn(&Held) -> usize| part.iter().map(of).max().unwrap_or_default();
        let mib = part.iter().map(|held| held.mib).fold(0.0, f64::max);
        (mib, most(|held| held.threads), most(|held| held.descriptors), most(|held| held.sockets))
    };
    let (early, late) = (part(FILLED, 0.5), part(0.75, 1.0));
    let row = |name: &str, from: String, to: String, met: bool| {
        (format!("{name}: second quarter → last, {what}"), format!("{from} → {to}"), ("no more".to_owned(), met))
    };
    for (name, figure, must) in [
        row("memory", format!("{:.1} MiB", early.0), format!("{:.1} MiB", late.0), late.0 < early.0 * 1.05 + 1.0),
        row("threads", early.1.to_string(), late.1.to_string(), late.1 <= early.1),
        row("descriptors", early.2.to_string(), late.2.to_string(), late.2 <= early.2 + 2),
        row("sockets", early.3.to_string(), late.3.to_string(), late.3 <= early.3 + 2),
    ] {
        table.figure(&name, &figure, Some(must));
    }
}

fn leave(mut tui: Tui) {
    // Apart, or the two would be one key.
    tui.send("\x1b");
    sleep(Duration::from_millis(300));
    tui.send("q");
    tui.exit();
}
