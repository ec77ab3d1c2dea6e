//! Rules for `[limits]`.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

use crate::config::fields::Kind;
use crate::config::reader::{Reader, Table};
use crate::domain::verdict::Limits;

const LATENCY: RangeInclusive<SignedDuration> = SignedDuration::from_millis(1)..=SignedDuration::from_mins(10);

/// Reads limits over those that hold so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, base: &Limits) -> Limits {
    Limits {
        error_ratio: share(reader, table, "error_ratio", base.error_ratio),
        p99: if table.is_off("p99") {
            None
        } else {
            reader.time(table, "p99", &LATENCY).map(|time| time.value).or(base.p99)
        },
        error_factor: share(reader, table, "error_factor", base.error_factor),
        error_slack: number(reader, table, "error_slack").unwrap_or(base.error_slack),
        p99_factor: share(reader, table, "p99_factor", base.p99_factor),
        min_rps: number(reader, table, "min_rps").unwrap_or(base.min_rps),
    }
}

/// Reads a limit that `false` turns off.
fn share(reader: &mut Reader, table: &Table<'_>, key: &str, base: Option<f64>) -> Option<f64> {
    if table.is_off(key) { None } else { number(reader, table, key).or(base) }
}

/// Reads a number in the bounds that the table of fields gives.
fn number(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<f64> {
    let field = table.section.fields.iter().find(|field| field.key == key)?;
    match field.kind {
        Kind::Number(least, most) | Kind::NumberOrOff(least, most) => reader.number(table, key, least, most),
        _ => None,
    }
}
