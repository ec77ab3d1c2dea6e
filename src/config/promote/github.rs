//! `github` of `promote`: a workflow that is begun, or a deployment that is approved.

use super::super::pull_requests::{project_of, url};
use super::super::reader::{Reader, Table};
use super::super::section::{Field, Kind, Section};
use super::{PipelineAccess, access, texts};
use crate::domain::facts::pipeline::{ApprovalCall, PipelineCall, WorkflowCall};
use crate::domain::facts::pull_request::PullRequestProvider;

pub(super) const SECTION: Section = Section {
    header: "`github`",
    help: "Or a workflow of GitHub, begun by `workflow_dispatch`, or with `approve` a deployment of one, which is approved.",
    needed: &["repository", "token"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("repository", Kind::Text, "`owner/repo`."),
    Field::new(
        "workflow",
        Kind::Text,
        "Its file below `.github/workflows`, e.g. \"deploy.yml\"; with `approve` only where runs of several wait.",
    ),
    Field::new(
        "approve",
        Kind::Text,
        "Environment of GitHub whose deployment is approved, in the run of the commit that the release was built from.",
    ),
    Field::new("comment", Kind::Text, "What is said with the approval.").or(|| format!("\"{COMMENT}\"")),
    Field::new("ref", Kind::Text, "Branch or tag whose version of it runs.").or(|| format!("\"{REF}\"")),
    Field::new("inputs", Kind::Texts, "Its inputs, e.g. { environment = \"{environment}\", image = \"{image}\" }."),
    Field::new(
        "token",
        Kind::Secret,
        "API token with `Actions: write` on the repository; to approve, with `Actions: read` and `Deployments: write`, of a reviewer.",
    ),
    Field::new("url", Kind::Text, "The API's server; without it https://api.github.com."),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

const REF: &str = "main";
const COMMENT: &str = "release of {images} to {environment}";
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
    let url = own_url.unwrap_or_else(|| Some(URL.to_owned()));
    let place = url.zip(repository);
    let call =
        if table.get("approve").is_some() { approval(reader, table, place) } else { dispatch(reader, table, place) };
    Some((call?, access?))
}

/// Reads a workflow that is begun; `place` is the API and the repository.
fn dispatch(reader: &mut Reader, table: &Table<'_>, place: Option<(String, String)>) -> Option<PipelineCall> {
    if table.get("workflow").is_none() {
        let help =
            "write workflow = \"deploy.yml\" to begin it, or approve = \"production\" to approve what waits for that";
        reader.note(table.at, "`github` has neither `workflow` nor `approve`", help);
    }
    if table.get("comment").is_some() {
        let help = "take it out, or say what is approved: `approve`";
        reader.note(table.key_at("comment"), "`comment` is said with an approval, and nothing is approved", help);
    }
    let workflow = reader.text(table, "workflow");
    let git_ref = reader.text(table, "ref").map_or_else(|| REF.to_owned(), |text| text.value);
    let inputs = texts(reader, table, "inputs");
    let (url, repository) = place?;
    Some(PipelineCall::Workflow(WorkflowCall { url, repository, workflow: workflow?.value, git_ref, inputs }))
}

/// Reads a deployment that is approved.
fn approval(reader: &mut Reader, table: &Table<'_>, place: Option<(String, String)>) -> Option<PipelineCall> {
    for key in ["ref", "inputs"].into_iter().filter(|key| table.get(key).is_some()) {
        let what =
            format!("`{key}` is for a workflow that is begun: with `approve` the run is there, and is told nothing");
        reader.note(table.key_at(key), what, "take it out");
    }
    let environment = reader.text(table, "approve");
    let workflow = reader.text(table, "workflow").map(|text| text.value);
    let comment = reader.text(table, "comment").map_or_else(|| COMMENT.to_owned(), |text| text.value);
    let (url, repository) = place?;
    let environment = environment?.value;
    Some(PipelineCall::Approval(ApprovalCall { url, repository, environment, workflow, comment, commit: None }))
}
