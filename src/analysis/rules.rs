//! Thresholds and error levels of the analysis.

use serde::{Deserialize, Serialize};

/// Burn of the budget at which people are paged: 2 % of a 30-day budget within an hour (SRE workbook, chapter 5).
pub(super) const PAGE_BURN: f64 = 14.4;

/// How great a regression of the error ratio a canary must have had traffic to show before it may be promoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enough {
    /// Twice as many errors.
    X2,
    #[default]
    /// Five times as many.
    X5,
    /// Ten times as many.
    X10,
    /// Whatever it has seen is enough.
    Off,
}

impl Enough {
    /// All sizes, the smallest first.
    pub const ALL: [Self; 4] = [Self::X2, Self::X5, Self::X10, Self::Off];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X2 => "x2",
            Self::X5 => "x5",
            Self::X10 => "x10",
            Self::Off => "off",
        }
    }

    /// Returns how many times stable's error ratio the regression is; `None` where it is off.
    #[must_use]
    pub fn factor(self) -> Option<f64> {
        match self {
            Self::X2 => Some(2.0),
            Self::X5 => Some(5.0),
            Self::X10 => Some(10.0),
            Self::Off => None,
        }
    }
}

/// Thresholds and error levels of the analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Chance that a healthy canary is ever called regressed; evidence of `1/alpha` rolls back.
    pub alpha: f64,
    /// Chance that a healthy canary is ever called suspect for its evidence; evidence of `1/alpha_warn` pauses.
    pub alpha_warn: f64,
    /// How many times stable's error share a regression has to exceed to matter at all.
    pub margin_errors: f64,
    /// By how much a regression has to exceed stable's error share, as a share of requests, to matter at all.
    pub margin_points: f64,
    /// By how much a regression has to exceed stable's share of redirects, or of rejected requests, as a share of requests, to
    /// matter at all. Nothing does at 1.
    pub margin_statuses: f64,
    /// How many times slower a regression has to be to matter at all.
    pub margin_latency: f64,
    /// How many times stable's error share the canary may have before it counts against it, for the guarded evidence.
    pub tolerance: f64,
    /// Whether the tolerance grows to what stable's own pods differ by.
    pub auto_tolerance: bool,
    /// Share of requests that must succeed over 30 days.
    pub slo: f64,
    /// A canary is healthy when provably fewer than this share of its requests fail; by default the share at which
    /// people would be paged, 14.4 times what the objective allows: a canary proven to be below it can be promoted
    /// without paging anybody, and the proof takes minutes instead of days.
    pub healthy_below: Option<f64>,
    /// How many requests may be slow; `None`: latency has no objective.
    pub slow: Option<SlowObjective>,
    /// Scrapes that a rollout is planned to take: restarts are spread over them.
    pub planned_scrapes: u32,
    /// Fewest errors of the canary for errors alone to roll back.
    pub min_errors: u64,
    /// What the canary must have had traffic to show before it may be promoted.
    pub enough: Enough,
    /// Evidence from which a share counts as proven to be low.
    pub healthy_bar: f64,
    /// Assumed seconds between scrapes, until measured.
    pub interval_seconds: f64,
    /// Seconds after which the last scrape is stale; three scrapes by default.
    pub stale_after_seconds: Option<f64>,
}

/// How many requests may be slow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowObjective {
    /// A request is slow above this, in seconds.
    pub bound_seconds: f64,
    /// The share that may be.
    pub at_most: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            alpha_warn: 0.05,
            margin_errors: 1.25,
            margin_points: 0.0005,
            margin_statuses: 0.01,
            margin_latency: 1.15,
            tolerance: 1.0,
            auto_tolerance: true,
            slo: 0.999,
            healthy_below: None,
            slow: None,
            planned_scrapes: 240,
            min_errors: 3,
            enough: Enough::default(),
            healthy_bar: 20.0,
            interval_seconds: 15.0,
            stale_after_seconds: None,
        }
    }
}

/// A rule out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {is}: it must be {allowed}")]
pub struct RuleError {
    /// Name of the rule.
    pub field: &'static str,
    /// Its value.
    pub is: f64,
    /// The allowed range.
    pub allowed: &'static str,
}

