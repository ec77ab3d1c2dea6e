//! What clicks do, and that they confirm nothing.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{any_key, model, performed, press, target};
use crate::app::model::{Model, Overlay, Screen};
use crate::app::revisions::revision_choices;
use crate::app::{Effect, Hit, Msg, update};
use crate::domain::facts::ids::EnvName;
use crate::keys::{COMMANDS, Command};

fn click(model: &mut Model, hit: Hit) -> Vec<Effect> {
    let now = model.core.now + SignedDuration::from_millis(500);
    update(model, Msg::Click(hit), now)
}

#[test]
fn a_tab_opens_its_screen_and_the_selected_environment_opens_in_depth() {
    let mut model = model(false, false);
    click(&mut model, Hit::Tab(Screen::Journal));
    assert_eq!(model.ui.screen, Screen::Journal);
    click(&mut model, Hit::Tab(Screen::Deck));
    click(&mut model, Hit::Env(target().env));
    assert_eq!(model.ui.screen, Screen::Rollout);
    click(&mut model, Hit::Env(EnvName::new("gone")));
    assert_eq!(model.ui.env, target().env, "what is no longer there is not selected");
}

#[test]
fn a_hint_asks_as_its_key_does_and_only_the_key_answers() {
    let mut model = model(false, false);
    assert!(performed(&click(&mut model, Hit::Hint(Command::Rollback))).is_empty());
    assert!(matches!(model.ui.overlay, Some(Overlay::Confirm(_))));
    for hit in [Hit::Hint(Command::Rollback), Hit::Tab(Screen::Journal), Hit::Env(target().env), Hit::Line(0)] {
        assert!(click(&mut model, hit).is_empty());
    }
    assert!(matches!(model.ui.overlay, Some(Overlay::Confirm(_))), "nothing but Cancel answers to a click");
    assert_eq!(model.ui.screen, Screen::Deck);
    click(&mut model, Hit::Cancel);
    assert!(model.ui.overlay.is_none());
    assert!(performed(&press(&mut model, "y")).is_empty());
    click(&mut model, Hit::Hint(Command::Rollback));
    assert_eq!(performed(&press(&mut model, "y")).len(), 1);
}

#[test]
fn a_line_of_a_list_is_selected_and_not_run() {
    let mut model = model(false, false);
    press(&mut model, ":");
    click(&mut model, Hit::Line(2));
    assert!(matches!(model.ui.overlay, Some(Overlay::Palette { selected: 2, .. })), "{:?}", model.ui.overlay);
}

#[test]
fn list_of_revisions_begins_with_one_that_can_be_chosen() {
    let mut model = model(false, false);
    press(&mut model, "u");
    let Some(Overlay::Revisions { selected }) = model.ui.overlay else { panic!("{:?}", model.ui.overlay) };
    let choices = revision_choices(&model);
    assert!(choices[0].refusal.is_some() && choices[selected].refusal.is_none(), "{selected}: {choices:?}");
}

fn any_hit() -> impl Strategy<Value = Hit> {
    let commands: Vec<Command> = COMMANDS.iter().map(|spec| spec.command).collect();
    let tabs: Vec<Screen> = Screen::TABS.iter().map(|(.., screen)| *screen).collect();
    prop_oneof![
        prop::sample::select(commands).prop_map(Hit::Hint),
        prop::sample::select(tabs).prop_map(Hit::Tab),
        (0_usize..9).prop_map(Hit::Line),
        Just(Hit::Env(target().env)),
        Just(Hit::Cancel),
    ]
}

proptest! {
    /// Whatever was pressed before and wherever it lands: a click sends nothing, and leaves a question open or cancels it.
    #[test]
    fn a_click_never_confirms(
        steps in prop::collection::vec(prop_oneof![any_key().prop_map(Ok), any_hit().prop_map(Err)], 0..60),
        protected in any::<bool>(),
    ) {
        let mut model = model(protected, false);
        for step in steps {
            let asked = matches!(model.ui.overlay, Some(Overlay::Confirm(_) | Overlay::Quit));
            let now = model.core.now + SignedDuration::from_millis(400);
            match step {
                Ok(chord) => {
                    update(&mut model, Msg::Key { chord, repeat: false }, now);
                }
                Err(hit) => {
                    let cancels = hit == Hit::Cancel;
                    let before = model.core.in_flight.clone();
                    let effects = update(&mut model, Msg::Click(hit), now);
                    prop_assert!(performed(&effects).is_empty());
                    prop_assert!(!asked || effects.is_empty());
                    prop_assert_eq!(&model.core.in_flight, &before);
                    let open = matches!(model.ui.overlay, Some(Overlay::Confirm(_) | Overlay::Quit));
                    prop_assert!(!asked || open != cancels);
                }
            }
        }
    }
}
