//! Names and uids that follow from a seed.

/// One step of `SplitMix64` (Steele, Lea, Flood 2014): small, seedable, good enough for names.
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn uuid(state: &mut u64) -> String {
    let bits = (u128::from(next(state)) << 64) | u128::from(next(state));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
}
