//! When releases are allowed: windows of the week, freezes, and never late on a Friday.
//!
//! Windows are reported in local time, and compared in local time: where clocks are put back, an hour that comes twice is in
//! a window twice; where they are put forward, an hour that does not come is in none.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// How far ahead the next opening is looked for, in days: longer than any freeze that makes sense.
const MAX_DAYS_AHEAD: i16 = 400;

/// A window of the week, e.g. `Mon-Thu 09:00-16:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins, from Monday.
    days: [bool; 7],
    begin: Time,
    /// When it ends; `None` at midnight. Not after the beginning where it ends on the next day.
    end: Option<Time>,
}

/// Days on which nothing is released, e.g. `2026-12-18..2027-01-04 year end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub first: Date,
    pub last: Date,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When releases are allowed; without any always, but for late Fridays.
    pub windows: Vec<Window>,
    pub freezes: Vec<Freeze>,
}

/// Whether now is a time to release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Open,
    Closed {
        why: String,
        /// When it will be; `None` where that is more than a year ahead.
        opens: Option<Timestamp>,
    },
}

/// The days, by the letters that name them.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const FRIDAY: Time = Time::constant(15, 0, 0, 0);
const MONDAY: Time = Time::constant(6, 0, 0, 0);

impl Window {
    /// Any time of any day.
    pub const ALWAYS: Self = Self { days: [true; 7], begin: Time::midnight(), end: None };

    /// Reads a window: days (`Mon`, `Mon-Thu`, `Mon,Wed`; none for every day) and hours (`09:00-16:00`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, hours) = match words.as_slice() {
            [hours] if hours.starts_with(|c: char| c.is_ascii_digit()) => ([true; 7], *hours),
            [days, hours] => (parse_days(days)?, *hours),
            _ => return Err(format!("`{text}` is not days and hours")),
        };
        let (begin, end) = hours.split_once('-').ok_or_else(|| format!("`{hours}` is not BEGIN-END"))?;
        let begin = parse_time(begin)?;
        let end = if end == "24:00" { None } else { Some(parse_time(end)?) };
        if end == Some(begin) {
            return Err(format!("`{hours}` begins when it ends; a whole day is 00:00-24:00"));
        }
        // Until 00:00 is until the end of the day.
        Ok(Self { days, begin, end: end.filter(|end| *end != Time::midnight()) })
    }

    fn begins_on(&self, day: Date) -> bool {
        let monday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days.get(monday).copied().unwrap_or_default()
    }

    fn holds(&self, at: DateTime) -> bool {
        let (day, time) = (at.date(), at.time());
        match self.end {
            None => self.begins_on(day) && time >= self.begin,
            Some(end) if end > self.begin => self.begins_on(day) && time >= self.begin && time < end,
            Some(end) => {
                let yesterday = day.yesterday().ok();
                self.begins_on(day) && time >= self.begin
                    || yesterday.is_some_and(|yesterday| self.begins_on(yesterday)) && time < end
            }
        }
    }
}

fn parse_days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        // Sat-Mon goes over the end of the week.
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Ok(days)
}

/// Reads a day, in full or by its first three letters, as its offset from Monday.
fn parse_day(text: &str) -> Result<usize, String> {
    let word = text.to_ascii_lowercase();
    let found = DAYS.iter().position(|day| word == *day || word.len() == 3 && day.starts_with(&word));
    found.ok_or_else(|| format!("`{text}` is not a day: there are Mon, Tue, Wed, Thu, Fri, Sat, Sun"))
}

fn parse_time(text: &str) -> Result<Time, String> {
    let wrong = || format!("`{text}` is not a time: write it as 09:00");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<i8>().map_err(|_| wrong());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong())
}

impl Freeze {
    /// Reads a freeze: the first and the last day, and why. One day alone is enough.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (days, reason) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (first, last) = days.split_once("..").unwrap_or((days, days));
        let (first, last) = (parse_date(first)?, parse_date(last)?);
        if last < first {
            return Err(format!("`{days}` ends before it begins"));
        }
        Ok(Self { first, last, reason: reason.trim().to_owned() })
    }

    fn holds(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    fn describe(&self) -> String {
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("freeze until {}{reason}", self.last)
    }
}

