//! `[limits]`: limits on the live signals.

use super::reader::{Reader, Table};
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
    error_ratio: number_or_off(0.0..=1.0), "Greatest share of failed requests, 0 to 1.";
    p99: time_or_off(millis(1)..=mins(10)), "Greatest 99th percentile of latency.";
    error_factor: number_or_off(1.0..=100.0), "The canary may fail at most this many times as often as stable …";
    error_slack: number(0.0..=1.0),
        "… once it exceeds stable by more than this, so that one error against none is no alarm.";
    p99_factor: number_or_off(1.0..=20.0), "The canary's p99 may be this many times that of stable.";
    min_rps: number(0.0..=10_000.0), "Requests per second below which numbers do not count.";
    min_failed: number(0.0..=10_000.0), "Failed requests within the window below which no limit on errors trips.";
}

/// Reads it. A share of one is all of it, and such a limit never trips.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut Limits) {
    read_keys(reader, table, into);
    let all = |share: Option<f64>| share.is_some_and(|share| share >= 1.0);
    for (key, is_all, instead) in [
        ("error_ratio", all(into.error_ratio), "write error_ratio = 0.01, or error_ratio = false"),
        ("error_slack", all(Some(into.error_slack)), "write error_slack = 0.01, or error_factor = false"),
    ] {
        if let Some(value) = table.get(key).filter(|_| is_all) {
            let what = format!("`{key}` is 1, which is 100 %: the limit would never trip");
            reader.note(value.span().start, what, instead);
        }
    }
}
