//! One look at an image in a registry.

use reqwest::Method;
use sha2::{Digest as _, Sha256};

use super::{Found, Registry, RegistryError};
use crate::domain::facts::registry::manifest::{self, Entry, Manifest, cosign_tags, fallback_tag, signatures};
use crate::domain::facts::registry::{
    Contents, Repository, Signatures, Stored, StoredImage, StoredPlatform, is_digest,
};
use crate::domain::record::journal::hex;

/// What is looked for besides the image itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookFor {
    Image,
    /// Signatures and attestations, too.
    Signatures,
}

/// What is known of an image and cannot change: what a digest names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownImage {
    entries: Vec<Entry>,
}

impl Registry {
    /// Looks whether an image is there; of a tag, which digest it names. What was read of the same digest before is not read again, only asked for.
    ///
    /// # Errors
    /// Why there is no telling.
    pub async fn look(
        &self,
        image: &StoredImage,
        known: &mut Option<KnownImage>,
        look_for: LookFor,
    ) -> Result<Stored, RegistryError> {
        if image.digest().is_none() {
            let named = self.named_by(&image.repository, &image.reference).await?;
            let contents = |digest| Contents { digest: Some(digest), ..Contents::default() };
            return Ok(named.map_or(Stored::Absent, |digest| Stored::Present(contents(digest))));
        }
        let Some(entries) = self.entries(image, known).await? else { return Ok(Stored::Absent) };
        let mut platforms = Vec::new();
        for Entry { platform, digest } in entries {
            let is_present = self.is_there(&image.repository, &digest).await?;
            platforms.push(StoredPlatform { platform, is_present });
        }
        let signatures = match (look_for, image.digest()) {
            (LookFor::Signatures, Some(digest)) => match self.signatures(&image.repository, digest).await {
                Ok(found) => Signatures::Listed(found),
                Err(error) => Signatures::Unknown(error.to_string()),
            },
            _ => Signatures::NotAsked,
        };
        Ok(Stored::Present(Contents { digest: image.digest().map(str::to_owned), platforms, signatures }))
    }

    /// Returns the platforms of an image; `None` where it is not there.
    async fn entries(
        &self,
        image: &StoredImage,
        known: &mut Option<KnownImage>,
    ) -> Result<Option<Vec<Entry>>, RegistryError> {
        let StoredImage { repository, reference } = image;
        if let Some(known) = known.as_ref().filter(|_| image.digest().is_some()) {
            if self.is_there(repository, reference).await? {
                return Ok(Some(known.entries.clone()));
            }
            return Ok(None);
        }
        let Some(found) = self.manifest(Method::GET, repository, reference).await? else { return Ok(None) };
        same_digest(image, &found)?;
        let read = manifest::parse(found.content_type(), &found.body);
        let entries = match read {
            Some(Manifest::Image) => Vec::new(),
            Some(Manifest::Index(entries)) => entries,
            None => return Err(RegistryError::NoAnswer("its answer is no manifest of an image".to_owned())),
        };
        *known = Some(KnownImage { entries: entries.clone() });
        Ok(Some(entries))
    }

    /// Whether a manifest is there, without reading it. A `HEAD` cannot say why not, so a `GET` has the last word.
    async fn is_there(&self, repository: &Repository, reference: &str) -> Result<bool, RegistryError> {
        match self.manifest(Method::HEAD, repository, reference).await {
            Ok(found) => Ok(found.is_some()),
            Err(RegistryError::Status(404, _)) => {
                self.manifest(Method::GET, repository, reference).await.map(|found| found.is_some())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the kinds of signatures and attestations that are listed for a digest: by the registry's API, else under the
    /// tag that stands in for it, and under the tags of cosign.
    async fn signatures(&self, repository: &Repository, digest: &str) -> Result<Vec<String>, RegistryError> {
        let list = match self.referrers(repository, digest).await? {
            Some(list) => Some(list),
            None => self.manifest(Method::GET, repository, &fallback_tag(digest)).await?.map(|found| found.body),
        };
        let no_list = || RegistryError::NoAnswer("its list of referrers is none".to_owned());
        let mut found = list.map_or(Ok(Vec::new()), |list| signatures(&list).ok_or_else(no_list))?;
        for (tag, kind) in cosign_tags(digest) {
            if self.is_there(repository, &tag).await? {
                found.push(kind.to_owned());
            }
        }
        Ok(found)
    }
}

/// Makes sure that what came is what was asked for.
pub(super) fn same_digest(image: &StoredImage, found: &Found) -> Result<(), RegistryError> {
    let Some(wanted) = image.digest() else { return Ok(()) };
    let own = hex(&Sha256::digest(&found.body));
    let is_same = is_digest(wanted) && wanted.strip_prefix("sha256:") == Some(own.as_str());
    if is_same {
        return Ok(());
    }
    Err(RegistryError::NoAnswer(format!("it answers with another manifest than that of {}", image.short())))
}
