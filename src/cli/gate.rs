//! `cockpit gate`, `check`: the checklist and its answer, as text, JSON and JUnit XML.

use std::collections::HashSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lane;
use super::status::API_VERSION;
use crate::core::checklist::Checklist;
use crate::domain::facts::text::{duration, is_unsafe, sanitize};
use crate::domain::record::checklist::{Check, CheckPhase, CheckState, Decision};
use crate::domain::record::proof::Proof;
use crate::domain::rules::checklist::role::{RoleStatus, role_statuses};
use crate::domain::world::{Environment, World};

/// What is printed of an environment's checklist.
pub struct Gate<'a> {
    world: &'a World,
    /// Its lines and its answer.
    pub list: Checklist<'a>,
    now: Timestamp,
}

impl<'a> Gate<'a> {
    /// Looks at an environment.
    #[must_use]
    pub fn of(world: &'a World, env: &'a Environment, now: Timestamp) -> Self {
        Self { world, list: Checklist::of(world, env, now), now }
    }

    /// Returns it as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let about =
            self.list.candidate.as_ref().map_or_else(String::new, |candidate| format!("  {}", candidate.release));
        lines.push(format!("{}  {}{about}", self.list.env.name(), self.list.answer.verdict.label()));
        if let Some(candidate) = &self.list.candidate {
            lines.extend(lane::goes_by(self.world, self.list.env, candidate, self.now));
        }
        for reason in &self.list.answer.reasons {
            lines.push(format!("  blocked by: {}", reason.line()));
        }
        let mut phase = None;
        for (check, state) in self.list.checks() {
            if phase != Some(check.spec.phase) {
                phase = Some(check.spec.phase);
                lines.push(check.spec.phase.title().to_owned());
            }
            lines.push(self.check_line(check, state));
        }
        if self.list.seats().next().is_some() {
            lines.push("sign-offs".to_owned());
        }
        for seat in self.list.seats() {
            let go = seat.holding(Decision::Go).count();
            lines.push(format!("  {:<14} {go}/{} GO", seat.role, seat.needed));
            lines.extend(signatures(seat));
        }
        sanitize_lines(&lines)
    }

    /// Returns one check with its evidence as text.
    #[must_use]
    pub fn check_text(&self, check: &Check, state: CheckState) -> String {
        let mut lines = vec![self.check_line(check, state).trim_start().to_owned(), format!("  {}", check.spec.title)];
        if let Some(finding) = &check.finding {
            lines.push(format!("  {} ago", duration(self.now.duration_since(finding.at))));
            lines.extend(finding.evidence.iter().map(|line| format!("  {line}")));
            if !finding.green_when.is_empty() {
                lines.push(format!("  green when {}", finding.green_when));
            }
        }
        lines.extend(check.spec.runbook.as_ref().map(|runbook| format!("  runbook {runbook}")));
        sanitize_lines(&lines)
    }

    fn check_line(&self, check: &Check, state: CheckState) -> String {
        let candidate = self.list.candidate.as_ref();
        let gate = match (check.spec.gate, candidate.is_some_and(|candidate| candidate.leaves_out(&check.spec))) {
            (_, true) => "left out",
            (true, false) => "gate",
            (false, false) => "",
        };
        let width = if candidate.is_some_and(|candidate| candidate.lane.is_some()) { 8 } else { 4 };
        let said = check.finding.as_ref().map_or(check.spec.title.as_str(), |finding| finding.summary.as_str());
        format!("  {:<8} {gate:<width$} {:<14} {said}", state.as_str(), check.spec.id.as_str())
    }

    /// Returns that what is to be promoted goes by a lane, where that was not named: a pipeline takes none for the normal way.
    #[must_use]
    pub fn lane_unnamed(&self, given: Option<&str>) -> Option<String> {
        let candidate = self.list.candidate.as_ref()?;
        let (lane, version) = (&candidate.lane.as_ref()?.rule.lane, &candidate.version);
        match given {
            Some(given) if given == lane => None,
            Some(given) => Some(format!("--lane is `{given}`, and {version} goes by the lane `{lane}`")),
            None => Some(format!("{version} goes by the lane {lane}: add `--lane {lane}`")),
        }
    }

    /// Returns it as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let candidate = self.list.candidate.as_ref();
        json!({
            "apiVersion": API_VERSION,
            "environment": self.list.env.name(),
            "release": candidate.map(|candidate| candidate.release.as_str()),
            "answer": self.list.answer.verdict.as_str(),
            "reasons": self.list.answer.reasons,
            "lane": candidate.map_or(Value::Null, |candidate| lane::of(self.world, self.list.env, candidate, self.now)),
            "checks": checks_json(self.world, self.list.env, self.now),
            "sign_offs": sign_offs_json(self.world, self.list.env),
        })
    }

    /// Returns it as JUnit XML: each check and each role is a test case. What failed is a failure, and its type says
    /// whether that stands in the way. A gate that cannot be told is an error; what else is open is skipped.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut cases = Vec::new();
        for (check, state) in self.list.checks() {
            let finding = check.finding.as_ref();
            let said = finding.map_or(check.spec.title.as_str(), |finding| finding.summary.as_str());
            let evidence = finding.map_or_else(String::new, |finding| finding.evidence.join("\n"));
            let kind = match (check.spec.gate, check.spec.phase) {
                (true, CheckPhase::Post) => FailureType::Post,
                (true, _) => FailureType::Gate,
                (false, _) => FailureType::Advice,
            };
            let left_out = self.list.candidate.as_ref().filter(|candidate| candidate.leaves_out(&check.spec));
            if let Some(lane) = left_out.and_then(|candidate| candidate.lane.as_ref()) {
                let said = format!("left out by the lane {}: {}: {said}", lane.rule.lane, state.as_str());
                let phase = check.spec.phase.as_str();
                cases.push(Case::new(check.spec.id.as_str(), phase, Outcome::Skipped, &said, &evidence));
                continue;
            }
            let outcome = match state {
                CheckState::Passed => Outcome::Passed,
                CheckState::Failed => Outcome::Failure(kind),
                _ if kind != FailureType::Gate => Outcome::Skipped,
                CheckState::Pending if check.is_manual() => Outcome::Failure(kind),
                _ => Outcome::Error,
            };
            cases.push(Case::new(check.spec.id.as_str(), check.spec.phase.as_str(), outcome, said, &evidence));
        }
        for seat in self.list.seats().filter(|seat| seat.needed > 0) {
            let outcome = if seat.is_go() { Outcome::Passed } else { Outcome::Failure(FailureType::SignOff) };
            let said = format!("{} of {} signed GO", seat.holding(Decision::Go).count(), seat.needed);
            cases.push(Case::new(&seat.role, "sign-off", outcome, &said, &signatures(seat).join("\n")));
        }
        // Live limits are no check of the list, but they stand in the way all the same.
        if !cases.iter().any(|case| case.outcome.blocks()) {
            for reason in &self.list.answer.reasons {
                let outcome = Outcome::Failure(FailureType::Signals);
                cases.push(Case::new("live signals", "deploy", outcome, &reason.text, &reason.remedy));
            }
        }
        let count = |element: &str| cases.iter().filter(|case| case.outcome.element() == Some(element)).count();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            xml,
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            escaped(&format!("cockpit gate {}", self.list.env.name())),
            cases.len(),
            count("failure"),
            count("error"),
            count("skipped")
        );
        let mut names = HashSet::new();
        for case in &cases {
            xml.push_str(&case.xml(&unique(&case.name, &mut names)));
        }
        xml + "</testsuite>\n"
    }
}

