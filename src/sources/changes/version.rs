//! The version of a release, its tag, and whether it is large enough.

use super::ends::{candidate, version_before};
use crate::domain::facts::changes::version::{demand, parse};
use crate::domain::facts::changes::{Bumping, Commit, Tag, Versioning};
use crate::sources::checks::CheckInput;
use crate::sources::git::{Git, GitError, Oid, tag_names};

/// Looks at the version, its tag, and the commits since the version before.
///
/// # Errors
/// Why git does not tell.
pub async fn versioning(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Versioning, GitError> {
    git.whole().await?;
    let version = parse(&scene.version, prefix);
    let tag = tag(git, scene, prefix).await?;
    let (Some(next), Some(commit)) = (&version, built_from(git, scene, prefix).await?) else {
        return Ok(Versioning { version, tag, bumping: None, because: Vec::new() });
    };
    let before = match version_before(git, &scene.version, &commit, prefix).await? {
        Some((last, _, commit)) => Some((last, commit)),
        None => stable(git, scene, prefix).await?,
    };
    let Some((last, from)) = before else {
        return Ok(Versioning { version, tag, bumping: None, because: Vec::new() });
    };
    let commits = Commit::read_all(&git.commits(Some(&from), &commit).await?.commits);
    let bumping = Bumping::judge(&last, next, &commits);
    let because = commits
        .iter()
        .filter(|commit| demand(commit, &last) == bumping.demanded)
        .map(|commit| format!("{} {}", commit.short(), commit.subject))
        .collect();
    Ok(Versioning { version, tag, bumping: Some(bumping), because })
}

async fn tag(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Tag, GitError> {
    let (name, commit) = match git.tag_of(&scene.version, prefix).await {
        Ok(found) => found,
        Err(GitError::NoTag { names, .. }) => return Ok(Tag::Missing(names)),
        Err(error) => return Err(error),
    };
    let Some(built) = &scene.commit else { return Ok(Tag::There(name)) };
    let built_from = git.commit(&built.commit).await?;
    Ok(if built_from == commit {
        Tag::There(name)
    } else {
        Tag::Elsewhere { name, commit: commit.to_string(), built_from: built_from.to_string() }
    })
}

/// Returns the commit that comes in; `None` where nothing tells it.
async fn built_from(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Option<Oid>, GitError> {
    match candidate(git, scene, prefix).await {
        Ok(origin) => Ok(Some(origin.commit)),
        Err(GitError::NoTag { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns what is stable now, where that is another version with a tag.
async fn stable(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Option<(semver::Version, Oid)>, GitError> {
    let Some(text) = scene.stable_version.as_ref().filter(|text| **text != scene.version) else { return Ok(None) };
    let Some(version) = parse(text, prefix) else { return Ok(None) };
    for name in tag_names(text, prefix) {
        if let Some(commit) = git.tag(&name).await? {
            return Ok(Some((version, commit)));
        }
    }
    Ok(None)
}
