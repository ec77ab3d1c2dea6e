//! How soon a stop leaves while something else does not answer: from the key to the request on the wire.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::proxy::Relay;

use crate::figures::Table;
use crate::grow::write_journal;
use crate::place::Place;
use crate::whole::rollbacks;

const SIZE: (u16, u16) = (120, 40);
/// For each of the faults.
const ROLLBACKS: usize = 8;
const OTHER_ENVIRONMENTS: usize = 20;
const JOURNAL_LINES: usize = 400_000;
const STUCK_READS: usize = 512;
const SYNC_SECONDS: u32 = 20;
/// Law 3: whatever else happens.
const MAX_P99: Duration = Duration::from_secs(1);

/// What is wrong, besides the environment that is acted on.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    SilentPrometheus,
    SilentEnvironments,
    DeadEnvironments,
    WaitingLogin,
    LongJournal,
    LockedJournal,
    SlowDisk,
    StuckReads,
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::Nothing,
        Self::SilentPrometheus,
        Self::SilentEnvironments,
        Self::DeadEnvironments,
        Self::WaitingLogin,
        Self::LongJournal,
        Self::LockedJournal,
        Self::SlowDisk,
        Self::StuckReads,
    ];

    fn label(self) -> String {
        match self {
            Self::Nothing => "nothing wrong".to_owned(),
            Self::SilentPrometheus => "Prometheus accepts and says nothing".to_owned(),
            Self::SilentEnvironments => format!("{OTHER_ENVIRONMENTS} other API servers accept and say nothing"),
            Self::DeadEnvironments => format!("{OTHER_ENVIRONMENTS} other API servers refuse connections"),
            Self::WaitingLogin => "another environment waits for its login".to_owned(),
            Self::LongJournal => format!("{JOURNAL_LINES} lines of another release are being read"),
            Self::LockedJournal => "another process holds the lock of the journal".to_owned(),
            Self::SlowDisk => format!("the disk takes {SYNC_SECONDS} s to write"),
            Self::StuckReads => format!("{STUCK_READS} reports of checks do not open"),
        }
    }
}

/// From the key to the request on the wire, under each fault.
pub fn run(table: &mut Table) {
    for fault in Fault::ALL {
        let mut place = Place::simulator("20");
        let relay = place.runtime.block_on(Relay::to(place.server())).expect("a relay");
        place.redirect(&format!("http://127.0.0.1:{}", relay.port()));
        let silent = Silent::listen();
        let mut environments = vec![place.environment("prod-eu", place.rollout)];
        let _held = prepare(fault, &mut place, &silent, &mut environments);
        let mut pty = place.open_with_state(&environments, SIZE);
        let samples = rollbacks(&place, &relay, &mut pty, ROLLBACKS);
        table.times(&format!("rollback key → request on the wire: {}", fault.label()), &samples, Some(MAX_P99));
    }
}

/// Makes it wrong; a lock is held for as long as what comes back lives.
fn prepare(fault: Fault, place: &mut Place, silent: &Silent, environments: &mut Vec<Value>) -> Option<File> {
    match fault {
        Fault::Nothing => {}
        Fault::SilentPrometheus => place.measure_at(&silent.url),
        Fault::SilentEnvironments => add(place, environments, OTHER_ENVIRONMENTS, &silent.url, None),
        // Nobody listens at the port for discarding.
        Fault::DeadEnvironments => add(place, environments, OTHER_ENVIRONMENTS, "http://127.0.0.1:9", None),
        Fault::WaitingLogin => add(place, environments, 1, &silent.url, Some(&["sleep", "3600"])),
        Fault::LongJournal => {
            let folder = place.state().join("release-cockpit/journals");
            std::fs::create_dir_all(&folder).expect("a folder");
            write_journal(&folder.join("another 1.0.0.jsonl"), JOURNAL_LINES);
        }
        Fault::LockedJournal => {
            let folder = place.state().join("release-cockpit/journals");
            std::fs::create_dir_all(&folder).expect("a folder");
            let file = File::create(folder.join("payments-api_1.5.0.jsonl")).expect("a journal");
            file.lock().expect("its lock");
            return Some(file);
        }
        Fault::SlowDisk => {
            place.variable("LD_PRELOAD", &stuck_disk(place));
            place.variable("SYNC_SECONDS", &SYNC_SECONDS.to_string());
        }
        Fault::StuckReads => {
            place.variable("LD_PRELOAD", &stuck_disk(place));
            for number in 0..STUCK_READS {
                place.report(&format!("report-{number}.stuck"));
            }
        }
    }
    None
}

/// Builds the library that stands in for the disk; the compiler that links Rust is there.
fn stuck_disk(place: &Place) -> String {
    let library = place.state().with_file_name("stuck_disk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/stuck_disk.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.is_ok_and(|status| status.success()), "cc does not build {source}");
    library.display().to_string()
}

/// Adds environments behind `prod-eu`, each with a context of its own.
fn add(place: &mut Place, environments: &mut Vec<Value>, count: usize, server: &str, login: Option<&[&str]>) {
    for number in 0..count {
        let name = format!("other-{number}");
        place.elsewhere(&name, server, login);
        environments.push(json!({
            "name": name, "context": name, "namespace": place.namespace,
            "workloads": [format!("rollout/{}", place.rollout)],
        }));
    }
}

/// A server that accepts every connection, and says nothing.
struct Silent {
    url: String,
    _held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let held: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let keeper = Arc::clone(&held);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                keeper.lock().expect("no other thread panics").push(stream);
            }
        });
        Self { url, _held: held }
    }
}