/// Returns the name, or the name with a number if it is taken: readers take a second one for another attempt.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let mut own = name.to_owned();
    let mut number = 2_u32;
    while !taken.insert(own.clone()) {
        own = format!("{name} ({number})");
        number += 1;
    }
    own
}

/// What a failure in the JUnit file means for the promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureType {
    Gate,
    /// A gate of the phase after: it blocks the next environment, not this one.
    Post,
    Advice,
    SignOff,
    Signals,
}

impl FailureType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Post => "post",
            Self::Advice => "advice",
            Self::SignOff => "sign-off",
            Self::Signals => "signals",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failure(FailureType),
    /// A gate whose state is unknown.
    Error,
}

impl Outcome {
    fn element(self) -> Option<&'static str> {
        match self {
            Self::Passed => None,
            Self::Skipped => Some("skipped"),
            Self::Failure(_) => Some("failure"),
            Self::Error => Some("error"),
        }
    }

    fn blocks(self) -> bool {
        !matches!(self, Self::Passed | Self::Skipped | Self::Failure(FailureType::Advice | FailureType::Post))
    }
}

/// A test case.
struct Case {
    name: String,
    class: String,
    outcome: Outcome,
    said: String,
    evidence: String,
}

impl Case {
    fn new(name: &str, class: &str, outcome: Outcome, said: &str, evidence: &str) -> Self {
        let [name, class, said, evidence] = [name, class, said, evidence].map(ToOwned::to_owned);
        Self { name, class, outcome, said, evidence }
    }

