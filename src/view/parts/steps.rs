//! The step ladder: upright in a panel, or in one line where room is short.

use ratatui::text::Line;

use crate::app::ladder::{Rung, Stand};
use crate::domain::facts::text::duration;
use crate::view::draw_context::DrawContext;
use crate::view::layout::window;
use crate::view::text::width;
use crate::view::theme::Role;

/// Shape and role of a step.
fn sign(scene: &DrawContext<'_>, stand: Stand) -> (&'static str, Role, Role) {
    let glyphs = scene.theme.glyphs();
    match stand {
        Stand::Done => (glyphs.good, Role::Good, Role::Label),
        Stand::Running => (glyphs.running, Role::Busy, Role::Strong),
        Stand::Paused => (glyphs.paused, Role::Strong, Role::Strong),
        Stand::Failed => (glyphs.bad, Role::Bad, Role::Strong),
        Stand::Waits => (glyphs.waits, Role::Faint, Role::Text),
    }
}

/// The rungs around the current one, one a line.
pub(crate) fn ladder(scene: &DrawContext<'_>, rungs: &[Rung], columns: usize, lines: usize) -> Vec<Line<'static>> {
    let first = window(current(rungs), lines, rungs.len());
    let digits = rungs.len().to_string().len();
    rungs
        .iter()
        .skip(first)
        .take(lines)
        .map(|rung| {
            let (sign, sign_role, role) = sign(scene, rung.stand);
            let plain = columns.saturating_sub(digits + 4);
            let time = match (rung.until, rung.at) {
                (Some(until), _) => format!("{} left", duration(until.duration_since(scene.model.core.now))),
                (None, Some(at)) if rung.stand == Stand::Done => scene.clock(at),
                (None, Some(at)) if width(&rung.label) + 14 > plain => scene.clock(at),
                (None, Some(at)) => format!("since {}", scene.clock(at)),
                (None, None) => String::new(),
            };
            let room = plain.saturating_sub(time.len());
            scene
                .row()
                .say(sign_role, format!("{sign} "))
                .right(Role::Label, &rung.number.to_string(), digits)
                .gap(1)
                .left(role, &rung.label, room)
                .gap(1)
                .say(Role::Label, time)
                .line()
        })
        .collect()
}

/// The rungs side by side in as many lines as there are, the current one always among them.
pub(crate) fn ribbon(scene: &DrawContext<'_>, rungs: &[Rung], columns: usize, lines: usize) -> Vec<Line<'static>> {
    let mut rows = vec![scene.row()];
    let mut reached = 0;
    for (index, rung) in rungs.iter().enumerate() {
        let (sign, sign_role, role) = sign(scene, rung.stand);
        let label = scene.theme.clip(&format!("{} {}", rung.number, rung.label), columns.saturating_sub(2));
        let wide = 2 + width(&label);
        if rows.last().is_some_and(|row| row.width() > 0 && row.width() + 2 + wide > columns) {
            rows.push(scene.row());
        }
        if index <= current(rungs) {
            reached = rows.len() - 1;
        }
        if let Some(row) = rows.pop() {
            let row = if row.width() > 0 { row.gap(2) } else { row };
            rows.push(row.say(sign_role, format!("{sign} ")).say(role, label));
        }
    }
    let first = window(reached, lines, rows.len());
    rows.into_iter().skip(first).take(lines).map(Line::from).collect()
}

/// The step that is in progress, else the last one done.
fn current(rungs: &[Rung]) -> usize {
    let busy = |rung: &Rung| matches!(rung.stand, Stand::Running | Stand::Paused | Stand::Failed);
    let done = || rungs.iter().rposition(|rung| rung.stand == Stand::Done);
    rungs.iter().position(busy).or_else(done).unwrap_or(0)
}
