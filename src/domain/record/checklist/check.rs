//! One line of the checklist.

use std::borrow::{Borrow, Cow};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::flag::rules::FlagRules;

/// Names a check within an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckId(String);

impl CheckId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for CheckId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// When a check has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckPhase {
    /// Before the release goes in.
    Pre,
    Deploy,
    Post,
}

impl CheckPhase {
    pub const ALL: [Self; 3] = [Self::Pre, Self::Deploy, Self::Post];

    /// Returns the word in config and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Deploy => "deploy",
            Self::Post => "post",
        }
    }

    /// Returns the title on the screen.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Pre => "before",
            Self::Deploy => "during",
            Self::Post => "after",
        }
    }
}

/// What the world can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuiltinCheck {
    /// All replicas run one digest, and it is the one that the environment before runs.
    Artifact,
    /// There is a revision to go back to.
    Rollback {
        /// A rollback was carried out here within this time.
        drilled_within: Option<SignedDuration>,
    },
    /// The live signals are within their limits.
    Signals,
    /// The registries that images are pulled from have them.
    Registry,
    /// The flags of the release are in order.
    Flags(FlagRules),
}

impl BuiltinCheck {
    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Rollback { .. } => "rollback",
            Self::Signals => "signals",
            Self::Registry => "registry",
            Self::Flags(_) => "flags",
        }
    }
}

/// How a check gets its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// A person acknowledges it, with a note.
    Manual,
    /// Answered from what the world shows.
    BuiltinCheck(BuiltinCheck),
    /// A source finds it out; the word of its kind, e.g. `junit`.
    Evidence(Cow<'static, str>),
}

impl How {
    /// Returns the word of the kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Manual => "manual",
            Self::BuiltinCheck(known) => known.as_str(),
            Self::Evidence(word) => word,
        }
    }
}

/// What a check asks for, as the config says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSpec {
    pub id: CheckId,
    /// What it is about, in words.
    pub title: String,
    /// When it has to hold.
    pub phase: CheckPhase,
    /// Whether it stops a promotion; otherwise it is advice.
    pub gate: bool,
    pub owner: Option<String>,
    pub how: How,
    /// How long an answer holds; `None` for as long as the release is the same.
    pub fresh: Option<SignedDuration>,
    pub runbook: Option<String>,
}

/// What a look for evidence came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    Passed,
    Failed,
    /// There is no telling: a source does not answer, or has no data.
    Blind,
}

/// The answer to a check, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub found: CheckOutcome,
    /// One line: the figures, or the reason.
    pub summary: String,
    /// The evidence, line by line, bounded.
    pub evidence: Vec<String>,
    /// What would make it green; empty where it is.
    pub green_when: String,
    pub at: Timestamp,
    /// What it was found of: see `Candidate::key`.
    pub subject: String,
}

/// How a check stands. There is no "skipped".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Failed,
    Blind,
    /// It held, but that is too long ago, or was about another artifact.
    Stale,
    Pending,
    /// It is being looked at for the first time.
    Running,
    Passed,
}

impl CheckState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Blind => "blind",
            Self::Stale => "stale",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Passed => "passed",
        }
    }
}

/// One line of the checklist with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub spec: CheckSpec,
    pub finding: Option<Finding>,
    /// Since when it is being looked at, if it is.
    pub running: Option<Timestamp>,
    /// When it last went from anything else to failed.
    pub red_since: Option<Timestamp>,
    /// The last answer that the journal holds, and what it was about.
    pub recorded: Option<(CheckOutcome, String)>,
}

impl Check {
    /// Makes a check that no one answered yet.
    #[must_use]
    pub fn new(spec: CheckSpec) -> Self {
        Self { spec, finding: None, running: None, red_since: None, recorded: None }
    }

    /// Returns how it stands for the candidate. An answer about another artifact, one from the future and
    /// one that is too old are stale, whatever they say: what was red stays red until it is looked at again.
    #[must_use]
    pub fn state(&self, subject: &str, now: Timestamp) -> CheckState {
        let Some(finding) = &self.finding else {
            return if self.running.is_some() { CheckState::Running } else { CheckState::Pending };
        };
        if finding.subject != subject {
            return if self.running.is_some() { CheckState::Running } else { CheckState::Stale };
        }
        let age = now.duration_since(finding.at);
        let too_old = self.spec.fresh.is_some_and(|fresh| age > fresh);
        match finding.found {
            CheckOutcome::Failed => CheckState::Failed,
            CheckOutcome::Blind => CheckState::Blind,
            CheckOutcome::Passed if too_old || age < -MAX_CLOCK_SKEW => CheckState::Stale,
            CheckOutcome::Passed => CheckState::Passed,
        }
    }

