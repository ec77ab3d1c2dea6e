//! Gathers what is in a release: from git, and from the API servers of two environments.
//!
//! Screen, command line and checks share it. [`gather`] tells all of it; the parts are there for themselves too.

mod code;
mod drift;
mod ends;
mod located;
mod migrations;
mod traces;
mod version;

use std::collections::BTreeSet;

use super::checks::{CheckInput, Tools};
use super::git::picked_from;
use crate::config::checks::{Drift, Migrations};
use crate::domain::facts::changes::{Changes, CodeSearch, Commit, Part, Point};

pub use code::flags_in_code;
pub use drift::drift;
pub use ends::{Ends, candidate, ends, open};
pub use located::{is_located, located};
pub use migrations::migrations;
pub use traces::{origin, traces};
pub use version::versioning;

/// Which parts are asked for beside the commits and the version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangesRequest {
    pub migrations: Option<Migrations>,
    /// The differences to the environment before, as configured.
    pub drift: Option<Drift>,
    /// The feature flags in its code.
    pub code: Option<CodeSearch>,
}

/// Gathers what is in a release.
///
/// # Errors
/// Why the commits cannot be known: what, where and what to do. Other parts that cannot be known say so themselves.
pub async fn gather(scene: &CheckInput, tools: &Tools, asked: &ChangesRequest) -> Result<Changes, String> {
    let git = open(tools).await.map_err(|error| error.to_string())?;
    let ends = ends(&git, scene, tools.tag_prefix()).await.map_err(|error| error.to_string())?;
    let from = ends.from.as_ref().map(|(_, commit)| commit);
    let range = git.commits(from, &ends.to.1).await.map_err(|error| error.to_string())?;
    let lost = match from {
        Some(from) => {
            let mut lost = git.lost(from, &ends.to.1).await.map_err(|error| error.to_string())?.commits;
            let picked: BTreeSet<&str> = range.commits.iter().flat_map(|commit| picked_from(&commit.message)).collect();
            lost.retain(|commit| !picked.iter().any(|hash| commit.hash.starts_with(hash)));
            lost
        }
        None => Vec::new(),
    };
    let differences = async {
        match &asked.drift {
            Some(asked) => Part::from(
                drift(scene, tools)
                    .await
                    .map(|all| all.into_iter().filter(|difference| !difference.is_allowed(&asked.allow)).collect()),
            ),
            None => Part::NotAsked,
        }
    };
    let scripts = async {
        match &asked.migrations {
            Some(asked) => Part::from(migrations(asked, Some((&git, &ends))).await),
            None => Part::NotAsked,
        }
    };
    let version =
        async { Part::from(versioning(&git, scene, tools.tag_prefix()).await.map_err(|error| error.to_string())) };
    let code = async {
        match &asked.code {
            Some(asked) if asked.is_on => Part::from(flags_in_code(asked, &git, &ends).await),
            Some(_) | None => Part::NotAsked,
        }
    };
    let (version, migrations, drift, code) = tokio::join!(version, scripts, differences, code);
    Ok(Changes {
        service: scene.service.clone(),
        from: ends.from.map_or_else(Point::default, |(point, _)| point),
        to: ends.to.0,
        commits: Commit::read_all(&range.commits),
        lost: Commit::read_all(&lost),
        cut: range.cut,
        version,
        migrations,
        drift,
        code,
    })
}

#[cfg(test)]
mod tests;
