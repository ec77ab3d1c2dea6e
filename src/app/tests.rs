//! The laws as properties of the pure application.

mod autopilot;
mod checklist;
mod clicks;
mod flag_autopilot;
mod flags;
mod forecast;
mod owners;
mod release_flags;
mod two_people;

use analysis::{Enough, Rules};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::model::{Look, Model, Overlay};
use super::{Effect, Msg, update};
use crate::core::{self, Autopilot, Core};
use crate::domain::facts::access::{Access, Permission};
use crate::domain::record::action::{ActionId, Outcome, PlanRecord, Verb};
use crate::domain::record::receipt::Receipt;
use crate::domain::rules::action::writes;

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, Track, WorkloadId, WorkloadKey, WorkloadKind};
use crate::domain::facts::object::{Container, Meta};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::{Sample, Signal, Signals};
use crate::domain::facts::step::{PauseFor, Step};
use crate::domain::facts::workload::rollout::{
    CanaryStrategy, PauseCondition, Rollout, RolloutSpec, RolloutStatus, RolloutStrategy,
};
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::journal::JournalState;
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, World};
use crate::keys::{Chord, Key, Keymap};

pub(super) fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(super) fn target() -> WorkloadKey {
    WorkloadKey { env: EnvName::new("prod"), workload: WorkloadId::new(WorkloadKind::Rollout, "api") }
}

fn replicaset(revision: u64, hash: &str, tag: &str, pods: u32) -> ReplicaSet {
    ReplicaSet {
        meta: Meta { name: format!("api-{hash}"), revision: Some(revision), ..Meta::default() },
        hash: hash.to_owned(),
        desired: pods,
        current: pods,
        ready: pods,
        available: pods,
        observed: true,
        containers: vec![Container { name: "api".to_owned(), image: format!("api:{tag}") }],
        ..ReplicaSet::default()
    }
}

/// A canary at a pause that waits for a person.
fn canary() -> Rollout {
    Rollout {
        meta: Meta {
            name: "api".to_owned(),
            uid: "u1".to_owned(),
            resource_version: "7".to_owned(),
            generation: 2,
            ..Meta::default()
        },
        spec: RolloutSpec {
            replicas: Some(5),
            strategy: RolloutStrategy::Canary(CanaryStrategy {
                steps: vec![
                    Step::SetWeight(20),
                    Step::Pause(PauseFor::Person),
                    Step::SetWeight(60),
                    Step::Pause(PauseFor::Person),
                ],
                max_weight: 100,
                injects_metadata: false,
                ..CanaryStrategy::default()
            }),
            ..RolloutSpec::default()
        },
        status: RolloutStatus {
            phase: "Paused".to_owned(),
            message: "CanaryPauseStep".to_owned(),
            observed_generation: "2".to_owned(),
            pause_conditions: vec![PauseCondition { reason: "CanaryPauseStep".to_owned(), start: Some(start()) }],
            controller_pause: true,
            step_index: Some(1),
            current_hash: "new".to_owned(),
            stable_hash: "old".to_owned(),
            replicas: 5,
            updated: 1,
            ready: 5,
            available: 5,
            ..RolloutStatus::default()
        },
    }
}

fn snapshot(rollout: Rollout) -> Snapshot {
    Snapshot {
        object: Object::Rollout(Box::new(rollout)),
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets: vec![replicaset(2, "new", "1.5.0", 1), replicaset(1, "old", "1.4.2", 4)],
        pods: Vec::new(),
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    }
}

fn signals(errors: f64) -> Signals {
    let mut signals = Signals { interval: Some(SignedDuration::from_secs(5)), ..Signals::default() };
    let readings = [Track::Stable, Track::Canary]
        .into_iter()
        .flat_map(|track| {
            let errors = if track == Track::Canary { errors } else { 0.001 };
            [
                ((track, Signal::Rps), Ok(20.0)),
                ((track, Signal::ErrorRatio), Ok(errors)),
                ((track, Signal::P99), Ok(0.2)),
            ]
        })
        .collect();
    signals.take(&Sample { at: start(), readings });
    signals
}