    /// Returns whether a person answers it.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.spec.how == How::Manual
    }

    /// Returns the finding, if the journal does not hold it yet. What a person stated is recorded when it is stated, and
    /// that nothing is known right after the start is no answer.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&Finding> {
        let finding = self.finding.as_ref().filter(|_| !self.is_manual())?;
        let is_new = match &self.recorded {
            Some((found, subject)) => (*found, subject) != (finding.found, &finding.subject),
            None => finding.found != CheckOutcome::Blind,
        };
        is_new.then_some(finding)
    }

    /// Takes in that it is being looked at.
    pub fn begin(&mut self, at: Timestamp) {
        self.running = Some(at);
    }

    /// Forgets an answer that is dated in a time to come, for one that is not: the clock was set back, and what is new
    /// must not count as older.
    pub fn forget_early(&mut self, finding: &Finding, now: Timestamp) {
        let early = |finding: &Finding| now.duration_since(finding.at) < -MAX_CLOCK_SKEW;
        self.finding.take_if(|known| early(known) && !early(finding));
    }

    /// Takes in an answer; an older one than is known changes nothing. Returns whether the check went red by it.
    pub fn take(&mut self, finding: Finding) -> bool {
        if self.finding.as_ref().is_some_and(|known| known.at > finding.at) {
            return false;
        }
        let was_red = self.finding.as_ref().is_some_and(|known| known.found == CheckOutcome::Failed);
        let goes_red = finding.found == CheckOutcome::Failed && !was_red;
        if goes_red {
            self.red_since = Some(finding.at);
        }
        self.running = None;
        self.finding = Some(finding);
        goes_red
    }
}

/// Clocks of different machines may differ by this much before an answer counts as one from the future.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(fresh: Option<i64>) -> Check {
        Check::new(CheckSpec {
            id: CheckId::new("tests"),
            title: "tests".to_owned(),
            phase: CheckPhase::Pre,
            gate: true,
            owner: None,
            how: How::Evidence("junit".into()),
            fresh: fresh.map(SignedDuration::from_secs),
            runbook: None,
        })
    }

    fn finding(found: CheckOutcome, at: i64, subject: &str) -> Finding {
        Finding {
            found,
            summary: String::new(),
            evidence: Vec::new(),
            green_when: String::new(),
            at: Timestamp::from_second(at).unwrap(),
            subject: subject.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn only_a_fresh_answer_about_this_artifact_is_green(
            found in prop_oneof![Just(CheckOutcome::Passed), Just(CheckOutcome::Failed), Just(CheckOutcome::Blind)],
            at in 0_i64..10_000, now in 0_i64..10_000, fresh in proptest::option::of(0_i64..5_000), same in any::<bool>(),
        ) {
            let mut check = check(fresh);
            check.take(finding(found, at, if same { "a" } else { "b" }));
            let state = check.state("a", Timestamp::from_second(now).unwrap());
            let young = fresh.is_none_or(|fresh| now - at <= fresh) && now - at >= -60;
            prop_assert_eq!(state == CheckState::Passed, found == CheckOutcome::Passed && same && young);
        }
    }

    #[test]
    fn after_the_clock_was_set_back_the_next_answer_counts() {
        let now = Timestamp::from_second(10).unwrap();
        let mut check = check(None);
        check.take(finding(CheckOutcome::Passed, 3600, "a"));
        assert_eq!(check.state("a", now), CheckState::Stale);
        let red = finding(CheckOutcome::Failed, 10, "a");
        check.forget_early(&red, now);
        check.take(red);
        assert_eq!(check.state("a", now), CheckState::Failed);
        // Both from a machine whose clock is ahead: the order stands.
        let mut check = self::check(None);
        check.take(finding(CheckOutcome::Passed, 3600, "a"));
        check.forget_early(&finding(CheckOutcome::Passed, 3000, "a"), now);
        assert!(check.finding.is_some());
    }

    #[test]
    fn check_without_answer_is_never_green() {
        let now = Timestamp::from_second(10).unwrap();
        let mut check = check(None);
        assert_eq!(check.state("a", now), CheckState::Pending);
        check.begin(now);
        assert_eq!(check.state("a", now), CheckState::Running);
    }

    #[test]
    fn turning_red_is_recorded_once_and_late_answers_are_ignored() {
        let mut check = check(None);
        assert!(check.take(finding(CheckOutcome::Failed, 5, "a")));
        assert!(!check.take(finding(CheckOutcome::Failed, 6, "a")));
        assert_eq!(check.red_since, Some(Timestamp::from_second(5).unwrap()));
        assert!(!check.take(finding(CheckOutcome::Passed, 4, "a")));
        assert_eq!(check.state("a", Timestamp::from_second(6).unwrap()), CheckState::Failed);
        assert!(!check.take(finding(CheckOutcome::Passed, 8, "a")));
        assert!(check.take(finding(CheckOutcome::Failed, 9, "a")));
    }
}
