//! A crash at every place: the program is killed in the middle of actions on real servers, and the next start must settle
//! what it left with the truth, without sending anything twice.
//!
//! ```sh
//! eval "$(tests/cluster/up)"       # else nothing is tried
//! cargo test --features failpoints --test crash -- --seeds 500
//! ```

mod audit;
mod beside;
mod cases;
mod cockpit;
mod flags;
mod kept;
mod report;
mod trial;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use libtest_mimic::Failed;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use beside::System;
use cases::{ALL, Case};
use report::{Report, Row};
use support::cluster::RealCluster;
use support::{Checked, TestNamespace};
use trial::Deaths;

/// Trials wait most of the time: for controllers, and for requests that may still be on their way.
const MAX_CONCURRENT_TRIALS: usize = 8;
const SEED_COUNT: u64 = 50;
/// One in so many dies once more while it settles.
const SECOND_CRASH_ONE_IN: u32 = 5;
/// The trial whose next start tells the places of settling.
const SETTLING: (usize, &str) = (0, "dispatcher.before-look:1");

/// What the command line asks for.
struct Wanted {
    seeds: Vec<u64>,
    workers: usize,
    /// Instead of what the seed says.
    deaths: Option<Deaths>,
    /// Nothing but this.
    only: Option<System>,
}

impl Wanted {
    fn read() -> Checked<Self> {
        let mut wanted =
            Self { seeds: (1..=SEED_COUNT).collect(), workers: MAX_CONCURRENT_TRIALS, deaths: None, only: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                "--seeds" => wanted.seeds = (1..=value()?.parse()?).collect(),
                "--seed" => wanted.seeds = vec![value()?.parse()?],
                "--only" => {
                    let name = value()?;
                    let system = System::ALL.into_iter().find(|system| system.as_str() == name);
                    wanted.only = Some(system.ok_or(format!("--only {name}: {}", System::names()))?);
                    wanted.seeds.clear();
                }
                "--workers" => wanted.workers = value()?.parse()?,
                "--at" => wanted.deaths = Some(Deaths { first: value()?, then: None }),
                "--then" => {
                    let then = value()?;
                    wanted.deaths.get_or_insert_default().then = Some(then);
                }
                _ => {
                    return Err(format!(
                        "what is {word}? --seeds N, --seed N [--at NAME:N [--then NAME:N]], --only {} [--at NAME:N], --workers N",
                        System::names()
                    )
                    .into());
                }
            }
        }
        wanted.workers = wanted.workers.max(1);
        Ok(wanted)
    }

    /// Returns what is tried beside the cluster: all of it, unless a seed is named.
    fn beside(&self) -> Vec<System> {
        let is_whole = self.seeds.len() > 1;
        System::ALL.into_iter().filter(|system| self.only == Some(*system) || self.only.is_none() && is_whole).collect()
    }

    /// Returns the cases of its seeds.
    fn cases(&self) -> Vec<usize> {
        let mut cases: Vec<usize> = self.seeds.iter().map(|seed| case_of(*seed)).chain([SETTLING.0]).collect();
        cases.sort_unstable();
        cases.dedup();
        cases
    }
}

/// How often each place is passed.
type Places = BTreeMap<String, usize>;

#[derive(Default)]
struct KnownPlaces {
    cases: BTreeMap<usize, Places>,
    settling: Places,
}

fn case_of(seed: u64) -> usize {
    SmallRng::seed_from_u64(seed).random_range(0..ALL.len())
}

fn counted(passed: Vec<String>) -> Places {
    let mut places = Places::new();
    for name in passed {
        *places.entry(name).or_default() += 1;
    }
    places
}

/// Picks a place: every name alike; its first passing mostly.
fn picked(places: &Places, random: &mut SmallRng) -> String {
    let Some((name, times)) = places.iter().nth(random.random_range(0..places.len().max(1))) else {
        return String::new();
    };
    let n = if random.random_ratio(2, 3) { 1 } else { random.random_range(1..=*times) };
    format!("{name}:{n}")
}

