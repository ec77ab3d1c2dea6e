//! `[[checks]] flags = { … }`: what is asked of the feature flags of a release.

use crate::config::section::{Section, keys};
use crate::domain::facts::flag::rules::FlagRules;

pub(super) const SECTION: Section = Section {
    header: "`flags`",
    help: "Each feature flag of the release is at its provider, owned, to be removed on some day, and not on for too long.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    FlagRules = FlagRules::default();
    max_age: time(hours(1)..=days(3650)),
        "Age at which a flag is to be removed, unless a tag names the day: remove-by:2026-12-31.";
    max_age_operational: time(hours(1)..=days(3650)), "The same for flags of the type `operational`.";
    max_on: time(hours(1)..=days(3650)), "How long a flag may be on for everybody.";
    tried_within: time(hours(1)..=days(365)), "Each was turned off within this time in the environment before.";
    off_first: flag, "They are off here until the release has gone out.";
    commits: flag, "Commits and code name flags, too, and have to be readable; if false, only `of_release` has to be known.";
}
