//! Images as reports name them, compared with those that come in: by digest, by the commit in a tag, by repository and tag.
//!
//! Registries and folders are left out, as everywhere: mirrors and environments have others.

use crate::domain::facts::object::{ImageRef, short_digest};

/// An image that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    /// The last part of its repository.
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Artifact {
    pub fn parse(image: &str) -> Self {
        let parsed = ImageRef::parse(image);
        Self {
            name: last_part(parsed.repository).to_owned(),
            tag: parsed.tag.map(str::to_owned),
            digest: parsed.digest.map(str::to_owned),
        }
    }

    pub fn shown(&self) -> String {
        self.shown_beside("")
    }

    /// Names it beside an image of the same name: by its tag alone where that is the version.
    pub fn shown_beside(&self, version: &str) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) if tag == version => tag.clone(),
            (Some(tag), _) => format!("{}:{tag}", self.name),
            (None, Some(digest)) => short_digest(digest).to_owned(),
            (None, None) => self.name.clone(),
        }
    }

    /// Compares it with a reference to the same repository. `digests` are those of the image that is referred to; none is
    /// that of this one.
    fn compare(&self, tag: Option<&str>, digests: &Digests<'_>, commit: Option<&str>) -> Relation {
        let doubt = || Doubt::untagged(self.digest.is_some() && digests.are_referred_to);
        let (Some(theirs), Some(ours)) = (tag, self.tag.as_deref()) else {
            return Relation::Unclear(doubt());
        };
        if without_platform(theirs) == without_platform(ours) {
            let differ = self.digest.is_some() && !digests.all.is_empty();
            // One may be the digest of an index, the other that of one of its platforms; or the tag was moved.
            return if differ { Relation::Unclear(Doubt::Digest) } else { Relation::Tagged };
        }
        let is_other = is_other_version(theirs, ours) || is_other_commit(theirs, ours, commit);
        if is_other { Relation::Other(self.clone()) } else { Relation::Unclear(doubt()) }
    }
}

/// The digests of an image that a report names.
struct Digests<'a> {
    all: Vec<&'a str>,
    /// Whether a reference has one, as the registry knows it: that of an image that was not pushed yet is made up.
    are_referred_to: bool,
}

/// Why it is not clear whether an image is one that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The tag is that which comes in; both digests are known, and they differ.
    Digest,
    /// Its tag names neither a version nor a commit.
    Tag,
    /// Both digests are known, they differ, and no tag says that it is the same image all the same.
    OtherDigest,
}

impl Doubt {
    /// Where no tag tells whether it is the same image.
    fn untagged(differ: bool) -> Self {
        if differ { Self::OtherDigest } else { Self::Tag }
    }

    /// Whether a report that was written after the commit may be taken for one about it. Another digest under no tag that
    /// comes in is another build, whenever it was scanned.
    pub fn is_settled_by_time(self) -> bool {
        matches!(self, Self::Digest | Self::Tag)
    }

    pub fn remedy(self) -> &'static str {
        match self {
            Self::Digest | Self::OtherDigest => "its digest is another one; scan the image by the digest that comes in",
            Self::Tag => {
                "scan it by its digest or under the tag that comes in, or have its commit in the repository of [service]"
            }
        }
    }
}

/// How an image that a report names stands to those that come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It is one of them, by its digest or its commit.
    Same,
    /// Repository and tag are those of one of them.
    Tagged,
    /// The repository is that of one of them; whether it is that build does not show.
    Unclear(Doubt),
    /// It is another build of this one.
    Other(Artifact),
    /// None of them has its repository.
    Foreign,
}

/// An image as a report names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources::checks) struct Image {
    /// References with a tag or a digest, the one that was scanned first.
    references: Vec<String>,
    /// Digests that stand in no reference.
    digests: Vec<String>,
}

