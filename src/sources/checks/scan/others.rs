//! Grype, OSV-Scanner, npm audit and cargo audit.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::cvss::base_score;
use super::{Finding, Grade, Kind, Tally};

/// Grype: `grype/presenter/models` of anchore/grype.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grype {
    matches: Option<Vec<Match>>,
    alerts_by_package: Option<Vec<GrypeAlerts>>,
}

/// What keeps Grype from matching a package: the system that it is of gets no updates any more, or is not known.
#[derive(Deserialize)]
struct GrypeAlerts {
    #[serde(default)]
    package: Package,
    alerts: Option<Vec<GrypeAlert>>,
}

#[derive(Deserialize)]
struct GrypeAlert {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Match {
    vulnerability: GrypeVulnerability,
    #[serde(default)]
    artifact: Package,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    fix: Fix,
}

#[derive(Default, Deserialize)]
struct Fix {
    versions: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Package {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// OSV-Scanner: `pkg/models/results.go` of google/osv-scanner.
#[derive(Deserialize)]
pub(super) struct OsvScanner {
    results: Option<Vec<OsvSource>>,
    experimental_config: Option<serde::de::IgnoredAny>,
}

/// Both are always written: what has none of them is no report of OSV-Scanner.
#[derive(Deserialize)]
struct OsvSource {
    #[serde(rename = "source")]
    _source: serde::de::IgnoredAny,
    packages: Vec<OsvPackage>,
}

#[derive(Deserialize)]
struct OsvPackage {
    #[serde(default)]
    package: Package,
    vulnerabilities: Option<Vec<OsvVulnerability>>,
    groups: Option<Vec<OsvGroup>>,
    license_violations: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct OsvVulnerability {
    id: String,
    #[serde(default)]
    summary: String,
    severity: Option<Vec<OsvSeverity>>,
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct OsvSeverity {
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct OsvGroup {
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    max_severity: String,
    experimental_analysis: Option<BTreeMap<String, OsvAnalysis>>,
}

/// Whether the code that is vulnerable is called, where the scanner looked.
#[derive(Deserialize)]
struct OsvAnalysis {
    called: Option<bool>,
}

impl OsvGroup {
    /// The scanner lets pass what is never called.
    fn is_uncalled(&self) -> bool {
        let analysed = self.experimental_analysis.as_ref().filter(|all| !all.is_empty());
        analysed.is_some_and(|all| all.values().all(|one| one.called == Some(false)))
    }
}

/// npm 7 and later.
#[derive(Deserialize)]
pub(super) struct NpmAudit {
    vulnerabilities: BTreeMap<String, NpmVulnerability>,
    metadata: NpmMetadata,
}

#[derive(Deserialize)]
struct NpmVulnerability {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    range: String,
    via: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmMetadata {
    #[serde(default)]
    vulnerabilities: BTreeMap<String, u64>,
    dependencies: Option<Value>,
    total_dependencies: Option<u64>,
}

/// npm 6, pnpm.
#[derive(Deserialize)]
pub(super) struct NpmAudit6 {
    advisories: BTreeMap<String, NpmAdvisory>,
    metadata: NpmMetadata,
}

#[derive(Deserialize)]
struct NpmAdvisory {
    #[serde(default)]
    module_name: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    patched_versions: String,
}

/// `cargo audit --json`: `rustsec::Report`.
#[derive(Deserialize)]
pub(super) struct CargoAudit {
    lockfile: Lockfile,
    vulnerabilities: CargoVulnerabilities,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lockfile {
    dependency_count: u64,
}

#[derive(Deserialize)]
struct CargoVulnerabilities {
    count: u64,
    list: Option<Vec<CargoVulnerability>>,
}

#[derive(Deserialize)]
struct CargoVulnerability {
    advisory: CargoAdvisory,
    #[serde(default)]
    package: Package,
    #[serde(default)]
    versions: CargoVersions,
}

#[derive(Deserialize)]
struct CargoAdvisory {
    id: String,
    #[serde(default)]
    title: String,
    cvss: Option<String>,
}

#[derive(Default, Deserialize)]
struct CargoVersions {
    patched: Option<Vec<String>>,
}

impl Tally {
    pub(super) fn grype(&mut self, report: &Grype) -> Result<(), String> {
        let Some(matches) = &report.matches else { return Err("gives no list of matches".to_owned()) };
        self.targets += 1;
        for found in matches {
            let fixed = found.vulnerability.fix.versions.as_deref().unwrap_or_default().join(", ");
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade: Grade::of(&found.vulnerability.severity),
                word: &found.vulnerability.severity,
                id: &found.vulnerability.id,
                what: self.package(&found.artifact.name, &found.artifact.version, &fixed),
                title: "",
            });
        }
        let of_packages = report.alerts_by_package.iter().flatten();
        let first = of_packages.flat_map(|of| of.alerts.iter().flatten().map(move |alert| (&of.package, alert))).next();
        let Some((package, alert)) = first else { return Ok(()) };
        let name = if package.name.is_empty() { "a package" } else { package.name.as_str() };
        let message = if alert.message.is_empty() { &alert.kind } else { &alert.message };
        let (name, message) = (self.redactor.cut(name, 80), self.redactor.cut(message, 120));
        Err(format!("Grype may not know what is wrong in {name}: {message}"))
    }

    pub(super) fn osv_scanner(&mut self, report: &OsvScanner) -> Result<(), String> {
        let sources = report.results.as_deref().unwrap_or_default();
        if sources.is_empty() && report.experimental_config.is_none() {
            return Err(
                "lists nothing that was scanned: OSV-Scanner 1.9 and later say that it is their report".to_owned()
            );
        }
        self.targets += sources.len().max(1) as u64;
        for package in sources.iter().flat_map(|source| source.packages.iter()) {
            let what = self.package(&package.package.name, &package.package.version, "");
            let all = package.vulnerabilities.as_deref().unwrap_or_default();
            let groups = package.groups.as_deref().unwrap_or_default();
            let mut listed: Vec<&str> = Vec::new();
            for group in groups {
                let mine = || all.iter().filter(|one| group.ids.contains(&one.id));
                listed.extend(group.ids.iter().map(String::as_str));
                if group.is_uncalled() {
                    self.below += 1;
                    continue;
                }
                let grade = match group.max_severity.parse() {
                    Ok(score) => Grade::of_score(score),
                    Err(_) => worst(mine().map(osv_grade)),
                };
                let first = group.ids.first().map_or("", String::as_str);
                let title = mine().next().map_or("", |one| one.summary.as_str());
                self.osv(grade, first, &what, title);
            }
            for one in all.iter().filter(|one| !listed.contains(&one.id.as_str())) {
                self.osv(osv_grade(one), &one.id, &what, &one.summary);
            }
            for licence in package.license_violations.iter().flatten() {
                let (kind, grade) = (Kind::Licence, Grade::Missing);
                let title = "not among the licences that are allowed";
                self.finding(&Finding { kind, grade, word: word(grade), id: licence, what: what.clone(), title });
            }
        }
        Ok(())
    }

    fn osv(&mut self, grade: Grade, id: &str, what: &str, title: &str) {
        let word = word(grade);
        self.finding(&Finding { kind: Kind::Vulnerability, grade, word, id, what: what.to_owned(), title });
    }

    pub(super) fn npm_audit(&mut self, report: &NpmAudit) -> Result<(), String> {
        self.npm_metadata(&report.metadata, report.vulnerabilities.len() as u64)?;
        for (name, found) in &report.vulnerabilities {
            let via = found.via.iter().flatten().find_map(|via| via.get("title")?.as_str()).unwrap_or_default();
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: name,
                what: self.redactor.cut(&found.range, 80),
                title: via,
            });
        }
        Ok(())
    }

    pub(super) fn npm_audit_6(&mut self, report: &NpmAudit6) -> Result<(), String> {
        // It counts each path to a package, and lists each advisory.
        let listed = if report.advisories.is_empty() { 0 } else { u64::MAX };
        self.npm_metadata(&report.metadata, listed)?;
        for found in report.advisories.values() {
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade: Grade::of(&found.severity),
                word: &found.severity,
                id: &found.module_name,
                what: self.package("", "", &found.patched_versions),
                title: &found.title,
            });
        }
        Ok(())
    }

    fn npm_metadata(&mut self, metadata: &NpmMetadata, listed: u64) -> Result<(), String> {
        let dependencies = metadata.dependencies.as_ref();
        let dependencies = dependencies.and_then(|all| all.as_u64().or_else(|| all.get("total")?.as_u64()));
        if dependencies.or(metadata.total_dependencies) == Some(0) {
            return Err("looked at no dependency: nothing was scanned".to_owned());
        }
        self.targets += 1;
        let severities = metadata.vulnerabilities.iter().filter(|(word, _)| *word != "total");
        let counted = severities.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        if counted > listed {
            return Err(format!("counts {counted} vulnerabilities and lists {listed} of them"));
        }
        Ok(())
    }

    pub(super) fn cargo_audit(&mut self, report: &CargoAudit) -> Result<(), String> {
        if report.lockfile.dependency_count == 0 {
            return Err("looked at no dependency: nothing was scanned".to_owned());
        }
        self.targets += 1;
        let list = report.vulnerabilities.list.as_deref().unwrap_or_default();
        for found in list {
            let grade = found.advisory.cvss.as_deref().and_then(base_score).map_or(Grade::Missing, Grade::of_score);
            let fixed = found.versions.patched.as_deref().unwrap_or_default().join(", ");
            self.finding(&Finding {
                kind: Kind::Vulnerability,
                grade,
                word: word(grade),
                id: &found.advisory.id,
                what: self.package(&found.package.name, &found.package.version, &fixed),
                title: &found.advisory.title,
            });
        }
        if report.vulnerabilities.count > list.len() as u64 {
            let (counted, listed) = (report.vulnerabilities.count, list.len());
            return Err(format!("counts {counted} vulnerabilities and lists {listed} of them"));
        }
        Ok(())
    }
}

/// The grade of a vulnerability of OSV: by its score, or by the word of its database.
fn osv_grade(found: &OsvVulnerability) -> Grade {
    let scores =
        found.severity.iter().flatten().filter_map(|severity| base_score(&severity.score)).map(Grade::of_score);
    let word = found.database_specific.as_ref().and_then(|of| of.get("severity")?.as_str());
    worst(scores.chain(word.map(Grade::of)))
}

fn worst(grades: impl Iterator<Item = Grade>) -> Grade {
    let rank = |grade: &Grade| match grade {
        Grade::Known(severity) => Some(*severity),
        _ => None,
    };
    grades.max_by_key(rank).unwrap_or(Grade::Missing)
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Known(severity) => severity.as_str(),
        Grade::Negligible => "NONE",
        Grade::Unrated | Grade::Missing => "UNKNOWN",
    }
}
