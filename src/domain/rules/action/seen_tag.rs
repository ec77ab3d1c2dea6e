//! A tag of registries, and the workload whose images it names.

use jiff::Timestamp;

use super::seen::{SeenWorkload, served_besides};
use super::settle::Settled;
use crate::domain::facts::object::Moved;
use crate::domain::facts::registry::{Repository, short};
use crate::domain::facts::workload::Phase;
use crate::domain::record::action::{Facts, PlanRecord, Request, TagRequest};

/// What a tag names, and who is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTag {
    /// `None` where only the registries were asked: what came of a request is told by them alone.
    pub workload: Option<SeenWorkload>,
    pub tags: Vec<NamedTag>,
}

/// A tag of one repository, as its registry told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTag {
    pub repository: Repository,
    pub tag: String,
    /// The digest that it names; `None` where there is no such tag.
    pub names: Option<String>,
}

/// Says what a tag names.
pub(super) fn named(digest: Option<&str>) -> String {
    digest.map_or_else(|| "nothing".to_owned(), short)
}

impl SeenTag {
    fn of(&self, request: &TagRequest) -> Option<&NamedTag> {
        self.tags.iter().find(|seen| seen.repository == request.repository && seen.tag == request.tag)
    }

    pub(super) fn facts(&self) -> Facts {
        match &self.workload {
            Some(seen) => seen.object().actions().facts(),
            None => Facts {
                uid: String::new(),
                under_way: String::new(),
                stable: String::new(),
                step: None,
                paused: false,
                pauses: Vec::new(),
                phase: Phase::Healthy,
                aborted: false,
                flag: None,
            },
        }
    }

    pub(super) fn shows(&self) -> String {
        let each = self.tags.iter().map(|seen| {
            let NamedTag { repository, tag, names } = seen;
            format!("{repository}:{tag} names {}", named(names.as_deref()))
        });
        each.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn blame(&self, moved: &Moved, since: Option<Timestamp>, now: Timestamp) -> String {
        match &self.workload {
            Some(seen) => seen.object().meta().blame(moved, since, now),
            None => moved.what.clone(),
        }
    }

    /// Whether a tag names the digest by now.
    pub(super) fn is_reached(&self, request: &TagRequest) -> bool {
        self.of(request).is_some_and(|seen| seen.names.as_ref() == Some(&request.digest))
    }

    /// Returns why a tag is not moved: somebody else moved it since it was seen, for nothing at a registry is conditional, or
    /// what it is to name does not serve everybody any more.
    pub(super) fn moved(&self, record: &PlanRecord, request: &TagRequest) -> Option<String> {
        let place = request.place();
        let Some(seen) = self.of(request) else { return Some(format!("{place} was not looked at")) };
        if seen.names != request.was {
            let (now, before) = (named(seen.names.as_deref()), named(request.was.as_deref()));
            return Some(format!("somebody moved {place} meanwhile: it names {now} instead of {before}"));
        }
        self.not_serving_all(record)
    }

    /// Returns why the revision of a plan is not the one that serves everybody; `None` where it is.
    fn not_serving_all(&self, record: &PlanRecord) -> Option<String> {
        let (Some(seen), Some(hash)) = (&self.workload, &record.to_hash) else {
            return Some("not seen who is served".to_owned());
        };
        if !seen.replicasets_known {
            return Some("its ReplicaSets cannot be read: not known who is served".to_owned());
        }
        let hashes = seen.snapshot.hashes();
        if hashes.canary.as_ref().is_some_and(|canary| canary != hash) || hashes.stable.as_ref() != Some(hash) {
            return Some("another revision is in progress, or serves by now".to_owned());
        }
        let serving = seen.snapshot.serving();
        (!serving.is_all(hash)).then(|| served_besides(&serving, hash))
    }

    /// Tells whether an action took effect: by what the registries say that the tag names.
    pub(super) fn settled(&self, record: &PlanRecord) -> Settled {
        let mut requests = record.requests.iter().filter_map(Request::tag);
        if requests.all(|request| self.is_reached(request)) {
            Settled::Done(self.shows())
        } else {
            Settled::NotYet(self.shows())
        }
    }
}
