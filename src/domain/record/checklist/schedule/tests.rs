//! Times that are open, and the next ones.

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
fn default_schedule_closes_friday_afternoon() {
    let none = Schedule::default();
    for open in ["2026-11-20T14:59:59", "2026-11-23T06:00:00", "2026-11-18T03:00:00"] {
        assert_eq!(said(&none, open), "open", "{open}");
    }
    for (closed, when) in [
        ("2026-11-20T15:00:00", "late Friday"),
        ("2026-11-21T12:00:00", "the weekend"),
        ("2026-11-22T23:59:59", "the weekend"),
        ("2026-11-23T05:59:59", "the weekend"),
    ] {
        let why = format!("{when}: nobody is on hand; opens Mon 2026-11-23 06:00 (Europe/Berlin)");
        assert_eq!(said(&none, closed), why, "{closed}");
    }
}

#[test]
fn windows_and_freezes_open_and_close() {
    let office = schedule(&["Mon-Thu 09:00-16:00", "Fri 09:00-12:00"], &["2026-12-18..2027-01-04 year end"]);
    assert_eq!(said(&office, "2026-11-19T15:59:59"), "open");
    assert_eq!(said(&office, "2026-11-20T11:00:00"), "open");
    assert_eq!(
        said(&office, "2026-11-20T12:00:00"),
        "Fri 2026-11-20 12:00 (Europe/Berlin) is outside every release window; opens Mon 2026-11-23 09:00 (Europe/Berlin)"
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
fn window_past_midnight_belongs_to_its_first_day() {
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
fn window_opens_at_once_when_clocks_go_forward() {
    // On 2026-03-29 the hour from 02:00 to 03:00 does not come.
    let gap = schedule(&["Sun 02:30-04:00"], &[]);
    assert!(said(&gap, "2026-03-29T01:59:00").ends_with("opens Sun 2026-03-29 03:00 (Europe/Berlin)"));
    assert_eq!(said(&gap, "2026-03-29T03:00:00"), "open");
    let lost = schedule(&["Sun 02:00-03:00"], &[]);
    assert!(said(&lost, "2026-03-29T01:00:00").ends_with("opens Sun 2026-04-05 02:00 (Europe/Berlin)"));
}

#[test]
fn window_opens_twice_when_clocks_go_back() {
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
fn invalid_schedules_are_reported() {
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
    fn next_opening_is_the_first_open_quarter_hour(
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
    fn any_schedule_text_is_parsed_without_panic(text in "[A-Za-z0-9:, .é-]{0,24}") {
        let _ = (Window::parse(&text), Freeze::parse(&text));
    }
}
