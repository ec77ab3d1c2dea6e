//! The image in the values of a Helm chart: one text, or `repository`, `tag` and `digest`.

use super::yaml::Document;
use super::{Changes, ManifestError, Place, quoted, tag_and_digest, whole, written};
use crate::domain::facts::object::ImageRef;

/// How values name an image.
enum Named {
    /// As one text, e.g. `image: registry/api:1.5.0@sha256:…`.
    Whole(usize),
    /// By tag, and digest where the chart has a value for it; without one the digest stands behind the tag.
    Parts { tag: Option<usize>, digest: Option<usize>, repository: Option<String> },
}

fn find(document: &Document<'_>, value: &str) -> Result<Named, ManifestError> {
    let none = || ManifestError::NoEntry(format!("value {}", quoted(value)));
    let (mut at, mut last) = (None, "");
    for key in value.split('.') {
        if let Some(parent) = at {
            document.nested(parent)?;
        }
        at = Some(document.child(at, key)?.ok_or_else(none)?);
        last = key;
    }
    let at = at.ok_or_else(none)?;
    if document.is_nested(at) {
        let (tag, digest) = (document.child(Some(at), "tag")?, document.child(Some(at), "digest")?);
        if tag.is_none() && digest.is_none() {
            return Err(ManifestError::NoEntry(format!("`tag` and no `digest` below {}", quoted(value))));
        }
        let text = |key: &str| document.text_below(at, key).map(|text| text.filter(|text| !text.is_empty()));
        let repository = match (text("registry")?, text("repository")?) {
            (Some(registry), Some(repository)) => Some(format!("{registry}/{repository}")),
            (None, Some(repository)) => Some(repository.to_owned()),
            (_, None) => None,
        };
        return Ok(Named::Parts { tag, digest, repository });
    }
    document.text(at)?;
    Ok(if last == "tag" { Named::Parts { tag: Some(at), digest: None, repository: None } } else { Named::Whole(at) })
}

pub(super) fn image(document: &Document<'_>, value: &str, place: &Place) -> Result<String, ManifestError> {
    let nothing = || ManifestError::NamesNothing(quoted(value));
    match find(document, value)? {
        Named::Whole(item) => {
            let image = ImageRef::parse(document.text(item)?);
            written(image.repository, image.tag, image.digest).ok_or_else(nothing)
        }
        Named::Parts { tag, digest, repository } => {
            let text = |item: Option<usize>| item.map(|item| document.text(item)).transpose();
            let (tag, digest) = (text(tag)?, text(digest)?);
            // Before the digest a tag may stand behind it already.
            let (tag, behind) = match tag.and_then(|tag| tag.split_once('@')) {
                Some((tag, behind)) => (Some(tag), Some(behind)),
                None => (tag, None),
            };
            let digest = digest.filter(|digest| !digest.is_empty()).or(behind);
            written(&repository.unwrap_or_else(|| place.repository.clone()), tag, digest).ok_or_else(nothing)
        }
    }
}

pub(super) fn change(document: &Document<'_>, value: &str, _: &Place, image: &ImageRef<'_>) -> Changes {
    match find(document, value)? {
        Named::Whole(item) => Ok(vec![document.set(item, &whole(image))?]),
        Named::Parts { tag, digest: Some(digest), .. } => {
            let mut changes = vec![document.set(digest, image.digest.unwrap_or_default())?];
            if let Some(tag) = tag {
                changes.push(document.set(tag, image.tag.unwrap_or_default())?);
            }
            Ok(changes)
        }
        Named::Parts { tag: Some(tag), .. } => {
            // Behind the name of the image there would be nothing but the digest, after a colon.
            if image.tag.is_none() {
                return Err(ManifestError::NamesNothing(
                    "an image without a tag, for a chart without `digest`,".to_owned(),
                ));
            }
            Ok(vec![document.set(tag, &tag_and_digest(image))?])
        }
        Named::Parts { tag: None, digest: None, .. } => Ok(Vec::new()),
    }
}
