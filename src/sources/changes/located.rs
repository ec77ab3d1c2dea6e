//! Which commits a scene is about.

use super::traces;
use crate::domain::facts::workload::Revision;
use crate::sources::checks::{Built, CheckInput, Tools};
use crate::sources::git::{Git, commit_of};
use crate::sources::kubernetes::ReadClient;

/// Returns the scene with its commits, as far as labels, images and tags tell them. What cannot be told stays unknown:
/// each check that needs it says so.
pub async fn located(mut scene: CheckInput, tools: &Tools) -> CheckInput {
    let git = match &tools.repository {
        Some(folder) => Git::open(folder).await.ok(),
        None => None,
    };
    if let Some((revision, elsewhere)) = &scene.revision {
        let there = if *elsewhere { &tools.previous } else { &tools.cluster };
        scene.commit = commit(git.as_ref(), there.as_ref(), revision, tools).await;
    }
    if let Some(stable) = &scene.stable {
        scene.stable_commit = commit(git.as_ref(), tools.cluster.as_ref(), stable, tools).await;
    }
    scene
}

/// What a label names in full is known without a clone, and where the clone is behind.
async fn commit(
    git: Option<&Git>,
    there: Option<&(ReadClient, String)>,
    revision: &Revision,
    tools: &Tools,
) -> Option<Built> {
    let traces = traces(there, revision).await.ok()?;
    if let Some(git) = git {
        if let Ok(origin) = commit_of(git, &traces, tools.tag_prefix()).await {
            return Some(Built { commit: origin.commit.to_string(), told_by: origin.told_by });
        }
    }
    let (key, hash) = traces.labelled()?;
    matches!(hash.len(), 40 | 64).then(|| Built { commit: hash.to_ascii_lowercase(), told_by: key.to_owned() })
}
