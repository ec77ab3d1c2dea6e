//! `[ui]`: look and behaviour of the screen.

use super::section::{Section, keys, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// Told by the terminal and the environment.
    #[default]
    Auto,
    Dark,
    Light,
    /// The terminal's own 16 colours.
    Ansi,
    None,
}

impl Theme {
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::Ansi, Self::None];

    /// Returns the word in config and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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
    #[default]
    Unicode,
    Ascii,
}

impl Glyphs {
    pub const ALL: [Self; 2] = [Self::Unicode, Self::Ascii];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unicode => "unicode",
            Self::Ascii => "ascii",
        }
    }
}

/// How the screen may look and behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ui {
    pub theme: Theme,
    pub glyphs: Glyphs,
    pub mouse: bool,
}

words!(Theme, Glyphs);

pub(super) const SECTION: Section =
    Section { header: "[ui]", help: "Look and behaviour of the screen.", needed: &[], groups: &[FIELDS] };

keys! {
    Ui = Ui::default();
    theme: word(Theme), "Colours; `none` is for those who see none.";
    glyphs: word(Glyphs), "What lines and charts are drawn with.";
    mouse: flag, "Capture the mouse; off leaves selecting to the terminal.";
}
