//! One message at a time makes the next model. No I/O, no clock.

use jiff::Timestamp;

use super::model::{Model, Overlay};
use super::msg::{Effect, Msg, lift};
use super::{confirm, forecast, on_click, on_key};
use crate::core::{self, Level};

/// Takes in a message and returns what has to be done outside.
pub fn update(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    model.core.now = now;
    // Once a second is often enough, and at once where a person looks at something else.
    let may_ask = !matches!(&msg, Msg::Core(msg) if !matches!(msg, core::Msg::Clock));
    let mut effects = take(model, msg, now);
    if may_ask {
        effects.extend(forecast::ask(model));
    }
    effects
}

fn take(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    match msg {
        Msg::Key { chord, repeat } => on_key::key(model, chord, repeat),
        Msg::Paste(text) => on_key::paste(model, &text),
        Msg::Wheel(lines) => on_key::wheel(model, lines),
        Msg::Click(hit) => on_click::click(model, hit),
        Msg::TooSmall(too_small) => {
            model.ui.too_small = too_small;
            Vec::new()
        }
        Msg::Choose(env) => {
            model.ui.env = env;
            Vec::new()
        }
        Msg::Forecast { number, answer } => {
            model.ui.forecast.take(number, answer);
            Vec::new()
        }
        Msg::Core(msg) => concern_core(model, msg, now),
    }
}

fn concern_core(model: &mut Model, msg: core::Msg, now: Timestamp) -> Vec<Effect> {
    if matches!((&msg, &model.ui.overlay), (core::Msg::Woke, Some(Overlay::Confirm(_)))) {
        // What was on the screen before sleep is no ground to confirm anything on.
        model.ui.overlay = None;
        model.core.notice(
            Level::Warn,
            "dialog cancelled: the clock jumped (suspend, or the clock was set); press the key again",
        );
    }
    let effects = core::update(&mut model.core, msg, now);
    confirm::refresh(model);
    lift(effects)
}
