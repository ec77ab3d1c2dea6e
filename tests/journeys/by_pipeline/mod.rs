//! Journeys of promotions by a pipeline of the user's own: a script, or what runs at a server that answers as its provider's
//! published API says. Either only says what it was told; the test then does to the cluster what a pipeline would, or something
//! else. What the program asked for is told by the script's own file and by that server, and what came of it by the objects.

mod approval;
mod gitlab;
mod jenkins;
mod script;
mod workflow;

use libtest_mimic::{Completion, Trial};
use support::{Checked, TestNamespace};

use super::JOURNEY_TIMEOUT;
use super::bed::{Bed, How, Strategy};
use crate::contract::servers::Servers;

/// What becomes of a promotion by a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journey {
    Script(script::Journey),
    Workflow(workflow::Journey),
    Approval(approval::Journey),
    Gitlab(gitlab::Journey),
    Jenkins(jenkins::Journey),
}

impl Journey {
    fn all() -> impl Iterator<Item = Self> {
        let scripts = script::Journey::ALL.into_iter().map(Self::Script);
        let workflows = workflow::Journey::ALL.into_iter().map(Self::Workflow);
        let approvals = approval::Journey::ALL.into_iter().map(Self::Approval);
        let jobs = gitlab::Journey::ALL.into_iter().map(Self::Gitlab);
        let builds = jenkins::Journey::ALL.into_iter().map(Self::Jenkins);
        scripts.chain(workflows).chain(approvals).chain(jobs).chain(builds)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Script(journey) => journey.as_str(),
            Self::Workflow(journey) => journey.as_str(),
            Self::Approval(journey) => journey.as_str(),
            Self::Gitlab(journey) => journey.as_str(),
            Self::Jenkins(journey) => journey.as_str(),
        }
    }

    fn strategies(self) -> &'static [Strategy] {
        if let Self::Script(journey) = self { journey.strategies() } else { &[Strategy::Deployment] }
    }

    fn ways(self) -> &'static [How] {
        if let Self::Script(journey) = self { journey.ways() } else { &[How::Command] }
    }
}

/// The journeys, as cases of the suite.
pub(super) fn cases() -> Vec<Trial> {
    let mut cases = Vec::new();
    for servers in Servers::ALL {
        for journey in Journey::all() {
            for strategy in journey.strategies() {
                for how in journey.ways() {
                    let name = format!(
                        "journeys::{}::by_pipeline::{}::{}::{}",
                        servers.as_str(),
                        strategy.as_str(),
                        journey.as_str(),
                        how.as_str()
                    );
                    cases.push(Trial::ignorable_test(name, move || run(servers, journey, *strategy, *how)));
                }
            }
        }
    }
    cases
}

fn run(servers: Servers, journey: Journey, strategy: Strategy, how: How) -> Checked<Completion> {
    if let Some(reason) = servers.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let case = format!("pipeline-{}", journey.as_str().replace('_', "-"));
        let namespace = TestNamespace::create(servers.start().await?, &case).await?;
        let bed = Bed::new(&namespace, strategy, how);
        let ended = tokio::time::timeout(JOURNEY_TIMEOUT, carry_out(journey, &bed)).await;
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {JOURNEY_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}

async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    bed.set_up().await?;
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    match journey {
        Journey::Script(journey) => script::carry_out(journey, bed).await,
        Journey::Workflow(journey) => workflow::carry_out(journey, bed).await,
        Journey::Approval(journey) => approval::carry_out(journey, bed).await,
        Journey::Gitlab(journey) => gitlab::carry_out(journey, bed).await,
        Journey::Jenkins(journey) => jenkins::carry_out(journey, bed).await,
    }
}

/// Deploys what it was told, as it was told.
async fn deploy(bed: &Bed<'_>, image: &str) -> Checked {
    bed.namespace.set_image(bed.template_kind(), "api", image).await
}