fn deaths_of(seed: u64, known: &KnownPlaces) -> Deaths {
    let mut random = SmallRng::seed_from_u64(seed);
    let case: usize = random.random_range(0..ALL.len());
    let first = known.cases.get(&case).map(|places| picked(places, &mut random)).unwrap_or_default();
    let then = random.random_ratio(1, SECOND_CRASH_ONE_IN).then(|| picked(&known.settling, &mut random));
    Deaths { first, then }
}

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    if let Some(reason) = audit::missing() {
        println!("ignored: {reason}");
        return ExitCode::SUCCESS;
    }
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(failure) => {
            eprintln!("{}", failure.message().unwrap_or_default());
            return ExitCode::from(2);
        }
    };
    let report = Report::default();
    beside_the_cluster(&wanted, &report);
    if wanted.only.is_some() {
        return report.end();
    }
    let known = learn_places(&wanted, &report);
    // A namespace that was prepared for one seed serves the next one too.
    on_workers(wanted.workers.min(wanted.seeds.len()), wanted.seeds.len(), |namespace, worker, number| {
        let seed = wanted.seeds[number];
        let case = &ALL[case_of(seed)];
        let deaths = wanted.deaths.clone().unwrap_or_else(|| deaths_of(seed, &known));
        let begun = Instant::now();
        let settled = caught(|| worker.block_on(trial::run(namespace, case, version(), &deaths)));
        report.add(Row { repeat: format!("--seed {seed}"), case: case.name, deaths, settled, took: begun.elapsed() });
    });
    report.end()
}

/// Kills the program at each place of what has a server of its own, once.
fn beside_the_cluster(wanted: &Wanted, report: &Report) {
    let mut systems = wanted.beside();
    systems.retain(|system| {
        if let Some(reason) = system.missing() {
            println!("{}: ignored: {reason}", system.label());
        }
        system.missing().is_none()
    });
    let trials = Mutex::new(Vec::new());
    on_workers(wanted.workers.min(systems.len()), systems.len(), |namespace, worker, number| {
        let system = systems[number];
        match caught(|| worker.block_on(beside::places(namespace, system, version()))) {
            Ok(mut places) => {
                if wanted.only.is_none() {
                    places.retain(|place| system.is_tried_with_others(place));
                }
                let every = places.into_iter().map(|place| Deaths { first: format!("{place}:1"), then: None });
                let every: Vec<Deaths> =
                    wanted.deaths.as_ref().map_or_else(|| every.collect(), |deaths| vec![deaths.clone()]);
                let every = every.into_iter().map(|deaths| (system, deaths));
                trials.lock().unwrap_or_else(PoisonError::into_inner).extend(every);
            }
            Err(failure) => report.fail(system.label(), &failure),
        }
    });
    let trials: Vec<(System, Deaths)> = trials.into_inner().unwrap_or_else(PoisonError::into_inner);
    on_workers(wanted.workers.min(trials.len()), trials.len(), |namespace, worker, number| {
        let (system, deaths) = trials[number].clone();
        let begun = Instant::now();
        let settled = caught(|| worker.block_on(beside::run(namespace, system, version(), &deaths)));
        let repeat = format!("--only {}", system.as_str());
        report.add(Row { repeat, case: system.label(), deaths, settled, took: begun.elapsed() });
    });
}

/// Runs every case to its end, to learn the places it passes.
fn learn_places(wanted: &Wanted, report: &Report) -> KnownPlaces {
    let known = Mutex::new(KnownPlaces::default());
    let locked = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let cases = wanted.cases();
    on_workers(MAX_CONCURRENT_TRIALS.min(cases.len() + 1), cases.len() + 1, |namespace, worker, number| {
        let Some(case) = cases.get(number) else {
            let case: &Case = &ALL[SETTLING.0];
            match caught(|| worker.block_on(trial::dry_run_of_settling(namespace, case, version(), SETTLING.1))) {
                Ok(passed) => locked().settling = counted(passed),
                Err(failure) => report.fail("settling", &failure),
            }
            return;
        };
        match caught(|| worker.block_on(trial::dry_run(namespace, &ALL[*case], version()))) {
            Ok(passed) => {
                locked().cases.insert(*case, counted(passed));
            }
            Err(failure) => report.fail(ALL[*case].name, &failure),
        }
    });
    known.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A version that no workload has had yet.
fn version() -> u32 {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    u32::try_from(LAST.fetch_add(1, Ordering::Relaxed) + 1).unwrap_or(u32::MAX)
}

/// Makes a panic of the terminal's helper a failure like others.
fn caught<T>(work: impl FnOnce() -> Checked<T>) -> Checked<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "it panicked".to_owned()).into())
    })
}

/// Does so many pieces of work side by side, each in a namespace that its worker keeps.
fn on_workers(workers: usize, pieces: usize, work: impl Fn(&TestNamespace, &tokio::runtime::Runtime, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || -> Checked {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let namespace = runtime.block_on(async {
            let namespace = TestNamespace::create(RealCluster::find()?.cluster(), "crash").await?;
            cases::create_workloads(&namespace).await?;
            Ok::<_, Failed>(namespace)
        })?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= pieces {
                break;
            }
            work(&namespace, &runtime, number);
        }
        runtime.block_on(namespace.delete());
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                if let Err(failure) = worker() {
                    eprintln!("no namespace: {}", failure.message().unwrap_or_default());
                }
            });
        }
    });
}
