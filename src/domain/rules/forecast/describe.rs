//! A forecast in words.

use jiff::SignedDuration;

use super::{Forecast, Lasts, Outlook};
use crate::domain::facts::text;
use analysis::{Chances, Detectable, Rules, Traffic};

/// Chances from here up to the other are told in tenths, the rest in hundredths.
const TENTHS: (f64, f64) = (0.05, 0.95);

/// Returns what a stretch can detect: `5 % for 2 min: 9,000 requests; ×5 in 9 of 10 cases, ×2 in 1 of 10; a bad one costs
/// ≈ 310 failed requests`.
#[must_use]
pub fn line(forecast: &Forecast) -> String {
    let stretch = &forecast.stretch;
    let share = percent(stretch.share);
    match forecast.outlook {
        Outlook::NoCanary => format!("{share}: the canary gets no requests, so that nothing is detected"),
        Outlook::NoStable => format!("{share}: nothing is left to compare with"),
        Outlook::AtOnce => format!("{share}: ends at once, so that nothing is detected"),
        Outlook::Ends(detectable) => {
            let time = match stretch.lasts {
                Lasts::Time(time) => format!(" for {}", length(time)),
                Lasts::Person | Lasts::Unknown(_) => String::new(),
            };
            let requests = grouped(detectable.requests);
            let [more, less] = telling(&detectable);
            let chances = format!("{} in {} cases, {} in {}", more.0, of(more.1), less.0, of(less.1));
            // What a bad one has cost in a stretch without an end is not known either.
            if forecast.is_least {
                format!("{share}{time}: {requests} requests; at least {chances}")
            } else {
                format!("{share}{time}: {requests} requests; {chances}; a bad one costs {}", cost(&detectable))
            }
        }
        Outlook::Open(seconds) => {
            let (until, no_end) = match stretch.lasts {
                Lasts::Unknown(why) => ("", why),
                Lasts::Person | Lasts::Time(_) => (" until promoted", "no end"),
            };
            let takes = match seconds {
                Some(seconds) => when(seconds),
                None => "takes more than 2,000 looks of the analysis".to_owned(),
            };
            format!("{share}{until}: {no_end}; ×5 in 9 of 10 cases {takes}")
        }
    }
}

/// Returns the same for where room is short: `by its end ×5 in 9 of 10, ×2 in 1 of 10`.
#[must_use]
pub fn short(forecast: &Forecast) -> String {
    match forecast.outlook {
        Outlook::Ends(detectable) => {
            let [more, less] = telling(&detectable);
            let least = if forecast.is_least { "at least " } else { "" };
            format!("by its end {least}{} in {}, {} in {}", more.0, of(more.1), less.0, of(less.1))
        }
        Outlook::Open(Some(seconds)) => format!("no end; ×5 in 9 of 10 {}", when(seconds)),
        Outlook::Open(None) | Outlook::NoCanary | Outlook::NoStable | Outlook::AtOnce => String::new(),
    }
}

/// The two sizes that say most: where ×5 is mostly missed, what is caught says more than what is missed even more often.
fn telling(detectable: &Detectable) -> [(&'static str, f64); 2] {
    let Chances { x2, x5, x10 } = detectable.chances;
    if x5 < 0.5 { [("×10", x10), ("×5", x5)] } else { [("×5", x5), ("×2", x2)] }
}

fn cost(detectable: &Detectable) -> String {
    match detectable.cost.round() {
        ..1.0 => "less than 1 failed request".to_owned(),
        1.0 => "≈ 1 failed request".to_owned(),
        cost => format!("≈ {} failed requests", grouped(cost)),
    }
}

/// Returns what the figures are about: which traffic, and what a size of regression is.
#[must_use]
pub fn assumption(traffic: &Traffic, rules: &Rules, is_assumed: bool) -> String {
    let word = if is_assumed { "assuming" } else { "at" };
    let rate =
        if traffic.per_second < 10.0 { format!("{:.1}", traffic.per_second) } else { grouped(traffic.per_second) };
    let bad = text::percent(traffic.bad(rules, 5.0));
    format!(
        "{word} {rate} requests/s, of which {} fail on stable; ×5 means that {bad} fail",
        text::percent(traffic.errors)
    )
}

/// A chance: `9 of 10`, and where that would round to all or nothing `98 of 100`. Never all.
fn of(chance: f64) -> String {
    match (chance * 100.0).floor() {
        _ if (TENTHS.0..TENTHS.1).contains(&chance) => format!("{:.0} of 10", (chance * 10.0).round().clamp(1.0, 9.0)),
        hundredths if hundredths < 1.0 => "fewer than 1 of 100".to_owned(),
        hundredths => format!("{:.0} of 100", hundredths.min(99.0)),
    }
}

/// A share: `5 %`, `0.5 %`.
fn percent(share: f64) -> String {
    let share = share * 100.0;
    if (share - share.round()).abs() < 0.05 { format!("{share:.0} %") } else { format!("{share:.1} %") }
}

/// A length as manifests have it: `45 s`, `2 min`, `1 h`, `1m30s`.
fn length(time: SignedDuration) -> String {
    match time.as_secs() {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 && seconds < 7200 => format!("{} min", seconds / 60),
        _ => text::duration(time),
    }
}

/// When enough are detected; the steps before may have done so already.
fn when(seconds: f64) -> String {
    if seconds > 0.0 { format!("after {}", length(whole(seconds))) } else { "before it begins".to_owned() }
}

fn whole(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds.ceil()).unwrap_or(SignedDuration::MAX)
}

