//! The world: environments in promotion order, and the state of each.

pub mod feed;
pub mod flag_rollouts;
pub mod flags;
mod git_place;
pub mod lane;
pub mod named_flags;
pub mod registry;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::facts::access::Access;
use super::facts::changes::Changes;
use super::facts::cluster::ClusterIdentity;
use super::facts::direction::Direction;
use super::facts::event::KubeEvent;
use super::facts::flag::of_release::ReleaseFlags;
use super::facts::freshness::{Heard, Link, SourceKind};
use super::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use super::facts::object::ImageRef;
use super::facts::owner::ARGO_CD_NAMESPACE;
use super::facts::pipeline::Pipeline;
use super::facts::signals::Signals;
use super::facts::workload::{Revision, Snapshot, Status};
use super::record::checklist::{Check, CheckSpec, SignOffRules};
use super::record::guardrails::Guardrails;
use super::record::lane::LaneRule;
use super::record::ledger::Ledger;
use super::record::regression::Regression;
use super::record::rejection::Rejected;
use analysis::Rules;
use feed::Feed;
use flags::{FlagSettings, FlagSource};
pub use git_place::GitPlace;
use lane::{LaneState, OpenedLane};
use named_flags::NamedFlags;
use registry::{ImagesFrom, RegistrySettings, RegistryState};
use verdict::{Assessment, CanaryReport, Limits, Verdict};

/// Where Argo CD keeps its applications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgoCdPlace {
    /// Kube context of its cluster; `None` is that of the environment.
    pub context: Option<String>,
    pub namespace: String,
}

impl Default for ArgoCdPlace {
    fn default() -> Self {
        Self { context: None, namespace: ARGO_CD_NAMESPACE.to_owned() }
    }
}

/// Whether a pipeline of the user's own promotes an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promote {
    pub pipeline: Option<Box<Pipeline>>,
    /// Whether it is configured by a file that nobody trusts: nothing is run, and nothing is released past it.
    #[serde(default)]
    pub is_withheld: bool,
}

/// What the config says of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct EnvSettings {
    pub name: EnvName,
    pub context: String,
    pub namespace: String,
    /// Promotion wants its name typed.
    pub protected: bool,
    pub read_only: bool,
    /// It was not chosen on the command line: others are compared with it, and nothing is done in it.
    #[serde(default)]
    pub compared_only: bool,
    /// How long a release serves everybody here before the next environment takes it.
    #[serde(default)]
    pub soak: SignedDuration,
    pub has_metrics: bool,
    pub limits: Limits,
    /// The thresholds of the analysis.
    pub rules: Rules,
    /// What the analysis result leads to.
    pub guardrails: Guardrails,
    /// Workloads that are watched, in order.
    pub workloads: Vec<WorkloadId>,
    pub checks: Vec<CheckSpec>,
    pub sign_offs: SignOffRules,
    /// What people say lets a release through only where a key proves who said it: `allowed_signers` is configured.
    #[serde(default)]
    pub keys_required: bool,
    /// Where the Argo CD is that owns manifests here.
    #[serde(default)]
    pub argo_cd: ArgoCdPlace,
    /// Where git names what runs here.
    #[serde(default)]
    pub git: GitPlace,
    /// How it is promoted, where that is neither a patch nor a commit.
    #[serde(default)]
    pub promote: Promote,
    /// The providers of feature flags.
    #[serde(default)]
    pub flags: Vec<FlagSettings>,
    /// The registries that are asked for images.
    #[serde(default)]
    pub registries: Vec<RegistrySettings>,
    /// Where images come from here.
    #[serde(default)]
    pub images_from: ImagesFrom,
    /// The tag that names in registries what serves everybody here; `None` where none does.
    #[serde(default)]
    pub stable_tag: Option<String>,
    /// The lanes into it, with the names of its environments and without their clusters.
    #[serde(default)]
    pub lanes: Vec<LaneRule>,
    /// A file that a person chose or trusts says what holds here: what it asks for is recorded.
    #[serde(default)]
    pub is_declared: bool,
    /// A file that merely lies in the working folder says what holds here, and the user's own config might ask for more.
    #[serde(default)]
    pub has_other_gates: bool,
}

impl EnvSettings {
    /// Makes the settings of an environment of which only the name is known: its context is called so too.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: EnvName::new(name),
            context: name.to_owned(),
            namespace: "default".to_owned(),
            protected: false,
            read_only: false,
            compared_only: false,
            soak: SignedDuration::ZERO,
            has_metrics: false,
            limits: Limits::default(),
            rules: Rules::default(),
            guardrails: Guardrails::default(),
            workloads: Vec::new(),
            checks: Vec::new(),
            sign_offs: SignOffRules::default(),
            keys_required: false,
            argo_cd: ArgoCdPlace::default(),
            git: GitPlace::default(),
            promote: Promote::default(),
            flags: Vec::new(),
            registries: Vec::new(),
            images_from: ImagesFrom::default(),
            stable_tag: None,
            lanes: Vec::new(),
            is_declared: false,
            has_other_gates: false,
        }
    }
}

