//! A bordered panel with a title at the left and a word at the right of its upper border.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget as _};

use crate::view::parts::row::put;
use crate::view::text::line_width;
use crate::view::theme::{Role, Theme};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Light,
    Heavy,
    /// A dialog that stops or takes back.
    Danger,
}

/// Draws a panel and returns what is inside. The right word has precedence over the title.
pub(crate) fn panel(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    edge: Edge,
    title: impl Into<Line<'static>>,
    word: impl Into<Line<'static>>,
) -> Rect {
    let area = area.intersection(buf.area);
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let glyphs = theme.glyphs();
    let (set, role) = match edge {
        Edge::Light => (glyphs.border, Role::Border),
        Edge::Heavy => (glyphs.heavy, Role::Active),
        Edge::Danger => (glyphs.heavy, Role::Danger),
    };
    let block = Block::bordered().border_set(set).border_style(theme.style(role));
    let inner = block.inner(area);
    block.render(area, buf);
    // Corner, a piece of border and a space at both sides.
    let room = area.width.saturating_sub(6);
    let word = theme.fit(word.into(), usize::from(room));
    let used = line_width(&word) as u16;
    on_border(buf, Rect { x: area.x + area.width.saturating_sub(used + 3), width: used, ..area }, theme, word);
    let room = if used == 0 { room } else { room.saturating_sub(used + 3) };
    let title = theme.fit(title.into(), usize::from(room));
    on_border(buf, Rect { x: area.x + 3, width: line_width(&title) as u16, ..area }, theme, title);
    inner
}

/// Writes on the border, with a space at both sides.
pub(crate) fn on_border(buf: &mut Buffer, place: Rect, theme: &Theme, text: Line<'static>) {
    if place.width == 0 {
        return;
    }
    for x in place.x.saturating_sub(1)..=place.x + place.width {
        // The border's style must not shine through.
        if let Some(cell) = buf.cell_mut((x, place.y)) {
            cell.reset();
        }
    }
    put(buf, Rect { height: 1, ..place }, theme, text);
}
