//! Every screen and overlay of the main release, and every other release on the screens where it matters.

use jiff::SignedDuration;
use release_cockpit::app::hints;
use release_cockpit::app::model::{Confirm, Overlay, Screen};
use release_cockpit::app::{Model, Msg, update};
use release_cockpit::core::{Level, Notice};
use release_cockpit::domain::facts::changes::{Changes, CodeFlag, CodeFlags, Commit, Part, RawCommit};
use release_cockpit::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagKey, FlagState, ProviderKind, WhenOff};
use release_cockpit::domain::facts::freshness::{Heard, Link};
use release_cockpit::domain::facts::ids::EnvName;
use release_cockpit::domain::record::action::Verb;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::flags::{FlagSettings, FlagSource};
use release_cockpit::keys::Chord;
use tui_input::Input;

use super::parts::{ago, now};
use super::releases;

pub fn on(mut model: Model, screen: Screen) -> Model {
    model.ui.screen = screen;
    model
}

pub fn over(mut model: Model, overlay: Overlay) -> Model {
    model.ui.overlay = Some(overlay);
    model
}

pub fn asked(model: Model, verb: Verb, typed: &str) -> Model {
    let plan = hints::plan_for(&model, verb, None).unwrap();
    let opened = now() - SignedDuration::from_secs(1);
    over(model, Overlay::Confirm(Box::new(Confirm { plan, opened, typed: Input::new(typed.to_owned()), stale: None })))
}

/// Gives each environment feature flags, of a provider that stopped answering.
pub(super) fn flagged(mut model: Model) -> Model {
    let flag = |name: &str, state, is_stale| Flag {
        name: name.to_owned(),
        state,
        kind: Some("release".to_owned()),
        owner: Some("alice".to_owned()),
        tags: Vec::new(),
        ticket: Some("PAY-123".to_owned()),
        created: Some(ago(86_400)),
        is_stale,
        changes: vec![FlagChange { by: "bob".to_owned(), at: ago(40), what: FlagEdit::On }],
        version: None,
        holder: None,
        when_off: WhenOff::default(),
    };
    let flags = vec![
        flag("dark-mode", FlagState::On, true),
        flag("express-checkout-v2", FlagState::Percent(25), false),
        flag("split-tender", FlagState::Off, false),
    ];
    for env in &mut model.core.world.environments {
        let settings = FlagSettings {
            provider: "unleash".to_owned(),
            place: "https://unleash.example".to_owned(),
            of_release: vec!["express-checkout-v2".to_owned()],
            kind: ProviderKind::Unleash,
            shared_with: Vec::new(),
            rollouts: Vec::new(),
        };
        let heard = Heard { link: Link::Down("503: Service Unavailable".to_owned()), at: Some(ago(75)) };
        env.settings.flags = vec![settings.clone()];
        env.flags = vec![FlagSource { heard, flags: std::sync::Arc::new(flags.clone()), ..FlagSource::new(settings) }];
    }
    model
}

/// Flags that are not the same in each environment; a commit and the code of the release name one each.
fn drifted() -> Model {
    let mut model = flagged(releases::main());
    for env in &mut model.core.world.environments {
        let is_first = env.settings.name.as_str() == "staging";
        for source in &mut env.flags {
            source.heard = Heard { link: Link::Up, at: Some(ago(2)) };
            let mut flags = source.flags.to_vec();
            for flag in flags.iter_mut().filter(|_| is_first) {
                flag.state = if flag.state.is_on() { FlagState::Off } else { FlagState::On };
            }
            source.flags = std::sync::Arc::new(flags);
        }
    }
    let flag =
        |name: &str, line| CodeFlag { name: name.to_owned(), file: "src/checkout/pay.ts".into(), line, is_call: true };
    let message = "feat: dark mode\n\nFlag: dark-mode".to_owned();
    let raw = RawCommit { hash: "1a2b3c4d".repeat(5), message, ..RawCommit::default() };
    let changes = Changes {
        commits: Commit::read_all(&[raw]),
        code: Part::Known(CodeFlags::new(vec![flag("dark-mode", 7), flag("split-tender", 12)])),
        ..Changes::default()
    };
    let unread = Changes { code: Part::Blind("git did not answer in 20 s".to_owned()), ..Changes::default() };
    for (env, changes) in [("prod-eu", changes), ("prod-us", unread)] {
        let (env, gathered) = (EnvName::new(env), Ok(std::sync::Arc::new(changes)));
        model.core.world.take(Feed::Changes { env, subject: "any".to_owned(), gathered }, now());
    }
    model
}

