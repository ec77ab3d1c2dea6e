//! States as word, shape and colour.

use ratatui::text::Span;

use crate::app::place::Place;
use crate::domain::facts::freshness::{Heard, Link};
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::Phase;
use crate::domain::world::verdict::Verdict;
use crate::view::theme::{Role, Theme};
use jiff::Timestamp;

/// Returns shape and role of a verdict.
pub(crate) fn verdict_sign(theme: &Theme, verdict: Verdict) -> (&'static str, Role) {
    let glyphs = theme.glyphs();
    match verdict {
        Verdict::Go => (glyphs.good, Role::Good),
        Verdict::Wait => (glyphs.warn, Role::Warn),
        Verdict::Blind => (glyphs.blind, Role::Blind),
        Verdict::NoGo => (glyphs.bad, Role::Bad),
    }
}

/// A verdict; an environment that is well and only waits for the release says so, and what was well on a picture that is
/// no longer fresh is not called well.
pub(crate) fn verdict(theme: &Theme, verdict: Verdict, place: Place, heard: &Heard, now: Timestamp) -> Span<'static> {
    if verdict == Verdict::Go && heard.at.is_some() && !heard.is_fresh(now) {
        return theme.span(Role::Blind, format!("{} was GO", theme.glyphs().blind));
    }
    // Where the release is not there yet, what is missing for it is no alarm.
    if matches!(verdict, Verdict::Go | Verdict::Wait) {
        match place {
            Place::Waits => return theme.span(Role::Label, format!("{} waits", theme.glyphs().waits)),
            Place::RolledBack => return theme.span(Role::Warn, format!("{} back", theme.glyphs().back)),
            Place::Out | Place::UnderWay | Place::Unknown => {}
        }
    }
    let (sign, role) = verdict_sign(theme, verdict);
    theme.span(role, format!("{sign} {}", verdict.label()))
}

/// A phase with its age.
pub(crate) fn phase(theme: &Theme, phase: Phase, since: Option<Timestamp>, now: Timestamp) -> Vec<Span<'static>> {
    let glyphs = theme.glyphs();
    let (sign, role) = match phase {
        Phase::Healthy => (glyphs.good, Role::Good),
        Phase::Degraded => (glyphs.bad, Role::Bad),
        Phase::Progressing => (glyphs.running, Role::Busy),
        Phase::Paused => (glyphs.paused, Role::Strong),
    };
    let mut spans = vec![theme.span(role, format!("{sign} {phase}"))];
    if let Some(since) = since {
        spans.push(theme.span(Role::Label, format!(" {}", duration(now.duration_since(since)))));
    }
    spans
}

/// How a link is, in one word with the age of what it told.
pub(crate) fn freshness(theme: &Theme, heard: &Heard, now: Timestamp) -> Span<'static> {
    let glyphs = theme.glyphs();
    let age = heard.age(now).map(duration);
    match (&heard.link, age) {
        (Link::Up, Some(age)) if heard.is_fresh(now) => {
            theme.span(Role::Text, format!("{} live {age:>5}", glyphs.live))
        }
        (Link::Up, Some(age)) => theme.span(Role::Warn, format!("{} late {age:>5}", glyphs.warn)),
        (Link::Down(_), Some(age)) => theme.span(Role::Bad, format!("{} lost {age:>5}", glyphs.bad)),
        (Link::Down(_), None) => theme.span(Role::Bad, format!("{} lost", glyphs.bad)),
        (Link::LoggingIn(_), _) => theme.span(Role::Warn, format!("{} logging in", glyphs.waits)),
        (Link::NotAsked(_), _) => theme.span(Role::Warn, format!("{} not asked", glyphs.warn)),
        (Link::Up, None) if heard.at.is_some() => theme.span(Role::Warn, format!("{} late", glyphs.warn)),
        (Link::Up | Link::Never, _) => theme.span(Role::Label, format!("{} not seen yet", glyphs.waits)),
    }
}
