//! What the step in progress can detect: asked for only while it is shown, and once for what stays the same.

use super::*;
use crate::app::model::Screen;

fn tick(model: &mut Model) -> Option<u64> {
    let now = model.core.now + SignedDuration::from_secs(1);
    let effects = update(model, Msg::Core(core::Msg::Clock), now);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Forecast { number, .. } => Some(number),
        _ => None,
    })
}

fn answer(model: &mut Model, number: u64, full: &str) {
    let answer = (full.to_owned(), String::new());
    let now = model.core.now;
    update(model, Msg::Forecast { number, answer }, now);
}

fn shown(model: &Model) -> Option<&str> {
    model.step_forecast().map(|(full, _)| full.as_str())
}

fn traffic(model: &mut Model, per_second: f64) {
    let mut signals = signals(0.001);
    for track in [Track::Stable, Track::Canary] {
        signals.now.insert((track, Signal::Rps), Ok(per_second));
    }
    signals.at = Some(model.core.now);
    feed(model, Feed::History { target: target(), signals: Arc::new(signals) });
}

#[test]
fn asked_for_only_on_its_screen_and_once_for_the_same_traffic() {
    let mut model = model(false, false);
    assert_eq!(tick(&mut model), None, "the deck does not show it");
    model.ui.screen = Screen::Rollout;
    assert_eq!((tick(&mut model), tick(&mut model)), (Some(1), None));
    assert_eq!(shown(&model), None);
    answer(&mut model, 1, "20 % until promoted");
    assert_eq!(shown(&model), Some("20 % until promoted"));
    traffic(&mut model, 22.0);
    assert_eq!(tick(&mut model), None, "a tenth more traffic changes no chance much");
    traffic(&mut model, 60.0);
    assert_eq!(tick(&mut model), Some(2));
    assert_eq!(shown(&model), Some("20 % until promoted"), "the last answer stays until the next");
    answer(&mut model, 2, "sooner");
    assert_eq!(shown(&model), Some("sooner"));
}

#[test]
fn answer_about_another_step_is_never_shown() {
    let mut model = model(false, false);
    model.ui.screen = Screen::Rollout;
    assert_eq!(tick(&mut model), Some(1));
    answer(&mut model, 1, "first");
    change(&mut model, |rollout| rollout.status.step_index = Some(3));
    assert_eq!(shown(&model), None, "the step moved on");
    traffic(&mut model, 20.0);
    assert_eq!(tick(&mut model), Some(2));
    answer(&mut model, 1, "late");
    assert_eq!(shown(&model), None);
    answer(&mut model, 2, "second");
    assert_eq!(shown(&model), Some("second"));
}

#[test]
fn without_fresh_traffic_nothing_is_said() {
    let mut model = model(false, false);
    model.ui.screen = Screen::Rollout;
    assert_eq!(tick(&mut model), Some(1));
    answer(&mut model, 1, "first");
    let later = model.core.now + SignedDuration::from_mins(5);
    let effects = update(&mut model, Msg::Core(core::Msg::Clock), later);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Forecast { .. })));
    assert_eq!(shown(&model), None);
}
