//! The screens: snapshots of each, and laws that hold for every size and every text.

use std::fmt::Write as _;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use release_cockpit::app::model::{Overlay, Screen};
use release_cockpit::app::{Effect, Hit, Model, Msg, update};
use release_cockpit::core::{self, Level, Notice};
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::EnvName;
use release_cockpit::domain::facts::text::sanitize;
use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Target;
use release_cockpit::domain::world::verdict::Verdict;
use release_cockpit::keys::Command;
use release_cockpit::view::layout::MIN;
use release_cockpit::view::theme::{Palette, Theme};

use crate::build::{changes, checklists, hostile, judged, lanes, parts, picture, releases, shots};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// The screen as text with a heading that tells size, glyphs and the styles of all palettes.
fn sheet(model: &Model, size: (u16, u16), ascii: bool) -> String {
    let draw = |palette| picture::drawn(model, &Theme::new(palette, ascii), size.0, size.1);
    let mut out = format!("{}x{} {}", size.0, size.1, if ascii { "ascii" } else { "unicode" });
    for palette in Palette::ALL {
        write!(out, "  {} {}", palette.as_str(), picture::styles(&draw(palette).0)).unwrap();
    }
    let (buffer, cursor) = draw(Palette::Dark);
    if let Some(cursor) = cursor {
        write!(out, "  cursor {},{}", cursor.x, cursor.y).unwrap();
    }
    format!("{out}\n{}", picture::text(&buffer))
}

#[test]
fn every_screen_and_overlay() {
    for (name, model) in shots::main()
        .into_iter()
        .chain(checklists::shots())
        .chain(changes::shots())
        .chain(judged::shots())
        .chain(lanes::shots())
    {
        let mut sheets = String::new();
        for size in SIZES {
            for ascii in [false, true] {
                sheets.push_str(&sheet(&model, size, ascii));
            }
        }
        insta::assert_snapshot!(name, sheets);
    }
}

#[test]
fn every_other_release_state() {
    for (name, model) in shots::others() {
        insta::assert_snapshot!(name, sheet(&model, (120, 30), false));
    }
}

#[test]
fn the_smallest_terminal_and_one_that_is_too_small() {
    let mut sheets = sheet(&releases::spike(), MIN, false);
    for (name, model) in shots::main() {
        if name.starts_with("confirm") {
            sheets.push_str(&sheet(&model, MIN, false));
        }
    }
    sheets.push_str(&sheet(&releases::main(), (59, 15), false));
    insta::assert_snapshot!("smallest", sheets);
}

fn text_of(model: &Model, size: (u16, u16), ascii: bool) -> String {
    picture::text(&picture::drawn(model, &Theme::new(Palette::None, ascii), size.0, size.1).0)
}

/// Asserts that all of these look different without any colour.
fn all_differ(models: &[(String, Model)]) {
    for size in [MIN, (80, 24), (120, 30)] {
        for ascii in [false, true] {
            let texts: Vec<_> = models.iter().map(|(_, model)| text_of(model, size, ascii)).collect();
            for (index, text) in texts.iter().enumerate() {
                for (other, before) in texts.iter().enumerate().take(index) {
                    assert!(text != before, "{size:?} {ascii}: {} looks as {}", models[index].0, models[other].0);
                }
            }
        }
    }
}

#[test]
fn different_verdicts_are_different_words() {
    let verdicts = [Verdict::Go, Verdict::Wait, Verdict::Blind, Verdict::NoGo].map(|verdict| {
        let mut model = releases::main();
        for env in &mut model.core.world.environments {
            env.workloads[0].assessment.verdict = verdict;
        }
        (verdict.as_str().to_owned(), model)
    });
    all_differ(&verdicts);
}

#[test]
fn different_phases_are_different_words() {
    for screen in [Screen::Deck, Screen::Rollout] {
        let phases = [Phase::Healthy, Phase::Degraded, Phase::Progressing, Phase::Paused].map(|phase| {
            let mut model = releases::main();
            model.ui.screen = screen;
            for status in model.core.world.environments.iter_mut().filter_map(|env| env.workloads[0].status.as_mut()) {
                status.phase = phase;
                // Only the phase is to tell them apart.
                (status.pause, status.why) = (None, None);
            }
            (phase.to_string(), model)
        });
        // The smallest deck has no room for a phase, and says the verdict instead.
        let sizes: &[(u16, u16)] = if screen == Screen::Deck { &[(80, 24), (120, 30)] } else { &[MIN, (80, 24)] };
        for size in sizes {
            let texts = phases.each_ref().map(|(_, model)| text_of(model, *size, true));
            for (index, text) in texts.iter().enumerate() {
                assert!(!texts[..index].contains(text), "{screen:?} {size:?} {}", phases[index].0);
            }
        }
    }
}

