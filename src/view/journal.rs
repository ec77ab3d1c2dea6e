//! The journal: what was seen, asked and done, newest first. A journal that cannot be written is said loudly.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, clamp_scroll, indent};
use super::parts::list;
use super::parts::panel::{Edge, panel};
use super::parts::row::{put, put_all};
use super::theme::Role;
use crate::app::timeline::level;
use crate::app::timeline::{env_of, targets};
use crate::core::Level;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::journal::Line;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let journal = &scene.model.core.journal;
    if let Some(why) = &journal.broken {
        let sign = scene.theme.glyphs().bad;
        let text = format!(
            "{sign} the journal cannot be written: {why}. {} kept in memory only. Promotions are refused until it can; \
             hold, abort and roll back still work.",
            if journal.unwritten == 1 { "1 entry is".to_owned() } else { format!("{} entries are", journal.unwritten) }
        );
        let lines = scene.theme.wrap(&text, usize::from(area.width.saturating_sub(2)), 3);
        let place = indent(layout::top(&mut area, lines.len() as u16), 1);
        put_all(buf, place, scene.theme, lines.into_iter().map(|part| scene.row().say(Role::Bad, part).line()));
    }
    let targets = targets(scene.model);
    let filter = scene.model.ui.filter.to_lowercase();
    let matches = |line: &&Line| {
        filter.is_empty()
            || line.entry.sentence().to_lowercase().contains(&filter)
            || line.entry.as_str().contains(&filter)
            || env_of(&line.entry, &targets).is_some_and(|env| env.as_str().to_lowercase().contains(&filter))
    };
    let lines: Vec<&Line> = journal.lines.iter().rev().filter(matches).collect();
    let visible = usize::from(area.height.saturating_sub(2));
    let first = clamp_scroll(scene.model.ui.scroll, visible, lines.len());
    let release =
        scene.model.core.world.release().map_or_else(String::new, |release| format!("  {}", release.journal()));
    let title = scene.row().say(Role::Title, "journal").say(Role::Label, scene.theme.clip_middle(&release, 40));
    let word = list::range_line(scene, first, visible, lines.len());
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    if lines.is_empty() {
        let text = if filter.is_empty() { "nothing is written yet" } else { "no entry matches the filter" };
        put(buf, inside, scene.theme, scene.row().say(Role::Label, text));
        return;
    }
    let names =
        scene.model.core.world.environments.iter().map(|env| super::text::width_within(env.name().as_str(), 16));
    let name = names.max().unwrap_or(0).min(16);
    let columns = usize::from(inside.width);
    let shown = lines.into_iter().skip(first).take(visible);
    put_all(
        buf,
        inside,
        scene.theme,
        shown.map(|line| sentence(scene, line, env_of(&line.entry, &targets), name, columns)),
    );
}

fn sentence(
    scene: &DrawContext<'_>,
    line: &Line,
    env: Option<&EnvName>,
    name: usize,
    columns: usize,
) -> ratatui::text::Line<'static> {
    let glyphs = scene.theme.glyphs();
    let (sign, role) = match level(&line.entry) {
        Level::Info => (" ", Role::Text),
        Level::Good => (glyphs.good, Role::Good),
        Level::Warn => (glyphs.warn, Role::Warn),
        Level::Error => (glyphs.bad, Role::Bad),
    };
    let row = scene
        .row()
        .right(Role::Label, &line.n.to_string(), 5)
        .gap(2)
        .say(Role::Label, scene.clock(line.at))
        .gap(2)
        .name(Role::Label, env.map_or("", EnvName::as_str), name)
        .gap(2)
        .say(role, format!("{sign} "))
        .left(Role::Label, line.entry.as_str(), 9);
    // The start of the line's hash: what `log verify` checks.
    let hash = if scene.class == SizeClass::Narrow { 0 } else { 10 };
    let room = columns.saturating_sub(row.width() + hash);
    let row = row.left(Role::Text, &line.entry.sentence(), room);
    if hash == 0 { row.line() } else { row.right(Role::Faint, line.hash.get(..8).unwrap_or(""), hash).line() }
}
