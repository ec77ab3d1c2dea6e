//! Whether a workload has the images that something else was to bring to it, a commit or a pipeline, and serves them.

use super::seen::{SeenWorkload, served_besides};
use crate::domain::facts::manifest::is_same_image;
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workload::{Object, Phase};
use crate::domain::record::action::{PlanRecord, Verb};

/// How far it has come.
pub(super) enum Arrival {
    /// It is not seen; why.
    NotSeen(&'static str),
    /// Its manifest has other images; which version that is.
    Other(String),
    /// They are going out; what is lacking.
    GoingOut(String),
    /// They were going out, and the controller was told to take them back; what it says.
    GivenUp(String),
    /// It is done; who is served, where it tells.
    Served(String),
}

impl Arrival {
    /// Returns how it is with the images that containers are to have, each with its name.
    pub(super) fn of<'a>(
        seen: Option<&SeenWorkload>,
        record: &PlanRecord,
        mut wanted: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let Some(seen) = seen else { return Self::NotSeen("not seen") };
        let snapshot = &seen.snapshot;
        let hashes = snapshot.hashes();
        let Some(set) = hashes.canary.or(hashes.stable).and_then(|hash| snapshot.replicaset(&hash)) else {
            return Self::NotSeen("its ReplicaSets are not seen");
        };
        let revision = snapshot.revision(set);
        let runs = |(container, wanted): (&str, &str)| {
            let mut own = revision.containers().filter(|(name, _)| *name == container);
            own.any(|(_, image)| is_same_image(image, wanted))
        };
        if !wanted.all(runs) || !snapshot.object.workload().observed() {
            return Self::Other(sanitize(&revision.version()).into_owned());
        }
        let serving = snapshot.serving();
        let actions = snapshot.object.actions();
        let (phase, message) = snapshot.object.phase();
        let says = || sanitize(&if message.is_empty() { phase.to_string() } else { message.clone() }).into_owned();
        if record.verb == Verb::Revert {
            return Self::Served(String::new());
        }
        if serving.is_all(&set.hash) {
            // Nobody else serves; that may be one pod of ten.
            return if actions.is_rolled_out() { Self::Served(String::new()) } else { Self::GoingOut(says()) };
        }
        if matches!(&snapshot.object, Object::Rollout(rollout) if rollout.aborted()) {
            return Self::GivenUp(says());
        }
        // It comes to no stop of its own any more, where it would be as far as it goes by itself.
        if phase == Phase::Degraded {
            return Self::GoingOut(says());
        }
        let lacks = match actions.serves_in_the_end(record, &snapshot.replicasets) {
            Some(hash) => Some(served_besides(&serving, &hash)),
            None => actions.lacks(record),
        };
        match lacks {
            None => Self::Served(format!(", serving {}", serving.describe())),
            Some(lacks) => Self::GoingOut(lacks),
        }
    }

    /// Says it in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::NotSeen(why) => format!("cluster … ({why})"),
            Self::Other(what) | Self::GoingOut(what) => format!("cluster … {what}"),
            Self::GivenUp(what) => format!("cluster ✗ {what}"),
            Self::Served(serving) => format!("cluster ✓{serving}"),
        }
    }
}