pub(super) fn model(protected: bool, read_only: bool) -> Model {
    let settings = EnvSettings {
        context: "ctx".to_owned(),
        namespace: "ns".to_owned(),
        protected,
        read_only,
        has_metrics: true,
        // Nothing is counted here.
        rules: Rules { enough: Enough::Off, ..Rules::default() },
        workloads: vec![target().workload],
        ..EnvSettings::new("prod")
    };
    let mut core = Core::new(World::new([settings]), "alice".to_owned(), start());
    core.journal.unread = false;
    core.autopilot = Autopilot::enabled();
    let look = Look { ascii: false, mouse: false };
    let mut model = Model::new(core, Keymap::default(), look, jiff::tz::TimeZone::UTC);
    feed(
        &mut model,
        Feed::Link { env: target().env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(start()) },
    );
    feed(&mut model, Feed::Record { env: target().env, known: Ok(()) });
    feed(&mut model, Feed::Workload { target: target(), snapshot: Some(Arc::new(snapshot(canary()))) });
    feed(&mut model, Feed::History { target: target(), signals: Arc::new(signals(0.001)) });
    model
}

pub(super) fn feed(model: &mut Model, feed: Feed) -> Vec<Effect> {
    let now = model.core.now;
    update(model, Msg::Core(core::Msg::Feed(feed)), now)
}

pub(super) fn change(model: &mut Model, change: impl FnOnce(&mut Rollout)) {
    feed(model, changed(change));
}

pub(super) fn changed(change: impl FnOnce(&mut Rollout)) -> Feed {
    let mut rollout = canary();
    change(&mut rollout);
    Feed::Workload { target: target(), snapshot: Some(Arc::new(snapshot(rollout))) }
}

/// Presses keys as written, each half a second after the other.
pub(super) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ') {
        let now = model.core.now + SignedDuration::from_millis(500);
        let chord: Chord = key.parse().unwrap();
        effects.extend(update(model, Msg::Key { chord, repeat: false }, now));
    }
    effects
}

pub(super) fn performed(effects: &[Effect]) -> Vec<PlanRecord> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Core(core::Effect::Perform(plan)) => Some(plan.record().clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn p_then_y_promotes_and_nothing_else_does() {
    let mut promoted = model(false, false);
    let records = performed(&press(&mut promoted, "p y"));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].headline, "promote 20 → 60 %");
    assert!(promoted.core.in_flight_on(&target()).is_some());
    for keys in ["p enter", "p esc y", "p p", "p space y", "y", "p n y", "enter y"] {
        let mut model = model(false, false);
        assert!(performed(&press(&mut model, keys)).is_empty(), "{keys}");
    }
}

#[test]
fn rollback_is_two_keys_also_where_the_name_has_to_be_typed_for_promotion() {
    let mut model = model(true, false);
    let records = performed(&press(&mut model, "R y"));
    assert_eq!(records[0].headline, "roll back to 1.4.2");
    assert_eq!(records[0].to_hash.as_deref(), Some("old"));
}

#[test]
fn a_protected_promotion_wants_its_name_and_then_y() {
    let mut short = model(true, false);
    assert!(performed(&press(&mut short, "p y")).is_empty());
    let mut typed = model(true, false);
    assert!(performed(&press(&mut typed, "p p r o d enter")).is_empty());
    assert_eq!(performed(&press(&mut typed, "y")).len(), 1);
}

