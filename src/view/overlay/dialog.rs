//! A dialog: a cleared panel in the middle, the rest of the screen dimmed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};
use tui_input::Input;

use crate::app::Hit;
use crate::view::draw_context::DrawContext;
use crate::view::parts::panel::{Edge, panel};
use crate::view::parts::row::{Row, put};
use crate::view::text::{tail, width};
use crate::view::theme::Role;

/// Dims what a dialog lies over.
pub(crate) fn dim(buf: &mut Buffer, area: Rect) {
    buf.set_style(area, Style::new().remove_modifier(Modifier::BOLD).add_modifier(Modifier::DIM));
}

/// Opens a dialog for so many columns and rows of content; returns what is inside.
pub(crate) fn open(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    size: (u16, u16),
    edge: Edge,
    title: impl Into<Line<'static>>,
    word: impl Into<Line<'static>>,
) -> Rect {
    let wide = (size.0 + 4).min(area.width.saturating_sub(2)).max(area.width.min(4));
    let high = (size.1 + 2).min(area.height);
    let place =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - high) / 2, width: wide, height: high };
    Clear.render(place, buf);
    let inside = panel(buf, place, scene.theme, edge, title, word);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Begins the line of answers, which is drawn at `place`, with the one that takes the question back.
pub(crate) fn answers(scene: &DrawContext<'_>, place: Rect, cancel: &str) -> Row {
    let button = format!("[ {cancel} ]");
    let area = Rect { x: place.x + 1, width: width(&button) as u16, height: 1, ..place };
    scene.clickable(area.intersection(place), Hit::Cancel);
    scene.row().gap(1).say(Role::Selected, button).gap(4)
}

/// Draws a field in which text is typed; returns where its cursor stands.
pub(crate) fn field(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, input: &Input, hint: &str) -> Position {
    let room = usize::from(area.width);
    buf.set_style(Rect { height: area.height.min(1), ..area }, scene.theme.style(Role::Input));
    if input.value().is_empty() {
        // The first column is the cursor's.
        let hint = scene.row().gap(1).say(Role::Label, scene.theme.clip(hint, room.saturating_sub(1)));
        put(buf, area, scene.theme, hint);
        return Position { x: area.x, y: area.y };
    }
    // What is before the cursor is shown from its end, so that the cursor is always in view.
    let before: String = input.value().chars().take(input.cursor()).collect();
    let after: String = input.value().chars().skip(input.cursor()).collect();
    let before = scene.theme.safe(&before).into_owned();
    let shown = tail(&before, room.saturating_sub(1));
    let at = width(&shown);
    let row = scene.row().say(Role::Input, &shown).say(Role::Input, scene.theme.clip(&after, room.saturating_sub(at)));
    put(buf, area, scene.theme, row);
    Position { x: area.x + (at as u16).min(area.width.saturating_sub(1)), y: area.y }
}
