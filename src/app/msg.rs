//! What may reach the model, and what it may ask for.

use crate::domain::access::Access;
use crate::domain::action::{ActionId, Outcome, Plan, PlanRecord};
use crate::domain::checklist::CheckId;
use crate::domain::feed::Feed;
use crate::domain::ids::{EnvName, Target};
use crate::domain::journal::{Entry, Line};
use crate::keys::{Chord, Command};

use super::model::{Level, Screen};

/// What a click hit, as the screen showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key {
        /// Which.
        chord: Chord,
        /// Whether it is held down and repeats.
        repeat: bool,
    },
    /// Text was pasted.
    Paste(String),
    /// The mouse wheel was turned, down if positive.
    Wheel(i32),
    /// The left button was pressed on something.
    Click(Hit),
    /// A source spoke.
    Feed(Feed),
    /// An action is on its way: its intent is written.
    Begun {
        /// Which action.
        action: ActionId,
        /// On what.
        target: Target,
    },
    /// An action ended or became unknown.
    Ended {
        /// What it was.
        record: Box<PlanRecord>,
        /// How.
        outcome: Outcome,
    },
    /// Journal lines were written.
    Written(Vec<Line>),
    /// How the journal stands.
    Journal {
        /// Why it cannot be written, if so.
        broken: Option<String>,
        /// Entries kept in memory.
        unwritten: usize,
    },
    /// Time passed.
    Clock,
    /// The machine slept, or its clock jumped.
    Woke,
    /// Whether the terminal is too small to act in.
    TooSmall(bool),
    /// The program has something to say.
    Said(Level, String),
}

/// Something to be done outside the model.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Carry out a plan through the door.
    Perform(Box<Plan>),
    /// Write an observation into a release's journal.
    Record {
        /// The release.
        release: String,
        /// What.
        entry: Entry,
    },
    /// Tell the door what the operator may do.
    Learn(EnvName, Access),
    /// Ask all sources now.
    Refresh,
    /// Look again at a check of an environment, or at all of them.
    LookAgain(EnvName, Option<CheckId>),
    /// Copy to the clipboard.
    Copy(String),
    /// Export the journal.
    Export,
    /// Make a person look: the bell.
    Ring,
    /// Capture the mouse or let it go.
    Mouse(bool),
    /// Draw everything anew.
    Repaint,
    /// Stop until `fg`.
    Suspend,
    /// Leave.
    Quit,
}
