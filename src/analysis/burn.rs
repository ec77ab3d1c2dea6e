//! How fast the error budget burns, on the canary's own requests, and what the rollout has cost so far.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::one_share::ln_above;
use super::rules::{PAGE_BURN, Rules};

/// The period of a budget, in seconds: 30 days.
const BUDGET_PERIOD_SECONDS: f64 = 30.0 * 86_400.0;

/// The long window, in seconds.
const LONG_WINDOW_SECONDS: f64 = 3600.0;

/// The short window is as many times shorter, and at least this many scrapes: it makes the alarm end soon after the cause.
const SHORT_WINDOW_DIVISOR: f64 = 12.0;
const MIN_SHORT_WINDOW_SCRAPES: f64 = 4.0;

/// Scrapes closer together than this many seconds are merged, which bounds the memory of an hour.
const MIN_SAMPLE_GAP_SECONDS: f64 = 5.0;

/// Minimum evidence of a burn: one failed request out of one is not enough.
const MIN_EVIDENCE: f64 = 20.0;

/// Share of the budget of 30 days that a rollout may cost beyond what stable costs, before the canary is suspect.
const MAX_BUDGET_SHARE: f64 = 0.0025;

/// Share of it from which the canary is regressed, whatever the evidence: bounds the cost of regressions too rare to prove.
const ABORT_BUDGET_SHARE: f64 = 0.01;

/// Standard deviations by which the cost must exceed zero.
const MIN_DEVIATIONS: f64 = 4.0;

/// How fast the budget burns, as multiples of what would use it up in exactly 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burn {
    /// Over the last minutes: a twelfth of the long window, four scrapes at least.
    pub short: f64,
    /// Over the last hour, or the canary's age.
    pub long: f64,
    /// Share of the budget of 30 days that an hour with the canary's error share would use up at all traffic.
    pub projected: f64,
    /// Share of the budget of 30 days that the canary has cost so far beyond what stable would have.
    pub spent: f64,
}

/// Requests and errors of both tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub canary: [u64; 2],
    pub stable: [u64; 2],
}

impl Sums {
    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    fn subtract(&mut self, other: &Self) {
        self.each(other, u64::saturating_sub);
    }

    fn each(&mut self, other: &Self, merge: impl Fn(u64, u64) -> u64) {
        let ours = self.canary.iter_mut().chain(&mut self.stable);
        for (sum, one) in ours.zip(other.canary.iter().chain(&other.stable)) {
            *sum = merge(*sum, *one);
        }
    }
}

/// The last hour of both tracks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Budget {
    looks: VecDeque<(f64, Sums)>,
    long: Sums,
    short: Sums,
    /// Looks at the front that are in the long window only.
    only_long: usize,
    /// Errors beyond what stable would have had.
    excess: f64,
}

impl Budget {
    /// Takes in a scrape at `t`: its counts, the totals before it, and the usual seconds between scrapes.
    pub fn take(&mut self, t: f64, began: f64, now: &Sums, before: &Sums, interval: f64) {
        self.cost(now, before);
        match self.looks.back_mut() {
            Some((at, sums)) if t - *at < MIN_SAMPLE_GAP_SECONDS => sums.add(now),
            _ => self.looks.push_back((t, *now)),
        }
        self.long.add(now);
        self.short.add(now);
        let long = LONG_WINDOW_SECONDS.min(t - began + interval);
        let short = (long / SHORT_WINDOW_DIVISOR).max(MIN_SHORT_WINDOW_SCRAPES * interval);
        self.shrink_windows(t - LONG_WINDOW_SECONDS, t - short);
    }

    /// Counts errors beyond those that stable would have had, as a sum that chance does not grow without bound: where
    /// the canary does better later, it shrinks again, down to zero.
    fn cost(&mut self, now: &Sums, before: &Sums) {
        let share = |[requests, errors]: [u64; 2]| (requests > 0).then(|| errors as f64 / requests as f64);
        let Some(of_stable) = share(now.stable).or_else(|| share(before.stable)) else { return };
        let [requests, errors] = now.canary.map(|count| count as f64);
        self.excess = (self.excess + errors - requests * of_stable).max(0.0);
    }

    fn shrink_windows(&mut self, long_from: f64, short_from: f64) {
        while let Some((at, sums)) = self.looks.get(self.only_long) {
            if *at > short_from {
                break;
            }
            self.short.subtract(sums);
            self.only_long += 1;
        }
        while let Some((at, sums)) = self.looks.front() {
            if *at > long_from || self.only_long == 0 {
                break;
            }
            self.long.subtract(sums);
            self.only_long -= 1;
            self.looks.pop_front();
        }
    }

    /// Returns how the canary burns; `None` while it gets no requests. `per_second` are the requests of both tracks.
    pub fn canary(&self, rules: &Rules, per_second: f64) -> Option<Burn> {
        let (short, long) = windows(self.short.canary, self.long.canary, rules)?;
        Some(Burn {
            short,
            long,
            projected: long * LONG_WINDOW_SECONDS / BUDGET_PERIOD_SECONDS,
            spent: self.spent(rules, per_second),
        })
    }

    fn spent(&self, rules: &Rules, per_second: f64) -> f64 {
        let month = rules.budget() * per_second * BUDGET_PERIOD_SECONDS;
        if month > 0.0 { (self.excess / month).min(1.0) } else { 0.0 }
    }

    /// Whether the rollout has cost so much that it must be aborted; `seen` are the totals of both tracks since it began.
    pub fn must_abort(&self, rules: &Rules, seen: &Sums, per_second: f64) -> bool {
        let [requests, errors] = seen.canary.map(|count| count as f64);
        let [of_stable, failed] = seen.stable.map(|count| count as f64);
        let per_stable = requests / of_stable.max(1.0);
        let deviation = (errors + per_stable * per_stable * failed).sqrt();
        seen.canary[1] >= rules.min_errors
            && self.excess > MIN_DEVIATIONS * deviation
            && self.spent(rules, per_second) > ABORT_BUDGET_SHARE
            && !self.stable_burns(rules, seen.stable)
    }

