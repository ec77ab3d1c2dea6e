//! `gitlab` of `promote`: a manual job, or a pipeline.

use super::super::pull_requests::{project_of, url};
use super::super::reader::{Reader, Table};
use super::super::section::{Field, Kind, Section};
use super::{PipelineAccess, access, texts};
use crate::domain::facts::pipeline::{GitlabCall, PipelineCall};
use crate::domain::facts::pull_request::PullRequestProvider;

pub(super) const SECTION: Section = Section {
    header: "`gitlab`",
    help: "Or a manual job of GitLab, which is played, or without `job` a pipeline, which is begun.",
    needed: &["project", "variables", "token"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("project", Kind::Text, "Path or number of the project."),
    Field::new(
        "job",
        Kind::Text,
        "Name of a manual job, played in the latest pipeline of the commit that the release was built from.",
    ),
    Field::new(
        "ref",
        Kind::Text,
        "Branch or tag: with `job` whose pipeline it is where several have it or the commit is not known, else what the \
         pipeline is begun on (\"main\").",
    ),
    Field::new("variables", Kind::Texts, "Variables that it is given, e.g. { IMAGE = \"{image}\" }."),
    Field::new(
        "token",
        Kind::Secret,
        "Access token with scope `api` of somebody who may run it, and use pipeline variables in the project.",
    ),
    Field::new("url", Kind::Text, "The server; without it https://gitlab.com."),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

const REF: &str = "main";
const URL: &str = "https://gitlab.com/";

/// Reads it; `None` where something needed is missing or wrong, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<(PipelineCall, PipelineAccess)> {
    for key in SECTION.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example { project = \"shop/api\", job = \"deploy-prod\", variables = { IMAGE = \"{image}\" }, \
                    token = { env = \"GITLAB_TOKEN\" } }";
        reader.note(table.at, format!("`gitlab` has no `{key}`"), help);
    }
    let access = access(reader, table);
    let own_url = table.get("url").map(|_| url(reader, table));
    let project = reader.text(table, "project");
    let project = project.and_then(|text| project_of(reader, "project", PullRequestProvider::GitLab, &text));
    let job = reader.text(table, "job").map(|text| text.value);
    let git_ref = reader.text(table, "ref").map(|text| text.value);
    let git_ref = if job.is_none() { git_ref.or_else(|| Some(REF.to_owned())) } else { git_ref };
    let variables = texts(reader, table, "variables");
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    for name in variables.keys().filter(|name| !is_name(name)) {
        let at = table.key_at("variables");
        reader.note(at, format!("`{name}` is no name of a variable"), "GitLab takes letters, digits and `_`");
    }
    let url = own_url.unwrap_or_else(|| Some(URL.to_owned()))?;
    let call = GitlabCall { url, project: project?, job, git_ref, variables, commit: None };
    Some((PipelineCall::Gitlab(call), access?))
}
