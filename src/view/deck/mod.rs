//! The deck: every environment in promotion order, what comes next, what is in the way, and what happened.

mod card;
mod lane;
mod next;
mod summary;
mod table;

pub(crate) use summary::steps_and as steps_panel;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::layout::{self, SizeClass};
use super::parts::feed::feed;
use super::parts::panel::{Edge, panel};
use super::parts::row::put_all;
use super::theme::Role;

/// Rows kept for steps and history: a ladder of eight steps.
const STEPS_ROWS: u16 = 10;
/// The fewest rows of charts.
const MIN_CHART_ROWS: u16 = 7;
const MIN_CARD_COLUMNS: u16 = 36;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let count = scene.model.core.world.environments.len() as u16;
    let next = next::lines(scene, usize::from(area.width.saturating_sub(2)));
    let next_rows = next.len() as u16;
    // As many cards in a row as fit; a second row of cards where there is room for it, else a table.
    let per_row = ((area.width + 1) / (MIN_CARD_COLUMNS + 1)).min(count).max(1);
    let rows = count.div_ceil(per_row);
    let least = card::MIN_ROWS * rows + next_rows + STEPS_ROWS;
    // Once the least is there, the ladder gets its ninth step before the cards get taller.
    let kept = if least < area.height { STEPS_ROWS + 1 } else { STEPS_ROWS };
    if scene.class != SizeClass::Narrow && count > 0 && rows <= 2 && least <= area.height {
        let tallest = card::tallest(scene, area.width / per_row);
        let height = ((area.height - next_rows - kept) / rows).clamp(card::MIN_ROWS, tallest);
        let cards = layout::top(&mut area, height * rows);
        cards_in(scene, buf, cards, per_row, height);
        let blank = u16::from(area.height > next_rows + kept);
        layout::top(&mut area, blank);
        let place = layout::indent(layout::top(&mut area, next_rows), 1);
        put_all(buf, place, scene.theme, next);
        let blank = u16::from(area.height > kept);
        layout::top(&mut area, blank);
        // What is left over shows the two signals that stop a release.
        if area.height >= MIN_CHART_ROWS + 8 && scene.model.environment().is_some_and(|env| env.settings.has_metrics) {
            let rows = area.height.saturating_sub(kept).clamp(MIN_CHART_ROWS, 18);
            let charts = layout::bottom(&mut area, rows);
            below(scene, buf, area);
            summary::charts(scene, buf, charts);
        } else {
            below(scene, buf, area);
        }
        return;
    }
    table_deck(scene, buf, area, next);
}

fn cards_in(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, per_row: u16, height: u16) {
    for (index, env) in scene.model.core.world.environments.iter().enumerate() {
        let (row, column) = (index as u16 / per_row, index as u16 % per_row);
        // The widths add up to the whole: what division leaves goes to the left.
        let (whole, gaps) = (u32::from(area.width), u32::from(per_row) - 1);
        let edge = |column: u16| ((whole - gaps) * u32::from(column) / u32::from(per_row) + u32::from(column)) as u16;
        let place = Rect {
            x: area.x + edge(column),
            y: area.y + row * height,
            width: edge(column + 1).saturating_sub(edge(column) + 1),
            height,
        };
        card::draw(scene, buf, place, env);
    }
}

/// Steps of the selected environment beside what happened.
fn below(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let wide = if scene.class == SizeClass::Wide { 64 } else { 48 };
    let half = area.width / 2;
    let steps = layout::left(&mut area, half.min(wide));
    summary::steps(scene, buf, steps);
    layout::left(&mut area, 1);
    let inside = panel(
        buf,
        area,
        scene.theme,
        Edge::Light,
        scene.row().say(Role::Title, "what happened"),
        scene.row().say(Role::Label, "all environments"),
    );
    let inside = layout::indent(inside, 1);
    let lines = feed(scene, usize::from(inside.width), usize::from(inside.height));
    put_all(buf, inside, scene.theme, lines);
}

/// The same in a small terminal, or with many environments: a table; history goes first.
fn table_deck(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect, next: Vec<ratatui::text::Line<'static>>) {
    let wanted = table::wanted_rows(scene);
    let next_rows = next.len() as u16;
    let summary_rows = summary::ROWS;
    // Beside table and next: the summary where it fits, then events, then blank lines.
    let fixed = 1 + next_rows;
    let rest = area.height.saturating_sub(fixed);
    let with_summary = rest >= summary_rows + wanted.clamp(3, 8);
    let least_feed = if with_summary { 0 } else { rest.saturating_sub(wanted).min(3) };
    let table_rows = wanted.min(rest.saturating_sub(if with_summary { summary_rows } else { least_feed }));
    let mut spare = rest.saturating_sub(table_rows + if with_summary { summary_rows } else { 0 });
    table::draw(scene, buf, layout::top(&mut area, 1 + table_rows));
    if spare > 1 {
        layout::top(&mut area, 1);
        spare -= 1;
    }
    let place = layout::indent(layout::top(&mut area, next_rows), 1);
    put_all(buf, place, scene.theme, next);
    if with_summary {
        if spare > 3 {
            layout::top(&mut area, 1);
        }
        let rows = if area.height > summary_rows + 8 { summary_rows + 2 } else { summary_rows };
        summary::short(scene, buf, layout::top(&mut area, rows));
    }
    let inside = layout::indent(area, 1);
    put_all(buf, inside, scene.theme, feed(scene, usize::from(inside.width), usize::from(inside.height)));
}
