//! Rules for `[sign_offs]`.

use toml::de::DeValue;

use crate::config::reader::{Reader, Table};
use crate::domain::checklist::SignOffRules;

/// Reads who has to sign.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> SignOffRules {
    let mut roles = Vec::new();
    for (role, value) in reader.entries(table, "roles") {
        let number = match value.get_ref() {
            DeValue::Integer(number) => {
                number.as_str().parse::<usize>().ok().filter(|number| (1..=20).contains(number))
            }
            _ => None,
        };
        if let Some(number) = number {
            roles.push((role.value.to_owned(), number));
        } else {
            let what = format!("`{}` must be the number of people who sign in this role", role.value);
            reader.note(value.span().start, what, "a whole number from 1 to 20, e.g. { sre = 1 }");
        }
    }
    SignOffRules { roles, four_eyes: reader.flag(table, "four_eyes").unwrap_or(true) }
}