impl Rules {
    /// Checks the range of every rule.
    ///
    /// # Errors
    /// The first that does not.
    pub fn checked(self) -> Result<Self, RuleError> {
        let within = |low: f64, high: f64| move |value: f64| value >= low && value <= high;
        let rule = |field, is: f64, allowed, holds: bool| {
            if holds { Ok(()) } else { Err(RuleError { field, is, allowed }) }
        };
        let share = within(1e-9, 0.5);
        rule("alpha", self.alpha, "from 1e-9 to 0.5", share(self.alpha))?;
        let warns = share(self.alpha_warn) && self.alpha_warn >= self.alpha;
        rule("alpha_warn", self.alpha_warn, "from alpha to 0.5", warns)?;
        let margin = within(1.0, 10.0);
        rule("margin_errors", self.margin_errors, "from 1 to 10", margin(self.margin_errors))?;
        rule("margin_points", self.margin_points, "from 0 to 0.1", within(0.0, 0.1)(self.margin_points))?;
        let statuses = within(0.0, 1.0)(self.margin_statuses);
        rule("margin_statuses", self.margin_statuses, "from 0 to 1", statuses)?;
        rule("margin_latency", self.margin_latency, "from 1 to 10", margin(self.margin_latency))?;
        rule("tolerance", self.tolerance, "from 1 to 100", within(1.0, 100.0)(self.tolerance))?;
        rule("slo", self.slo, "from 0.5 to 0.999999", within(0.5, 0.999_999)(self.slo))?;
        let below = self.healthy_below();
        rule("healthy_below", below, "from 0.000001 to 0.99", within(1e-6, 0.99)(below))?;
        if let Some(slow) = self.slow {
            let bound = within(1e-6, 1e6)(slow.bound_seconds);
            rule("slow.bound_seconds", slow.bound_seconds, "from 0.000001 to 1000000", bound)?;
            rule("slow.at_most", slow.at_most, "from 0.000001 to 0.99", within(1e-6, 0.99)(slow.at_most))?;
        }
        rule("planned_scrapes", self.planned_scrapes.into(), "at least 1", self.planned_scrapes >= 1)?;
        rule("healthy_bar", self.healthy_bar, "from 1 to 1000000", within(1.0, 1e6)(self.healthy_bar))?;
        let seconds = within(0.001, 86_400.0);
        rule("interval_seconds", self.interval_seconds, "from 0.001 to 86400", seconds(self.interval_seconds))?;
        let stale = self.stale_after_seconds.unwrap_or(1.0);
        rule("stale_after_seconds", stale, "from 0.001 to 86400", seconds(stale))?;
        Ok(self)
    }

    /// Returns the share of errors below which a canary must provably be to be healthy.
    #[must_use]
    pub fn healthy_below(&self) -> f64 {
        self.healthy_below.unwrap_or_else(|| (PAGE_BURN * self.budget()).min(0.99))
    }

    /// Returns the share of requests that may fail.
    #[must_use]
    pub fn budget(&self) -> f64 {
        1.0 - self.slo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_rules_are_named_with_their_allowed_range() {
        assert!(Rules::default().checked().is_ok());
        let wrong = |rules: Rules| rules.checked().unwrap_err().to_string();
        let rules = Rules::default;
        assert_eq!(wrong(Rules { alpha: 0.0, ..rules() }), "alpha is 0: it must be from 1e-9 to 0.5");
        assert!(wrong(Rules { alpha: f64::NAN, ..rules() }).starts_with("alpha is NaN"));
        assert!(wrong(Rules { alpha_warn: 0.001, ..rules() }).contains("from alpha"));
        assert!(wrong(Rules { tolerance: 0.5, ..rules() }).starts_with("tolerance"));
        assert!(wrong(Rules { slo: 1.0, ..rules() }).starts_with("slo"));
        assert!(wrong(Rules { planned_scrapes: 0, ..rules() }).starts_with("planned_scrapes"));
        assert!(wrong(Rules { healthy_bar: f64::INFINITY, ..rules() }).starts_with("healthy_bar"));
        let slow = Some(SlowObjective { bound_seconds: 0.5, at_most: 1.0 });
        assert!(wrong(Rules { slow, ..rules() }).starts_with("slow.at_most"));
    }

    #[test]
    fn the_readme_lists_every_rule_with_its_default() {
        let rules = serde_json::to_value(Rules::default()).unwrap();
        let readme = include_str!("README.md");
        let rows: Vec<Vec<&str>> = readme.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
        for (rule, default) in rules.as_object().unwrap() {
            let name = format!("`{rule}`");
            let listed =
                |cells: &&Vec<&str>| cells.get(1).is_some_and(|names| names.split(", ").any(|one| one == name));
            let cells = rows.iter().find(listed).unwrap_or_else(|| panic!("no {rule}"));
            let at = cells[1].split(", ").position(|one| one == name).unwrap();
            let shown = cells[2].split(", ").nth(at).unwrap().trim_matches('`');
            match default {
                serde_json::Value::Number(number) => {
                    assert_eq!(shown.parse::<f64>().ok(), number.as_f64(), "{rule}");
                }
                serde_json::Value::Null => assert!(shown.parse::<f64>().is_err(), "{rule}"),
                other => assert_eq!(shown, other.to_string().trim_matches('"'), "{rule}"),
            }
        }
    }

    #[test]
    fn a_canary_is_healthy_below_what_would_page() {
        assert!((Rules::default().healthy_below() - 0.0144).abs() < 1e-12);
        assert!((Rules { slo: 0.9, ..Rules::default() }.healthy_below() - 0.99).abs() < 1e-12);
    }
}
