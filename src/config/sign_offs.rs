//! `[sign_offs]`: who has to sign GO.

use toml::de::DeValue;

use super::reader::{Reader, Table};
use super::section::{Kind, Section, keys};
use crate::domain::record::checklist::SignOffRules;

pub(super) const SECTION: Section = Section {
    header: "[sign_offs]",
    help: "Roles that sign GO before a promotion. Without roles no sign-off is required.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    SignOffRules = SignOffRules::default();
    roles: by_hand(Kind::Numbers, "{}"), "How many people sign in each role, e.g. { sre = 1, product = 1 }.";
    four_eyes: flag, "Nobody signs in two roles.";
}

/// Reads who has to sign, instead of what holds so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut SignOffRules) {
    *into = SignOffRules::default();
    read_keys(reader, table, into);
    into.roles = people(reader, table, "roles");
}

/// Reads how many people sign in each role.
pub(super) fn people(reader: &mut Reader, table: &Table<'_>, key: &str) -> Vec<(String, usize)> {
    let mut roles = Vec::new();
    for (role, value) in reader.entries(table, key) {
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
    roles
}