/// Errors rise after a flag was turned on.
fn blamed() -> Model {
    let mut model = flagged(releases::spike());
    let turned = |seconds, by: &str, what| FlagChange { by: by.to_owned(), at: ago(seconds), what };
    for env in &mut model.core.world.environments {
        for source in &mut env.flags {
            source.heard.link = Link::Up;
            source.heard.at = Some(ago(2));
            let mut flags = source.flags.to_vec();
            for flag in &mut flags {
                flag.changes = match flag.name.as_str() {
                    "express-checkout-v2" => vec![turned(180, "ada", FlagEdit::On)],
                    "split-tender" => vec![turned(1500, "bo", FlagEdit::Off), turned(2400, "bo", FlagEdit::On)],
                    _ => Vec::new(),
                };
            }
            source.flags = std::sync::Arc::new(flags);
        }
    }
    model
}

fn pressed(mut model: Model, key: char) -> Model {
    update(&mut model, Msg::Key { chord: Chord::char(key), repeat: false }, now());
    model
}

fn entered(mut model: Model) -> Model {
    let chord = "enter".parse().unwrap();
    update(&mut model, Msg::Key { chord, repeat: false }, now());
    model
}

/// The screens and overlays of the main release.
pub fn main() -> Vec<(&'static str, Model)> {
    let main = releases::main;
    let refused = hints::plan_for(&releases::spike(), Verb::Promote, None).unwrap_err();
    let mut noted = main();
    noted.core.notices.extend([
        Notice { at: ago(600), level: Level::Info, text: "mouse off: the terminal selects text".to_owned() },
        Notice { at: ago(300), level: Level::Good, text: "promote 10 → 40 % in prod-eu: done".to_owned() },
        Notice { at: ago(60), level: Level::Warn, text: "pause in prod-eu: accepted, but not seen yet".to_owned() },
        Notice {
            at: ago(9),
            level: Level::Error,
            text: "prod-eu: refused: rollouts.argoproj.io \"payments-api\" is forbidden: User \"alice\" cannot patch resource \"rollouts/status\" in API group \"argoproj.io\" in the namespace \"payments\"".to_owned(),
        },
    ]);
    noted.core.noticed = 2;
    let mut stale = asked(main(), Verb::Promote, "prod-eu");
    if let Some(Overlay::Confirm(confirm)) = &mut stale.ui.overlay {
        confirm.stale = Some("the object changed: it is at step 6 instead of 5".to_owned());
    }
    let mut filtered = on(main(), Screen::Rollout);
    filtered.ui.filter = "canary".to_owned();
    let share = |typed: &str| {
        let key = FlagKey {
            env: EnvName::new("prod-eu"),
            provider: "unleash".to_owned(),
            flag: "express-checkout-v2".to_owned(),
        };
        Overlay::FlagShare { key, input: Input::new(typed.to_owned()) }
    };
    let mut filtered_flags = on(flagged(main()), Screen::Flags);
    filtered_flags.ui.filter = "express".to_owned();
    let mut unread = drifted();
    unread.ui.env = EnvName::new("prod-us");
    vec![
        ("deck", main()),
        ("rollout", on(main(), Screen::Rollout)),
        ("signals", on(main(), Screen::Signals)),
        ("journal", on(main(), Screen::Journal)),
        ("flags", on(flagged(main()), Screen::Flags)),
        ("flags-share", over(on(flagged(main()), Screen::Flags), share("50"))),
        ("flags-share-less", over(on(flagged(main()), Screen::Flags), share("10"))),
        ("flags-share-confirm", entered(over(on(flagged(main()), Screen::Flags), share("10")))),
        ("flags-share-wrong", over(on(flagged(main()), Screen::Flags), share("250"))),
        ("flags-drifted", on(drifted(), Screen::Flags)),
        ("flags-code-unknown", on(unread, Screen::Flags)),
        ("flags-filtered", over(filtered_flags, Overlay::Filter { input: Input::new("express".to_owned()) })),
        ("help", over(main(), Overlay::Help { input: Input::default(), selected: 3 })),
        ("help-searched", over(main(), Overlay::Help { input: Input::new("roll".to_owned()), selected: 1 })),
        ("palette", over(main(), Overlay::Palette { input: Input::new("re".to_owned()), selected: 0 })),
        ("filter", over(filtered, Overlay::Filter { input: Input::new("canary".to_owned()) })),
        ("confirm-promote", asked(main(), Verb::Promote, "prod")),
        ("confirm-promote-typed", asked(main(), Verb::Promote, "prod-eu")),
        ("confirm-stale", stale),
        ("confirm-rollback", asked(main(), Verb::Rollback, "")),
        ("confirm-abort", asked(main(), Verb::Abort, "")),
        ("confirm-promote-full", asked(main(), Verb::PromoteFull, "")),
        ("confirm-hold", asked(main(), Verb::Pause, "")),
        ("revisions", over(main(), Overlay::Revisions { selected: 1 })),
        (
            "refused",
            over(releases::spike(), Overlay::Refused { title: "prod-eu cannot promote".to_owned(), refusals: refused }),
        ),
        (
            "details",
            over(
                main(),
                Overlay::Details {
                    title: "why prod-eu".to_owned(),
                    lines: vec![
                        "rollout/payments-api GO".to_owned(),
                        String::new(),
                        "not moving: paused until promoted".to_owned(),
                    ],
                    scroll: 0,
                },
            ),
        ),
        ("notice", noted.clone()),
        ("notices", over(noted, Overlay::Notices { scroll: 0 })),
        ("quit", over(releases::in_flight(), Overlay::Quit)),
        ("quit-ended", over(releases::main(), Overlay::Quit)),
    ]
}

