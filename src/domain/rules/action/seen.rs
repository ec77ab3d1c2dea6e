//! A target as observed: source of facts and of the effect of actions.

use jiff::Timestamp;

use crate::domain::facts::flag::FlagFacts;
use crate::domain::facts::object::{Container, ImageRef, Moved};
use crate::domain::facts::owner::{Automation, Owned, Reconciler};
use crate::domain::facts::workload::serving::{Serving, percent};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::{After, Body, Facts, PlanRecord, Request, Verb};
use crate::domain::rules::action::kind::Readiness;
use crate::domain::rules::action::seen_git::SeenGit;
use crate::domain::rules::action::seen_pipeline::SeenPipeline;
use crate::domain::rules::action::seen_tag::SeenTag;
use crate::domain::rules::action::settle::Settled;
use crate::domain::rules::action::{flag, owner};

/// A target as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Workload(Box<SeenWorkload>),
    Owner(Box<SeenOwner>),
    Git(Box<SeenGit>),
    Flag(SeenFlag),
    Pipeline(Box<SeenPipeline>),
    Tag(Box<SeenTag>),
}

/// Whether the owner of a manifest put back what a rollback had taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBack {
    No,
    /// It may yet, or may do it again: it is applying what git says.
    Syncing,
    /// It did, and will do it again: it is not suspended.
    NotSuspended,
    /// It did, by what it had begun before it was suspended.
    Once,
}

/// What owns a manifest, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOwner {
    pub found: Reconciler,
}

impl SeenOwner {
    fn shows(&self) -> String {
        match &self.found.automation {
            Automation::Suspended(Some(by)) => format!("suspended by {}", by.by),
            Automation::Suspended(None) => "suspended".to_owned(),
            Automation::Manual => "synced by hand".to_owned(),
            automation => format!("{} on", automation.as_str()),
        }
    }

    /// What it began before it was suspended may still put back what a rollback takes back.
    fn lacks(&self, record: &PlanRecord) -> Option<String> {
        let is_waited_for = record.verb == Verb::SuspendAutomation && self.found.is_syncing;
        is_waited_for.then(|| "it is still applying what git says".to_owned())
    }

    /// Whether its automation is as the action wants it.
    fn is_accepted(&self, record: &PlanRecord) -> bool {
        match record.verb {
            Verb::SuspendAutomation => !self.found.automation.is_active(),
            _ => self.found.automation.is_active(),
        }
    }
}

/// A feature flag, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFlag {
    /// Identity of the flag: a flag of another server or project is another.
    pub uid: String,
    /// `None` where it is archived or deleted.
    pub found: Option<FlagFacts>,
}

impl SeenFlag {
    fn shows(&self) -> String {
        let Some(found) = &self.found else { return "archived or deleted".to_owned() };
        let warning = found.warning().map_or_else(String::new, |warning| format!("; {warning}"));
        format!("it is {}{warning}", found.state)
    }

    /// Whether it is turned as the action wants it.
    fn is_accepted(&self, record: &PlanRecord) -> bool {
        let turn = record.requests.iter().find_map(Request::turn);
        self.found.as_ref().zip(turn).is_some_and(|(found, turn)| turn.is_reached(found.state))
    }
}

/// A workload as it was seen. Its pods and analysis runs are not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenWorkload {
    pub snapshot: Snapshot,
    /// Whether its ReplicaSets could be read: a stop needs no right to.
    pub replicasets_known: bool,
}

impl SeenWorkload {
    pub(super) fn object(&self) -> &Object {
        &self.snapshot.object
    }

    /// Whether a release with this mark was written, to it or to the object that its template lives in.
    fn carries(&self, mark: &str) -> bool {
        let owner = self.snapshot.template_owner.as_ref().map(|owner| &owner.meta);
        [Some(self.object().meta()), owner].into_iter().flatten().any(|meta| meta.released.as_deref() == Some(mark))
    }

    /// Whether the manifest names the images that an action set: whoever sets others leaves its mark as it is. A webhook may
    /// have put another registry before one.
    fn names_what_was_set(&self, record: &PlanRecord) -> bool {
        let set = record.requests.iter().filter_map(Request::kubernetes).flat_map(|request| match &request.body {
            Body::SetImages { images, .. } => images.as_slice(),
            _ => &[],
        });
        let is_same = |wanted: &str, named: &str| {
            let digests = (ImageRef::parse(wanted).digest, ImageRef::parse(named).digest);
            wanted == named || matches!(digests, (Some(one), Some(other)) if one == other)
        };
        set.into_iter().all(|wanted| {
            let mut named = self.all_containers().filter(|container| container.name == wanted.name);
            named.any(|container| is_same(&wanted.image, &container.image))
        })
    }

