//! The loop behind the screen: one thing at a time reaches the model, and nothing in it waits for anything.

use std::path::Path;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, bail};
use crossterm::event::EventStream;
use futures::StreamExt as _;
use futures::stream::select_all;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::input::{Input, translate};
use super::pacing::{Dirty, Pacing};
use super::session::{Session, operator};
use super::signals::{Asked, Signals};
use super::tap::Tap;
use super::terminal::Terminal;
use crate::actuators::recovery::Found;
use crate::actuators::{Door, Receipt, journal};
use crate::app::model::{JournalView, Level, Look, Model, Screen};
use crate::app::{Effect, Msg, update};
use crate::cli::Exit;
use crate::config::{Config, Glyphs};
use crate::domain::feed::Feed;
use crate::domain::ids::EnvName;
use crate::domain::journal::Entry;
use crate::platform::{Redactor, Variables};
use crate::view;
use crate::view::layout::SizeClass;
use crate::view::targets::Targets;
use crate::view::theme::{Palette, Theme};

/// Ages and countdowns are shown in seconds.
const CLOCK: Duration = Duration::from_secs(1);
/// A wall clock that runs ahead of the monotonic one by more than this was asleep, or was set.
const SLEPT: SignedDuration = SignedDuration::from_secs(5);
/// Observations that wait to be written.
const RECORDS: usize = 1024;
/// How often a journal that cannot be written is tried again, in seconds.
const TRY_JOURNAL: i64 = 5;
/// How often the log, at level debug, tells how many tasks are alive, in seconds.
const COUNT_TASKS: i64 = 10;
/// Journal lines of a release that are read at start.
const TAIL: usize = 1000;

/// Opens the screen and runs until it is left, or until what is observed is over.
pub(super) async fn run(
    config: Config,
    variables: &Variables,
    redactor: &Redactor,
    simulated: Option<String>,
    tap: Option<Box<dyn Tap>>,
) -> Result<Exit> {
    let theme = Theme::new(palette(&config), config.ui.glyphs == Glyphs::Ascii);
    let session = match Session::open(config.clone(), variables, redactor).await {
        Ok(session) => session,
        Err(error) => return Ok(super::headless::usage(redactor, &error)),
    };
    let model = model(&config, &session, simulated);
    super::terminal::restore_on_panic();
    let terminal = Terminal::enter(config.ui.mouse)?;
    let ended = Pump::new(session, model, terminal, theme, tap).run().await?;
    Ok(ended)
}

/// Tells which colours to use where the config leaves it to the terminal.
fn palette(config: &Config) -> Palette {
    use crate::config::Theme as Wanted;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match config.ui.theme {
        Wanted::Auto if no_color => Palette::None,
        Wanted::Auto | Wanted::Ansi => Palette::Ansi,
        Wanted::Dark => Palette::Dark,
        Wanted::Light => Palette::Light,
        Wanted::None => Palette::None,
    }
}

fn model(config: &Config, session: &Session, simulated: Option<String>) -> Model {
    let first = session.world.environments.first().map_or_else(|| EnvName::new(""), |env| env.name().clone());
    Model {
        world: session.world.clone(),
        now: Timestamp::now(),
        zone: TimeZone::system(),
        operator: operator(),
        screen: Screen::Deck,
        env: first,
        workload: None,
        overlay: None,
        filter: String::new(),
        scroll: 0,
        line: 0,
        notices: std::collections::VecDeque::new(),
        unread: 0,
        autopilot: crate::app::autopilot::Autopilot::default(),
        in_flight: std::collections::BTreeMap::new(),
        journal: JournalView { unread: true, ..JournalView::default() },
        keymap: config.keymap.clone(),
        look: Look { ascii: config.ui.glyphs == Glyphs::Ascii, mouse: config.ui.mouse },
        simulated,
        too_small: false,
        quit_asked: false,
    }
}

