//! Texts in full: why something was refused, details, and the question before leaving.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog;
use crate::core::InFlight;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::view::draw_context::DrawContext;
use crate::view::layout::{self, clamp_scroll};
use crate::view::parts::list;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{put, put_all};
use crate::view::theme::Role;

/// Every reason why an action cannot be done now, each with what to do about it.
pub(crate) fn refused(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, title: &str, refusals: &[Refusal]) {
    let columns = usize::from(area.width.saturating_sub(8)).min(76);
    let glyphs = scene.theme.glyphs();
    let mut lines = Vec::new();
    for refusal in refusals {
        // What is merely not known is not red.
        let (role, sign) = match refusal.kind {
            RefusalKind::Blind => (Role::Blind, glyphs.blind),
            RefusalKind::Collecting => (Role::Warn, glyphs.warn),
            _ => (Role::Bad, glyphs.bad),
        };
        let parts = scene.theme.wrap(&refusal.text, columns.saturating_sub(2), 4);
        for (index, part) in parts.into_iter().enumerate() {
            let row = if index == 0 { scene.row().say(role, format!("{sign} ")) } else { scene.row().gap(2) };
            lines.push(row.say(Role::Text, part).line());
        }
        if !refusal.remedy.is_empty() {
            let indent = crate::view::text::width(glyphs.arrow) + 3;
            let parts = scene.theme.wrap(&refusal.remedy, columns.saturating_sub(indent), 3);
            for (index, part) in parts.into_iter().enumerate() {
                let row = scene.row().gap(2);
                let row =
                    if index == 0 { row.say(Role::Label, format!("{} ", glyphs.arrow)) } else { row.gap(indent - 2) };
                lines.push(row.say(Role::Label, part).line());
            }
        }
    }
    let title = scene.row().say(Role::Title, title);
    let word = scene.row().say(Role::Label, "Esc closes");
    let size = (columns as u16, lines.len() as u16);
    let inside = dialog::open(scene, buf, area, size, Edge::Light, title, word);
    put_all(buf, inside, scene.theme, lines);
}

pub(crate) fn details(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    texts: &[String],
    scroll: usize,
) {
    let columns = usize::from(area.width.saturating_sub(10)).min(110);
    let lines: Vec<_> = texts
        .iter()
        .flat_map(|text| scene.theme.wrap(text, columns, 40))
        .map(|part| scene.row().say(Role::Text, part).line())
        .collect();
    let high = (lines.len() as u16).min(area.height.saturating_sub(6)).max(1);
    let first = clamp_scroll(scroll, usize::from(high), lines.len());
    let title = scene.row().say(Role::Title, title);
    let word = list::position(scene.theme, first, usize::from(high), lines.len());
    let word = scene.row().add(word.spans).say(Role::Label, "  Esc closes");
    let inside = dialog::open(scene, buf, area, (columns as u16, high), Edge::Light, title, word);
    put_all(buf, inside, scene.theme, lines.into_iter().skip(first));
}

/// Leaving while an action is in progress.
pub(crate) fn quit(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let columns = usize::from(area.width.saturating_sub(8)).min(72);
    let glyphs = scene.theme.glyphs();
    let mut lines = Vec::new();
    for (target, action) in scene.model.core.in_flight.iter().take(6) {
        let text = format!("{} of {target}, sent {} ago", action.record.headline, scene.age(action.since));
        for (index, part) in scene.theme.wrap(&text, columns.saturating_sub(2), 2).into_iter().enumerate() {
            let row = if index == 0 {
                scene.row().say(Role::Busy, format!("{} ", glyphs.running))
            } else {
                scene.row().gap(2)
            };
            lines.push(row.say(Role::Text, part).line());
        }
    }
    // It may end while the question is open, which does not move under the finger.
    let over = scene.model.core.in_flight.is_empty();
    let note = if over {
        "The action has ended; see the last notice or the journal for its outcome."
    } else if scene.model.core.in_flight.values().any(InFlight::runs_here) {
        "Quitting ends the command that runs for it, wherever that stands. The next start checks the cluster and records the \
         outcome; nothing is run again."
    } else {
        "Quitting does not undo it. The journal keeps it open; the next start checks the cluster and records the outcome."
    };
    if !over {
        lines.push(ratatui::text::Line::default());
    }
    lines.extend(scene.theme.wrap(note, columns, 3).into_iter().map(|part| scene.row().say(Role::Label, part).line()));
    lines.push(ratatui::text::Line::default());
    let title = if over { "Quit?" } else { "Quit while an action is in progress?" };
    let title = scene.row().say(Role::Title, title);
    let word = scene.row().say(Role::Label, "Esc: stay");
    let size = (columns as u16, lines.len() as u16 + 1);
    let mut inside = dialog::open(scene, buf, area, size, Edge::Heavy, title, word);
    let bottom = layout::bottom(&mut inside, 1);
    let answers = dialog::answers(scene, bottom, "Stay").say(Role::Key, "y").say(Role::Strong, "  leave now");
    put(buf, bottom, scene.theme, answers);
    put_all(buf, inside, scene.theme, lines);
}
