//! What is kept of a Kubernetes object's metadata.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::owner::Owner;
use crate::domain::facts::text::duration;

/// Object metadata, reduced on arrival: no managedFields, no labels, only the annotations that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    pub name: String,
    pub namespace: String,
    /// Unique identity: a recreated object has another one.
    pub uid: String,
    /// The version to send with a conditional write.
    pub resource_version: String,
    /// Grows with each change of the spec.
    pub generation: i64,
    pub created: Option<Timestamp>,
    /// Since when it is being deleted.
    #[serde(default)]
    pub deleting: Option<Timestamp>,
    /// What has to be done before it is gone.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Revision annotation (Argo's on Rollouts and their ReplicaSets, Kubernetes' on Deployments and theirs).
    pub revision: Option<u64>,
    /// `kubernetes.io/change-cause`.
    pub change_cause: Option<String>,
    /// Who owns its manifest, if labels or annotations tell.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// The mark of the last release, in [`RELEASED`].
    #[serde(default)]
    pub released: Option<String>,
    /// Who wrote `spec.paused` last, from managedFields.
    pub paused_by: Option<Writer>,
    /// Who wrote the images of the template last.
    pub image_by: Option<Writer>,
    /// Who wrote `status.abort` last.
    pub aborted_by: Option<Writer>,
}

/// The annotation by which a release is recognised in the object that it was written to.
pub const RELEASED: &str = "release-cockpit/released";

/// The field manager of this program.
pub const OURS: &str = "release-cockpit";

/// Who wrote to an object, as managedFields tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Field manager, e.g. `kubectl-edit`.
    pub manager: String,
    /// When it wrote, in whole seconds.
    pub at: Option<Timestamp>,
}

impl Writer {
    /// Returns whether it wrote at this time or later. A write in the same second counts: nothing finer is reported.
    #[must_use]
    pub fn wrote_since(&self, time: Timestamp) -> bool {
        self.at.is_some_and(|at| at.as_second() >= time.as_second())
    }

    /// Says who wrote, and when, e.g. `kubectl-argo-rollouts, 3 s ago`.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        let ago = |at: Timestamp| match now.as_second() - at.as_second() {
            ..=0 => "just now".to_owned(),
            seconds @ 1..60 => format!("{seconds} s ago"),
            seconds => format!("{} ago", duration(SignedDuration::from_secs(seconds))),
        };
        self.at.map_or_else(|| self.manager.clone(), |at| format!("{}, {}", self.manager, ago(at)))
    }
}

/// What moved since a state was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// It in words.
    pub what: String,
    /// Which field of the object says so.
    pub field: MovedField,
}

/// A field that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedField {
    Images,
    Pause,
    Abort,
    /// One that the controller writes, or a field that was taken away: whoever wrote last may have done it.
    Other,
}

impl Moved {
    pub fn new(what: impl Into<String>, field: MovedField) -> Self {
        Self { what: what.into(), field }
    }
}

impl Meta {
    /// Returns who wrote last, at this time or later, what people write: images, a pause or an abort. Who promoted is not
    /// told: that takes a field away.
    #[must_use]
    pub fn written_since(&self, time: Timestamp) -> Option<&Writer> {
        let writers = [&self.image_by, &self.aborted_by, &self.paused_by].into_iter().flatten();
        writers.filter(|writer| writer.wrote_since(time)).max_by_key(|writer| writer.at)
    }

    /// Adds to what moved who wrote since the state was confirmed, as far as that is reported: `it was aborted (by
    /// kubectl-argo-rollouts, 3 s ago)`.
    #[must_use]
    pub fn blame(&self, moved: &Moved, picture: Option<Timestamp>, now: Timestamp) -> String {
        // The time of a writer is that of whatever it wrote last: only who wrote the field itself is asked.
        let since = picture.unwrap_or(now);
        let of_field = match moved.field {
            MovedField::Images => self.image_by.as_ref(),
            MovedField::Pause => self.paused_by.as_ref(),
            MovedField::Abort => self.aborted_by.as_ref(),
            MovedField::Other => self.written_since(since),
        };
        match of_field.filter(|writer| writer.wrote_since(since)) {
            Some(writer) => format!("{} (by {})", moved.what, writer.describe(now)),
            None => moved.what.clone(),
        }
    }
}

