//! What is asked of the flags of a release, and how long a flag is meant to stay: until the date of a tag, else by its type.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Flag;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is asked of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRules {
    /// Age at which a flag is to be removed, unless its type or a tag says otherwise.
    pub max_age: SignedDuration,
    /// The same for flags of the type `operational`.
    pub max_age_operational: SignedDuration,
    /// How long a flag may be on for everybody.
    pub max_on: SignedDuration,
    /// Each flag of the release was turned off within this time in the environment before: the kill switch works.
    pub tried_within: Option<SignedDuration>,
    /// Flags of the release are off here until it has gone out.
    pub off_first: bool,
    /// Commits name flags, too: they have to be readable.
    pub commits: bool,
}

impl Default for FlagRules {
    fn default() -> Self {
        Self {
            max_age: DAY * 30,
            max_age_operational: DAY * 60,
            max_on: DAY * 30,
            tried_within: None,
            off_first: false,
            commits: true,
        }
    }
}

/// When a flag is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// On this day, in UTC.
    On(Date),
    /// Flags of its type stay.
    Never,
    /// Neither a tag nor type and age say.
    Unknown,
}

impl Removal {
    /// Returns how long ago the day ended; `None` before.
    #[must_use]
    pub fn overdue(self, now: Timestamp) -> Option<SignedDuration> {
        let Self::On(date) = self else { return None };
        let end = date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (now >= end).then(|| now.duration_since(end))
    }
}

/// Tags that name the day, as `remove-by:2026-12-20`.
const REMOVE_BY: &str = "remove-by";

impl Flag {
    /// Returns the day that a tag names; of several the first.
    #[must_use]
    pub fn remove_by(&self) -> Option<Date> {
        let tags = self.tags.iter().filter_map(|tag| tag.trim().strip_prefix(REMOVE_BY));
        tags.filter_map(|rest| rest.get(1..)?.trim().parse::<Date>().ok()).min()
    }

    /// Returns when it is to be removed.
    #[must_use]
    pub fn removal(&self, rules: &FlagRules) -> Removal {
        if let Some(date) = self.remove_by() {
            return Removal::On(date);
        }
        let kind = self.tags.iter().find_map(|tag| tag.trim().strip_prefix("type:")).or(self.kind.as_deref());
        let max_age = match kind {
            Some("kill-switch" | "permission" | "permanent") => return Removal::Never,
            Some("operational") => rules.max_age_operational,
            Some(_) => rules.max_age,
            None => return Removal::Unknown,
        };
        let end = self.created.and_then(|at| at.checked_add(max_age).ok());
        end.map_or(Removal::Unknown, |end| Removal::On(end.to_zoned(TimeZone::UTC).date()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::flag::FlagState;

    fn flag(kind: Option<&str>, tags: &[&str], created: Option<&str>) -> Flag {
        Flag {
            kind: kind.map(str::to_owned),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            created: created.map(|at| at.parse().unwrap()),
            ..Flag::of_name("checkout", FlagState::Off)
        }
    }

    fn on(date: &str) -> Removal {
        Removal::On(date.parse().unwrap())
    }

    #[test]
    fn a_tag_names_the_day_else_the_type_does() {
        let made = Some("2026-11-01T23:30:00Z");
        let removal = |kind, tags: &[&str]| flag(kind, tags, made).removal(&FlagRules::default());
        assert_eq!(removal(Some("release"), &[]), on("2026-12-01"));
        assert_eq!(removal(Some("experiment"), &[]), on("2026-12-01"));
        assert_eq!(removal(Some("operational"), &[]), on("2026-12-31"));
        assert_eq!(removal(Some("kill-switch"), &[]), Removal::Never);
        assert_eq!(removal(Some("kill-switch"), &["remove-by:2026-11-20"]), on("2026-11-20"));
        assert_eq!(removal(None, &["team-a", "remove-by-2027-01-02", "remove-by=2026-12-24"]), on("2026-12-24"));
        assert_eq!(removal(None, &["remove-by:soon", "remove-by", "remove-byé"]), Removal::Unknown);
        assert_eq!(flag(Some("release"), &[], None).removal(&FlagRules::default()), Removal::Unknown);
    }

    #[test]
    fn the_day_itself_is_still_in_time() {
        let overdue = |now: &str| on("2026-12-01").overdue(now.parse().unwrap());
        assert_eq!(overdue("2026-12-01T23:59:59Z"), None);
        assert_eq!(overdue("2026-12-02T00:00:00Z"), Some(SignedDuration::ZERO));
        assert_eq!(overdue("2026-12-03T00:00:00Z"), Some(DAY));
        assert_eq!(Removal::Never.overdue(Timestamp::MAX), None);
        assert_eq!(Removal::Unknown.overdue(Timestamp::MAX), None);
    }
}
