//! Manifests, indexes and lists of referrers, as registries give them out.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_digest;

/// The media types that are asked for: without them a registry may answer with a form of its own for older clients.
pub const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Entries of an index that are looked at.
const MAX_ENTRIES: usize = 64;
/// Longest kind of a referrer that is kept, in characters.
const MAX_KIND_CHARS: usize = 100;

/// What an image runs on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    pub os: String,
    /// As Go names it, e.g. `amd64`.
    pub architecture: String,
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// A manifest by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// For one platform.
    Image,
    /// A list of manifests, each for one platform; more than are looked at are left out.
    Index(Vec<Entry>),
}

/// An entry of an index that is for a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub platform: Platform,
    pub digest: String,
}

/// Reads a manifest; `None` where it is none. Its media type stands in itself, or else in the answer's header.
#[must_use]
pub fn parse(content_type: &str, body: &[u8]) -> Option<Manifest> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if value["schemaVersion"] != 2 {
        return None;
    }
    let header = content_type.split(';').next().unwrap_or_default().trim();
    let media_type = value["mediaType"].as_str().unwrap_or(header);
    if media_type.ends_with(".index.v1+json") || media_type.ends_with(".manifest.list.v2+json") {
        let entries = value["manifests"].as_array()?;
        return Some(Manifest::Index(entries.iter().filter_map(entry).take(MAX_ENTRIES).collect()));
    }
    (value["config"].is_object() && value["layers"].is_array()).then_some(Manifest::Image)
}

fn entry(value: &Value) -> Option<Entry> {
    let text = |name: &str| value["platform"][name].as_str().map(str::to_owned);
    let platform = Platform { os: text("os")?, architecture: text("architecture")?, variant: text("variant") };
    // Attestations of BuildKit stand among the images.
    let is_real = platform.os != "unknown" && platform.architecture != "unknown";
    let digest = value["digest"].as_str().filter(|digest| is_digest(digest))?;
    is_real.then(|| Entry { platform, digest: digest.to_owned() })
}

/// Reads which signatures and attestations a list of referrers has, by their kinds. `None` where it is no such list.
#[must_use]
pub fn signatures(body: &[u8]) -> Option<Vec<String>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let kinds = value["manifests"].as_array()?.iter().filter_map(|entry| entry["artifactType"].as_str());
    let mut found: Vec<String> =
        kinds.filter(|kind| is_signature(kind)).map(|kind| kind.chars().take(MAX_KIND_CHARS).collect()).collect();
    found.sort();
    found.dedup();
    Some(found)
}

/// Whether a referrer of this kind is a signature or an attestation: of cosign, of Sigstore's bundles, of Notation, or
/// in-toto's.
fn is_signature(kind: &str) -> bool {
    kind.starts_with("application/vnd.dev.sigstore.bundle")
        || kind.starts_with("application/vnd.dev.cosign.artifact.sig.")
        || kind.starts_with("application/vnd.in-toto")
        || kind == "application/vnd.cncf.notary.signature"
        || kind == "application/vnd.dsse.envelope.v1+json"
}

/// Returns the tag that lists the referrers of a digest where a registry has no API for them.
#[must_use]
pub fn fallback_tag(digest: &str) -> String {
    digest.replacen(':', "-", 1)
}

/// Returns the tags under which cosign keeps signatures and attestations, with what they are.
#[must_use]
pub fn cosign_tags(digest: &str) -> [(String, &'static str); 2] {
    let tag = fallback_tag(digest);
    [(format!("{tag}.sig"), "cosign signature"), (format!("{tag}.att"), "cosign attestation")]
}

/// Whether a 404 is a registry's own word that it has no such thing: a proxy answers 404, too.
#[must_use]
pub fn is_not_found(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let codes = value["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    codes.iter().any(|error| {
        matches!(error["code"].as_str(), Some("MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "NOT_FOUND" | "BLOB_UNKNOWN"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn read(content_type: &str, value: &Value) -> Option<Manifest> {
        parse(content_type, value.to_string().as_bytes())
    }

    #[test]
    fn an_index_names_its_platforms_and_leaves_attestations_out() {
        let entry = |os: &str, architecture: &str| json!({"digest": DIGEST, "platform": {"os": os, "architecture": architecture}});
        let index = json!({"schemaVersion": 2, "manifests": [
            entry("linux", "amd64"), entry("unknown", "unknown"),
            {"digest": DIGEST, "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
            {"digest": "sha256:x", "platform": {"os": "linux", "architecture": "s390x"}},
        ]});
        for media_type in &ACCEPTED[..2] {
            let Some(Manifest::Index(found)) = read(media_type, &index) else { panic!("{media_type}") };
            let platforms: Vec<String> = found.iter().map(|entry| entry.platform.to_string()).collect();
            assert_eq!(platforms, ["linux/amd64", "linux/arm/v7"]);
        }
    }

    #[test]
    fn only_a_manifest_is_taken_for_one() {
        let image = json!({"schemaVersion": 2, "config": {}, "layers": []});
        assert_eq!(read("application/vnd.oci.image.manifest.v1+json; charset=utf-8", &image), Some(Manifest::Image));
        // The body's own word counts before the header.
        let index = json!({"schemaVersion": 2, "mediaType": ACCEPTED[0], "manifests": []});
        assert_eq!(read("text/plain", &index), Some(Manifest::Index(Vec::new())));
        for other in [json!({}), json!([]), json!({"schemaVersion": 1}), json!({"schemaVersion": 2})] {
            assert_eq!(read(ACCEPTED[2], &other), None, "{other}");
        }
        assert_eq!(parse(ACCEPTED[2], b"<html>"), None);
    }

    #[test]
    fn a_list_of_parts_is_no_signature() {
        let list = |kinds: &[&str]| {
            let entries: Vec<Value> = kinds.iter().map(|kind| json!({"artifactType": kind})).collect();
            signatures(json!({"manifests": entries}).to_string().as_bytes())
        };
        assert_eq!(list(&["application/spdx+json", "application/vnd.example"]), Some(Vec::new()));
        let notation = "application/vnd.cncf.notary.signature";
        assert_eq!(list(&[notation, "application/spdx+json", notation]), Some(vec![notation.to_owned()]));
        assert_eq!(list(&["application/vnd.dev.sigstore.bundle.v0.3+json"]).unwrap().len(), 1);
        assert_eq!(signatures(b"{}"), None);
    }

    #[test]
    fn only_a_registry_says_that_something_is_not_there() {
        assert!(is_not_found(br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#));
        assert!(!is_not_found(br#"{"errors":[{"code":"DENIED"}]}"#));
        assert!(!is_not_found(b"<html>404</html>") && !is_not_found(b""));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse("", &body), signatures(&body), is_not_found(&body));
        }
    }
}
