//! `command`: programs of the user's own.

use super::FlagProviderKind;
use crate::config::argv;
use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};
use crate::platform::flags::command::Commands;

pub(super) const SECTION: Section = Section {
    header: "`command`",
    help: "Programs that list flags and turn them, {flag}, {environment} and {percent} replaced. No shell is involved; their environment \
           is PATH, HOME, LANG, TERM, TMPDIR and COCKPIT_ENV.",
    needed: &["list", "off"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("list", Kind::Words, "Prints all flags as JSON, e.g. [\"flags\", \"list\", \"{environment}\"]."),
    Field::new("off", Kind::Words, "Turns a flag off, e.g. [\"flags\", \"off\", \"{environment}\", \"{flag}\"]."),
    Field::new("on", Kind::Words, "Turns a flag on; without it none can be."),
    Field::new(
        "set",
        Kind::Words,
        "Gives a flag to a share of all users, {percent} from 1 to 100, also where it is off; without it no share can be set.",
    ),
    Field::new("dir", Kind::Text, "Where they run; without it the folder of the config file."),
];

const FLAG: &str = "{flag}";
const PERCENT: &str = "{percent}";

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    for key in ["list", "off"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example list = [\"flags\", \"list\"] and off = [\"flags\", \"off\", \"{flag}\"]";
        reader.note(table.at, format!("`command` has no `{key}`"), help);
    }
    let dir = match table.get("dir") {
        Some(_) => reader.path(table, "dir"),
        None => Some(reader.folder.clone()),
    };
    let list = argv::read(reader, table, "list");
    let [off, on, set] = ["off", "on", "set"].map(|key| turning(reader, table, key));
    if set.as_ref().is_some_and(|set| !set.iter().skip(1).any(|word| word.contains(PERCENT))) {
        reader.note(table.key_at("set"), "`set` does not say which share", "add the argument \"{percent}\"");
    }
    let commands = Commands { list: list?, off: off?, on, set };
    Some(FlagProviderKind::Command { commands, dir: dir? })
}

/// Reads a command that turns a flag, which it has to be told.
fn turning(reader: &mut Reader, table: &Table<'_>, key: &'static str) -> Option<Vec<String>> {
    let words = argv::read(reader, table, key)?;
    if !words.iter().skip(1).any(|word| word.contains(FLAG)) {
        reader.note(table.key_at(key), format!("`{key}` does not say which flag"), "add the argument \"{flag}\"");
    }
    Some(words)
}
