//! Counts for simulated rollouts: Poisson totals that are spread evenly over all simulations.

/// Means above this are not drawn: chance would move them by less than a thousandth.
const MAX_DRAWN_MEAN: f64 = 1e6;

/// Standard deviations around the mean within which a total lies.
const DEVIATIONS: f64 = 9.0;

/// Probabilities below this are taken for 0.
const LEAST_PROBABILITY: f64 = 1e-300;

/// A generator of random numbers: `SplitMix64` (Steele, Lea, Flood, 2014). The same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to less than 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = (self.share() * (last + 1) as f64) as usize;
            all.swap(last, other.min(last));
        }
    }

    /// Returns how many of `all` events fall into the first `share` of the time in which they happen evenly.
    pub fn part(&mut self, all: u64, share: f64) -> u64 {
        if share >= 1.0 || all == 0 {
            return all;
        }
        if share <= 0.0 {
            return 0;
        }
        if share > 0.5 {
            return all - self.part(all, 1.0 - share);
        }
        let mean = all as f64 * share;
        if mean > 30.0 {
            let deviation = (mean * (1.0 - share)).sqrt();
            return ((mean + deviation * self.normal()).round().max(0.0) as u64).min(all);
        }
        // Inversion: the probability of none, then of one more each.
        let (odds, mut probability) = (share / (1.0 - share), (all as f64 * (-share).ln_1p()).exp());
        let (mut left, mut count) = (self.share(), 0);
        while left >= probability && count < all {
            left -= probability;
            probability *= odds * (all - count) as f64 / (count + 1) as f64;
            count += 1;
        }
        count
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.share()).cos()
    }

    /// Returns `count` draws of a Poisson total of this mean, one from each `count`-th of its distribution, in random order.
    ///
    /// Together they are far closer to the distribution than as many independent draws (Latin hypercube sampling: McKay,
    /// Beckman, Conover, 1979), and each is a fair draw.
    pub fn totals(&mut self, mean: f64, count: usize) -> Vec<u64> {
        if mean <= 0.0 {
            return vec![0; count];
        }
        if mean > MAX_DRAWN_MEAN {
            return vec![mean.round() as u64; count];
        }
        let mut value = (mean - DEVIATIONS * mean.sqrt()).max(0.0).floor();
        let mut probability = (value * mean.ln() - mean - libm::lgamma(value + 1.0)).exp().max(LEAST_PROBABILITY);
        let (highest, mut up_to) = (mean + DEVIATIONS * mean.sqrt() + DEVIATIONS * DEVIATIONS, probability);
        let mut totals: Vec<u64> = (0..count)
            .map(|stratum| {
                let wanted = (stratum as f64 + self.share()) / count as f64;
                while up_to < wanted && value < highest {
                    value += 1.0;
                    probability *= mean / value;
                    up_to += probability;
                }
                value as u64
            })
            .collect();
        self.shuffle(&mut totals);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(counts: &[u64]) -> (f64, f64) {
        let n = counts.len() as f64;
        let mean = counts.iter().map(|count| *count as f64).sum::<f64>() / n;
        (mean, counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn totals_have_mean_and_variance_of_poisson() {
        for mean in [0.02, 0.7, 4.0, 55.0, 3_000.0, 400_000.0] {
            let (is, variance) = moments(&Random::new(1).totals(mean, 2000));
            assert!((is - mean).abs() < 0.01 * mean.sqrt() + 0.001, "{mean}: {is}");
            assert!((variance / mean - 1.0).abs() < 0.03, "{mean}: {variance}");
        }
        assert_eq!(Random::new(1).totals(0.0, 2), [0, 0]);
    }

    #[test]
    fn parts_have_mean_and_variance_of_binomial() {
        for (all, share) in [(7, 0.1), (40, 0.6), (1_000, 0.02), (5_000, 0.3), (5_000, 0.999)] {
            let mut random = Random::new(2);
            let (is, variance) = moments(&(0..20_000).map(|_| random.part(all, share)).collect::<Vec<_>>());
            let (mean, wanted) = (all as f64 * share, all as f64 * share * (1.0 - share));
            assert!((is - mean).abs() < 4.0 * (wanted / 20_000.0).sqrt() + 0.01, "{all} {share}: {is}");
            assert!((variance / wanted - 1.0).abs() < 0.06, "{all} {share}: {variance} {wanted}");
        }
        let mut random = Random::new(3);
        assert_eq!((random.part(9, 0.0), random.part(9, 1.0), random.part(0, 0.4)), (0, 9, 0));
    }
}