#[test]
fn a_key_right_after_the_dialog_opened_does_not_confirm() {
    let mut model = model(false, false);
    press(&mut model, "R");
    let soon = model.core.now + SignedDuration::from_millis(299);
    let yes = Msg::Key { chord: Chord::char('y'), repeat: false };
    assert!(performed(&update(&mut model, yes.clone(), soon)).is_empty());
    let held = Msg::Key { chord: Chord::char('y'), repeat: true };
    assert!(performed(&update(&mut model, held, soon + SignedDuration::from_secs(1))).is_empty());
    assert!(performed(&update(&mut model, Msg::Paste("y".to_owned()), soon + SignedDuration::from_secs(1))).is_empty());
    assert_eq!(performed(&update(&mut model, yes, soon + SignedDuration::from_secs(1))).len(), 1);
}

#[test]
fn a_promotion_expires_when_the_object_moves_and_a_rollback_does_not() {
    let mut promotion = model(false, false);
    press(&mut promotion, "p");
    change(&mut promotion, |rollout| rollout.status.step_index = Some(3));
    assert!(performed(&press(&mut promotion, "y")).is_empty());
    let mut rollback = model(false, false);
    press(&mut rollback, "R");
    change(&mut rollback, |rollout| rollout.status.step_index = Some(3));
    assert_eq!(performed(&press(&mut rollback, "y")).len(), 1);
    let mut other = model(false, false);
    press(&mut other, "R");
    change(&mut other, |rollout| rollout.status.current_hash = "newer".to_owned());
    assert!(performed(&press(&mut other, "y")).is_empty());
}

#[test]
fn a_plan_older_than_thirty_seconds_is_not_confirmed_unless_it_stops() {
    for (key, sent) in [("p", 0), ("R", 1)] {
        let mut model = model(false, false);
        press(&mut model, key);
        let later = model.core.now + SignedDuration::from_secs(31);
        update(&mut model, Msg::Core(core::Msg::Clock), later);
        assert_eq!(performed(&press(&mut model, "y")).len(), sent, "{key}");
    }
}

#[test]
fn waking_up_cancels_the_open_question() {
    let mut model = model(false, false);
    press(&mut model, "R");
    let later = model.core.now + SignedDuration::from_hours(8);
    update(&mut model, Msg::Core(core::Msg::Woke), later);
    assert!(performed(&press(&mut model, "y")).is_empty());
}

#[test]
fn a_red_limit_and_missing_data_stop_promotion_and_nothing_that_stops() {
    for errors in [0.5, f64::NAN] {
        let mut red = model(false, false);
        feed(&mut red, Feed::History { target: target(), signals: Arc::new(signals(errors)) });
        if errors.is_nan() {
            feed(&mut red, Feed::History { target: target(), signals: Arc::new(Signals::default()) });
        }
        assert!(performed(&press(&mut red, "p y")).is_empty());
        press(&mut red, "esc");
        assert_eq!(performed(&press(&mut red, "A y")).len(), 1);
    }
}

#[test]
fn read_only_refuses_with_a_reason_and_sends_nothing() {
    for keys in ["p y", "R y", "A y", "space y"] {
        let mut model = model(false, true);
        assert!(performed(&press(&mut model, keys)).is_empty());
    }
    let mut model = model(false, true);
    press(&mut model, "R");
    let Some(Overlay::Refused { refusals, .. }) = &model.ui.overlay else { panic!("{:?}", model.ui.overlay) };
    assert_eq!(refusals[0].kind, RefusalKind::ReadOnly);
}

#[test]
fn forward_plans_wait_for_the_journals_and_backward_plans_do_not() {
    for (keys, while_unread) in [("p y", 0), ("R y", 1), ("A y", 1), ("space y", 1)] {
        let mut model = model(false, false);
        model.core.journal.unread = true;
        assert_eq!(performed(&press(&mut model, keys)).len(), while_unread, "{keys}");
    }
    let mut model = model(false, false);
    model.core.journal.unread = true;
    press(&mut model, "p");
    let Some(Overlay::Refused { refusals, .. }) = &model.ui.overlay else { panic!("{:?}", model.ui.overlay) };
    assert_eq!(refusals[0].kind, RefusalKind::Journal);
    model.core.journal.unread = false;
    assert_eq!(performed(&press(&mut model, "esc p y")).len(), 1);
}

