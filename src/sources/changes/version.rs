//! The version of a release, its tag, and whether it is large enough.

use semver::Version;

use super::ends::{candidate, version_before};
use crate::domain::facts::changes::version::{demand, largest, parse};
use crate::domain::facts::changes::{Bumping, Commit, Tag, Versioning};
use crate::sources::checks::CheckInput;
use crate::sources::git::{Git, GitError, Oid};

/// Looks at the version, its tag, and the commits since the version before.
///
/// # Errors
/// Why git does not tell.
pub async fn versioning(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Versioning, GitError> {
    let version = parse(&scene.version, prefix);
    let tag = tag(git, scene, prefix).await?;
    let commit = match built_from(git, scene, prefix).await {
        // It is wrong whatever the commit is.
        Err(GitError::Untold(_)) if version.is_none() || matches!(tag, Tag::Missing(_)) => None,
        commit => commit?,
    };
    let (Some(next), Some(commit)) = (&version, commit) else {
        return Ok(Versioning { version, tag, bumping: None, because: Vec::new() });
    };
    let stable = stable(git, scene, next, prefix).await?;
    let before = match version_before(git, &scene.version, &commit, prefix).await {
        // What is stable will do.
        Err(GitError::Shallow(_)) if stable.is_some() => None,
        before => before?.map(|(last, _, commit)| (last, commit)),
    };
    // The step has to fit both for who runs what is stable and after the last version.
    let is_later = |before: &(Version, Oid)| stable.as_ref().is_none_or(|stable| before.0 > stable.0);
    let before = before.filter(is_later);
    let (mut bumping, mut because) = (None, Vec::new());
    for (last, from) in stable.into_iter().chain(before) {
        let range = git.commits(Some(&from), &commit).await?;
        let commits = Commit::read_all(&range.commits);
        let judged = Bumping::judge(&last, next, &commits);
        let is_wrong = !judged.is_right();
        // Those that were not read may ask for a larger step than was taken.
        if range.cut && !is_wrong && judged.taken < Some(largest(&last)) {
            return Err(GitError::TooMany { after: last.to_string() });
        }
        if bumping.is_none() || is_wrong {
            let asks = commits.iter().filter(|commit| demand(commit, &last) == judged.demanded);
            because = asks.map(|commit| format!("{} {}", commit.short(), commit.subject)).collect();
            bumping = Some(judged);
        }
        if is_wrong {
            break;
        }
    }
    Ok(Versioning { version, tag, bumping, because })
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

/// Returns what is stable now, where that is a version before the one that comes in: what users have is what the step
/// is for them.
async fn stable(
    git: &Git,
    scene: &CheckInput,
    next: &Version,
    prefix: &str,
) -> Result<Option<(Version, Oid)>, GitError> {
    let Some(text) = &scene.stable_version else { return Ok(None) };
    let version = parse(text, prefix).filter(|version| version.cmp_precedence(next).is_lt());
    let Some(version) = version else { return Ok(None) };
    if let Some(built) = &scene.stable_commit {
        return Ok(Some((version, git.commit(&built.commit).await?)));
    }
    if let Some(why) = &scene.stable_doubt {
        return Err(GitError::Untold(why.clone()));
    }
    for name in git.tag_names(text, prefix).await? {
        if let Some(commit) = git.tag(&name).await? {
            return Ok(Some((version, commit)));
        }
    }
    Ok(None)
}
