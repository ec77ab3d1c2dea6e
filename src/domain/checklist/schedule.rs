//! When releases are allowed: windows of the week, freezes, and never late on a Friday.
//!
//! Windows are told in local time, and compared in local time: where clocks are put back, an hour that comes twice is in
//! a window twice; where they are put forward, an hour that does not come is in none.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// How far ahead the next opening is looked for, in days: longer than any freeze that makes sense.
const AHEAD: i16 = 400;

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
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// Why.
    pub reason: String,
}

/// What is allowed when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When releases are allowed; without any always, but for late Fridays.
    pub windows: Vec<Window>,
    /// When they are not.
    pub freezes: Vec<Freeze>,
}

/// Whether now is a time to release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Open,
    /// It is not.
    Closed {
        /// Why.
        why: String,
        /// When it will be; `None` where that is more than a year ahead.
        opens: Option<Timestamp>,
    },
}

/// The days, by the letters that name them.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Late Friday begins.
const FRIDAY: Time = Time::constant(15, 0, 0, 0);
/// And ends on Monday.
const MONDAY: Time = Time::constant(6, 0, 0, 0);

impl Window {
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

    fn words(&self) -> String {
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
            return Some(freeze.words());
        }
        if self.windows.is_empty() {
            return is_late_friday(local).then(|| "late Friday: nobody will be there to look".to_owned());
        }
        let open = self.windows.iter().any(|window| window.holds(local));
        (!open).then(|| format!("{} is outside of all windows", shown(at, zone)))
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
        for ahead in 0..AHEAD {
            let Ok(day) = today.checked_add(i32::from(ahead).days()) else { break };
            begins.extend(self.windows.iter().filter(|window| window.begins_on(day)).map(|window| (day, window.begin)));
            if self.windows.is_empty() && day.weekday() == Weekday::Monday {
                begins.push((day, MONDAY));
            }
        }
        moments.extend(begins.into_iter().map(|(day, time)| day.to_datetime(time)));
        let horizon = now + SignedDuration::from_hours(24 * i64::from(AHEAD));
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn schedule(windows: &[&str], freezes: &[&str]) -> Schedule {
        Schedule {
            windows: windows.iter().map(|text| Window::parse(text).unwrap()).collect(),
            freezes: freezes.iter().map(|text| Freeze::parse(text).unwrap()).collect(),
        }
    }

    /// What is said at a local time, with the moment of the next opening in UTC.
    fn said(schedule: &Schedule, local: &str) -> String {
        let zone = berlin();
        let at = zone.to_timestamp(local.parse().unwrap()).unwrap();
        match schedule.answer(at, &zone) {
            Answer::Open => "open".to_owned(),
            Answer::Closed { why, opens } => {
                format!("{why}; opens {}", opens.map_or_else(|| "never".to_owned(), |at| shown(at, &zone)))
            }
        }
    }

    #[test]
    fn without_settings_only_late_fridays_are_closed() {
        let none = Schedule::default();
        for open in ["2026-11-20T14:59:59", "2026-11-23T06:00:00", "2026-11-18T03:00:00"] {
            assert_eq!(said(&none, open), "open", "{open}");
        }
        for closed in ["2026-11-20T15:00:00", "2026-11-21T12:00:00", "2026-11-22T23:59:59", "2026-11-23T05:59:59"] {
            assert_eq!(
                said(&none, closed),
                "late Friday: nobody will be there to look; opens Mon 2026-11-23 06:00 (Europe/Berlin)",
                "{closed}"
            );
        }
    }

    #[test]
    fn windows_and_freezes() {
        let office = schedule(&["Mon-Thu 09:00-16:00", "Fri 09:00-12:00"], &["2026-12-18..2027-01-04 year end"]);
        assert_eq!(said(&office, "2026-11-19T15:59:59"), "open");
        assert_eq!(said(&office, "2026-11-20T11:00:00"), "open");
        assert_eq!(
            said(&office, "2026-11-20T12:00:00"),
            "Fri 2026-11-20 12:00 (Europe/Berlin) is outside of all windows; opens Mon 2026-11-23 09:00 (Europe/Berlin)"
        );
        let frozen = "freeze until 2027-01-04: year end; opens Tue 2027-01-05 09:00 (Europe/Berlin)";
        assert_eq!(said(&office, "2026-12-18T00:00:00"), frozen);
        assert_eq!(said(&office, "2027-01-04T23:59:59"), frozen);
        assert_eq!(
            said(&office, "2026-12-17T16:00:00").split("opens").last(),
            Some(" Tue 2027-01-05 09:00 (Europe/Berlin)")
        );
        // A freeze that ends within a window.
        let night = schedule(&["Sun-Sat 22:00-02:00"], &["2026-11-18"]);
        assert_eq!(
            said(&night, "2026-11-18T23:00:00"),
            "freeze until 2026-11-18; opens Thu 2026-11-19 00:00 (Europe/Berlin)"
        );
        // A freeze takes no late Friday away.
        let frozen = schedule(&[], &["2026-12-18..2027-01-04"]);
        assert!(said(&frozen, "2026-11-20T16:00:00").starts_with("late Friday"));
    }

