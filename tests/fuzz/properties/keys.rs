//! Keys, clicks, pastes and messages in any order: only a deliberate yes sends anything, and every frame can be drawn.

use jiff::SignedDuration;
use release_cockpit::app::model::{Overlay, Screen};
use release_cockpit::app::{Effect, Hit, Model, Msg, update};
use release_cockpit::core;
use release_cockpit::core::Level;
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadKey};
use release_cockpit::domain::record::action::{ActionId, Outcome, Verb};
use release_cockpit::domain::record::journal::JournalState;
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::record::receipt::Receipt;
use release_cockpit::domain::record::rejection::Rejection;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::keys::{Chord, Command, Key};

use super::bytes::Bytes;
use crate::build::{checklists, parts, releases};

use super::safe;

const KEYS: [Key; 17] = [
    Key::Enter,
    Key::Esc,
    Key::Tab,
    Key::BackTab,
    Key::Backspace,
    Key::Delete,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::Home,
    Key::End,
    Key::PageUp,
    Key::PageDown,
    Key::F(1),
    Key::F(12),
    Key::Char('y'),
];

pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let models: [fn() -> Model; 9] = [
        releases::canary,
        releases::spike,
        releases::crashing,
        releases::no_api_server,
        releases::blue_green,
        releases::deployment,
        releases::in_flight,
        checklists::checklist,
        releases::nothing_yet,
    ];
    let mut model = bytes.pick(&models)();
    let (width, height, ascii) = (u16::from(bytes.byte()), u16::from(bytes.byte()) % 90, bytes.byte() > 127);
    for _ in 0..200 {
        if bytes.is_empty() {
            break;
        }
        one(&mut model, &mut bytes);
    }
    safe::frame(&model, width, height, ascii);
}

fn one(model: &mut Model, bytes: &mut Bytes<'_>) {
    let choice = bytes.byte();
    // Every character is a key with one byte, so that sequences are short; what is left are other messages.
    let msg = match choice {
        32..=126 => Msg::Key { chord: Chord::char(char::from(choice)), repeat: false },
        _ => message(model, bytes, choice),
    };
    let now = model.core.now + wait(bytes, choice);
    let before = model.ui.overlay.clone();
    let effects = update(model, msg.clone(), now);
    assert!(model.core.notices.len() <= 200);
    for effect in &effects {
        match effect {
            Effect::Core(core::Effect::Perform(plan)) if plan.record().automatic.is_none() => {
                was_meant(&msg, before.as_ref(), now);
            }
            Effect::Copy(text) => assert!(text.len() < 1 << 20),
            _ => {}
        }
    }
    // What is in progress comes back, so that more can be asked for.
    for effect in effects {
        if let Effect::Core(core::Effect::Perform(plan)) = effect {
            let target = plan.record().target.clone();
            update(
                model,
                Msg::Core(core::Msg::Receipt(Receipt::Begun {
                    action: ActionId("a".to_owned()),
                    target,
                    verb: release_cockpit::domain::record::action::Verb::Pause,
                })),
                now,
            );
            let record = Box::new(plan.record().clone());
            let why = "timed out".to_owned();
            let outcome = if choice.is_multiple_of(2) { Outcome::Unknown { why } } else { Outcome::Refused { why } };
            update(
                model,
                Msg::Core(core::Msg::Receipt(Receipt::Ended {
                    action: ActionId("a".to_owned()),
                    record,
                    outcome,
                    lines: Vec::new(),
                })),
                now,
            );
        }
    }
}

/// Time that passes before something happens; keys are fast.
fn wait(bytes: &mut Bytes<'_>, choice: u8) -> SignedDuration {
    match choice {
        b'y' => SignedDuration::from_millis(i64::from(bytes.byte()) * 8),
        128.. => SignedDuration::from_secs(i64::from(bytes.byte())),
        _ => SignedDuration::from_millis(40),
    }
}

