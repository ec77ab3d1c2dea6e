//! What a scanner's report says of the image that was scanned, and of when.
//!
//! Trivy: `pkg/types/report.go`. Its `RepoDigests` have the digest that the registry answers with, which is that of the
//! index where there is one. Trivy Operator: `artifact` and `registry` of its reports. Grype: `grype/presenter/models`, with
//! the metadata of an image of anchore/syft, whose `manifestDigest` is that of the platform. Snyk: `snyk container test`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Format, parse};
use crate::sources::checks::incoming::{About, Image};

/// What Trivy calls an image.
const TRIVY_IMAGE: &str = "container_image";
/// How Snyk names the project of an image.
const SNYK_IMAGE: &str = "docker-image|";
/// What Grype puts before an image to say where it is: a registry or a daemon.
const GRYPE_SOURCES: [&str; 4] = ["registry:", "docker:", "podman:", "containerd:"];
/// What Grype puts before a path.
const GRYPE_PATHS: [&str; 6] = ["docker-archive:", "oci-archive:", "oci-dir:", "singularity:", "dir:", "sbom:"];
/// No scanner that is read is older; Go writes the year 1 where it has no time.
const FIRST_YEAR: i16 = 2015;

/// Returns what each part of a report is about: one, except for lists.
pub(super) fn about(format: Format, text: &str) -> Result<Vec<About>, String> {
    Ok(match format {
        Format::Trivy => vec![parse::<Trivy>(text)?.about()],
        Format::TrivyOperator => vec![parse::<Object>(text)?.about()],
        Format::KubernetesList => parse::<List>(text)?.items.iter().flatten().map(Object::about).collect(),
        Format::Grype => vec![parse::<Grype>(text)?.about()],
        Format::Snyk => parse::<Snyk>(text)?.about(),
        Format::TrivyKubernetes | Format::OsvScanner | Format::NpmAudit | Format::NpmAudit6 | Format::CargoAudit => {
            vec![About::default()]
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    created_at: Option<String>,
    artifact_name: Option<String>,
    artifact_type: Option<String>,
    metadata: Option<TrivyMetadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyMetadata {
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

impl Trivy {
    fn about(self) -> About {
        let at = time(self.created_at.as_deref());
        if self.artifact_type.as_deref() != Some(TRIVY_IMAGE) {
            return About { at, ..About::default() };
        }
        let metadata = self.metadata.unwrap_or_default();
        let lists = [metadata.repo_tags, metadata.repo_digests].into_iter().flatten().flatten();
        let references: Vec<String> = self.artifact_name.into_iter().chain(lists).collect();
        let image = Image::named(references.iter().map(String::as_str), []);
        About { image, at, ..About::default() }
    }
}

#[derive(Deserialize)]
struct List {
    items: Option<Vec<Object>>,
}

#[derive(Deserialize)]
struct Object {
    report: Option<ObjectReport>,
}

#[derive(Deserialize)]
struct ObjectReport {
    artifact: Option<ObjectArtifact>,
}

#[derive(Deserialize)]
struct ObjectArtifact {
    #[serde(default)]
    repository: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    digest: String,
}

impl Object {
    fn about(&self) -> About {
        let artifact = self.report.as_ref().and_then(|report| report.artifact.as_ref());
        let image = artifact.and_then(|artifact| {
            let tagged = (!artifact.tag.is_empty()).then(|| format!("{}:{}", artifact.repository, artifact.tag));
            let pinned = (!artifact.digest.is_empty()).then(|| format!("{}@{}", artifact.repository, artifact.digest));
            Image::named(tagged.iter().chain(&pinned).map(String::as_str), [])
        });
        About { image, ..About::default() }
    }
}

#[derive(Deserialize)]
struct Grype {
    source: Option<GrypeSource>,
    descriptor: Option<GrypeDescriptor>,
}

#[derive(Deserialize)]
struct GrypeSource {
    #[serde(rename = "type", default)]
    kind: String,
    target: Option<Value>,
}

#[derive(Deserialize)]
struct GrypeDescriptor {
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GrypeImage {
    user_input: Option<String>,
    manifest_digest: Option<String>,
    tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

impl Grype {
    fn about(self) -> About {
        let at = time(self.descriptor.and_then(|descriptor| descriptor.timestamp).as_deref());
        let target = self.source.filter(|source| source.kind == "image").and_then(|source| source.target);
        let scanned = target.and_then(|target| serde_json::from_value::<GrypeImage>(target).ok());
        let image = scanned.and_then(|scanned| {
            let input = scanned.user_input.as_deref().and_then(reference);
            let lists = [&scanned.tags, &scanned.repo_digests].into_iter().flatten().flatten();
            Image::named(input.into_iter().chain(lists.map(String::as_str)), scanned.manifest_digest.as_deref())
        });
        About { image, at, ..About::default() }
    }
}

/// Returns the reference of what Grype was told to scan; `None` where that is a path.
fn reference(input: &str) -> Option<&str> {
    if GRYPE_PATHS.iter().any(|scheme| input.starts_with(scheme)) {
        return None;
    }
    Some(GRYPE_SOURCES.iter().find_map(|scheme| input.strip_prefix(scheme)).unwrap_or(input))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Snyk {
    Several(Vec<SnykProject>),
    One(Box<SnykProject>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnykProject {
    project_name: Option<String>,
    path: Option<String>,
}

impl Snyk {
    fn about(self) -> Vec<About> {
        match self {
            Self::Several(projects) => projects.iter().map(SnykProject::about).collect(),
            Self::One(project) => vec![project.about()],
        }
    }
}

impl SnykProject {
    fn about(&self) -> About {
        let is_image = self.project_name.as_deref().is_some_and(|name| name.starts_with(SNYK_IMAGE));
        let path = self.path.as_deref().filter(|_| is_image);
        About { image: path.and_then(|path| Image::named([path], [])), ..About::default() }
    }
}

/// Reads when a report was written, as it says; `None` where it does not.
fn time(text: Option<&str>) -> Option<Timestamp> {
    let at: Timestamp = text?.parse().ok()?;
    (at.to_zoned(jiff::tz::TimeZone::UTC).year() >= FIRST_YEAR).then_some(at)
}
