//! Tags: which digest one names, and moving it.

use std::fmt;

use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use super::look::same_digest;
use super::{MAX_TEXT_CHARS, Registry, RegistryError, Right};
use crate::domain::facts::registry::{Repository, StoredImage, is_digest};
use crate::domain::record::journal::hex;

/// What a registry says a manifest's digest is.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest as a registry gave it out, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredManifest {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for StoredManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.media_type, self.bytes.len())
    }
}

/// Why a tag was not moved, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagError {
    /// The registry said no, or was not asked: nothing changed.
    Refused(String),
    /// No answer, or one that proves nothing.
    Unknown(String),
}

impl Registry {
    /// Returns the digest that a tag names; `None` where the registry says that there is no such tag. It is asked without
    /// reading the manifest, unless the registry does not tell the digest so.
    ///
    /// # Errors
    /// Why there is no telling.
    pub async fn named_by(&self, repository: &Repository, tag: &str) -> Result<Option<String>, RegistryError> {
        match self.manifest(Method::HEAD, repository, tag).await {
            Ok(Some(found)) if is_digest(found.header(CONTENT_DIGEST)) => {
                return Ok(Some(found.header(CONTENT_DIGEST).to_owned()));
            }
            // A `HEAD` cannot say why not.
            Ok(_) | Err(RegistryError::Status(404, _)) => {}
            Err(error) => return Err(error),
        }
        let found = self.manifest(Method::GET, repository, tag).await?;
        Ok(found.map(|found| format!("sha256:{}", hex(&Sha256::digest(&found.body)))))
    }

    /// Reads the manifest of a digest as it is; `None` where it is not there.
    ///
    /// # Errors
    /// Why there is no telling.
    pub async fn manifest_of(
        &self,
        repository: &Repository,
        digest: &str,
    ) -> Result<Option<StoredManifest>, RegistryError> {
        let Some(found) = self.manifest(Method::GET, repository, digest).await? else { return Ok(None) };
        same_digest(&StoredImage { repository: repository.clone(), reference: digest.to_owned() }, &found)?;
        let header = found.content_type().to_owned();
        let own = || {
            let value: serde_json::Value = serde_json::from_slice(&found.body).ok()?;
            value["mediaType"].as_str().map(str::to_owned)
        };
        let media_type = if header.is_empty() { own() } else { Some(header) };
        let media_type = media_type
            .ok_or_else(|| RegistryError::NoAnswer("it does not say of which type the manifest is".to_owned()))?;
        Ok(Some(StoredManifest { media_type, bytes: found.body }))
    }

    /// Lets a tag name a manifest: puts it under the tag, byte for byte, once.
    ///
    /// # Errors
    /// Whether it was refused or may have been done, and why.
    pub async fn move_tag(
        &self,
        repository: &Repository,
        tag: &str,
        manifest: &StoredManifest,
    ) -> Result<(), TagError> {
        debug_assert_eq!(self.right, Right::Push, "a token for this has to be asked for");
        let url = self.url(repository, &["manifests", tag]).map_err(|error| TagError::Refused(error.to_string()))?;
        let response = match self.send(Method::PUT, url, repository, Some(manifest)).await {
            Ok(response) => response,
            // Its way broke off: whether it arrived is not known.
            Err(RegistryError::NoAnswer(why)) => return Err(TagError::Unknown(why)),
            Err(error) => return Err(TagError::Refused(self.push_refused(&error, repository))),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let may_be_done = status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT;
        let error = self.refusal(response).await;
        if may_be_done {
            return Err(TagError::Unknown(self.redactor.cut(&error.to_string(), MAX_TEXT_CHARS)));
        }
        Err(TagError::Refused(self.push_refused(&error, repository)))
    }

    /// Says why a tag was not moved, and what to do.
    #[must_use]
    pub fn push_refused(&self, error: &RegistryError, repository: &Repository) -> String {
        let help = match error {
            RegistryError::NotLoggedIn(_) | RegistryError::Forbidden(_) => {
                format!("; the login for {} needs the right to push to {}", repository.host, repository.name)
            }
            // Some registries answer 404 to whoever may not push.
            RegistryError::Status(404, _) => {
                format!("; is {} there, and may this login push to it?", repository.name)
            }
            RegistryError::Status(400..=499, _) => {
                "; where the registry keeps tags from being moved, except this one from that".to_owned()
            }
            RegistryError::TooManyRequests(_)
            | RegistryError::Status(..)
            | RegistryError::NoAnswer(_)
            | RegistryError::NotAsked(_) => String::new(),
        };
        format!("{error}{help}")
    }
}
