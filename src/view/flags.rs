//! Feature flags of one environment: those of the release first, with who gets each, who made it and who changed it last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_context::DrawContext;
use super::layout::{self, indent, window};
use super::parts::panel::{Edge, panel};
use super::parts::row::{highlight, put};
use super::parts::{badge, list};
use super::theme::Role;
use crate::app::Hit;
use crate::app::flags::{listed, selected};
use crate::app::hints::is_typing;
use crate::domain::facts::flag::FlagState;
use crate::domain::facts::flag::rollout::divides;
use crate::domain::facts::flag::rules::{FlagRules, Removal};
use crate::domain::facts::text::duration;
use crate::domain::rules::flag_environments::{StateThere, off_before, state_in};
use crate::domain::rules::flag_lint::{rules_of, silent, unread_changes};
use crate::domain::rules::flag_rollout::progress;
use crate::domain::world::Environment;
use crate::domain::world::flags::{FlagSource, ListedFlag};
use crate::domain::world::named_flags::NamedBy;

/// Columns of a name at most.
const MAX_NAME: usize = 44;
/// Columns of what a row says of the steps of a flag.
const MAX_STEPS: usize = 100;
/// Most environments that a row names where the flag is another one.
const MAX_ELSEWHERE: usize = 3;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some(env) = scene.model.environment() else { return };
    for source in &env.flags {
        if let Some(line) = trouble(scene, source) {
            put(buf, indent(layout::top(&mut area, 1), 1), scene.theme, line);
        }
    }
    if let Some(why) = unread_changes(env).filter(|_| !env.flags.is_empty()) {
        let line = scene.row().say(Role::Warn, format!("{} {why}", scene.theme.glyphs().warn)).line();
        put(buf, indent(layout::top(&mut area, 1), 1), scene.theme, line);
    }
    let flags = listed(scene.model);
    let at = selected(scene.model, &flags);
    let visible = usize::from(area.height.saturating_sub(2));
    let first = window(at, visible, flags.len());
    let title = scene.row().say(Role::Title, "feature flags").line();
    let word = list::range_line(scene, first, visible, flags.len());
    let mut inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    if flags.is_empty() {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, nothing(scene, env)));
        return;
    }
    let names =
        flags.iter().skip(first).take(visible).map(|listed| super::text::width_within(&listed.flag.name, MAX_NAME));
    let (name, rules) = (names.max().unwrap_or(0), rules_of(env));
    for (number, listed) in flags.iter().enumerate().skip(first).take(visible) {
        let place = layout::top(&mut inside, 1);
        scene.clickable(place, Hit::Line(number));
        let is_selected = number == at;
        put(buf, place, scene.theme, line(scene, (listed, &rules), is_selected, name));
        if is_selected && !is_typing(scene.model) {
            highlight(buf, place, scene.theme.style(Role::Selected));
        }
    }
}

