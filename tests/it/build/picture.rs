//! Screens as text, and as a fingerprint of their styles.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use release_cockpit::app::Model;
use release_cockpit::view;
use release_cockpit::view::targets::Targets;
use release_cockpit::view::theme::Theme;

/// Draws a model; returns what the screen shows and where its cursor is, if it shows.
pub fn drawn(model: &Model, theme: &Theme, width: u16, height: u16) -> (Buffer, Option<Position>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, model, theme)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let shown = terminal.backend().cursor_visible();
    let cursor = shown.then(|| terminal.backend().cursor_position());
    (buffer, cursor)
}

/// Draws a model; returns what the screen shows and what can be clicked.
pub fn clickable(model: &Model, theme: &Theme, width: u16, height: u16) -> (Buffer, Targets) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut targets = Targets::default();
    terminal.draw(|frame| targets = view::draw_clickable(frame, model, theme)).unwrap();
    (terminal.backend().buffer().clone(), targets)
}

/// The cells of a row that are drawn: those behind a wide character are not.
pub fn cells(buffer: &Buffer, y: u16) -> Vec<&Cell> {
    let mut cells = Vec::new();
    let mut x = buffer.area.x;
    while x < buffer.area.x + buffer.area.width {
        let cell = &buffer[(x, y)];
        cells.push(cell);
        x += (unicode_width::UnicodeWidthStr::width(cell.symbol()) as u16).max(1);
    }
    cells
}

/// The screen as text, trailing blanks cut.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.y + buffer.area.height {
        let line: String = cells(buffer, y).iter().map(|cell| cell.symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A fingerprint of colours and modifiers (FNV-1a): a change is noticed without cluttering the text.
pub fn styles(buffer: &Buffer) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for run in buffer.content.chunk_by(|a, b| a.style() == b.style()) {
        for byte in format!("{}{:?}", run.len(), run[0].style()).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
