//! `images:` of a `kustomization.yaml`.

use super::yaml::Document;
use super::{Changes, ManifestError, Place, quoted, written};
use crate::domain::facts::object::ImageRef;

/// Returns the entry about the repository of a place.
fn entry(document: &Document<'_>, place: &Place) -> Result<usize, ManifestError> {
    let none = || ManifestError::NoEntry(format!("entry of `images` for {}", quoted(&place.repository)));
    let images = document.child(None, "images")?.ok_or_else(none)?;
    document.nested(images)?;
    let mut found = Vec::new();
    for element in document.children(Some(images)) {
        document.nested(element)?;
        if repository(document, element)? == Some(place.repository.as_str()) {
            found.push(element);
        }
    }
    match found.as_slice() {
        [] => Err(none()),
        [one] => Ok(*one),
        _ => Err(ManifestError::Several(format!("the image {}", quoted(&place.repository)))),
    }
}

/// The name that an image has in the end.
fn repository<'a>(document: &Document<'a>, element: usize) -> Result<Option<&'a str>, ManifestError> {
    let new = document.text_below(element, "newName")?;
    Ok(new.or(document.text_below(element, "name")?))
}

pub(super) fn image(document: &Document<'_>, place: &Place) -> Result<String, ManifestError> {
    let element = entry(document, place)?;
    let (tag, digest) = (document.text_below(element, "newTag")?, document.text_below(element, "digest")?);
    written(&place.repository, tag, digest)
        .ok_or_else(|| ManifestError::NamesNothing(format!("`images` for {}", quoted(&place.repository))))
}

/// A tag that is there says what the digest is; where there is none kustomize needs none beside the digest.
pub(super) fn change(document: &Document<'_>, place: &Place, image: &ImageRef<'_>) -> Changes {
    let element = entry(document, place)?;
    let child = |key: &str| document.child(Some(element), key);
    let (tag, digest) = (child("newTag")?, child("digest")?);
    let last = [tag, child("newName")?, child("name")?].into_iter().flatten().next();
    let last = last.ok_or_else(|| ManifestError::NoEntry("`name` in an entry of `images`".to_owned()))?;
    let mut changes = Vec::new();
    match (digest, image.digest) {
        (Some(item), Some(to)) => changes.push(document.set(item, to)?),
        (None, Some(to)) => changes.push(document.add_after(last, "digest", to)),
        (Some(item), None) => changes.push(document.remove(item)?),
        (None, None) => {}
    }
    match (tag, image.tag) {
        (Some(item), Some(to)) => changes.push(document.set(item, to)?),
        (Some(item), None) => changes.push(document.remove(item)?),
        (None, Some(to)) if image.digest.is_none() => changes.push(document.add_after(last, "newTag", to)),
        (None, _) => {}
    }
    Ok(changes)
}
