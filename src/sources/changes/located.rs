//! Which commits a scene is about.

use super::traces;
use crate::domain::facts::workload::Revision;
use crate::sources::checks::{Built, CheckInput, Tools};
use crate::sources::git::{Git, GitError, commit_of};
use crate::sources::kubernetes::ReadClient;

/// Returns the scene with its commits, as far as labels, images and tags tell them. What cannot be told stays unknown,
/// with why: each check that needs it says so.
pub async fn located(mut scene: CheckInput, tools: &Tools) -> CheckInput {
    let git = match &tools.repository {
        Some(folder) => Some(Git::open(folder).await),
        None => None,
    };
    if let Some((revision, elsewhere)) = &scene.revision {
        let there = if *elsewhere { &tools.previous } else { &tools.cluster };
        let found = commit(git.as_ref(), there.as_ref(), revision, tools).await;
        (scene.commit, scene.commit_doubt) = apart(found);
    }
    if let Some(stable) = &scene.stable {
        let found = commit(git.as_ref(), tools.cluster.as_ref(), stable, tools).await;
        (scene.stable_commit, scene.stable_doubt) = apart(found);
    }
    scene
}

/// Returns whether all commits of a scene are known that it has a revision for.
#[must_use]
pub fn is_located(scene: &CheckInput) -> bool {
    (scene.revision.is_none() || scene.commit.is_some()) && (scene.stable.is_none() || scene.stable_commit.is_some())
}

fn apart(found: Result<Option<Built>, String>) -> (Option<Built>, Option<String>) {
    match found {
        Ok(built) => (built, None),
        Err(why) => (None, Some(why)),
    }
}

/// Returns the commit of a revision; `None` where nothing names one. What a label names in full is known without a clone,
/// and where the clone is behind.
///
/// # Errors
/// What names it cannot be read, or is not there.
async fn commit(
    git: Option<&Result<Git, GitError>>,
    there: Option<&(ReadClient, String)>,
    revision: &Revision,
    tools: &Tools,
) -> Result<Option<Built>, String> {
    let traces = traces(there, revision).await?;
    let found = match git {
        Some(Ok(git)) => Some(commit_of(git, &traces, tools.tag_prefix()).await.map_err(|error| error.to_string())),
        Some(Err(error)) => Some(Err(error.to_string())),
        None => None,
    };
    match (found, traces.labelled()) {
        (Some(Ok(origin)), _) => Ok(Some(Built { commit: origin.commit.to_string(), told_by: origin.told_by })),
        (_, Some((key, hash))) if matches!(hash.len(), 40 | 64) => {
            Ok(Some(Built { commit: hash.to_ascii_lowercase(), told_by: key.to_owned() }))
        }
        (Some(Err(why)), Some(_)) => Err(why),
        _ => Ok(None),
    }
}
