//! What a person says to a check or as a reviewer: a choice, a note, a name under it.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input;

use super::dialog;
use crate::app::freeze::typed;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{CheckId, Decision};
use crate::domain::rules::checklist::{Candidate, leaves_out};
use crate::view::draw_context::DrawContext;
use crate::view::layout;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{Row, put, put_all};
use crate::view::theme::Role;

const WIDTH_COLUMNS: u16 = 70;
/// Rows that a lane may take.
const MAX_LANE_ROWS: usize = 4;

/// The note of an acknowledgement.
pub(crate) fn acknowledge(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    env: &EnvName,
    check: &CheckId,
    input: &Input,
) -> Position {
    let title = scene.row().say(Role::Title, format!("Acknowledge {check} for {env}"));
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, 7), Edge::Light, title, escape(scene));
    let known = scene.model.core.world.check(env, check);
    let about = known.map_or_else(String::new, |check| check.spec.title.clone());
    put(buf, layout::top(&mut inside, 1), scene.theme, scene.row().say(Role::Strong, about));
    put(buf, layout::top(&mut inside, 1), scene.theme, under(scene));
    layout::top(&mut inside, 1);
    let cursor = note(scene, buf, &mut inside, input, "what you checked, and what you found");
    layout::top(&mut inside, 1);
    let ready = !input.value().trim().is_empty();
    put(buf, inside, scene.theme, enter(scene, ready, "acknowledges it", "a note is needed"));
    cursor
}

/// GO or NO-GO with its note.
pub(crate) fn sign(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    (env, role): (&EnvName, &str),
    decision: Option<Decision>,
    input: &Input,
) -> Option<Position> {
    let title = scene.row().say(Role::Title, format!("Sign as {role} for {env}"));
    let candidate = scene.model.environment().and_then(|env| scene.model.core.world.candidate(env));
    let lane = by_lane(scene, env, candidate.as_ref());
    let rows = 8 + lane.len() as u16;
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, rows), Edge::Light, title, escape(scene));
    let about = candidate.map_or_else(String::new, |candidate| {
        let digest = candidate.digest.as_deref().map(crate::domain::facts::object::short_digest).unwrap_or_default();
        format!("{}  {digest}", candidate.release)
    });
    put(buf, layout::top(&mut inside, 1), scene.theme, scene.row().say(Role::Strong, about));
    put_all(buf, layout::top(&mut inside, lane.len() as u16), scene.theme, lane);
    put(buf, layout::top(&mut inside, 1), scene.theme, under(scene));
    layout::top(&mut inside, 1);
    let chosen = |row: Row, key: &str, own: Decision| {
        let is = decision == Some(own);
        let role = if is { Role::Selected } else { Role::Text };
        row.say(Role::Key, key).gap(1).say(role, format!(" {} ", own.label())).gap(4)
    };
    let row = chosen(chosen(scene.row(), "g", Decision::Go), "n", Decision::NoGo);
    put(buf, layout::top(&mut inside, 1), scene.theme, row);
    layout::top(&mut inside, 1);
    let Some(decision) = decision else {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, "choose one; the note comes next"));
        return None;
    };
    let hint = match decision {
        Decision::Go => "a note, if you like",
        Decision::NoGo => "why not: this is what others will read",
    };
    let cursor = note(scene, buf, &mut inside, input, hint);
    layout::top(&mut inside, 1);
    let ready = decision == Decision::Go || !input.value().trim().is_empty();
    let does = format!("signs {}", decision.label());
    put(buf, inside, scene.theme, enter(scene, ready, &does, "a NO-GO needs a note"));
    Some(cursor)
}

/// That a candidate comes by a lane, and what that leaves out: whoever signs has to know.
fn by_lane(scene: &DrawContext<'_>, env: &EnvName, candidate: Option<&Candidate>) -> Vec<Line<'static>> {
    let core = &scene.model.core;
    let Some((candidate, opened, env)) =
        candidate.and_then(|candidate| Some((candidate, candidate.lane.as_ref()?, core.world.environment(env)?)))
    else {
        return Vec::new();
    };
    let left_out = leaves_out(&core.world, env, opened, candidate, core.now).join(", ");
    let text = format!("in the lane {}, which leaves out {left_out}", opened.rule.lane);
    let parts = scene.theme.wrap(&text, usize::from(WIDTH_COLUMNS), MAX_LANE_ROWS);
    parts.into_iter().map(|part| scene.row().say(Role::Warn, part).line()).collect()
}

/// The reason of a freeze, or of its end.
pub(crate) fn freeze(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    (env, is_end): (&EnvName, bool),
    input: &Input,
) -> Position {
    let title = if is_end { format!("End the freeze of {env}") } else { format!("Freeze {env}") };
    let title = scene.row().say(Role::Title, title);
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, 8), Edge::Light, title, escape(scene));
    let core = &scene.model.core;
    let known = core.world.environment(env);
    let in_force = known.and_then(|known| core.world.ledger.frozen(env, known.cluster.as_ref(), core.now));
    let about = match in_force.filter(|_| is_end) {
        Some(freeze) => format!("“{}”, by {}, {}", freeze.reason, freeze.who, until(scene, freeze.until)),
        None => "Nothing is promoted here, by anybody. Pause, abort and rollback go on.".to_owned(),
    };
    let about = scene.theme.clip(&about, usize::from(inside.width));
    put(buf, layout::top(&mut inside, 1), scene.theme, scene.row().say(Role::Strong, about));
    put(buf, layout::top(&mut inside, 1), scene.theme, under(scene));
    layout::top(&mut inside, 1);
    let hint = if is_end { "why it is over" } else { "[until TIME] why: 14:00 incident 4711" };
    let cursor = note(scene, buf, &mut inside, input, hint);
    layout::top(&mut inside, 1);
    let row = if is_end {
        enter(scene, !input.value().trim().is_empty(), "allows promotions again", "a reason is needed")
    } else {
        match typed(input.value(), core.now, &scene.model.ui.zone) {
            Ok(typed) => enter(scene, true, &format!("freezes {env} {}", until(scene, typed.until)), ""),
            Err(missing) => enter(scene, false, "", &missing),
        }
    };
    put(buf, inside, scene.theme, row);
    cursor
}

/// How long a freeze lasts.
fn until(scene: &DrawContext<'_>, until: Option<Timestamp>) -> String {
    until.map_or_else(|| "until somebody ends it".to_owned(), |until| format!("until {}", scene.day_and_time(until)))
}

pub(super) fn escape(scene: &DrawContext<'_>) -> Row {
    scene.row().say(Role::Label, "Esc: cancel")
}

/// Whose name stands under it.
pub(super) fn under(scene: &DrawContext<'_>) -> Row {
    let (who, verified) = scene.model.core.identity(&scene.model.ui.env);
    let word = if verified { "verified by the cluster" } else { "unverified: no cluster confirms your identity" };
    scene.row().say(Role::Label, "as ").say(Role::Text, who).say(Role::Label, format!("  {word}"))
}

pub(super) fn note(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    inside: &mut Rect,
    input: &Input,
    hint: &str,
) -> Position {
    let mut line = layout::top(inside, 1);
    put(buf, layout::left(&mut line, 6), scene.theme, scene.row().say(Role::Label, "note"));
    dialog::field(scene, buf, line, input, hint)
}

pub(super) fn enter(scene: &DrawContext<'_>, ready: bool, does: &str, missing: &str) -> Row {
    if ready {
        scene.row().say(Role::Key, "Enter").say(Role::Text, format!(" {does}"))
    } else {
        scene.row().say(Role::Label, missing)
    }
}
