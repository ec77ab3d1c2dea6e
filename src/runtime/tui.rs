//! The loop behind the screen: one thing at a time reaches the model, and nothing in it waits for anything.

use std::path::Path;

use color_eyre::eyre::{Result, WrapErr};
use crossterm::event::EventStream;
use futures::StreamExt as _;
use futures::stream::select_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::engine::{Engine, Observations};
use super::input::{Input, translate};
use super::pacing::{Dirty, Pacing};
use super::recording::Recording;
use super::signals::{ShutdownRequest, Signals};
use super::tap::Tap;
use super::terminal::Terminal;
use crate::app::model::{Look, Model};
use crate::app::{Effect, Msg, update};
use crate::cli::Exit;
use crate::config::{Config, Glyphs};
use crate::core::{self, Autopilot, Core, Level};
use crate::domain::rules::forecast::Question;
use crate::platform::{Redactor, Variables};
use crate::view;
use crate::view::layout::SizeClass;
use crate::view::targets::Targets;
use crate::view::theme::{Palette, Theme};

/// Forecasts that wait to be shown: one is asked for at a time, the rest are out of date.
const MAX_WAITING_FORECASTS: usize = 4;

/// Opens the screen and runs until it is left, or until what is observed is over.
pub(super) async fn run(
    config: Config,
    variables: &Variables,
    redactor: &Redactor,
    simulated: Option<String>,
    tap: Option<Box<dyn Tap>>,
    record: Option<&Path>,
) -> Result<Exit> {
    let theme = Theme::new(palette(&config), config.ui.glyphs == Glyphs::Ascii);
    let (engine, core) = match Engine::open(config.clone(), variables, redactor, Observations::Recorded, tap).await {
        Ok(opened) => opened,
        Err(error) => return Ok(super::headless::usage(redactor, &error)),
    };
    let model = model(&config, core, simulated);
    let recording = record.map(|path| Recording::begin(path, &model, palette(&config))).transpose()?;
    super::terminal::restore_on_panic();
    let terminal = Terminal::enter(config.ui.mouse)?;
    Box::pin(Pump::new(engine, model, terminal, theme, recording).run()).await
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

fn model(config: &Config, core: Core, simulated: Option<String>) -> Model {
    let look = Look { ascii: config.ui.glyphs == Glyphs::Ascii, mouse: config.ui.mouse };
    let mut model = Model::new(core, config.keymap.clone(), look, TimeZone::system());
    model.core.autopilot = Autopilot::enabled();
    model.ui.simulated = simulated;
    model
}

struct Pump {
    engine: Engine,
    model: Model,
    terminal: Terminal,
    theme: Theme,
    pacing: Pacing,
    /// What can be clicked of the frame on the screen.
    targets: Targets,
    /// Whether the environment to act on was chosen by a person or for them.
    chosen: bool,
    recording: Option<Recording>,
    /// Answers of forecasts that are computed apart from the loop.
    forecasts: (mpsc::Sender<Msg>, mpsc::Receiver<Msg>),
    done: Option<Exit>,
}

impl Pump {
    fn new(engine: Engine, model: Model, terminal: Terminal, theme: Theme, recording: Option<Recording>) -> Self {
        Self {
            engine,
            model,
            terminal,
            theme,
            pacing: Pacing::default(),
            targets: Targets::default(),
            chosen: false,
            recording,
            forecasts: mpsc::channel(MAX_WAITING_FORECASTS),
            done: None,
        }
    }

    async fn run(mut self) -> Result<Exit> {
        let mut signals = Signals::listen().wrap_err("cannot listen to signals")?;
        // Polled only when it has something to say: each look at a silent terminal costs a lock and seven yields.
        let mut events = select_all([EventStream::new()]);
        self.draw()?;
        for msg in self.engine.start() {
            self.take(Msg::Core(msg), Dirty::Data)?;
        }
        while self.done.is_none() {
            let due = self.pacing.due();
            tokio::select! {
                biased;
                asked = signals.next() => match asked {
                    ShutdownRequest::End(code) => return self.end_by_signal(code).await,
                    ShutdownRequest::Stop => self.suspend()?,
                },
                event = events.next() => match event {
                    Some(Ok(event)) => self.input(event)?,
                    // The terminal is gone.
                    Some(Err(_)) | None => return self.end_by_signal(129).await,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.draw()?,
                Some(msg) = self.forecasts.1.recv() => self.take(msg, Dirty::Data)?,
                msgs = self.engine.next() => self.hear(msgs?)?,
            }
        }
        let exit = self.done.unwrap_or(Exit::Done);
        drop(events);
        drop(self.terminal);
        self.engine.end().await;
        Ok(exit)
    }

    /// Leaves because a signal said so, with its conventional exit code.
    async fn end_by_signal(self, code: u8) -> Result<Exit> {
        drop(self.terminal);
        self.engine.end().await;
        // Not at once: what was begun here ends with the runtime.
        Ok(if code == 130 { Exit::Interrupted } else { Exit::Signal(code) })
    }

    fn take(&mut self, msg: Msg, why: Dirty) -> Result<()> {
        let effects = self.update(msg, Timestamp::now())?;
        self.pacing.mark(why);
        for effect in effects {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    fn update(&mut self, msg: Msg, now: Timestamp) -> Result<Vec<Effect>> {
        if let Some(recording) = &mut self.recording {
            recording.msg(now, &msg)?;
        }
        Ok(update(&mut self.model, msg, now))
    }

    /// Takes in what happened outside. What a source only confirms is shown with the next second.
    fn hear(&mut self, msgs: Vec<core::Msg>) -> Result<()> {
        let ticked = msgs.iter().any(|msg| matches!(msg, core::Msg::Clock | core::Msg::Woke));
        for msg in msgs {
            let now = Timestamp::now();
            self.engine.tap(&msg, now);
            let repeats = matches!(&msg, core::Msg::Feed(feed) if self.model.core.world.repeats(feed, now));
            let effects = self.update(Msg::Core(msg), now)?;
            if !repeats {
                self.pacing.mark(Dirty::Data);
            }
            for effect in effects {
                self.carry_out(effect)?;
            }
        }
        self.engine.follow(&self.model.core, ticked);
        self.choose_moving()?;
        if ticked && self.engine.is_over(&self.model.core) {
            self.done = Some(Exit::Done);
        }
        Ok(())
    }

    /// Until a person chose an environment, the one with something in progress is chosen.
    fn choose_moving(&mut self) -> Result<()> {
        if self.chosen {
            return Ok(());
        }
        let moves =
            self.model.core.world.chosen().find(|env| {
                env.workloads.iter().any(|w| w.status.as_ref().is_some_and(|status| status.canary.is_some()))
            });
        match moves.map(|env| env.name().clone()) {
            Some(env) if env != self.model.ui.env => self.take(Msg::Choose(env), Dirty::Data),
            _ => Ok(()),
        }
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
        if self.terminal.is_busy() {
            self.pacing.busy(Instant::now());
            return Ok(());
        }
        let area = self.terminal.area().wrap_err("the terminal was closed")?;
        let too_small = SizeClass::of(area.width, area.height) == SizeClass::TooSmall;
        if too_small != self.model.ui.too_small {
            self.take(Msg::TooSmall(too_small), Dirty::Key)?;
        }
        let (model, theme, targets) = (&self.model, &self.theme, &mut self.targets);
        let (recording, now, mut recorded) = (&mut self.recording, model.core.now, Ok(()));
        let draw = |frame: &mut ratatui::Frame<'_>| {
            *targets = view::draw_clickable(frame, model, theme);
            if let Some(recording) = recording {
                recorded = recording.frame(now, frame.buffer_mut());
            }
        };
        self.terminal.draw(draw).wrap_err("cannot write to the terminal")?;
        recorded?;
        self.pacing.drawn(Instant::now());
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Core(core::Effect::Ring) => Terminal::ring().wrap_err("cannot write to the terminal")?,
            Effect::Core(effect) => self.engine.carry_out(effect),
            Effect::Forecast { number, question } => self.forecast(number, question),
            Effect::Copy(text) => Terminal::copy(&text).wrap_err("cannot write to the terminal")?,
            Effect::Export => self.export()?,
            Effect::Mouse(on) => self.terminal.mouse(on).wrap_err("cannot write to the terminal")?,
            Effect::Repaint => self.terminal.repaint().wrap_err("cannot write to the terminal")?,
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.done = Some(Exit::Done),
        }
        Ok(())
    }

    /// Computes a forecast on a thread of its own: at the end of the program no one waits for it.
    fn forecast(&self, number: u64, question: Box<Question>) {
        let answers = self.forecasts.0.clone();
        let compute = move || {
            // Where the loop has ended, no one wants it any more.
            let _ = answers.blocking_send(Msg::Forecast { number, answer: question.answer() });
        };
        if let Err(error) = std::thread::Builder::new().name("forecast".to_owned()).spawn(compute) {
            tracing::warn!(%error, "cannot compute what the step can detect");
        }
    }

    fn suspend(&mut self) -> Result<()> {
        self.terminal.suspend()?;
        self.pacing.mark(Dirty::Key);
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let notice = match self.engine.export(self.model.core.now) {
            Ok(path) => core::Msg::Notice(Level::Good, format!("journal written to {path}")),
            Err(error) => core::Msg::Notice(Level::Error, format!("journal not exported: {error:#}")),
        };
        self.take(Msg::Core(notice), Dirty::Data)
    }
}