    /// Returns why a revision does not serve everybody yet; `None` where it does.
    fn is_not_serving_all(&self, hash: &str) -> Option<String> {
        let object = self.object();
        let serving = self.snapshot.serving();
        if !self.replicasets_known {
            let phase = object.phase();
            let is_all = object.actions().serves_all_by_status(hash);
            return if is_all { serving.doubt } else { Some(shows(phase.0.as_str(), &phase.1)) };
        }
        if serving.is_all(hash) {
            let phase = object.phase();
            return (!object.actions().is_rolled_out()).then(|| shows(phase.0.as_str(), &phase.1));
        }
        let what = served_besides(&serving, hash);
        let doubt = serving.doubt.filter(|doubt| *doubt != what);
        let cause = doubt.or_else(|| self.lacking(hash)).or_else(|| self.snapshot.status().why);
        Some(cause.map_or_else(|| what.clone(), |cause| format!("{what}: {cause}")))
    }

    /// Whether the template lies in another object.
    fn is_elsewhere(&self) -> bool {
        self.object().workload().template_owner().is_some()
    }

    /// Returns the images that the manifest names.
    fn images(&self) -> impl Iterator<Item = &String> {
        self.containers().0.iter().map(|container| &container.image)
    }

    fn all_containers(&self) -> impl Iterator<Item = &Container> {
        let (containers, init) = self.containers();
        containers.iter().chain(init)
    }

    /// Returns the containers of the manifest, and its init containers.
    fn containers(&self) -> (&[Container], &[Container]) {
        let (containers, init) = match (&self.snapshot.template_owner, self.object()) {
            (Some(owner), _) => (&owner.containers, &owner.init_containers),
            (None, Object::Rollout(rollout)) => (&rollout.spec.containers, &rollout.spec.init_containers),
            (None, Object::Deployment(deployment)) => (&deployment.containers, &deployment.init_containers),
        };
        (containers, init)
    }

    /// Returns why the template that an action has written will not last: users get what git says, in the end (law 9).
    fn is_put_back(&self, record: &PlanRecord) -> Option<String> {
        let owned = self.snapshot.owned.as_ref().filter(|_| owner::writes_template(&record.requests))?;
        let template = self.snapshot.template_owner.as_ref().map_or(self.object().meta(), |owner| &owner.meta);
        owned.puts_back(template.image_by.as_ref().and_then(|writer| writer.at))
    }

    /// Says which pods a revision lacks, and why none are made: `1.4.2 has 1 of 4 pods (exceeded quota)`.
    fn lacking(&self, hash: &str) -> Option<String> {
        let rs = self.snapshot.replicaset(hash)?;
        let wanted = rs.desired.max(1);
        let failure = rs.failure.as_ref().map_or_else(String::new, |failure| format!(" ({failure})"));
        (rs.ready < wanted || rs.failure.is_some())
            .then(|| format!("{} has {} of {wanted} pods{failure}", rs.version(), rs.ready))
    }
}

/// Says why a revision does not serve everybody.
pub(super) fn served_besides(serving: &Serving, hash: &str) -> String {
    let others: Vec<String> =
        serving.besides(hash).map(|share| format!("{} of {}", percent(share.share), share.version)).collect();
    match (others.as_slice(), &serving.doubt) {
        ([], Some(doubt)) => doubt.clone(),
        ([], None) => "no pod of it is ready".to_owned(),
        (others, _) => format!("still serving {}", others.join(", ")),
    }
}

fn shows(phase: &str, message: &str) -> String {
    if message.is_empty() { phase.to_owned() } else { format!("{phase}: {message}") }
}

