//! What is in the release: commits by type, the version, migrations, and what differs from the environment before.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, clamp_scroll, indent};
use super::parts::list;
use super::parts::panel::{Edge, panel};
use super::parts::row::{put_all, put_both};
use super::theme::Role;
use crate::domain::facts::changes::migration::{Class, Migration};
use crate::domain::facts::changes::{Changes, Commit, Part, Point, short};
use crate::domain::facts::text::plural;
use crate::domain::world::Environment;

/// Columns of a hash and the space behind it.
const HASH_COLUMNS: usize = 9;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some(env) = scene.model.environment() else { return };
    let known = scene.model.core.world.candidate(env).map(|candidate| candidate.key);
    let changes = match &env.changes {
        Some((subject, Ok(changes))) if Some(subject) == known.as_ref() => changes,
        Some((subject, Err(why))) if Some(subject) == known.as_ref() => {
            return nothing(scene, buf, area, &format!("the contents of the release are unknown: {why}"));
        }
        Some(_) => return nothing(scene, buf, area, "the candidate changed: reading its commits"),
        None => {
            let why = "no git repository configured: set [service] repository, or start in one";
            return nothing(scene, buf, area, why);
        }
    };
    head(scene, buf, indent(layout::top(&mut area, 1), 1), env, changes);
    let wide = scene.class != SizeClass::Narrow;
    let mut beside = Rect::default();
    if wide {
        let columns = area.width * 2 / 5;
        beside = layout::right(&mut area, columns);
        layout::right(&mut area, 1);
    }
    let columns = usize::from(area.width.saturating_sub(4));
    let mut lines = commits(scene, changes, columns);
    if wide {
        let title = scene.row().say(Role::Title, "risks");
        let inside = indent(panel(buf, beside, scene.theme, Edge::Light, title, scene.row()), 1);
        put_all(buf, inside, scene.theme, risks(scene, env, changes, usize::from(inside.width)));
    } else {
        lines.push(Line::default());
        lines.extend(risks(scene, env, changes, columns));
        put_all(buf, indent(layout::top(&mut area, 1), 1), scene.theme, [risks_in_short(scene, changes)]);
    }
    let visible = usize::from(area.height.saturating_sub(2));
    let first = clamp_scroll(scene.model.ui.scroll, visible, lines.len());
    let title = scene.row().say(Role::Title, "changes");
    let word = list::position(scene.theme, first, visible, lines.len());
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    put_all(buf, inside, scene.theme, lines.into_iter().skip(first));
}

fn nothing(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, why: &str) {
    let title = scene.row().say(Role::Title, "changes");
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, scene.row()), 1);
    put_all(buf, inside, scene.theme, wrapped(scene, Role::Text, why, usize::from(inside.width)));
}

fn wrapped(scene: &DrawContext<'_>, role: Role, text: &str, columns: usize) -> Vec<Line<'static>> {
    scene.theme.wrap(text, columns, 6).into_iter().map(|part| scene.row().say(role, part).line()).collect()
}

/// From where to where, how much, and whether the version is right.
fn head(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, env: &Environment, changes: &Changes) {
    let glyphs = scene.theme.glyphs();
    let mut row = scene.row().say(Role::Strong, scene.theme.clip_middle(env.name().as_str(), 24)).gap(2);
    if !changes.from.version.is_empty() {
        row = row.say(Role::Text, scene.theme.clip_middle(&changes.from.version, 16));
        row = row.say(Role::Label, format!(" {} ", glyphs.arrow));
    }
    let more = if changes.cut { " or more" } else { "" };
    row = row
        .say(Role::Strong, scene.theme.clip_middle(&changes.to.version, 16))
        .say(Role::Label, format!("  {}{more}", plural(changes.commits.len(), "commit")));
    let breaking = match changes.breaking() {
        0 => scene.row().say(Role::Label, "no breaking changes"),
        number => scene.row().say(Role::Bad, format!("{} {}", glyphs.bad, plural(number, "breaking change"))),
    };
    put_both(buf, area, scene.theme, row, breaking);
}

/// Commits by type, what breaks first; then what the release takes away.
fn commits(scene: &DrawContext<'_>, changes: &Changes, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for group in changes.groups() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let role = if group.kind.is_none() { Role::Bad } else { Role::Label };
        lines.push(scene.row().say(role, group.title).line());
        lines.extend(group.commits.iter().map(|commit| commit_line(scene, commit, columns)));
    }
    if !changes.lost.is_empty() {
        lines.push(Line::default());
        let title = format!("commits lost: in stable, not in {}", changes.to.version);
        lines.push(scene.row().say(Role::Warn, title).line());
        lines.extend(changes.lost.iter().map(|commit| commit_line(scene, commit, columns)));
    }
    if lines.is_empty() {
        lines.push(scene.row().say(Role::Label, "no commit lies between the two").line());
    }
    lines
}