fn parse_date(text: &str) -> Result<Date, String> {
    let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = text.parse::<Date>().ok().filter(|_| is_date);
    date.ok_or_else(|| format!("`{text}` is not a date: write it as 2026-12-18"))
}

impl Schedule {
    /// Returns whether now is a time to release, and if not, why and when the next one begins.
    #[must_use]
    pub fn answer(&self, now: Timestamp, zone: &TimeZone) -> Answer {
        match self.closed(now, zone) {
            None => Answer::Open,
            Some(why) => Answer::Closed { why, opens: self.opens(now, zone) },
        }
    }

    /// Returns why it is no time to release, if so.
    fn closed(&self, at: Timestamp, zone: &TimeZone) -> Option<String> {
        let local = zone.to_datetime(at);
        if let Some(freeze) = self.freezes.iter().find(|freeze| freeze.holds(local.date())) {
            return Some(freeze.describe());
        }
        if self.windows.is_empty() {
            let when = if local.date().weekday() == Weekday::Friday { "late Friday" } else { "the weekend" };
            return is_late_friday(local).then(|| format!("{when}: nobody is on hand"));
        }
        let open = self.windows.iter().any(|window| window.holds(local));
        (!open).then(|| format!("{} is outside every release window", shown(at, zone)))
    }

    /// Returns when the next time to release begins. It can only begin where a window does, where a freeze ends, or where
    /// the clocks are changed.
    fn opens(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.to_datetime(now).date();
        let mut moments: Vec<DateTime> = self
            .freezes
            .iter()
            .filter_map(|freeze| freeze.last.tomorrow().ok())
            .map(|day| day.at(0, 0, 0, 0))
            .collect();
        let mut begins: Vec<(Date, Time)> = Vec::new();
        for ahead in 0..MAX_DAYS_AHEAD {
            let Ok(day) = today.checked_add(i32::from(ahead).days()) else { break };
            begins.extend(self.windows.iter().filter(|window| window.begins_on(day)).map(|window| (day, window.begin)));
            if self.windows.is_empty() && day.weekday() == Weekday::Monday {
                begins.push((day, MONDAY));
            }
        }
        moments.extend(begins.into_iter().map(|(day, time)| day.to_datetime(time)));
        let horizon = now + SignedDuration::from_hours(24 * i64::from(MAX_DAYS_AHEAD));
        let changes = zone.following(now).map(|change| change.timestamp()).take_while(|at| *at < horizon);
        let mut at: Vec<Timestamp> =
            moments.into_iter().flat_map(|moment| instants(moment, zone)).chain(changes).collect();
        at.sort_unstable();
        at.into_iter().filter(|at| *at > now).find(|at| self.closed(*at, zone).is_none())
    }
}

/// Returns the instants that a local time stands for: two where the clocks are put back.
fn instants(moment: DateTime, zone: &TimeZone) -> Vec<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(moment);
    let offsets = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
        AmbiguousOffset::Gap { .. } => Vec::new(),
        AmbiguousOffset::Fold { before, after } => vec![before, after],
    };
    offsets.into_iter().filter_map(|offset| offset.to_timestamp(moment).ok()).collect()
}

/// From Friday afternoon to Monday morning.
fn is_late_friday(at: DateTime) -> bool {
    match at.date().weekday() {
        Weekday::Friday => at.time() >= FRIDAY,
        Weekday::Saturday | Weekday::Sunday => true,
        Weekday::Monday => at.time() < MONDAY,
        _ => false,
    }
}

/// Returns a moment as people say it: `Mon 2026-11-23 09:00 (Europe/Berlin)`.
#[must_use]
pub fn shown(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let name = zone.iana_name().map_or_else(|| local.strftime("%:z").to_string(), ToOwned::to_owned);
    format!("{} ({name})", local.strftime("%a %Y-%m-%d %H:%M"))
}

#[cfg(test)]
mod tests;
