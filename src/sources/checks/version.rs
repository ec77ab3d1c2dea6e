//! `version`: the version is semantic, tagged, and large enough for what is in it.

use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Version;
use crate::domain::facts::changes::Versioning;
use crate::sources::changes::{open, versioning};

/// Looks at the tags and commits of the repository.
pub(super) async fn look(_asked: &Version, scene: &CheckInput, tools: &Tools) -> Evidence {
    let git = match open(tools).await {
        Ok(git) => git,
        Err(error) => return Evidence::blind(error.to_string()),
    };
    match versioning(&git, scene, tools.tag_prefix()).await {
        Ok(found) => evidence(&scene.version, &found),
        Err(error) => Evidence::blind(error.to_string()),
    }
}

fn evidence(version: &str, found: &Versioning) -> Evidence {
    let troubles = found.troubles();
    let evidence = if troubles.is_empty() {
        Evidence::passed(format!("{version}: {}", found.describe()))
    } else {
        let green: Vec<String> = troubles.into_iter().map(|(_, green)| green).collect();
        Evidence::failed(format!("{version}: {}", found.describe()), green.join("; "))
    };
    evidence.with(found.because.iter().cloned())
}
