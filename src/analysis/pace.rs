//! How fast requests come in, recently.

use serde::{Deserialize, Serialize};

/// Factor on the weight of a scrape with each that follows: about the last five decide.
const DECAY: f64 = 0.8;

/// Requests and seconds of the last scrapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    seconds: f64,
    scrapes: f64,
    canary: f64,
    both: f64,
    /// Seconds and requests since the beginning.
    all: (f64, f64),
}

impl Recent {
    /// Takes in a scrape of so many seconds.
    pub fn take(&mut self, seconds: f64, canary: u64, stable: u64) {
        let (canary, both) = (canary as f64, canary as f64 + stable as f64);
        let add = |sum: &mut f64, one: f64| *sum = *sum * DECAY + one;
        add(&mut self.seconds, seconds);
        add(&mut self.scrapes, 1.0);
        add(&mut self.canary, canary);
        add(&mut self.both, both);
        self.all.0 += seconds;
        self.all.1 += both;
    }

    /// Returns the usual seconds between scrapes.
    pub fn interval(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.seconds / self.scrapes)
    }

    /// Returns the canary's share of requests.
    pub fn share(&self) -> f64 {
        if self.both > 0.0 { self.canary / self.both } else { 0.0 }
    }

    /// Returns how many requests the canary answers each second.
    pub fn canary_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.canary / self.seconds } else { 0.0 }
    }

    /// Returns how many requests both have answered each second since the beginning.
    pub fn per_second(&self) -> f64 {
        if self.all.0 > 0.0 { self.all.1 / self.all.0 } else { 0.0 }
    }
}
