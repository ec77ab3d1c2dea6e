//! Methods side by side on the same rollouts.

use crate::world::{Draw, INTERVAL_SECONDS, SCRAPES, Sample};

/// A way to assess a canary. One may raise several alarms, each with its name.
pub trait Method {
    fn names(&self) -> Vec<String>;

    /// Takes in a scrape and says for each alarm whether it goes off.
    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>);
}

/// What became of one alarm over all rollouts.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub name: String,
    rollouts: usize,
    /// Seconds and canary requests at which it went off.
    went_off: Vec<(u32, u64)>,
    /// Seconds before the onset count as a false alarm.
    false_alarms: usize,
}

impl Outcome {
    /// Share of rollouts in which it went off, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.went_off.len() as f64 / self.rollouts.max(1) as f64
    }

    /// Median over all rollouts, where it went off in more than half of them.
    fn median<T: Copy + Ord>(&self, of: impl Fn(&(u32, u64)) -> T) -> Option<T> {
        let mut all: Vec<T> = self.went_off.iter().map(of).collect();
        all.sort_unstable();
        all.get((self.rollouts.max(1) - 1) / 2).copied()
    }

    pub fn seconds(&self) -> Option<u32> {
        self.median(|(seconds, _)| *seconds)
    }

    pub fn requests(&self) -> Option<u64> {
        self.median(|(_, requests)| *requests)
    }

    /// Power in percent, median seconds, median requests.
    pub fn show(&self) -> String {
        let dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let (seconds, requests) = (self.seconds().map(|s| s.to_string()), self.requests().map(|n| n.to_string()));
        let early = 100.0 * self.false_alarms as f64 / self.rollouts.max(1) as f64;
        let early = if early >= 0.5 { format!(" f{early:.0}") } else { String::new() };
        format!("{:.0}/{}/{}{early}", self.percent(), dash(seconds), dash(requests))
    }

    fn join(&mut self, other: Self) {
        self.name = other.name;
        self.rollouts += other.rollouts;
        self.went_off.extend(other.went_off);
        self.false_alarms += other.false_alarms;
    }
}

/// Runs all methods over rollouts, on two threads. `rollout` begins one and gives its scrapes; what goes off before the
/// onset is a false alarm.
pub fn race<S, R>(
    runs: u32,
    seed: u64,
    onset: u32,
    methods: impl Fn() -> Vec<Box<dyn Method>> + Sync,
    rollout: S,
) -> Vec<Outcome>
where
    S: Fn(&mut Draw) -> R + Sync,
    R: FnMut(u32, &mut Draw) -> Sample,
{
    let half = |which: u32| {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for run in (which..runs).step_by(2) {
            let mut draw = Draw::new(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(run)));
            let mut scrapes = rollout(&mut draw);
            one(&mut methods(), onset, |at| scrapes(at, &mut draw), &mut outcomes);
        }
        outcomes
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join().expect("the other half ran"))
    });
    let mut all = first;
    if all.is_empty() {
        return second;
    }
    for (one, other) in all.iter_mut().zip(second) {
        one.join(other);
    }
    all
}

fn one(
    methods: &mut [Box<dyn Method>],
    onset: u32,
    mut scrape: impl FnMut(u32) -> Sample,
    outcomes: &mut Vec<Outcome>,
) {
    let names: Vec<String> = methods.iter().flat_map(|method| method.names()).collect();
    outcomes.resize_with(names.len(), Outcome::default);
    for (outcome, name) in outcomes.iter_mut().zip(names) {
        outcome.name = name;
        outcome.rollouts += 1;
    }
    let mut over = vec![false; outcomes.len()];
    let (mut requests, mut alarms) = (0, Vec::new());
    for at in 0..SCRAPES {
        let sample = scrape(at);
        requests += if at < onset { 0 } else { sample.canary.0 };
        alarms.clear();
        for method in methods.iter_mut() {
            method.look(&sample, &mut alarms);
        }
        for ((outcome, over), alarm) in outcomes.iter_mut().zip(&mut over).zip(&alarms) {
            if *alarm && !*over {
                *over = true;
                if at < onset {
                    outcome.false_alarms += 1;
                } else {
                    outcome.went_off.push(((at + 1 - onset) * INTERVAL_SECONDS, requests));
                }
            }
        }
        if over.iter().all(|over| *over) {
            break;
        }
    }
}
