//! Whose JSON it is, by the keys at its top.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a report of a scanner may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources::checks) enum Format {
    Trivy,
    TrivyKubernetes,
    TrivyOperator,
    KubernetesList,
    Grype,
    OsvScanner,
    NpmAudit,
    NpmAudit6,
    CargoAudit,
    Snyk,
}

impl Format {
    /// Returns whether Trivy or its operator writes it.
    pub fn is_trivy(self) -> bool {
        matches!(self, Self::Trivy | Self::TrivyKubernetes | Self::TrivyOperator | Self::KubernetesList)
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Trivy | Self::TrivyKubernetes => "Trivy",
            Self::TrivyOperator | Self::KubernetesList => "Trivy Operator",
            Self::Grype => "Grype",
            Self::OsvScanner => "OSV-Scanner",
            Self::NpmAudit | Self::NpmAudit6 => "npm audit",
            Self::CargoAudit => "cargo audit",
            Self::Snyk => "Snyk",
        }
    }
}

/// What is at the top of a JSON text.
#[derive(Debug, Default)]
pub(in crate::sources::checks) struct Top {
    /// Keys of the object, or of the first one in the list, with their values where those are text.
    keys: BTreeMap<String, Option<String>>,
    is_list: bool,
}

/// What else writes JSON, by keys that are all at its top, with what to do. The first that fits is meant.
const OTHERS: [(&[&str], &str); 33] = [
    (&["results", "errors", "paths"], "Semgrep's JSON: write SARIF, for a check of kind `sarif`"),
    (&["results", "errors", "version"], "Semgrep's JSON: write SARIF, for a check of kind `sarif`"),
    (&["results", "metrics"], "Bandit's JSON: write SARIF, for a check of kind `sarif`"),
    (&["check_type"], "Checkov's JSON: write SARIF, for a check of kind `sarif`"),
    (&["passed", "failed"], "Checkov's JSON: write SARIF, for a check of kind `sarif`"),
    (&["results", "plugins_used"], "detect-secrets' baseline, which lists what was accepted, too"),
    (&["results", "summaryDetails"], "Kubescape's JSON: write SARIF, for a check of kind `sarif`"),
    (&["results", "created_at"], "bundler-audit's JSON, which is not read: scan with OSV-Scanner or Trivy"),
    (&["dependencies", "fixes"], "pip-audit's JSON, which has no severities"),
    (&["scan", "vulnerabilities"], "a security report of GitLab: name the report of the scanner itself"),
    (&["reportSchema", "scanInfo"], "OWASP Dependency-Check's JSON: write SARIF, for a check of kind `sarif`"),
    (&["scan_info", "warnings"], "Brakeman's JSON: write SARIF, for a check of kind `sarif`"),
    (&["Issues", "GosecVersion"], "gosec's JSON: write SARIF, for a check of kind `sarif`"),
    (&["Issues", "Report"], "golangci-lint's JSON: write SARIF, for a check of kind `sarif`"),
    (&["kics_version"], "KICS' JSON: write SARIF, for a check of kind `sarif`"),
    (&["RuleID", "Secret"], "Gitleaks' JSON: write SARIF, for a check of kind `sarif`"),
    (&["DetectorName", "SourceMetadata"], "TruffleHog's JSON, which is not read"),
    (&["ident", "determinations"], "zizmor's JSON: write SARIF, for a check of kind `sarif`"),
    (&["code", "level", "file"], "hadolint's JSON: write SARIF, for a check of kind `sarif`"),
    (&["filePath", "messages"], "ESLint's JSON: write SARIF, for a check of kind `sarif`"),
    (&["files", "summary", "metadata"], "RuboCop's JSON, which is not read: write JUnit, for a check of kind `junit`"),
    (&["filename", "failures"], "Conftest's JSON: write JUnit, for a check of kind `junit`"),
    (&["report_meta", "vulnerabilities"], "Safety's JSON, which has no severities without an account"),
    (&["image", "summary", "details"], "Dockle's JSON: write SARIF, for a check of kind `sarif`"),
    (&["@version", "site"], "ZAP's JSON, which is not read"),
    (&["advisories", "abandoned"], "composer audit's JSON, which is not read: scan with OSV-Scanner or Trivy"),
    (&["type", "data"], "yarn audit's JSON, an object for each finding: write it with `npm audit --json`"),
    (&["value", "children"], "yarn audit's JSON, an object for each finding: write it with `npm audit --json`"),
    (&["type", "fields"], "cargo-deny's JSON: write it with `cargo audit --json`"),
    (&["document", "vulnerabilities"], "an advisory (CSAF), which says nothing of what is inside: scan that"),
    (&["statements", "@context"], "VEX, which judges findings and lists none: give it to the scanner"),
    (&["error"], "the message of a tool that failed"),
    (&["errors"], "the message of a tool that failed"),
];

