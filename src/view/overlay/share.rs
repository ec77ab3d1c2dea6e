//! The share of users who get a feature flag: a number is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::dialog;
use crate::domain::facts::flag::{FlagKey, FlagState, Share, Turn};
use crate::domain::rules::flag_rollout::progress as progress_of;
use crate::view::draw_context::DrawContext;
use crate::view::layout;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{Row, put};
use crate::view::text::width_within;
use crate::view::theme::Role;

const WIDTH_COLUMNS: u16 = 70;
/// Columns of a name at most.
const MAX_NAME: usize = 44;

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, key: &FlagKey, input: &Input) -> Position {
    let title = scene.row().say(Role::Title, format!("Share of users in {}", key.env));
    let escape = scene.row().say(Role::Label, "Esc: cancel");
    let mut inside = dialog::open(scene, buf, area, (WIDTH_COLUMNS, 5), Edge::Light, title, escape);
    let world = &scene.model.core.world;
    let source = world.environment(&key.env).and_then(|env| env.flag_source(&key.provider));
    let flag = source.and_then(|source| source.flag(&key.flag));
    let state = flag.map(|flag| flag.state);
    let now = state.map_or_else(|| "not listed now".to_owned(), |state| format!("{state} now"));
    let about = scene
        .row()
        .name(Role::Strong, &key.flag, width_within(&key.flag, MAX_NAME))
        .say(Role::Label, format!("  {now}"));
    put(buf, layout::top(&mut inside, 1), scene.theme, about);
    let progress = world.environment(&key.env).zip(source).zip(flag);
    let progress = progress.and_then(|((env, source), flag)| progress_of(env, source, flag, scene.model.core.now));
    let steps = layout::top(&mut inside, 1);
    if let Some(words) = progress.and_then(|progress| progress.describe()) {
        put(buf, steps, scene.theme, scene.row().say(Role::Label, scene.theme.clip(&words, usize::from(steps.width))));
    }
    let mut line = layout::top(&mut inside, 1);
    put(buf, layout::left(&mut line, 9), scene.theme, scene.row().say(Role::Label, "percent"));
    let cursor = dialog::field(scene, buf, line, input, "of all users, 1 to 100");
    layout::top(&mut inside, 1);
    put(buf, inside, scene.theme, enter(scene, input.value(), state));
    cursor
}

/// Says what Enter asks for, or what is missing.
fn enter(scene: &DrawContext<'_>, typed: &str, state: Option<FlagState>) -> Row {
    let share: Share = match typed.parse() {
        Ok(share) => share,
        Err(missing) => return scene.row().say(Role::Label, missing),
    };
    let turn = Turn::Share(share);
    let does = match state {
        None => return scene.row().say(Role::Label, "it is not listed any more"),
        Some(FlagState::Some) => return scene.row().say(Role::Label, "its share is not known: it cannot be set"),
        Some(state) if turn.is_reached(state) => return scene.row().say(Role::Label, "it is that already"),
        Some(state) if turn.takes_from(state) => "fewer users, no gate blocks it",
        Some(_) => "more users, every gate is asked",
    };
    scene.row().say(Role::Key, "Enter").say(Role::Text, format!(" sets {share}: {does}"))
}
