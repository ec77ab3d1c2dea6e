//! Begins pipelines of the user's own that promote an environment: once each, and never again. What comes of one is told by
//! the cluster alone.

mod command;
mod workflow;

use std::path::PathBuf;

use self::command::Commands;
pub use self::workflow::ConnectWorkflows;
use self::workflow::Workflows;
use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use super::kubernetes::Kubernetes;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::pipeline::PipelineCall;
use crate::domain::record::action::{PipelineKey, PipelineRequest, PlanRecord, Request, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::{Seen, SeenPipeline, SeenRun};
use crate::platform::Redactor;

/// The executor of the pipeline of one environment.
pub struct PipelineExecutor {
    /// What shows the workload, and which cluster it is in.
    cluster: Kubernetes,
    commands: Commands,
    /// `None` where none is configured.
    workflows: Option<Workflows>,
}

impl PipelineExecutor {
    /// Makes it; commands run in `dir`.
    #[must_use]
    pub fn new(cluster: Kubernetes, dir: PathBuf, redactor: Redactor) -> Self {
        Self { cluster, commands: Commands::new(dir, redactor), workflows: None }
    }

    /// Lets it begin workflows.
    #[must_use]
    pub fn with_workflows(self, connect: ConnectWorkflows) -> Self {
        Self { workflows: Some(Workflows::new(connect)), ..self }
    }

    fn workflows(&self) -> Result<&Workflows, SendError> {
        let why = "no workflow is configured here any more: see `promote` of the environment";
        self.workflows.as_ref().ok_or_else(|| SendError::Refused(why.to_owned()))
    }

    async fn look(&self, key: &PipelineKey, run: Option<SeenRun>) -> Result<Seen, SendError> {
        match Executor::look(&self.cluster, &Target::Workload(key.workload_key())).await? {
            Seen::Workload(workload) => Ok(SeenPipeline { workload: *workload, run }.into()),
            Seen::Owner(_) | Seen::Git(_) | Seen::Flag(_) | Seen::Pipeline(_) | Seen::Tag(_) => {
                Err(SendError::Unknown(format!("{} is no workload", key.promotes)))
            }
        }
    }

    /// Returns how it is with a run, where that is known.
    async fn run(&self, request: &PipelineRequest) -> Option<SeenRun> {
        match &request.call {
            PipelineCall::Command(_) => self.commands.run(request.action.as_ref()?),
            PipelineCall::Workflow(call) => self.workflows.as_ref()?.run(call, request.action.as_ref()?).await,
        }
    }
}

fn key_of(target: &Target) -> Result<&PipelineKey, SendError> {
    match target {
        Target::Pipeline(key) => Ok(key),
        Target::Workload(_) | Target::Owner(_) | Target::Git(_) | Target::Flag(_) | Target::Tag(_) => {
            Err(SendError::Refused(format!("{target} is no pipeline")))
        }
    }
}

fn request_of(request: &Request) -> Result<&PipelineRequest, SendError> {
    match request {
        Request::Pipeline(request) => Ok(request),
        Request::Kubernetes(_) | Request::Git(_) | Request::Flag(_) | Request::Tag(_) => {
            Err(SendError::Refused("not sent: it is no pipeline".to_owned()))
        }
    }
}

impl Executor for PipelineExecutor {
    /// Nothing at a pipeline is conditional: the workload is looked at, and compared with what was seen.
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        _: &'a str,
        _: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let (key, request) = (key_of(target)?, request_of(request)?);
            if let PipelineCall::Workflow(call) = &request.call {
                self.workflows()?.connect(call).await?;
            }
            Ok(Prepared { payload: Payload::Pipeline, seen: Some(self.look(key, None).await?) })
        })
    }

    fn send<'a>(&'a self, target: &'a Target, request: &'a Request, _: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let (key, request) = (key_of(target)?, request_of(request)?);
            let action = request.action.clone();
            let action = action.ok_or_else(|| SendError::Refused("not sent: it belongs to no action".to_owned()))?;
            match &request.call {
                PipelineCall::Command(words) => self.commands.start(&key.env, words, action, request.timeout_seconds),
                PipelineCall::Workflow(call) => self.workflows()?.begin(call, &action).await,
            }
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(async move { self.look(key_of(target)?, None).await })
    }

    fn look_for<'a>(&'a self, record: &'a PlanRecord) -> Pending<'a, Seen> {
        Box::pin(async move {
            let key = key_of(&record.target)?;
            let run = match record.pipeline() {
                Some(request) => self.run(request).await,
                None => None,
            };
            self.look(key, run).await
        })
    }

    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        self.cluster.identity()
    }
}
