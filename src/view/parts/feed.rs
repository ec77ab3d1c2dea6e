//! What happened, one line each, newest first.

use ratatui::text::Line;

use crate::app::timeline::timeline;
use crate::core::Level;
use crate::view::draw_context::DrawContext;
use crate::view::theme::Role;

/// Returns the newest happenings of all environments.
pub(crate) fn feed(scene: &DrawContext<'_>, columns: usize, lines: usize) -> Vec<Line<'static>> {
    let happenings = timeline(scene.model, lines);
    if happenings.is_empty() {
        return vec![scene.row().say(Role::Label, "nothing yet").line()];
    }
    let names =
        scene.model.core.world.environments.iter().map(|env| crate::view::text::width_within(env.name().as_str(), 12));
    let name = names.max().unwrap_or(0).min(12);
    happenings
        .into_iter()
        .map(|happening| {
            let glyphs = scene.theme.glyphs();
            let (sign, role) = match happening.level {
                Level::Info => (" ", Role::Text),
                Level::Good => (glyphs.good, Role::Good),
                Level::Warn => (glyphs.warn, Role::Warn),
                Level::Error => (glyphs.bad, Role::Bad),
            };
            let env = happening.env.as_ref().map_or("", |env| env.as_str());
            let row = scene
                .row()
                .say(Role::Label, scene.clock(happening.at))
                .gap(1)
                .name(Role::Label, env, name)
                .say(role, format!(" {sign} "));
            let room = columns.saturating_sub(row.width());
            row.left(Role::Text, &happening.text, room).line()
        })
        .collect()
}
