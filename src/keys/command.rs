//! The only table of commands: for dispatch, footer, `?`, palette, config names and the README.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::chord::{Chord, Key};

/// Everything a key or the palette can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// Screen 1.
    Deck,
    /// Screen 2.
    Rollout,
    /// Screen 3.
    Signals,
    /// Screen 4.
    Checklist,
    /// Screen 5.
    Changes,
    /// Screen 6.
    Journal,
    /// Screen 7.
    Flags,
    Up,
    Down,
    /// Selection left, or the environment before.
    Left,
    /// Selection right, or the next environment.
    Right,
    NextEnv,
    PrevEnv,
    /// The next workload of the environment.
    NextWorkload,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Back,
    Promote,
    PromoteFull,
    /// Pause, or resume.
    Pause,
    Abort,
    /// Roll back to stable or the revision before.
    Rollback,
    /// Roll back to a chosen revision.
    RollbackTo,
    /// Stops the rollback that autopilot is about to do.
    Keep,
    Retry,
    Restart,
    /// Release into the next environment.
    Release,
    /// Suspend the automation of what owns the manifest, or give it back.
    Owner,
    /// Let the tag of the environment name what serves everybody.
    Tag,
    /// Stop promotions into the environment, or allow them again.
    Freeze,
    /// Open, extend or close the lane of the environment.
    Lane,
    /// Turn the selected feature flag off.
    FlagOff,
    /// Turn it on.
    FlagOn,
    /// Set the share of users who get it.
    FlagSet,
    /// Acknowledge the selected check, or sign in the selected role.
    Approve,
    Sign,
    /// Look again at every check.
    CheckAll,
    /// The runbook of the selected check.
    Runbook,
    /// Filter what the screen lists.
    Filter,
    Palette,
    /// Keys and what they do.
    Help,
    /// What was said by the program: errors and outcomes.
    Notices,
    /// Why the selected environment has its verdict, in full.
    Why,
    /// Ask the sources again now.
    Refresh,
    Copy,
    Export,
    Mouse,
    Redraw,
    /// To the shell and back with `fg`.
    Suspend,
    Quit,
}

/// Where a command stands in help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Act,
    Look,
    Move,
    Program,
}

impl Group {
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Look => "look",
            Self::Move => "move",
            Self::Program => "program",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    pub command: Command,
    /// Name in config and palette.
    pub id: &'static str,
    /// A word or two for the footer.
    pub title: &'static str,
    pub help: &'static str,
    /// Where it stands in help.
    pub group: Group,
    /// Default keys, as written in config.
    pub keys: &'static [&'static str],
}