/// Returns which action it is that is in progress by this record, or one that nobody knows.
fn action_of(model: &Model, record: &PlanRecord) -> ActionId {
    let found = model.core.unsettled().find(|other| other.record == *record);
    found.map_or_else(|| ActionId("a".to_owned()), |other| other.action.clone())
}

#[test]
fn an_unknown_outcome_stays_in_flight_until_it_is_settled() {
    let mut model = model(false, false);
    let record = performed(&press(&mut model, "p y")).remove(0);
    let now = model.core.now;
    let unknown = Outcome::Unknown { why: "no answer in 10 s".to_owned() };
    let action = action_of(&model, &record);
    update(
        &mut model,
        Msg::Core(core::Msg::Receipt(Receipt::Ended {
            action,
            record: Box::new(record.clone()),
            outcome: unknown,
            lines: Vec::new(),
        })),
        now,
    );
    assert!(performed(&press(&mut model, "p y")).is_empty(), "nothing is sent while one is unknown");
    press(&mut model, "esc");
    let found = Outcome::FoundNotDone { shows: "Paused".to_owned() };
    let action = action_of(&model, &record);
    update(
        &mut model,
        Msg::Core(core::Msg::Receipt(Receipt::Ended {
            action,
            record: Box::new(record),
            outcome: found,
            lines: Vec::new(),
        })),
        now,
    );
    assert!(model.core.in_flight.is_empty());
}

#[test]
fn backward_action_does_not_wait_for_a_forward_one() {
    let mut model = model(false, false);
    let promotion = performed(&press(&mut model, "p y")).remove(0);
    assert_eq!(performed(&press(&mut model, "R y")).len(), 1, "a promotion on its way does not hold up a rollback");
    assert!(performed(&press(&mut model, "R y")).is_empty(), "but it is not sent twice");
    press(&mut model, "esc");
    let now = model.core.now;
    let done = Outcome::Confirmed { shows: "Progressing".to_owned() };
    let action = action_of(&model, &promotion);
    update(
        &mut model,
        Msg::Core(core::Msg::Receipt(Receipt::Ended {
            action,
            record: Box::new(promotion),
            outcome: done,
            lines: Vec::new(),
        })),
        now,
    );
    assert!(model.core.in_flight_on(&target()).is_some(), "the rollback is still on its way");
}

#[test]
fn in_a_terminal_too_small_only_quit_works() {
    let mut model = model(false, false);
    let now = model.core.now;
    update(&mut model, Msg::TooSmall(true), now);
    assert!(performed(&press(&mut model, "R y")).is_empty());
    assert!(press(&mut model, "q").iter().any(|effect| matches!(effect, Effect::Quit)));
}

/// How bad things can be around a request to stop.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trouble of its own, and any may come with any")]
struct Misery {
    errors: Option<f64>,
    journal: bool,
    link_down: bool,
    age: i64,
    rights_unknown: bool,
    held: bool,
}

fn misery() -> impl Strategy<Value = Misery> {
    (prop::option::of(0.0..1.0_f64), any::<bool>(), any::<bool>(), 0_i64..100_000, any::<bool>(), any::<bool>())
        .prop_map(|(errors, journal, link_down, age, rights_unknown, held)| Misery {
            errors,
            journal,
            link_down,
            age,
            rights_unknown,
            held,
        })
}

