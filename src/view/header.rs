//! The header: what goes out, where keys act, how old the state is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, indent};
use super::parts::badge;
use super::parts::row::{Row, put, put_both};
use super::text::{line_width, width_within};
use super::theme::Role;
use crate::app::Hit;
use crate::app::model::Screen;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::object::short_digest;
use crate::keys::Command;

/// How many rows it takes.
pub(crate) const ROWS: u16 = 2;

/// Most columns of an environment's name.
const MAX_NAME_COLUMNS: usize = 24;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let first = indent(layout::top(&mut area, 1), 1);
    let whole = usize::from(first.width);
    // What is left out first where room is short: the operator's name, the scenario's, then the digest.
    let variants = [(true, true), (true, false), (false, false)];
    let fits = |(digest, names): &(bool, bool)| {
        line_width(&release(scene, *digest)) + line_width(&state(scene, *names)) + 2 <= whole
    };
    let (digest, names) = variants.into_iter().find(fits).unwrap_or((false, false));
    put_both(buf, first, scene.theme, release(scene, digest), state(scene, names));
    let mut second = indent(area, 1);
    // The environment is never cut: where room is short, the other tabs are only keys.
    let name = scene.model.environment().map_or(0, |env| width_within(env.name().as_str(), MAX_NAME_COLUMNS));
    let needed = name + line_width(&links(scene)) + 2;
    let full = tabs(scene, true);
    let tabs = if full.width() + needed <= usize::from(second.width) { full } else { tabs(scene, false) };
    let strip = layout::left(&mut second, tabs.width() as u16);
    let tabs = tabs.line();
    let mut rest = strip;
    for ((_, screen), tab) in shown_tabs(scene).zip(&tabs.spans) {
        scene.clickable(layout::left(&mut rest, tab.width() as u16), Hit::Tab(screen));
    }
    put(buf, strip, scene.theme, tabs);
    put_both(buf, second, scene.theme, place(scene, usize::from(second.width)), links(scene));
}

fn release(scene: &DrawContext<'_>, with_digest: bool) -> Line<'static> {
    let row = scene.row();
    let Some(release) = scene.model.core.world.release() else {
        return row.say(Role::Strong, "Release Cockpit").say(Role::Label, "  no data yet").line();
    };
    let row = row.name(Role::Strong, &release.service, width_within(&release.service, 30)).gap(2);
    let row = if release.is_rollback { row.say(Role::Bad, "ROLLING BACK ") } else { row };
    let row = match &release.from {
        Some(from) => row
            .say(Role::Text, scene.theme.clip_middle(from, 16))
            .say(Role::Label, format!(" {} ", scene.theme.glyphs().arrow))
            .say(Role::Strong, scene.theme.clip_middle(&release.to, 16)),
        None => row.say(Role::Strong, scene.theme.clip_middle(&release.to, 16)),
    };
    let row = match release.digest.as_deref().filter(|_| with_digest) {
        Some(digest) => row.say(Role::Label, format!("  {}", short_digest(digest))),
        None => row,
    };
    match &release.lane {
        Some(opened) => {
            let name = scene.theme.clip_middle(&opened.rule.lane, 16);
            row.say(Role::Warn, format!("  LANE {name} until {}", scene.day_and_time(opened.until))).line()
        }
        None => row.line(),
    }
}

fn state(scene: &DrawContext<'_>, with_names: bool) -> Line<'static> {
    let model = scene.model;
    let dot = format!(" {} ", scene.theme.glyphs().dot);
    let mut row = scene.row();
    if let Some(scenario) = &model.ui.simulated {
        let name = if with_names { format!("simulator {scenario}") } else { "simulator".to_owned() };
        row = row.say(Role::Busy, scene.theme.clip(&name, 30)).say(Role::Faint, &dot);
    }
    let env = model.environment();
    if env.is_some_and(|env| env.settings.read_only) {
        row = row.say(Role::Warn, "read-only").say(Role::Faint, &dot);
    }
    if with_names {
        let user = env.and_then(|env| env.access.user.as_deref()).unwrap_or(&model.core.operator);
        row = row.say(Role::Text, scene.theme.clip_middle(user, 24)).say(Role::Faint, &dot);
    }
    let it = match model.core.autopilot.pending() {
        0 | 1 => "it".to_owned(),
        more => format!("all {more}"),
    };
    if let Some((target, left)) = model.core.autopilot.next(model.core.now) {
        let key = model.ui.keymap.key(Command::Keep).unwrap_or_default();
        let left = crate::domain::facts::text::duration(left);
        let text = format!("{} rolls {} back in {left}, {key} keeps {it}", scene.theme.glyphs().warn, target.env);
        row = row.say(Role::Bad, text).say(Role::Faint, &dot);
    } else if let Some((flag, left)) = model.core.autopilot.next_flag(model.core.now) {
        let key = model.ui.keymap.key(Command::Keep).unwrap_or_default();
        let (name, left) = (scene.theme.clip_middle(&flag.flag, 30), crate::domain::facts::text::duration(left));
        let text =
            format!("{} turns {name} off in {} in {left}, {key} keeps {it}", scene.theme.glyphs().warn, flag.env);
        row = row.say(Role::Bad, text).say(Role::Faint, &dot);
    } else if env.is_some_and(|env| env.settings.guardrails.autopilot) {
        row = row.say(Role::Warn, "autopilot").say(Role::Faint, &dot);
    }
    if let Some(env) = env {
        row = row.add([badge::freshness(scene.theme, &env.kubernetes(), model.core.now)]).say(Role::Faint, &dot);
    }
    row.say(Role::Text, scene.clock(model.core.now)).line()
}

/// Returns the screens that have a tab: that of feature flags only where there is a provider of some.
fn shown_tabs<'a>(scene: &'a DrawContext<'_>) -> impl Iterator<Item = (&'static str, Screen)> + use<'a> {
    let model = scene.model;
    let has_flags = model.ui.screen == Screen::Flags
        || model.core.world.environments.iter().any(|env| !env.settings.flags.is_empty());
    let tabs = Screen::TABS.into_iter().map(|(_, title, screen)| (title, screen));
    tabs.filter(move |(_, screen)| has_flags || *screen != Screen::Flags)
}

