//! The candidate of an environment: the artifacts that its checklist is about.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::way::Lanes;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{Subjects, subject_in_lane};
use crate::domain::record::rejection::{Rejected, Rejection};
use crate::domain::world::lane::OpenedLane;
use crate::domain::world::{Environment, WorkloadState, World};

/// Where an environment stands with its candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateState {
    /// It is what runs; nothing else is to come.
    Settled,
    /// The environment before has it, this one does not yet.
    Incoming,
    /// It is rolling out here.
    UnderWay,
}

/// The artifacts that a checklist is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Name of the release in the journal, e.g. `payments-api 1.5.0`: of the workload that is furthest from settled.
    pub release: String,
    pub workload: WorkloadId,
    /// Its revision, here or, while it is to come, in the environment before.
    pub revision: Revision,
    pub version: String,
    pub images: Vec<String>,
    /// Its digest, as pods run it, where they agree.
    pub digest: Option<String>,
    /// What is stable there now, where something else comes in.
    pub stable: Option<Revision>,
    pub standing: CandidateState,
    /// All artifacts of the environment, without registries, which differ between environments: what an answer or a
    /// sign-off is given for.
    pub key: String,
    /// The lane that it comes by, where all that goes out comes by it.
    pub lane: Option<Arc<OpenedLane>>,
    /// Those of the artifacts in `key` that go out or come in.
    moving: Vec<String>,
    /// Images of those that differ from what is stable, as `key` names them; where none does, all of them.
    changing: Vec<String>,
    /// Those of them that replace another image.
    replacing: Vec<String>,
}

/// What names the artifacts of an environment.
struct Keys {
    all: String,
    moving: Vec<String>,
    changing: Vec<String>,
    replacing: Vec<String>,
}

impl Candidate {
    /// Returns what a GO is given for: in a lane, for that opening of it.
    #[must_use]
    pub fn signed_subject(&self) -> String {
        let Some(opened) = &self.lane else { return self.key.clone() };
        subject_in_lane(&self.key, &opened.rule.lane, opened.lane.opened)
    }

    /// Whether a NO-GO for this subject holds for it: for the same, or for an artifact that is still to reach everybody,
    /// whatever else has changed beside it, or is left out of sight by a flag.
    #[must_use]
    pub fn is_held_by(&self, subject: &str) -> bool {
        self.subjects().is_held_by(subject)
    }

    /// Returns the images of all workloads of the environment, init containers' too, as `key` names them: without their
    /// registries and folders, with their digests where these count.
    pub fn artifacts(&self) -> impl Iterator<Item = &str> {
        let images = self.key.split(' ').filter_map(|workload| Some(workload.split_once('=')?.1));
        images.flat_map(|images| images.split(',')).filter(|image| !image.is_empty())
    }

    /// Returns those of the images that differ from what is stable here; where nothing does, all that go out or come in,
    /// and nothing where all is settled. A sidecar that stays as it is does not count.
    pub fn changing(&self) -> impl Iterator<Item = &str> {
        self.changing.iter().map(String::as_str)
    }

    /// Returns those of the images that come in where stable has another one.
    pub fn replacing(&self) -> impl Iterator<Item = &str> {
        self.replacing.iter().map(String::as_str)
    }

    /// Returns what people state things about, where this goes out.
    #[must_use]
    pub fn subjects(&self) -> Subjects {
        Subjects { key: self.key.clone(), moving: self.moving.clone() }
    }
}

struct Part<'a> {
    id: &'a WorkloadId,
    revision: &'a Revision,
    stable: Option<&'a Revision>,
    standing: CandidateState,
}

impl World {
    /// Returns what an environment's checklist is about; `None` while nothing is known.
    #[must_use]
    pub fn candidate(&self, env: &Environment) -> Option<Candidate> {
        self.candidate_by(env, Lanes::Followed)
    }

    pub(super) fn candidate_by(&self, env: &Environment, lanes: Lanes) -> Option<Candidate> {
        let parts = self.parts(env, lanes);
        let main = parts.iter().rev().max_by_key(|part| part.standing)?;
        let lane = self.lane_of(env, main, lanes).filter(|lane| {
            let others = parts.iter().filter(|part| part.standing == CandidateState::UnderWay && part.id != main.id);
            let by_it = |own: &Arc<OpenedLane>| own.rule == lane.rule && own.lane.opened == lane.lane.opened;
            others.map(|part| self.lane_of(env, part, lanes)).all(|own| own.is_some_and(by_it))
        });
        let keys = self.keys(env, &parts, lanes);
        Some(self.made(env, main, keys, (lanes, lane.cloned())))
    }

