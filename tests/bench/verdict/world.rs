//! Rollouts, scrape by scrape, drawn from a seed.

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand_distr::{Distribution as _, Gamma, Normal, Poisson, Uniform};

/// Seconds between scrapes, and scrapes of a rollout: one hour.
pub const INTERVAL_SECONDS: u32 = 15;
pub const SCRAPES: u32 = 240;

pub type Counts = (u64, u64);

#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub canary: Counts,
    pub stable: Counts,
    pub pods: Vec<Counts>,
    /// Requests that are answered 4xx, of the canary and of stable.
    pub rejected: Option<[u64; 2]>,
    /// Requests by latency bucket, of the canary and of stable.
    pub latency: Option<[Vec<u64>; 2]>,
}

pub struct Draw(SmallRng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        Poisson::new(mean).map_or(0, |poisson| poisson.sample(&mut self.0) as u64)
    }

    /// Requests and errors: errors are a part of a Poisson stream, and so a stream of their own.
    fn counts(&mut self, requests: f64, errors: f64) -> Counts {
        let bad = self.poisson(requests * errors.min(1.0));
        (self.poisson(requests * (1.0 - errors).max(0.0)) + bad, bad)
    }

    /// A number from 0 to less than 1.
    pub fn share(&mut self) -> f64 {
        Uniform::new(0.0, 1.0).map_or(0.0, |uniform| uniform.sample(&mut self.0))
    }

    pub fn log_normal(&mut self, deviation: f64) -> f64 {
        Normal::new(0.0, deviation).map_or(1.0, |normal| normal.sample(&mut self.0).exp())
    }

    /// A factor of mean 1 and this variance.
    fn burst(&mut self, variance: f64) -> f64 {
        Gamma::new(1.0 / variance, variance).map_or(1.0, |gamma| gamma.sample(&mut self.0))
    }
}

/// Independent requests: a rate, a share of the canary, an error share of both.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// Requests each second, of both together.
    pub rate: f64,
    /// Error share of stable, and of the canary from the onset on.
    pub stable: f64,
    pub canary: f64,
    /// The scrape from which on the canary is as bad as it is.
    pub onset: u32,
    /// The canary's share of requests.
    pub share: f64,
}

impl Plain {
    pub fn healthy(rate: f64, errors: f64) -> Self {
        Self { rate, stable: errors, canary: errors, onset: 0, share: 0.05 }
    }

    pub fn scrape(&self, at: u32, draw: &mut Draw) -> Sample {
        let errors = if at < self.onset { self.stable } else { self.canary };
        Self { canary: errors, ..*self }.during(f64::from(INTERVAL_SECONDS), draw)
    }

    /// What is answered in so many seconds after the onset.
    pub fn during(&self, seconds: f64, draw: &mut Draw) -> Sample {
        let requests = self.rate * seconds;
        Sample {
            canary: draw.counts(requests * self.share, self.canary),
            stable: draw.counts(requests * (1.0 - self.share), self.stable),
            ..Sample::default()
        }
    }
}

/// Requests of which clients get some rejected: the share of stable, and of the canary.
#[derive(Clone, Copy, Debug)]
pub struct Rejecting {
    pub rate: f64,
    pub stable: f64,
    pub canary: f64,
}

impl Rejecting {
    pub fn scrape(&self, draw: &mut Draw) -> Sample {
        let requests = self.rate * f64::from(INTERVAL_SECONDS);
        let (canary, rejected) = draw.counts(requests * 0.05, self.canary);
        let (stable, usual) = draw.counts(requests * 0.95, self.stable);
        Sample { canary: (canary, 0), stable: (stable, 0), rejected: Some([rejected, usual]), ..Sample::default() }
    }
}

/// The weight goes up while both fail more: 5 % at 0.2 %, 25 % at 1 %, 50 % at 2 %.
pub fn ramp(at: u32, draw: &mut Draw) -> Sample {
    let (share, errors) = match at / (SCRAPES / 3) {
        0 => (0.05, 0.002),
        1 => (0.25, 0.01),
        _ => (0.5, 0.02),
    };
    Plain { share, ..Plain::healthy(500.0, errors) }.scrape(at, draw)
}

