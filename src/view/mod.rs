//! The model as a picture: a pure function of model and theme.
//!
//! ```text
//!  payments-api  1.4.2 → 1.5.0  9f2c41ab              alice · ● live 0.4 s · 14:32:07    header: what is out, how old
//!  1 Deck  2 Rollout  3 Signals  4 Checklist  5 Changes  6 Journal      kubernetes ● prometheus ●
//!                                                                                        the screen
//!  ✖ error  …                                                                            the newest notice, or trouble
//!  p promote 40 → 60 %   space pause   A abort   R roll back to 1.4.2   …   ? help       footer: what keys do now
//! ```
//!
//! Nothing here reads a clock or does I/O. What comes from outside passes [`theme::Theme::safe`] and is clipped by
//! display width. Drawing never panics, whatever the size.

mod changes;
mod checklist;
mod deck;
mod draw_context;
mod flags;
mod footer;
pub mod glyphs;
mod header;
mod journal;
pub mod layout;
mod overlay;
mod parts;
mod rollout;
mod signals;
pub mod targets;
mod text;
pub mod theme;

use ratatui::Frame;

use crate::app::Model;
use crate::app::model::Screen;
use draw_context::DrawContext;
use layout::SizeClass;
use targets::Targets;
use theme::Theme;

pub fn draw(frame: &mut Frame<'_>, model: &Model, theme: &Theme) {
    draw_clickable(frame, model, theme);
}

/// Draws the model and returns what can be clicked.
pub fn draw_clickable(frame: &mut Frame<'_>, model: &Model, theme: &Theme) -> Targets {
    let area = frame.area();
    let scene = DrawContext::new(model, theme, area);
    if scene.class == SizeClass::TooSmall {
        overlay::too_small(&scene, frame.buffer_mut(), area);
        return Targets::default();
    }
    let buf = frame.buffer_mut();
    let mut body = area;
    header::draw(&scene, buf, layout::top(&mut body, header::ROWS));
    footer::draw(&scene, buf, layout::bottom(&mut body, 1));
    footer::notice(&scene, buf, layout::bottom(&mut body, 1));
    match model.ui.screen {
        Screen::Deck => deck::draw(&scene, buf, body),
        Screen::Rollout => rollout::draw(&scene, buf, body),
        Screen::Signals => signals::draw(&scene, buf, body),
        Screen::Checklist => checklist::draw(&scene, buf, body),
        Screen::Changes => changes::draw(&scene, buf, body),
        Screen::Journal => journal::draw(&scene, buf, body),
        Screen::Flags => flags::draw(&scene, buf, body),
    }
    if let Some(cursor) = overlay::draw(&scene, buf, area) {
        frame.set_cursor_position(cursor);
    }
    scene.targets()
}
