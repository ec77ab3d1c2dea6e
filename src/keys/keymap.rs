//! Which key runs which command.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chord::{Chord, ChordError, Key};
use super::command::{COMMANDS, Command, fixed};
use crate::domain::facts::suggest::nearest;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keymap {
    by_chord: BTreeMap<Chord, Command>,
}

/// Why a configured key cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    #[error("there is no command `{id}`{}", .near.as_ref().map_or_else(String::new, |near| format!(": did you mean `{near}`?")))]
    UnknownCommand { id: String, near: Option<String> },
    #[error("for `{id}`: {error}")]
    BadKey { id: String, error: ChordError },
    /// Two commands on one key.
    #[error("key `{key}` is bound to both `{first}` and `{second}`: change or empty one of them")]
    Conflict { key: String, first: &'static str, second: &'static str },
    /// The key cannot be given away.
    #[error("key `{key}` is fixed: it always leaves the program")]
    Fixed { key: String },
    /// `y`, Enter and Esc have a fixed meaning in dialogs.
    #[error("key `{key}` cannot be bound to `{id}`: it answers dialogs")]
    Answers { key: String, id: &'static str },
}

impl Default for Keymap {
    fn default() -> Self {
        // The table is tested to be free of errors.
        Self::new(&BTreeMap::new()).unwrap_or(Self { by_chord: BTreeMap::new() })
    }
}

impl Keymap {
    /// Makes the keymap from the defaults and the configured keys (command name → keys; none unbinds it).
    ///
    /// # Errors
    /// All errors together.
    pub fn new(configured: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<KeymapError>> {
        let mut errors = Vec::new();
        for id in configured.keys().filter(|id| Command::by_id(id).is_none()) {
            let near = nearest(id, COMMANDS.iter().map(|spec| spec.id)).map(ToOwned::to_owned);
            errors.push(KeymapError::UnknownCommand { id: id.clone(), near });
        }
        let mut by_chord: BTreeMap<Chord, Command> = BTreeMap::new();
        for spec in COMMANDS {
            let own: Vec<&str> = match configured.get(spec.id) {
                Some(keys) => keys.iter().map(String::as_str).collect(),
                None => spec.keys.to_vec(),
            };
            for text in own {
                let chord = match text.parse::<Chord>() {
                    Ok(chord) => chord,
                    Err(error) => {
                        errors.push(KeymapError::BadKey { id: spec.id.to_owned(), error });
                        continue;
                    }
                };
                if fixed(chord).is_some() {
                    errors.push(KeymapError::Fixed { key: chord.to_string() });
                } else if spec.group == super::Group::Act && answers(chord) {
                    errors.push(KeymapError::Answers { key: chord.to_string(), id: spec.id });
                } else if let Some(first) = by_chord.insert(chord, spec.command) {
                    let first = first.spec().id;
                    errors.push(KeymapError::Conflict { key: chord.to_string(), first, second: spec.id });
                }
            }
        }
        if errors.is_empty() { Ok(Self { by_chord }) } else { Err(errors) }
    }

    /// Returns the command on a key.
    #[must_use]
    pub fn command(&self, chord: Chord) -> Option<Command> {
        fixed(chord).or_else(|| self.by_chord.get(&chord).copied())
    }

    /// Returns the first key of a command, as written: that of the table first, so that hints stay the same.
    #[must_use]
    pub fn key(&self, command: Command) -> Option<String> {
        self.keys(command).into_iter().next()
    }

    /// Returns the keys of a command, as written, in the order of the table.
    #[must_use]
    pub fn keys(&self, command: Command) -> Vec<String> {
        let rank = |key: &String| command.spec().keys.iter().position(|own| own == key).unwrap_or(usize::MAX);
        let mut keys: Vec<String> =
            self.by_chord.iter().filter(|(_, bound)| **bound == command).map(|(chord, _)| chord.to_string()).collect();
        keys.sort_by_key(rank);
        keys
    }
}

/// Keys that answer dialogs: they cannot ask for something that a dialog confirms.
fn answers(chord: Chord) -> bool {
    matches!(chord, Chord { key: Key::Char('y' | 'Y') | Key::Enter | Key::Esc, ctrl: false, alt: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(id, keys)| ((*id).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())).collect()
    }

    #[test]
    fn the_defaults_have_no_conflict() {
        let keymap = Keymap::new(&BTreeMap::new()).unwrap();
        assert_eq!(keymap.command(Chord::char('R')), Some(Command::Rollback));
        assert_eq!(keymap.key(Command::Pause).as_deref(), Some("space"));
        assert_eq!(keymap.keys(Command::Up), ["up", "k"]);
        assert_eq!(keymap.command(Chord::ctrl('c')), Some(Command::Quit));
    }

    #[test]
    fn a_key_can_be_moved_and_taken_away() {
        let keymap = Keymap::new(&configured(&[("promote", &["ctrl-p"]), ("abort", &[])])).unwrap();
        assert_eq!(keymap.command(Chord::char('p')), None);
        assert_eq!(keymap.command(Chord::ctrl('p')), Some(Command::Promote));
        assert_eq!(keymap.key(Command::Abort), None);
    }

    #[test]
    fn all_errors_are_reported_together() {
        let errors = Keymap::new(&configured(&[
            ("promot", &["p"]),
            ("abort", &["R", "hyper"]),
            ("retry", &["y"]),
            ("help", &["ctrl-c"]),
        ]))
        .unwrap_err();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 5, "{text:?}");
        assert!(text[0].contains("did you mean `promote`"), "{text:?}");
    }
}
