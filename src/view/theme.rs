//! How things look: roles instead of colours, four palettes, two glyph sets.
//!
//! Word and shape carry the meaning; colour only helps the eye. `none` sets no colour at all, so that emphasis by
//! modifiers survives where colours are refused. No palette paints the background, except of highlighted cells, which
//! then get both colours: so every palette works on the terminal's own background.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use serde::{Deserialize, Serialize};

use super::glyphs::{ASCII, Glyphs, UNICODE, to_ascii};
use super::text::level;
use crate::domain::facts::text::sanitize;

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Text,
    /// The one thing that matters now.
    Strong,
    /// Labels, units, what is known anyway.
    Label,
    /// What may be overlooked: rests of bars, axes.
    Faint,
    /// Well, done, `GO`.
    Good,
    /// Needs attention, `WAIT`.
    Warn,
    /// Stops a release or failed, `NO-GO`.
    Bad,
    /// Not known, `BLIND`.
    Blind,
    Busy,
    /// The revision in progress, in figures, bars and charts.
    Canary,
    /// The revision that serves, in figures, bars and charts.
    Stable,
    Border,
    /// The heavy border: what keys act on.
    Active,
    /// The border of a dialog that stops or takes back.
    Danger,
    Title,
    /// The tab of the screen that is shown.
    TabOn,
    TabOff,
    Key,
    /// A key that does not work now, with its reason.
    KeyOff,
    /// The selected line of a list.
    Selected,
    Input,
}

impl Role {
    pub const ALL: [Self; 21] = [
        Self::Text,
        Self::Strong,
        Self::Label,
        Self::Faint,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Blind,
        Self::Busy,
        Self::Canary,
        Self::Stable,
        Self::Border,
        Self::Active,
        Self::Danger,
        Self::Title,
        Self::TabOn,
        Self::TabOff,
        Self::Key,
        Self::KeyOff,
        Self::Selected,
        Self::Input,
    ];
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Palette {
    /// For a dark background, 256 colours.
    Dark,
    /// For a light background, 256 colours.
    Light,
    /// The terminal's own 16 colours, foreground and background.
    #[default]
    Ansi,
    None,
}

impl Palette {
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Ansi, Self::None];

    /// Returns the name in config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "ansi",
            Self::None => "none",
        }
    }

    fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => shaded(role, &DARK),
            Self::Light => shaded(role, &LIGHT),
            Self::Ansi => ansi(role),
            Self::None => plain(role),
        }
    }
}

/// Shades of a 256-colour palette.
struct Shades {
    label: u8,
    faint: u8,
    good: u8,
    warn: u8,
    bad: u8,
    blind: u8,
    accent: u8,
    stable: u8,
    active: u8,
    selected: (u8, u8),
    field: (u8, u8),
}

const DARK: Shades = Shades {
    label: 246,
    faint: 240,
    good: 78,
    warn: 221,
    bad: 203,
    blind: 177,
    accent: 81,
    stable: 252,
    active: 255,
    selected: (255, 238),
    field: (255, 236),
};

const LIGHT: Shades = Shades {
    label: 241,
    faint: 249,
    good: 28,
    warn: 130,
    bad: 160,
    blind: 91,
    accent: 25,
    stable: 238,
    active: 232,
    selected: (232, 253),
    field: (232, 254),
};

fn shaded(role: Role, shades: &Shades) -> Style {
    let style = Style::new();
    let fg = |shade: u8| style.fg(Color::Indexed(shade));
    let on = |(fg, bg): (u8, u8)| style.fg(Color::Indexed(fg)).bg(Color::Indexed(bg));
    match role {
        Role::Text => style,
        Role::Strong | Role::Title => style.add_modifier(Modifier::BOLD),
        Role::Label | Role::TabOff | Role::KeyOff => fg(shades.label),
        Role::Faint | Role::Border => fg(shades.faint),
        Role::Good => fg(shades.good),
        Role::Warn => fg(shades.warn).add_modifier(Modifier::BOLD),
        Role::Bad => fg(shades.bad).add_modifier(Modifier::BOLD),
        Role::Blind => fg(shades.blind).add_modifier(Modifier::BOLD),
        Role::Busy | Role::Canary => fg(shades.accent),
        Role::Stable => fg(shades.stable),
        Role::Active => fg(shades.active).add_modifier(Modifier::BOLD),
        Role::Danger => fg(shades.bad),
        Role::TabOn | Role::Selected => on(shades.selected).add_modifier(Modifier::BOLD),
        Role::Key => fg(shades.accent).add_modifier(Modifier::BOLD),
        Role::Input => on(shades.field),
    }
}

fn ansi(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Good => style.fg(Color::Green),
        Role::Warn => style.fg(Color::Yellow).add_modifier(Modifier::BOLD),
        Role::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Blind => style.fg(Color::Magenta).add_modifier(Modifier::BOLD),
        Role::Busy | Role::Canary => style.fg(Color::Cyan),
        Role::Danger => style.fg(Color::Red),
        Role::Key => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        other => plain(other),
    }
}

fn plain(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Good | Role::Busy | Role::Stable => style,
        Role::Strong
        | Role::Title
        | Role::Warn
        | Role::Bad
        | Role::Blind
        | Role::Canary
        | Role::Active
        | Role::Danger
        | Role::Key => style.add_modifier(Modifier::BOLD),
        Role::Label | Role::Faint | Role::Border | Role::TabOff | Role::KeyOff => style.add_modifier(Modifier::DIM),
        Role::TabOn | Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Input => style.add_modifier(Modifier::UNDERLINED),
    }
}

/// Characters of the longest span.
const MAX_SPAN_CHARS: usize = 1000;

/// Palette and glyph set in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
    glyphs: &'static Glyphs,
}

impl Theme {
    #[must_use]
    pub fn new(palette: Palette, ascii: bool) -> Self {
        Self { palette, glyphs: if ascii { &ASCII } else { &UNICODE } }
    }

    /// Returns the style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.palette.style(role)
    }

    #[must_use]
    pub fn glyphs(&self) -> &'static Glyphs {
        self.glyphs
    }

    /// Returns text as it may reach the terminal: nothing that moves the cursor, and in the ASCII set ASCII only.
    #[must_use]
    pub fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let shown = level(sanitize(text));
        if self.glyphs.braille || shown.is_ascii() { shown } else { Cow::Owned(to_ascii(&shown)) }
    }

    /// Returns a span of safe text; no more of it than the widest screen could show.
    #[must_use]
    pub fn span(&self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        let text = text.as_ref();
        let end = text.char_indices().nth(MAX_SPAN_CHARS).map_or(text.len(), |(at, _)| at);
        Span::styled(self.safe(text.get(..end).unwrap_or(text)).into_owned(), self.style(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_none_palette_sets_no_colour() {
        for role in Role::ALL {
            let style = Palette::None.style(role);
            assert_eq!((style.fg, style.bg, style.underline_color), (None, None, None), "{role:?}");
        }
    }

    #[test]
    fn a_highlight_always_sets_both_colours() {
        for palette in Palette::ALL {
            for role in Role::ALL {
                let style = palette.style(role);
                assert!(style.bg.is_none() || style.fg.is_some(), "{palette:?} {role:?}");
            }
        }
    }
}
