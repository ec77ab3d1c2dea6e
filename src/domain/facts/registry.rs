//! Images in a registry: their names, and what a registry says of them ([distribution], [image index], [referrers]).
//!
//! [distribution]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
//! [image index]: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md
//! [referrers]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers

pub mod challenge;
pub mod manifest;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::object::{ImageRef, short_digest};
use manifest::Platform;

/// The registry of images that name none.
pub const DOCKER_HUB: &str = "docker.io";
/// Where images of the Docker Hub are that name no folder.
const LIBRARY: &str = "library";
/// Longest name of a repository, in characters.
const MAX_REPOSITORY_CHARS: usize = 255;
/// Longest tag, in characters.
const MAX_TAG_CHARS: usize = 128;

/// A repository, as a registry is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Repository {
    /// Name and port of the registry.
    pub host: String,
    /// Its name there.
    pub name: String,
}

impl Repository {
    /// Reads the repository of an image reference; the first part is a registry where it has a dot or a port, or is
    /// `localhost`, as Docker and containerd read it.
    #[must_use]
    pub fn parse(repository: &str) -> Self {
        let first = repository.split_once('/').filter(|(first, _)| is_host(first));
        let (host, name) = first.unwrap_or((DOCKER_HUB, repository));
        let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { DOCKER_HUB } else { host };
        let library = host == DOCKER_HUB && !name.contains('/');
        let name = if library { format!("{LIBRARY}/{name}") } else { name.to_owned() };
        Self { host: host.to_ascii_lowercase(), name }
    }

    /// Whether a registry can be asked about it: a name of another shape might reach another path there.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let fits = |part: &str| {
            let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            part.starts_with(edge)
                && part.ends_with(edge)
                && part.chars().all(|c| edge(c) || matches!(c, '.' | '_' | '-'))
        };
        self.name.len() <= MAX_REPOSITORY_CHARS && self.name.split('/').all(fits)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

fn is_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}

/// An image that a registry is asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredImage {
    pub repository: Repository,
    /// Its digest, or where only that is known its tag.
    pub reference: String,
}

impl StoredImage {
    /// Returns what an image reference names, by its digest or else its tag.
    #[must_use]
    pub fn of(image: &str) -> Option<Self> {
        let parsed = ImageRef::parse(image);
        let reference = parsed.digest.or(parsed.tag)?;
        Some(Self { repository: Repository::parse(parsed.repository), reference: reference.to_owned() })
    }

    /// Returns its digest; `None` where only its tag is known.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        Some(self.reference.as_str()).filter(|reference| is_digest(reference))
    }

    /// Returns the reference for people: the start of a digest, or the tag.
    #[must_use]
    pub fn short(&self) -> String {
        self.digest().map_or_else(|| self.reference.clone(), short)
    }
}

/// Returns the start of a digest, for people.
#[must_use]
pub fn short(digest: &str) -> String {
    format!("sha256:{}…", short_digest(digest))
}

/// Whether a text may be a tag, as registries take them.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = text.starts_with(is_word);
    begins && text.len() <= MAX_TAG_CHARS && text.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

/// Whether a text is a digest as images are named by.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f')))
}

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    Present(Contents),
    /// It has no such manifest, by its own word.
    Absent,
    /// It did not say; why.
    Unknown(String),
}

/// What an image that is there consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Its digest: of a tag, what it names. Recordings of before do not say.
    #[serde(default)]
    pub digest: Option<String>,
    /// Its platforms, where it is an index.
    pub platforms: Vec<StoredPlatform>,
    pub signatures: Signatures,
}

impl Contents {
    /// Whether it is an index of which no manifest is there: nothing of it can be run.
    #[must_use]
    pub fn lacks_all(&self) -> bool {
        !self.platforms.is_empty() && self.platforms.iter().all(|platform| !platform.is_present)
    }
}

/// One platform of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPlatform {
    pub platform: Platform,
    /// Whether the registry has its manifest: a copy of an index may leave some out.
    pub is_present: bool,
}

/// Signatures and attestations that are listed for a digest. What they say is not looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signatures {
    #[default]
    NotAsked,
    /// Their kinds; none where nothing is listed.
    Listed(Vec<String>),
    /// Why there is no telling.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(repository: &str) -> String {
        Repository::parse(repository).to_string()
    }

    #[test]
    fn a_repository_is_read_as_docker_and_containerd_read_it() {
        assert_eq!(parsed("nginx"), "docker.io/library/nginx");
        assert_eq!(parsed("grafana/loki"), "docker.io/grafana/loki");
        assert_eq!(parsed("index.docker.io/grafana/loki"), "docker.io/grafana/loki");
        assert_eq!(parsed("docker.io/nginx"), "docker.io/library/nginx");
        assert_eq!(parsed("registry:5000/team/api"), "registry:5000/team/api");
        assert_eq!(parsed("Registry.Example/api"), "registry.example/api");
        assert_eq!(parsed("localhost/api"), "localhost/api");
    }

    #[test]
    fn a_name_that_reaches_another_path_is_not_asked_about() {
        let is_valid = |name: &str| Repository { host: String::new(), name: name.to_owned() }.is_valid();
        assert!(is_valid("team/payments-api_v2.x"));
        for name in ["", "..", "a/../b", "a//b", "/a", "a/", "A", "a b", "a?b", "a%2fb", "a#b", "ä"] {
            assert!(!is_valid(name), "{name}");
        }
    }

    #[test]
    fn an_image_is_named_by_its_digest_before_its_tag() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let image = StoredImage::of(&format!("registry.example/api:1.5.0@{digest}")).unwrap();
        assert_eq!(image.digest(), Some(digest.as_str()));
        assert_eq!(image.short(), "sha256:0a0a0a0a…");
        let image = StoredImage::of("registry.example/api:1.5.0").unwrap();
        assert_eq!((image.digest(), image.short().as_str()), (None, "1.5.0"));
        assert_eq!(StoredImage::of("registry.example/api"), None);
    }

    proptest! {
        #[test]
        fn a_repository_that_is_written_is_read_the_same(text in "[a-z0-9./:_-]{0,40}") {
            let first = Repository::parse(&text);
            if first.is_valid() {
                prop_assert_eq!(Repository::parse(&first.to_string()), first);
            }
        }
    }
}
