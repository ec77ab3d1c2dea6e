//! Which commit an artifact was built from, as labels, annotations, the image's tag or the version's tag say.

use std::collections::BTreeMap;

use super::{Git, GitError, Oid, is_hash, short_text};
use crate::domain::facts::object::ImageRef;

/// Labels and annotations that name the commit, best first.
pub const KEYS: [&str; 3] = ["org.opencontainers.image.revision", "app.kubernetes.io/commit", "git-commit"];

/// What is known of an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Its images, the main one first.
    pub images: Vec<String>,
    /// Labels and annotations of its pod template.
    pub labels: BTreeMap<String, String>,
    pub version: String,
}

impl Traces {
    /// Returns the hash that a label or annotation names, whole or in part, and which it is.
    #[must_use]
    pub fn labelled(&self) -> Option<(&'static str, &str)> {
        let named = |key: &'static str| Some((key, self.labels.get(key)?.trim()));
        KEYS.into_iter().filter_map(named).find(|(_, hash)| is_hash(hash))
    }
}

/// A commit, and what told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub commit: Oid,
    /// What told it, e.g. `tag v1.5.0`.
    pub told_by: String,
}

/// Tells which commit an artifact was built from: by a label or annotation, else by an image's tag that is or ends in
/// the hash of a commit that is there, else by the tag of its version.
///
/// # Errors
/// A label names a commit that the repository does not have: then a tag must not say another one. Or nothing says it.
pub async fn commit_of(git: &Git, traces: &Traces, tag_prefix: &str) -> Result<Origin, GitError> {
    if let Some((key, hash)) = traces.labelled() {
        return Ok(Origin { commit: git.commit(hash).await?, told_by: key.to_owned() });
    }
    for image in &traces.images {
        let Some(tag) = ImageRef::parse(image).tag else { continue };
        let Some(hash) = hash_at_end(tag) else { continue };
        match git.commit(hash).await {
            Ok(commit) => return Ok(Origin { commit, told_by: format!("image tag {}", short_text(tag)) }),
            // Digits at the end of a tag may be a date.
            Err(GitError::UnknownCommit { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let (name, commit) = git.tag_of(&traces.version, tag_prefix).await?;
    Ok(Origin { commit, told_by: format!("tag {name}") })
}

/// The hash that a tag is, or ends in: `9f2c41a`, `1.5.0-9f2c41a`, `main_9f2c41a`, `1.5.0-g9f2c41a`.
fn hash_at_end(tag: &str) -> Option<&str> {
    let last = tag.rsplit(['-', '_', '.']).next().unwrap_or(tag);
    // `git describe` puts a `g` before it.
    [Some(last), last.strip_prefix('g')].into_iter().flatten().find(|text| is_hash(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_hash_is_read_from_the_end_of_a_tag() {
        for (tag, hash) in [
            ("9f2c41a", Some("9f2c41a")),
            ("1.5.0-9f2c41ab", Some("9f2c41ab")),
            ("main_9f2c41a", Some("9f2c41a")),
            ("1.5.0-3-g9f2c41a", Some("9f2c41a")),
            ("sha-9F2C41A", Some("9F2C41A")),
            ("20261120", Some("20261120")),
            ("1.5.0", None),
            ("9f2c41", None),
            ("latest", None),
            ("", None),
        ] {
            assert_eq!(hash_at_end(tag), hash, "{tag}");
        }
    }
}