/// How pods differ although their code is the same.
#[derive(Clone, Copy, Debug)]
pub enum Pods {
    Alike,
    /// Each has bursts of errors for a scrape, of this variance around 1.
    Bursts(f64),
    /// Each has a factor for the whole rollout, of this deviation.
    Differ(f64),
}

/// One canary pod and nineteen of stable: 500 requests a second, 1 % errors.
pub struct Fleet {
    pods: Pods,
    /// How many times worse the canary is; errors reach at most 100 %.
    times: f64,
    factors: Vec<f64>,
}

impl Fleet {
    pub fn new(pods: Pods, times: f64, draw: &mut Draw) -> Self {
        let factor =
            |draw: &mut Draw| if let Pods::Differ(deviation) = pods { draw.log_normal(deviation) } else { 1.0 };
        Self { pods, times, factors: (0..20).map(|_| factor(draw)).collect() }
    }

    pub fn scrape(&self, draw: &mut Draw) -> Sample {
        let mut pods: Vec<Counts> = Vec::with_capacity(self.factors.len());
        for (pod, factor) in self.factors.iter().enumerate() {
            let burst = if let Pods::Bursts(variance) = self.pods { draw.burst(variance) } else { 1.0 };
            let times = if pod == 0 { self.times } else { 1.0 };
            pods.push(draw.counts(25.0 * f64::from(INTERVAL_SECONDS), (0.01 * times * factor * burst).min(1.0)));
        }
        let canary = pods.remove(0);
        let stable = pods.iter().fold((0, 0), |sum, pod| (sum.0 + pod.0, sum.1 + pod.1));
        Sample { canary, stable, pods, ..Sample::default() }
    }
}

/// Bounds of OpenTelemetry's default histogram, in seconds.
pub const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Latencies: log-normal, median 100 ms, deviation 0.6.
#[derive(Clone, Copy, Debug)]
pub struct Slow {
    pub rate: f64,
    /// The canary is slower by this factor.
    pub factor: f64,
    /// This share of its requests takes a second more.
    pub hangs: f64,
    /// Its pod is faster or slower by itself, by this deviation.
    pub pod: f64,
}

/// Shares of requests by bucket.
fn masses(factor: f64, hangs: f64) -> Vec<f64> {
    let normal = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    let below = |seconds: f64| if seconds <= 0.0 { 0.0 } else { normal((seconds / (0.1 * factor)).ln() / 0.6) };
    let cumulative = BOUNDS.map(|bound| (1.0 - hangs) * below(bound) + hangs * below(bound - 1.0));
    let mut last = 0.0;
    cumulative.into_iter().chain([1.0]).map(|up_to| up_to - std::mem::replace(&mut last, up_to)).collect()
}

/// A service whose latencies are drawn.
pub struct Latencies {
    rate: f64,
    canary: Vec<f64>,
    stable: Vec<f64>,
}

impl Latencies {
    pub fn new(slow: Slow, draw: &mut Draw) -> Self {
        let pod = if slow.pod > 0.0 { draw.log_normal(slow.pod) } else { 1.0 };
        Self { rate: slow.rate, canary: masses(slow.factor * pod, slow.hangs), stable: masses(1.0, 0.0) }
    }

    pub fn scrape(&self, draw: &mut Draw) -> Sample {
        let requests = self.rate * f64::from(INTERVAL_SECONDS);
        let mut counts = |of: &[f64], share: f64| -> Vec<u64> {
            of.iter().map(|mass| draw.poisson(requests * share * mass)).collect()
        };
        let (canary, stable) = (counts(&self.canary, 0.05), counts(&self.stable, 0.95));
        Sample {
            canary: (canary.iter().sum(), 0),
            stable: (stable.iter().sum(), 0),
            latency: Some([canary, stable]),
            ..Sample::default()
        }
    }
}