const fn spec(
    command: Command,
    group: Group,
    id: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> CommandSpec {
    CommandSpec { command, id, title, help, group, keys }
}

use Command as C;
use Group::{Act, Look, Move, Program};

const HELP: CommandSpec =
    spec(C::Help, Look, "help", "help", &["?"], "Keys and commands; type to search, Enter runs one.");

/// All commands, in the order of help.
pub const COMMANDS: &[CommandSpec] = &[
    spec(C::Promote, Act, "promote", "promote", &["p"], "Promote to the next step; asks first, `y` confirms."),
    spec(C::Pause, Act, "pause", "pause", &["space"], "Pause the rollout, or resume it."),
    spec(C::Abort, Act, "abort", "abort", &["A"], "Abort: traffic back to stable at once."),
    spec(C::Rollback, Act, "rollback", "roll back", &["R"], "Roll back to stable, or to the revision before."),
    spec(C::RollbackTo, Act, "rollback-to", "roll back to …", &["u"], "Choose the revision to roll back to."),
    spec(C::Keep, Act, "keep", "keep the canary", &["x"], "Keep the canary that autopilot is about to roll back."),
    spec(
        C::Retry,
        Act,
        "retry",
        "retry",
        &["t"],
        "Retry an aborted update from its first step; one that regressed is not retried.",
    ),
    spec(
        C::PromoteFull,
        Act,
        "promote-full",
        "promote fully",
        &["P"],
        "Promote to 100 %, skipping all steps left; the name is typed.",
    ),
    spec(C::Release, Act, "release", "release", &["N"], "Release into the next environment what this one runs."),
    spec(
        C::Owner,
        Act,
        "owner",
        "owner",
        &["O"],
        "Suspend the automation of what owns the manifest (Argo CD, Flux), or resume it.",
    ),
    spec(
        C::Freeze,
        Act,
        "freeze",
        "freeze",
        &["F"],
        "Stop promotions into the environment for everybody, or allow them again; rollbacks go on.",
    ),
    spec(
        C::Lane,
        Act,
        "lane",
        "lane",
        &["L"],
        "Open a lane for what the environment before it runs, extend it, or close it.",
    ),
    spec(
        C::FlagOff,
        Act,
        "flag-off",
        "turn flag off",
        &["K"],
        "Turn the selected feature flag off for everybody in the environment.",
    ),
    spec(
        C::FlagOn,
        Act,
        "flag-on",
        "turn flag on",
        &["E"],
        "Turn the selected feature flag on: a promotion, with every gate.",
    ),
    spec(
        C::FlagSet,
        Act,
        "flag-set",
        "set share",
        &["%"],
        "Set the share of users who get the selected feature flag: to more of them with every gate.",
    ),
    spec(C::Restart, Act, "restart", "restart", &[], "Rolling restart of all pods."),
    spec(C::Tag, Act, "tag", "move tag", &[], "Let the tag of the environment name what serves everybody."),
    spec(C::Deck, Look, "deck", "Deck", &["1"], "All environments side by side."),
    spec(
        C::Rollout,
        Look,
        "rollout",
        "Rollout",
        &["2"],
        "Steps, revisions, pods, analysis runs, events, log of a failing pod.",
    ),
    spec(C::Signals, Look, "signals", "Signals", &["3"], "Errors, latency, traffic: canary against stable over time."),
    spec(C::Checklist, Look, "checklist", "Checklist", &["4"], "Checks with their evidence, and who signed GO."),
    spec(C::Changes, Look, "changes", "Changes", &["5"], "Commits, version, migrations and drift of the release."),
    spec(C::Journal, Look, "journal", "Journal", &["6"], "All observations, decisions and actions."),
    spec(C::Flags, Look, "flags", "Flags", &["7"], "Feature flags: those of the release first."),
    spec(C::Open, Look, "open", "open", &["enter"], "Open what is selected."),
    spec(C::Back, Look, "back", "back", &["esc"], "Close, or back to the deck."),
    spec(C::Why, Look, "why", "why", &["w"], "Why the environment has its verdict, in full."),
    spec(C::Notices, Look, "notices", "notices", &["n"], "Messages: outcomes and errors so far."),
    spec(
        C::Approve,
        Look,
        "approve",
        "approve",
        &["a"],
        "Acknowledge the selected check, or sign in the selected role.",
    ),
    spec(C::Sign, Look, "sign", "sign GO/NO-GO", &["S"], "Sign GO or NO-GO, with a note."),
    spec(C::CheckAll, Look, "check-all", "check all", &[], "Run every check of every environment again."),
    spec(C::Runbook, Look, "runbook", "runbook", &["o"], "Copy the URL of the selected check's runbook."),
    spec(C::Filter, Look, "filter", "filter", &["/"], "Filter what the screen lists."),
    spec(C::Palette, Look, "palette", "command", &[":"], "Run any command by name."),
    HELP,
    spec(
        C::Refresh,
        Look,
        "refresh",
        "refresh",
        &["r"],
        "Refresh now: the selected check on the checklist, else all sources.",
    ),
    spec(C::Copy, Look, "copy", "copy", &["c"], "Copy what is selected to the clipboard (OSC 52)."),
    spec(C::Export, Look, "export", "export", &["e"], "Export the journal to a file in the current folder."),
    spec(C::Up, Move, "up", "up", &["up", "k"], "Selection up."),
    spec(C::Down, Move, "down", "down", &["down", "j"], "Selection down."),
    spec(C::Left, Move, "left", "left", &["left", "h"], "The environment before."),
    spec(C::Right, Move, "right", "right", &["right", "l"], "The next environment."),
    spec(C::NextEnv, Move, "next-environment", "next", &["tab"], "The next environment."),
    spec(C::PrevEnv, Move, "previous-environment", "previous", &["backtab"], "The environment before."),
    spec(C::NextWorkload, Move, "next-workload", "workload", &["s"], "The next workload of the environment."),
    spec(C::PageUp, Move, "page-up", "page up", &["pageup", "ctrl-u"], "A page up."),
    spec(C::PageDown, Move, "page-down", "page down", &["pagedown", "ctrl-d"], "A page down."),
    spec(C::Top, Move, "top", "top", &["home", "g"], "To the first line."),
    spec(C::Bottom, Move, "bottom", "bottom", &["end", "G"], "To the last line."),
    spec(C::Mouse, Program, "mouse", "mouse", &["m"], "Mouse on or off; off leaves selecting to the terminal."),
    spec(C::Redraw, Program, "redraw", "redraw", &["ctrl-l"], "Redraw the screen."),
    spec(C::Suspend, Program, "suspend", "suspend", &["ctrl-z"], "To the shell; `fg` comes back."),
    spec(C::Quit, Program, "quit", "quit", &["q"], "Quit; asks first while an action is in progress."),
];

impl Command {
    /// Returns its line in the table.
    #[must_use]
    pub fn spec(self) -> &'static CommandSpec {
        // The test below proves that every command is in the table. Help is a fallback that changes nothing.
        COMMANDS.iter().find(|spec| spec.command == self).unwrap_or(&HELP)
    }

    /// Returns the command with this name.
    #[must_use]
    pub fn by_id(id: &str) -> Option<Self> {
        COMMANDS.iter().find(|spec| spec.id == id).map(|spec| spec.command)
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.spec().id)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::by_id(&id).ok_or_else(|| D::Error::custom(format!("there is no command `{id}`")))
    }
}

/// Keys that always work, whatever the config: the way out.
#[must_use]
pub fn fixed(chord: Chord) -> Option<Command> {
    match chord {
        Chord { key: Key::Char('c'), ctrl: true, alt: false } => Some(Command::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_the_table_once() {
        for spec in COMMANDS {
            assert_eq!(COMMANDS.iter().filter(|other| other.command == spec.command || other.id == spec.id).count(), 1);
            assert_eq!(spec.command.spec().id, spec.id);
            assert_eq!(Command::by_id(spec.id), Some(spec.command));
        }
        // `Quit` is the last variant.
        assert_eq!(COMMANDS.len(), Command::Quit as usize + 1);
    }

    #[test]
    fn no_dangerous_command_is_on_ctrl() {
        for spec in COMMANDS.iter().filter(|spec| spec.group == Group::Act) {
            assert!(spec.keys.iter().all(|key| !key.starts_with("ctrl")), "{}", spec.id);
        }
    }
}