impl Seen {
    /// Whether what an action goes to is not there any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Flag(SeenFlag { found: None, .. }))
    }

    /// Returns the facts that a plan rests on.
    #[must_use]
    pub fn facts(&self) -> Facts {
        match self {
            Self::Workload(seen) => seen.object().actions().facts(),
            Self::Owner(seen) => owner::facts(&seen.found),
            Self::Git(seen) => seen.facts(),
            Self::Flag(seen) => flag::facts(&seen.uid, seen.found.clone()),
            Self::Pipeline(seen) => seen.facts(),
            Self::Tag(seen) => seen.facts(),
        }
    }

    /// Returns whether somebody else's change took the place of what an action went to, as far as facts do not tell.
    #[must_use]
    pub fn is_replaced(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(seen) => seen.object().actions().is_replaced(record),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => false,
        }
    }

    /// Returns the version to make a write conditional on.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::Workload(seen) => &seen.object().meta().resource_version,
            Self::Owner(seen) => &seen.found.resource_version,
            Self::Git(seen) => &seen.branch.head,
            Self::Flag(seen) => seen.found.as_ref().and_then(|found| found.version.as_deref()).unwrap_or_default(),
            Self::Pipeline(seen) => &seen.workload.object().meta().resource_version,
            Self::Tag(_) => "",
        }
    }

    /// Returns what it shows, in the words of its system.
    #[must_use]
    pub fn shows(&self) -> String {
        match self {
            Self::Workload(seen) => {
                let (phase, message) = seen.object().phase();
                shows(phase.as_str(), &message)
            }
            Self::Owner(seen) => seen.shows(),
            Self::Git(seen) => seen.shows(),
            Self::Flag(seen) => seen.shows(),
            Self::Pipeline(seen) => seen.shows(),
            Self::Tag(seen) => seen.shows(),
        }
    }

    /// Returns what moved, with who moved it since the plan's state was confirmed, as far as it tells.
    #[must_use]
    pub fn blame(&self, moved: &Moved, since: Option<Timestamp>, now: Timestamp) -> String {
        match self {
            Self::Workload(seen) => seen.object().meta().blame(moved, since, now),
            Self::Owner(_) | Self::Flag(_) => moved.what.clone(),
            Self::Git(seen) => seen.shows(),
            Self::Pipeline(seen) => seen.workload.object().meta().blame(moved, since, now),
            Self::Tag(seen) => seen.blame(moved, since, now),
        }
    }

    /// Returns whether what a release wrote is in the object still; other actions leave no mark.
    #[must_use]
    pub fn is_own(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(seen) => {
                record.mark.as_ref().is_none_or(|mark| seen.carries(mark) && seen.names_what_was_set(record))
            }
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => true,
        }
    }

    /// Returns why what an action brought will get to nobody, where it was given up since.
    #[must_use]
    pub fn given_up(&self, record: &PlanRecord) -> Option<String> {
        match self {
            Self::Workload(seen) if self.is_own(record) => seen.object().actions().given_up(record),
            Self::Workload(_) | Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => {
                None
            }
        }
    }

    /// Returns whether an action was taken up.
    #[must_use]
    pub fn is_accepted(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(seen) => self.is_own(record) && seen.object().actions().is_accepted(record),
            Self::Owner(seen) => seen.is_accepted(record),
            Self::Git(seen) => seen.names_it(record),
            Self::Flag(seen) => seen.is_accepted(record),
            Self::Pipeline(seen) => matches!(seen.settled(record), Settled::Accepted(_) | Settled::Done(_)),
            Self::Tag(seen) => matches!(seen.settled(record), Settled::Done(_)),
        }
    }

    /// Returns what an action that was taken up still lacks: who is served meanwhile, and why; `None` where it is done.
    #[must_use]
    pub fn lacks(&self, record: &PlanRecord) -> Option<String> {
        let seen = match self {
            Self::Workload(seen) => seen,
            Self::Owner(seen) => return seen.lacks(record),
            Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => return None,
        };
        let actions = seen.object().actions();
        let lacks = match actions.serves_in_the_end(record, &seen.snapshot.replicasets) {
            Some(hash) => seen.is_not_serving_all(&hash),
            None => actions.lacks(record),
        };
        lacks.or_else(|| seen.is_put_back(record))
    }

    /// Returns who is served, where that is known.
    #[must_use]
    pub fn serving(&self) -> Option<String> {
        let Self::Workload(seen) = self else { return None };
        seen.replicasets_known.then(|| seen.snapshot.serving().describe())
    }

    /// Returns whether the owner of the manifest put back what a rollback had taken back.
    #[must_use]
    pub fn put_back(&self, record: &PlanRecord) -> PutBack {
        let Self::Workload(seen) = self else { return PutBack::No };
        let found = seen.snapshot.owned.as_ref().and_then(Owned::reconciler);
        let Some(found) = found.filter(|found| found.lists_it && owner::rewrites_backward(record)) else {
            return PutBack::No;
        };
        let hashes = seen.snapshot.hashes();
        // The controller may not have looked since: what the manifest names tells at once.
        let images_differ = record.from_images != record.to_images;
        let is_in_manifest = seen.images().eq(&record.from_images) && (images_differ || !seen.is_elsewhere());
        let is_back = is_in_manifest && hashes.canary.or(hashes.stable) == record.from_hash;
        if !is_back {
            PutBack::No
        } else if found.is_syncing || !seen.object().workload().observed() {
            PutBack::Syncing
        } else if found.automation.is_active() {
            PutBack::NotSuspended
        } else {
            PutBack::Once
        }
    }

    /// Returns why it is not known whether what serves everybody now will last, and whether time will tell.
    #[must_use]
    pub fn may_not_last(&self, record: &PlanRecord) -> Option<(String, bool)> {
        let seen = match self {
            Self::Workload(seen) => seen,
            Self::Pipeline(seen) => return seen.may_not_last(),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Tag(_) => return None,
        };
        let owned = seen.snapshot.owned.as_ref().filter(|_| owner::writes_template(&record.requests))?;
        let by_writer = || {
            let writer = owned.may_be_resumed_by()?;
            Some((format!("{writer} writes {}, and may switch its automation on again", owned.owner), true))
        };
        owned.may_put_back().map(|why| (why, false)).or_else(by_writer)
    }

    /// Returns what git and its owner say to a template that an action has written.
    #[must_use]
    pub fn owner(&self, record: &PlanRecord) -> Option<String> {
        let Self::Workload(seen) = self else { return None };
        let owned = seen.snapshot.owned.as_ref().filter(|_| owner::writes_template(&record.requests))?;
        Some(match owned.reconciler() {
            Some(found) => {
                let shows = SeenOwner { found: found.clone() }.shows();
                format!("{}: {shows}, {}", owned.owner, found.agreement())
            }
            None => format!("{}: {}", owned.owner, owned.describe(Timestamp::UNIX_EPOCH)),
        })
    }

    /// Returns whether the next request of an action may be sent.
    #[must_use]
    pub fn readiness(&self, after: &After) -> Readiness {
        match self {
            Self::Workload(seen) => seen.object().actions().readiness(after),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => Readiness::Send,
        }
    }

    /// Returns whether a request was taken and whoever acts on the target has not taken note of it.
    #[must_use]
    pub fn is_unnoticed(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(seen) => seen.object().actions().is_unnoticed(record),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => false,
        }
    }

    /// Returns what an action still lacks, seen after its requests.
    #[must_use]
    pub fn remainder(&self, record: &PlanRecord) -> Option<Request> {
        match self {
            Self::Workload(seen) => seen.object().actions().remainder(record),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => None,
        }
    }

    /// Returns whether a request has nothing left to do: a tag names the digest by now.
    #[must_use]
    pub fn is_reached(&self, request: &Request) -> bool {
        matches!(self, Self::Tag(seen) if request.tag().is_some_and(|request| seen.is_reached(request)))
    }

    /// Returns what moved that a request rests on, as far as facts do not tell.
    #[must_use]
    pub fn moved(&self, record: &PlanRecord, request: &Request) -> Option<String> {
        match self {
            Self::Tag(seen) => seen.moved(record, request.tag()?),
            Self::Workload(_) | Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) => None,
        }
    }

    /// Returns whether somebody else did meanwhile what an action wants.
    #[must_use]
    pub fn is_there_already(&self, record: &PlanRecord) -> bool {
        matches!(self, Self::Git(seen) if seen.names_it(record))
    }
}

impl From<SeenGit> for Seen {
    fn from(seen: SeenGit) -> Self {
        Self::Git(Box::new(seen))
    }
}

impl From<SeenTag> for Seen {
    fn from(seen: SeenTag) -> Self {
        Self::Tag(Box::new(seen))
    }
}

impl From<SeenPipeline> for Seen {
    fn from(seen: SeenPipeline) -> Self {
        Self::Pipeline(Box::new(seen))
    }
}

impl From<Reconciler> for Seen {
    fn from(found: Reconciler) -> Self {
        Self::Owner(Box::new(SeenOwner { found }))
    }
}

impl From<SeenFlag> for Seen {
    fn from(seen: SeenFlag) -> Self {
        Self::Flag(seen)
    }
}

impl From<SeenWorkload> for Seen {
    fn from(seen: SeenWorkload) -> Self {
        Self::Workload(Box::new(seen))
    }
}

/// An object alone, its ReplicaSets not known.
impl From<Object> for Seen {
    fn from(object: Object) -> Self {
        SeenWorkload { snapshot: Snapshot::of_object(object), replicasets_known: false }.into()
    }
}
