//! From a key to its frame within the process, while everything outside changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::{Msg, update};
use release_cockpit::core;
use release_cockpit::domain::facts::event::KubeEvent;
use release_cockpit::domain::facts::signals::Sample;
use release_cockpit::domain::facts::workload::Snapshot;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::keys::Chord;
use release_cockpit::sources::inbox::{Inbox, Outlet};
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::draw::SIZE;
use crate::figures::{Samples, Table, show};
use crate::world;

const ENVIRONMENTS: u32 = 50;
const PODS: u32 = 100;
const EVENT_INTERVAL: Duration = Duration::from_millis(2);
const KEYS: usize = 250;
/// No multiple of anything else here, so that keys come at every moment of the cycle.
const KEY_INTERVAL: Duration = Duration::from_millis(97);
/// The gap of the loop behind the screen between frames for data alone.
const DATA_FRAME_INTERVAL: Duration = Duration::from_millis(66);
const MAX_P99: Duration = Duration::from_millis(16);

pub fn run(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (samples, fed, busy) = runtime.block_on(measure());
    let what = format!("key → frame in process, 50 environments, 5,000 pods, {fed:.0} changes/s coming in");
    table.times(&what, &samples, Some(MAX_P99));
    table.figure("share of a core that the loop takes meanwhile", &format!("{:.1} %", busy * 100.0), None);
}

/// Runs the loop of the product (signals, terminal and door aside): keys first, then frames, then what sources say.
async fn measure() -> (Samples, f64, f64) {
    let mut model = world::large();
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let inbox = Inbox::default();
    let over = Arc::new(AtomicBool::new(false));
    let feeder = feed(inbox.outlet(), Arc::clone(&over));
    let mut keys = press();
    let (began, mut busy) = (Instant::now(), Duration::ZERO);
    let (mut samples, mut due) = (Samples::default(), None);
    let mut last = tokio::time::Instant::now();
    while samples.len() < KEYS {
        tokio::select! {
            biased;
            key = keys.recv() => {
                let Some((chord, pressed)) = key else { break };
                let woke = Instant::now();
                update(&mut model, Msg::Key { chord, repeat: false }, Timestamp::now());
                terminal.draw(|frame| view::draw(frame, &model, &theme)).unwrap();
                (due, last) = (None, tokio::time::Instant::now());
                samples.add(pressed.elapsed());
                busy += woke.elapsed();
            }
            () = sleep_until(due.unwrap_or(last)), if due.is_some() => {
                let woke = Instant::now();
                terminal.draw(|frame| view::draw(frame, &model, &theme)).unwrap();
                (due, last) = (None, tokio::time::Instant::now());
                busy += woke.elapsed();
            }
            () = inbox.arrived() => {
                let woke = Instant::now();
                for feed in inbox.drain() {
                    update(&mut model, Msg::Core(core::Msg::Feed(feed)), Timestamp::now());
                }
                due = due.or(Some(last + DATA_FRAME_INTERVAL));
                busy += woke.elapsed();
            }
        }
    }
    let ran = began.elapsed();
    over.store(true, Ordering::Relaxed);
    let fed = feeder.join().unwrap();
    eprintln!("  longest {}", show(samples.quantile(1.0)));
    (samples, fed as f64 / ran.as_secs_f64(), busy.as_secs_f64() / ran.as_secs_f64())
}

/// Tells changes at a steady pace: mostly pods, some events, some metrics. Returns how many in the end.
fn feed(outlet: Outlet, over: Arc<AtomicBool>) -> thread::JoinHandle<u64> {
    let variants: Vec<Vec<Arc<Snapshot>>> = (0..ENVIRONMENTS as usize)
        .map(|index| {
            let first = world::snapshot(index, PODS);
            (0..4).map(|which| world::restarted(&first, which * 17)).collect()
        })
        .collect();
    thread::spawn(move || {
        let began = Instant::now();
        let mut count = 0_u64;
        while !over.load(Ordering::Relaxed) {
            let index = (count * 7 % u64::from(ENVIRONMENTS)) as u32;
            let target = world::target(&world::name(index));
            outlet.send(match count % 10 {
                8 => Feed::Event { target, event: event(count) },
                9 => {
                    let sample = Sample { at: Timestamp::now(), readings: std::collections::BTreeMap::new() };
                    Feed::Sample { target, sample: Arc::new(sample) }
                }
                _ => {
                    let snapshot = Arc::clone(&variants[index as usize][(count / 50 % 4) as usize]);
                    Feed::Workload { target, snapshot: Some(snapshot) }
                }
            });
            count += 1;
            thread::sleep((EVENT_INTERVAL * count as u32).saturating_sub(began.elapsed()));
        }
        count
    })
}

fn event(number: u64) -> KubeEvent {
    KubeEvent {
        uid: format!("bench-{}", number % 5000),
        at: Timestamp::now(),
        warning: number.is_multiple_of(3),
        reason: "ScalingReplicaSet".to_owned(),
        message: format!("Scaled up ReplicaSet payments-api-7d9b4c5f6 to {number}"),
        kind: "Rollout".to_owned(),
        name: "payments-api".to_owned(),
        count: 1,
    }
}

/// Presses keys that change the state: screens, environments, lines, help.
fn press() -> mpsc::UnboundedReceiver<(Chord, Instant)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for key in "2jjl3l6jj1lh?".chars().cycle() {
            thread::sleep(KEY_INTERVAL);
            let escape = key == '?';
            let chord = Chord::plain(release_cockpit::keys::Key::Char(key));
            if sender.send((chord, Instant::now())).is_err() {
                return;
            }
            if escape {
                thread::sleep(KEY_INTERVAL);
                let _ = sender.send((Chord::plain(release_cockpit::keys::Key::Esc), Instant::now()));
            }
        }
    });
    receiver
}