    fn xml(&self, name: &str) -> String {
        let [name, class, said, evidence] = [name, &self.class, &self.said, &self.evidence].map(escaped);
        let inside = match self.outcome {
            Outcome::Skipped => format!("<skipped message=\"{said}\"/>"),
            Outcome::Failure(kind) => {
                format!("<failure type=\"{}\" message=\"{said}\">{evidence}</failure>", kind.as_str())
            }
            Outcome::Error => format!("<error type=\"gate\" message=\"{said}\">{evidence}</error>"),
            Outcome::Passed => format!("<system-out>{said}\n{evidence}</system-out>"),
        };
        format!("  <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>\n")
    }
}

fn sanitize_lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line.trim_end()) + "\n")
}

fn signatures(seat: &RoleStatus) -> Vec<String> {
    seat.signatures
        .iter()
        .map(|signature| {
            let sign = &signature.sign_off;
            let note = if sign.note.is_empty() { String::new() } else { format!(" “{}”", sign.note) };
            let verified = sign.proof.label(sign.verified);
            let void = signature.void.as_ref().map_or_else(String::new, |why| format!(", void: {why}"));
            format!("    {} {}{note}, {verified}, {}{void}", sign.who, sign.decision.label(), sign.at)
        })
        .collect()
}

/// Escapes text for XML 1.0, which cannot hold control characters at all; what a terminal could be misled by is written
/// by its number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push(c),
            '\t' => out.push_str("&#x9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c if is_unsafe(c) => {
                let _ = write!(out, "&#x{:x};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns the checks of an environment as the contract has them.
#[must_use]
pub fn checks_json(world: &World, env: &Environment, now: Timestamp) -> Value {
    let candidate = world.candidate(env);
    let subject = candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
    let check = |check: &Check| {
        let finding = check.finding.as_ref();
        json!({
            "id": check.spec.id,
            "title": check.spec.title,
            "phase": check.spec.phase,
            "gate": check.spec.gate,
            "left_out": candidate.as_ref().is_some_and(|candidate| candidate.leaves_out(&check.spec)),
            "how": check.spec.how.as_str(),
            "state": check.state(subject, now).as_str(),
            "evidence": finding.map(|finding| finding.summary.as_str()),
            "green_when": finding.map(|finding| finding.green_when.as_str()).filter(|green| !green.is_empty()),
            "at": finding.map(|finding| finding.at.to_string()),
        })
    };
    env.checks.iter().map(check).collect()
}

/// Returns the sign-offs of an environment as the contract has them: the latest of each person in each role.
#[must_use]
pub fn sign_offs_json(world: &World, env: &Environment) -> Value {
    let Some(candidate) = world.candidate(env) else { return json!([]) };
    let seats = role_statuses(env, &world.ledger, &candidate);
    let signatures = seats.iter().flat_map(|seat| &seat.signatures).map(|signature| {
        let sign = &signature.sign_off;
        json!({
            "role": sign.role,
            "who": sign.who,
            "verified": sign.verified || sign.proof == Proof::ByKey,
            "proof": match &sign.proof {
                Proof::NotRequired => None,
                Proof::ByKey => Some("key".to_owned()),
                Proof::Missing(flaw) => Some(flaw.to_string()),
            },
            "decision": sign.decision,
            "note": sign.note,
            "at": sign.at.to_string(),
            "void": signature.void,
        })
    });
    signatures.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_junit_are_unique() {
        let mut taken = HashSet::new();
        let names = ["a", "a", "a (2)", "a"].map(|name| unique(name, &mut taken));
        assert_eq!(names, ["a", "a (2)", "a (2) (2)", "a (3)"]);
    }

    #[test]
    fn failed_advice_is_a_failure_that_does_not_block() {
        let case = Case::new("lint", "pre", Outcome::Failure(FailureType::Advice), "2 findings", "");
        assert!(!case.outcome.blocks());
        assert!(case.xml("lint").contains("<failure type=\"advice\" message=\"2 findings\"></failure>"));
        assert!(Outcome::Error.blocks() && Outcome::Failure(FailureType::Gate).blocks());
    }
}