    /// Whether stable burns its budget at a rate that pages, by the evidence.
    pub fn stable_burns(&self, rules: &Rules, all: [u64; 2]) -> bool {
        windows(self.short.stable, self.long.stable, rules).is_some_and(|burn| pages(burn, all, rules))
    }
}

impl Burn {
    /// Whether it pages, by the evidence; `all` are the canary's requests and errors since it began.
    pub(super) fn pages(&self, all: [u64; 2], rules: &Rules) -> bool {
        pages((self.short, self.long), all, rules)
    }

    /// Whether the rollout has cost more than it may.
    pub(super) fn overspent(&self) -> bool {
        self.spent > MAX_BUDGET_SHARE
    }
}

fn windows(short: [u64; 2], long: [u64; 2], rules: &Rules) -> Option<(f64, f64)> {
    let burn = |[requests, errors]: [u64; 2]| errors as f64 / requests as f64 / rules.budget();
    (short[0] > 0 && long[0] > 0).then(|| (burn(short), burn(long)))
}

fn pages((short, long): (f64, f64), [requests, errors]: [u64; 2], rules: &Rules) -> bool {
    let share = PAGE_BURN * rules.budget();
    short > PAGE_BURN && long > PAGE_BURN && share < 1.0 && ln_above(errors, requests, share) >= MIN_EVIDENCE.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(canary: [u64; 2], stable: [u64; 2]) -> Sums {
        Sums { canary, stable }
    }

    fn after(scrapes: u32, look: impl Fn(u32) -> Sums) -> (Budget, Sums) {
        let (mut budget, mut all) = (Budget::default(), Sums::default());
        for scrape in 0..scrapes {
            let now = look(scrape);
            budget.take(f64::from(scrape) * 15.0, 0.0, &now, &all, 15.0);
            all.add(&now);
        }
        (budget, all)
    }

    #[test]
    fn windows_hold_the_last_hour_and_the_last_minutes() {
        // Two hours well, then 10 minutes of 5 % errors.
        let (budget, _) = after(520, |scrape| sums([100, if scrape < 480 { 0 } else { 5 }], [1900, 2]));
        let burn = budget.canary(&Rules::default(), 2000.0 / 15.0).unwrap();
        assert!((burn.short - 50.0).abs() < 1e-6, "{burn:?}");
        assert!((burn.long - 50.0 * 40.0 / 240.0).abs() < 1e-6, "{burn:?}");
        assert!((burn.projected - burn.long / 720.0).abs() < 1e-12);
        assert_eq!(budget.looks.len(), 240);
    }

    #[test]
    fn frequent_looks_are_merged() {
        let mut budget = Budget::default();
        for look in 0..20_000 {
            budget.take(f64::from(look) * 0.5, 0.0, &sums([1, 0], [9, 0]), &Sums::default(), 0.5);
        }
        assert!(budget.looks.len() <= 721, "{}", budget.looks.len());
        assert_eq!(budget.long.canary[0], budget.looks.iter().map(|(_, sums)| sums.canary[0]).sum::<u64>());
    }

    #[test]
    fn burn_rate_pages_only_with_proof_and_apart_from_stable() {
        let rules = Rules::default();
        let (budget, all) = after(1, |_| sums([1, 1], [0, 0]));
        assert!(!budget.canary(&rules, 1.0).unwrap().pages(all.canary, &rules));
        let (budget, all) = after(8, |_| sums([100, 5], [1900, 95]));
        assert!(budget.canary(&rules, 1.0).unwrap().pages(all.canary, &rules));
        assert!(budget.stable_burns(&rules, all.stable));
        let (budget, all) = after(8, |_| sums([100, 5], [1900, 1]));
        assert!(!budget.stable_burns(&rules, all.stable));
    }

    #[test]
    fn budget_cost_is_what_the_canary_adds_to_stable() {
        let rules = Rules::default();
        // 1 of 100 more than stable for an hour, of 40 requests a second in all.
        let (budget, _) = after(240, |_| sums([300, 6], [300, 3]));
        let spent = budget.canary(&rules, 40.0).unwrap().spent;
        assert!((spent - 720.0 / (0.001 * 40.0 * BUDGET_PERIOD_SECONDS)).abs() < 1e-9, "{spent}");
        let (even, _) = after(240, |scrape| sums([300, 3 + u64::from(scrape) % 2 * 2], [300, 4]));
        assert!(even.excess < 3.0, "{}", even.excess);
    }

    #[test]
    fn rollout_that_burns_one_percent_of_the_month_ends_unless_by_chance() {
        let rules = Rules::default();
        // Of 40 requests a second in all: 1,037 errors are a hundredth of what a month may have.
        let ends = |scrapes, stable: [u64; 2], canary: [u64; 2]| {
            let (budget, all) = after(scrapes, |_| sums(canary, stable));
            budget.must_abort(&rules, &all, 40.0)
        };
        assert!(!ends(340, [300, 0], [300, 3]));
        assert!(ends(350, [300, 0], [300, 3]));
        // Stable burns as well: the canary is not proven to be the cause.
        assert!(!ends(350, [300, 9], [300, 12]));
        // At one request an hour a month is short: a few errors are much of it, and may be luck.
        let (few, all) = after(60, |scrape| sums([1, u64::from(scrape % 20 == 0)], [1, 0]));
        assert!(few.spent(&rules, 0.01) > ABORT_BUDGET_SHARE && !few.must_abort(&rules, &all, 0.01));
    }
}