/// One workload and what is known of it.
#[derive(Clone, Debug)]
pub struct WorkloadState {
    pub id: WorkloadId,
    /// The latest snapshot; `None` before the first, or when the object does not exist.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Whether the API server said that it does not exist.
    pub missing: bool,
    /// What follows from the snapshot.
    pub status: Option<Status>,
    /// What is to come in here, where there is no environment before and somebody named it by its digest.
    pub named: Option<Revision>,
    pub signals: Signals,
    /// The last analysis result.
    pub judged: Option<CanaryReport>,
    pub assessment: Assessment,
    /// When it entered the phase it is in, as far as we saw.
    pub phase_since: Option<Timestamp>,
    /// Revisions that were rolled back or aborted, by journals, shared record and cluster.
    pub rejected: Rejected,
    /// That the canary in progress regressed, by journals and shared record.
    pub regressed: Option<Regression>,
    /// Template hashes of revisions that were seen to be left here, by whomever.
    pub(in crate::domain) seen_left: BTreeSet<String>,
    /// Template hashes of revisions that another one was seen to take the place of while they went out.
    pub(in crate::domain) seen_superseded: BTreeSet<String>,
    /// Template hashes of revisions that were seen to go out and become stable here, and when.
    pub(in crate::domain) seen_stable: BTreeMap<String, Timestamp>,
    /// Template hashes of revisions that were seen to serve everybody while nothing went out.
    pub(in crate::domain) seen_serving: BTreeSet<String>,
    /// The lane into the environment that somebody opened for it.
    pub lane: Option<LaneState>,
    /// Last lines of a failing pod's log.
    pub log: Option<(String, Result<Vec<String>, String>)>,
}

/// One environment and what is known of it.
#[derive(Clone, Debug)]
pub struct Environment {
    pub settings: EnvSettings,
    /// The cluster and namespace behind its name; `None` before the API server was asked.
    pub cluster: Option<ClusterIdentity>,
    pub links: BTreeMap<SourceKind, Heard>,
    /// What the operator may do.
    pub access: Access,
    /// Its workloads, in the order of the config.
    pub workloads: Vec<WorkloadState>,
    /// Its checklist with what is known of it.
    pub checks: Vec<Check>,
    /// Whether the shared record of what people said could be read, or why not; `None` before the first look.
    pub record: Option<Result<(), String>>,
    /// The contents of the candidate release, or why that cannot be known, with what it is about; `None` before the first
    /// look, and where there is no git repository.
    pub changes: Option<(String, Result<Arc<Changes>, String>)>,
    /// Whether there is a git repository; `None` before it was looked for.
    pub has_repository: Option<bool>,
    /// What each provider of feature flags says, in the order of the config.
    pub flags: Vec<FlagSource>,
    /// Which flags the commits and the code of the candidate release name.
    named_flags: NamedFlags,
    /// How the flags of the release are, as far as their providers have answered.
    pub(in crate::domain) release_flags: Arc<ReleaseFlags>,
    /// What each registry says, in the order of the config.
    pub registries: Vec<RegistryState>,
    /// What happened, newest last, bounded.
    pub events: VecDeque<(WorkloadId, KubeEvent)>,
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub environments: Vec<Environment>,
    /// What people said and what was found earlier, from the journals.
    pub ledger: Ledger,
    /// Whether a check may have an answer that the journal does not hold yet.
    pub has_unrecorded: bool,
}

/// How many events are kept per environment.
pub(in crate::domain) const MAX_EVENTS: usize = 200;

impl WorkloadState {
    fn new(id: WorkloadId) -> Self {
        Self {
            id,
            snapshot: None,
            missing: false,
            status: None,
            named: None,
            signals: Signals::default(),
            judged: None,
            assessment: Assessment::new(Verdict::Blind, ["not seen yet".to_owned()]),
            phase_since: None,
            rejected: Rejected::default(),
            regressed: None,
            seen_left: BTreeSet::new(),
            seen_serving: BTreeSet::new(),
            seen_superseded: BTreeSet::new(),
            seen_stable: BTreeMap::new(),
            lane: None,
            log: None,
        }
    }
}

