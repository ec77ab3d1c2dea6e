//! `jenkins` of `promote`: a build of a job.

use super::super::pull_requests::url;
use super::super::reader::{At, Reader, Table};
use super::super::section::{Field, Kind, Section};
use super::{PipelineAccess, access, texts};
use crate::domain::facts::pipeline::{JenkinsCall, PipelineCall};

pub(super) const SECTION: Section = Section {
    header: "`jenkins`",
    help: "Or a build of a job in Jenkins.",
    needed: &["url", "job", "parameters", "user", "token"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "The server, with the path that it is reached at."),
    Field::new("job", Kind::Text, "Names of its folders and of the job, e.g. \"deploy/prod\"."),
    Field::new("parameters", Kind::Texts, "Parameters of the job that it is given, e.g. { IMAGE = \"{image}\" }."),
    Field::new("user", Kind::Text, "Name of the user whose token it is."),
    Field::new("token", Kind::Secret, "API token of that user, who may read and build the job."),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

/// What Jenkins reads from the same form for itself (`BuildAuthorizationToken`, `RemoteCause`, `TimeDuration`).
const RESERVED: [&str; 3] = ["token", "cause", "delay"];

/// Reads it; `None` where something needed is missing or wrong, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<(PipelineCall, PipelineAccess)> {
    for key in SECTION.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example { url = \"https://jenkins.example\", job = \"deploy/prod\", parameters = { IMAGE = \
                    \"{image}\" }, user = \"cockpit\", token = { env = \"JENKINS_TOKEN\" } }";
        reader.note(table.at, format!("`jenkins` has no `{key}`"), help);
    }
    let access = access(reader, table);
    let url = table.get("url").and_then(|_| url(reader, table));
    let job = reader.text(table, "job").and_then(|text| job_of(reader, &text));
    let user = reader.text(table, "user").map(|text| text.value);
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        let help = "write the name of the user alone: the token is `token`";
        reader.note(table.key_at("user"), "`user` has a `:`, at which Jenkins would end it", help);
    }
    let parameters = texts(reader, table, "parameters");
    for name in parameters.keys().filter(|name| RESERVED.contains(&name.as_str())) {
        let at = table.key_at("parameters");
        let what = format!("`{name}` cannot be given as a parameter: Jenkins reads it itself");
        reader.note(at, what, "give the parameter of the job another name");
    }
    let call = JenkinsCall { url: url?, job: job?, parameters };
    Some((PipelineCall::Jenkins(call), PipelineAccess { user: Some(user?), ..access? }))
}

fn job_of(reader: &mut Reader, text: &At<String>) -> Option<String> {
    let job = text.value.trim().trim_matches('/');
    let mut parts = job.split('/');
    let is_bad = |part: &str| matches!(part, "" | "." | "..");
    if job.starts_with("job/") || parts.any(is_bad) {
        let help = "write the names of folders and job, as \"folder/job\"";
        reader.note(text.at, format!("`job` cannot be `{}`", text.value), help);
        return None;
    }
    Some(job.to_owned())
}
