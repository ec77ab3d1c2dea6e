//! A crash at every place: the program is killed in the middle of actions on real servers, and the next start must settle
//! what it left with the truth, without sending anything twice.
//!
//! ```sh
//! eval "$(tests/cluster/up)"       # else nothing is tried
//! cargo test --features kill-points --test crash -- --seeds 500
//! ```

mod audit;
#[path = "../contract/bed.rs"]
#[expect(dead_code, reason = "the contract uses the rest")]
mod bed;
mod kept;
#[path = "../contract/manifests.rs"]
#[expect(dead_code, reason = "the contract uses the rest")]
mod manifests;
mod program;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, clippy::expect_used, reason = "as in the tests of the terminal, which use the rest")]
mod pty;
mod report;
mod scene;
#[path = "../contract/stage.rs"]
#[expect(dead_code, reason = "the contract uses the rest")]
mod stage;
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

use bed::Maker;
use report::{Report, Row};
use scene::{ALL, Scene};
use stage::Stage;
use trial::Deaths;

/// What a check gives: a failure says in words what is not as it must be.
pub type Checked<T = ()> = Result<T, Failed>;

/// Trials wait most of the time: for controllers, and for requests that may still be on their way.
const LANES: usize = 8;
const SEEDS: u64 = 50;
/// One in so many dies once more while it settles.
const TWICE: u32 = 5;
/// The trial whose next start tells the places of settling.
const SETTLING: (usize, &str) = (0, "door.before-look:1");

/// What the command line asks for.
struct Wanted {
    seeds: Vec<u64>,
    lanes: usize,
    /// Instead of what the seed says.
    deaths: Option<Deaths>,
}

impl Wanted {
    fn read() -> Checked<Self> {
        let mut wanted = Self { seeds: (1..=SEEDS).collect(), lanes: LANES, deaths: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                "--seeds" => wanted.seeds = (1..=value()?.parse()?).collect(),
                "--seed" => wanted.seeds = vec![value()?.parse()?],
                "--lanes" => wanted.lanes = value()?.parse()?,
                "--at" => wanted.deaths = Some(Deaths { first: value()?, then: None }),
                "--then" => {
                    let then = value()?;
                    wanted.deaths.get_or_insert_default().then = Some(then);
                }
                _ => {
                    return Err(format!(
                        "what is {word}? --seeds N, --seed N [--at NAME:N [--then NAME:N]], --lanes N"
                    )
                    .into());
                }
            }
        }
        wanted.lanes = wanted.lanes.min(wanted.seeds.len()).max(1);
        Ok(wanted)
    }

    /// Returns the scenes that its seeds play.
    fn scenes(&self) -> Vec<usize> {
        let mut scenes: Vec<usize> = self.seeds.iter().map(|seed| scene_of(*seed)).chain([SETTLING.0]).collect();
        scenes.sort_unstable();
        scenes.dedup();
        scenes
    }
}

/// How often each place is passed.
type Places = BTreeMap<String, usize>;

#[derive(Default)]
struct Rehearsed {
    scenes: BTreeMap<usize, Places>,
    settling: Places,
}

fn scene_of(seed: u64) -> usize {
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

fn deaths_of(seed: u64, rehearsed: &Rehearsed) -> Deaths {
    let mut random = SmallRng::seed_from_u64(seed);
    let scene: usize = random.random_range(0..ALL.len());
    let first = rehearsed.scenes.get(&scene).map(|places| picked(places, &mut random)).unwrap_or_default();
    let then = random.random_ratio(1, TWICE).then(|| picked(&rehearsed.settling, &mut random));
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
    let rehearsed = rehearse(&wanted, &report);
    // A stage that is set for one seed serves the next one too.
    on_lanes(wanted.lanes, wanted.seeds.len(), |stage, lane, number| {
        let seed = wanted.seeds[number];
        let scene = &ALL[scene_of(seed)];
        let deaths = wanted.deaths.clone().unwrap_or_else(|| deaths_of(seed, &rehearsed));
        let begun = Instant::now();
        let played = caught(|| lane.block_on(trial::play(stage, scene, version(), &deaths)));
        report.add(Row { seed, scene: scene.name, deaths, settled: played, took: begun.elapsed() });
    });
    report.end()
}

/// Runs every scene to its end, to learn the places it passes.
fn rehearse(wanted: &Wanted, report: &Report) -> Rehearsed {
    let rehearsed = Mutex::new(Rehearsed::default());
    let locked = || rehearsed.lock().unwrap_or_else(PoisonError::into_inner);
    let scenes = wanted.scenes();
    on_lanes(LANES.min(scenes.len() + 1), scenes.len() + 1, |stage, lane, number| {
        let Some(scene) = scenes.get(number) else {
            let scene: &Scene = &ALL[SETTLING.0];
            match caught(|| lane.block_on(trial::rehearse_settling(stage, scene, version(), SETTLING.1))) {
                Ok(passed) => locked().settling = counted(passed),
                Err(failure) => report.fail("settling", &failure),
            }
            return;
        };
        match caught(|| lane.block_on(trial::rehearse(stage, &ALL[*scene], version()))) {
            Ok(passed) => {
                locked().scenes.insert(*scene, counted(passed));
            }
            Err(failure) => report.fail(ALL[*scene].name, &failure),
        }
    });
    rehearsed.into_inner().unwrap_or_else(PoisonError::into_inner)
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

/// Does so many pieces of work side by side, each on a stage that its lane keeps.
fn on_lanes(lanes: usize, pieces: usize, work: impl Fn(&Stage, &tokio::runtime::Runtime, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let lane = || -> Checked {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stage = runtime.block_on(async {
            let stage = Stage::raise(Maker::Real.make().await?, "crash").await?;
            scene::furnish(&stage).await?;
            Ok::<_, Failed>(stage)
        })?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= pieces {
                break;
            }
            work(&stage, &runtime, number);
        }
        runtime.block_on(stage.strike());
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                if let Err(failure) = lane() {
                    eprintln!("no stage: {}", failure.message().unwrap_or_default());
                }
            });
        }
    });
}