    /// Returns the same checklist as that of one workload, whose artifact is to go out.
    #[must_use]
    pub fn candidate_of(&self, env: &Environment, id: &WorkloadId) -> Option<Candidate> {
        let parts = self.parts(env, Lanes::Followed);
        let part = parts.iter().find(|part| part.id == id)?;
        let lane = self.lane_of(env, part, Lanes::Followed).cloned();
        Some(self.made(env, part, self.keys(env, &parts, Lanes::Followed), (Lanes::Followed, lane)))
    }

    /// Returns the same where another revision of one workload is to go out, whatever else is in progress: what was said of
    /// that is not said of this.
    #[must_use]
    pub fn candidate_for(&self, env: &Environment, id: &WorkloadId, revision: &Revision) -> Option<Candidate> {
        let mut parts = self.parts(env, Lanes::Ignored);
        let part = parts.iter_mut().find(|part| part.id == id)?;
        (part.revision, part.standing) = (revision, CandidateState::UnderWay);
        let part = parts.iter().find(|part| part.id == id)?;
        Some(self.made(env, part, self.keys(env, &parts, Lanes::Ignored), (Lanes::Ignored, None)))
    }

    /// Returns what users get in an environment, whatever is to come in next: every revision that serves. `None` where that
    /// is not known of a workload.
    #[must_use]
    pub fn served(&self, env: &Environment) -> Option<Candidate> {
        let mut parts = Vec::new();
        for workload in env.workloads.iter().filter(|workload| !workload.missing) {
            let status = workload.status.as_ref()?;
            let stable = status.stable.as_ref();
            let serving = status.canary.iter().chain(stable);
            let standing = CandidateState::UnderWay;
            parts.extend(serving.map(|revision| Part { id: &workload.id, revision, stable, standing }));
        }
        Some(self.made(env, parts.first()?, self.keys(env, &parts, Lanes::Ignored), (Lanes::Ignored, None)))
    }

    /// Returns the candidate, and every other workload of which something goes out.
    #[must_use]
    pub fn candidates(&self, env: &Environment) -> Vec<Candidate> {
        self.candidates_by(env, Lanes::Followed)
    }

    pub(super) fn candidates_by(&self, env: &Environment, lanes: Lanes) -> Vec<Candidate> {
        let Some(main) = self.candidate_by(env, lanes) else { return Vec::new() };
        let others = self.parts(env, lanes).into_iter().filter(|part| part.standing == CandidateState::UnderWay);
        let others: Vec<Candidate> = others
            .filter(|part| *part.id != main.workload)
            .map(|part| {
                let keys = Keys {
                    all: main.key.clone(),
                    moving: main.moving.clone(),
                    changing: main.changing.clone(),
                    replacing: main.replacing.clone(),
                };
                self.made(env, &part, keys, (lanes, main.lane.clone()))
            })
            .collect();
        std::iter::once(main).chain(others).collect()
    }

    fn parts<'a>(&'a self, env: &'a Environment, lanes: Lanes) -> Vec<Part<'a>> {
        env.workloads.iter().filter_map(|workload| self.part(env, &workload.id, lanes)).collect()
    }

