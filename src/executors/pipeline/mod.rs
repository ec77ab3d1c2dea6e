//! Begins pipelines of the user's own that promote an environment: once each, and never again. What comes of one is told by
//! the cluster alone.

mod approval;
mod command;
mod elsewhere;
mod gitlab;
mod jenkins;
mod workflow;

use std::path::PathBuf;

use self::command::Commands;
pub use self::elsewhere::Connect;
use self::elsewhere::{Elsewhere, Provider};
use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use super::kubernetes::Kubernetes;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::pipeline::PipelineCall;
use crate::domain::record::action::{PipelineKey, PipelineRequest, PlanRecord, Request, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::{Seen, SeenPipeline, SeenRun};
use crate::platform::Redactor;
use crate::platform::deployment_approvals::DeploymentApprovals;
use crate::platform::gitlab_pipelines::GitlabPipelines;
use crate::platform::jenkins_builds::JenkinsBuilds;
use crate::platform::workflows::Workflows;

/// Makes a client of what runs pipelines.
pub enum ConnectPipelines {
    Workflows(Connect<Workflows>),
    Approvals(Connect<DeploymentApprovals>),
    Gitlab(Connect<GitlabPipelines>),
    Jenkins(Connect<JenkinsBuilds>),
}

/// Pipelines on a server of somebody else's.
enum Service {
    Workflows(Elsewhere<Workflows>),
    Approvals(Elsewhere<DeploymentApprovals>),
    Gitlab(Elsewhere<GitlabPipelines>),
    Jenkins(Elsewhere<JenkinsBuilds>),
}

/// The executor of the pipeline of one environment.
pub struct PipelineExecutor {
    /// What shows the workload, and which cluster it is in.
    cluster: Kubernetes,
    commands: Commands,
    /// `None` where none is configured.
    service: Option<Service>,
}

impl PipelineExecutor {
    /// Makes it; commands run in `dir`.
    #[must_use]
    pub fn new(cluster: Kubernetes, dir: PathBuf, redactor: Redactor) -> Self {
        Self { cluster, commands: Commands::new(dir, redactor), service: None }
    }

    /// Lets it begin pipelines on a server.
    #[must_use]
    pub fn with_service(self, connect: ConnectPipelines) -> Self {
        let service = match connect {
            ConnectPipelines::Workflows(connect) => Service::Workflows(Elsewhere::new(connect)),
            ConnectPipelines::Approvals(connect) => Service::Approvals(Elsewhere::new(connect)),
            ConnectPipelines::Gitlab(connect) => Service::Gitlab(Elsewhere::new(connect)),
            ConnectPipelines::Jenkins(connect) => Service::Jenkins(Elsewhere::new(connect)),
        };
        Self { service: Some(service), ..self }
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
        let action = request.action.as_ref()?;
        match (&request.call, self.service.as_ref()) {
            (PipelineCall::Command(_), _) => self.commands.run(action),
            (call, Some(Service::Workflows(all))) => all.run(Workflows::call(call)?, action).await,
            (call, Some(Service::Approvals(all))) => all.run(DeploymentApprovals::call(call)?, action).await,
            (call, Some(Service::Gitlab(all))) => all.run(GitlabPipelines::call(call)?, action).await,
            (call, Some(Service::Jenkins(all))) => all.run(JenkinsBuilds::call(call)?, action).await,
            (_, None) => None,
        }
    }

    /// Makes sure that it can be begun, as far as that can be told; returns the number of what is, where there is a choice.
    async fn ready(&self, call: &PipelineCall) -> Result<Option<u64>, SendError> {
        match (call, self.service.as_ref()) {
            (PipelineCall::Command(_), _) => Ok(None),
            (call, Some(Service::Workflows(all))) => all.ready(own::<Workflows>(call)?).await,
            (call, Some(Service::Approvals(all))) => all.ready(own::<DeploymentApprovals>(call)?).await,
            (call, Some(Service::Gitlab(all))) => all.ready(own::<GitlabPipelines>(call)?).await,
            (call, Some(Service::Jenkins(all))) => all.ready(own::<JenkinsBuilds>(call)?).await,
            (call, None) => Err(not_configured(call)),
        }
    }
}

/// Returns a call as its provider takes it. After a change of the config that may be another one.
fn own<P: Provider>(call: &PipelineCall) -> Result<&P::Call, SendError> {
    P::call(call).ok_or_else(|| not_configured(call))
}

fn not_configured(call: &PipelineCall) -> SendError {
    let name = call.name();
    SendError::Refused(format!("not sent: {name} is not configured here any more: see `promote` of the environment"))
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
            let chosen = self.ready(&request.call).await?;
            Ok(Prepared { payload: Payload::Pipeline(chosen), seen: Some(self.look(key, None).await?) })
        })
    }

    fn send<'a>(&'a self, target: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let (key, request) = (key_of(target)?, request_of(request)?);
            let action = request.action.clone();
            let action = action.ok_or_else(|| SendError::Refused("not sent: it belongs to no action".to_owned()))?;
            let Payload::Pipeline(chosen) = prepared.payload else {
                return Err(SendError::Refused("not sent: it was prepared for something else".to_owned()));
            };
            match (&request.call, self.service.as_ref()) {
                (PipelineCall::Command(words), _) => {
                    self.commands.start(&key.env, words, action, request.timeout_seconds)
                }
                (call, Some(Service::Workflows(all))) => all.begin(own::<Workflows>(call)?, chosen, &action).await,
                (call, Some(Service::Approvals(all))) => {
                    all.begin(own::<DeploymentApprovals>(call)?, chosen, &action).await
                }
                (call, Some(Service::Gitlab(all))) => all.begin(own::<GitlabPipelines>(call)?, chosen, &action).await,
                (call, Some(Service::Jenkins(all))) => all.begin(own::<JenkinsBuilds>(call)?, chosen, &action).await,
                (call, None) => Err(not_configured(call)),
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
