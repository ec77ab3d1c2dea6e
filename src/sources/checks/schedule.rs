//! `schedule`: is now a time to release?

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Schedule;
use crate::domain::facts::text::duration;
use crate::domain::record::checklist::schedule::{Answer, shown};

#[expect(clippy::unused_async, reason = "all kinds are looked at alike")]
pub(super) async fn look(asked: &Schedule, _scene: &CheckInput, _tools: &Tools) -> Evidence {
    let zone = asked.zone.clone().unwrap_or_else(TimeZone::system);
    answer(asked, Timestamp::now(), &zone)
}

fn answer(asked: &Schedule, now: Timestamp, zone: &TimeZone) -> Evidence {
    match asked.rules.answer(now, zone) {
        Answer::Open => Evidence::passed(format!("inside the release window ({})", shown(now, zone))),
        Answer::Closed { why, opens: Some(opens) } => {
            let wait = duration(opens.duration_since(now));
            Evidence::failed(why, format!("it is {}, in {wait}", shown(opens, zone)))
        }
        Answer::Closed { why, opens: None } => {
            Evidence::failed(why, "windows or freezes are changed: none opens within a year")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::checklist::CheckOutcome;

    #[test]
    fn closed_window_names_the_next_opening() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| answer(&Schedule::default(), text.parse().unwrap(), &zone);
        let open = at("2026-11-20T13:00:00Z");
        assert_eq!(
            (open.found, open.summary.as_str()),
            (CheckOutcome::Passed, "inside the release window (Fri 2026-11-20 14:00 (Europe/Berlin))")
        );
        let closed = at("2026-11-20T15:00:00Z");
        assert_eq!((closed.found, closed.summary.as_str()), (CheckOutcome::Failed, "late Friday: nobody is on hand"));
        assert_eq!(closed.green_when, "it is Mon 2026-11-23 06:00 (Europe/Berlin), in 2d 14h");
    }
}