impl Image {
    /// Takes what a report names it by: references, and digests without one. `None` where nothing of that names an image:
    /// an archive, or a name without tag and digest.
    pub fn named<'a>(
        references: impl IntoIterator<Item = &'a str>,
        digests: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let is_reference = |text: &&str| {
            let parsed = ImageRef::parse(text);
            !parsed.repository.is_empty() && (parsed.tag.is_some() || parsed.digest.is_some())
        };
        let references: Vec<String> =
            references.into_iter().map(str::trim).filter(is_reference).map(str::to_owned).collect();
        let digests: Vec<String> =
            digests.into_iter().filter(|digest| digest.contains(':')).map(str::to_owned).collect();
        (!references.is_empty()).then_some(Self { references, digests })
    }

    /// Names it for people: without registry and folders, and its digest shortened.
    pub fn shown(&self) -> String {
        let best = self.parsed().find(|image| image.tag.is_some()).or_else(|| self.parsed().next());
        let Some(image) = best else { return String::new() };
        let name = last_part(image.repository);
        match (image.tag, image.digest) {
            (Some(tag), _) => format!("{name}:{tag}"),
            (None, Some(digest)) => format!("{name}@{}", short_digest(digest)),
            (None, None) => name.to_owned(),
        }
    }

    /// Whether both have a repository of the same name.
    pub(in crate::sources::checks) fn is_named_as(&self, other: &Self) -> bool {
        self.parsed().any(|one| other.parsed().any(|other| last_part(one.repository) == last_part(other.repository)))
    }

    /// Whether it is a build of that image, by its name, or the very one by its digest.
    pub(super) fn is_of(&self, artifact: &Artifact) -> bool {
        let has_digest = |image: &ImageRef<'_>| image.digest.is_some() && image.digest == artifact.digest.as_deref();
        self.parsed().any(|image| last_part(image.repository) == artifact.name || has_digest(&image))
            || artifact.digest.as_ref().is_some_and(|digest| self.digests.contains(digest))
    }

    fn parsed(&self) -> impl Iterator<Item = ImageRef<'_>> {
        self.references.iter().map(|reference| ImageRef::parse(reference))
    }

    pub(super) fn relation(&self, incoming: &[Artifact], commit: Option<&str>) -> Relation {
        let mut all: Vec<&str> = self.parsed().filter_map(|image| image.digest).collect();
        let are_referred_to = !all.is_empty();
        all.extend(self.digests.iter().map(String::as_str));
        let digests = Digests { all, are_referred_to };
        let has_digest =
            |artifact: &Artifact| artifact.digest.as_deref().is_some_and(|ours| digests.all.contains(&ours));
        if incoming.iter().any(has_digest) {
            return Relation::Same;
        }
        // One commit makes several images in a repository of several services: only those of the name that comes in count.
        let names_it = |tag: &str| commit.is_some_and(|commit| names_commit(tag, commit));
        let is_ours = |image: &ImageRef| incoming.iter().any(|artifact| artifact.name == last_part(image.repository));
        if self.parsed().filter(is_ours).filter_map(|image| image.tag).any(names_it) {
            return Relation::Same;
        }
        let relations = incoming.iter().filter_map(|artifact| self.to(artifact, &digests, commit));
        relations.min_by_key(rank).unwrap_or(Relation::Foreign)
    }

    /// Compares it with an image that comes in; `None` where the repository is another one.
    fn to(&self, artifact: &Artifact, digests: &Digests<'_>, commit: Option<&str>) -> Option<Relation> {
        let mine = || self.parsed().filter(|image| last_part(image.repository) == artifact.name);
        let tags: Vec<&str> = mine().filter_map(|image| image.tag).collect();
        if tags.is_empty() {
            return mine().next().map(|_| artifact.compare(None, digests, commit));
        }
        let relations: Vec<Relation> =
            tags.into_iter().map(|tag| artifact.compare(Some(tag), digests, commit)).collect();
        // Of an image with the tags `1.5.0` and `latest`, the first says more.
        let is_other = |relation: &&Relation| matches!(relation, Relation::Other(_));
        let best = relations.iter().min_by_key(|relation| rank(relation))?;
        let other = relations
            .iter()
            .find(is_other)
            .filter(|_| matches!(best, Relation::Unclear(Doubt::Tag | Doubt::OtherDigest)));
        Some(other.unwrap_or(best).clone())
    }
}

/// The lower, the more an image is one that comes in.
fn rank(relation: &Relation) -> u8 {
    match relation {
        Relation::Same => 0,
        Relation::Tagged => 1,
        Relation::Unclear(Doubt::Digest | Doubt::Tag) => 2,
        Relation::Unclear(Doubt::OtherDigest) => 3,
        Relation::Other(_) => 4,
        Relation::Foreign => 5,
    }
}

