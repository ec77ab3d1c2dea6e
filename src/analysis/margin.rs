//! The smallest regression that matters: what the canary may differ by before it counts against it.

use super::rules::Rules;

/// Above this a share of failed requests is judged by its ratio alone.
const MAX_RATIO: f64 = 2.0;

/// Standard deviations by which stable's share may differ from what was counted so far.
const DEVIATIONS: f64 = 1.0;

/// Standard deviations by which errors may be more than usual by chance alone.
const CHANCE_DEVIATIONS: f64 = 2.0;

/// The smallest regression of a share of requests that matters: it is worse than both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmallestRegression {
    /// Times stable's share.
    pub ratio: f64,
    /// More than stable's share, as a share of requests.
    pub points: f64,
}

impl SmallestRegression {
    pub fn of_errors(rules: &Rules) -> Self {
        Self { ratio: rules.margin_errors, points: rules.margin_points }
    }

    /// Clients decide about these more than about errors, so that a share that is seldom otherwise matters less.
    pub fn of_statuses(rules: &Rules) -> Self {
        Self { ratio: rules.margin_errors, points: rules.margin_statuses }
    }
}

/// What the canary's share of failed requests may be without counting against it, in one scrape. Known before it.
///
/// A regression is worse than both: than `ratio` times stable's share, and than `share`. Of what hardly ever fails a ratio says
/// little, so that there the share decides; of what fails often the ratio does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorMargin {
    /// Times stable's share.
    pub ratio: f64,
    /// Share of the canary's requests; 0 where the ratio alone decides.
    pub share: f64,
}

impl ErrorMargin {
    /// Anything that is worse counts.
    #[cfg(test)]
    pub const NONE: Self = Self { ratio: 1.0, share: 0.0 };

    /// Returns the margin for the next scrape, from what stable failed in those before.
    ///
    /// The absolute margin `p_stable + points` is met from both sides: where stable fails more than `points`, as a ratio of at
    /// most 2; where it fails less, as a share of at most twice `points`. Both are taken at the end of what stable's share may be
    /// that favours the canary.
    #[must_use]
    pub fn next(smallest: SmallestRegression, [requests, errors]: [u64; 2]) -> Self {
        let points = smallest.points;
        if points <= 0.0 {
            return Self { ratio: smallest.ratio, share: 0.0 };
        }
        let (requests, errors) = ((requests as f64).max(1.0), errors as f64);
        let deviation = DEVIATIONS * (errors + 1.0).sqrt();
        let (low, high) = ((errors - deviation).max(0.0) / requests, (errors + deviation) / requests);
        let ratio = if low > 0.0 { 1.0 + points / low } else { MAX_RATIO };
        Self { ratio: ratio.min(MAX_RATIO).max(smallest.ratio), share: (high + points).min(2.0 * points) }
    }
}

/// Returns whether what was counted so far is at least twice as far from stable as the margin, and that is no chance of a few
/// errors: with [`CHANCE_DEVIATIONS`] fewer it would still be beyond the margin. `[requests, errors]` of the canary, and of stable.
#[must_use]
pub fn is_far_beyond(smallest: SmallestRegression, canary: [u64; 2], stable: [u64; 2]) -> bool {
    let share = |[requests, errors]: [u64; 2]| errors as f64 / (requests as f64).max(1.0);
    let stable = share(stable);
    let margin = |times: f64| (stable * (1.0 + times * (smallest.ratio - 1.0))).max(stable + times * smallest.points);
    let errors = canary[1] as f64;
    let least = (errors - CHANCE_DEVIATIONS * errors.sqrt()) / (canary[0] as f64).max(1.0);
    let has_margin = smallest.ratio > 1.0 || smallest.points > 0.0;
    !has_margin || share(canary) >= margin(2.0) && least >= margin(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest() -> SmallestRegression {
        SmallestRegression::of_errors(&Rules::default())
    }

    #[test]
    fn far_beyond_is_twice_the_margin_by_ratio_and_by_points() {
        let is_far = |canary: u64, stable: u64| is_far_beyond(smallest(), [100_000, canary], [100_000, stable]);
        assert!(is_far(1500, 1000) && !is_far(1499, 1000));
        assert!(is_far(200, 100) && !is_far(199, 100));
        assert!(is_far(100, 0) && !is_far(99, 0));
        // Two errors may be chance.
        let few = |requests: u64, errors: u64| is_far_beyond(smallest(), [requests, errors], [100_000, 100]);
        assert!(!few(1000, 2) && few(100_000, 200));
    }

    #[test]
    fn the_ratio_decides_where_much_fails_and_the_share_where_little_does() {
        let at = |share: f64| ErrorMargin::next(smallest(), [10_000_000, (share * 1e7) as u64]);
        let often = at(0.01);
        assert!((often.ratio - 1.25).abs() < 1e-9 && (often.share - 0.001).abs() < 1e-9, "{often:?}");
        let seldom = at(0.0001);
        assert!((seldom.ratio - 2.0).abs() < 1e-9 && (0.0006..0.0007).contains(&seldom.share), "{seldom:?}");
        // Before anything was counted both are as wide as they get.
        let first = ErrorMargin::next(smallest(), [0, 0]);
        assert!((first.ratio - 2.0).abs() < 1e-9 && (first.share - 0.001).abs() < 1e-9, "{first:?}");
        let none = SmallestRegression { ratio: 1.0, points: 0.0 };
        assert_eq!(ErrorMargin::next(none, [1000, 10]), ErrorMargin::NONE);
    }
}