/// The loop's state.
struct Pump {
    session: Session,
    model: Model,
    terminal: Terminal,
    theme: Theme,
    pacing: Pacing,
    /// What can be clicked of the frame on the screen.
    targets: Targets,
    records: mpsc::Sender<(String, Entry)>,
    /// The release whose journal is on the screen.
    release: Option<String>,
    clocks: (Timestamp, Instant),
    /// Whether the environment to act on was chosen by a person or for them.
    chosen: bool,
    tap: Option<Box<dyn Tap>>,
    done: Option<Exit>,
}

impl Pump {
    fn new(session: Session, model: Model, terminal: Terminal, theme: Theme, tap: Option<Box<dyn Tap>>) -> Self {
        let (records, waiting) = mpsc::channel(RECORDS);
        tokio::spawn(write_records(session.door.clone(), waiting));
        Self {
            session,
            model,
            terminal,
            theme,
            pacing: Pacing::default(),
            targets: Targets::default(),
            records,
            release: None,
            clocks: (Timestamp::now(), Instant::now()),
            chosen: false,
            tap,
            done: None,
        }
    }

    async fn run(mut self) -> Result<Exit> {
        let mut signals = Signals::listen().wrap_err("cannot listen to signals")?;
        // Polled only when it has something to say: each look at a silent terminal costs a lock and seven yields.
        let mut events = select_all([EventStream::new()]);
        self.draw()?;
        for trouble in std::mem::take(&mut self.session.troubles) {
            self.take(Msg::Journal { broken: Some(trouble), unwritten: 0 }, Dirty::Data)?;
        }
        self.session.start();
        let mut journals = Some(self.session.read_journals());
        let mut clock = Instant::now() + CLOCK;
        while self.done.is_none() {
            let due = self.pacing.due();
            tokio::select! {
                biased;
                asked = signals.next() => match asked {
                    Asked::End(code) => return self.end_by_signal(code).await,
                    Asked::Stop => self.suspend()?,
                },
                event = events.next() => match event {
                    Some(Ok(event)) => self.input(event)?,
                    // The terminal is gone.
                    Some(Err(_)) | None => return self.end_by_signal(129).await,
                },
                found = read(&mut journals), if journals.is_some() => {
                    journals = None;
                    self.recover(found?)?;
                },
                receipt = self.session.receipts.recv() => if let Some(receipt) = receipt {
                    self.receipt(receipt)?;
                },
                () = sleep_until(due.unwrap_or(clock)), if due.is_some() => self.draw()?,
                () = self.session.inbox.arrived() => {
                    for feed in self.session.inbox.drain() {
                        self.hear(feed)?;
                    }
                    self.follow();
                },
                () = sleep_until(clock) => {
                    clock = Instant::now() + CLOCK;
                    self.tick()?;
                },
            }
        }
        let exit = self.done.unwrap_or(Exit::Done);
        drop(events);
        drop(self.terminal);
        self.session.end().await;
        Ok(exit)
    }

    /// Leaves because a signal said so, with its conventional exit code.
    async fn end_by_signal(self, code: u8) -> Result<Exit> {
        drop(self.terminal);
        self.session.end().await;
        if code == 130 {
            return Ok(Exit::Interrupted);
        }
        std::process::exit(i32::from(code));
    }

