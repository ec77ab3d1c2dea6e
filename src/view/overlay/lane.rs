//! The lane of an environment: the line that opens, extends or closes it, and the question before it opens.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::dialog;
use super::note::{enter, escape, note, under};
use crate::app::lane::{Asked, LaneDialog};
use crate::core::LaneQuestion;
use crate::domain::world::lane::LaneState;
use crate::view::draw_context::DrawContext;
use crate::view::layout;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{put, put_all};
use crate::view::text::width;
use crate::view::theme::Role;

const WIDTH_COLUMNS: u16 = 76;
const LABEL_COLUMNS: usize = 13;

/// Draws what is asked; returns where the cursor stands.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, dialog: &LaneDialog) -> Position {
    match &dialog.asked {
        Some(asked) => question(scene, buf, area, asked),
        None => line(scene, buf, area, dialog),
    }
}

fn line(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, dialog: &LaneDialog) -> Position {
    let env = &dialog.target.env;
    let title = match &dialog.open {
        Some(lane) => format!("Lane {lane} into {env}"),
        None => format!("Open a lane into {env}"),
    };
    let title = scene.row().say(Role::Title, title);
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, 8), Edge::Light, title, escape(scene));
    let columns = usize::from(inside.width);
    let about = scene.theme.clip(&standing(scene, dialog), columns);
    put(buf, layout::top(&mut inside, 1), scene.theme, scene.row().say(Role::Strong, about));
    put(buf, layout::top(&mut inside, 1), scene.theme, under(scene));
    layout::top(&mut inside, 1);
    let hint = match (&dialog.open, dialog.lanes.len()) {
        (Some(_), _) => "why it is over; or how much longer, and why: 1h still at it",
        (None, 0 | 1) => "how long, and why: 2h incident 4711",
        (None, _) => "which, how long, and why: hotfix 2h incident 4711",
    };
    let cursor = note(scene, buf, &mut inside, &dialog.input, hint);
    layout::top(&mut inside, 1);
    let row = match dialog.typed(scene.model.core.now, &scene.model.ui.zone) {
        Ok(typed) => match typed.until {
            Some(until) => {
                let does = if dialog.open.is_some() { "extends" } else { "opens" };
                let does = format!("shows what it leaves out; then it {does} until {}", scene.day_and_time(until));
                enter(scene, true, &does, "")
            }
            None => enter(scene, true, &format!("closes the lane {}: every gate is asked again", typed.lane), ""),
        },
        Err(missing) => enter(scene, false, "", &missing),
    };
    put(buf, inside, scene.theme, row);
    cursor
}

/// The lane that is open, or which there are.
fn standing(scene: &DrawContext<'_>, dialog: &LaneDialog) -> String {
    let lane = scene
        .model
        .core
        .world
        .environment(&dialog.target.env)
        .and_then(|env| env.workload(&dialog.target.workload)?.lane.as_ref());
    match lane {
        Some(LaneState::Open(opened)) => {
            let (lane, until) = (&opened.lane, scene.day_and_time(opened.until));
            format!("for {} until {until}, by {}: “{}”", lane.version, lane.who, lane.note)
        }
        Some(LaneState::NotUsed { why, .. }) => format!("not used here: {why}"),
        Some(LaneState::Several(lanes)) => {
            let all: Vec<String> =
                lanes.iter().map(|lane| format!("{} for {}", lane.rule.name(), lane.version)).collect();
            format!("open are {}: a reason closes all of them", all.join(" and "))
        }
        None => format!("{}: a shorter way for one artifact, as it was decided", dialog.lanes.join(", ")),
    }
}

fn question(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, asked: &Asked) -> Position {
    let lane = &asked.question.lane;
    // An extension keeps the GOs that were given, an opening wants new ones.
    let verb = if lane.at == lane.opened { "Open" } else { "Extend" };
    let columns = usize::from(WIDTH_COLUMNS.min(area.width.saturating_sub(6)));
    let lines = about(scene, &asked.question, columns);
    // The answers are always on the screen.
    let room = usize::from(area.height.saturating_sub(5));
    let hidden = lines.len().saturating_sub(room);
    let mut shown: Vec<_> = lines.into_iter().take(room).collect();
    if let Some(last) = shown.last_mut().filter(|_| hidden > 0) {
        let more = format!("and {} more lines: a taller window shows them", hidden + 1);
        *last = scene.row().say(Role::Warn, more).line();
    }
    let title = scene.row().say(Role::Title, format!("{verb} the lane {} into {}", lane.rule.name(), lane.env));
    let word = scene.row().say(Role::Label, "type the environment's name");
    let rows = shown.len() as u16 + 3;
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, rows), Edge::Danger, title, word);
    let mut bottom = layout::bottom(&mut inside, 2);
    put_all(buf, inside, scene.theme, shown);
    let mut name = layout::top(&mut bottom, 1);
    let label = scene.theme.clip_middle(&format!("type {}  ", lane.env), columns / 2);
    put(buf, layout::left(&mut name, width(&label) as u16), scene.theme, scene.row().say(Role::Label, label));
    let cursor = dialog::field(scene, buf, layout::left(&mut name, 32), &asked.name, "");
    let row = dialog::answers(scene, bottom, "Cancel");
    let row = if asked.name_fits() {
        row.say(Role::Key, "y").say(Role::Strong, format!("  {} it now", verb.to_lowercase()))
    } else {
        row.say(Role::KeyOff, format!("y  {} it, once the name is typed", verb.to_lowercase()))
    };
    put(buf, bottom, scene.theme, row);
    cursor
}

/// What it is for, what it leaves out, and what it still asks for.
fn about(scene: &DrawContext<'_>, question: &LaneQuestion, columns: usize) -> Vec<Line<'static>> {
    let lane = &question.lane;
    let what = format!("{} {}, as {} runs it", lane.workload.name, lane.version, question.from);
    let until = format!("{}: “{}”", scene.day_and_time(lane.until), lane.note);
    let leaves_out = question.leaves_out.join("\n");
    let asks_for = question.asks_for.join("\n");
    let parts = [
        ("for", what, Role::Strong),
        ("until", until, Role::Text),
        ("leaves out", leaves_out, Role::Warn),
        ("asks for", asks_for, Role::Text),
    ];
    let mut lines = Vec::new();
    for (mut label, texts, role) in parts {
        for text in texts.lines() {
            for part in scene.theme.wrap(text, columns.saturating_sub(LABEL_COLUMNS), 2) {
                lines.push(scene.row().left(Role::Label, label, LABEL_COLUMNS).say(role, part).line());
                label = "";
            }
        }
    }
    lines
}
