//! A long watch: memory, tasks, threads, descriptors and connections after hours as after minutes, and ages that do not
//! drift.
//!
//! Eight simulated hours take eight minutes; the real servers are watched for half an hour, or `COCKPIT_SOAK_MINUTES`.
//! What is leaked ends the run with 1.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kube::api::ListParams;
use serde_json::json;
use support::process::{Meter, memory};
use support::{Program, Pty};

use crate::crowd::{self, Change};
use crate::figures::Table;
use crate::place::{Place, deployment};

/// How many times faster the simulator's clock runs.
const SPEED: &str = "60";
const SIMULATED: Duration = Duration::from_secs(8 * 3600 / 60);
const REAL_MINUTES: u64 = 30;
/// Between two looks at the process, and two keys.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// Lists, histories and caches are filled by then (after eight releases or so): what grows later grows for ever.
const WARM_UP_SHARE: f64 = 0.5;
const DEPLOYMENTS: u32 = 49;
const PODS: u32 = 100;
const KEYS: [&str; 8] = ["2", "3", "4", "6", "?", "\x1b", "5", "1"];

/// What is held, and how many of them.
type Kind = (&'static str, fn(&Held) -> usize);

#[derive(Clone, Copy, Debug)]
struct Held {
    mib: f64,
    tasks: usize,
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
    let mut pty = open(&place);
    let mut version = 0;
    let looks = watch(&place, &mut pty, span, |look, _| {
        // Every half minute another release: half an hour of the simulator's.
        if look % 6 == 5 {
            version += 1;
            let image = format!("registry.example/payments-api:2.{version}.0");
            let containers = json!([{"name": "payments-api", "image": image}]);
            place.patch("Rollout", place.rollout, &json!({"spec": {"template": {"spec": {"containers": containers}}}}));
        }
    });
    tell(table, &format!("{:.1} simulated hours, {version} releases", span.as_secs_f64() / 60.0), &looks);
    leave(pty);
}

/// One rollout among thousands of pods of which fifty change every second.
fn real(table: &mut Table, place: &Place, span: Duration) {
    for number in 0..DEPLOYMENTS {
        place.create(&deployment(&format!("crowd-{number:02}"), PODS));
    }
    place.wait_pods((DEPLOYMENTS * PODS) as usize + 10);
    let mut pty = open(place);
    let over = Arc::new(AtomicBool::new(false));
    let changes = crowd::change(place.api("Pod"), place.names("Pod"), Change::Annotation, Arc::clone(&over));
    let changes = place.runtime.spawn(changes);
    let mut meter = Meter::start(pty.pid());
    let created = created(place);
    let mut off: Option<i64> = None;
    let looks = watch(place, &mut pty, span, |_, text| {
        if let Some(shown) = age(text) {
            off = off.max(Some((jiff::Timestamp::now().as_second() - created - shown).abs()));
        }
    });
    meter.watch(Duration::from_secs(1));
    over.store(true, Ordering::Relaxed);
    let rate = place.runtime.block_on(changes).expect("changes");
    let what = format!("{} real minutes, {rate:.0} pod changes/s", span.as_secs() / 60);
    table.figure(&format!("CPU of one core, {what}"), &format!("{:.2} %", meter.percent()), None);
    let off = off.expect("an age was on the screen");
    // A second passes between two frames, and another is lost to rounding.
    table.holds(&format!("ages are off by, {what}"), &format!("{off} s"), "≤ 2 s", off <= 2);
    tell(table, &what, &looks);
    leave(pty);
}

/// Opens the cockpit with a log that tells how many tasks are alive.
fn open(place: &Place) -> Pty {
    let (kubeconfig, config) = place.files(&[place.environment("prod-eu", place.rollout)], true);
    let program = Program::new(crate::COCKPIT)
        .env("KUBECONFIG", kubeconfig)
        .env("XDG_STATE_HOME", place.state().display().to_string())
        .env("RUST_LOG", "release_cockpit::runtime=debug");
    let pty = program.screen(&["--config", &config], (120, 40));
    pty.wait_text("1.5.0");
    pty
}

/// When the rollout's first revision was made, in seconds since the epoch.
fn created(place: &Place) -> i64 {
    let list = place.api("ReplicaSet");
    let of_rollout = ListParams::default().labels("rollouts-pod-template-hash");
    let list = place.runtime.block_on(list.list_metadata(&of_rollout)).expect("listed");
    let first = list.items.iter().filter_map(|item| item.metadata.creation_timestamp.as_ref()).min();
    first.expect("a revision").0.as_second()
}

/// The age in seconds that the screen shows of revision 1, if it is on it: `30m04s`.
fn age(text: &str) -> Option<i64> {
    let line = text.lines().find(|line| line.contains("revision 1 "))?;
    let shown: jiff::Span = line.trim_end_matches(['│', ' ']).split_whitespace().next_back()?.parse().ok()?;
    Some(jiff::SignedDuration::try_from(shown).ok()?.as_secs())
}

fn watch(place: &Place, pty: &mut Pty, span: Duration, mut meanwhile: impl FnMut(usize, &str)) -> Vec<Held> {
    let until = Instant::now() + span;
    let mut looks = Vec::new();
    while Instant::now() < until {
        pty.send(KEYS[looks.len() % KEYS.len()]);
        sleep(SAMPLE_INTERVAL);
        // The header says how old the state is: it must stay live as long as the server answers.
        let text = pty.text();
        let head = text.lines().next().unwrap_or_default();
        assert!(head.contains("live"), "after {} looks the picture is not live: {head}", looks.len());
        meanwhile(looks.len(), &text);
        looks.push(held(pty.pid(), &place.state()));
    }
    looks
}

/// The last number of tasks in the log; none in its first seconds.
fn tasks(state: &Path) -> usize {
    let folder = fs::read_dir(state.join("release-cockpit/log")).expect("a log");
    let mut days: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    days.sort();
    let logs = days.iter().rev().map(|day| fs::read_to_string(day).expect("text"));
    let mut numbers = logs.filter_map(|log| Some(log.rsplit_once("alive tasks=")?.1.lines().next()?.to_owned()));
    numbers.next().map_or(0, |number| number.trim().parse().expect("a number"))
}

fn held(pid: u32, state: &Path) -> Held {
    let list =
        |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let descriptors = list("fd");
    let is_socket = |entry: &std::io::Result<fs::DirEntry>| {
        let link = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
        link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    Held {
        mib: memory(pid).now_mib,
        tasks: tasks(state),
        threads: list("task").len(),
        sockets: descriptors.iter().filter(|entry| is_socket(entry)).count(),
        descriptors: descriptors.len(),
    }
}

/// Compares the last quarter with the third one: the most of each.
fn tell(table: &mut Table, what: &str, looks: &[Held]) {
    let part = |from: f64, to: f64| {
        let at = |share: f64| (looks.len() as f64 * share) as usize;
        &looks[at(from)..at(to).max(at(from) + 1).min(looks.len())]
    };
    let (early, late) = (part(WARM_UP_SHARE, 0.75), part(0.75, 1.0));
    let mib = |part: &[Held]| part.iter().map(|held| held.mib).fold(0.0, f64::max);
    let (from, to) = (mib(early), mib(late));
    let what = format!("third quarter → last, {what}");
    table.holds(&format!("memory: {what}"), &format!("{from:.1} → {to:.1} MiB"), "no more", to < from * 1.05 + 1.0);
    let kinds: [Kind; 4] = [
        ("tasks", |held| held.tasks),
        ("threads", |held| held.threads),
        ("descriptors", |held| held.descriptors),
        ("sockets", |held| held.sockets),
    ];
    for (name, of) in kinds {
        let [from, to] = [early, late].map(|part| part.iter().map(of).max().unwrap_or_default());
        assert!(from > 0, "{name} were not counted");
        // A request or an action may be in progress at the time of a look.
        table.holds(&format!("{name}: {what}"), &format!("{from} → {to}"), "no more", to <= from + 2);
    }
}

fn leave(mut pty: Pty) {
    // Apart, or the two would be one key.
    pty.send("\x1b");
    sleep(Duration::from_millis(300));
    pty.send("q");
    pty.exit();
}
