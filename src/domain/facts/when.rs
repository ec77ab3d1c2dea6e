//! A time as people write it, on the command line and in a dialog.

use jiff::civil::{DateTime, Time};
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
    /// So long from now: `90m`, where the future is meant.
    In(SignedDuration),
    /// By the clock on the wall, today: `14:00`.
    Today(Time),
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

    /// Reads one that lies ahead.
    ///
    /// # Errors
    /// How a time is written.
    pub fn parse_ahead(text: &str) -> Result<Self, String> {
        let ahead = || {
            "it is a time such as 14:00 (today), '2026-11-21 14:00' (local), 2026-11-21T14:00:00Z, or 90m for so long \
             from now"
                .to_owned()
        };
        let time = text.parse().ok().filter(|_| text.contains(':') && text.len() <= 8).map(Self::Today);
        match time.map_or_else(|| Self::parse(text), Ok) {
            Ok(Self::Ago(time)) => Ok(Self::In(time)),
            // A day alone is no end: its beginning, or its end?
            Ok(Self::At(_) | Self::Local(_)) if !text.contains(':') => Err(ahead()),
            Ok(when) => Ok(when),
            Err(_) => Err(ahead()),
        }
    }

    /// Returns the moment; `None` where the clocks have none, or the calendar ends.
    #[must_use]
    pub fn moment(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Local(local) => zone.to_timestamp(local).ok(),
            Self::Ago(time) => now.checked_sub(time).ok(),
            Self::In(time) => now.checked_add(time).ok(),
            Self::Today(time) => zone.to_timestamp(zone.to_datetime(now).date().to_datetime(time)).ok(),
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
        let ahead = |text: &str| When::parse_ahead(text).map(|when| when.moment(now, &zone).unwrap().to_string());
        assert_eq!(ahead("18:30").unwrap(), "2026-11-21T17:30:00Z");
        assert_eq!(ahead("90m").unwrap(), "2026-11-21T17:30:00Z");
        assert_eq!(ahead("2026-11-22 14:00").unwrap(), "2026-11-22T13:00:00Z");
        // A day alone does not say whether it still counts.
        assert!(ahead("2026-11-22").unwrap_err().contains("from now"));
        assert!(ahead("tomorrow").unwrap_err().contains("from now"));
        for wrong in ["yesterday", "90", "", "2026-13-01"] {
            assert!(When::parse(wrong).unwrap_err().contains("so long ago"), "{wrong}");
        }
    }
}
