//! Rules for secrets: where they come from is configured, what they are never is.

use toml::de::DeValue;

use crate::config::Secret;
use crate::config::reader::{At, Reader, Value};

const HELP: &str = "write { env = \"NAME\" }, { file = \"path\" } or { command = [\"program\", \"argument\"] }";

/// Reads where a secret comes from. Nothing that stands in its place is quoted.
pub(in crate::config) fn read(reader: &mut Reader, value: Value<'_>, key: &str) -> Option<Secret> {
    let at = value.span().start;
    let DeValue::Table(map) = value.get_ref() else {
        let what = match value.get_ref() {
            DeValue::String(_) => format!("`{key}` stands here in the open"),
            _ => format!("`{key}` does not say where it comes from"),
        };
        reader.note(at, what, HELP);
        return None;
    };
    let mut entries = map.iter();
    let (Some((place, source)), None) = (entries.next(), entries.next()) else {
        reader.note(at, format!("`{key}` must come from one place"), HELP);
        return None;
    };
    match place.get_ref().as_ref() {
        "env" => {
            let name = reader.text_of(source, "env")?;
            if name.value.contains(['=', '\0']) {
                reader.note(name.at, "`env` is the name of an environment variable, which has no `=`", "");
                return None;
            }
            Some(Secret::Env(name.value))
        }
        "file" => {
            let text = reader.text_of(source, "file")?;
            reader.path_of(&text, "file").map(Secret::File)
        }
        "command" => command(reader, source),
        _ => {
            reader.note(place.span().start, format!("`{key}` cannot come from there"), HELP);
            None
        }
    }
}

fn command(reader: &mut Reader, value: Value<'_>) -> Option<Secret> {
    let help = "no shell is involved: write the program and its arguments as [\"program\", \"argument\"]";
    let list = reader.list_of(value, "command", help)?;
    let words: Vec<At<String>> = list.iter().filter_map(|word| argument(reader, word, help)).collect();
    match words.first() {
        Some(program) if program.value.is_empty() => {
            reader.note(program.at, "the first word of `command` is the program, and is empty", help);
            None
        }
        None => {
            reader.note(value.span().start, "`command` is empty", help);
            None
        }
        Some(_) => Some(Secret::Command(words.into_iter().map(|word| word.value).collect())),
    }
}

/// Reads one word of a command; unlike other text it may be empty.
fn argument(reader: &mut Reader, value: Value<'_>, help: &str) -> Option<At<String>> {
    let at = value.span().start;
    let DeValue::String(text) = value.get_ref() else {
        reader.note(at, "a word of `command` must be text in quotes", help);
        return None;
    };
    Some(At { value: text.to_string(), at })
}
