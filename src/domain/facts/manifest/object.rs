//! The images of a pod template in the manifest of an object.

use super::yaml::Document;
use super::{Changes, ManifestError, Place, whole};
use crate::domain::facts::object::ImageRef;

/// Returns the `image` of a container.
fn find(document: &Document<'_>, place: &Place) -> Result<usize, ManifestError> {
    let object = object(document, place)?;
    let mut below = document.beside(object, "spec")?;
    for key in ["template", "spec"] {
        below = match below {
            Some(item) => {
                document.nested(item)?;
                document.child(Some(item), key)?
            }
            None => None,
        };
    }
    let none = || ManifestError::NoEntry(format!("image of {place}"));
    let template = below.ok_or_else(none)?;
    document.nested(template)?;
    let mut found = Vec::new();
    for list in ["containers", "initContainers"] {
        let Some(list) = document.child(Some(template), list)? else { continue };
        document.nested(list)?;
        for element in document.children(Some(list)) {
            document.nested(element)?;
            if document.text_below(element, "name")? == Some(place.container.as_str()) {
                found.push(document.child(Some(element), "image")?.ok_or_else(none)?);
            }
        }
    }
    match found.as_slice() {
        [] => Err(none()),
        [one] => Ok(*one),
        _ => Err(ManifestError::Several(place.to_string())),
    }
}

/// Returns the `kind` of the object; the rest of it stands beside that.
fn object(document: &Document<'_>, place: &Place) -> Result<usize, ManifestError> {
    let mut found = Vec::new();
    for kind in document.all("kind") {
        if document.text(kind).ok() != Some(place.kind.as_str()) {
            continue;
        }
        let Some(metadata) = document.beside(kind, "metadata")? else { continue };
        if document.text_below(metadata, "name")? == Some(place.name.as_str()) {
            found.push(kind);
        }
    }
    let what = format!("{} {}", place.kind, place.name);
    match found.as_slice() {
        [] => Err(ManifestError::NoEntry(what)),
        [one] => Ok(*one),
        _ => Err(ManifestError::Several(what)),
    }
}

pub(super) fn image(document: &Document<'_>, place: &Place) -> Result<String, ManifestError> {
    Ok(document.text(find(document, place)?)?.to_owned())
}

pub(super) fn change(document: &Document<'_>, place: &Place, image: &ImageRef<'_>) -> Changes {
    Ok(vec![document.set(find(document, place)?, &whole(image))?])
}
