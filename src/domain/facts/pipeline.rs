//! Pipelines of the user's own that promote an environment.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::changes::short;
use super::placeholder::{fill, names};

/// What is replaced in the words of a command, in the inputs of a workflow and in a comment.
pub const PLACEHOLDERS: [&str; 8] =
    ["environment", "image", "images", "repository", "digest", "tag", "workload", "namespace"];

/// Those of them that say which artifact it is; a tag may be moved.
pub const ARTIFACTS: [&str; 3] = ["image", "images", "digest"];

/// What is run or asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineCall {
    /// A program with its arguments, run on this machine.
    Command(Vec<String>),
    /// A workflow of GitHub, begun by a `workflow_dispatch` event.
    Workflow(WorkflowCall),
    /// A deployment that a run of a workflow of GitHub waits for, and that is approved.
    Approval(ApprovalCall),
    /// A manual job of GitLab, or a pipeline of its own.
    Gitlab(GitlabCall),
    /// A build of a job in Jenkins.
    Jenkins(JenkinsCall),
}

/// A workflow of GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowCall {
    /// Address of the API; ends in `/`.
    pub url: String,
    /// `owner/repo`.
    pub repository: String,
    /// The file below `.github/workflows`, or its number.
    pub workflow: String,
    /// Branch or tag whose version of it runs.
    pub git_ref: String,
    pub inputs: BTreeMap<String, String>,
}

/// A deployment to an environment of GitHub, which the run of the release's commit waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalCall {
    /// Address of the API; ends in `/`.
    pub url: String,
    /// `owner/repo`.
    pub repository: String,
    /// Name of the environment at GitHub.
    pub environment: String,
    /// The file below `.github/workflows`, or its number: whose run it is where several wait.
    pub workflow: Option<String>,
    /// What is said to people with the approval.
    pub comment: String,
    /// The commit that the release was built from, in full: the run is one of its.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A manual job of GitLab that is played, or a pipeline that is begun where no job is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitlabCall {
    /// Address of the server; ends in `/`.
    pub url: String,
    /// Path of the project, or its number.
    pub project: String,
    /// Name of the manual job.
    pub job: Option<String>,
    /// Branch or tag: what the pipeline is begun on, or which pipelines have the job.
    pub git_ref: Option<String>,
    pub variables: BTreeMap<String, String>,
    /// The commit that the release was built from, in full: the job is one of its pipelines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A parameterized job in Jenkins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JenkinsCall {
    /// Address of the server; ends in `/`.
    pub url: String,
    /// The names of its folders and of the job, with `/` between them.
    pub job: String,
    pub parameters: BTreeMap<String, String>,
}

/// A pipeline as the config has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// With placeholders.
    pub call: PipelineCall,
    /// How long a command may run, and how long the cluster may take to show what was asked for.
    pub timeout: SignedDuration,
}

