//! The two ends of the changes: what is stable, and what comes in.

use semver::Version;

use crate::domain::facts::changes::{Point, version};
use crate::sources::checks::{Built, CheckInput, Tools};
use crate::sources::git::{Git, GitError, Oid, Origin, TagRef, Traces, commit_of};

/// How many tags are looked at to find the version before.
const MAX_TAGS_TRIED: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// What is stable; where nothing else comes in, the version before; `None` for the first version of all.
    pub from: Option<(Point, Oid)>,
    pub to: (Point, Oid),
}

/// Why there is no repository to ask.
#[derive(Debug, thiserror::Error)]
pub enum NoRepository {
    #[error("no git repository is known: set [service] repository to its folder")]
    NotSet,
    #[error(transparent)]
    Git(#[from] GitError),
}

pub async fn open(tools: &Tools) -> Result<Git, NoRepository> {
    let folder = tools.repository.as_ref().ok_or(NoRepository::NotSet)?;
    Ok(Git::open(folder).await?)
}

/// Finds both ends: by the commits that the scene knows, else by the images and tags of the versions.
pub async fn ends(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Ends, GitError> {
    let origin = candidate(git, scene, prefix).await?;
    let to = (point(git, &scene.version, &origin).await?, origin.commit);
    if let Some(why) = &scene.stable_doubt {
        return Err(GitError::Untold(why.clone()));
    }
    let from = match (&scene.stable_commit, &scene.stable_version) {
        (Some(built), version) => {
            let origin = built_from(git, built).await?;
            Some((point(git, version.as_deref().unwrap_or_default(), &origin).await?, origin.commit))
        }
        (None, Some(version)) => {
            let traces =
                Traces { version: version.clone(), images: vec![format!("stable:{version}")], ..Traces::default() };
            let origin = commit_of(git, &traces, prefix).await?;
            Some((point(git, version, &origin).await?, origin.commit))
        }
        (None, None) => match version_before(git, &scene.version, &to.1, prefix).await? {
            Some((version, tag, commit)) => {
                let origin = Origin { commit, told_by: format!("tag {}", tag.name) };
                Some((point(git, &version.to_string(), &origin).await?, origin.commit))
            }
            None => None,
        },
    };
    Ok(Ends { from, to })
}

/// Returns the commit that comes in.
pub async fn candidate(git: &Git, scene: &CheckInput, prefix: &str) -> Result<Origin, GitError> {
    if let Some(built) = &scene.commit {
        return built_from(git, built).await;
    }
    if let Some(why) = &scene.commit_doubt {
        return Err(GitError::Untold(why.clone()));
    }
    let traces = Traces { images: scene.images.clone(), version: scene.version.clone(), ..Traces::default() };
    commit_of(git, &traces, prefix).await
}

async fn built_from(git: &Git, built: &Built) -> Result<Origin, GitError> {
    Ok(Origin { commit: git.commit(&built.commit).await?, told_by: built.told_by.clone() })
}

async fn point(git: &Git, version: &str, origin: &Origin) -> Result<Point, GitError> {
    let at = git.show(&origin.commit).await?.and_then(|commit| commit.at);
    Ok(Point { version: version.to_owned(), commit: origin.commit.to_string(), told_by: origin.told_by.clone(), at })
}

/// Finds the last version before one, among the tags in the history of its commit. The tags of a release branch lie
/// beside it: they count where they are of a later minor version than any in the history. A release counts from the
/// release before it, and not from a candidate of its own.
///
/// # Errors
/// Where a shallow clone may hide it.
pub(super) async fn version_before(
    git: &Git,
    text: &str,
    commit: &Oid,
    prefix: &str,
) -> Result<Option<(Version, TagRef, Oid)>, GitError> {
    let candidate = version::parse(text, prefix);
    let mut tags = git.versions(prefix).await?;
    tags.retain(|(version, tag)| {
        let is_before = candidate.as_ref().is_none_or(|candidate| version.cmp_precedence(candidate).is_lt());
        is_before && tag.commit.is_some()
    });
    let finals = tags.iter().filter(|(version, _)| version.pre.is_empty()).cloned().rev();
    let others = tags.iter().filter(|(version, _)| !version.pre.is_empty()).cloned().rev();
    let mut beside: Option<(Version, TagRef, Oid)> = None;
    for (version, tag) in finals.take(MAX_TAGS_TRIED).chain(others.take(MAX_TAGS_TRIED)) {
        let Some(tagged) = tag.commit.clone() else { continue };
        let Some(shared) = git.merge_base(&tagged, commit).await?.filter(|shared| shared != commit) else { continue };
        if shared == tagged {
            let minor = |version: &Version| (version.major, version.minor);
            let later = beside.filter(|(other, ..)| minor(other) > minor(&version));
            return Ok(Some(later.unwrap_or((version, tag, tagged))));
        }
        if candidate.is_some() && version.pre.is_empty() {
            beside.get_or_insert((version, tag, tagged));
        }
    }
    if beside.is_none() {
        git.whole().await?;
    }
    Ok(beside)
}