/// Says why nothing is listed.
fn nothing(scene: &DrawContext<'_>, env: &Environment) -> &'static str {
    if env.flags.is_empty() {
        "no provider of feature flags is configured here: see [[flags]] in the config"
    } else if scene.model.ui.filter.is_empty() {
        "no feature flag is known"
    } else {
        "no feature flag matches the filter"
    }
}

/// Says that a provider does not answer, and how old is what it said.
fn trouble(scene: &DrawContext<'_>, source: &FlagSource) -> Option<Line<'static>> {
    let now = scene.model.core.now;
    if source.heard.is_fresh(now) {
        return None;
    }
    let key = scene.key(crate::keys::Command::FlagOff);
    let row = scene.row().say(Role::Warn, format!("{} {}", scene.theme.glyphs().warn, silent(source, now)));
    Some(row.say(Role::Label, format!("; {key} turns off all the same")).line())
}

fn line(
    scene: &DrawContext<'_>,
    (listed, rules): (&ListedFlag<'_>, &FlagRules),
    is_selected: bool,
    name: usize,
) -> Line<'static> {
    let (flag, now) = (listed.flag, scene.model.core.now);
    let pointer = if is_selected { scene.theme.glyphs().pointer } else { " " };
    let role = if flag.state == FlagState::Off { Role::Label } else { Role::Strong };
    let changed = flag
        .changed()
        .map(|change| format!("changed {} ago by {}", duration(now.duration_since(change.at)), change.by));
    let removal = match flag.removal(rules) {
        Removal::On(date) => Some(format!("remove by {date}")),
        Removal::Never | Removal::Unknown => None,
    };
    let written = || {
        let written = flag.holder.as_ref()?.written.as_ref()?;
        Some(format!("document changed by {}", written.describe(now)))
    };
    let age = flag.created.map(|at| format!("{} old", duration(now.duration_since(at))));
    // What an incident asks for comes first: the rest may be cut off.
    // Short: what else there is to say comes after it.
    let named_by = listed.named_by.map(|by| match by {
        NamedBy::Config => "of this release".to_owned(),
        NamedBy::Commit(_) => format!("of this release ({by})"),
        NamedBy::Code { file, line } => {
            let name = file.rsplit('/').next().unwrap_or(file);
            format!("of this release ({name}:{line})")
        }
    });
    let about = [
        named_by,
        elsewhere(scene, listed),
        flag.is_stale.then(|| "stale".to_owned()),
        changed.or_else(written),
        flag.warning(),
        flag.owner.as_ref().map(|owner| format!("owner {owner}")),
        flag.ticket.clone(),
        flag.kind.clone(),
        removal,
        age,
    ];
    let about: Vec<String> = about.into_iter().flatten().collect();
    let row = scene
        .row()
        .say(Role::Key, format!("{pointer} "))
        .name(Role::Text, &flag.name, name)
        .gap(2)
        .left(role, &flag.state.to_string(), 11)
        .gap(2);
    let row = match steps(scene, listed) {
        Some((role, words)) => row
            .say(role, scene.theme.clip(&words, MAX_STEPS))
            .say(Role::Label, format!(" {} ", scene.theme.glyphs().dot)),
        None => row,
    };
    row.say(Role::Label, scene.theme.clip(&about.join(&format!(" {} ", scene.theme.glyphs().dot)), 200)).line()
}

/// Says of a flag that goes to more users step by step what comes next, or why not yet.
fn steps(scene: &DrawContext<'_>, listed: &ListedFlag<'_>) -> Option<(Role, String)> {
    let progress = progress(scene.model.environment()?, listed.source, listed.flag, scene.model.core.now)?;
    let words = progress.describe()?;
    if !divides(listed.flag.state) {
        return Some((Role::Label, words));
    }
    let (sign, role) = badge::verdict_sign(scene.theme, progress.verdict);
    Some((role, format!("{sign} {words}")))
}

/// Says what the flag is in the environments where it is not the same, that before this one first: it is marked where the flag is
/// off there and on here.
fn elsewhere(scene: &DrawContext<'_>, listed: &ListedFlag<'_>) -> Option<String> {
    let (world, now) = (&scene.model.core.world, scene.model.core.now);
    let here = scene.model.environment()?;
    let (provider, flag) = (&listed.source.settings.provider, listed.flag);
    let drifted = off_before(world, here, provider, flag).map(Environment::name);
    let before = world.previous(here).map(Environment::name);
    let others = world.environments.iter().filter(|env| env.name() != here.name() && !env.flags.is_empty());
    let mut others: Vec<&Environment> = others.collect();
    others.sort_by_key(|env| Some(env.name()) != before);
    let mut words = others.into_iter().filter_map(|env| {
        let name = env.name();
        match state_in(env, provider, &flag.name, now) {
            StateThere::Known(state) if state == flag.state => None,
            StateThere::Known(state) if Some(name) == drifted => {
                Some(format!("{} {name} {state}", scene.theme.glyphs().warn))
            }
            StateThere::Known(state) => Some(format!("{name} {state}")),
            StateThere::Absent => Some(format!("not in {name}")),
            // Where nothing is known here either, the line above the list says so.
            StateThere::Unknown => listed.source.heard.is_fresh(now).then(|| format!("{name} ?")),
        }
    });
    let mut shown: Vec<String> = words.by_ref().take(MAX_ELSEWHERE).collect();
    let more = words.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}
