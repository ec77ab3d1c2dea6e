//! A backend that says nothing when there is nothing to say, and brackets what it says in a synchronized update.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use rustix::termios::tcgetwinsize;

/// Collects a frame's bytes and writes them in one go; a frame without changes writes none.
pub(super) struct DiffingBackend<W: Write> {
    inner: CrosstermBackend<Collected>,
    frame: Collected,
    out: W,
    written: u64,
    cursor: Option<Position>,
    cursor_shown: Option<bool>,
}

/// The bytes of a frame, until it is flushed; shared with the backend that makes them.
#[derive(Clone, Default)]
struct Collected(Rc<RefCell<Vec<u8>>>);

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    // What collects here goes out by `DiffingBackend::flush` only.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> DiffingBackend<W> {
    /// Makes a backend that writes to `out`.
    pub(super) fn new(out: W) -> Self {
        let frame = Collected::default();
        Self { inner: CrosstermBackend::new(frame.clone()), frame, out, written: 0, cursor: None, cursor_shown: None }
    }

    /// Returns the bytes written so far.
    #[cfg(test)]
    fn written(&self) -> u64 {
        self.written
    }

    /// Forgets what the terminal is thought to show of the cursor, after something else wrote to it.
    pub(super) fn forget(&mut self) {
        self.cursor = None;
        self.cursor_shown = None;
    }
}

impl<W: Write> Backend for DiffingBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.cursor = None;
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(false) {
            self.inner.hide_cursor()?;
            self.cursor_shown = Some(false);
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(true) {
            self.inner.show_cursor()?;
            self.cursor_shown = Some(true);
        }
        Ok(())
    }

    /// Never asks the terminal: the answer would come in between the keys.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or(Position::ORIGIN))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.inner.set_cursor_position(position)?;
            self.cursor = Some(position);
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        // Asked before every frame: one call of the system, where crossterm reopens the terminal.
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Ok(Size::new(size.ws_col, size.ws_row)),
            _ => self.inner.size(),
        }
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut frame = self.frame.0.borrow_mut();
        if frame.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(frame.len() + 16);
        queue!(bytes, BeginSynchronizedUpdate)?;
        bytes.append(&mut frame);
        queue!(bytes, EndSynchronizedUpdate)?;
        self.written += bytes.len() as u64;
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    #[test]
    fn an_unchanged_frame_writes_nothing() {
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 20, 3)) };
        let mut terminal = Terminal::with_options(DiffingBackend::new(Vec::new()), options).unwrap();
        terminal.draw(|frame| frame.render_widget("hello", frame.area())).unwrap();
        let first = terminal.backend().written();
        assert!(first > 0);
        terminal.draw(|frame| frame.render_widget("hello", frame.area())).unwrap();
        assert_eq!(terminal.backend().written(), first);
        terminal.draw(|frame| frame.render_widget("hallo", frame.area())).unwrap();
        let changed = terminal.backend().written() - first;
        assert!(changed > 0 && changed < first + 40);
        let bytes = &terminal.backend().out;
        let count = |needle: &[u8]| bytes.windows(needle.len()).filter(|window| *window == needle).count();
        assert_eq!((count(b"\x1b[?2026h"), count(b"\x1b[?2026l")), (2, 2));
    }
}
