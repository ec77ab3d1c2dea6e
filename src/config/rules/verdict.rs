//! Rules for `[verdict]` and `[guardrails]`.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

use crate::config::fields::Kind;
use crate::config::reader::{Reader, Table};
use crate::domain::guardrails::{Guardrails, Response};
use analysis::{Rules, SlowObjective};

const SLOW: RangeInclusive<SignedDuration> = SignedDuration::from_millis(1)..=SignedDuration::from_mins(10);
const PLANNED: RangeInclusive<SignedDuration> = SignedDuration::from_mins(1)..=SignedDuration::from_hours(24 * 7);
const HOLD: RangeInclusive<SignedDuration> = SignedDuration::ZERO..=SignedDuration::from_hours(1);
const EVERY: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_mins(10);

/// Reads what the judge keeps to, over what holds so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, base: &Rules) -> Rules {
    let bound = reader.time(table, "slow", &SLOW).map(|time| time.value.as_secs_f64());
    let share = number(reader, table, "slow_share");
    let known = base.slow;
    let slow = bound.or(known.map(|slow| slow.bound_seconds)).map(|bound_seconds| SlowObjective {
        bound_seconds,
        at_most: share.or(known.map(|slow| slow.at_most)).unwrap_or(0.01),
    });
    let every = reader.time(table, "every", &EVERY).map(|time| time.value.as_secs_f64());
    let interval_seconds = every.unwrap_or(base.interval_seconds);
    let span = f64::from(base.planned_scrapes) * base.interval_seconds;
    let planned = reader.time(table, "planned", &PLANNED).map_or(span, |time| time.value.as_secs_f64());
    let rules = Rules {
        alpha: number(reader, table, "alpha").unwrap_or(base.alpha),
        alpha_warn: number(reader, table, "alpha_warn").unwrap_or(base.alpha_warn),
        tolerance: number(reader, table, "tolerance").unwrap_or(base.tolerance),
        auto_tolerance: reader.flag(table, "auto_tolerance").unwrap_or(base.auto_tolerance),
        slo: number(reader, table, "slo").unwrap_or(base.slo),
        healthy_below: number(reader, table, "healthy_below").or(base.healthy_below),
        slow,
        planned_scrapes: (planned / interval_seconds).round().max(1.0) as u32,
        interval_seconds,
        min_errors: number(reader, table, "min_errors").map_or(base.min_errors, |errors| errors as u64),
        ..base.clone()
    };
    match rules.checked() {
        Ok(rules) => rules,
        Err(error) => {
            reader.note(
                table.at,
                format!("`{}` is {}", error.field, error.is),
                format!("it must be {}", error.allowed),
            );
            base.clone()
        }
    }
}

/// Reads the guardrails, over what holds so far.
pub(super) fn guardrails(reader: &mut Reader, table: &Table<'_>, base: &Guardrails) -> Guardrails {
    let words = Response::ALL.map(|response| (response.word(), response));
    Guardrails {
        errors: reader.word(table, "errors", &words).unwrap_or(base.errors),
        latency: reader.word(table, "latency", &words).unwrap_or(base.latency),
        budget: reader.word(table, "budget", &words).unwrap_or(base.budget),
        autopilot: reader.flag(table, "autopilot").unwrap_or(base.autopilot),
        hold: reader.time(table, "hold", &HOLD).map_or(base.hold, |time| time.value),
    }
}

/// Reads a number in the bounds that the table of fields gives.
fn number(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<f64> {
    let field = table.section.fields.iter().find(|field| field.key == key)?;
    match field.kind {
        Kind::Number(least, most) => reader.number(table, key, least, most),
        _ => None,
    }
}
