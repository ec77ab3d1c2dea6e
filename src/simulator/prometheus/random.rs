//! Seeded random numbers: the same seed gives the same traffic on every machine.

/// The generator xoshiro256++ (Blackman and Vigna, 2019), seeded through `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

impl Random {
    /// Starts a stream; the text tells streams of one seed apart.
    pub fn new(seed: u64, stream: &str) -> Self {
        // FNV-1a spreads the text over the seed.
        let mut state = stream
            .bytes()
            .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        }))
    }

    fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let out = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let carried = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= carried;
        state[3] = state[3].rotate_left(45);
        out
    }

    /// A number in (0, 1].
    pub fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / 9_007_199_254_740_992.0
    }

    /// A Poisson count. Exact: by inversion for small means, by Hörmann's PTRS (1993) for others.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean.is_nan() || mean <= 0.0 {
            0
        } else if mean < 10.0 {
            self.poisson_small(mean)
        } else {
            self.poisson_large(mean)
        }
    }

    fn poisson_small(&mut self, mean: f64) -> u64 {
        let mut left = self.unit();
        let mut chance = (-mean).exp();
        let mut count = 0;
        while left > chance && count < 200 {
            left -= chance;
            count += 1;
            chance *= mean / count as f64;
        }
        count
    }

    fn poisson_large(&mut self, mean: f64) -> u64 {
        let mean = mean.min(1e12);
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let accepted_at_once = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.unit() - 0.5;
            let v = self.unit();
            let tail = 0.5 - u.abs();
            let count = ((2.0 * a / tail + b) * u + mean + 0.43).floor();
            if tail >= 0.07 && v <= accepted_at_once {
                return count as u64;
            }
            if count < 0.0 || !count.is_finite() || (tail < 0.013 && v > tail) {
                continue;
            }
            let hat = (v * inverse_alpha / (a / (tail * tail) + b)).ln();
            if hat <= count * mean.ln() - mean - ln_factorial(count) {
                return count as u64;
            }
        }
    }
}

/// ln(n!) by Stirling's series; exact enough from 0 on (error below 1e-9 for n >= 8, a sum below).
fn ln_factorial(n: f64) -> f64 {
    if n < 8.0 {
        return (2..=n as u32).map(|k| f64::from(k).ln()).sum();
    }
    let x = n + 1.0;
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse / 1260.0)) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_stream_give_the_same_numbers() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            (0..5).map(|_| random.poisson(33.0)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn counts_have_poisson_mean_and_variance() {
        let mut random = Random::new(7, "law");
        for mean in [0.02, 0.7, 4.0, 9.9, 10.1, 60.0, 2500.0] {
            let draws: Vec<f64> = (0..40_000).map(|_| random.poisson(mean) as f64).collect();
            let n = draws.len() as f64;
            let average = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / n;
            // Five standard errors.
            assert!((average - mean).abs() < 5.0 * (mean / n).sqrt(), "{mean}: {average}");
            let spread = ((mean + 2.0 * mean * mean) / n).sqrt();
            assert!((variance - mean).abs() < 5.0 * spread, "{mean}: {variance}");
        }
    }

    #[test]
    fn factorials_are_right() {
        let exact = |n: u32| (2..=n).map(|k| f64::from(k).ln()).sum::<f64>();
        for n in [0, 1, 5, 8, 20, 170] {
            assert!((ln_factorial(f64::from(n)) - exact(n)).abs() < 1e-8, "{n}");
        }
    }
}
