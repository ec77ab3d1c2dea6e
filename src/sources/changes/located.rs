//! Which commits a scene is about.

use super::traces;
use crate::domain::facts::workload::Revision;
use crate::sources::checks::{Built, CheckInput, Tools};
use crate::sources::git::{Git, commit_of};
use crate::sources::kubernetes::ReadClient;

/// Returns the scene with its commits, as far as labels, images and tags tell them. What cannot be told stays unknown:
/// each check that needs it says so.
pub async fn located(mut scene: CheckInput, tools: &Tools) -> CheckInput {
    let Some(folder) = &tools.repository else { return scene };
    let Ok(git) = Git::open(folder).await else { return scene };
    if let Some((revision, elsewhere)) = &scene.revision {
        let there = if *elsewhere { &tools.previous } else { &tools.cluster };
        scene.commit = commit(&git, there.as_ref(), revision, tools).await;
    }
    if let Some(stable) = &scene.stable {
        scene.stable_commit = commit(&git, tools.cluster.as_ref(), stable, tools).await;
    }
    scene
}

async fn commit(git: &Git, there: Option<&(ReadClient, String)>, revision: &Revision, tools: &Tools) -> Option<Built> {
    let traces = traces(there, revision).await.ok()?;
    let origin = commit_of(git, &traces, tools.tag_prefix()).await.ok()?;
    Some(Built { commit: origin.commit.to_string(), told_by: origin.told_by })
}
