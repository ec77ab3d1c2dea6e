//! Which commit a release was built from, as far as git has told.

use super::candidate::is_same_artifact;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::world::{Environment, World};

/// The commit of what comes into an environment next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuiltFrom {
    /// Git was not asked yet, or about something else.
    NotYet,
    /// Nothing tells it; why.
    Unknown(String),
    /// Its full hash.
    Commit(String),
}

impl World {
    /// Returns the commit that the artifact was built from which comes into a workload next.
    #[must_use]
    pub fn built_from(&self, env: &Environment, id: &WorkloadId) -> BuiltFrom {
        if env.has_repository == Some(false) {
            return BuiltFrom::Unknown("there is no git repository: see `repository` of [service]".to_owned());
        }
        let Some(candidate) = self.candidate(env) else { return BuiltFrom::NotYet };
        let is_it = |revision| is_same_artifact(revision, &candidate.revision);
        if candidate.workload != *id && !self.incoming(env, id).is_some_and(is_it) {
            let why = format!("git was asked about {}, which is not released with it", candidate.workload);
            return BuiltFrom::Unknown(why);
        }
        match &env.changes {
            Some((subject, changes)) if *subject == candidate.key => match changes {
                Ok(changes) if !changes.to.commit.is_empty() => BuiltFrom::Commit(changes.to.commit.clone()),
                Ok(_) => BuiltFrom::Unknown("git does not tell it".to_owned()),
                Err(why) => BuiltFrom::Unknown(why.clone()),
            },
            Some(_) | None => BuiltFrom::NotYet,
        }
    }
}
