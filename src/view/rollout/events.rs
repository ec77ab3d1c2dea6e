//! Events of the workload, and the end of a failing pod's log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pods::failing;
use crate::app::timeline::event_sentence;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::layout::{SizeClass, indent};
use crate::view::parts::panel::{Edge, panel};
use crate::view::parts::row::{put, put_all};
use crate::view::theme::Role;

/// Draws the events, newest first, filtered.
pub(crate) fn events(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    env: &Environment,
    workload: &WorkloadState,
) {
    let title = scene.row().say(Role::Title, "events");
    let filter = scene.model.ui.filter.to_lowercase();
    let word = scene.row().when(!filter.is_empty(), |row| row.say(Role::Label, "filtered"));
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    let kind = workload.id.kind.kind();
    let columns = usize::from(inside.width);
    let lines: Vec<_> = env
        .events
        .iter()
        .rev()
        .filter(|(id, _)| *id == workload.id)
        .map(|(_, event)| (event, event_sentence(event, kind)))
        .filter(|(event, text)| {
            filter.is_empty() || text.to_lowercase().contains(&filter) || event.reason.to_lowercase().contains(&filter)
        })
        .take(usize::from(inside.height))
        .flat_map(|(event, text)| {
            let glyphs = scene.theme.glyphs();
            let row = scene.row().say(Role::Label, scene.clock(event.at)).gap(1);
            let row = if event.warning { row.say(Role::Warn, format!("{} ", glyphs.warn)) } else { row.gap(2) };
            let row = row.when(columns > 90, |row| row.name(Role::Label, &event.reason, 22).gap(1));
            let indent = row.width();
            let most = if scene.class == SizeClass::Wide { 3 } else { 1 };
            let parts = scene.theme.wrap(&text, columns.saturating_sub(indent), most).into_iter().enumerate();
            parts
                .map(|(index, part)| {
                    let row = if index == 0 { row.clone() } else { scene.row().gap(indent) };
                    row.say(Role::Text, part).line()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    if lines.is_empty() {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, "no events"));
    } else {
        put_all(buf, inside, scene.theme, lines);
    }
}

/// Draws the end of the log of a failing pod; nothing where there is none.
pub(crate) fn log(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, workload: &WorkloadState) {
    let Some((pod, lines)) = &workload.log else { return };
    let title = scene.row().say(Role::Title, "log ").say(Role::Label, scene.theme.clip_middle(pod, 48));
    let word = workload.snapshot.as_ref().and_then(|snapshot| failing(snapshot)).unwrap_or_default();
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, scene.row().say(Role::Warn, word)), 1);
    match lines {
        Ok(lines) if lines.is_empty() => {
            put(buf, inside, scene.theme, scene.row().say(Role::Label, "it has written nothing"));
        }
        Ok(lines) => {
            let skip = lines.len().saturating_sub(usize::from(inside.height));
            let columns = usize::from(inside.width);
            let lines = lines.iter().skip(skip);
            put_all(buf, inside, scene.theme, lines.map(|line| scene.row().left(Role::Text, line, columns).line()));
        }
        Err(why) => {
            let text = format!("no log: {why}");
            put(buf, inside, scene.theme, scene.row().say(Role::Blind, text));
        }
    }
}
