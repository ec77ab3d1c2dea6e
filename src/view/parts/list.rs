//! Lists that scroll: only what is visible is drawn, and the border says where one is.

use ratatui::text::Line;

use crate::view::draw_context::DrawContext;
use crate::view::parts::row::Row;
use crate::view::theme::{Role, Theme};

/// Says which lines of a list are visible, for the border; nothing when all are.
pub(crate) fn position(theme: &Theme, first: usize, visible: usize, all: usize) -> Line<'static> {
    if all <= visible {
        return Line::default();
    }
    let [.., above, below] = theme.glyphs().more;
    let last = (first + visible).min(all);
    Row::new(theme)
        .when(first > 0, |row| row.say(Role::Label, above))
        .when(last < all, |row| row.say(Role::Label, below))
        .say(Role::Label, format!(" {}-{last} of {all}", first + 1))
        .line()
}

/// Filter and position of the screen's main list, for its border.
pub(crate) fn range_line(scene: &DrawContext<'_>, first: usize, visible: usize, all: usize) -> Line<'static> {
    let filter = scene.theme.clip(&scene.model.ui.filter, 24);
    let row = scene.row().when(!filter.is_empty(), |row| {
        row.say(Role::Label, "filter ").say(Role::Strong, filter).say(Role::Label, format!(": {all}  "))
    });
    row.add(position(scene.theme, first, visible, all).spans).line()
}
