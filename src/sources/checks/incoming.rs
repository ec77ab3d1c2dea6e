//! What comes in, as far as a report can be compared with it: a report of another build is no evidence.
//!
//! A report that names its image or commit has to name that of the candidate. One that names none, or a tag from which
//! nothing follows, must not be older than the candidate's commit, unless it lies at a path that names the candidate.

mod image;
#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{CheckInput, Tools};
use crate::domain::facts::changes::short;
use crate::sources::changes::candidate;
use crate::sources::git::{Git, GitError, Oid, Origin};

use image::{Artifact, Relation};
pub(super) use image::{Image, is_same_commit};

/// Commits are dated by the machine they are made on, whose clock may be ahead by this much.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The candidate, for reports.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming {
    version: String,
    /// The images that change with it.
    artifacts: Vec<Artifact>,
    /// Those of them that replace another image: reports of images have to be about each of these.
    replacing: Vec<Artifact>,
    /// Images of the environment that stay as they are: a report about them says nothing of the candidate.
    settled: Vec<Artifact>,
    /// Its commit, in full if the repository has it.
    commit: Option<String>,
    committed: Committed,
}

/// When the candidate's commit was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Committed {
    At(Timestamp),
    /// There is no repository, or one without tags of versions, and nothing else names a commit.
    #[default]
    NotTold,
    /// The repository should have it, and does not, or what names it cannot be read: why, and what to do.
    Missing(String),
}

/// What a report says of what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub image: Option<Image>,
    /// Commits whose source was looked at.
    pub commits: Vec<String>,
    /// When it was written, as it says itself; a copy of the file is younger.
    pub at: Option<Timestamp>,
}

/// What a report has to do with what comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// It names its commit.
    Named,
    /// It names this image of it.
    Image(Image),
    /// It names nothing, and is not older.
    Unnamed,
    /// It names an image of which none comes in.
    Foreign(String),
    /// It names an image that stays as it is.
    Settled(String),
}

impl Incoming {
    /// Finds out what comes in.
    ///
    /// # Errors
    /// The repository could not be read: how old the commit is, is unknown then. One that does not have the commit is
    /// no error: reports that name what they are about need no date.
    pub async fn of(scene: &CheckInput, tools: &Tools) -> Result<Self, String> {
        let images = if scene.artifacts.is_empty() { &scene.images } else { &scene.artifacts };
        let changing = if scene.changing.is_empty() { images } else { &scene.changing };
        let mut incoming = Self {
            version: scene.version.clone(),
            artifacts: changing.iter().map(|image| Artifact::parse(image)).collect(),
            replacing: scene.replacing.iter().map(|image| Artifact::parse(image)).collect(),
            settled: images
                .iter()
                .filter(|image| !changing.contains(image))
                .map(|image| Artifact::parse(image))
                .collect(),
            commit: scene.commit.as_ref().map(|built| built.commit.to_ascii_lowercase()),
            committed: Committed::NotTold,
        };
        if let (None, Some(why)) = (&scene.commit, &scene.commit_doubt) {
            return Ok(Self { committed: Committed::Missing(why.clone()), ..incoming });
        }
        let Some(folder) = &tools.repository else { return Ok(incoming) };
        let (commit, committed) = committed(folder, scene, tools).await.map_err(|error| error.to_string())?;
        if let Some(commit) = commit {
            incoming.commit = Some(commit.to_string());
        }
        Ok(Self { committed, ..incoming })
    }

    /// Says what a report has to do with what comes in; `written` is when its file was, `None` where its path names the
    /// candidate: when it was written says nothing then.
    ///
    /// # Errors
    /// It is about another build, or nothing says that it is about this one.
    pub fn tie(&self, about: &About, written: Option<Timestamp>) -> Result<Tie, String> {
        let written = written.map(|written| about.at.unwrap_or(written));
        if let Some(image) = &about.image {
            return self.tie_image(image, written);
        }
        if let (Some(ours), false) = (&self.commit, about.commits.is_empty()) {
            if about.commits.iter().any(|commit| is_same_commit(commit, ours)) {
                return Ok(Tie::Named);
            }
            let theirs = about.commits.first().map_or("", String::as_str);
            let (theirs, ours) = (short(theirs), short(ours));
            return Err(format!("is about commit {theirs}, and {} was built from {ours}", self.named()));
        }
        self.not_older(written).map(|()| Tie::Unnamed)
    }

