mod incident;

use std::sync::Arc;

use super::*;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::signals::Signals;
use crate::domain::world::feed::Feed;
use incident::{Dice, FLAG, Incident, LOOK, Way, at, flags};

/// An incident with its truth: whether a flag was the cause.
fn scripted(number: u64) -> (Incident, bool) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1));
    for _ in 0..8 {
        dice.share();
    }
    let by_flag = number.is_multiple_of(2);
    let way = if number.is_multiple_of(3) { Way::Rolling } else { Way::Canary };
    let cause = dice.between(700, 1000);
    let (delay, ramp) = (dice.between(0, 30), dice.between(0, 15));
    let apart = dice.between(60, 200);
    let mut incident = Incident {
        way,
        code_at: if by_flag { dice.between(150, 400) } else { cause },
        flags: if by_flag { vec![(FLAG, FlagEdit::On, cause)] } else { vec![(FLAG, FlagEdit::On, cause - 600)] },
        elsewhere: None,
        felt: (cause + delay, ramp),
        both: by_flag && number.is_multiple_of(4),
        traffic: (dice.between(30, 150) as u32, 0.001 + 0.002 * dice.share(), 0.03 + 0.09 * dice.share()),
        now: cause + delay + ramp + dice.between(45, 240),
        seed: number.wrapping_mul(0x1234_5677) + 99,
    };
    match number / 2 % 5 {
        // The other kind of change came shortly before.
        1 if by_flag => incident.code_at = cause - apart,
        1 => incident.flags = vec![(FLAG, FlagEdit::On, cause - apart)],
        // The same flag was turned on somewhere else.
        2 => incident.elsewhere = Some(cause + delay - 5),
        // Another flag was turned off.
        3 => incident.flags.push(("split-tender", FlagEdit::Off, cause + delay - 8)),
        // A flag was turned on, and taken back before anybody felt anything.
        4 => {
            incident.flags.push(("dark-mode", FlagEdit::On, cause - 40));
            incident.flags.push(("dark-mode", FlagEdit::Off, cause - 20));
        }
        _ => {}
    }
    (incident, by_flag)
}

#[test]
fn of_forty_incidents_the_cause_is_named_first() {
    let wrong: Vec<String> = (0..40)
        .filter_map(|number| {
            let (incident, by_flag) = scripted(number);
            let advice = incident.advice();
            let first = advice.as_ref().and_then(|advice| advice.changes.first());
            let is_right = first.is_some_and(|first| match &first.what {
                What::Flag { name, .. } => by_flag && name == FLAG,
                What::Step | What::Pods | What::Start { .. } => !by_flag,
            });
            let said = advice.map(|advice| advice.sentence("prod"));
            (!is_right).then(|| format!("{number} by flag {by_flag}: {said:?}\n  {incident:?}"))
        })
        .collect();
    assert!(wrong.len() <= 4, "{} of 40 are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn example() -> Incident {
    Incident {
        way: Way::Canary,
        code_at: 120,
        flags: vec![(FLAG, FlagEdit::On, 1000)],
        elsewhere: None,
        felt: (1030, 10),
        both: false,
        traffic: (100, 0.001, 0.1),
        now: 1120,
        seed: 5,
    }
}

#[test]
fn what_is_said_is_how_long_before_and_what_to_do_first() {
    let advice = example().advice().unwrap();
    let said = advice.sentence("prod");
    assert!(said.starts_with("errors rose ") && said.ends_with(": turn that off first"), "{said}");
    assert!(said.contains(" s after express-checkout-v2 went on in prod (by ada), 15m"), "{said}");
    assert!(said.contains("after the last step"), "{said}");
    assert_eq!(advice.flag(), Some(("unleash", FLAG)));
    let Onset::Seen { at: seen, well_at: Some(well) } = advice.onset else { panic!("{advice:?}") };
    assert!(seen >= at(1030) && seen <= at(1060) && well < seen, "{advice:?}");
}

#[test]
fn nothing_is_said_while_nothing_is_worse() {
    let well = Incident { traffic: (100, 0.001, 0.001), ..example() };
    assert_eq!(well.advice(), None);
}

#[test]
fn a_flag_that_is_off_again_is_not_turned_off_once_more() {
    let mut incident = example();
    incident.flags.push((FLAG, FlagEdit::Off, 1110));
    let advice = incident.advice().unwrap();
    assert!(advice.sentence("prod").ends_with(": it is off now"), "{}", advice.sentence("prod"));
    assert_eq!(advice.flag(), None);
}

#[test]
fn what_came_long_before_is_not_blamed() {
    let incident = Incident { flags: vec![(FLAG, FlagEdit::On, 200)], ..example() };
    let said = incident.advice().unwrap().sentence("prod");
    assert!(said.starts_with("errors rose; nothing known changed in the 10m00s before"), "{said}");
}

#[test]
fn a_time_that_is_not_known_is_said_and_never_ranked() {
    let incident = Incident { flags: Vec::new(), ..example() };
    let mut world = incident.world();
    let mut told = flags(&[(FLAG, FlagEdit::On, 1000)]);
    told[0].changes.clear();
    let (env, provider, now) = (EnvName::new("prod"), "unleash".to_owned(), at(incident.now));
    world.take(Feed::Flags { env, provider, link: Link::Up, at: Some(now), flags: Arc::new(told) }, now);
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let advice = advice(env, &env.workloads[0], now).unwrap();
    assert!(advice.changes.iter().all(|change| !change.what.is_flag()), "{advice:?}");
    let said = advice.sentence("prod");
    assert!(said.ends_with("not known: when express-checkout-v2 was turned on"), "{said}");
}

#[test]
fn a_hole_in_the_data_leaves_the_onset_unknown() {
    let incident = example();
    let mut world = incident.world();
    let mut signals = Signals { interval: Some(SignedDuration::from_secs(LOOK)), ..incident.signals() };
    let kept: Vec<(Timestamp, Option<f64>)> = signals.history[&(Track::Canary, Signal::ErrorRatio)]
        .points()
        .filter(|point| point.at < at(950) || point.at > at(1080))
        .map(|point| (point.at, point.value))
        .collect();
    let series = signals.history.entry((Track::Canary, Signal::ErrorRatio)).or_default();
    series.forget_from(at(0));
    for (at, value) in kept {
        series.push(at, value);
    }
    let target = WorkloadKey { env: EnvName::new("prod"), workload: incident.snapshot().id() };
    world.take(Feed::History { target, signals: Arc::new(signals) }, at(incident.now));
    let env = world.environment(&EnvName::new("prod")).unwrap();
    let advice = advice(env, &env.workloads[0], at(incident.now)).unwrap();
    assert_eq!((advice.onset, advice.changes.len(), advice.flag()), (Onset::Unknown, 0, None));
    assert!(advice.sentence("prod").starts_with("when errors rose is not known"), "{}", advice.sentence("prod"));
}