fn commit_line(scene: &DrawContext<'_>, commit: &Commit, columns: usize) -> Line<'static> {
    let scope = commit.scope.as_ref().map_or_else(String::new, |scope| format!("{scope}: "));
    let author = commit.authors.first().map(String::as_str).unwrap_or_default();
    let end = 16.min(columns / 4);
    let tickets = commit.tickets.join(" ");
    let room = columns.saturating_sub(HASH_COLUMNS + end + 10);
    scene
        .row()
        .left(Role::Faint, short(&commit.hash), HASH_COLUMNS)
        .left(Role::Text, &format!("{scope}{}", commit.description), room)
        .gap(1)
        .left(Role::Label, &tickets, 8)
        .gap(1)
        .left(Role::Label, author, end)
        .line()
}

/// The parts of [`risks`] in a word each, for where they do not fit beside the commits.
fn risks_in_short(scene: &DrawContext<'_>, changes: &Changes) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let no_way_back = |all: &Vec<Migration>| {
        all.iter().filter(|migration| !migration.has_way_down() || migration.class() == Class::Contract).count()
    };
    let (bad, warn) = ((Role::Bad, glyphs.bad), (Role::Warn, glyphs.warn));
    let parts = [
        ("version", bad, of_part(&changes.version, |version| version.troubles().len())),
        ("migrations", bad, of_part(&changes.migrations, no_way_back)),
        ("differences", warn, of_part(&changes.drift, Vec::len)),
    ];
    let mut row = scene.row();
    for (word, (role, sign), troubles) in parts {
        row = match troubles {
            Some(Ok(0)) => row.say(Role::Good, glyphs.good).say(Role::Label, format!(" {word}")),
            Some(Ok(number)) => row.say(role, sign).say(Role::Text, format!(" {word}: {number}")),
            Some(Err(())) => row.say(Role::Blind, glyphs.blind).say(Role::Text, format!(" {word}")),
            None => row.say(Role::Label, format!("{} {word}", glyphs.waits)),
        };
        row = row.gap(3);
    }
    row.line()
}

/// Returns how many troubles a part has, if it is known; `None` where no one asks.
fn of_part<T>(part: &Part<T>, troubles: impl Fn(&T) -> usize) -> Option<Result<usize, ()>> {
    match part {
        Part::Known(known) => Some(Ok(troubles(known))),
        Part::Blind(_) => Some(Err(())),
        Part::NotAsked => None,
    }
}

/// Which commit a version was built from, and what told so.
fn built_from(point: &Point) -> Option<(Role, &'static str, String)> {
    let text = format!("{} {}, from {}", point.version, short(&point.commit), point.told_by);
    (!point.commit.is_empty()).then(|| (Role::Label, " ", text.trim_start().to_owned()))
}

/// Version, migrations, differences: what may go wrong.
fn risks(scene: &DrawContext<'_>, env: &Environment, changes: &Changes, columns: usize) -> Vec<Line<'static>> {
    let glyphs = scene.theme.glyphs();
    let mut lines = Vec::new();
    let mut section = |title: &str, entries: Vec<(Role, &'static str, String)>| {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(scene.row().say(Role::Label, title).line());
        for (role, sign, text) in entries {
            for (index, part) in scene.theme.wrap(&text, columns.saturating_sub(2), 4).into_iter().enumerate() {
                let sign = if index == 0 { sign } else { " " };
                lines.push(scene.row().say(role, sign).gap(1).say(Role::Text, part).line());
            }
        }
    };
    let blind = |why: &String| vec![(Role::Blind, glyphs.blind, format!("unknown: {why}"))];
    section(
        "version",
        match &changes.version {
            Part::Known(version) if version.troubles().is_empty() => {
                vec![(Role::Good, glyphs.good, version.describe())]
            }
            Part::Known(version) => {
                version.troubles().into_iter().map(|(what, _)| (Role::Bad, glyphs.bad, what)).collect()
            }
            Part::Blind(why) => blind(why),
            Part::NotAsked => Vec::new(),
        },
    );
    section(
        "migrations (not reverted by a rollback)",
        match &changes.migrations {
            Part::Known(all) if all.is_empty() => vec![(Role::Good, glyphs.good, "none".to_owned())],
            Part::Known(all) => all
                .iter()
                .map(|migration| {
                    let down = match (migration.has_way_down(), migration.loses_data()) {
                        (false, _) => "irreversible",
                        (true, true) => "reversible, but data may be lost",
                        (true, false) => "reversible",
                    };
                    let text = format!("{}  {}, {down}", migration.file, migration.class().as_str());
                    match migration.class() {
                        Class::Expand if migration.has_way_down() && !migration.is_tampered() => {
                            (Role::Good, glyphs.good, text)
                        }
                        Class::Expand => (Role::Warn, glyphs.warn, text),
                        _ => (Role::Bad, glyphs.bad, text),
                    }
                })
                .collect(),
            Part::Blind(why) => blind(why),
            Part::NotAsked => {
                vec![(Role::Label, glyphs.waits, "not checked: add a check of kind `migrations`".to_owned())]
            }
        },
    );
    let before = scene.model.core.world.previous(env).map_or("the environment before", |before| before.name().as_str());
    section(
        &format!("differs from {before}"),
        match &changes.drift {
            Part::Known(all) if all.is_empty() => {
                vec![(Role::Good, glyphs.good, "nothing".to_owned())]
            }
            Part::Known(all) => {
                all.iter().map(|difference| (Role::Warn, glyphs.warn, difference.words.clone())).collect()
            }
            Part::Blind(why) => blind(why),
            Part::NotAsked => vec![(Role::Label, glyphs.waits, "there is no environment before".to_owned())],
        },
    );
    let built: Vec<_> = [&changes.from, &changes.to].into_iter().filter_map(built_from).collect();
    if !built.is_empty() {
        section("built from", built);
    }
    let tickets = changes.tickets();
    if !tickets.is_empty() {
        section("tickets", vec![(Role::Label, " ", tickets.join(", "))]);
    }
    section("authors", vec![(Role::Label, " ", changes.authors().join(", "))]);
    lines
}
