//! `[limits]`: limits on the live signals.

use super::section::{Section, keys};
use crate::domain::world::verdict::Limits;

pub(super) const SECTION: Section = Section {
    header: "[limits]",
    help: "Limits on the live signals: promotion stops at them. `false` turns one off.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    Limits = Limits::default();
    error_ratio: number_or_off(0.0..=0.5), "Greatest share of failed requests, 0 to 0.5.";
    p99: time_or_off(millis(1)..=mins(10)), "Greatest 99th percentile of latency.";
    error_factor: number_or_off(1.0..=100.0), "The canary may fail at most this many times as often as stable …";
    error_slack: number(0.0..=0.1),
        "… once it exceeds stable by more than this, so that one error against none is no alarm.";
    p99_factor: number_or_off(1.0..=20.0), "The canary's p99 may be this many times that of stable.";
    min_rps: number(0.0..=10_000.0), "Requests per second below which numbers do not count.";
    min_failed: number(0.0..=10_000.0), "Failed requests within the window below which no limit on errors trips; for a p99 it takes a hundred times as many requests.";
}