    fn take(&mut self, msg: Msg, why: Dirty) -> Result<()> {
        let effects = update(&mut self.model, msg, Timestamp::now());
        self.pacing.mark(why);
        for effect in effects {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    /// Takes in what a source said. What is only said again is shown with the next second.
    fn hear(&mut self, feed: Feed) -> Result<()> {
        let now = Timestamp::now();
        if let Some(tap) = &mut self.tap {
            tap.feed(&feed, now);
        }
        let repeats = self.model.world.repeats(&feed, now);
        let effects = update(&mut self.model, Msg::Feed(feed), now);
        if !repeats {
            self.pacing.mark(Dirty::Data);
        }
        for effect in effects {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    fn input(&mut self, event: crossterm::event::Event) -> Result<()> {
        match translate(event) {
            Input::Msg(msg) => {
                self.chosen = true;
                self.take(msg, Dirty::Key)
            }
            Input::Click(column, row) => match self.targets.at(column, row).cloned() {
                Some(hit) => {
                    self.chosen = true;
                    self.take(Msg::Click(hit), Dirty::Key)
                }
                None => Ok(()),
            },
            Input::Resized => {
                self.pacing.mark(Dirty::Key);
                Ok(())
            }
            Input::Nothing => Ok(()),
        }
    }

    fn draw(&mut self) -> Result<()> {
        let area = self.terminal.area().wrap_err("the terminal is gone")?;
        let too_small = SizeClass::of(area.width, area.height) == SizeClass::TooSmall;
        if too_small != self.model.too_small {
            self.take(Msg::TooSmall(too_small), Dirty::Key)?;
        }
        let (model, theme, targets) = (&self.model, &self.theme, &mut self.targets);
        let draw = |frame: &mut ratatui::Frame<'_>| *targets = view::draw_clickable(frame, model, theme);
        self.terminal.draw(draw).wrap_err("cannot write to the terminal")?;
        self.pacing.drawn(Instant::now());
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        let (wall, steady) = (Timestamp::now(), Instant::now());
        let (last_wall, last_steady) = std::mem::replace(&mut self.clocks, (wall, steady));
        let ran = SignedDuration::try_from(steady.duration_since(last_steady)).unwrap_or(SignedDuration::ZERO);
        let ahead = wall.duration_since(last_wall) - ran;
        let msg = if ahead.abs() > SLEPT { Msg::Woke } else { Msg::Clock };
        self.retry_journal();
        if wall.as_second() % COUNT_TASKS == 0 {
            // A task that is never done would show as a number that grows.
            tracing::debug!(tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks(), "alive");
        }
        if self.tap.as_mut().is_some_and(|tap| tap.is_over(&self.model.world)) {
            self.done = Some(Exit::Done);
        }
        self.take(msg, Dirty::Data)
    }

    /// While the journal cannot be written, tries again every few seconds: what waits in memory is written then.
    fn retry_journal(&self) {
        let due = self.model.now.as_second() % TRY_JOURNAL == 0;
        if let (Some(_), true, Some(release)) = (&self.model.journal.broken, due, self.release.clone()) {
            let door = self.session.door.clone();
            tokio::spawn(async move { door.probe(&release).await });
        }
    }

    fn receipt(&mut self, receipt: Receipt) -> Result<()> {
        let msg = match receipt {
            Receipt::Begun { action, target, .. } => Msg::Begun { action, target },
            Receipt::Ended { record, outcome, .. } => Msg::Ended { record, outcome },
            Receipt::Written(lines) => Msg::Written(lines),
            Receipt::NotShared(why) => {
                Msg::Said(Level::Warn, format!("kept on this machine only, others do not see it: {why}"))
            }
            Receipt::Journal(state) => Msg::Journal { broken: state.broken, unwritten: state.unwritten },
        };
        self.take(msg, Dirty::Data)
    }

    fn carry_out(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Perform(plan) => {
                if let Some(tap) = &mut self.tap {
                    tap.acted(plan.record(), Timestamp::now());
                }
                let door = self.session.door.clone();
                // The outcome comes back as a receipt.
                tokio::spawn(async move { door.perform(*plan).await });
            }
            Effect::Record { release, entry } => {
                if self.records.try_send((release, entry)).is_err() {
                    tracing::error!("an observation was not recorded: too many wait to be written");
                }
            }
            Effect::Learn(env, access) => self.session.door.learn(&env, &access),
            Effect::LookAgain(env, check) => self.session.look_again(env, check),
            Effect::Refresh => self.session.refresh.notify_waiters(),
            Effect::Copy(text) => Terminal::copy(&text).wrap_err("cannot write to the terminal")?,
            Effect::Export => self.export()?,
            Effect::Ring => Terminal::ring().wrap_err("cannot write to the terminal")?,
            Effect::Mouse(on) => self.terminal.mouse(on).wrap_err("cannot write to the terminal")?,
            Effect::Repaint => self.terminal.repaint().wrap_err("cannot write to the terminal")?,
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.done = Some(Exit::Done),
        }
        Ok(())
    }

    fn suspend(&mut self) -> Result<()> {
        self.terminal.suspend()?;
        self.pacing.mark(Dirty::Key);
        Ok(())
    }

    /// Takes in what the journals hold. Nothing goes on before.
    fn recover(&mut self, found: Found) -> Result<()> {
        self.session.recover(&found);
        let given_up = found.given_up.into_iter().map(|(target, hash)| Feed::GivenUp { target, hash });
        for feed in given_up.chain([Feed::Ledger(Box::new(found.ledger))]) {
            self.take(Msg::Feed(feed), Dirty::Data)?;
        }
        self.model.autopilot.remember(found.decided);
        for why in found.broken {
            self.take(Msg::Said(Level::Error, format!("a journal does not hold together: {why}")), Dirty::Data)?;
        }
        for (_, record) in found.open {
            let why = "the program ended before its outcome was known".to_owned();
            let outcome = crate::domain::action::Outcome::Unknown { why };
            self.take(Msg::Ended { record: Box::new(record), outcome }, Dirty::Data)?;
        }
        self.model.journal.unread = false;
        Ok(())
    }

    /// Follows the release on the screen: its journal is read when it is first seen. Until a person chose an
    /// environment, the one with something under way is chosen.
    fn follow(&mut self) {
        self.session.ask(&self.model.world);
        if !self.chosen {
            let busy = self.model.world.environments.iter().find(|env| {
                env.workloads.iter().any(|w| w.status.as_ref().is_some_and(|status| status.canary.is_some()))
            });
            if let Some(busy) = busy {
                self.model.env = busy.name().clone();
            }
        }
        let Some(release) = self.model.world.release().map(|view| format!("{} {}", view.service, view.to)) else {
            return;
        };
        if self.release.as_ref() == Some(&release) {
            return;
        }
        self.release = Some(release.clone());
        let door = self.session.door.clone();
        let sender = door.clone();
        tokio::spawn(async move {
            door.probe(&release).await;
            let path = door.journal().dir().join(journal::file_name(&release));
            let read = tokio::task::spawn_blocking(move || journal::read(&path)).await;
            if let Ok(Ok(contents)) = read {
                let skip = contents.lines.len().saturating_sub(TAIL);
                sender.show(contents.lines.into_iter().skip(skip).collect()).await;
            }
        });
    }

    fn export(&mut self) -> Result<()> {
        let said = match self.export_to_file() {
            Ok(path) => Msg::Said(Level::Good, format!("journal written to {path}")),
            Err(error) => Msg::Said(Level::Error, format!("journal not exported: {error:#}")),
        };
        self.take(said, Dirty::Data)
    }

    /// Copies the journal on the screen beside where the program was started; an existing file is left alone.
    fn export_to_file(&self) -> Result<String> {
        let Some(release) = &self.release else { bail!("no release is on the screen") };
        let name = journal::file_name(release);
        let stamp = self.model.now.strftime("%Y%m%d-%H%M%S");
        let path = format!("{}-{stamp}.jsonl", name.trim_end_matches(".jsonl"));
        let bytes = journal::whole_lines(&self.session.door.journal().dir().join(&name))
            .wrap_err_with(|| format!("nothing is written of {release} yet"))?;
        journal::copy_new(Path::new(&path), &bytes).wrap_err_with(|| path.clone())?;
        Ok(path)
    }
}

/// Waits for what the journals hold.
async fn read(journals: &mut Option<JoinHandle<Found>>) -> Result<Found> {
    match journals {
        Some(reading) => reading.await.wrap_err("cannot read the journals"),
        None => std::future::pending().await,
    }
}

/// Writes observations in their order, apart from the loop.
async fn write_records(door: Door, mut waiting: mpsc::Receiver<(String, Entry)>) {
    while let Some((release, entry)) = waiting.recv().await {
        door.say(&release, entry).await;
    }
}
