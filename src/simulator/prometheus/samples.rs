//! The samples of one series, packed: two to three bytes for a counter's sample, about ten for a fractional one.
//!
//! A sample is a varint that holds the change of the interval (zero when scrapes are regular) and a flag, then either
//! the change of an integer value as a varint, or the eight bytes of the value.

use std::collections::VecDeque;

/// One sample of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: i64,
    pub value: f64,
}

/// The value that marks the end of a series (one particular NaN, as in Prometheus).
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Says whether a value is the staleness marker; an ordinary NaN is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

const MAX_CHUNK_SAMPLES: u16 = 120;
/// The largest integer that is stored as one: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The packed samples, oldest first.
#[derive(Debug, Default)]
pub struct Samples {
    chunks: VecDeque<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    first: i64,
    last: i64,
    interval: i64,
    integer: i64,
    count: u16,
    bytes: Vec<u8>,
}

impl Samples {
    /// Appends a sample; one that is not newer than the last is dropped.
    pub fn push(&mut self, at: i64, value: f64) {
        if self.newest().is_some_and(|newest| at <= newest) {
            return;
        }
        if self.chunks.back().is_none_or(|chunk| chunk.count >= MAX_CHUNK_SAMPLES) {
            if let Some(full) = self.chunks.back_mut() {
                full.bytes.shrink_to_fit();
            }
            self.chunks.push_back(Chunk::starting(at));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(at, value);
        }
    }

    /// Drops whole chunks that end before the given time.
    pub fn forget_before(&mut self, at: i64) {
        while self.chunks.front().is_some_and(|chunk| chunk.last < at) {
            self.chunks.pop_front();
        }
    }

    /// The samples with `from <= at <= to`, oldest first.
    pub fn between(&self, from: i64, to: i64) -> Vec<Sample> {
        let mut found = Vec::new();
        for chunk in &self.chunks {
            if chunk.last >= from && chunk.first <= to {
                chunk.read(|sample| {
                    if (from..=to).contains(&sample.at) {
                        found.push(sample);
                    }
                });
            }
        }
        found
    }

    /// When the newest sample was taken.
    pub fn newest(&self) -> Option<i64> {
        self.chunks.back().map(|chunk| chunk.last)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }
}

impl Chunk {
    fn starting(at: i64) -> Self {
        Self { first: at, last: at, interval: 0, integer: 0, count: 0, bytes: Vec::new() }
    }

    fn push(&mut self, at: i64, value: f64) {
        let interval = at - self.last;
        let change = zigzag(interval - self.interval) << 1;
        if value.fract() == 0.0 && value.abs() < MAX_EXACT_INTEGER {
            let integer = value as i64;
            write(&mut self.bytes, change);
            write(&mut self.bytes, zigzag(integer - self.integer));
            self.integer = integer;
        } else {
            write(&mut self.bytes, change | 1);
            self.bytes.extend(value.to_bits().to_le_bytes());
        }
        self.interval = interval;
        self.last = at;
        self.count += 1;
    }

    fn read(&self, mut each: impl FnMut(Sample)) {
        let (mut at, mut interval, mut integer) = (self.first, 0, 0);
        let mut bytes = self.bytes.as_slice();
        for _ in 0..self.count {
            let head = take(&mut bytes);
            interval += unzigzag(head >> 1);
            at += interval;
            let value = if head & 1 == 0 {
                integer += unzigzag(take(&mut bytes));
                integer as f64
            } else {
                let Some((raw, rest)) = bytes.split_first_chunk::<8>() else {
                    return;
                };
                bytes = rest;
                f64::from_bits(u64::from_le_bytes(*raw))
            };
            each(Sample { at, value });
        }
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn write(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_regular_counter_takes_few_bytes() {
        let mut samples = Samples::default();
        for n in 0..1440 {
            samples.push(1_795_177_980_000 + n * 5_000, (n * 40) as f64);
        }
        assert!(samples.bytes() < 3 * 1440, "{}", samples.bytes());
    }

    #[test]
    fn old_chunks_are_forgotten() {
        let mut samples = Samples::default();
        for n in 0..1000 {
            samples.push(n, 1.0);
        }
        samples.forget_before(500);
        let left = samples.between(0, 2000);
        assert_eq!(left.first().map(|s| s.at), Some(480));
        assert_eq!(left.last().map(|s| s.at), Some(999));
    }

    proptest! {
        #[test]
        fn pushed_samples_are_read_back(steps in prop::collection::vec((1_i64..100_000, prop_oneof![
            any::<f64>(), (-1_000_000_000_i64..1_000_000_000).prop_map(|v| v as f64), Just(STALE)
        ]), 0..400)) {
            let mut samples = Samples::default();
            let mut at = 1_795_177_980_000;
            let mut pushed = Vec::new();
            for (step, value) in steps {
                at += step;
                samples.push(at, value);
                samples.push(at, 7.0);
                pushed.push((at, value.to_bits()));
            }
            let read: Vec<_> = samples.between(i64::MIN, i64::MAX).iter().map(|s| (s.at, s.value.to_bits())).collect();
            // Minus zero is read as zero: no counter or gauge of ours tells them apart.
            let pushed: Vec<_> = pushed.into_iter().map(|(at, bits)| (at, if bits == (-0.0_f64).to_bits() { 0 } else { bits })).collect();
            prop_assert_eq!(read, pushed);
        }
    }
}
