//! `[ui]`: how the screen looks and behaves.

use super::section::{Section, keys, words};

/// Colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// Told by the terminal and the environment.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The terminal's own 16 colours.
    Ansi,
    /// No colours.
    None,
}

impl Theme {
    /// All themes.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::Ansi, Self::None];

    /// Returns the word in config and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "ansi",
            Self::None => "none",
        }
    }
}

/// Characters that things are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Glyphs {
    /// Lines, blocks and braille.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

impl Glyphs {
    /// All glyph sets.
    pub const ALL: [Self; 2] = [Self::Unicode, Self::Ascii];

    /// Returns the word in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unicode => "unicode",
            Self::Ascii => "ascii",
        }
    }
}

/// How the screen may look and behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ui {
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: Glyphs,
    /// The mouse is captured.
    pub mouse: bool,
}

words!(Theme, Glyphs);

pub(super) const SECTION: Section =
    Section { header: "[ui]", help: "How the screen looks and behaves.", needed: &[], groups: &[FIELDS] };

keys! {
    Ui = Ui::default();
    theme: word(Theme), "Colours; `none` is for those who see none.";
    glyphs: word(Glyphs), "What lines and charts are drawn with.";
    mouse: flag, "Capture the mouse; off leaves selecting to the terminal.";
}