    fn tie_image(&self, image: &Image, written: Option<Timestamp>) -> Result<Tie, String> {
        let shown = image.shown();
        let relation = image.relation(&self.artifacts, self.commit.as_deref());
        // Two images may have the last part of their repositories in common.
        let is_settled = match image.relation(&self.settled, None) {
            Relation::Same | Relation::Tagged => !matches!(relation, Relation::Same | Relation::Tagged),
            Relation::Unclear(_) | Relation::Other(_) => relation == Relation::Foreign,
            Relation::Foreign => false,
        };
        if is_settled {
            return Ok(Tie::Settled(shown));
        }
        let named = || Tie::Image(image.clone());
        match relation {
            Relation::Same => Ok(named()),
            // The tag may have been moved to a later build since.
            Relation::Tagged => self.not_known_to_be_older(written).map(|()| named()),
            Relation::Unclear(why) => {
                self.not_known_to_be_older(written)?;
                let is_dated = matches!(self.committed, Committed::At(_)) || written.is_none();
                if is_dated && why.is_settled_by_time() {
                    return Ok(named());
                }
                let version = self.named();
                Err(format!("is about {shown}, and nothing says that this is {version}: {}", why.remedy()))
            }
            Relation::Other(ours) => {
                Err(format!("is about {shown}, and {} comes in", ours.shown_beside(&self.version)))
            }
            Relation::Foreign if self.artifacts.is_empty() => self.not_older(written).map(|()| Tie::Unnamed),
            Relation::Foreign => Ok(Tie::Foreign(shown)),
        }
    }

    /// Names an image that comes in and that none of the reports is about, where all of them name theirs.
    pub fn not_covered(&self, ties: &[Tie]) -> Option<String> {
        let mut images = Vec::new();
        for tie in ties {
            match tie {
                Tie::Image(image) => images.push(image),
                Tie::Named | Tie::Unnamed => return None,
                Tie::Foreign(_) | Tie::Settled(_) => {}
            }
        }
        let missing = self.replacing.iter().find(|artifact| !images.iter().any(|image| image.is_of(artifact)))?;
        let missing = missing.shown();
        (!images.is_empty()).then(|| format!("no report is about {missing}, which comes in as well: scan it, too"))
    }

    /// Refuses what was written before the commit was made; `None` is never refused.
    ///
    /// # Errors
    /// It was, or the repository does not have the commit: then it may have been.
    pub fn not_older(&self, written: Option<Timestamp>) -> Result<(), String> {
        match (&self.committed, written) {
            (Committed::Missing(why), Some(_)) => {
                let version = self.named();
                Err(format!("does not name the build that it is about, and may be older than {version}: {why}"))
            }
            _ => self.not_known_to_be_older(written),
        }
    }

    fn not_known_to_be_older(&self, written: Option<Timestamp>) -> Result<(), String> {
        let (Committed::At(committed), Some(written)) = (&self.committed, written) else { return Ok(()) };
        if committed.duration_since(written) <= MAX_CLOCK_SKEW {
            return Ok(());
        }
        let at = committed.strftime("%Y-%m-%d %H:%M UTC");
        Err(format!("was written before {} was committed ({at})", self.named()))
    }

    fn named(&self) -> &str {
        if self.version.is_empty() { "what comes in" } else { &self.version }
    }
}

/// Says what is wrong where every report names an image, and none of them changes with what comes in.
pub(super) fn all_foreign(ties: &[Tie]) -> Option<String> {
    let mut wrong = ties.iter().map(|tie| match tie {
        Tie::Foreign(image) => Some(format!("is about {image}, which is none of the images that come in")),
        Tie::Settled(image) => Some(format!("is about {image}, which does not change with this release")),
        Tie::Named | Tie::Image(_) | Tie::Unnamed => None,
    });
    let first = wrong.next()??;
    wrong.all(|wrong| wrong.is_some()).then_some(first)
}

/// Returns the candidate's commit, if the repository has it, and when it was made.
async fn committed(folder: &Path, scene: &CheckInput, tools: &Tools) -> Result<(Option<Oid>, Committed), GitError> {
    let git = Git::open(folder).await?;
    let why = match candidate(&git, scene, tools.tag_prefix()).await {
        Ok(Origin { commit, .. }) => {
            let undated = || Committed::Missing(format!("the date of its commit {} cannot be read", commit.as_str()));
            let committed = git.committed_at(&commit).await?.map_or_else(undated, Committed::At);
            return Ok((Some(commit), committed));
        }
        Err(error @ (GitError::UnknownCommit { .. } | GitError::NoTag { .. })) => error,
        Err(error) => return Err(error),
    };
    // Tags are left out of a shallow clone, too.
    let why = git.whole().await.err().unwrap_or(why);
    let is_untagged = matches!(why, GitError::NoTag { .. }) && git.versions(tools.tag_prefix()).await?.is_empty();
    Ok((None, if is_untagged { Committed::NotTold } else { Committed::Missing(why.to_string()) }))
}