/// Asserts that what is sent was asked for: `y`, pressed anew, in a dialog that was readable for a while.
fn was_meant(msg: &Msg, before: Option<&Overlay>, now: jiff::Timestamp) {
    let Some(Overlay::Confirm(confirm)) = before else { panic!("{msg:?} sent something without a question") };
    assert!(matches!(msg, Msg::Key { chord, repeat: false } if *chord == Chord::char('y')), "{msg:?} is no yes");
    assert!(confirm.stale.is_none() && confirm.name_fits(), "{confirm:?}");
    assert!(now.duration_since(confirm.opened) >= SignedDuration::from_millis(300), "{confirm:?}");
}

fn message(model: &Model, bytes: &mut Bytes<'_>, choice: u8) -> Msg {
    let env = model.ui.env.clone();
    let target = model.target().unwrap_or(WorkloadKey { env: env.clone(), workload: parts::api() });
    match choice % 24 {
        0..=7 => {
            let key = bytes.pick(&KEYS);
            let held = bytes.byte();
            let chord = Chord { key, ctrl: held & 1 == 1, alt: held & 2 == 2 };
            Msg::Key { chord, repeat: held & 4 == 4 }
        }
        8 => Msg::Paste(bytes.text()),
        9 => Msg::Wheel(i32::from(bytes.byte().cast_signed())),
        10 => Msg::Click(hit(bytes, env)),
        11 => Msg::Core(core::Msg::Clock),
        12 => Msg::Core(core::Msg::Woke),
        13 => Msg::TooSmall(bytes.byte() > 200),
        14 => Msg::Core(core::Msg::Notice(Level::Warn, bytes.text())),
        15 => Msg::Core(core::Msg::Receipt(Receipt::Journal(JournalState {
            broken: Some(bytes.text()),
            unwritten: usize::from(bytes.byte()),
        }))),
        16 => Msg::Core(core::Msg::Receipt(Receipt::Journal(JournalState { broken: None, unwritten: 0 }))),
        17 => {
            let entry = Entry::Note { who: bytes.text(), text: bytes.text() };
            Msg::Core(core::Msg::Receipt(Receipt::Written(vec![Line::after(
                model.core.journal.lines.back(),
                model.core.now,
                entry,
            )])))
        }
        18 => Msg::Core(core::Msg::Feed(Feed::Workload { target, snapshot: None })),
        19 => {
            let (pod, lines) = (bytes.text(), Ok(vec![bytes.text()]));
            Msg::Core(core::Msg::Feed(Feed::Log { target, pod, lines }))
        }
        20 => Msg::Core(core::Msg::Feed(parts::link(
            env.as_str(),
            bytes.pick(&[SourceKind::Kubernetes, SourceKind::Prometheus]),
            Link::Down(bytes.text()),
            None,
        ))),
        21 => Msg::Core(core::Msg::Feed(parts::link(
            env.as_str(),
            SourceKind::Kubernetes,
            Link::Up,
            Some(model.core.now),
        ))),
        22 => {
            let rejection = Rejection {
                target,
                cluster: None,
                uid: bytes.text(),
                hash: bytes.text(),
                images: vec![bytes.text()],
                to: Some(bytes.text()),
                verb: bytes.pick(&[Verb::Abort, Verb::Rollback, Verb::Retry]),
                was_stable: bytes.pick(&[false, true]),
                by: bytes.text(),
                at: model.core.now,
                signature: None,
            };
            let line = Line::after(None, model.core.now, Entry::Rejected(Box::new(rejection)));
            Msg::Core(core::Msg::Receipt(Receipt::Written(vec![line])))
        }
        // What this names need not exist.
        _ => Msg::Core(core::Msg::Receipt(Receipt::Begun {
            action: ActionId(bytes.text()),
            target: target.into(),
            verb: release_cockpit::domain::record::action::Verb::Pause,
        })),
    }
}

fn hit(bytes: &mut Bytes<'_>, env: EnvName) -> Hit {
    match bytes.byte() % 5 {
        0 => Hit::Tab(Screen::TABS[usize::from(bytes.byte()) % Screen::TABS.len()].2),
        1 => Hit::Env(env),
        2 => Hit::Line(usize::from(bytes.byte())),
        3 => Hit::Hint(bytes.pick(&[Command::Promote, Command::Rollback, Command::Abort, Command::Copy])),
        _ => Hit::Cancel,
    }
}
