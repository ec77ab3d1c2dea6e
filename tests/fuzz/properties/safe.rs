//! What goes to a terminal: text without anything that moves the cursor, and frames whose cells hold what they claim.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::Model;
use release_cockpit::domain::facts::text::is_unsafe;
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};
use unicode_width::UnicodeWidthStr as _;

/// Asserts that lines of text may be printed.
pub fn lines(text: &str) {
    for line in text.lines() {
        assert!(!line.chars().any(is_unsafe), "{line:?}");
    }
}

/// Draws a model and asserts that no cell holds more than it should.
pub fn frame(model: &Model, width: u16, height: u16, ascii: bool) {
    let (width, height) = (width.min(300), height.min(100));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::new(Palette::Ansi, ascii);
    terminal.draw(|frame| view::draw(frame, model, &theme)).unwrap();
    let buffer = terminal.backend().buffer();
    for y in 0..height {
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            assert!(!symbol.chars().any(is_unsafe), "{symbol:?} at {x},{y}");
            assert!(!ascii || symbol.is_ascii(), "{symbol:?} at {x},{y}");
            let wide = symbol.width() as u16;
            // A modifier behind what it cannot modify is drawn beside it.
            assert!(x + wide.max(1) <= width, "{symbol:?} is {wide} wide at {x},{y}");
            assert!(symbol.chars().count() <= 12, "{symbol:?} piles up at {x},{y}");
            x += wide.max(1);
        }
    }
}
