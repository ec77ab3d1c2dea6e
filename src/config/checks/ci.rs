//! `ci`: the pipeline result of the commit.

use std::collections::BTreeMap;

use reqwest::Url;

use super::web;
use crate::config::reader::{At, Reader, Table};
use crate::config::secret::Secret;
use crate::config::section::{Field, Kind, Section, words, words_of};

#[derive(Clone, Debug, PartialEq)]
pub struct Ci {
    pub provider: Provider,
    /// Address of its API's server; ends in `/`.
    pub url: Url,
    /// `owner/repo`, a project's path or number, `gh/owner/repo`, or the path of a job.
    pub project: String,
    /// Name of the user whose token it is, for Jenkins.
    pub user: Option<String>,
    pub token: Option<Secret>,
    /// Names that have to be there, and that alone decide; empty where all do.
    pub checks: Vec<String>,
    /// Parameters that a build of Jenkins has to have been started with to count, by name; empty where all count.
    pub parameters: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    GitHub,
    GitLab,
    CircleCi,
    /// Builds of a Jenkins job.
    Jenkins,
}

impl Provider {
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::CircleCi, Self::Jenkins];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::CircleCi => "circleci",
            Self::Jenkins => "jenkins",
        }
    }

    /// Returns the address of the API where an address is that of the site which people see.
    fn api_of_site(self, url: &Url) -> Option<&'static str> {
        match (self, url.host_str()?) {
            (Self::GitHub, "github.com" | "www.github.com") => Some("https://api.github.com"),
            (Self::CircleCi, "app.circleci.com") => Some("https://circleci.com"),
            _ => None,
        }
    }

    /// Returns where it is unless something else is said.
    fn url(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some("https://api.github.com/"),
            Self::GitLab => Some("https://gitlab.com/"),
            Self::CircleCi => Some("https://circleci.com/"),
            Self::Jenkins => None,
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`ci`",
    help: "The pipeline of the commit that the artifact was built from succeeded.",
    needed: &["provider", "project"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("provider", Kind::Word(words_of::<Provider>), "Whose pipeline."),
    Field::new(
        "url",
        Kind::Text,
        "Its server; without it https://api.github.com, https://gitlab.com or https://circleci.com.",
    ),
    Field::new(
        "project",
        Kind::Text,
        "`owner/repo` on GitHub, path or number on GitLab, `gh/owner/repo` on CircleCI, path of the job in Jenkins.",
    ),
    Field::new("user", Kind::Text, "Name of the user whose token it is, for Jenkins."),
    Field::new("token", Kind::Secret, "API token that may read it."),
    Field::new(
        "checks",
        Kind::TextList,
        "Names of checks, jobs or workflows that have to be there and decide; else all do.",
    )
    .or(|| "[]".to_owned()),
    Field::new(
        "parameters",
        Kind::Texts,
        "Parameters of the Jenkins builds that count, e.g. { TARGET = \"prod\" }; else all do.",
    )
    .or(|| "{}".to_owned()),
];

words!(Provider);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Ci> {
    for key in ["provider", "project"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example provider = \"github\" and project = \"shop/payments-api\"";
        reader.note(table.at, format!("`ci` has no `{key}`"), help);
    }
    let token = web::secret(reader, table, "token");
    let user = reader.text(table, "user").map(|user| user.value);
    let own_url = web::base(reader, table, "url");
    let checks = checks(reader, table);
    let parameters = parameters(reader, table);
    let provider = reader.word::<Provider>(table, "provider");
    let project = reader.text(table, "project");
    let provider = provider?;
    for_jenkins(reader, table, provider);
    if let Some(api) = own_url.as_ref().and_then(|url| provider.api_of_site(url)) {
        let what = "`url` is that of the web site, and not of the API";
        reader.note(table.key_at("url"), what, format!("write url = \"{api}\", or leave the key out"));
    }
    let url = own_url.or_else(|| provider.url()?.parse().ok());
    if url.is_none() && table.get("url").is_none() {
        let what = "`ci` has no `url` of Jenkins";
        reader.note(table.at, what, "write url = \"https://jenkins.example\"");
    }
    let project = project_of(reader, provider, &project?)?;
    Some(Ci { provider, url: url?, project, user, token, checks: checks?, parameters: parameters? })
}

fn for_jenkins(reader: &mut Reader, table: &Table<'_>, provider: Provider) {
    if provider == Provider::Jenkins {
        if table.get("checks").is_some() {
            let what = "a Jenkins build has one result, so `checks` has no effect";
            reader.note(table.key_at("checks"), what, "make one check for each job");
        }
        if table.get("token").is_some() != table.get("user").is_some() {
            let key = if table.get("token").is_some() { "token" } else { "user" };
            reader.note(
                table.key_at(key),
                "Jenkins requires both `user` and `token`",
                "an API token belongs to a user",
            );
        }
        return;
    }
    let why_not = [
        ("user", "needs no `user`: the token identifies the user"),
        ("parameters", "has no `parameters`: only Jenkins has"),
    ];
    for (key, why) in why_not.into_iter().filter(|(key, _)| table.get(key).is_some()) {
        reader.note(table.key_at(key), format!("{} {why}", provider.as_str()), "");
    }
}

/// Reads the parameters of builds that count; `None` where one is wrong, for without it others would count.
fn parameters(reader: &mut Reader, table: &Table<'_>) -> Option<BTreeMap<String, String>> {
    let entries = reader.entries(table, "parameters");
    let all = entries.len();
    let read: BTreeMap<String, String> = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.value.to_owned(), reader.text_of(value, name.value)?.value)))
        .collect();
    (read.len() == all).then_some(read)
}

fn checks(reader: &mut Reader, table: &Table<'_>) -> Option<Vec<String>> {
    if table.get("checks").is_none() {
        return Some(Vec::new());
    }
    let list = reader.list(table, "checks", "write for example [\"build\", \"test\"]")?;
    let names: Vec<String> =
        list.iter().filter_map(|item| reader.text_of(item, "checks")).map(|name| name.value).collect();
    (names.len() == list.len()).then_some(names)
}

fn project_of(reader: &mut Reader, provider: Provider, text: &At<String>) -> Option<String> {
    let project = text.value.trim().trim_matches('/');
    let parts: Vec<&str> = project.split('/').collect();
    let bad = parts.iter().any(|part| part.is_empty() || matches!(*part, "." | ".."));
    let parts_needed = match provider {
        Provider::GitHub => Some(2),
        Provider::CircleCi => Some(3),
        Provider::GitLab | Provider::Jenkins => None,
    };
    if bad || parts_needed.is_some_and(|needed| parts.len() != needed) {
        let help = match provider {
            Provider::GitHub => "write \"owner/repo\"",
            Provider::GitLab => "write \"group/project\", or the project's number",
            Provider::CircleCi => "write the slug of the project settings, as \"gh/owner/repo\"",
            Provider::Jenkins => "write the names of folders and job, as \"folder/job\"",
        };
        reader.note(text.at, format!("`project` cannot be `{}`", text.value), help);
        return None;
    }
    Some(project.to_owned())
}