    #[test]
    fn windows_past_midnight_belong_to_the_day_they_begin_on() {
        let night = schedule(&["Fri 22:00-02:00"], &[]);
        assert_eq!(said(&night, "2026-11-20T22:00:00"), "open");
        assert_eq!(said(&night, "2026-11-21T01:59:00"), "open");
        assert!(said(&night, "2026-11-20T01:00:00").ends_with("opens Fri 2026-11-20 22:00 (Europe/Berlin)"));
        assert!(said(&night, "2026-11-21T02:00:00").ends_with("opens Fri 2026-11-27 22:00 (Europe/Berlin)"));
        let whole = schedule(&["Sat-Mon 00:00-24:00"], &[]);
        assert_eq!(said(&whole, "2026-11-22T23:59:59"), "open");
        assert!(said(&whole, "2026-11-24T00:00:00").contains("outside"));
    }

    #[test]
    fn clocks_that_are_put_forward_open_at_once() {
        // On 2026-03-29 the hour from 02:00 to 03:00 does not come.
        let gap = schedule(&["Sun 02:30-04:00"], &[]);
        assert!(said(&gap, "2026-03-29T01:59:00").ends_with("opens Sun 2026-03-29 03:00 (Europe/Berlin)"));
        assert_eq!(said(&gap, "2026-03-29T03:00:00"), "open");
        let lost = schedule(&["Sun 02:00-03:00"], &[]);
        assert!(said(&lost, "2026-03-29T01:00:00").ends_with("opens Sun 2026-04-05 02:00 (Europe/Berlin)"));
    }

    #[test]
    fn clocks_that_are_put_back_open_twice() {
        // On 2026-10-25 the hour from 02:00 to 03:00 comes twice, at 00:00 and at 01:00 UTC.
        let fold = schedule(&["Sun 02:30-02:45"], &[]);
        let at = |text: &str| fold.answer(text.parse().unwrap(), &berlin());
        let opens = |text: &str| match at(text) {
            Answer::Open => "open".to_owned(),
            Answer::Closed { opens, .. } => opens.unwrap().to_string(),
        };
        assert_eq!(opens("2026-10-25T00:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(opens("2026-10-25T00:30:00Z"), "open");
        assert_eq!(opens("2026-10-25T00:45:00Z"), "2026-10-25T01:30:00Z");
        assert_eq!(opens("2026-10-25T01:30:00Z"), "open");
        assert_eq!(opens("2026-10-25T01:45:00Z"), "2026-11-01T01:30:00Z");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, says) in [
            ("Mon-Thu", "is not days and hours"),
            ("Mon 9:00-16:00", "write it as 09:00"),
            ("Mon 09:00", "is not BEGIN-END"),
            ("Mon 09:00-25:00", "`25:00` is not a time"),
            ("Mon 09:00-09:00", "begins when it ends"),
            ("Mo 09:00-16:00", "`Mo` is not a day"),
            ("Mon, Tue 09:00-16:00", "is not days and hours"),
            ("", "is not days and hours"),
        ] {
            let error = Window::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        for (text, says) in [
            ("2026-13-01", "`2026-13-01` is not a date"),
            ("2026-12-18..", "`` is not a date"),
            ("2026-12-18..2026-12-17 x", "ends before it begins"),
            ("next week", "`next` is not a date"),
        ] {
            let error = Freeze::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(Window::parse("Mon-Thu 09:00-16:00"), Window::parse("monday,Tue-Thursday 09:00-16:00"));
        assert_eq!(Window::parse("09:00-16:00"), Window::parse("Mon-Sun 09:00-16:00"));
        assert_eq!(Window::parse("09:00-00:00"), Window::parse("09:00-24:00"));
    }

    /// Windows and freezes around the two changes of clocks in Berlin.
    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let window = ("(Mon|Wed-Fri|Sat-Sun|Sun)", 0_i8..24, 0_i8..4, 0_i8..24, 0_i8..4).prop_filter_map(
            "a window",
            |(days, hour, quarter, to_hour, to_quarter)| {
                Window::parse(&format!("{days} {hour:02}:{:02}-{to_hour:02}:{:02}", quarter * 15, to_quarter * 15)).ok()
            },
        );
        let freeze = (20_i8..31, 1_i8..4).prop_map(|(day, length)| {
            let last = (day + length).min(31);
            Freeze::parse(&format!("2026-10-{day}..2026-10-{last}")).unwrap()
        });
        (proptest::collection::vec(window, 0..3), proptest::collection::vec(freeze, 0..2))
            .prop_map(|(windows, freezes)| Schedule { windows, freezes })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_next_opening_is_the_first_quarter_of_an_hour_that_is_open(
            schedule in any_schedule(), spring in any::<bool>(), start in 0_i64..(12 * 24 * 4),
        ) {
            let zone = berlin();
            let first: Timestamp = if spring { "2026-03-22T00:00:00Z" } else { "2026-10-19T00:00:00Z" }.parse().unwrap();
            let now = first + SignedDuration::from_mins(15 * start);
            // Windows begin at quarters of an hour, so that looking at each of them finds the first that is open.
            let open = |at| schedule.answer(at, &zone) == Answer::Open;
            if let Answer::Closed { opens: Some(opens), .. } = schedule.answer(now, &zone) {
                prop_assert!(opens > now && open(opens));
                let mut at = now;
                while at < opens {
                    prop_assert!(!open(at), "{at} is open before {opens}");
                    at += SignedDuration::from_mins(15);
                }
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "[A-Za-z0-9:, .é-]{0,24}") {
            let _ = (Window::parse(&text), Freeze::parse(&text));
        }
    }
}
