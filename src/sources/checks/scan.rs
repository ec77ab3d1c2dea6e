//! `scan`: what a scanner of dependencies, images or configurations found, as its JSON: Trivy, Trivy Operator, Grype,
//! OSV-Scanner, npm audit, cargo audit and Snyk, told by what is in it. `trivy` takes only the first two.

mod about;
mod cvss;
mod format;
mod others;
mod snyk;
mod trivy;

use serde::de::DeserializeOwned;

use super::incoming::{About, Image, Tie, all_foreign};
use super::reading::{ReadContext, apart};
use super::reports::{Report, find, plain};
use super::wording::{MAX_LISTED, Wording as _, and_more, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::trivy::Severity;
use crate::config::checks::{Scan, Trivy};
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

pub(super) use format::{Format, Top};

/// Largest report, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

pub(super) async fn look(asked: &Scan, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(Expected::Any, asked.severity, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

pub(super) async fn look_trivy(asked: &Trivy, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(Expected::Trivy, asked.severity, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// Whose reports are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Any,
    Trivy,
}

impl Expected {
    /// For `expected …`.
    fn label(self) -> &'static str {
        match self {
            Self::Any => "a report of Trivy, Grype, OSV-Scanner, npm audit, cargo audit or Snyk, as JSON",
            Self::Trivy => "a report of Trivy (`--format json`)",
        }
    }
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Vulnerability,
    Misconfiguration,
    Secret,
    Licence,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Vulnerability, Self::Misconfiguration, Self::Secret, Self::Licence];

    fn label(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Misconfiguration => "misconfiguration",
            Self::Secret => "secret",
            Self::Licence => "licence finding",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Grade {
    Known(Severity),
    /// Less than the least that can be asked for.
    Negligible,
    /// The scanner itself says that it does not know, and lets it pass.
    Unrated,
    /// Nothing says how bad it is.
    Missing,
}

impl Grade {
    /// Reads the word of a scanner. One that none of them uses counts as the worst.
    fn of(word: &str) -> Self {
        Self::Known(match word.to_ascii_lowercase().as_str() {
            "high" => Severity::High,
            "medium" | "moderate" => Severity::Medium,
            "low" => Severity::Low,
            "negligible" | "none" | "info" => return Self::Negligible,
            "unknown" => return Self::Unrated,
            "" => return Self::Missing,
            _ => Severity::Critical,
        })
    }

    /// Reads a score of CVSS.
    fn of_score(score: f64) -> Self {
        Self::Known(match score {
            score if score >= 9.0 => Severity::Critical,
            score if score >= 7.0 => Severity::High,
            score if score >= 4.0 => Severity::Medium,
            score if score > 0.0 => Severity::Low,
            score if score.is_nan() => return Self::Missing,
            _ => return Self::Negligible,
        })
    }
}

/// Something that a scanner found. What a secret is never comes in here.
struct Finding<'a> {
    kind: Kind,
    grade: Grade,
    /// The severity in the scanner's own words.
    word: &'a str,
    id: &'a str,
    /// What it is in, and where.
    what: String,
    title: &'a str,
}

/// What the reports say, all in all.
#[derive(Default)]
struct Tally {
    least: Severity,
    /// How many were found, by kind.
    found: [u64; Kind::ALL.len()],
    below: u64,
    /// Findings whose severity no one knows.
    unknown: u64,
    /// The first finding of which nothing says how bad it is.
    missing: Option<String>,
    /// The first findings: how bad, and as a line of evidence.
    lines: Vec<(Severity, String)>,
    names: Vec<String>,
    artifacts: Vec<String>,
    tools: Vec<&'static str>,
    targets: u64,
    /// What each report has to do with what comes in.
    ties: Vec<Tie>,
    redactor: Redactor,
}

fn judge(expected: Expected, least: Severity, reports: &[Report], reading: &ReadContext) -> Evidence {
    let mut tally = Tally { redactor: reading.redactor.clone(), least, ..Tally::default() };
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.text(MAX_REPORT_BYTES, reading);
        let tie = |about: &About| reading.incoming.tie(about, report.dated());
        let result = result.and_then(|text| tally.add(&text, expected, tie).map_err(|what| report.wrong(what)));
        troubles.extend(result.err());
    }
    let foreign = all_foreign(&tally.ties).filter(|_| troubles.is_empty());
    troubles.extend(foreign.zip(reports.first()).map(|(why, report)| report.wrong(why)));
    troubles.extend(reading.incoming.not_covered(&tally.ties).filter(|_| troubles.is_empty()));
    tally.evidence(reports, &troubles)
}

impl Tally {
    /// Takes in each of several parts: what can be read counts, even where another cannot. Returns the first trouble.
    fn each<T>(
        &mut self,
        parts: impl IntoIterator<Item = T>,
        take: impl Fn(&mut Self, T) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut trouble = Ok(());
        for part in parts {
            trouble = trouble.and(take(self, part));
        }
        trouble
    }

    fn evidence(mut self, reports: &[Report], troubles: &[String]) -> Evidence {
        self.lines.sort_by_key(|line| std::cmp::Reverse(line.0));
        let listed = self.lines.len().min(MAX_LISTED);
        let lines = self.lines.into_iter().take(MAX_LISTED).map(|(_, line)| line);
        let shown = troubles.iter().take(MAX_LISTED).map(|trouble| self.redactor.one_line(trouble));
        let found: u64 = self.found.iter().sum();
        let bar = match self.least {
            Severity::Critical => "CRITICAL".to_owned(),
            other => format!("{} or above", other.as_str()),
        };
        let aside = [(self.below, "less severe"), (self.unknown, "of unknown severity")];
        let aside = aside.iter().filter(|(count, _)| *count > 0).fold(String::new(), |aside, (count, what)| {
            let count = figure(*count);
            aside + &format!("; {count} {what}")
        });
        self.tools.sort_unstable();
        self.tools.dedup();
        if found > 0 {
            let kinds = Kind::ALL.into_iter().zip(self.found).filter(|(_, count)| *count > 0);
            let kinds: Vec<String> = kinds.map(|(kind, count)| figures(count, kind.label())).collect();
            let names = self.redactor.some(self.names.iter().map(String::as_str), found);
            let summary = format!("{} {bar}: {names}{aside}", kinds.join(", "));
            let tools = self.tools.join(", ");
            return Evidence::failed(summary, format!("{tools} finds nothing {bar}, and the report is written again"))
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
        let of = if scanned.is_empty() { String::new() } else { format!(" of {scanned}") };
        Evidence::passed(format!("nothing {bar} in {targets}{of}{aside}, in {files}")).with(written)
    }

    /// Takes in a report; `tie` says what each part of it has to do with what comes in.
    fn add(
        &mut self,
        text: &str,
        expected: Expected,
        tie: impl Fn(&About) -> Result<Tie, String>,
    ) -> Result<(), String> {
        let top = Top::read(text).map_err(|error| several(text, expected).unwrap_or_else(|| plain(&error)))?;
        let Some(format) = top.format().filter(|format| expected == Expected::Any || format.is_trivy()) else {
            let expected = expected.label();
            return Err(match (top.other(), top.format()) {
                (_, Some(format)) => {
                    let name = format.label();
                    format!("looks like a report of {name}, expected {expected}: that is for a check of kind `scan`")
                }
                (Some(other), None) => format!("looks like {other}; expected {expected}"),
                (None, None) => format!("is no report that is known, expected {expected}"),
            });
        };
        let abouts = about::about(format, text)?;
        let ties: Vec<_> = abouts.iter().map(tie).collect();
        let counts: Vec<bool> = ties.iter().map(Result::is_ok).collect();
        self.ties.extend(tied(format, &abouts, ties)?);
        self.tools.push(format.label());
        self.missing = None;
        match format {
            Format::Trivy => self.trivy(&parse(text)?),
            Format::TrivyKubernetes => self.trivy_kubernetes(&parse(text)?),
            Format::TrivyOperator => self.trivy_operator(&parse(text)?),
            Format::KubernetesList => self.trivy_operator_list(&parse(text)?, &counts),
            Format::Grype => self.grype(&parse(text)?),
            Format::OsvScanner => self.osv_scanner(&parse(text).map_err(|why| format!("{why}; {RESULTS_OF_OTHERS}"))?),
            Format::NpmAudit => self.npm_audit(&parse(text)?),
            Format::NpmAudit6 => self.npm_audit_6(&parse(text)?),
            Format::CargoAudit => self.cargo_audit(&parse(text)?),
            Format::Snyk => self.snyk(&parse(text)?),
        }?;
        match self.missing.take() {
            Some(missing) => {
                Err(format!("{missing} has no severity: nothing says how bad it is, so look at it and ignore it there"))
            }
            None => Ok(()),
        }
    }

    fn finding(&mut self, finding: &Finding<'_>) {
        let severity = match finding.grade {
            Grade::Known(severity) if severity >= self.least => severity,
            Grade::Known(_) | Grade::Negligible => {
                self.below += 1;
                return;
            }
            Grade::Unrated => {
                self.unknown += 1;
                return;
            }
            Grade::Missing => {
                self.unknown += 1;
                let id = self.redactor.cut(finding.id, 80);
                self.missing.get_or_insert(if id.is_empty() { "a finding".to_owned() } else { id });
                return;
            }
        };
        self.found[finding.kind as usize] += 1;
        if self.lines.len() < MAX_LISTED * 10 {
            let (word, id) = (self.redactor.cut(finding.word, 20), self.redactor.cut(finding.id, 80));
            let title = self.redactor.first_line(finding.title);
            let title = if title.is_empty() { title } else { format!(": {title}") };
            let line = self.redactor.one_line(&format!("{word} {id} {}{title}", finding.what));
            self.lines.push((severity, line));
            if self.names.len() < MAX_LISTED && !self.names.contains(&id) {
                self.names.push(id);
            }
        }
    }

    /// Names a package: with its version, and what repairs it.
    fn package(&self, name: &str, version: &str, fixed: &str) -> String {
        let fix = match fixed {
            "" => "no fix yet".to_owned(),
            fixed => format!("fixed in {}", self.redactor.cut(fixed, 60)),
        };
        format!("{} {} ({fix})", self.redactor.cut(name, 80), self.redactor.cut(version, 60))
    }
}

/// Returns what the parts of a report have to do with what comes in.
///
/// # Errors
/// One is about another build. In a list of Trivy Operator those may be of what runs besides: they are left out where
/// another one is about the build of that image that comes in.
fn tied(format: Format, abouts: &[About], ties: Vec<Result<Tie, String>>) -> Result<Vec<Tie>, String> {
    if format != Format::KubernetesList {
        return ties.into_iter().collect();
    }
    let named = ties.iter().filter_map(|tie| match tie {
        Ok(Tie::Image(image)) => Some(image.clone()),
        _ => None,
    });
    let named: Vec<Image> = named.collect();
    if named.is_empty() {
        let mut ties: Vec<Tie> = ties.into_iter().collect::<Result<_, _>>()?;
        // Where images were scanned, what was found in settings says nothing of the image that comes in.
        if ties.iter().any(|tie| *tie != Tie::Unnamed) {
            ties.retain(|tie| *tie != Tie::Unnamed);
        }
        return Ok(ties);
    }
    let mut wrong = abouts.iter().zip(ties).filter_map(|(about, tie)| Some((about.image.as_ref()?, tie.err()?)));
    let wrong = wrong.find(|(image, _)| !named.iter().any(|named| named.is_named_as(image)));
    match wrong {
        Some((_, why)) => Err(why),
        None => Ok(named.into_iter().map(Tie::Image).collect()),
    }
}

/// Names what is not one JSON text, but begins with one: the first line of a log is none.
fn several(text: &str, expected: Expected) -> Option<String> {
    let first = Top::first(text)?;
    let expected = expected.label();
    Some(match first.other() {
        Some(other) => format!("looks like {other}; expected {expected}"),
        None => format!("has more than one JSON text in it, expected {expected}"),
    })
}

/// Who else lists `results` at the top.
const RESULTS_OF_OTHERS: &str = "if tfsec or Terrascan wrote it, have it write SARIF, for a check of kind `sarif`";

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| plain(&error))
}

#[cfg(test)]
mod tests;
