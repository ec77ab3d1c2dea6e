//! Trivy: `pkg/types/report.go` and `pkg/k8s/report` of aquasecurity/trivy, and the objects of aquasecurity/trivy-operator.
//!
//! What a secret is (`Match`, `Code`) is not even read.

use serde::Deserialize;

use super::{Finding, Grade, Kind, Tally};

/// What Trivy has written since 2021.
const SCHEMA_VERSION: i64 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report {
    schema_version: i64,
    #[serde(default)]
    artifact_name: String,
    results: Option<Vec<Target>>,
    #[serde(default)]
    metadata: ImageMetadata,
}

#[derive(Default, Deserialize)]
struct ImageMetadata {
    #[serde(rename = "OS")]
    os: Option<System>,
}

/// The operating system of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct System {
    #[serde(default)]
    family: String,
    #[serde(default)]
    name: String,
    #[serde(rename = "EOSL", default)]
    is_out_of_support: bool,
}

/// What `trivy k8s` writes; older ones keep vulnerabilities and misconfigurations apart.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterReport {
    cluster_name: String,
    resources: Option<Vec<Resource>>,
    findings: Option<Vec<Resource>>,
    vulnerabilities: Option<Vec<Resource>>,
    misconfigurations: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    results: Option<Vec<Target>>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    #[serde(rename = "Target", default)]
    name: String,
    vulnerabilities: Option<Vec<Vulnerability>>,
    misconfigurations: Option<Vec<Misconfiguration>>,
    secrets: Option<Vec<Leak>>,
    licenses: Option<Vec<License>>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(rename = "PkgName", default)]
    package: String,
    #[serde(rename = "InstalledVersion", default)]
    installed: String,
    #[serde(rename = "FixedVersion", default)]
    fixed: String,
    #[serde(rename = "Severity", default)]
    severity: String,
    #[serde(rename = "Title", default)]
    title: String,
}

#[derive(Deserialize)]
struct Misconfiguration {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "AVDID", default)]
    avd: String,
    #[serde(rename = "Title", default)]
    title: String,
    #[serde(rename = "Message", default)]
    message: String,
    #[serde(rename = "Severity", default)]
    severity: String,
    #[serde(rename = "Status", default)]
    status: String,
    #[serde(rename = "CauseMetadata", default)]
    cause: Cause,
}

#[derive(Default, Deserialize)]
struct Cause {
    #[serde(rename = "StartLine")]
    line: Option<i64>,
}

/// A secret that was found: where, never what.
#[derive(Deserialize)]
struct Leak {
    #[serde(rename = "RuleID")]
    rule: String,
    #[serde(rename = "Severity", default)]
    severity: String,
    #[serde(rename = "Title", default)]
    title: String,
    #[serde(rename = "StartLine")]
    line: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct License {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    pkg_name: String,
    #[serde(default)]
    file_path: String,
    #[serde(default)]
    name: String,
}

/// A report of the operator, as Kubernetes has it.
#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    report: Option<ObjectReport>,
}

