//! Files of a config repository that name images: read, and changed as text, so that comments and layout stay.
//!
//! Only block style is understood, as people write it. What is not understood is refused before anything is sent.

mod helm;
mod kustomize;
mod object;
mod yaml;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::yaml::{Document, Replacement};
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::text::sanitize;

/// What a file is that names images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestFormat {
    /// A `kustomization.yaml` with `images:`.
    #[default]
    Kustomize,
    /// Values of a Helm chart.
    Helm,
    /// The objects themselves.
    Plain,
}

impl ManifestFormat {
    pub const ALL: [Self; 3] = [Self::Kustomize, Self::Helm, Self::Plain];

    /// Returns the word used in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
            Self::Plain => "plain",
        }
    }
}

/// Where in a file images are named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Kind and name of the object that holds the pod template.
    pub kind: String,
    pub name: String,
    pub container: String,
    /// The repository that its image is pulled from.
    pub repository: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {} of {}/{}", self.container, self.kind.to_lowercase(), self.name)
    }
}

/// A file in a form that is known, with the images in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest<'a> {
    pub format: ManifestFormat,
    /// Where the values of a chart name the image, e.g. `image` or `api.image`.
    pub value: &'a str,
    pub text: &'a str,
}

/// Why a file cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("it has no {0}")]
    NoEntry(String),
    #[error("it has {0} more than once")]
    Several(String),
    #[error("line {line} is not understood: {why}")]
    NotUnderstood { line: usize, why: &'static str },
    #[error("{0} names neither a tag nor a digest")]
    NamesNothing(String),
    #[error("two containers share one entry, and are to run different images")]
    Overlap,
    #[error("it would name {named} instead of {wanted}")]
    NotAsWanted { named: String, wanted: String },
    #[error("the values of a chart are changed for one image only, and {0} change")]
    OneImageOnly(usize),
}

impl Manifest<'_> {
    /// Returns the image that the file names at each place.
    ///
    /// # Errors
    /// What is missing, ambiguous or not understood.
    pub fn images(&self, places: &[Place]) -> Result<Vec<String>, ManifestError> {
        let document = Document::parse(self.text)?;
        self.single(places)?;
        places.iter().map(|place| self.image(&document, place)).collect()
    }

    /// Returns the file with other images at these places; everything else is as it was, byte by byte.
    ///
    /// # Errors
    /// What is missing, ambiguous or not understood.
    pub fn with_images(&self, changes: &[(Place, String)]) -> Result<String, ManifestError> {
        let document = Document::parse(self.text)?;
        self.single(changes)?;
        let mut replacements = Vec::new();
        for (place, image) in changes {
            let image = ImageRef::parse(image);
            replacements.extend(match self.format {
                ManifestFormat::Kustomize => kustomize::change(&document, place, &image)?,
                ManifestFormat::Helm => helm::change(&document, self.value, place, &image)?,
                ManifestFormat::Plain => object::change(&document, place, &image)?,
            });
        }
        let text = yaml::replaced(self.text, replacements)?;
        let places: Vec<Place> = changes.iter().map(|(place, _)| place.clone()).collect();
        let named = Manifest { text: &text, ..*self }.images(&places)?;
        // A value that the change does not write may say otherwise, e.g. the `repository` of a chart.
        match named.into_iter().zip(changes).find(|(named, (_, wanted))| !is_same_image(named, wanted)) {
            Some((named, (_, wanted))) => {
                Err(ManifestError::NotAsWanted { named: quoted(&named), wanted: quoted(wanted) })
            }
            None => Ok(text),
        }
    }

    fn single<T>(&self, places: &[T]) -> Result<(), ManifestError> {
        let is_fine = self.format != ManifestFormat::Helm || places.len() == 1;
        if is_fine { Ok(()) } else { Err(ManifestError::OneImageOnly(places.len())) }
    }

    fn image(&self, document: &Document<'_>, place: &Place) -> Result<String, ManifestError> {
        match self.format {
            ManifestFormat::Kustomize => kustomize::image(document, place),
            ManifestFormat::Helm => helm::image(document, self.value, place),
            ManifestFormat::Plain => object::image(document, place),
        }
    }
}

/// Returns whether two images are the same: by their digests where both name one, for the tag beside it decides nothing.
#[must_use]
pub fn is_same_image(one: &str, other: &str) -> bool {
    let (a, b) = (ImageRef::parse(one), ImageRef::parse(other));
    match (a.digest, b.digest) {
        (Some(_), Some(_)) => a.repository == b.repository && a.digest == b.digest,
        _ => one == other,
    }
}

/// Puts an image together; `None` where nothing says which one it is.
fn written(repository: &str, tag: Option<&str>, digest: Option<&str>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_empty());
    let digest = digest.filter(|digest| !digest.is_empty());
    let after = |mark: char, text: Option<&str>| text.map_or_else(String::new, |text| format!("{mark}{text}"));
    (tag.is_some() || digest.is_some()).then(|| format!("{repository}{}{}", after(':', tag), after('@', digest)))
}

/// Writes tag and digest as they stand behind the name of an image: `1.5.0@sha256:…`.
fn tag_and_digest(image: &ImageRef<'_>) -> String {
    match (image.tag, image.digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (tag, digest) => tag.or(digest).unwrap_or_default().to_owned(),
    }
}

/// Writes an image as it stands in a pod template.
fn whole(image: &ImageRef<'_>) -> String {
    written(image.repository, image.tag, image.digest).unwrap_or_else(|| image.repository.to_owned())
}

fn quoted(what: &str) -> String {
    format!("`{}`", sanitize(what))
}

type Changes = Result<Vec<Replacement>, ManifestError>;

#[cfg(test)]
mod tests;
