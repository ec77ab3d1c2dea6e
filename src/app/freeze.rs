//! Stopping promotions into an environment by key: how long and why is typed in one line.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;

use super::checklist::type_note;
use super::model::{Model, Overlay};
use super::msg::{Effect, lift};
use crate::core::Level;
use crate::domain::facts::when::When;
use crate::keys::{Chord, Key};

/// What was typed, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed<'a> {
    /// When it ends by itself; `None` where only a person ends it.
    pub until: Option<Timestamp>,
    pub reason: &'a str,
}

/// Takes a line such as `14:00 incident 4711` or `2h the database moves` apart: it may begin with a time.
///
/// # Errors
/// Why nothing can be stated by it yet.
pub fn typed<'a>(text: &'a str, now: Timestamp, zone: &TimeZone) -> Result<Typed<'a>, String> {
    let text = text.trim();
    let text = text.strip_prefix("until ").map_or(text, str::trim_start);
    let (first, rest) = time_first(text);
    let Ok(when) = When::parse_ahead(first) else {
        return if text.is_empty() {
            Err("a reason is needed".to_owned())
        } else {
            Ok(Typed { until: None, reason: text })
        };
    };
    let until = when.moment(now, zone).ok_or_else(|| format!("{first}: there is no such time"))?;
    if until <= now {
        return Err(format!("{first} is over"));
    }
    match rest.trim() {
        "" => Err("a reason is needed, after the time".to_owned()),
        reason => Ok(Typed { until: Some(until), reason }),
    }
}

/// Splits off what may be a time: `2026-11-21 14:00` has two words.
fn time_first(text: &str) -> (&str, &str) {
    let mut spaces = text.match_indices(char::is_whitespace).map(|(at, _)| at);
    let (one, two) = (spaces.next(), spaces.next());
    let both = one.map(|_| text.split_at(two.unwrap_or(text.len())));
    let both = both.filter(|(words, _)| When::parse_ahead(words).is_ok());
    both.unwrap_or_else(|| one.map_or((text, ""), |one| text.split_at(one)))
}

/// Asks for the reason: of a freeze, or of the end of the one in force.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(env) = model.environment() else { return Vec::new() };
    let is_end = model.core.world.ledger.frozen(env.name(), env.cluster.as_ref(), model.core.now).is_some();
    model.ui.overlay = Some(Overlay::Freeze { env: env.name().clone(), is_end, input: Input::default() });
    Vec::new()
}

/// A key while the reason is typed.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    match chord.key {
        Key::Esc => {
            model.ui.overlay = None;
            Vec::new()
        }
        Key::Enter => finish(model),
        _ => {
            if let Some(Overlay::Freeze { input, .. }) = &mut model.ui.overlay {
                type_note(input, chord);
            }
            Vec::new()
        }
    }
}

fn finish(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Freeze { env, is_end, input }) = &model.ui.overlay else { return Vec::new() };
    let stated = if *is_end {
        if input.value().trim().is_empty() {
            return Vec::new();
        }
        model.core.unfreeze(env, input.value())
    } else {
        // What is missing stands in the dialog.
        let Ok(Typed { until, reason }) = typed(input.value(), model.core.now, &model.ui.zone) else {
            return Vec::new();
        };
        model.core.freeze(env, until, reason)
    };
    model.ui.overlay = None;
    match stated {
        Ok(effects) => lift(effects),
        Err(why) => {
            model.core.notice(Level::Error, format!("not stated: {why}"));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_begin_with_the_time_at_which_the_freeze_ends() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let read = |text: &'static str| {
            typed(text, now, &zone).map(|typed| (typed.until.map(|until| until.to_string()), typed.reason))
        };
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(read("incident 4711"), Ok((None, "incident 4711")));
        assert_eq!(read("14:00 incident 4711"), Ok((at("2026-11-21T13:00:00Z"), "incident 4711")));
        assert_eq!(read(" until 14:00  incident 4711 "), Ok((at("2026-11-21T13:00:00Z"), "incident 4711")));
        assert_eq!(read("2h the database moves"), Ok((at("2026-11-21T14:00:00Z"), "the database moves")));
        assert_eq!(read("2026-11-24 14:00 it moves"), Ok((at("2026-11-24T13:00:00Z"), "it moves")));
        // A day alone is part of the reason.
        assert_eq!(read("2026-11-24 it moves"), Ok((None, "2026-11-24 it moves")));
        assert_eq!(read("4711"), Ok((None, "4711")));
        assert_eq!(read(""), Err("a reason is needed".to_owned()));
        assert_eq!(read("2h"), Err("a reason is needed, after the time".to_owned()));
        assert_eq!(read("12:59 too late"), Err("12:59 is over".to_owned()));
    }
}
