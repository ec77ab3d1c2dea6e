//! A lane by the keys of the screen: what is stated, and what states nothing.

use jiff::{SignedDuration, Timestamp};
use release_cockpit::app::model::Overlay;
use release_cockpit::app::{Effect, Model, Msg, update};
use release_cockpit::core;
use release_cockpit::domain::facts::ids::EnvName;
use release_cockpit::domain::record::journal::Entry;
use release_cockpit::domain::record::lane::Lane;
use release_cockpit::keys::{Chord, Key};

use crate::build::lanes::{decided, take};
use crate::build::parts::now;

fn press(model: &mut Model, chord: Chord, at: Timestamp) -> Vec<Effect> {
    update(model, Msg::Key { chord, repeat: false }, at)
}

fn type_text(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert!(stated(&press(model, Chord::char(c), now())).is_empty());
    }
}

fn enter(model: &mut Model) -> Vec<Effect> {
    press(model, Chord::plain(Key::Enter), now())
}

/// The lanes that are stated.
fn stated(effects: &[Effect]) -> Vec<Lane> {
    let lane = |effect: &Effect| match effect {
        Effect::Core(core::Effect::Record { entry: Entry::Lane(lane), .. }) => Some((**lane).clone()),
        _ => None,
    };
    effects.iter().filter_map(lane).collect()
}

fn of_core(effects: Vec<Effect>) -> Vec<core::Effect> {
    effects
        .into_iter()
        .filter_map(|effect| if let Effect::Core(effect) = effect { Some(effect) } else { None })
        .collect()
}

/// The screen with the question, in prod-us.
fn asked() -> Model {
    let mut model = decided();
    model.ui.env = EnvName::new("prod-us");
    press(&mut model, Chord::char('L'), now());
    type_text(&mut model, "2h incident 4711");
    assert!(stated(&enter(&mut model)).is_empty(), "what it leaves out is shown first");
    assert!(matches!(&model.ui.overlay, Some(Overlay::Lane(dialog)) if dialog.asked.is_some()));
    model
}

#[test]
fn it_opens_by_the_environments_name_and_closes_by_a_reason() {
    let mut model = asked();
    type_text(&mut model, "prod-us");
    let later = now() + SignedDuration::from_secs(1);
    let effects = press(&mut model, Chord::char('y'), later);
    let lanes = stated(&effects);
    assert_eq!(lanes.len(), 1);
    assert_eq!((lanes[0].env.as_str(), lanes[0].version.as_str(), lanes[0].is_end), ("prod-us", "1.5.0", false));
    assert_eq!((lanes[0].note.as_str(), lanes[0].until), ("incident 4711", now() + SignedDuration::from_hours(2)));
    assert!(model.ui.overlay.is_none());
    take(&mut model.core, of_core(effects));

    press(&mut model, Chord::char('L'), later);
    type_text(&mut model, "it is out");
    let ends = stated(&enter(&mut model));
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].is_end, ends[0].opened, ends[0].note.as_str()), (true, lanes[0].opened, "it is out"));
}

#[test]
fn nothing_but_the_typed_name_and_y_opens_it() {
    let later = now() + SignedDuration::from_secs(1);
    let mut model = asked();
    assert!(stated(&press(&mut model, Chord::char('y'), later)).is_empty(), "the name is not typed");
    let mut model = asked();
    update(&mut model, Msg::Paste("prod-us".to_owned()), later);
    assert!(stated(&press(&mut model, Chord::char('y'), later)).is_empty(), "a paste is no typed name");
    let mut model = asked();
    type_text(&mut model, "prod-us");
    let soon = now() + SignedDuration::from_millis(200);
    assert!(stated(&press(&mut model, Chord::char('y'), soon)).is_empty(), "within 300 ms");
    assert!(stated(&press(&mut model, Chord::plain(Key::Enter), later)).is_empty(), "Enter confirms nothing");
    press(&mut model, Chord::plain(Key::Esc), later);
    assert!(model.ui.overlay.is_none());
}

#[test]
fn another_artifact_than_was_shown_is_not_opened() {
    let mut model = asked();
    type_text(&mut model, "prod-us");
    let Some(Overlay::Lane(dialog)) = &mut model.ui.overlay else { panic!("there is no question") };
    let question = &mut dialog.asked.as_mut().unwrap().question;
    question.lane.digests.values_mut().for_each(|digest| "sha256:of-before".clone_into(digest));
    let later = now() + SignedDuration::from_secs(1);
    assert!(stated(&press(&mut model, Chord::char('y'), later)).is_empty());
    let notice = &model.core.notices.back().unwrap().text;
    assert_eq!(notice, "not opened: it would open one for 1.5.0 now: look again");
}
