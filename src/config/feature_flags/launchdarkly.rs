//! `launchdarkly`: a project of LaunchDarkly.

use reqwest::Url;

use super::FlagProviderKind;
use crate::config::checks::web;
use crate::config::reader::{Reader, Table};
use crate::config::secret;
use crate::config::section::{Field, Kind, Section};

pub(super) const SECTION: Section =
    Section { header: "`launchdarkly`", help: "LaunchDarkly, by its REST API.", needed: &["token"], groups: &[FIELDS] };

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "Address of the server, where it is another.").or(|| format!("\"{URL}\"")),
    Field::new("project", Kind::Text, "Key of the project whose flags are shown.").or(|| "\"default\"".to_owned()),
    Field::new(
        "token",
        Kind::Secret,
        "An access token that may read the project, and turn flags in these environments.",
    ),
];

const URL: &str = "https://app.launchdarkly.com";

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    if table.get("token").is_none() {
        reader.note(table.at, "`launchdarkly` has no `token`", "write for example token = { env = \"NAME\" }");
    }
    let url = match table.get("url") {
        Some(_) => web::base(reader, table, "url"),
        None => Url::parse(URL).ok(),
    };
    let token = table.get("token").and_then(|token| secret::read(reader, token, "token"));
    let project = reader.text(table, "project").map_or_else(|| "default".to_owned(), |project| project.value);
    Some(FlagProviderKind::LaunchDarkly { url: url?, project, token: token? })
}
