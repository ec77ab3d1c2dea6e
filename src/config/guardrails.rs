//! `[guardrails]`: what the judge's word leads to.

use super::section::{Section, keys, words};
use crate::domain::record::guardrails::{Guardrails, Response};

words!(Response);

pub(super) const SECTION: Section = Section {
    header: "[guardrails]",
    help: "What the judge's word leads to. A suspicion holds at most; only proof rolls back.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    Guardrails = Guardrails::default();
    errors: word(Response), "When the canary fails more often than stable.";
    latency: word(Response), "When it is slower than stable.";
    budget: word(Response), "When it burns the error budget; rolls back at 1 % of 30 days.";
    autopilot: flag, "Cockpit acts by itself while it is open; otherwise it says what it would do.";
    hold: time(secs(0)..=hours(1)), "How long a canary is held before autopilot rolls it back: `x` keeps it.";
}