impl Top {
    /// Reads it; fails where the text is no JSON.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Reads the first of several texts, as some tools write one for each finding; `None` where that is no JSON either.
    pub fn first(text: &str) -> Option<Self> {
        serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
    }

    fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    fn text(&self, key: &str) -> &str {
        self.keys.get(key).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Returns which of the formats that are read it is.
    pub fn format(&self) -> Option<Format> {
        let is_snyk = self.has("infrastructureAsCodeIssues")
            || self.has("vulnerabilities") && (self.has("dependencyCount") || self.has("ok"));
        if is_snyk || self.has("ok") && self.has("error") {
            return Some(Format::Snyk);
        }
        if self.is_list {
            return None;
        }
        let any = |keys: &[&str]| keys.iter().any(|key| self.has(key));
        Some(if self.has("ClusterName") && any(&["Resources", "Findings", "Vulnerabilities", "Misconfigurations"]) {
            Format::TrivyKubernetes
        } else if self.has("SchemaVersion") && any(&["Results", "ArtifactName", "ArtifactType"]) {
            Format::Trivy
        } else if self.text("apiVersion").starts_with("aquasecurity.github.io/") {
            Format::TrivyOperator
        } else if self.text("kind").ends_with("List") && self.has("items") {
            Format::KubernetesList
        } else if self.has("matches") && any(&["descriptor", "source"]) {
            Format::Grype
        } else if self.has("auditReportVersion") {
            Format::NpmAudit
        } else if self.has("advisories") && self.has("metadata") {
            Format::NpmAudit6
        } else if self.has("lockfile") && self.has("vulnerabilities") {
            Format::CargoAudit
        } else if self.has("results") && !any(&["errors", "metrics", "version", "check_type", "summaryDetails"]) {
            Format::OsvScanner
        } else {
            return None;
        })
    }

    /// Names what else it looks like, with what to do.
    pub fn other(&self) -> Option<&'static str> {
        let any = |keys: &[&str]| keys.iter().any(|key| self.has(key));
        Some(if self.has("runs") && any(&["version", "$schema"]) {
            "SARIF: that is for a check of kind `sarif`"
        } else if self.keys.len() == 1 && any(&["config", "progress", "finding", "osv", "SBOM"]) {
            "govulncheck's JSON: write SARIF, for a check of kind `sarif`"
        } else if self.has("bomFormat") || self.has("spdxVersion") || self.text("@context").contains("spdx") {
            "an SBOM, which lists what is inside and not what is wrong with it: scan it, as `trivy sbom FILE --format json` does"
        } else {
            let all = |keys: &[&str]| keys.iter().all(|key| self.has(key));
            return OTHERS.iter().find(|(keys, _)| all(keys)).map(|(_, what)| *what);
        })
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        const MAX_KEYS: usize = 100;
        let mut top = Top::default();
        while let Some(key) = map.next_key::<String>()? {
            let Scalar(value) = map.next_value()?;
            if top.keys.len() < MAX_KEYS {
                top.keys.insert(key, value);
            }
        }
        Ok(top)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Top, A::Error> {
        let first: Option<Top> = list.next_element()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Top { is_list: true, ..first.unwrap_or_default() })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Top, E> {
        Ok(Top::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Top, E> {
        Ok(Top::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Top, E> {
        Ok(Top::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Top, E> {
        Ok(Top::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Top, E> {
        Ok(Top::default())
    }

    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top::default())
    }
}

/// A text; anything else is passed over.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar(None))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(Some(text.chars().take(100).collect())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }
        }
        from.deserialize_any(ScalarVisitor)
    }
}
