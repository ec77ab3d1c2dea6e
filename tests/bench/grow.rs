//! How it grows: with environments, with pods, with the journal, with the time that a canary is analysed for.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use analysis::{CanaryAnalyzer, Counts, Look, Rules, Scrape};
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::model::Screen;
use release_cockpit::app::{Model, Msg, update};
use release_cockpit::core;
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::executors::journal;
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};

use crate::draw::SIZE;
use crate::figures::{Samples, Table, show};
use crate::world;

/// Changes and frames measured at each size.
const ROUNDS: usize = 200;
/// Scrapes of a day, one every 15 s.
const SCRAPES_PER_DAY: u32 = 5760;

pub fn run(table: &mut Table) {
    for environments in [2, 10, 50] {
        flow(table, &format!("{environments} environments of 100 pods"), world::world(environments, 100), 100);
    }
    for pods in [10, 100, 1000, 4000] {
        flow(table, &format!("{} pods, {pods} in each rollout", pods * 5), world::world(5, pods), pods);
    }
    for entries in [1000, 10_000, 100_000] {
        journal_of(table, entries);
    }
    for days in [1, 10, 30] {
        judged_for(table, days);
    }
}

/// What one changed pod costs in the model, and the frame after it.
fn flow(table: &mut Table, what: &str, mut model: Model, pods: u32) {
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let target = world::target(&world::name(1));
    let first = world::snapshot(1, pods);
    let mut changes = Samples::default();
    let mut frames = [Samples::default(), Samples::default()];
    for round in 0..ROUNDS {
        let feed = Feed::Workload { target: target.clone(), snapshot: Some(world::restarted(&first, round)) };
        let began = Instant::now();
        update(&mut model, Msg::Core(core::Msg::Feed(feed)), world::now() + SignedDuration::from_millis(round as i64));
        changes.add(began.elapsed());
        for (screen, samples) in [Screen::Deck, Screen::Rollout].into_iter().zip(&mut frames) {
            model.ui.screen = screen;
            let began = Instant::now();
            terminal.draw(|frame| view::draw(frame, &model, &theme)).unwrap();
            samples.add(began.elapsed());
        }
    }
    table.times(&format!("a pod changes, {what}"), &changes, None);
    for (screen, samples) in ["deck", "rollout"].into_iter().zip(&frames) {
        table.times(&format!("the frame of the {screen} after it, {what}"), samples, None);
    }
}

/// Reading and proving a journal, as at every start.
fn journal_of(table: &mut Table, entries: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.jsonl");
    write_journal(&path, entries);
    let began = Instant::now();
    let contents = journal::read(&path).expect("a whole journal");
    let took = began.elapsed();
    assert_eq!(contents.lines.len(), entries);
    let size = std::fs::metadata(&path).unwrap().len() / 1024;
    table.figure(&format!("a journal of {entries} entries ({size} KiB) read and proved"), &show(took), None);
}

/// Writes a whole journal of so many notes.
pub fn write_journal(path: &Path, entries: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut last: Option<Line> = None;
    for entry in 0..entries {
        let text = format!("the deploy of the {entry}th part was looked at, and nothing was found");
        let line = Line::after(last.as_ref(), Timestamp::UNIX_EPOCH, Entry::Note { who: "alice".to_owned(), text });
        serde_json::to_writer(&mut file, &line).unwrap();
        file.write_all(b"\n").unwrap();
        last = Some(line);
    }
    file.flush().unwrap();
}

/// The analysis on days of scrapes at once, as a backtest does.
fn judged_for(table: &mut Table, days: u32) {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    let counts = |requests, errors| Counts { requests, errors, ..Counts::default() };
    let began = Instant::now();
    for scrape in 0..days * SCRAPES_PER_DAY {
        let look = Scrape {
            t: f64::from(scrape) * 15.0,
            canary: counts(375, u64::from(scrape % 3 == 0)),
            stable: counts(7125, u64::from(scrape % 2) * 12),
            stable_pods: Vec::new(),
        };
        judge.take(&Look::Scrape(look));
    }
    let took: Duration = began.elapsed();
    let each = took / (days * SCRAPES_PER_DAY);
    let report = judge.report();
    assert!(report.t.is_some());
    table.figure(&format!("{days} days of scrapes judged"), &format!("{}, {} each", show(took), show(each)), None);
}
