//! One workload in depth: steps, revisions and their pods, analysis, events, and the log of a failing pod.

mod analysis;
mod events;
mod pods;
mod state;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::deck::steps_panel;
use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, indent};
use super::parts::row::{put, put_all};
use super::parts::steps;
use super::text::width;
use super::theme::Role;
use crate::app::ladder::ladder;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some((env, workload)) = scene.model.selected() else {
        put(buf, area, scene.theme, scene.row().say(Role::Label, " no workload is watched"));
        return;
    };
    let head = state::lines(scene, env, workload, usize::from(area.width.saturating_sub(2)));
    let place = layout::top(&mut area, head.len() as u16);
    put_all(buf, indent(place, 1), scene.theme, head);
    let rungs = ladder(&scene.model.core.world, env, workload);
    let extra = u16::from(scene.model.step_forecast().is_some());
    let runs = workload.snapshot.as_ref().map_or(0, |snapshot| snapshot.runs.len());
    match scene.class {
        SizeClass::Wide => {
            let mut left = layout::left(&mut area, 56);
            layout::left(&mut area, 1);
            let mut right = layout::right(&mut area, 64);
            layout::right(&mut area, 1);
            let rows = (rungs.len() as u16 + 2 + extra).clamp(5, left.height / 2);
            steps_panel(scene, buf, layout::top(&mut left, rows), forecast(scene, 54));
            analysis::draw(scene, buf, left, workload);
            pods::draw(scene, buf, area, workload);
            let half = right.height / 2;
            if workload.log.is_some() {
                events::log(scene, buf, layout::bottom(&mut right, half), workload);
            }
            events::events(scene, buf, right, env, workload);
        }
        SizeClass::Regular => {
            let rows = if area.height >= 30 { 9 } else { 7 };
            let mut below = layout::bottom(&mut area, rows);
            let mut left = layout::left(&mut area, 46);
            layout::left(&mut area, 1);
            let rows = if runs > 0 { (rungs.len() as u16 + 2 + extra).clamp(4, 13) } else { left.height };
            steps_panel(scene, buf, layout::top(&mut left, rows), forecast(scene, 43));
            analysis::draw(scene, buf, left, workload);
            pods::draw(scene, buf, area, workload);
            if workload.log.is_some() {
                let half = below.width / 2;
                events::log(scene, buf, layout::right(&mut below, half), workload);
                layout::right(&mut below, 1);
            }
            events::events(scene, buf, below, env, workload);
        }
        SizeClass::Narrow | SizeClass::TooSmall => {
            let columns = usize::from(area.width.saturating_sub(2));
            let ribbon = steps::ribbon(scene, &rungs, columns, if area.height > 16 { 2 } else { 1 });
            let rows = if rungs.is_empty() { 0 } else { ribbon.len() as u16 };
            put_all(buf, indent(layout::top(&mut area, rows), 1), scene.theme, ribbon);
            if let Some(line) = forecast(scene, columns).filter(|_| area.height > 12) {
                put_all(buf, indent(layout::top(&mut area, 1), 1), scene.theme, [line]);
            }
            // History goes before the pods do.
            let rows = if area.height >= 14 { 6 } else { area.height.saturating_sub(8).min(5) };
            let below = layout::bottom(&mut area, rows);
            pods::draw(scene, buf, area, workload);
            if workload.log.is_some() {
                events::log(scene, buf, below, workload);
            } else {
                events::events(scene, buf, below, env, workload);
            }
        }
    }
}

/// What the step in progress can detect, in the form for which there is room; clipped where there is room for neither.
fn forecast(scene: &DrawContext<'_>, columns: usize) -> Option<Line<'static>> {
    let (full, short) = scene.model.step_forecast()?;
    let text = if width(full) <= columns { full } else { short };
    (!text.is_empty()).then(|| scene.row().say(Role::Label, text).line())
}
