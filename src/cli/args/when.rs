//! A time on the command line.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::step::parse_pause;

/// A time as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// With its offset: `2026-11-21T14:00:00Z`.
    At(Timestamp),
    /// By the clock on the wall: `2026-11-21 14:00`.
    Local(DateTime),
    /// So long ago: `90m`.
    Ago(SignedDuration),
}

impl When {
    /// Reads one.
    ///
    /// # Errors
    /// How a time is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ago = || parse_pause(text).filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic())).map(Self::Ago);
        let at = || text.parse().ok().map(Self::At);
        let local = || text.parse().ok().map(Self::Local);
        ago().or_else(at).or_else(local).ok_or_else(|| {
            "it is a time such as 2026-11-21T14:00:00Z, '2026-11-21 14:00' (local), or 90m for so long ago".to_owned()
        })
    }

    /// Returns the moment; `None` where the clocks have none, or the calendar ends.
    #[must_use]
    pub fn moment(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Local(local) => zone.to_timestamp(local).ok(),
            Self::Ago(time) => now.checked_sub(time).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_accept_usual_spellings() {
        let now: Timestamp = "2026-11-21T16:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let moment = |text: &str| When::parse(text).map(|when| when.moment(now, &zone).unwrap().to_string());
        assert_eq!(moment("2026-11-21T14:00:00Z").unwrap(), "2026-11-21T14:00:00Z");
        assert_eq!(moment("2026-11-21 14:00").unwrap(), "2026-11-21T13:00:00Z");
        assert_eq!(moment("2026-11-21T14:00:30+02:00").unwrap(), "2026-11-21T12:00:30Z");
        assert_eq!(moment("90m").unwrap(), "2026-11-21T14:30:00Z");
        for wrong in ["yesterday", "90", "", "2026-13-01"] {
            assert!(When::parse(wrong).unwrap_err().contains("so long ago"), "{wrong}");
        }
    }
}
