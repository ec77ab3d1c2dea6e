//! A workload that a pipeline is to bring a release to, and what is known of the run: the workload alone decides.

use super::arrival::Arrival;
use super::seen::SeenWorkload;
use super::settle::Settled;
use crate::domain::record::action::{Facts, PlanRecord};

/// What the cluster shows while and after a pipeline runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPipeline {
    pub workload: SeenWorkload,
    /// `None` where nothing is known of the run: it was begun by a process that has ended.
    pub run: Option<SeenRun>,
}

/// A run of a pipeline, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRun {
    pub state: RunState,
    /// What it is and how it is with it, in words.
    pub text: String,
}

/// How far a run has come, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It runs on this machine.
    Running,
    /// It runs somewhere else, or waits there, or has ended.
    Elsewhere,
    /// It has ended well.
    Succeeded,
    /// It has ended otherwise, or was stopped.
    Failed,
}

impl SeenPipeline {
    pub(super) fn facts(&self) -> Facts {
        self.workload.object().actions().facts()
    }

    /// Says what it and the cluster show.
    pub(super) fn shows(&self) -> String {
        let (phase, message) = self.workload.object().phase();
        self.with_run(if message.is_empty() { phase.to_string() } else { format!("{phase}: {message}") })
    }

    /// Tells whether an action took effect: by the images that the workload has, and by nothing that the run says.
    pub(super) fn settled(&self, record: &PlanRecord) -> Settled {
        let brings = record.pipeline().into_iter().flat_map(|request| &request.brings);
        let wanted = brings.map(|container| (container.name.as_str(), container.image.as_str()));
        let arrival = Arrival::of(Some(&self.workload), record, wanted);
        let text = self.with_run(arrival.describe());
        match arrival {
            _ if self.state() == Some(RunState::Running) => Settled::Running(text),
            Arrival::Served(_) => Settled::Done(text),
            Arrival::GoingOut(_) => Settled::Accepted(text),
            Arrival::GivenUp(_) => Settled::Undone(text),
            // What is not seen is no proof of anything.
            Arrival::NotSeen(_) => Settled::Running(text),
            Arrival::Other(_) if self.state() == Some(RunState::Elsewhere) => Settled::Running(text),
            Arrival::Other(_) => Settled::NotYet(text),
        }
    }

    /// Returns why it is not known whether what serves everybody will last, and whether time will tell: it is not known whether
    /// the pipeline wrote to git or past it.
    pub(super) fn may_not_last(&self) -> Option<(String, bool)> {
        let owned = self.workload.snapshot.owned.as_ref()?;
        let found = owned.reconciler().filter(|found| found.lists_it && found.automation.puts_back())?;
        let agrees = found.in_sync == Some(true) && !found.is_syncing;
        (!agrees).then(|| (format!("{} puts back what git does not say", owned.owner), true))
    }

    /// Returns how far the run has come, where that is known.
    #[must_use]
    pub fn state(&self) -> Option<RunState> {
        self.run.as_ref().map(|run| run.state)
    }

    fn with_run(&self, cluster: String) -> String {
        match &self.run {
            Some(run) => format!("{}, {cluster}", run.text),
            None => cluster,
        }
    }
}