fn miserable(model: &mut Model, misery: &Misery) {
    let told = misery.errors.map_or_else(Signals::default, signals);
    feed(model, Feed::History { target: target(), signals: Arc::new(told) });
    if misery.held {
        change(model, |rollout| rollout.spec.paused = true);
    }
    let now = model.core.now + SignedDuration::from_secs(misery.age);
    if misery.link_down {
        let link = Link::Down("connection refused".to_owned());
        update(
            model,
            Msg::Core(core::Msg::Feed(Feed::Link {
                env: target().env,
                source: SourceKind::Kubernetes,
                link,
                at: None,
            })),
            now,
        );
    }
    if misery.journal {
        update(
            model,
            Msg::Core(core::Msg::Receipt(Receipt::Journal(JournalState {
                broken: Some("disk full".to_owned()),
                unwritten: 3,
            }))),
            now,
        );
    }
    if misery.rights_unknown {
        let unknown = |verb| writes(&target().workload, None, verb);
        let writes =
            Verb::ALL.into_iter().flat_map(unknown).map(|write| (write, Permission::Unknown("no answer".to_owned())));
        let writes = writes.collect();
        update(
            model,
            Msg::Core(core::Msg::Feed(Feed::Access { env: target().env, access: Access { user: None, writes } })),
            now,
        );
    }
    update(model, Msg::Core(core::Msg::Clock), now);
}

fn any_key() -> impl Strategy<Value = Chord> {
    let chars = "pPRAatyuqswenr/?:12369jkhl zxG ".chars().map(Key::Char).collect::<Vec<_>>();
    let others = vec![Key::Enter, Key::Esc, Key::Tab, Key::Up, Key::Down, Key::PageDown, Key::End, Key::Backspace];
    prop_oneof![4 => prop::sample::select(chars), 1 => prop::sample::select(others)].prop_map(Chord::plain)
}

proptest! {
    /// Law 3: nothing but the API server's own no blocks what stops.
    #[test]
    fn stopping_is_never_blocked(misery in misery()) {
        for (keys, verb) in [("R y", Verb::Rollback), ("A y", Verb::Abort)] {
            let mut model = model(true, false);
            miserable(&mut model, &misery);
            let records = performed(&press(&mut model, keys));
            prop_assert_eq!(records.len(), 1, "{} {:?} {:?}", keys, misery, model.ui.overlay);
            prop_assert_eq!(records[0].verb, verb);
        }
    }

    /// Law 1: a promotion passes only while every gate is green on fresh data.
    #[test]
    fn nothing_is_promoted_unless_all_is_green_and_fresh(misery in misery()) {
        let mut model = model(false, false);
        miserable(&mut model, &misery);
        let green = misery.errors.is_some_and(|errors| errors < 0.003) && !misery.journal && !misery.link_down
            && misery.age <= 14 && !misery.held;
        let sent = !performed(&press(&mut model, "p y")).is_empty();
        prop_assert!(!sent || green, "{:?}", misery);
    }

    /// Whatever is typed: no panic, at most one action in progress, none without its confirming key, none when read-only.
    #[test]
    fn keys_of_any_kind_do_no_harm(
        keys in prop::collection::vec((any_key(), 0_i64..900), 0..60),
        read_only in any::<bool>(),
        protected in any::<bool>(),
    ) {
        let mut model = model(protected, read_only);
        for (chord, wait) in keys {
            let open = matches!(model.ui.overlay, Some(Overlay::Confirm(_)));
            let now = model.core.now + SignedDuration::from_millis(wait);
            let effects = update(&mut model, Msg::Key { chord, repeat: false }, now);
            let sent = performed(&effects);
            prop_assert!(sent.len() <= 1);
            prop_assert!(sent.is_empty() || (open && chord == Chord::char('y') && !read_only));
            prop_assert!(model.core.in_flight.len() <= 1);
        }
    }

    /// The same messages give the same model.
    #[test]
    fn the_same_messages_give_the_same_model(keys in prop::collection::vec(any_key(), 0..40)) {
        let run = || {
            let mut model = model(false, false);
            for chord in &keys {
                let now = model.core.now + SignedDuration::from_millis(350);
                update(&mut model, Msg::Key { chord: *chord, repeat: false }, now);
            }
            format!("{model:?}")
        };
        prop_assert_eq!(run(), run());
    }
}