    /// The lane by which something goes out or comes in.
    fn lane_of<'a>(&'a self, env: &'a Environment, part: &Part<'_>, lanes: Lanes) -> Option<&'a Arc<OpenedLane>> {
        self.way_by(env, part.id, lanes).lane.filter(|_| part.standing != CandidateState::Settled)
    }

    /// Names the artifacts of these workloads, and apart those of them that are not settled.
    fn keys(&self, env: &Environment, parts: &[Part<'_>], lanes: Lanes) -> Keys {
        let named =
            |part: &Part<'_>| format!("{}={}", part.id.name, key(part.revision, self.before_by(env, part.id, lanes)));
        let mut all: Vec<String> = parts.iter().map(named).collect();
        all.sort();
        let unsettled = || parts.iter().filter(|part| part.standing != CandidateState::Settled);
        // Each image, and whether stable has it; `None` where nothing is stable.
        let images = |part: &Part<'_>| -> Vec<(String, Option<bool>)> {
            let key = key(part.revision, self.before_by(env, part.id, lanes));
            let stays = Artifact::all(part.revision).map(|image| part.stable.map(|stable| image.is_in(stable)));
            key.split(',').map(str::to_owned).zip(stays).collect()
        };
        let images: Vec<(String, Option<bool>)> = unsettled().flat_map(images).collect();
        let all_stay = images.iter().all(|(_, stays)| *stays == Some(true));
        let named_where = |wanted: &dyn Fn(Option<bool>) -> bool| -> Vec<String> {
            images.iter().filter(|(_, stays)| wanted(*stays)).map(|(name, _)| name.clone()).collect()
        };
        Keys {
            all: all.join(" "),
            moving: unsettled().map(named).collect(),
            changing: named_where(&|stays| stays != Some(true) || all_stay),
            replacing: named_where(&|stays| stays == Some(false)),
        }
    }

    fn made(
        &self,
        env: &Environment,
        main: &Part<'_>,
        keys: Keys,
        (lanes, lane): (Lanes, Option<Arc<OpenedLane>>),
    ) -> Candidate {
        Candidate {
            release: format!("{} {}", main.id.name, main.revision.version()),
            workload: main.id.clone(),
            revision: main.revision.clone(),
            version: main.revision.version(),
            images: main.revision.images.clone(),
            digest: self.digest(env, main, lanes),
            stable: main.stable.cloned(),
            standing: main.standing,
            key: keys.all,
            lane,
            moving: keys.moving,
            changing: keys.changing,
            replacing: keys.replacing,
        }
    }

    /// Returns the digest of the main container: as pods run it here, as the template names it, else as the environment
    /// before runs what bears the same name. Pods that come up here are compared with that.
    fn digest(&self, env: &Environment, part: &Part<'_>, lanes: Lanes) -> Option<String> {
        let pinned = || {
            let image = part.revision.images.first()?;
            ImageRef::parse(image).digest.map(str::to_owned)
        };
        let before = || {
            let before = self.before_by(env, part.id, lanes);
            before.filter(|before| is_same_artifact(before, part.revision))?.digest.clone()
        };
        part.revision.digest.clone().or_else(pinned).or_else(before)
    }

    /// Returns the revision that the environment before has and this one has not; `None` while another one goes out here.
    #[must_use]
    pub fn incoming<'a>(&'a self, env: &'a Environment, id: &'a WorkloadId) -> Option<&'a Revision> {
        self.incoming_by(env, id, Lanes::Followed)
    }

    pub(in crate::domain::rules) fn incoming_by<'a>(
        &'a self,
        env: &'a Environment,
        id: &'a WorkloadId,
        lanes: Lanes,
    ) -> Option<&'a Revision> {
        self.part(env, id, lanes).filter(|part| part.standing == CandidateState::Incoming).map(|part| part.revision)
    }

    /// Returns what a workload of an environment brings: what is under way, else what comes in, else what is there.
    #[must_use]
    pub fn brings<'a>(&'a self, env: &'a Environment, id: &'a WorkloadId) -> Option<&'a Revision> {
        self.part(env, id, Lanes::Followed).map(|part| part.revision)
    }

    /// What a workload brings: what is under way, else what the environment before has and this one has not, else what
    /// is there.
    fn part<'a>(&'a self, env: &'a Environment, id: &'a WorkloadId, lanes: Lanes) -> Option<Part<'a>> {
        let status = env.workload(id)?.status.as_ref();
        let stable = status.and_then(|status| status.stable.as_ref());
        if let Some(canary) = status.and_then(|status| status.canary.as_ref()) {
            return Some(Part { id, revision: canary, stable, standing: CandidateState::UnderWay });
        }
        let incoming = self.before_by(env, id, lanes);
        match (incoming, stable) {
            (Some(incoming), Some(stable)) if !is_same_artifact(incoming, stable) => {
                Some(Part { id, revision: incoming, stable: Some(stable), standing: CandidateState::Incoming })
            }
            (Some(incoming), None) => Some(Part { id, revision: incoming, stable, standing: CandidateState::Incoming }),
            (_, Some(stable)) => Some(Part { id, revision: stable, stable: None, standing: CandidateState::Settled }),
            (None, None) => None,
        }
    }
}

