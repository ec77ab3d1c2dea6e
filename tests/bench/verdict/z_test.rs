//! The pooled z-test on two shares, looked at after every scrape as if it were the only look.

use crate::race::Method;
use crate::world::Sample;

#[derive(Default)]
pub struct ZTest {
    canary: (u64, u64),
    stable: (u64, u64),
}

/// One-sided quantiles of the normal distribution.
const AT: [(&str, f64); 2] = [("z-test peeked a=.01", 2.326), ("z-test peeked a=.05", 1.645)];

impl Method for ZTest {
    fn names(&self) -> Vec<String> {
        AT.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        let add = |sum: &mut (u64, u64), one: (u64, u64)| *sum = (sum.0 + one.0, sum.1 + one.1);
        add(&mut self.canary, sample.canary);
        add(&mut self.stable, sample.stable);
        let [n_c, e_c, n_s, e_s] =
            [self.canary.0, self.canary.1, self.stable.0, self.stable.1].map(|count| count as f64);
        let pooled = (e_c + e_s) / (n_c + n_s);
        let z = (e_c / n_c - e_s / n_s) / (pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_s)).sqrt();
        alarms.extend(AT.iter().map(|(_, bar)| z > *bar));
    }
}
