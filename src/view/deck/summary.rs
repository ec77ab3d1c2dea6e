//! The selected environment in short: its steps, or where it stands where it has none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::card;
use crate::app::ladder::ladder;
use crate::core::checklist::tally;
use crate::domain::facts::signals::Signal;
use crate::view::checklist;
use crate::view::draw_context::DrawContext;
use crate::view::layout::{self, indent};
use crate::view::parts::badge;
use crate::view::parts::chart::{Span, chart};
use crate::view::parts::figures;
use crate::view::parts::panel::{Edge, on_border, panel};
use crate::view::parts::row::put_all;
use crate::view::parts::steps;
use crate::view::text::line_width;
use crate::view::theme::Role;

/// How many rows the short form takes.
pub(crate) const ROWS: u16 = 7;

/// The steps of the selected environment in a panel.
pub(crate) fn steps(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    steps_and(scene, buf, area, None);
}

/// The same with a line under the steps.
pub(crate) fn steps_and(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, below: Option<Line<'static>>) {
    let Some((env, workload)) = scene.model.selected() else {
        panel(buf, area, scene.theme, Edge::Light, Line::default(), Line::default());
        return;
    };
    let rungs = ladder(&scene.model.core.world, env, workload);
    let what = if rungs.is_empty() { "revisions" } else { "steps" };
    let title = scene.row().say(Role::Title, scene.theme.clip_middle(env.name().as_str(), 24));
    let title = title.say(Role::Label, format!(" {} {what}", scene.theme.glyphs().dot));
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, position(scene)), 1);
    let (columns, lines) = (usize::from(inside.width), usize::from(inside.height));
    if rungs.is_empty() {
        put_all(buf, inside, scene.theme, card::revisions(scene, workload, columns));
    } else {
        let below = below.filter(|_| lines > 1);
        let mut rows = steps::ladder(scene, &rungs, columns, lines - usize::from(below.is_some()));
        rows.extend(below);
        put_all(buf, inside, scene.theme, rows);
    }
}

/// Errors and p99 of the selected environment over time, side by side.
pub(crate) fn charts(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some((env, workload)) = scene.model.selected() else { return };
    let span = Span::of(scene, workload);
    let half = area.width / 2;
    for (signal, place) in [(Signal::ErrorRatio, layout::left(&mut area, half)), (Signal::P99, area)] {
        let name = scene.theme.clip_middle(env.name().as_str(), 24);
        let title = scene.row().say(Role::Title, name);
        let title = title.say(Role::Label, format!(" {} {}", scene.theme.glyphs().dot, signal.label()));
        let word = scene.row().say(Role::Label, span.describe());
        let inside = panel(buf, place, scene.theme, Edge::Light, title, word);
        chart(scene, buf, inside, env, workload, signal, &span);
    }
}

/// `step 5 of 9`.
fn position(scene: &DrawContext<'_>) -> Line<'static> {
    let status = scene.model.selected().and_then(|(_, workload)| workload.status.as_ref());
    match status.filter(|status| status.canary.is_some()).and_then(|status| status.step) {
        Some(step) => {
            let text = format!("step {} of {}", (step.index + 1).min(step.total), step.total);
            scene.row().say(Role::Label, text).line()
        }
        None => Line::default(),
    }
}

/// The selected environment in few rows: phase, steps, errors and p99 over time, reasons.
pub(crate) fn short(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let Some((env, workload)) = scene.model.selected() else { return };
    let mut title = scene.row().say(Role::Title, scene.theme.clip_middle(env.name().as_str(), 24));
    if let Some(status) = &workload.status {
        let since = DrawContext::phase_since(workload);
        title = title.say(Role::Label, format!(" {} ", scene.theme.glyphs().dot));
        title = title.add(badge::phase(scene.theme, status.phase, since, scene.model.core.now));
    }
    let checks = checklist::tally(scene, tally(&scene.model.core.world, env, scene.model.core.now));
    let word = scene.row().add(position(scene).spans);
    let gap = if word.width() > 0 && !checks.spans.is_empty() { 2 } else { 0 };
    let word = word.gap(gap).add(checks.spans);
    let mut inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    let columns = usize::from(inside.width);
    let rungs = ladder(&scene.model.core.world, env, workload);
    let lines = if rungs.is_empty() {
        card::revisions(scene, workload, columns)
    } else {
        steps::ribbon(scene, &rungs, columns, 2)
    };
    let wanted = (lines.len() as u16).min(inside.height.saturating_sub(3)).max(1);
    put_all(buf, layout::top(&mut inside, wanted), scene.theme, lines);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for signal in [Signal::ErrorRatio, Signal::P99] {
        lines.push(figures::in_words(scene, env, workload, signal, columns));
    }
    let room = usize::from(inside.height).saturating_sub(lines.len());
    lines.extend(card::reasons(scene, env, workload, columns, room));
    if let Some(back) = card::way_back(scene, env, workload, columns).filter(|_| room < card::MIN_ROWS_WITH_WAY_BACK) {
        let place = Rect {
            x: area.x + 3,
            y: area.y + area.height.saturating_sub(1),
            width: line_width(&back) as u16,
            height: 1,
        };
        on_border(buf, place, scene.theme, back);
    }
    put_all(buf, inside, scene.theme, lines);
}
