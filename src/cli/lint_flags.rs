//! `cockpit flags lint`: what is wrong with feature flags, as text and as JSON.

use serde_json::{Value, json};

use super::Exit;
use super::flags::named_by;
use crate::domain::facts::flag::rules::Removal;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::{plural, sanitize};
use crate::domain::rules::flag_lint::{FlagsUnknown, LintedFlag};

/// What was found in one environment.
pub struct LintReport<'a> {
    pub env: &'a EnvName,
    pub flags: Vec<LintedFlag>,
    /// Why there may be more to find.
    pub unknown: Option<FlagsUnknown>,
}

impl LintReport<'_> {
    /// Whether what was found is all there is. Without a repository, the config names the flags of a release.
    fn is_complete(&self) -> bool {
        matches!(self.unknown, None | Some(FlagsUnknown::NoRepository))
    }
}

/// Returns how the command ends: with what is wrong first.
#[must_use]
pub fn exit(reports: &[LintReport<'_>]) -> Exit {
    let has_problem = |report: &LintReport<'_>| report.flags.iter().any(|flag| !flag.problems.is_empty());
    if reports.iter().any(has_problem) {
        Exit::NoGo
    } else if reports.is_empty() || !reports.iter().all(LintReport::is_complete) {
        Exit::Blind
    } else {
        Exit::Done
    }
}

/// Writes a line for each problem, with what to do, and one for each environment.
#[must_use]
pub fn text(reports: &[LintReport<'_>]) -> String {
    if reports.is_empty() {
        return "no provider of feature flags is configured: see [[flags]] in the config\n".to_owned();
    }
    let lines = reports.iter().flat_map(|report| {
        let problems = report.flags.iter().flat_map(|flag| flag.problems.iter().map(move |problem| (flag, problem)));
        let lines: Vec<String> = problems
            .map(|(flag, problem)| format!("{}: {}: {problem}; {}", report.env, flag.name, problem.remedy()))
            .collect();
        let unknown = report.unknown.iter().map(|why| format!("{}: {why}", report.env));
        let total = format!("{}: {}", report.env, total(report, lines.len()));
        lines.into_iter().chain(unknown).chain([total]).collect::<Vec<_>>()
    });
    lines.fold(String::new(), |text, line| text + &sanitize(&line) + "\n")
}

fn total(report: &LintReport<'_>, problems: usize) -> String {
    let flags = plural(report.flags.len(), "flag");
    match problems {
        0 if report.is_complete() => format!("{flags}, nothing wrong"),
        0 => format!("{flags}, nothing wrong as far as is known"),
        _ => format!("{flags}, {}", plural(problems, "problem")),
    }
}

/// Returns the flags of all environments with what is wrong with each.
#[must_use]
pub fn json(reports: &[LintReport<'_>]) -> Value {
    let environments: Vec<Value> = reports
        .iter()
        .map(|report| {
            let unknown = report.unknown.as_ref().map(ToString::to_string);
            json!({"environment": report.env.as_str(), "complete": report.is_complete(), "unknown": unknown})
        })
        .collect();
    let flags: Vec<Value> =
        reports.iter().flat_map(|report| report.flags.iter().map(|flag| one(report.env, flag))).collect();
    json!({"environments": environments, "flags": flags})
}

fn one(env: &EnvName, flag: &LintedFlag) -> Value {
    let problems: Vec<Value> = flag
        .problems
        .iter()
        .map(|problem| json!({"problem": problem.as_str(), "text": problem.to_string(), "remedy": problem.remedy()}))
        .collect();
    let remove_by = match flag.removal {
        Removal::On(date) => Some(date.to_string()),
        Removal::Never | Removal::Unknown => None,
    };
    json!({
        "environment": env.as_str(),
        "provider": flag.provider,
        "name": flag.name,
        "of_release": flag.of_release,
        "named_by": named_by(flag.named_by.as_ref()),
        "remove_by": remove_by,
        "problems": problems,
    })
}
