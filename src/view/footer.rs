//! The footer: what keys do now, and why the others do not; above it the newest notice.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_context::DrawContext;
use super::layout::indent;
use super::parts::row::{Row, put, put_both};
use super::text::line_width;
use super::theme::Role;
use crate::app::Hit;
use crate::app::hints::{self, Hint};
use crate::core::Level;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::text::plural;
use crate::domain::world::link_trouble;
use crate::keys::Command;

const GAP_COLUMNS: usize = 3;

/// How much of a hint is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// Its name, and whether it can be done.
    Mark,
    Name,
    Short,
    Full,
}

/// Draws the footer: hints are shortened from the least to the most important, then left out; help stays.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let area = indent(area, 1);
    let mut hints = hints::footer(scene.model);
    let help = hints.pop();
    let help = help.map(|help| spans(scene, &help, Detail::Name)).unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(line_width(&help));
    let mut said: Vec<Said> = hints.into_iter().map(|hint| Said::new(scene, hint, Detail::Full)).collect();
    let used = |said: &[Said]| -> usize { said.iter().map(|said| said.width + GAP_COLUMNS).sum() };
    // What each round may shorten: everything to a short form; then all but the way on and the way back to a name;
    // then what moves no release is left out; then those two are shortened; and last whatever does not fit.
    let rounds: [(u8, Option<Detail>); 7] = [
        (0, Some(Detail::Short)),
        (1, Some(Detail::Name)),
        (4, None),
        (0, Some(Detail::Name)),
        (3, None),
        (0, Some(Detail::Mark)),
        (0, None),
    ];
    for (least, detail) in rounds {
        while used(&said) > room {
            let wordy = |own: &Detail| detail.is_none_or(|detail| *own > detail);
            let candidate = said
                .iter()
                .enumerate()
                .filter(|(_, said)| rank(said.hint.command) >= least && wordy(&said.detail))
                .max_by_key(|(index, said)| (rank(said.hint.command), said.hint.refusal.is_some(), *index));
            let Some(index) = candidate.map(|(index, _)| index) else { break };
            let Said { hint, .. } = said.remove(index);
            if let Some(detail) = detail {
                said.insert(index, Said::new(scene, hint, detail));
            }
        }
    }
    let mut row = scene.row();
    let clickable = |row: &Row, wide: usize, command: Command| {
        let place = Rect { x: area.x + row.width() as u16, width: wide as u16, ..area };
        scene.clickable(place.intersection(area), Hit::Hint(command));
    };
    for said in said {
        clickable(&row, said.width, said.hint.command);
        row = row.add(said.line.spans).gap(GAP_COLUMNS);
    }
    clickable(&row, line_width(&help), Command::Help);
    put(buf, area, scene.theme, row.add(help.spans));
}

/// A hint in so many words, made once.
struct Said {
    hint: Hint,
    detail: Detail,
    line: Line<'static>,
    width: usize,
}

impl Said {
    fn new(scene: &DrawContext<'_>, hint: Hint, detail: Detail) -> Self {
        let line = spans(scene, &hint, detail);
        Self { width: line_width(&line), hint, detail, line }
    }
}

/// How soon a hint gives way: the way on and the way back last.
fn rank(command: Command) -> u8 {
    match command {
        Command::Promote | Command::Rollback | Command::Retry | Command::Sign | Command::FlagOff => 0,
        Command::Abort | Command::FlagOn => 1,
        Command::Pause | Command::Approve | Command::FlagSet => 2,
        Command::Palette => 3,
        _ => 4,
    }
}

fn spans(scene: &DrawContext<'_>, hint: &Hint, detail: Detail) -> Line<'static> {
    let key = scene.key(hint.command);
    let name = hint.command.spec().title;
    let text = match detail {
        Detail::Full => &hint.text,
        // What follows a colon explains.
        Detail::Short => hint.text.split_once(':').map_or(hint.text.as_str(), |(text, _)| text),
        Detail::Name | Detail::Mark if hint.refusal.is_some() => &hint.text,
        Detail::Name | Detail::Mark => name,
    };
    let text = scene.theme.clip(text, 48);
    let Some(refusal) = &hint.refusal else {
        let row = scene.row().say(Role::Key, key);
        // Help and palette are only a key where room is short.
        let only_key = matches!(hint.command, Command::Help | Command::Palette) && detail <= Detail::Name;
        return if only_key { row.line() } else { row.gap(1).say(Role::Text, text).line() };
    };
    let sign = scene.theme.glyphs().bad;
    let reason = match detail {
        Detail::Full => scene.theme.clip(&refusal.text, 40),
        Detail::Short => scene.theme.clip(&refusal.text, 18),
        // The way on says why it is closed, however little room there is.
        Detail::Name if rank(hint.command) == 0 => scene.theme.clip(&refusal.text, 10),
        Detail::Name | Detail::Mark => String::new(),
    };
    let reason = if reason.is_empty() { format!(" {sign}") } else { format!(" {sign} {reason}") };
    scene.row().say(Role::KeyOff, format!("{key} {text}{reason}")).line()
}

/// Draws the newest unread notice, else what is wrong with journal or links.
pub(crate) fn notice(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let model = scene.model;
    let area = indent(area, 1);
    let glyphs = scene.theme.glyphs();
    let key = scene.key(Command::Notices);
    if let Some(notice) = model.core.notices.back().filter(|_| model.unread() > 0) {
        let (sign, word, role) = level(scene, notice.level);
        let line = scene.row().say(role, format!("{sign} {word}  ")).say(Role::Text, &notice.text);
        let more = scene
            .row()
            .say(Role::Label, format!("{} ago  ", scene.age(notice.at)))
            .say(Role::Key, &key)
            .say(Role::Label, if model.unread() > 1 { format!(" all {}", model.unread()) } else { " more".to_owned() });
        put_both(buf, area, scene.theme, line, more);
        return;
    }
    if let Some(why) = &model.core.journal.broken {
        let kept = plural(model.core.journal.unwritten, "entry");
        let text = format!("{} journal cannot be written ({kept} in memory only): {why}", glyphs.bad);
        put(buf, area, scene.theme, scene.row().say(Role::Bad, text));
        return;
    }
    let trouble = [SourceKind::Kubernetes, SourceKind::Prometheus]
        .into_iter()
        .find_map(|kind| link_trouble(&model.core.world, kind).map(|trouble| (kind.as_str(), trouble)));
    if let Some((kind, (env, link, why))) = trouble {
        let (role, text) = match link {
            Link::NotAsked(_) => (Role::Warn, format!("{} {kind} of {env} is not asked: ", glyphs.warn)),
            Link::LoggingIn(_) => (Role::Warn, format!("{} {env}: ", glyphs.waits)),
            Link::Down(_) | Link::Up | Link::Never => (Role::Bad, format!("{} {kind} of {env} is down: ", glyphs.bad)),
        };
        put(buf, area, scene.theme, scene.row().say(role, text).say(Role::Text, why));
    }
}

/// Sign, word and role of a level.
pub(crate) fn level(scene: &DrawContext<'_>, level: Level) -> (&'static str, &'static str, Role) {
    let glyphs = scene.theme.glyphs();
    match level {
        Level::Info => (glyphs.dot, "info", Role::Label),
        Level::Good => (glyphs.good, "done", Role::Good),
        Level::Warn => (glyphs.warn, "note", Role::Warn),
        Level::Error => (glyphs.bad, "error", Role::Bad),
    }
}
