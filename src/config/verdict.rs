//! `[verdict]`: when a canary counts as worse than stable, and when healthy.

use super::reader::{Reader, Table};
use super::section::{Kind, Section, days, keys, millis, mins, secs, words};
use analysis::{Enough, Rules, SlowObjective};

pub(super) const SECTION: Section = Section {
    header: "[verdict]",
    help: "When a canary counts as worse than stable, and when as healthy.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    Rules = Rules::default();
    every: by_hand(Kind::Time(secs(1), mins(10)), "\"15s\""),
        "Interval of the analysis; at least the interval of the metrics.";
    alpha: number(1e-9..=0.5), "Chance that a healthy canary is ever called regressed, however often it is analysed.";
    alpha_warn: number(1e-9..=0.5), "Chance that it is ever called suspect.";
    margin_errors: number(1.0..=10.0),
        "A canary that fails at most this many times as often as stable is as good.";
    margin_points: number(0.0..=0.01),
        "One that fails at most this much more often, as a share of requests, is as good: 0.0005 is 0.05 points.";
    margin_statuses: number(0.0..=1.0),
        "One that redirects or rejects at most this much more, as a share of requests, is as good; 1 compares no statuses.";
    margin_latency: number(1.0..=10.0), "One that is at most this many times slower is as good.";
    tolerance: number(1.0..=10.0),
        "The canary may fail this many times as often as stable before it counts towards a rollback.";
    auto_tolerance: flag, "The tolerance grows to what the pods of stable differ by.";
    slo: number(0.5..=0.999_999), "Share of requests that must succeed over 30 days.";
    healthy_below: number(1e-6..=0.99),
        "The canary is healthy once provably fewer than this share of its requests fail; without it 14.4 times what \
         `slo` allows.";
    slow: by_hand(Kind::Time(millis(1), mins(10))),
        "A request that takes longer is slow; without it latency needs no proof of health.";
    slow_share: by_hand(Kind::Number(1e-6, Some(0.99)), "0.01"), "Share of requests that may be slow.";
    planned: by_hand(Kind::Time(mins(1), days(7)), "\"1h\""), "How long a canary is planned to take.";
    enough: word(Enough),
        "A promotion waits until the canary has had traffic to show a regression of this size.";
    min_errors: by_hand(Kind::Number(0.0, Some(1e4)), "3"), "Errors of the canary without which none roll back.";
}

words!(Enough);

/// Share of requests that may be slow, where only `slow` is set.
const DEFAULT_SLOW_SHARE: f64 = 0.01;

/// Reads the thresholds of the analysis, over what holds so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut Rules) {
    let mut rules = into.clone();
    read_keys(reader, table, &mut rules);
    let bound = reader.time(table, "slow").map(|time| time.as_secs_f64());
    let share = reader.number(table, "slow_share");
    let known = rules.slow;
    let is_meant = share.is_some_and(|share| (share - DEFAULT_SLOW_SHARE).abs() > 1e-12);
    if is_meant && bound.is_none() && known.is_none() && table.get("slow").is_none() {
        let what = "`slow_share` has no effect without `slow`: no request counts as slow";
        reader.note(table.key_at("slow_share"), what, "write for example slow = \"500ms\"");
    }
    rules.slow = bound.or(known.map(|slow| slow.bound_seconds)).map(|bound_seconds| SlowObjective {
        bound_seconds,
        at_most: share.or(known.map(|slow| slow.at_most)).unwrap_or(DEFAULT_SLOW_SHARE),
    });
    let planned = f64::from(rules.planned_scrapes) * rules.interval_seconds;
    let planned = reader.time(table, "planned").map_or(planned, |time| time.as_secs_f64());
    if let Some(every) = reader.time(table, "every") {
        rules.interval_seconds = every.as_secs_f64();
    }
    rules.planned_scrapes = (planned / rules.interval_seconds).round().max(1.0) as u32;
    if let Some(errors) = reader.number(table, "min_errors") {
        rules.min_errors = errors as u64;
    }
    // Each key is within its bounds: what is left is how they fit together.
    match rules.checked() {
        Ok(rules) => *into = rules,
        Err(error) => {
            let what = format!("`{}` is {}", error.field, error.is);
            reader.note(table.at, what, format!("it must be {}", error.allowed));
        }
    }
}
