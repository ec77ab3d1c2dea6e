//! Help and palette: every command with its keys, what it does, and why it cannot be done now. Both run what is selected.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input;

use super::dialog;
use crate::app::Hit;
use crate::app::hints::{self, Hint};
use crate::keys::Group;
use crate::view::draw_context::DrawContext;
use crate::view::layout::{self, window};
use crate::view::parts::list;
use crate::view::parts::panel::{Edge, on_border};
use crate::view::parts::row::{highlight, put};
use crate::view::text::line_width;
use crate::view::theme::Role;

/// Keys and what they do, searchable.
pub(crate) fn help(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, input: &Input, selected: usize) -> Position {
    list(scene, buf, area, input, selected, (96, area.height.saturating_sub(4)), "help", "type to search")
}

pub(crate) fn palette(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    input: &Input,
    selected: usize,
) -> Position {
    list(scene, buf, area, input, selected, (72, 16), "command", "type its name")
}

#[expect(clippy::too_many_arguments, reason = "one list with two titles")]
fn list(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    input: &Input,
    selected: usize,
    size: (u16, u16),
    title: &str,
    hint: &str,
) -> Position {
    let found = hints::search(input.value());
    let title = scene.row().say(Role::Title, title);
    let word = scene.row().say(Role::Label, "Enter runs it, Esc closes");
    let mut inside = dialog::open(scene, buf, area, size, Edge::Light, title, word);
    let mut field = layout::top(&mut inside, 1);
    put(buf, layout::left(&mut field, 2), scene.theme, scene.row().say(Role::Key, ":"));
    let cursor = dialog::field(scene, buf, field, input, hint);
    layout::top(&mut inside, 1);
    let selected = selected.min(found.len().saturating_sub(1));
    // Headings only where nothing is searched for: then the commands stand in the order of the table.
    let grouped = input.value().trim().is_empty();
    let mut lines: Vec<(Option<Group>, Option<usize>)> = Vec::new();
    for (index, command) in found.iter().enumerate() {
        let group = command.spec().group;
        let before = index.checked_sub(1).and_then(|before| found.get(before)).map(|command| command.spec().group);
        if grouped && before != Some(group) {
            lines.push((Some(group), None));
        }
        lines.push((None, Some(index)));
    }
    if found.is_empty() {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, "no command has that in its name or help"));
        return cursor;
    }
    let at = lines.iter().position(|(_, index)| *index == Some(selected)).unwrap_or(0);
    let visible = usize::from(inside.height);
    let first = window(at, visible, lines.len());
    for (row, (group, index)) in lines.iter().skip(first).take(visible).enumerate() {
        let place = Rect { y: inside.y + row as u16, height: 1, ..inside };
        if let Some(group) = group {
            put(buf, place, scene.theme, scene.row().say(Role::Label, group.title()));
            continue;
        }
        let Some(command) = index.and_then(|index| found.get(index)) else { continue };
        let hint = hints::hint(scene.model, *command);
        if let Some(index) = index {
            scene.clickable(place, Hit::Line(*index));
        }
        put(buf, place, scene.theme, command_line(scene, &hint, usize::from(inside.width)));
        if *index == Some(selected) {
            highlight(buf, place, scene.theme.style(Role::Selected));
            let pointer = scene.row().say(Role::Selected, scene.theme.glyphs().pointer);
            put(buf, place, scene.theme, pointer);
        }
    }
    let position = list::position(scene.theme, first, visible, lines.len());
    let wide = line_width(&position) as u16;
    let below = Rect {
        x: (inside.x + inside.width).saturating_sub(wide + 1),
        y: inside.y + inside.height,
        width: wide,
        height: 1,
    };
    on_border(buf, below.intersection(area), scene.theme, position);
    cursor
}

/// Keys, name, and what it does or why not.
fn command_line(scene: &DrawContext<'_>, hint: &Hint, columns: usize) -> Line<'static> {
    let spec = hint.command.spec();
    let keys = scene.model.ui.keymap.keys(hint.command).join(" ");
    let off = hint.refusal.is_some();
    let row = scene.row().gap(2).left(if off { Role::KeyOff } else { Role::Key }, &keys, 17).left(
        if off { Role::KeyOff } else { Role::Text },
        spec.id,
        21,
    );
    let room = columns.saturating_sub(row.width());
    match &hint.refusal {
        Some(refusal) => {
            let text = format!("{} {}", scene.theme.glyphs().bad, refusal.line());
            row.left(Role::KeyOff, &text, room).line()
        }
        None if spec.group == Group::Act => row.left(Role::Text, &hint.text, room).line(),
        None => row.left(Role::Label, spec.help, room).line(),
    }
}