#[test]
fn different_links_and_levels_are_different_words() {
    for kind in [SourceKind::Kubernetes, SourceKind::Prometheus] {
        let links = [
            ("up", Link::Up, Some(1)),
            ("late", Link::Up, Some(100)),
            ("down", Link::Down("refused".to_owned()), Some(100)),
            ("down from the start", Link::Down("refused".to_owned()), None),
            ("never", Link::Never, None),
        ];
        let models = links.map(|(name, link, age)| {
            let mut model = releases::main();
            for env in &mut model.core.world.environments {
                let heard = env.links.get_mut(&kind).unwrap();
                (heard.link, heard.at) = (link.clone(), age.map(parts::ago));
            }
            (format!("{} {name}", kind.as_str()), model)
        });
        // A lost Prometheus that was never heard looks as one that was: its figures say how old they are.
        let models: Vec<_> = models.into_iter().filter(|(name, _)| name != "prometheus down from the start").collect();
        all_differ(&models);
    }
    let levels = [Level::Info, Level::Good, Level::Warn, Level::Error].map(|level| {
        let mut model = releases::main();
        model.core.notices.push_back(Notice { at: parts::ago(5), level, text: "text".to_owned() });
        model.core.noticed = 1;
        (format!("{level:?}"), model)
    });
    all_differ(&levels);
}

