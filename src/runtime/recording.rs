//! A session as it was: everything that reached the model, with the frames that came of it; written by `--record FILE`,
//! and replayed to the same frames. One JSON value a line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use color_eyre::eyre::{Result, WrapErr, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::app::model::Look;
use crate::app::{Model, Msg, update};
use crate::core::{Autopilot, Core};
use crate::domain::record::journal::hex;
use crate::domain::world::{EnvSettings, World};
use crate::keys::Keymap;
use crate::platform::private_files::open_private;
use crate::view;
use crate::view::theme::{Palette, Theme};

/// The form of a recording; another one is refused.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RecordingLine {
    Begun(Box<Start>),
    Msg { at: Timestamp, msg: Msg },
    Frame(Frame),
}

/// What the model began with.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Start {
    version: u32,
    at: Timestamp,
    operator: String,
    zone: String,
    environments: Vec<EnvSettings>,
    keymap: Keymap,
    look: Look,
    palette: Palette,
    simulated: Option<String>,
}

/// A frame that was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// When, by the model's clock.
    pub at: Timestamp,
    pub size: (u16, u16),
    /// SHA-256 over its cells, the first half in hex.
    pub hash: String,
}

pub(super) struct Recording {
    out: BufWriter<File>,
}

impl Recording {
    /// Begins a recording of a model in a file that must not be there yet.
    pub(super) fn begin(path: &Path, model: &Model, palette: Palette) -> Result<Self> {
        let file = open_private(path, OpenOptions::new().write(true).create_new(true))
            .wrap_err_with(|| format!("cannot record to {}", path.display()))?;
        let mut recording = Self { out: BufWriter::new(file) };
        recording.write(&RecordingLine::Begun(Box::new(Start {
            version: VERSION,
            at: model.core.now,
            operator: model.core.operator.clone(),
            zone: model.ui.zone.iana_name().unwrap_or("UTC").to_owned(),
            environments: model.core.world.environments.iter().map(|env| env.settings.clone()).collect(),
            keymap: model.ui.keymap.clone(),
            look: model.ui.look.clone(),
            palette,
            simulated: model.ui.simulated.clone(),
        })))?;
        Ok(recording)
    }

    /// Adds a message as it reaches the model.
    pub(super) fn msg(&mut self, at: Timestamp, msg: &Msg) -> Result<()> {
        self.write(&RecordingLine::Msg { at, msg: msg.clone() })
    }

    /// Adds a frame as it was drawn.
    pub(super) fn frame(&mut self, at: Timestamp, buffer: &Buffer) -> Result<()> {
        self.write(&RecordingLine::Frame(frame(at, buffer)))?;
        self.out.flush().wrap_err("cannot write the recording")
    }

    fn write(&mut self, line: &RecordingLine) -> Result<()> {
        serde_json::to_writer(&mut self.out, line)
            .map_err(io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"))
            .wrap_err("cannot write the recording")
    }
}

fn frame(at: Timestamp, buffer: &Buffer) -> Frame {
    let mut hash = Sha256::new();
    for cell in &buffer.content {
        hash.update(cell.symbol());
        hash.update(format!("\u{0}{:?}{:?}{:?}", cell.fg, cell.bg, cell.modifier));
    }
    let hash = hex(&hash.finalize()).chars().take(32).collect();
    Frame { at, size: (buffer.area.width, buffer.area.height), hash }
}

/// Replays a recording: returns each frame as it was recorded, with the frame that the same messages give now.
///
/// # Errors
/// What cannot be read, or is no recording of this version.
pub fn replay(path: &Path) -> Result<Vec<(Frame, Frame)>> {
    let file = File::open(path).wrap_err_with(|| path.display().to_string())?;
    let mut played: Option<(Model, Theme)> = None;
    let mut frames = Vec::new();
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let line: RecordingLine = serde_json::from_str(&text.wrap_err_with(place)?).wrap_err_with(place)?;
        match (&mut played, line) {
            (None, RecordingLine::Begun(start)) if start.version == VERSION => played = Some(model(*start)),
            (None, _) => bail!("{}: not a recording of version {VERSION}", place()),
            (Some((model, _)), RecordingLine::Msg { at, msg }) => drop(update(model, msg, at)),
            (Some((model, theme)), RecordingLine::Frame(recorded)) => {
                frames.push((recorded.clone(), draw(model, theme, &recorded)?));
            }
            (Some(_), RecordingLine::Begun(_)) => bail!("{}: begun twice", place()),
        }
    }
    Ok(frames)
}

fn model(start: Start) -> (Model, Theme) {
    let mut core = Core::new(World::new(start.environments), start.operator, start.at);
    core.autopilot = Autopilot::enabled();
    let zone = TimeZone::get(&start.zone).unwrap_or(TimeZone::UTC);
    let theme = Theme::new(start.palette, start.look.ascii);
    let mut model = Model::new(core, start.keymap, start.look, zone);
    model.ui.simulated = start.simulated;
    (model, theme)
}

fn draw(model: &mut Model, theme: &Theme, recorded: &Frame) -> Result<Frame> {
    let (columns, rows) = recorded.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    terminal.draw(|frame| view::draw(frame, model, theme))?;
    Ok(frame(model.core.now, terminal.backend().buffer()))
}
