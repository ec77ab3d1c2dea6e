//! Snyk.

use serde::Deserialize;
use serde_json::Value;

use super::{Finding, Grade, Kind, Tally};
use crate::config::checks::trivy::Severity;

/// `snyk test --json`, of one project or of several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Snyk {
    Several(Vec<SnykProject>),
    One(Box<SnykProject>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnykProject {
    ok: Option<bool>,
    /// What is less severe is left out.
    severity_threshold: Option<String>,
    error: Option<Value>,
    vulnerabilities: Option<Vec<SnykIssue>>,
    infrastructure_as_code_issues: Option<Vec<SnykIssue>>,
    applications: Option<Vec<SnykProject>>,
    dependency_count: Option<u64>,
    project_name: Option<String>,
    target_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnykIssue {
    #[serde(default)]
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    severity: String,
    package_name: Option<String>,
    version: Option<String>,
    fixed_in: Option<Vec<String>>,
}

impl Tally {
    pub(super) fn snyk(&mut self, report: &Snyk) -> Result<(), String> {
        match report {
            Snyk::One(project) => self.snyk_project(project),
            Snyk::Several(projects) if projects.is_empty() => Err("lists no project: nothing was scanned".to_owned()),
            Snyk::Several(projects) => self.each(projects, Self::snyk_project),
        }
    }

    fn snyk_project(&mut self, project: &SnykProject) -> Result<(), String> {
        if let Some(error) = &project.error {
            let error = self.redactor.cut(error.as_str().unwrap_or("no message"), 120);
            return Err(format!("Snyk failed: {error}"));
        }
        let lists = [&project.vulnerabilities, &project.infrastructure_as_code_issues];
        if lists.iter().all(|list| list.is_none()) {
            return Err("a project has no list of findings: it was not scanned".to_owned());
        }
        if project.dependency_count == Some(0) {
            return Err("looked at no dependency: nothing was scanned".to_owned());
        }
        self.targets += 1;
        let place = project.project_name.as_ref().or(project.target_file.as_ref());
        self.artifacts.extend(place.map(|place| self.redactor.cut(place, 100)));
        let kinds = [Kind::Vulnerability, Kind::Misconfiguration];
        let mut listed = 0_u64;
        for (kind, list) in kinds.into_iter().zip(lists) {
            for found in list.iter().flatten() {
                listed += 1;
                let fixed = found.fixed_in.as_deref().unwrap_or_default().join(", ");
                let name = found.package_name.as_deref().unwrap_or_default();
                self.finding(&Finding {
                    kind,
                    grade: Grade::of(&found.severity),
                    word: &found.severity,
                    id: &found.id,
                    what: self.package(name, found.version.as_deref().unwrap_or_default(), &fixed),
                    title: &found.title,
                });
            }
        }
        let applications = self.each(project.applications.iter().flatten(), Self::snyk_project);
        self.snyk_threshold(project.severity_threshold.as_deref()).and(applications)?;
        if project.ok == Some(false) && listed == 0 && project.applications.is_none() {
            return Err("Snyk says that it is not fine, and lists nothing".to_owned());
        }
        Ok(())
    }

    /// Refuses a report that leaves out what counts here.
    fn snyk_threshold(&self, word: Option<&str>) -> Result<(), String> {
        let Some(word) = word else { return Ok(()) };
        let threshold = Severity::ALL.into_iter().find(|severity| severity.as_str().eq_ignore_ascii_case(word));
        let why = match threshold {
            Some(threshold) if threshold <= self.least => return Ok(()),
            Some(_) => format!("{} counts here", self.least.as_str()),
            None => "that is no severity of Snyk".to_owned(),
        };
        let word = self.redactor.cut(word, 20);
        Err(format!("was written with --severity-threshold={word}, and {why}"))
    }
}
