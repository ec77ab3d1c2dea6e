//! What lies over the screen: dialogs, lists, and what is typed.

mod confirm;
mod dialog;
mod help;
mod lane;
mod lists;
mod note;
mod revisions;
mod share;
mod texts;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::draw_context::DrawContext;
use super::layout::MIN;
use super::parts::row::put;
use super::theme::Role;
use crate::app::model::Overlay;

/// Draws what lies over the screen; returns where the cursor stands if text is typed.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) -> Option<Position> {
    let overlay = scene.model.ui.overlay.as_ref()?;
    scene.cover();
    if !matches!(overlay, Overlay::Filter { .. }) {
        dialog::dim(buf, area);
    }
    match overlay {
        Overlay::Confirm(confirm) => confirm::draw(scene, buf, area, confirm),
        Overlay::Help { input, selected } => Some(help::help(scene, buf, area, input, *selected)),
        Overlay::Palette { input, selected } => Some(help::palette(scene, buf, area, input, *selected)),
        Overlay::Filter { input } => Some(lists::filter(scene, buf, area, input)),
        Overlay::Revisions { selected } => {
            revisions::draw(scene, buf, area, *selected);
            None
        }
        Overlay::Refused { title, refusals } => {
            texts::refused(scene, buf, area, title, refusals);
            None
        }
        Overlay::Details { title, lines, scroll } => {
            texts::details(scene, buf, area, title, lines, *scroll);
            None
        }
        Overlay::Notices { scroll } => {
            lists::notices(scene, buf, area, *scroll);
            None
        }
        Overlay::Acknowledge { env, check, input } => Some(note::acknowledge(scene, buf, area, env, check, input)),
        Overlay::Sign { env, role, decision, input } => note::sign(scene, buf, area, (env, role), *decision, input),
        Overlay::Freeze { env, is_end, input } => Some(note::freeze(scene, buf, area, (env, *is_end), input)),
        Overlay::Lane(dialog) => Some(lane::draw(scene, buf, area, dialog)),
        Overlay::FlagShare { key, input } => Some(share::draw(scene, buf, area, key, input)),
        Overlay::Quit => {
            texts::quit(scene, buf, area);
            None
        }
    }
}

/// Says what size is needed; nothing else is drawn.
pub(crate) fn too_small(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let text = format!("needs {}x{}, is {}x{}", MIN.0, MIN.1, area.width, area.height);
    let wide = (text.len() as u16).min(area.width);
    let place = Rect { x: area.x + (area.width - wide) / 2, y: area.y + area.height / 2, width: wide, height: 1 };
    put(buf, place.intersection(area), scene.theme, scene.row().say(Role::Strong, text));
}
