//! The words of a command in the config.

use toml::de::DeValue;

use super::reader::{At, Reader, Table};

const HELP: &str = "no shell is involved: write the program and its arguments as [\"program\", \"argument\"]";

/// Reads a program and its arguments; `None` where they cannot be used, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, key: &'static str) -> Option<Vec<String>> {
    let list = reader.list(table, key, HELP)?;
    let mut argv = Vec::new();
    for word in list {
        // Unlike other text, an argument may be empty.
        match word.get_ref() {
            DeValue::String(text) if !text.contains('\0') => argv.push(text.to_string()),
            _ => reader.note(word.span().start, format!("a word of `{key}` must be text in quotes"), HELP),
        }
    }
    let at = table.key_at(key);
    match argv.first_mut() {
        None => {
            reader.note(at, format!("`{key}` is empty"), HELP);
            return None;
        }
        Some(program) if program.trim().is_empty() => {
            reader.note(at, format!("the first word of `{key}` is the program, and is empty"), HELP);
            return None;
        }
        // A name is looked for in PATH; a path starts where all paths do.
        Some(program) if program.contains('/') => {
            let path = reader.path_of(&At { value: program.clone(), at }, key)?;
            *program = path.to_string_lossy().into_owned();
        }
        Some(_) => {}
    }
    (argv.len() == list.len()).then_some(argv)
}
