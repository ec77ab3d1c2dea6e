//! `[guardrails]`: the response to an analysis result.

use super::section::{Section, keys, words};
use crate::domain::record::guardrails::{Guardrails, Response};

words!(Response);

pub(super) const SECTION: Section = Section {
    header: "[guardrails]",
    help: "What an analysis result leads to. Suspect pauses at most; only regressed rolls back.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    Guardrails = Guardrails::default();
    errors: word(Response), "When the canary fails more often than stable.";
    statuses: word(Response), "When it redirects or rejects more requests than stable, by status.";
    latency: word(Response), "When it is slower than stable.";
    budget: word(Response), "When it burns the error budget; rolls back at 1 % of 30 days.";
    autopilot: flag, "Cockpit pauses and rolls back automatically while it is open; otherwise it only alerts.";
    hold: time(secs(0)..=hours(1)), "How long a canary stays paused before autopilot rolls it back: `x` keeps it.";
}
