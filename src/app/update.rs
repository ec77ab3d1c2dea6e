//! One message at a time makes the next model. No I/O, no clock.

use jiff::Timestamp;

use super::model::{Level, Model, Notice};
use super::msg::{Effect, Msg};
use super::{on_click, on_feed, on_key, on_receipt};
use crate::domain::ids::Target;
use crate::domain::workload::Object;

/// How many notices are kept.
const NOTICES: usize = 200;

/// Takes in a message and returns what has to be done outside.
pub fn update(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    model.now = now;
    match msg {
        Msg::Key { chord, repeat } => on_key::key(model, chord, repeat),
        Msg::Paste(text) => on_key::paste(model, &text),
        Msg::Wheel(lines) => on_key::wheel(model, lines),
        Msg::Click(hit) => on_click::click(model, hit),
        Msg::Feed(feed) => on_feed::feed(model, feed),
        Msg::Begun { action, target } => on_receipt::begun(model, action, &target),
        Msg::Ended { record, outcome } => on_receipt::ended(model, &record, outcome),
        Msg::Written(lines) => on_receipt::written(model, lines),
        Msg::Journal { broken, unwritten } => on_receipt::journal(model, broken, unwritten),
        Msg::Clock => clock(model),
        Msg::Woke => woke(model),
        Msg::TooSmall(too_small) => {
            model.too_small = too_small;
            Vec::new()
        }
        Msg::Said(level, text) => {
            say(model, level, text);
            Vec::new()
        }
    }
}

/// Takes down something to say.
pub(super) fn say(model: &mut Model, level: Level, text: impl Into<String>) {
    if model.notices.len() == NOTICES {
        model.notices.pop_front();
    }
    model.notices.push_back(Notice { at: model.now, level, text: text.into() });
    model.unread += 1;
}

fn clock(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    model.world.rejudge(now);
    super::confirm::refresh(model);
    let mut effects = on_feed::check_news(model);
    effects.extend(super::autopilot::step(model));
    effects
}

fn woke(model: &mut Model) -> Vec<Effect> {
    // What was on the screen before sleep is no ground to confirm anything on.
    if matches!(model.overlay, Some(super::model::Overlay::Confirm(_))) {
        model.overlay = None;
        say(model, Level::Warn, "the machine slept: the open question was cancelled, ask again");
    }
    model.autopilot.start_over();
    let now = model.now;
    model.world.rejudge(now);
    // Evidence that was found by another clock may be dated in a time to come, and never be looked for again by itself.
    let checks = model.world.environments.iter().map(|env| Effect::LookAgain(env.name().clone(), None));
    checks.chain([Effect::Refresh]).collect()
}

/// Returns a target's object as it is now.
pub(super) fn object_now<'a>(model: &'a Model, target: &Target) -> Option<&'a Object> {
    let (_, workload) = model.world.find(target)?;
    workload.snapshot.as_ref().map(|snapshot| &snapshot.object)
}
