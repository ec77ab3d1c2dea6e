//! Messages of the screen, and the effects they may have.

use serde::{Deserialize, Serialize};

use super::model::Screen;
use crate::core;
use crate::domain::facts::ids::EnvName;
use crate::domain::rules::forecast::Question;
use crate::keys::{Chord, Command};

/// What a click hit, as the screen showed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hit {
    /// The tab of a screen.
    Tab(Screen),
    /// An environment's card, or its row in the table.
    Env(EnvName),
    /// A line of the list in which one is selected, counted from its first: of the checklist, or of what lies over it.
    Line(usize),
    /// A hint of the footer.
    Hint(Command),
    /// What takes a dialog's question back.
    Cancel,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Msg {
    Key {
        chord: Chord,
        /// Whether it is held down and repeats.
        repeat: bool,
    },
    Paste(String),
    /// The mouse wheel was turned, down if positive.
    Wheel(i32),
    /// The left button was pressed on something.
    Click(Hit),
    /// Whether the terminal is too small to act in.
    TooSmall(bool),
    /// The environment that keys act on, until a person chooses another.
    Choose(EnvName),
    /// What the step in progress can detect, in full and in short; the number of what was asked.
    Forecast {
        number: u64,
        answer: (String, String),
    },
    /// Something that concerns the core.
    Core(core::Msg),
}

/// Something to be done outside the model.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "few at a time, and each is carried out at once")]
pub enum Effect {
    /// What the core asks for.
    Core(core::Effect),
    /// Compute what the step in progress can detect, apart from the loop.
    Forecast {
        number: u64,
        question: Box<Question>,
    },
    Copy(String),
    Export,
    /// Capture the mouse or release it.
    Mouse(bool),
    Repaint,
    /// Stop until `fg`.
    Suspend,
    Quit,
}

impl From<core::Effect> for Effect {
    fn from(effect: core::Effect) -> Self {
        Self::Core(effect)
    }
}

/// Lifts what the core asks for.
pub(super) fn lift(effects: Vec<core::Effect>) -> Vec<Effect> {
    effects.into_iter().map(Effect::Core).collect()
}