/// One container of a pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: String,
    /// Image reference as written in the template.
    pub image: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Type, e.g. `Progressing`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: String,
    pub message: String,
    /// `lastTransitionTime`: since when it has this status.
    pub since: Option<Timestamp>,
    /// `lastUpdateTime`: since when it has this reason.
    #[serde(default)]
    pub updated: Option<Timestamp>,
}

/// Labels as a map; used for selectors only.
pub type Labels = BTreeMap<String, String>;

/// An image reference taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    /// Digest with its algorithm, e.g. `sha256:…`, if any.
    pub digest: Option<&'a str>,
}

/// Tags that name no version, but whatever was built or released last.
const MOVING_TAGS: [&str; 8] = ["latest", "stable", "main", "master", "edge", "nightly", "rolling", "head"];

impl<'a> ImageRef<'a> {
    /// Takes an image reference apart. Never fails: what has no tag and no digest has none.
    #[must_use]
    pub fn parse(image: &'a str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (image, None),
        };
        let name_start = rest.rfind('/').map_or(0, |at| at + 1);
        match rest[name_start..].find(':') {
            Some(colon) => {
                let (repository, tag) = rest.split_at(name_start + colon);
                Self { repository, tag: Some(&tag[1..]), digest }
            }
            None => Self { repository: rest, tag: None, digest },
        }
    }

    /// Returns whether the reference can change meaning on its own: a tag that is moved with each build or release, or
    /// neither tag nor digest.
    #[must_use]
    pub fn is_mutable_latest(&self) -> bool {
        self.digest.is_none() && (self.tag.is_none() || self.has_moving_tag())
    }

    /// Returns whether its tag is one that is moved with each build or release.
    #[must_use]
    pub fn has_moving_tag(&self) -> bool {
        self.tag.is_some_and(|tag| MOVING_TAGS.iter().any(|moving| tag.eq_ignore_ascii_case(moving)))
    }

    /// Returns the short name for the screen: the tag, else the start of the digest, else `latest`.
    #[must_use]
    pub fn version(&self) -> String {
        match (self.tag, self.digest) {
            (Some(tag), _) => tag.to_owned(),
            (None, Some(digest)) => short_digest(digest).to_owned(),
            (None, None) => "latest".to_owned(),
        }
    }
}

/// Returns the first eight hex digits of a digest such as `sha256:9f2c41ab…`.
#[must_use]
pub fn short_digest(digest: &str) -> &str {
    let hex = digest.rsplit_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..8).unwrap_or(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_with_port_tag_and_digest() {
        let image = ImageRef::parse("registry:5000/team/api:1.5.0@sha256:9f2c41abcd");
        assert_eq!(image.repository, "registry:5000/team/api");
        assert_eq!(image.tag, Some("1.5.0"));
        assert_eq!(image.digest, Some("sha256:9f2c41abcd"));
        assert_eq!(image.version(), "1.5.0");
    }

    #[test]
    fn a_port_is_not_a_tag_and_no_tag_is_latest() {
        let image = ImageRef::parse("registry:5000/team/api");
        assert_eq!(image.tag, None);
        assert!(image.is_mutable_latest());
        for tag in ["latest", "stable", "main", "Nightly"] {
            assert!(ImageRef::parse(&format!("api:{tag}")).is_mutable_latest());
        }
        assert!(!ImageRef::parse("api:main-20260101.3").is_mutable_latest());
        assert!(!ImageRef::parse("api@sha256:00").is_mutable_latest());
    }

    #[test]
    fn short_digest_survives_odd_input() {
        assert_eq!(short_digest("sha256:9f2c41abcd"), "9f2c41ab");
        assert_eq!(short_digest("x"), "x");
        assert_eq!(short_digest("äöüäöüäöü"), "äöüä");
    }
}
