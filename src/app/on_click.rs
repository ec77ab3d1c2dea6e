//! Clicks act like the key of what they hit. A click never confirms.

use super::model::{Model, Overlay, Screen};
use super::msg::{Effect, Hit};
use super::on_key::{act_on, closed, run, show};
use crate::domain::facts::ids::EnvName;
use crate::keys::Command;

pub(super) fn click(model: &mut Model, hit: Hit) -> Vec<Effect> {
    if model.ui.too_small {
        return Vec::new();
    }
    // What lies over the screen decides what a click may do, whatever it was that was drawn there.
    match (&mut model.ui.overlay, hit) {
        (None, Hit::Tab(screen)) => show(model, screen),
        (None, Hit::Env(name)) => choose(model, name),
        (None, Hit::Hint(command)) => run(model, command),
        (None, Hit::Line(line)) if matches!(model.ui.screen, Screen::Checklist | Screen::Flags) => {
            model.ui.line = line;
            Vec::new()
        }
        (
            Some(Overlay::Help { selected, .. } | Overlay::Palette { selected, .. } | Overlay::Revisions { selected }),
            Hit::Line(line),
        ) => {
            *selected = line;
            Vec::new()
        }
        (Some(Overlay::Confirm(_) | Overlay::Quit), Hit::Cancel) => closed(model),
        _ => Vec::new(),
    }
}

/// Selects an environment; opens the one that is selected already.
fn choose(model: &mut Model, name: EnvName) -> Vec<Effect> {
    if model.ui.env == name {
        return run(model, Command::Open);
    }
    if model.core.world.environment(&name).is_some() {
        act_on(model, name);
    }
    Vec::new()
}
