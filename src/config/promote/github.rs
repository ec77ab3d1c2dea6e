//! `github` of `promote`: a workflow.

use super::super::pull_requests::{project_of, url};
use super::super::reader::{Reader, Table};
use super::super::section::{Field, Kind, Section};
use super::{PipelineAccess, access, texts};
use crate::domain::facts::pipeline::{PipelineCall, WorkflowCall};
use crate::domain::facts::pull_request::PullRequestProvider;

pub(super) const SECTION: Section = Section {
    header: "`github`",
    help: "Or a workflow of GitHub, begun by `workflow_dispatch`.",
    needed: &["repository", "workflow", "token"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("repository", Kind::Text, "`owner/repo`."),
    Field::new("workflow", Kind::Text, "Its file below `.github/workflows`, e.g. \"deploy.yml\"."),
    Field::new("ref", Kind::Text, "Branch or tag whose version of it runs.").or(|| format!("\"{REF}\"")),
    Field::new("inputs", Kind::Texts, "Its inputs, e.g. { environment = \"{environment}\", image = \"{image}\" }."),
    Field::new("token", Kind::Secret, "API token with `Actions: write` on the repository."),
    Field::new("url", Kind::Text, "The API's server; without it https://api.github.com."),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

const REF: &str = "main";
const URL: &str = "https://api.github.com/";

/// Reads it; `None` where something needed is missing or wrong, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<(PipelineCall, PipelineAccess)> {
    for key in SECTION.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example { repository = \"shop/api\", workflow = \"deploy.yml\", inputs = { image = \"{image}\" }, \
                    token = { env = \"GITHUB_TOKEN\" } }";
        reader.note(table.at, format!("`github` has no `{key}`"), help);
    }
    let access = access(reader, table);
    let own_url = table.get("url").map(|_| url(reader, table));
    let repository = reader.text(table, "repository");
    let repository = repository.and_then(|text| project_of(reader, "repository", PullRequestProvider::GitHub, &text));
    let workflow = reader.text(table, "workflow");
    let git_ref = reader.text(table, "ref").map_or_else(|| REF.to_owned(), |text| text.value);
    let inputs = texts(reader, table, "inputs");
    let url = own_url.unwrap_or_else(|| Some(URL.to_owned()))?;
    let call = WorkflowCall { url, repository: repository?, workflow: workflow?.value, git_ref, inputs };
    Some((PipelineCall::Workflow(call), access?))
}