#[derive(Deserialize)]
pub(super) struct List {
    items: Option<Vec<Object>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectReport {
    vulnerabilities: Option<Vec<ObjectVulnerability>>,
    checks: Option<Vec<ObjectCheck>>,
    secrets: Option<Vec<ObjectSecret>>,
    #[serde(default)]
    summary: Summary,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    #[serde(rename = "criticalCount")]
    critical: u64,
    #[serde(rename = "highCount")]
    high: u64,
    #[serde(rename = "mediumCount")]
    medium: u64,
    #[serde(rename = "lowCount")]
    low: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectVulnerability {
    #[serde(rename = "vulnerabilityID", default)]
    id: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
}

#[derive(Deserialize)]
struct ObjectCheck {
    #[serde(rename = "checkID", default)]
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    success: bool,
}

#[derive(Deserialize)]
struct ObjectSecret {
    #[serde(rename = "ruleID", default)]
    rule: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    target: String,
}

impl Tally {
    pub(super) fn trivy(&mut self, report: &Report) -> Result<(), String> {
        if report.schema_version != SCHEMA_VERSION {
            let version = report.schema_version;
            return Err(format!("is a Trivy report of schema {version}, and only {SCHEMA_VERSION} is read"));
        }
        self.artifacts.push(self.redactor.cut(&report.artifact_name, 100));
        let targets = report.results.as_deref().unwrap_or_default();
        if targets.is_empty() {
            let what = "lists nothing that was scanned: scan with --list-all-pkgs, and check what Trivy is pointed at";
            return Err(what.to_owned());
        }
        let read = self.each(targets, |tally, target| tally.target(target, ""));
        match &report.metadata.os {
            Some(os) if os.is_out_of_support => {
                let system = self.redactor.cut(&format!("{} {}", os.family, os.name), 60);
                read.and(Err(format!(
                    "{system} gets no security updates any more: Trivy may not know what is wrong in it"
                )))
            }
            _ => read,
        }
    }

    pub(super) fn trivy_kubernetes(&mut self, report: &ClusterReport) -> Result<(), String> {
        self.artifacts.push(self.redactor.cut(&report.cluster_name, 100));
        let parts = [&report.resources, &report.findings, &report.vulnerabilities, &report.misconfigurations];
        let mut result = Ok(());
        let before = self.targets;
        for resource in parts.into_iter().flatten().flatten() {
            let place = [&resource.namespace, &resource.kind, &resource.name].map(|part| self.redactor.cut(part, 80));
            let place = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
            if !resource.error.is_empty() {
                let why = self.redactor.cut(&resource.error, 120);
                result = result.and(Err(format!("{place} could not be scanned: {why}")));
            }
            for target in resource.results.iter().flatten() {
                result = result.and(self.target(target, &place));
            }
        }
        if self.targets == before && result.is_ok() {
            return Err("lists nothing that was scanned: write it with `--report all`".to_owned());
        }
        result
    }

    fn target(&mut self, target: &Target, within: &str) -> Result<(), String> {
        self.targets += 1;
        let name = self.redactor.cut(&target.name, 100);
        let place = if within.is_empty() { name } else { format!("{within}: {name}") };
        for found in target.vulnerabilities.iter().flatten() {
            let package = self.package(&found.package, &found.installed, &found.fixed);
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.id,
                what: format!("{package} in {place}"),
                title: &found.title,
            });
        }
        for found in target.secrets.iter().flatten() {
            self.finding(&Finding {
                kind: Kind::Secret,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.rule,
                what: format!("secret in {}", at(&place, found.line)),
                title: &found.title,
            });
        }
        for found in target.licenses.iter().flatten() {
            let holder = if found.pkg_name.is_empty() { &found.file_path } else { &found.pkg_name };
            self.finding(&Finding {
                kind: Kind::Licence,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.name,
                what: format!("licence of {} in {place}", self.redactor.cut(holder, 80)),
                title: &found.category,
            });
        }
        let mut result = Ok(());
        for found in target.misconfigurations.iter().flatten() {
            let id = if found.id.is_empty() { &found.avd } else { &found.id };
            match found.status.as_str() {
                "FAIL" => {}
                "PASS" | "EXCEPTION" => continue,
                other => {
                    let (other, id) = (self.redactor.cut(other, 40), self.redactor.cut(id, 80));
                    result = Err(format!("the status of {id} is `{other}`, and none of PASS, FAIL and EXCEPTION"));
                    continue;
                }
            }
            self.finding(&Finding {
                kind: Kind::Misconfiguration,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id,
                what: at(&place, found.cause.line),
                title: if found.title.is_empty() { &found.message } else { &found.title },
            });
        }
        result
    }

    /// Takes in those objects of a list that count.
    pub(super) fn trivy_operator_list(&mut self, list: &List, counts: &[bool]) -> Result<(), String> {
        let items = list.items.as_deref().unwrap_or_default();
        if items.is_empty() {
            return Err("lists no report: is the operator at work, and the namespace right?".to_owned());
        }
        let counted = items.iter().zip(counts).filter(|(_, counts)| **counts).map(|(item, _)| item);
        self.each(counted, Self::trivy_operator)
    }

    pub(super) fn trivy_operator(&mut self, object: &Object) -> Result<(), String> {
        let name = self.redactor.cut(&object.metadata.name, 100);
        let read = [
            "VulnerabilityReport",
            "ConfigAuditReport",
            "ExposedSecretReport",
            "RbacAssessmentReport",
            "InfraAssessmentReport",
        ];
        let kind = object.kind.strip_prefix("Cluster").unwrap_or(&object.kind);
        if !read.contains(&kind) {
            let kind = self.redactor.cut(&object.kind, 60);
            return Err(format!("{name} is a {kind}, which is no report of the operator that is read"));
        }
        let Some(report) = &object.report else { return Err(format!("{name} has no report in it yet")) };
        if report.vulnerabilities.is_none() && report.checks.is_none() && report.secrets.is_none() {
            return Err(format!("{name} lists nothing that was looked at"));
        }
        self.artifacts.push(name.clone());
        self.targets += 1;
        for found in report.vulnerabilities.iter().flatten() {
            let package = self.package(&found.resource, &found.installed_version, &found.fixed_version);
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.id,
                what: format!("{package} in {name}"),
                title: &found.title,
            });
        }
        for found in report.checks.iter().flatten().filter(|check| !check.success) {
            self.finding(&Finding {
                kind: Kind::Misconfiguration,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.id,
                what: name.clone(),
                title: &found.title,
            });
        }
        for found in report.secrets.iter().flatten() {
            self.finding(&Finding {
                kind: Kind::Secret,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.rule,
                what: format!("secret in {}", self.redactor.cut(&found.target, 100)),
                title: &found.title,
            });
        }
        let counts = &report.summary;
        let counted = [counts.critical, counts.high, counts.medium, counts.low];
        let counted = counted.into_iter().fold(0, u64::saturating_add);
        let failed = |check: &&ObjectCheck| !check.success;
        let listed = report.vulnerabilities.iter().flatten().count()
            + report.checks.iter().flatten().filter(failed).count()
            + report.secrets.iter().flatten().count();
        if counted > listed as u64 {
            return Err(format!("{name} counts {counted} findings and lists {listed} of them"));
        }
        Ok(())
    }
}

fn at(place: &str, line: Option<i64>) -> String {
    match line {
        Some(line) if line > 0 => format!("{place}:{line}"),
        _ => place.to_owned(),
    }
}