#[test]
fn every_release_state_differs_without_colour() {
    type Shot = (&'static str, fn() -> Model);
    let releases: [Shot; 11] = [
        ("main", releases::main),
        ("spike", releases::spike),
        ("crashing", releases::crashing),
        ("no metrics", releases::no_metrics),
        ("no api server", releases::no_api_server),
        ("blue-green", releases::blue_green),
        ("deployment", releases::deployment),
        ("aborted", releases::aborted),
        ("nothing yet", releases::nothing_yet),
        ("in flight", releases::in_flight),
        ("read-only", releases::read_only),
    ];
    let models: Vec<_> = releases.into_iter().map(|(name, model)| (name.to_owned(), model())).collect();
    all_differ(&models);
}

#[test]
fn the_none_palette_draws_no_colour_anywhere() {
    for (name, model) in shots::main().into_iter().chain(shots::others()) {
        let (buffer, _) = picture::drawn(&model, &Theme::new(Palette::None, false), 120, 40);
        for cell in &buffer.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
    }
}

/// Asserts that nothing in a buffer can do more than fill its cell, and in ASCII that it is ASCII.
fn is_tame(buffer: &Buffer, ascii: bool) {
    for cell in &buffer.content {
        let symbol = cell.symbol();
        assert!(sanitize(symbol) == symbol, "{symbol:?}");
        assert!(symbol.chars().count() <= 16, "{symbol:?}");
        assert!(!ascii || symbol.is_ascii(), "{symbol:?}");
    }
}

#[test]
fn no_text_breaks_a_screen() {
    for text in hostile::texts() {
        for (index, model) in hostile::everywhere(&text).into_iter().enumerate() {
            let (width, height) = [(80, 24), (120, 40)][index / 2 % 2];
            for ascii in [false, true] {
                let (buffer, _) = picture::drawn(&model, &Theme::new(Palette::Ansi, ascii), width, height);
                is_tame(&buffer, ascii);
            }
        }
    }
}

#[test]
fn no_size_breaks_a_screen() {
    let texts = hostile::texts();
    let models: Vec<Model> = [2, 5, 6, 8, 12].iter().flat_map(|index| hostile::everywhere(&texts[*index])).collect();
    let near = |edge: u16| edge.saturating_sub(2)..=edge + 2;
    let widths: Vec<u16> =
        (0..60).step_by(7).chain(near(60)).chain(near(100)).chain(near(170)).chain((63..=250).step_by(17)).collect();
    let heights: Vec<u16> =
        (0..16).step_by(5).chain(near(16)).chain(near(28)).chain(near(48)).chain((19..=80).step_by(9)).collect();
    let mut turn = 0;
    for width in widths {
        for height in &heights {
            // Each size another screen, so that all meet many sizes.
            turn += 1;
            let model = &models[turn % models.len()];
            let ascii = turn % 2 == 0;
            let (buffer, _) = picture::drawn(model, &Theme::new(Palette::Dark, ascii), width, *height);
            is_tame(&buffer, ascii);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_text_in_no_size_breaks_a_screen(
        text in "(\\PC|[\\x00-\\x1f\u{200b}-\u{200f}\u{202a}-\u{202e}\u{300}-\u{310}]){0,60}",
        width in 0_u16..=250,
        height in 0_u16..=80,
        pick in 0_usize..100,
        ascii: bool,
    ) {
        let models = hostile::everywhere(&text);
        let (buffer, _) = picture::drawn(&models[pick % models.len()], &Theme::new(Palette::Light, ascii), width, height);
        is_tame(&buffer, ascii);
    }
}

#[test]
fn too_small_terminal_shows_only_a_message() {
    let text = text_of(&releases::spike(), (59, 24), false);
    assert_eq!(text.trim(), "needs 60x16, is 59x24");
}

#[test]
fn confirm_dialog_is_complete_at_every_size() {
    for (name, model) in shots::main() {
        let Some(Overlay::Confirm(confirm)) = &model.ui.overlay else { continue };
        for size in [MIN, (60, 24), (80, 16), (80, 24), (120, 40), (250, 80)] {
            let text = text_of(&model, size, false);
            let record = confirm.plan.record();
            let of_target = match &record.target {
                // A provider is no cluster, and it was heard longer ago.
                Target::Flag(_) => ["flag express-checkout-v2 of unleash", "prod-eu", "state 1m15s old", ""],
                _ => ["rollout/payments-api in payments", "prod-eu", "state 0.4 s old", "eks-prod-eu"],
            };
            for wanted in of_target.into_iter().chain(["[ Cancel ]"]) {
                assert!(text.contains(wanted), "{name} {size:?} lacks {wanted}:\n{text}");
            }
            for (label, value) in [("from", &record.from), ("to", &record.to)] {
                assert!(value.is_empty() || text.contains(label), "{name} {size:?} lacks {label}:\n{text}");
            }
            if confirm.stale.is_none() {
                assert!(text.contains(&format!("y  {}", record.verb.label())), "{name} {size:?}:\n{text}");
            }
            if !record.not_undone.is_empty() {
                assert!(text.contains("not reverted"), "{name} {size:?}:\n{text}");
            }
            if !record.skips.is_empty() {
                assert!(text.contains("skips"), "{name} {size:?}:\n{text}");
            }
        }
    }
}

/// Sizes at and around the edges where the layout changes.
fn sizes() -> impl Iterator<Item = (u16, u16)> {
    let widths = [60, 72, 80, 99, 100, 119, 120, 160, 170, 200, 250];
    widths.into_iter().flat_map(|width| [16, 18, 20, 24, 27, 28, 30, 40, 48, 60, 80].map(|height| (width, height)))
}

#[test]
fn verdict_age_and_the_keys_that_matter_are_never_lost() {
    for screen in [Screen::Deck, Screen::Rollout, Screen::Signals] {
        let model = shots::on(releases::spike(), screen);
        for size in sizes() {
            let text = text_of(&model, size, false);
            for wanted in ["NO-GO", "prod-eu", "live 0.4 s", "14:32:07", "p promote", "pause", "abort", "roll back"] {
                assert!(text.contains(wanted), "{screen:?} {size:?} lacks {wanted}:\n{text}");
            }
            assert!(screen != Screen::Deck || text.contains("promotion blocked"), "{size:?}:\n{text}");
            let footer = text.lines().last().unwrap_or_default();
            assert!(footer.ends_with('?'), "{size:?}: {footer}");
        }
    }
}

#[test]
fn the_reason_of_a_failing_pod_is_never_lost() {
    let model = shots::on(releases::crashing(), Screen::Rollout);
    for size in sizes() {
        let text = text_of(&model, size, false);
        for wanted in ["CrashLoopBackOff", "deadline exceeded", "x6", "0/1", "10m40s"] {
            assert!(text.contains(wanted), "{size:?} lacks {wanted}:\n{text}");
        }
    }
}

/// Returns where a text begins on the screen.
fn place_of(text: &str, wanted: &str) -> (u16, u16) {
    let (row, line) = text.lines().enumerate().find(|(_, line)| line.contains(wanted)).unwrap();
    let before = line.split(wanted).next().unwrap_or_default();
    (unicode_width::UnicodeWidthStr::width(before) as u16, row as u16)
}

/// Asserts that a click on a text hits that, in every size.
fn hits(model: &Model, wanted: &str, hit: Option<&Hit>) {
    for size in SIZES.into_iter().chain([MIN]) {
        let (buffer, targets) = picture::clickable(model, &Theme::new(Palette::None, false), size.0, size.1);
        let (column, row) = place_of(&picture::text(&buffer), wanted);
        assert_eq!(targets.at(column, row), hit, "{wanted} {size:?}");
    }
}

#[test]
fn visible_targets_can_be_clicked() {
    let main = releases::main();
    hits(&main, "1 Deck", Some(&Hit::Tab(Screen::Deck)));
    hits(&shots::on(releases::main(), Screen::Journal), "6 Journal", Some(&Hit::Tab(Screen::Journal)));
    hits(&main, "prod-us", Some(&Hit::Env(EnvName::new("prod-us"))));
    hits(&main, "p promote", Some(&Hit::Hint(Command::Promote)));
    hits(&main, "R roll back", Some(&Hit::Hint(Command::Rollback)));
    hits(&main, "NEXT", None);
}

#[test]
fn only_cancel_of_a_dialog_can_be_clicked() {
    for (name, model) in shots::main() {
        let Some(Overlay::Confirm(_) | Overlay::Quit) = &model.ui.overlay else { continue };
        let word = if name.starts_with("quit") { "[ Stay ]" } else { "[ Cancel ]" };
        hits(&model, word, Some(&Hit::Cancel));
        for size in SIZES.into_iter().chain([MIN]) {
            let (_, targets) = picture::clickable(&model, &Theme::new(Palette::None, false), size.0, size.1);
            let places = (0..size.0).flat_map(|column| (0..size.1).map(move |row| (column, row)));
            let clickable = places.filter(|(column, row)| targets.at(*column, *row).is_some()).count();
            assert_eq!(clickable, word.len(), "{name} {size:?}");
        }
    }
}

#[test]
fn lines_of_a_list_can_be_clicked() {
    let palette = |typed: &str| Overlay::Palette { input: tui_input::Input::new(typed.to_owned()), selected: 0 };
    hits(&shots::over(releases::main(), palette("roll")), "rollback-to", Some(&Hit::Line(1)));
}

#[test]
fn step_in_progress_says_what_it_can_detect() {
    let full =
        "40 % for 2 min: 9,000 requests; ×5 in 9 of 10 cases, ×2 in 1 of 10; a bad one costs ≈ 310 failed requests";
    let short = "by its end ×5 in 9 of 10, ×2 in 1 of 10";
    let mut model = shots::on(releases::canary(), Screen::Rollout);
    let now = model.core.now;
    let asked = update(&mut model, Msg::Core(core::Msg::Clock), now);
    let number = asked.iter().find_map(|effect| match effect {
        Effect::Forecast { number, .. } => Some(*number),
        _ => None,
    });
    let before = SIZES.map(|(columns, rows)| drawn(&model, columns, rows));
    let answer = (full.to_owned(), short.to_owned());
    update(&mut model, Msg::Forecast { number: number.unwrap(), answer }, now);
    for ((columns, rows), before) in SIZES.into_iter().zip(before) {
        let after = drawn(&model, columns, rows);
        assert!(!before.contains(short) && after.contains(short), "{columns}x{rows}\n{after}");
        assert!(!after.contains(&format!("{short}…")), "it is not clipped: {columns}x{rows}\n{after}");
    }
    // Elsewhere, and where there is no room for it, it is not.
    assert!(!drawn(&shots::on(model.clone(), Screen::Deck), 120, 40).contains(short));
    assert!(!drawn(&model, MIN.0, MIN.1).contains("failed requests"));
}

fn drawn(model: &Model, columns: u16, rows: u16) -> String {
    picture::text(&picture::drawn(model, &Theme::new(Palette::Dark, false), columns, rows).0)
}