/// The screens with their keys, a span each; titles of the others only with room.
fn tabs(scene: &DrawContext<'_>, titles: bool) -> Row {
    let command = |screen| match screen {
        Screen::Deck => Command::Deck,
        Screen::Rollout => Command::Rollout,
        Screen::Signals => Command::Signals,
        Screen::Checklist => Command::Checklist,
        Screen::Changes => Command::Changes,
        Screen::Journal => Command::Journal,
        Screen::Flags => Command::Flags,
    };
    let mut row = scene.row();
    for (title, screen) in shown_tabs(scene) {
        let key = scene.model.ui.keymap.key(command(screen)).unwrap_or_default();
        let shown = screen == scene.model.ui.screen;
        let role = if shown { Role::TabOn } else { Role::TabOff };
        let text = if titles || shown { format!("{key} {title}") } else { key };
        row = row.say(role, format!(" {} ", text.trim_start()));
    }
    row
}

/// Environment and context in words; the environment is never cut before the context is.
fn place(scene: &DrawContext<'_>, room: usize) -> Line<'static> {
    let Some(env) = scene.model.environment() else { return Line::default() };
    let room = room.saturating_sub(line_width(&links(scene)) + 1);
    let gap = if scene.class == SizeClass::Narrow { 0 } else { 2 };
    let row = scene
        .row()
        .gap(gap)
        .say(Role::Strong, scene.theme.clip_middle(env.name().as_str(), room.clamp(1, MAX_NAME_COLUMNS)));
    let left = room.saturating_sub(row.width() + 3);
    let word = if scene.class == SizeClass::Narrow { "" } else { "context " };
    let context = match left.saturating_sub(word.len()) {
        0..6 => return row.line(),
        left => scene.theme.clip_middle(&env.settings.context, left),
    };
    row.say(Role::Label, format!(" ({word}{context})")).line()
}

/// Links to the sources: a dot while they answer, a word when not.
fn links(scene: &DrawContext<'_>) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let Some(env) = scene.model.environment() else { return Line::default() };
    let mut row = scene.row();
    for (kind, heard) in &env.links {
        if row.width() > 0 {
            row = row.gap(if scene.class == SizeClass::Narrow { 1 } else { 2 });
        }
        let word = if scene.class == SizeClass::Narrow { kind.as_str().get(..4) } else { None };
        row = row.say(Role::Label, word.unwrap_or(kind.as_str())).gap(1);
        row = match &heard.link {
            Link::Up if heard.is_fresh(scene.model.core.now) => row.say(Role::Text, glyphs.live),
            Link::Up => row.say(Role::Warn, format!("{} late", glyphs.warn)),
            Link::Down(_) => row.say(Role::Bad, format!("{} down", glyphs.bad)),
            Link::LoggingIn(_) => row.say(Role::Warn, format!("{} logging in", glyphs.waits)),
            Link::NotAsked(_) => row.say(Role::Warn, format!("{} not asked", glyphs.warn)),
            Link::Never => row.say(Role::Label, format!("{} not queried", glyphs.waits)),
        };
    }
    row.line()
}
