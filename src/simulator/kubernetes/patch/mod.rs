//! The patch types that an API server takes.

pub mod merge;
pub mod strategic;

use json_patch::Patch;
use serde::Deserialize as _;
use serde_json::Value;

use super::api_error::ApiError;
use super::object;

/// How the body of a PATCH request is to be read, from its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`, RFC 6902.
    Json,
    /// `application/merge-patch+json`, RFC 7386.
    Merge,
    /// `application/strategic-merge-patch+json`: merges lists by key; built-in kinds only.
    Strategic,
    /// `application/apply-patch+yaml`: server-side apply.
    Apply,
}

impl PatchType {
    /// Reads the content type of a request to a kind, `custom` for kinds from a CRD.
    pub fn from_content_type(content_type: &str, custom: bool) -> Result<Self, ApiError> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        match media {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if !custom => Ok(Self::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(Self::Apply),
            _ => {
                let mut accepted =
                    vec!["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
                if !custom {
                    accepted.insert(2, "application/strategic-merge-patch+json");
                }
                Err(ApiError::unsupported_media_type(&accepted))
            }
        }
    }

    /// Applies a patch to an object.
    pub fn apply(self, object: &Value, patch: &Value) -> Result<Value, ApiError> {
        let mut new = object.clone();
        match self {
            Self::Json => apply_json(&mut new, patch)?,
            Self::Merge => {
                if !patch.is_object() {
                    return Err(ApiError::bad_request(
                        "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
                    ));
                }
                merge::apply(&mut new, patch);
            }
            Self::Strategic => strategic::apply(&mut new, patch),
            Self::Apply => {
                let mut patch = patch.clone();
                object::remove(&mut patch, &["metadata", "managedFields"]);
                strategic::apply(&mut new, &patch);
            }
        }
        Ok(new)
    }
}

/// Applies a JSON patch, RFC 6902. After an error `target` holds the operations before the one that failed.
fn apply_json(target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    if !patch.is_array() {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ));
    }
    // The server does not say what does not apply, not even to a failed test.
    let refused = || ApiError::unprocessable_patch("the server rejected our request due to an error in our request");
    let operations = Patch::deserialize(patch).map_err(|_| refused())?;
    json_patch::patch_unsafe(target, &operations).map_err(|_| refused())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
