//! `trivy`: what Trivy found, as its JSON report (`SchemaVersion` 2, `pkg/types/report.go` of aquasecurity/trivy).
//!
//! What a secret is (`Match`, `Code`) is not even read.

use serde::Deserialize;

use super::reports::{ReadContext, Report, apart, find};
use super::wording::{MAX_LISTED, Wording as _, and_more, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Trivy;
use crate::config::checks::trivy::Severity;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

/// Largest report, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;
/// What Trivy has written since 2021.
const SCHEMA_VERSION: i64 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scan {
    schema_version: i64,
    #[serde(default)]
    artifact_name: String,
    results: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    #[serde(rename = "Target")]
    name: String,
    vulnerabilities: Option<Vec<Vulnerability>>,
    misconfigurations: Option<Vec<Misconfiguration>>,
    secrets: Option<Vec<Leak>>,
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
    #[serde(rename = "Status")]
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

pub(super) async fn look(asked: &Trivy, _scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(asked.severity, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// What the reports say, all in all.
#[derive(Default)]
struct Tally {
    vulnerabilities: u64,
    misconfigurations: u64,
    secrets: u64,
    below: u64,
    /// Findings whose severity no one knows.
    unknown: u64,
    /// The first findings: how bad, and as a line of evidence.
    lines: Vec<(Severity, String)>,
    names: Vec<String>,
    artifacts: Vec<String>,
    targets: u64,
    redactor: Redactor,
}

fn judge(severity: Severity, reports: &[Report], reading: &ReadContext) -> Evidence {
    let mut tally = Tally { redactor: reading.redactor.clone(), ..Tally::default() };
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.json::<Scan>(MAX_REPORT_BYTES, reading);
        let result = result.and_then(|scan| tally.add(scan, severity).map_err(|what| report.wrong(what)));
        troubles.extend(result.err());
    }
    tally.evidence(severity, reports, &troubles)
}

impl Tally {
    fn evidence(mut self, severity: Severity, reports: &[Report], troubles: &[String]) -> Evidence {
        self.lines.sort_by_key(|line| std::cmp::Reverse(line.0));
        let listed = self.lines.len().min(MAX_LISTED);
        let lines = self.lines.into_iter().take(MAX_LISTED).map(|(_, line)| line);
        let shown = troubles.iter().take(MAX_LISTED).map(|trouble| self.redactor.one_line(trouble));
        let found = self.vulnerabilities + self.misconfigurations + self.secrets;
        let bar = match severity {
            Severity::Critical => "CRITICAL".to_owned(),
            other => format!("{} or above", other.as_str()),
        };
        let aside = [(self.below, "less severe"), (self.unknown, "of unknown severity")];
        let aside = aside.iter().filter(|(count, _)| *count > 0).fold(String::new(), |aside, (count, what)| {
            let count = figure(*count);
            aside + &format!("; {count} {what}")
        });
        if found > 0 {
            let kinds = [
                (self.vulnerabilities, "vulnerability"),
                (self.misconfigurations, "misconfiguration"),
                (self.secrets, "secret"),
            ];
            let kinds: Vec<String> =
                kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| figures(*count, what)).collect();
            let names = self.redactor.some(self.names.iter().map(String::as_str), found);
            let summary = format!("{} {bar}: {names}{aside}", kinds.join(", "));
            return Evidence::failed(summary, format!("Trivy finds nothing {bar}, and the report is written again"))
                .with(lines)
                .with(and_more(listed, found))
                .with(shown);
        }
        if let Some(first) = troubles.first() {
            return Evidence::blind(first.clone()).with(shown.skip(1));
        }
        let scanned = self.redactor.some(self.artifacts.iter().map(String::as_str), self.artifacts.len() as u64);
        let written = reports.iter().take(MAX_LISTED).map(|report| format!("{}: {}", report.name, report.written()));
        let files = plural(reports.len(), "file");
        let targets = figures(self.targets, "target");
        Evidence::passed(format!("nothing {bar} in {targets} of {scanned}{aside}, in {files}")).with(written)
    }

    fn add(&mut self, scan: Scan, least: Severity) -> Result<(), String> {
        if scan.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "is a Trivy report of schema {}, and only {SCHEMA_VERSION} is read",
                scan.schema_version
            ));
        }
        self.artifacts.push(self.redactor.cut(&scan.artifact_name, 100));
        let targets = scan.results.unwrap_or_default();
        if targets.is_empty() {
            let what = "lists nothing that was scanned: scan with --list-all-pkgs, and check what Trivy is pointed at";
            return Err(what.to_owned());
        }
        for target in targets {
            self.targets += 1;
            self.target(&target, least);
        }
        Ok(())
    }

    fn target(&mut self, target: &Target, least: Severity) {
        let place = self.redactor.cut(&target.name, 100);
        for found in target.vulnerabilities.iter().flatten() {
            if let Some(severity) = self.counts(&found.severity, least) {
                self.vulnerabilities += 1;
                let fix = match found.fixed.as_str() {
                    "" => "no fix yet".to_owned(),
                    fixed => format!("fixed in {}", self.redactor.cut(fixed, 60)),
                };
                let (package, installed) =
                    (self.redactor.cut(&found.package, 80), self.redactor.cut(&found.installed, 60));
                let what = format!("{package} {installed} ({fix}) in {place}");
                self.keep(severity, &found.severity, &found.id, &what, &found.title);
            }
        }
        for found in target.misconfigurations.iter().flatten() {
            if found.status != "FAIL" {
                continue;
            }
            if let Some(severity) = self.counts(&found.severity, least) {
                self.misconfigurations += 1;
                let id = if found.id.is_empty() { &found.avd } else { &found.id };
                let told = if found.title.is_empty() { &found.message } else { &found.title };
                self.keep(severity, &found.severity, id, &at(&place, found.cause.line), told);
            }
        }
        for found in target.secrets.iter().flatten() {
            if let Some(severity) = self.counts(&found.severity, least) {
                self.secrets += 1;
                let what = format!("secret in {}", at(&place, found.line));
                self.keep(severity, &found.severity, &found.rule, &what, &found.title);
            }
        }
    }

    /// Returns how bad a finding is, if it counts. A word that is none of Trivy's counts as the worst.
    fn counts(&mut self, word: &str, least: Severity) -> Option<Severity> {
        if matches!(word, "" | "UNKNOWN") {
            self.unknown += 1;
            return None;
        }
        let known = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
        let severity = known.unwrap_or(Severity::Critical);
        if severity < least {
            self.below += 1;
            return None;
        }
        Some(severity)
    }

    fn keep(&mut self, severity: Severity, word: &str, id: &str, what: &str, title: &str) {
        if self.lines.len() < MAX_LISTED * 10 {
            let (word, id) = (self.redactor.cut(word, 20), self.redactor.cut(id, 80));
            let title = self.redactor.first_line(title);
            let title = if title.is_empty() { title } else { format!(": {title}") };
            self.lines.push((severity, self.redactor.one_line(&format!("{word} {id} {what}{title}"))));
            if self.names.len() < MAX_LISTED && !self.names.contains(&id) {
                self.names.push(id);
            }
        }
    }
}

fn at(place: &str, line: Option<i64>) -> String {
    match line {
        Some(line) if line > 0 => format!("{place}:{line}"),
        _ => place.to_owned(),
    }
}
