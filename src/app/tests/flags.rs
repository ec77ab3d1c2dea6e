//! Feature flags on screen 7: what is selected is turned off by `K` `y`, and nothing else is.

use std::sync::Arc;

use super::{model, performed, press, start};
use crate::app::model::{Model, Overlay, Screen};
use crate::domain::facts::flag::{Flag, FlagState, ProviderKind};
use crate::domain::facts::freshness::{Heard, Link};
use crate::domain::record::action::{Target, Verb};
use crate::domain::world::flags::{FlagSettings, FlagSource};

/// A model whose environments have these flags; `zeta` is of the release.
fn with_flags(flags: &[(&str, FlagState)]) -> Model {
    let mut model = model(true, false);
    let settings = FlagSettings {
        provider: "unleash".to_owned(),
        place: "https://unleash.example".to_owned(),
        of_release: vec!["zeta".to_owned()],
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: Vec::new(),
    };
    let flags: Vec<Flag> = flags.iter().map(|(name, state)| Flag::of_name(name, *state)).collect();
    for env in &mut model.core.world.environments {
        let heard = Heard { link: Link::Up, at: Some(start()) };
        env.flags = vec![FlagSource { heard, flags: Arc::new(flags.clone()), ..FlagSource::new(settings.clone()) }];
    }
    model
}

/// What was sent: verb and flag.
fn turned(model: &mut Model, keys: &str) -> Vec<(Verb, String)> {
    let effects = press(model, keys);
    let name = |target: &Target| match target {
        Target::Flag(key) => key.flag.clone(),
        other => other.name(),
    };
    performed(&effects).iter().map(|record| (record.verb, name(&record.target))).collect()
}

#[test]
fn the_selected_flag_is_turned_off_and_that_of_the_release_is_selected_first() {
    let on = [("alpha", FlagState::On), ("zeta", FlagState::Percent(25))];
    assert_eq!(turned(&mut with_flags(&on), "7 K y"), [(Verb::FlagOff, "zeta".to_owned())]);
    assert_eq!(turned(&mut with_flags(&on), "7 j K y"), [(Verb::FlagOff, "alpha".to_owned())]);
}

#[test]
fn a_key_that_turns_a_flag_shows_the_list_first() {
    let mut model = with_flags(&[("zeta", FlagState::On)]);
    assert_eq!(turned(&mut model, "K y"), []);
    assert_eq!(model.ui.screen, Screen::Flags);
    assert_eq!(turned(&mut model, "K y"), [(Verb::FlagOff, "zeta".to_owned())]);
}

#[test]
fn only_y_confirms_and_what_cannot_be_turned_says_why() {
    let mut model = with_flags(&[("zeta", FlagState::On)]);
    assert_eq!(turned(&mut model, "7 K K"), []);
    assert_eq!(turned(&mut model, "K enter"), []);
    let mut off = with_flags(&[("zeta", FlagState::Off)]);
    // The list may be wrong: the provider decides.
    assert_eq!(turned(&mut off, "7 K y"), [(Verb::FlagOff, "zeta".to_owned())]);
    press(&mut off, "7 E");
    assert!(matches!(off.ui.overlay, Some(Overlay::Refused { .. } | Overlay::Confirm(_))), "{:?}", off.ui.overlay);
    let mut none = with_flags(&[]);
    press(&mut none, "7 K");
    assert!(matches!(none.ui.overlay, Some(Overlay::Refused { .. })), "{:?}", none.ui.overlay);
}

#[test]
fn a_share_is_typed_and_confirmed() {
    let mut model = with_flags(&[("zeta", FlagState::Percent(50))]);
    assert_eq!(turned(&mut model, "7 % 1 0 enter"), [], "it is asked for first");
    assert!(matches!(&model.ui.overlay, Some(Overlay::Confirm(confirm)) if confirm.plan.typed().is_none()));
    assert_eq!(turned(&mut model, "y"), [(Verb::FlagLower, "zeta".to_owned())]);
    let mut model = with_flags(&[("zeta", FlagState::Percent(50))]);
    // More users: nothing is known of the cluster, and of the gates.
    press(&mut model, "7 % 6 0 enter");
    assert!(matches!(model.ui.overlay, Some(Overlay::Refused { .. } | Overlay::Confirm(_))), "{:?}", model.ui.overlay);
    for wrong in ["7 % enter", "7 % 0 enter", "7 % 1 0 1 enter", "7 % x enter"] {
        let mut model = with_flags(&[("zeta", FlagState::Percent(50))]);
        press(&mut model, wrong);
        assert!(matches!(model.ui.overlay, Some(Overlay::FlagShare { .. })), "{wrong}: {:?}", model.ui.overlay);
        assert_eq!(turned(&mut model, "esc"), []);
        assert!(model.ui.overlay.is_none());
    }
}

#[test]
fn the_filter_decides_what_is_selected() {
    let mut model = with_flags(&[("alpha", FlagState::On), ("zeta", FlagState::On)]);
    press(&mut model, "7");
    model.ui.filter = "ALPH".to_owned();
    assert_eq!(turned(&mut model, "K y"), [(Verb::FlagOff, "alpha".to_owned())]);
    let mut model = with_flags(&[("Beta", FlagState::On), ("zeta", FlagState::On), ("\u{c9}clair", FlagState::On)]);
    press(&mut model, "7");
    for (filter, flag) in [("bet", "Beta"), ("\u{e9}CL", "\u{c9}clair")] {
        model.ui.filter = filter.to_owned();
        assert_eq!(turned(&mut model, "K y"), [(Verb::FlagOff, flag.to_owned())]);
    }
}