impl Environment {
    /// Makes an environment of which nothing is known yet.
    #[must_use]
    pub fn new(settings: EnvSettings) -> Self {
        let workloads = settings.workloads.iter().cloned().map(WorkloadState::new).collect();
        let mut links = BTreeMap::from([(SourceKind::Kubernetes, Heard::default())]);
        if settings.has_metrics {
            links.insert(SourceKind::Prometheus, Heard::default());
        }
        let checks = settings.checks.iter().cloned().map(Check::new).collect();
        let flags = settings.flags.iter().cloned().map(FlagSource::new).collect();
        let registries = settings.registries.iter().cloned().map(RegistryState::new).collect();
        Self {
            settings,
            cluster: None,
            links,
            access: Access::default(),
            workloads,
            checks,
            record: None,
            changes: None,
            has_repository: None,
            flags,
            named_flags: NamedFlags::default(),
            release_flags: Arc::default(),
            registries,
            events: VecDeque::new(),
        }
    }

    #[must_use]
    pub fn name(&self) -> &EnvName {
        &self.settings.name
    }

    #[must_use]
    pub fn workload(&self, id: &WorkloadId) -> Option<&WorkloadState> {
        self.workloads.iter().find(|workload| workload.id == *id)
    }

    pub(in crate::domain) fn add_workloads(&mut self, found: Vec<WorkloadId>) {
        for id in found {
            if self.workload(&id).is_none() {
                self.settings.workloads.push(id.clone());
                self.workloads.push(WorkloadState::new(id));
            }
        }
    }

    pub(in crate::domain) fn workload_mut(&mut self, id: &WorkloadId) -> Option<&mut WorkloadState> {
        self.workloads.iter_mut().find(|workload| workload.id == *id)
    }

    /// Returns the verdict of the environment: the weightiest of its workloads.
    #[must_use]
    pub fn assessment(&self) -> Assessment {
        self.workloads
            .iter()
            .map(|workload| &workload.assessment)
            .max_by_key(|assessment| assessment.verdict)
            .cloned()
            .unwrap_or(Assessment::new(Verdict::Blind, ["no workload is watched".to_owned()]))
    }

    /// Returns whether everything that a first look can tell of it is known, or known to be out of reach.
    #[must_use]
    pub fn looked_at(&self) -> bool {
        let measured = !self.settings.has_metrics
            || self.is_down(SourceKind::Prometheus)
            || (self.workloads.iter().all(|workload| workload.missing || workload.is_measured())
                && self.analysis_knows_flags());
        self.is_down(SourceKind::Kubernetes) || self.is_seen() && measured
    }

    /// Whether what the analysis says of canaries is said knowing how the flags of the release are, as far as providers answer.
    fn analysis_knows_flags(&self) -> bool {
        let mut analysed = self.workloads.iter().filter_map(WorkloadState::opinion).peekable();
        let has_answered = |source: &FlagSource| source.heard.at.is_some() || source.heard.link.why().is_some();
        let is_told = |said: &CanaryReport| said.flags.as_ref().is_none_or(|flags| flags.covers(&self.release_flags));
        analysed.peek().is_none() || (self.flags.iter().all(has_answered) && analysed.all(is_told))
    }

    /// Returns whether each of its workloads was seen, or is known to be missing.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        !self.workloads.is_empty()
            && self.workloads.iter().all(|workload| workload.missing || workload.status.is_some())
            && self.kubernetes().at.is_some()
    }

    /// Returns whether a source does not answer, or is not asked.
    #[must_use]
    pub fn is_down(&self, source: SourceKind) -> bool {
        self.links.get(&source).is_some_and(|heard| matches!(heard.link, Link::Down(_) | Link::NotAsked(_)))
    }

    /// Returns how the link to the API server is.
    #[must_use]
    pub fn kubernetes(&self) -> Heard {
        self.links.get(&SourceKind::Kubernetes).cloned().unwrap_or_default()
    }
}