/// Returns the workload of the same service in another environment: of the same name, else the only one.
#[must_use]
pub fn counterpart<'a>(env: &'a Environment, id: &WorkloadId) -> Option<&'a WorkloadState> {
    let workloads = || env.workloads.iter();
    let only = || workloads().next().filter(|_| env.workloads.len() == 1);
    workloads().find(|other| other.id.name == id.name).or_else(only)
}

/// Whether two revisions name the same artifacts, whatever registry they come from: by digest where one names it and it is
/// known of the other, else by tag.
#[must_use]
pub fn is_same_artifact(one: &Revision, other: &Revision) -> bool {
    let (ours, theirs): (Vec<_>, Vec<_>) = (Artifact::all(one).collect(), Artifact::all(other).collect());
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(ours, theirs)| ours.is_same(theirs))
}

/// Returns the rejection of an artifact, whether or not its ReplicaSet is still there: controllers delete those beyond
/// `revisionHistoryLimit`. Init containers are not compared, as rejections do not name them.
#[must_use]
pub fn rejection_of<'a>(rejected: &'a Rejected, revision: &Revision) -> Option<&'a Rejection> {
    let theirs: Vec<_> = Artifact::all(revision).take(revision.images.len()).collect();
    rejected.known().find(|rejection| {
        let ours: Vec<_> = rejection.images.iter().map(|image| Artifact::parse(image, None)).collect();
        !ours.is_empty()
            && ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(ours, theirs)| ours.is_same(theirs))
    })
}

/// What one container runs.
struct Artifact<'a> {
    /// Repository without registry and folders, which differ between environments.
    name: &'a str,
    tag: Option<&'a str>,
    /// The digest that the template names.
    pinned: Option<&'a str>,
    /// The digest that pods run, where they agree.
    runs: Option<&'a str>,
}

impl<'a> Artifact<'a> {
    fn all(revision: &'a Revision) -> impl Iterator<Item = Self> {
        revision.all_images().enumerate().map(|(at, image)| {
            let runs = revision.names.get(at).and_then(|name| revision.digests.get(name)).map(String::as_str);
            Self::parse(image, runs)
        })
    }

    fn parse(image: &'a str, runs: Option<&'a str>) -> Self {
        let parsed = ImageRef::parse(image);
        let name = parsed.repository.rsplit('/').next().unwrap_or_default();
        Self { name, tag: parsed.tag, pinned: parsed.digest, runs }
    }

    fn is_same(&self, other: &Self) -> bool {
        let by_digest = match (self.pinned, other.pinned) {
            (Some(one), Some(two)) => Some(one == two),
            (Some(pinned), None) => other.runs.map(|runs| runs == pinned),
            (None, Some(pinned)) => self.runs.map(|runs| runs == pinned),
            (None, None) => None,
        };
        self.name == other.name && by_digest.unwrap_or(self.tag == other.tag)
    }

    /// Whether a revision has the same image, as templates name it. What pods run is left out: they come and go.
    fn is_in(&self, revision: &Revision) -> bool {
        Artifact::all(revision).any(|other| (self.name, self.tag, self.pinned) == (other.name, other.tag, other.pinned))
    }

    fn label(&self, digest: Option<&str>) -> String {
        let tag = match (self.tag, digest) {
            (Some(tag), _) => format!(":{tag}"),
            (None, Some(_)) => String::new(),
            (None, None) => ":latest".to_owned(),
        };
        let digest = digest.map_or_else(String::new, |digest| format!("@{digest}"));
        format!("{}{tag}{digest}", self.name)
    }
}

/// Names a revision's artifacts: images without their registries and folders, with the digests that the template names.
/// Where there is an environment before, what is verified there is one digest, so that it counts also where pods alone tell
/// it: those here, and before they come up those there.
fn key(revision: &Revision, before: Option<&Revision>) -> String {
    let there: Vec<_> = before.into_iter().flat_map(Artifact::all).collect();
    let name = |(at, artifact): (usize, Artifact<'_>)| {
        let counterpart = there.get(at).filter(|there| there.is_same(&artifact));
        let told = || artifact.runs.or_else(|| counterpart.and_then(|there| there.pinned.or(there.runs)));
        let digest = artifact.pinned.or_else(|| before.and_then(|_| told()));
        artifact.label(digest)
    };
    Artifact::all(revision).enumerate().map(name).collect::<Vec<_>>().join(",")
}
