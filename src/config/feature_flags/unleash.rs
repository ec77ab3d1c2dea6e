//! `unleash`: a project of an Unleash.

use super::FlagProviderKind;
use crate::config::checks::web;
use crate::config::reader::{Reader, Table};
use crate::config::secret;
use crate::config::section::{Field, Kind, Section};

pub(super) const SECTION: Section =
    Section { header: "`unleash`", help: "Unleash, by its admin API.", needed: &["url", "token"], groups: &[FIELDS] };

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "Address of the server."),
    Field::new("project", Kind::Text, "The project whose flags are shown.").or(|| "\"default\"".to_owned()),
    Field::new("token", Kind::Secret, "A token that may read the project, and turn flags in these environments."),
];

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    for key in ["url", "token"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example url = \"https://unleash.example\" and token = { env = \"NAME\" }";
        reader.note(table.at, format!("`unleash` has no `{key}`"), help);
    }
    let url = web::base(reader, table, "url");
    let token = table.get("token").and_then(|token| secret::read(reader, token, "token"));
    let project = reader.text(table, "project").map_or_else(|| "default".to_owned(), |project| project.value);
    Some(FlagProviderKind::Unleash { url: url?, project, token: token? })
}
