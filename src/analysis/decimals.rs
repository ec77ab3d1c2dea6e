//! Figures with a fixed number of decimals, as `{:.2}` writes them and several times as fast.

use std::fmt::Write as _;

/// The most decimals that are written here.
const MAX_DECIMALS: usize = 3;

/// Digits of the largest `u64`, and a point.
const MAX_BYTES: usize = 21;

/// Bits of the fraction of an `f64`, and what its exponent is shifted by.
const FRACTION_BITS: u32 = 52;
const EXPONENT_BIAS: u64 = 1075;

/// A number with so many decimals.
#[derive(Clone, Copy, Debug)]
pub struct Decimals(pub f64, pub usize);

impl Decimals {
    /// Writes it at the end of a text.
    pub fn push_to(self, text: &mut String) {
        let Self(value, decimals) = self;
        match rounded(value, decimals) {
            Some(digits) => push_digits(text, digits, decimals),
            // Writing to a String cannot fail.
            None => drop(write!(text, "{value:.decimals$}")),
        }
    }
}

/// Returns `value * 10^decimals`, rounded half to even from its exact value; `None` where it does not fit.
fn rounded(value: f64, decimals: usize) -> Option<u64> {
    let bits = value.to_bits();
    if bits == 0 {
        return Some(0);
    }
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    // Of negative numbers the exponent is too great, of those close to zero it is zero.
    let exponent = bits >> FRACTION_BITS;
    if decimals > MAX_DECIMALS || exponent == 0 || exponent >= EXPONENT_BIAS {
        return None;
    }
    // 53 bits, times at most 1000: less than 2^63.
    let scaled = (fraction | 1 << FRACTION_BITS) * 10_u64.pow(decimals as u32);
    let shift = (EXPONENT_BIAS - exponent) as u32;
    if shift >= u64::BITS {
        return Some(0);
    }
    let (whole, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1 << (shift - 1));
    let goes_up = rest > half || rest == half && whole % 2 == 1;
    Some(whole + u64::from(goes_up))
}

fn push_digits(text: &mut String, mut digits: u64, decimals: usize) {
    let mut written = [0; MAX_BYTES];
    let mut at = MAX_BYTES;
    let mut done = 0;
    while digits > 0 || done <= decimals {
        if done == decimals && decimals > 0 {
            at -= 1;
            written[at] = b'.';
        }
        at -= 1;
        written[at] = b'0' + (digits % 10) as u8;
        digits /= 10;
        done += 1;
    }
    text.extend(written.iter().skip(at).map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(value: f64) {
        for decimals in 0..=4 {
            let mut text = String::new();
            Decimals(value, decimals).push_to(&mut text);
            assert_eq!(text, format!("{value:.decimals$}"), "{value:e} {decimals}");
        }
    }

    #[test]
    fn ties_extremes_and_powers_are_written_as_by_the_standard_library() {
        for value in [0.0, -0.0, -1.5, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::INFINITY, f64::NAN, 2_f64.powi(53)] {
            same(value);
        }
        for eighths in 0..20_000 {
            same(f64::from(eighths) / 16.0);
            same(f64::from(eighths) / 1000.0);
        }
        for power in -70..70 {
            let value = 2_f64.powi(power);
            [value, value.next_up(), value.next_down(), 10_f64.powi(power)].into_iter().for_each(same);
        }
    }

    proptest! {
        #[test]
        fn any_number_is_written_as_by_the_standard_library(bits in any::<u64>(), small in 0.0..1e7_f64) {
            same(f64::from_bits(bits));
            same(small);
        }
    }
}
