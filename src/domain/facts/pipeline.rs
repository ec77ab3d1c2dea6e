//! Pipelines of the user's own that promote an environment.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::placeholder::{fill, names};

/// What is replaced in the words of a command and in the inputs of a workflow.
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
        }
    }

    /// Returns the texts in which placeholders are replaced: never the program itself, nor where a workflow is.
    pub fn texts(&self) -> impl Iterator<Item = &String> {
        let (words, inputs) = match self {
            Self::Command(words) => (words.get(1..).unwrap_or_default(), None),
            Self::Workflow(call) => (&[][..], Some(call.inputs.values())),
        };
        words.iter().chain(inputs.into_iter().flatten())
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
                let inputs = call.inputs.iter().map(|(name, text)| Ok((name.clone(), fill(text, values)?)));
                Self::Workflow(WorkflowCall { inputs: inputs.collect::<Result<_, String>>()?, ..call.clone() })
            }
        })
    }

    /// Returns it in one line, as the dialog shows it.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Command(words) => format!("run {}", words.join(" ")),
            Self::Workflow(call) => {
                let inputs: Vec<String> = call.inputs.iter().map(|(name, text)| format!("{name}={text}")).collect();
                let WorkflowCall { url, repository, workflow, git_ref, .. } = call;
                let at = url.trim_end_matches('/');
                format!("workflow_dispatch {workflow} of {repository} at {at} on {git_ref}  {}", inputs.join(" "))
            }
        }
    }
}