impl World {
    /// Returns the environments that were chosen: all but those that others are only compared with.
    pub fn chosen(&self) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(|env| !env.settings.compared_only)
    }

    /// Makes a world of which nothing is known yet.
    #[must_use]
    pub fn new(environments: impl IntoIterator<Item = EnvSettings>) -> Self {
        let environments: Vec<Environment> = environments.into_iter().map(Environment::new).collect();
        let keys_required = environments.iter().any(|env| env.settings.keys_required);
        let mut ledger = Ledger::default();
        ledger.keys_required = keys_required;
        Self { environments, ledger, ..Self::default() }
    }

    #[must_use]
    pub fn environment(&self, name: &EnvName) -> Option<&Environment> {
        self.environments.iter().find(|env| env.settings.name == *name)
    }

    pub(in crate::domain) fn environment_mut(&mut self, name: &EnvName) -> Option<&mut Environment> {
        self.environments.iter_mut().find(|env| env.settings.name == *name)
    }

    /// Takes in what was named to come in, where there is no environment before; `None` where nothing was.
    pub fn name(&mut self, target: &WorkloadKey, revision: Option<Revision>) {
        let env = self.environments.iter_mut().find(|env| *env.name() == target.env);
        let workload = env.and_then(|env| env.workloads.iter_mut().find(|workload| workload.id == target.workload));
        if let Some(workload) = workload {
            workload.named = revision;
        }
    }

    /// Returns environment and workload of a target.
    #[must_use]
    pub fn find(&self, target: &WorkloadKey) -> Option<(&Environment, &WorkloadState)> {
        let env = self.environment(&target.env)?;
        Some((env, env.workload(&target.workload)?))
    }

    /// Returns whether a source only says again that it answers, while what is shown is fresh: ages get younger, and
    /// nothing else changes.
    #[must_use]
    pub fn repeats(&self, feed: &Feed, now: Timestamp) -> bool {
        let Feed::Link { env, source, link: Link::Up, .. } = feed else { return false };
        let heard = self.environment(env).and_then(|env| env.links.get(source));
        heard.is_some_and(|heard| heard.is_fresh(now))
    }

    /// Returns the name of the release in progress: service, version it comes from, version it goes to, from the most
    /// advanced environment that has one in progress, else from the first environment.
    #[must_use]
    pub fn release(&self) -> Option<ReleaseView> {
        let states = || {
            self.environments
                .iter()
                .flat_map(|env| env.workloads.iter().filter_map(|workload| Some((workload, workload.status.as_ref()?))))
        };
        let (workload, status) = states().find(|(_, status)| status.canary.is_some()).or_else(|| states().next())?;
        let to = status.canary.as_ref().or(status.stable.as_ref())?;
        Some(ReleaseView {
            service: workload.id.name.clone(),
            is_rollback: workload.direction() == Some(Direction::Backward),
            from: status.canary.as_ref().and(status.stable.as_ref()).map(super::facts::workload::Revision::version),
            to: to.version(),
            lane: workload.lane.as_ref().and_then(LaneState::open).filter(|opened| opened.lane.is_about(to)).cloned(),
            digest: to
                .digest
                .clone()
                .or_else(|| to.images.first().and_then(|image| ImageRef::parse(image).digest.map(ToOwned::to_owned))),
        })
    }
}

/// The release as the header names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseView {
    pub service: String,
    /// Version it comes from, while one is in progress.
    pub from: Option<String>,
    /// Whether users get back what they had.
    pub is_rollback: bool,
    pub to: String,
    /// The lane by which it comes, while that is open.
    pub lane: Option<Arc<OpenedLane>>,
    /// Digest of the version it goes to, as pods run it.
    pub digest: Option<String>,
}

impl ReleaseView {
    /// Returns the name of the release whose journal this belongs to: of a rollback, the release that is taken back.
    #[must_use]
    pub fn journal(&self) -> String {
        let version = self.from.as_ref().filter(|_| self.is_rollback).unwrap_or(&self.to);
        format!("{} {version}", self.service)
    }
}

impl WorkloadState {
    /// Returns which way the rollout in progress goes; `None` where none is.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.snapshot.as_ref()?.direction(|hash| self.rejected.bars(hash))
    }

    /// Returns what an analysis of it is about: its UID, and the template hashes of canary and stable; `None` where nothing is
    /// compared.
    #[must_use]
    pub fn versus(&self) -> Option<(&str, &str, &str)> {
        let (canary, stable) =
            self.status.as_ref().and_then(|status| status.canary.as_ref().zip(status.stable.as_ref()))?;
        let uid = &self.snapshot.as_ref()?.object.meta().uid;
        Some((uid, &canary.hash, &stable.hash))
    }

    /// Whether its signals were read, and compared where there is something to compare.
    fn is_measured(&self) -> bool {
        let both = self.status.as_ref().is_some_and(|status| status.canary.is_some() && status.stable.is_some());
        self.signals.at.is_some() && (!both || self.opinion().is_some())
    }

    /// Returns the analysis result of the revision that is in progress now.
    #[must_use]
    pub fn opinion(&self) -> Option<&CanaryReport> {
        let canary = self.status.as_ref()?.canary.as_ref()?;
        self.judged.as_ref().filter(|judged| judged.tracks.canary.as_deref() == Some(canary.replicaset.as_str()))
    }
}

/// Returns the first environment whose link of this kind does not answer, or is not asked, with the link and the reason.
#[must_use]
pub fn link_trouble(world: &World, kind: SourceKind) -> Option<(&EnvName, &Link, &str)> {
    world.environments.iter().find_map(|env| {
        let link = &env.links.get(&kind)?.link;
        Some((env.name(), link, link.why()?))
    })
}
