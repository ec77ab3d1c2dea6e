//! What one frame costs, and what an unchanged one sends.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::model::Screen;
use release_cockpit::app::{Model, Msg, update};
use release_cockpit::core;
use release_cockpit::keys::Chord;
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};

use crate::figures::{Samples, Table};
use crate::world;

pub const SIZE: (u16, u16) = (200, 60);
const FRAMES: usize = 400;
const MAX_P99: Duration = Duration::from_millis(2);
const MAX_KEY_P99: Duration = Duration::from_millis(4);
/// As many as a large project has.
const FLAGS: usize = 5_000;

pub fn run(table: &mut Table) {
    for (size, mut model) in [
        ("3 environments, 60 pods", world::small()),
        ("50 environments, 5,000 pods", world::large()),
        ("3 environments, 5,000 flags each", world::flagged(FLAGS)),
    ] {
        let mut cells = 0;
        for (_, title, screen) in Screen::TABS {
            model.ui.screen = screen;
            let (samples, changed) = screen_of(&mut model);
            cells += changed;
            table.times(&format!("draw {title} at 200×60, {size}"), &samples, Some(MAX_P99));
        }
        let must = ("0".to_owned(), cells == 0);
        table.figure(&format!("cells sent for an unchanged frame, {size}"), &cells.to_string(), Some(must));
        table.times(&format!("the clock's second in the model, {size}"), &clock(&mut model), None);
    }
    let mut model = world::flagged(FLAGS);
    model.ui.screen = Screen::Flags;
    table.times(&format!("key → frame on {FLAGS} flags, a filter being typed"), &typed(&mut model), Some(MAX_KEY_P99));
}

/// Draws a screen again and again, a second later each time; then twice without a change, and counts what differs.
fn screen_of(model: &mut Model) -> (Samples, usize) {
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut samples = Samples::default();
    for frame in 0..FRAMES + 20 {
        model.core.now += SignedDuration::from_secs(1);
        let began = Instant::now();
        terminal.draw(|frame| view::draw(frame, model, &theme)).unwrap();
        if frame >= 20 {
            samples.add(began.elapsed());
        }
    }
    let before = terminal.backend().buffer().clone();
    let after = terminal.draw(|frame| view::draw(frame, model, &theme)).unwrap();
    let changed = before.diff(after.buffer).len();
    model.core.now = world::now();
    (samples, changed)
}

/// A filter is typed and taken back, a key at a time, and the list moved through.
fn typed(model: &mut Model) -> Samples {
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut samples = Samples::default();
    let keys = "/ c h e c k o u t - 0 4 enter j j G g esc";
    let keys: Vec<Chord> = keys.split(' ').map(|key| key.parse().unwrap()).collect();
    for chord in keys.iter().cycle().take(FRAMES) {
        let began = Instant::now();
        update(model, Msg::Key { chord: *chord, repeat: false }, world::now());
        terminal.draw(|frame| view::draw(frame, model, &theme)).unwrap();
        samples.add(began.elapsed());
    }
    samples
}

/// What the clock costs once a second beside the frame.
fn clock(model: &mut Model) -> Samples {
    let mut samples = Samples::default();
    for second in 0..FRAMES {
        let now = world::now() + SignedDuration::from_secs(second as i64 % 10);
        let began = Instant::now();
        update(model, Msg::Core(core::Msg::Clock), now);
        samples.add(began.elapsed());
    }
    model.core.now = world::now();
    samples
}
