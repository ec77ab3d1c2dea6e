//! The filter line, and what the program said so far.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::dialog;
use crate::view::draw_context::DrawContext;
use crate::view::footer;
use crate::view::layout::{self, clamp_scroll};
use crate::view::parts::list;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{put, put_all};
use crate::view::theme::Role;

/// The filter is typed in place of the notice, so that the list it filters stays in view.
pub(crate) fn filter(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect, input: &Input) -> Position {
    layout::bottom(&mut area, 1);
    let line = layout::bottom(&mut area, 1);
    buf.set_style(line, ratatui::style::Style::reset());
    ratatui::widgets::Widget::render(ratatui::widgets::Clear, line, buf);
    let mut line = layout::indent(line, 1);
    put(buf, layout::left(&mut line, 9), scene.theme, scene.row().say(Role::Key, "/").say(Role::Label, " filter "));
    let hint = layout::right(&mut line, 28);
    put(buf, hint, scene.theme, scene.row().gap(2).say(Role::Label, "Enter keeps, Esc clears it"));
    dialog::field(scene, buf, line, input, "part of a name, reason or message")
}

/// What the program said so far, newest first, in full.
pub(crate) fn notices(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, scroll: usize) {
    let columns = usize::from(area.width.saturating_sub(12)).min(110);
    let mut lines = Vec::new();
    for notice in scene.model.core.notices.iter().rev() {
        let (sign, word, role) = footer::level(scene, notice.level);
        for (index, part) in scene.theme.wrap(&notice.text, columns.saturating_sub(18), 12).into_iter().enumerate() {
            let row = if index == 0 {
                scene.row().say(Role::Label, scene.clock(notice.at)).gap(1).left(role, &format!("{sign} {word}"), 9)
            } else {
                scene.row().gap(18)
            };
            lines.push(row.say(Role::Text, part).line());
        }
    }
    if lines.is_empty() {
        lines.push(scene.row().say(Role::Label, "no messages yet").line());
    }
    let high = (lines.len() as u16).min(area.height.saturating_sub(6));
    let first = clamp_scroll(scroll, usize::from(high), lines.len());
    let title = scene.row().say(Role::Title, "messages");
    let word = list::position(scene.theme, first, usize::from(high), lines.len());
    let word = scene.row().add(word.spans).say(Role::Label, "  Esc closes");
    let inside = dialog::open(scene, buf, area, (columns as u16, high), Edge::Light, title, word);
    put_all(buf, inside, scene.theme, lines.into_iter().skip(first));
}