/// The other releases, on the screens where they matter.
pub fn others() -> Vec<(&'static str, Model)> {
    use Screen::{Journal, Rollout, Signals};
    vec![
        ("spike", releases::spike()),
        ("spike-signals", on(releases::spike(), Signals)),
        ("crashing", releases::crashing()),
        ("crashing-rollout", on(releases::crashing(), Rollout)),
        ("no-metrics", releases::no_metrics()),
        ("no-metrics-signals", on(releases::no_metrics(), Signals)),
        ("no-api-server", releases::no_api_server()),
        ("no-api-server-rollout", on(releases::no_api_server(), Rollout)),
        ("blue-green", releases::blue_green()),
        ("blue-green-rollout", on(releases::blue_green(), Rollout)),
        ("deployment", releases::deployment()),
        ("deployment-rollout", on(releases::deployment(), Rollout)),
        ("deployment-signals", on(releases::deployment(), Signals)),
        ("aborted", releases::aborted()),
        ("aborted-rollout", on(releases::aborted(), Rollout)),
        ("nothing-yet", releases::nothing_yet()),
        ("nothing-yet-rollout", on(releases::nothing_yet(), Rollout)),
        ("nothing-yet-signals", on(releases::nothing_yet(), Signals)),
        ("in-flight", releases::in_flight()),
        ("read-only", releases::read_only()),
        ("read-only-journal", on(releases::read_only(), Journal)),
        ("many", releases::many()),
        ("crowd-rollout", on(releases::crowd(), Rollout)),
        ("blamed", blamed()),
        ("blamed-signals", on(blamed(), Signals)),
        ("blamed-why", pressed(blamed(), 'w')),
        ("blamed-rollback", asked(blamed(), Verb::Rollback, "")),
    ]
}