/// Shortest abbreviation of a hash that is taken for one.
const MIN_HASH_CHARS: usize = 7;

/// Returns whether two hashes, full or abbreviated, name one commit.
pub(in crate::sources::checks) fn is_same_commit(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim().to_ascii_lowercase(), other.trim().to_ascii_lowercase());
    one.len().min(other.len()) >= MIN_HASH_CHARS && (one.starts_with(&other) || other.starts_with(&one))
}

/// Returns what may be hashes in a tag: `9f2c41a`, `1.5.0-9f2c41a`, `sha-9f2c41a-arm64`, `1.5.0-3-g9f2c41a`.
fn hashes(tag: &str) -> impl Iterator<Item = &str> {
    let is_hash =
        |part: &&str| (MIN_HASH_CHARS..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
    tag.split(['-', '_', '.']).flat_map(|part| [Some(part), part.strip_prefix('g')]).flatten().filter(is_hash)
}

fn names_commit(tag: &str, commit: &str) -> bool {
    hashes(tag).any(|hash| is_same_commit(hash, commit))
}

/// Returns whether a tag names a commit, and not that one. Digits alone may be a date, letters alone a word.
fn is_other_commit(theirs: &str, ours: &str, commit: Option<&str>) -> bool {
    let plain = |tag: &str| -> Vec<String> {
        let both =
            |hash: &&str| hash.bytes().any(|b| b.is_ascii_digit()) && hash.bytes().any(|b| b.is_ascii_alphabetic());
        hashes(tag).filter(both).map(str::to_ascii_lowercase).collect()
    };
    let (theirs, ours) = (plain(theirs), plain(ours));
    let known: Vec<&str> = commit.into_iter().chain(ours.iter().map(String::as_str)).collect();
    !known.is_empty()
        && !theirs.is_empty()
        && !theirs.iter().any(|hash| known.iter().any(|known| is_same_commit(hash, known)))
}

/// Returns whether two tags name different versions: their numbers differ as far as both have some, or nothing but their
/// numbers differs.
fn is_other_version(theirs: &str, ours: &str) -> bool {
    let (theirs, ours) = (without_platform(theirs), without_platform(ours));
    let (one, other) = (numbers(theirs), numbers(ours));
    let are_versions = one.len() > 1 && other.len() > 1 && is_dated(&one) == is_dated(&other);
    let differ = are_versions && one.iter().zip(&other).any(|(one, other)| one != other);
    differ || (theirs != ours && shape(theirs) == shape(ours) && theirs.contains(|c: char| c.is_ascii_digit()))
}

/// Returns the numbers that a version begins with: `1`, `6` and `0` of `1.6.0-rc.1`.
fn numbers(version: &str) -> Vec<&str> {
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let parts = version[..end].split('.').filter(|part| !part.is_empty());
    parts.map(|part| part.trim_start_matches('0')).collect()
}

/// Whether numbers are those of a build of a day, as Azure Pipelines and others count them: `20261130.3`. It is no version.
fn is_dated(numbers: &[&str]) -> bool {
    numbers.first().is_some_and(|first| first.len() == 8 && first.starts_with("20"))
}

/// Returns a tag with one digit in place of each number.
fn shape(tag: &str) -> String {
    let mut shape = String::with_capacity(tag.len());
    for c in tag.chars() {
        match c {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            other => shape.push(other),
        }
    }
    shape
}

/// Platforms at the end of a tag: images for several are built one by one, and joined under the tag without it.
const PLATFORMS: [&str; 14] = [
    "linux-amd64",
    "linux-arm64",
    "amd64",
    "arm64",
    "arm64v8",
    "arm64-v8",
    "x86_64",
    "aarch64",
    "386",
    "armv7",
    "arm-v7",
    "s390x",
    "ppc64le",
    "riscv64",
];

/// Returns a tag without the platform at its end, and without a `v` before its digits.
fn without_platform(tag: &str) -> &str {
    let platform = |platform: &&str| tag.strip_suffix(*platform)?.strip_suffix(['-', '_']);
    let tag = PLATFORMS.iter().find_map(platform).unwrap_or(tag);
    tag.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(tag)
}

fn last_part(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or_default()
}