impl PipelineCall {
    /// Returns what it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                program.rsplit('/').next().unwrap_or(program).to_owned()
            }
            Self::Workflow(call) => format!("{} of {}", call.workflow, call.repository),
            Self::Approval(call) => call.name(),
            Self::Gitlab(call) => call.name(),
            Self::Jenkins(call) => call.job.clone(),
        }
    }

    /// Whether it runs on a server of somebody else's, and not on this machine.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        !matches!(self, Self::Command(_))
    }

    /// Whether which pipeline it is depends on the commit of what is released.
    #[must_use]
    pub fn goes_by_commit(&self) -> bool {
        match self {
            Self::Gitlab(call) => call.job.is_some(),
            Self::Approval(_) => true,
            Self::Command(_) | Self::Workflow(_) | Self::Jenkins(_) => false,
        }
    }

    /// Whether it is told which artifact to deploy: a run that is approved deploys what it built.
    #[must_use]
    pub fn is_told_what(&self) -> bool {
        !matches!(self, Self::Approval(_))
    }

    /// Returns the texts in which placeholders are replaced: never the program itself, nor where a pipeline is.
    pub fn texts(&self) -> impl Iterator<Item = &String> {
        let (words, values) = match self {
            Self::Command(words) => (words.get(1..).unwrap_or_default(), None),
            Self::Workflow(call) => (&[][..], Some(&call.inputs)),
            Self::Approval(call) => (std::slice::from_ref(&call.comment), None),
            Self::Gitlab(call) => (&[][..], Some(&call.variables)),
            Self::Jenkins(call) => (&[][..], Some(&call.parameters)),
        };
        words.iter().chain(values.into_iter().flat_map(BTreeMap::values))
    }

    /// Whether one of its texts has a placeholder.
    #[must_use]
    pub fn takes(&self, placeholder: &str) -> bool {
        self.texts().any(|text| names(text).any(|name| name == placeholder))
    }

    /// Puts values in place of the placeholders.
    ///
    /// # Errors
    /// The value that cannot be given to it.
    pub fn filled(&self, values: &[(&str, &str)]) -> Result<Self, String> {
        Ok(match self {
            Self::Command(words) => {
                let (program, arguments) = words.split_at(words.len().min(1));
                let arguments = arguments.iter().map(|word| fill(word, values));
                let program = program.iter().map(|word| Ok(word.clone()));
                Self::Command(program.chain(arguments).collect::<Result<_, _>>()?)
            }
            Self::Workflow(call) => {
                Self::Workflow(WorkflowCall { inputs: filled(&call.inputs, values)?, ..call.clone() })
            }
            Self::Approval(call) => {
                Self::Approval(ApprovalCall { comment: fill(&call.comment, values)?, ..call.clone() })
            }
            Self::Gitlab(call) => {
                Self::Gitlab(GitlabCall { variables: filled(&call.variables, values)?, ..call.clone() })
            }
            Self::Jenkins(call) => {
                Self::Jenkins(JenkinsCall { parameters: filled(&call.parameters, values)?, ..call.clone() })
            }
        })
    }

    /// Returns it in one line, as the dialog shows it.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Command(words) => format!("run {}", words.join(" ")),
            Self::Workflow(call) => {
                let WorkflowCall { url, repository, workflow, git_ref, .. } = call;
                let (at, told) = (url.trim_end_matches('/'), told(&call.inputs));
                format!("workflow_dispatch {workflow} of {repository} at {at} on {git_ref}  {told}")
            }
            Self::Approval(call) => {
                let ApprovalCall { url, repository, environment, comment, .. } = call;
                let (at, of) = (url.trim_end_matches('/'), call.of());
                format!("approve {environment} of {repository} at {at} in the run of {of}  comment={comment}")
            }
            Self::Gitlab(call) => {
                let GitlabCall { url, project, job, variables, .. } = call;
                let (at, told) = (url.trim_end_matches('/'), told(variables));
                match job {
                    Some(job) => format!("play {job} of {project} at {at} in {}  {told}", call.place()),
                    None => format!("begin a pipeline of {project} at {at} on {}  {told}", call.place()),
                }
            }
            Self::Jenkins(call) => {
                let at = call.url.trim_end_matches('/');
                format!("build {} at {at}  {}", call.job, told(&call.parameters))
            }
        }
    }
}

impl ApprovalCall {
    /// Returns what it is called.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} of {}", self.short_name(), self.repository)
    }

    /// Returns what it is called within its repository.
    #[must_use]
    pub fn short_name(&self) -> String {
        format!("deployment to {}", self.environment)
    }

    /// Says what the run is of.
    #[must_use]
    pub fn of(&self) -> String {
        let commit = self.commit.as_deref();
        let commit =
            commit.map_or_else(|| "the release's commit".to_owned(), |commit| format!("commit {}", short(commit)));
        match &self.workflow {
            Some(workflow) => format!("{workflow} for {commit}"),
            None => commit,
        }
    }
}

impl GitlabCall {
    /// Returns what it is called.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} of {}", self.short_name(), self.project)
    }

    /// Returns what it is called within its project.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.job.as_deref().unwrap_or("a pipeline")
    }

    /// Says where the job is looked for, or what the pipeline is begun on.
    #[must_use]
    pub fn place(&self) -> String {
        let git_ref = self.git_ref.as_deref().unwrap_or_default();
        match (&self.job, &self.commit) {
            (None, _) => git_ref.to_owned(),
            (Some(_), Some(commit)) => format!("the pipeline of {}", short(commit)),
            (Some(_), None) if git_ref.is_empty() => "the pipeline of the release's commit".to_owned(),
            (Some(_), None) => format!("the latest pipeline of {git_ref}"),
        }
    }
}

fn filled(texts: &BTreeMap<String, String>, values: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    texts.iter().map(|(name, text)| Ok((name.clone(), fill(text, values)?))).collect()
}

fn told(values: &BTreeMap<String, String>) -> String {
    values.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(" ")
}