/// A whole number with its thousands apart: `9,000`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stretch, timed};
    use super::*;

    fn said(stretch: super::super::Stretch, outlook: Outlook) -> String {
        line(&Forecast { stretch, outlook, is_least: false })
    }

    #[test]
    fn a_line_says_requests_chances_and_cost() {
        let chances = |x2, x5, x10| Chances { x2, x5, x10 };
        let ends = |requests, chances, cost| Outlook::Ends(Detectable { requests, chances, cost });
        assert_eq!(
            said(timed(5, 120), ends(9000.0, chances(0.12, 0.9, 1.0), 310.2)),
            "5 % for 2 min: 9,000 requests; ×5 in 9 of 10 cases, ×2 in 1 of 10; a bad one costs ≈ 310 failed requests"
        );
        assert_eq!(
            said(timed(1, 45), ends(45.0, chances(0.0, 0.02, 0.4), 0.3)),
            "1 % for 45 s: 45 requests; ×10 in 4 of 10 cases, ×5 in 2 of 100; a bad one costs less than 1 failed request"
        );
        let sure = Forecast {
            stretch: timed(50, 5400),
            outlook: ends(1_234_567.0, chances(0.97, 1.0, 1.0), 12_000.0),
            is_least: true,
        };
        assert_eq!(line(&sure), "50 % for 90 min: 1,234,567 requests; at least ×5 in 99 of 100 cases, ×2 in 97 of 100");
    }

    #[test]
    fn a_stretch_without_an_end_says_how_long_it_would_take() {
        assert_eq!(
            said(stretch(20, Lasts::Person), Outlook::Open(Some(104.2))),
            "20 % until promoted: no end; ×5 in 9 of 10 cases after 1m45s"
        );
        assert_eq!(
            said(stretch(20, Lasts::Person), Outlook::Open(Some(0.0))),
            "20 % until promoted: no end; ×5 in 9 of 10 cases before it begins"
        );
        let why = Lasts::Unknown("it lasts as long as its analysis");
        assert_eq!(
            said(stretch(20, why), Outlook::Open(None)),
            "20 %: it lasts as long as its analysis; ×5 in 9 of 10 cases takes more than 2,000 looks of the analysis"
        );
        assert_eq!(said(timed(100, 0), Outlook::NoStable), "100 %: nothing is left to compare with");
    }

    #[test]
    fn the_short_form_leaves_out_requests_and_cost() {
        let chances = Chances { x2: 0.12, x5: 0.9, x10: 1.0 };
        let ends = Outlook::Ends(Detectable { requests: 9000.0, chances, cost: 310.0 });
        let short = |outlook| short(&Forecast { stretch: timed(5, 120), outlook, is_least: false });
        assert_eq!(short(ends), "by its end ×5 in 9 of 10, ×2 in 1 of 10");
        assert_eq!(short(Outlook::Open(Some(104.2))), "no end; ×5 in 9 of 10 after 1m45s");
    }

    #[test]
    fn chances_never_round_to_all_or_nothing() {
        let said = [0.0, 0.009, 0.03, 0.05, 0.149, 0.94, 0.96, 1.0].map(of);
        let wanted = [
            "fewer than 1 of 100",
            "fewer than 1 of 100",
            "3 of 100",
            "1 of 10",
            "1 of 10",
            "9 of 10",
            "96 of 100",
            "99 of 100",
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn assumed_and_measured_traffic_are_told_apart() {
        let traffic = Traffic { per_second: 1500.0, errors: 0.0002 };
        assert_eq!(
            assumption(&traffic, &Rules::default(), true),
            "assuming 1,500 requests/s, of which 0.02 % fail on stable; ×5 means that 0.50 % fail"
        );
        let traffic = Traffic { per_second: 2.5, errors: 0.01 };
        assert!(assumption(&traffic, &Rules::default(), false).starts_with("at 2.5 requests/s, of which 1.00 % fail"));
    }
}
