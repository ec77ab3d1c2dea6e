//! The failure of a drill, and when it begins.

use jiff::SignedDuration;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    Errors,
    Latency,
    /// Pods crash, and come up again only to crash once more.
    Crash,
    /// Nothing: to roll back is the mistake.
    Healthy,
}

impl Failure {
    pub const ALL: [Self; 4] = [Self::Errors, Self::Latency, Self::Crash, Self::Healthy];

    /// Returns the word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Crash => "crash",
            Self::Healthy => "healthy",
        }
    }

    /// Returns what happens, in words.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Errors => "one request in twelve failed",
            Self::Latency => "requests took eight times as long",
            Self::Crash => "its pods crashed again and again",
            Self::Healthy => "nothing was wrong",
        }
    }
}

/// What a drill is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub failure: Failure,
    /// How long after the first pod of the new revision is ready, at the simulator's own speed.
    pub after: SignedDuration,
}

/// It begins at the earliest so many seconds after the first pod is ready …
const MIN_ONSET_SECONDS: u64 = 20;
/// … and within so many seconds from then on.
const ONSET_WINDOW_SECONDS: u64 = 160;

/// Draws what goes wrong and when: the same for the same seed. What is asked for is not drawn, and changes no moment.
#[must_use]
pub fn draw(seed: u64, asked: Option<Failure>) -> Draw {
    let drawn = Failure::ALL[(mixed(seed) % Failure::ALL.len() as u64) as usize];
    let second = MIN_ONSET_SECONDS + mixed(seed ^ 0x5eed) % ONSET_WINDOW_SECONDS;
    Draw { failure: asked.unwrap_or(drawn), after: SignedDuration::from_secs(second.cast_signed()) }
}

/// Mixes a number well (the finalizer of `SplitMix64`: Steele, Lea, Flood 2014).
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_cover_all_failures_and_the_whole_window() {
        let draws: Vec<Draw> = (0..1000).map(|seed| draw(seed, None)).collect();
        for failure in Failure::ALL {
            let share = draws.iter().filter(|draw| draw.failure == failure).count();
            assert!((180..320).contains(&share), "{failure:?}: {share}");
        }
        let seconds = |draw: &Draw| draw.after.as_secs();
        assert!(draws.iter().all(|draw| (20..180).contains(&seconds(draw))));
        assert!(draws.iter().any(|draw| seconds(draw) < 30) && draws.iter().any(|draw| seconds(draw) > 170));
    }

    #[test]
    fn same_seed_repeats_failure_and_moment() {
        let drawn = draw(42, None);
        assert_eq!(draw(42, None), drawn);
        assert_eq!(draw(42, Some(Failure::Crash)), Draw { failure: Failure::Crash, ..drawn });
    }
}
