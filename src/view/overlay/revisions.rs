//! The revisions to roll back to: number, version, age, cause, and what differs from the manifest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog;
use crate::app::Hit;
use crate::app::revisions::revision_choices;
use crate::domain::facts::object::ImageRef;
use crate::view::draw_context::DrawContext;
use crate::view::layout::{self, window};
use crate::view::parts::list;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{highlight, put, put_all};
use crate::view::theme::Role;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, selected: usize) {
    let choices = revision_choices(scene.model);
    let env = scene.model.environment();
    let name = env.map_or_else(String::new, |env| format!("Roll back {} to …", env.name()));
    let columns = usize::from(area.width.saturating_sub(8)).min(100);
    let selected = selected.min(choices.len().saturating_sub(1));
    let details = choices.get(selected).map_or_else(Vec::new, |choice| {
        let mut lines = vec![scene.row().say(Role::Label, "against the manifest").line()];
        if let Some(refusal) = &choice.refusal {
            let sign = scene.theme.glyphs().bad;
            lines.push(scene.row().say(Role::Warn, format!("{sign} ")).say(Role::Text, refusal).line());
        }
        let differs: Vec<_> = choice.differs.iter().flat_map(|text| scene.theme.wrap(text, columns, 2)).collect();
        if differs.is_empty() && choice.refusal.is_none() {
            lines.push(scene.row().say(Role::Text, "nothing differs").line());
        }
        lines.extend(differs.into_iter().map(|text| scene.row().say(Role::Text, text).line()));
        lines
    });
    let detail_rows = (details.len() as u16 + 1).min(8);
    let room = area.height.saturating_sub(detail_rows + 5);
    let visible = room.min(choices.len() as u16).max(1);
    let first = window(selected, usize::from(visible), choices.len());
    let title = scene.row().say(Role::Title, name);
    let word = list::position(scene.theme, first, usize::from(visible), choices.len());
    let word = scene.row().add(word.spans).say(Role::Label, "  Enter asks, Esc closes");
    let rows = visible + detail_rows + 1;
    let mut inside = dialog::open(scene, buf, area, (columns as u16, rows), Edge::Light, title, word);
    let heads = scene.row().gap(2).right(Role::Label, "revision", 8).gap(2).left(Role::Label, "version", 16);
    let heads = heads.right(Role::Label, "age", 8).gap(2).say(Role::Label, "cause");
    put(buf, layout::top(&mut inside, 1), scene.theme, heads);
    if choices.is_empty() {
        put(buf, inside, scene.theme, scene.row().gap(2).say(Role::Label, "there is no revision yet"));
        return;
    }
    let mut lines = layout::top(&mut inside, visible);
    for (index, choice) in choices.iter().enumerate().skip(first).take(usize::from(visible)) {
        let place = layout::top(&mut lines, 1);
        scene.clickable(place, Hit::Line(index));
        let off = choice.refusal.is_some();
        let role = if off { Role::KeyOff } else { Role::Text };
        let version = choice.images.first().map_or_else(|| "?".to_owned(), |image| ImageRef::parse(image).version());
        let age = choice.created.map_or_else(String::new, |at| scene.age(at));
        let row = scene
            .row()
            .gap(2)
            .right(role, &choice.number.to_string(), 8)
            .gap(2)
            .name(role, &version, 15)
            .gap(1)
            .right(Role::Label, &age, 8)
            .gap(2);
        let cause = choice.change_cause.as_deref().or(choice.refusal.as_deref()).unwrap_or("");
        let room = usize::from(place.width).saturating_sub(row.width());
        put(buf, place, scene.theme, row.left(Role::Label, cause, room));
        if index == selected {
            highlight(buf, place, scene.theme.style(Role::Selected));
            put(buf, place, scene.theme, scene.row().say(Role::Selected, scene.theme.glyphs().pointer));
        }
    }
    layout::top(&mut inside, 1);
    put_all(buf, inside, scene.theme, details);
}
