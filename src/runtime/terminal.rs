//! The terminal: entered once, and given back whatever happens.

use std::io::{self, IsTerminal as _, Write as _, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use color_eyre::eyre::{Result, WrapErr, bail};
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::Print;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{Command, cursor, execute, queue};
use ratatui::Terminal as Ratatui;
use ratatui::layout::{Position, Rect};

use super::frame_writer::FrameWriter;
use super::quiet::DiffingBackend;

/// Whether the terminal is ours now.
static OURS: AtomicBool = AtomicBool::new(false);

/// The way to the terminal, while it is ours.
static WRITER: Mutex<Option<FrameWriter>> = Mutex::new(None);

fn writer() -> Option<FrameWriter> {
    WRITER.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Gives the terminal back. May be called any number of times, from anywhere. One that does not read is not waited for.
pub(super) fn restore() {
    if OURS.swap(false, Ordering::SeqCst) {
        if let Some(mut out) = writer() {
            out.drain();
            let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
            out.drain();
        }
        let _ = disable_raw_mode();
    }
}

/// Writes to the terminal beside the frames.
fn write(command: impl Command) -> io::Result<()> {
    match writer() {
        Some(mut out) => execute!(out, command),
        None => Ok(()),
    }
}

/// Makes panics give the terminal back before they are reported. Only the main thread draws: a panic elsewhere goes to
/// the log and must not take the terminal away from a running screen.
pub(super) fn restore_on_panic() {
    let main = std::thread::current().id();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == main {
            restore();
            report(panic);
        } else {
            tracing::error!(%panic, "a task in the background panicked");
        }
    }));
}

/// The terminal while it is ours; given back when dropped.
pub(super) struct Terminal {
    inner: Ratatui<DiffingBackend<FrameWriter>>,
    writer: FrameWriter,
    mouse: bool,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

impl Terminal {
    pub(super) fn enter(mouse: bool) -> Result<Self> {
        if !stdout().is_terminal() || !io::stdin().is_terminal() {
            bail!("this is no terminal: `cockpit status --watch` prints lines instead of a screen");
        }
        if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
            bail!("TERM=dumb cannot show a screen: `cockpit status --watch` prints lines instead");
        }
        // The theme decides on colours; with NO_COLOR it sets none. Left to itself crossterm would lose bold and
        // reversed cells too.
        crossterm::style::force_color_output(true);
        let writer = FrameWriter::start(stdout()).wrap_err("cannot start the thread that draws")?;
        *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer.clone());
        take(mouse)?;
        let inner =
            Ratatui::new(DiffingBackend::new(writer.clone())).wrap_err("cannot learn the size of the terminal")?;
        Ok(Self { inner, writer, mouse })
    }

    /// Returns whether the terminal takes less than it is given: then nothing more is drawn.
    pub(super) fn is_busy(&self) -> bool {
        self.writer.is_busy()
    }

    pub(super) fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.inner.draw(render).map(|_| ())
    }

    /// Returns the size as it is now.
    pub(super) fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.inner.size()?)))
    }

    /// Makes the next frame a full one.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        let area = self.area()?;
        self.inner.backend_mut().forget();
        self.inner.resize(area)
    }

    /// Captures the mouse or lets it go.
    pub(super) fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on { write(EnableMouseCapture) } else { write(DisableMouseCapture) }
    }

    /// Copies to the clipboard of the terminal (OSC 52), which works over SSH and in tmux.
    pub(super) fn copy(text: &str) -> io::Result<()> {
        write(CopyToClipboard::to_clipboard_from(text))
    }

    pub(super) fn ring() -> io::Result<()> {
        write(Print('\x07'))
    }

    /// Gives the terminal back, stops this process, and takes the terminal again when it is continued.
    pub(super) fn suspend(&mut self) -> Result<()> {
        restore();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
            .wrap_err("cannot stop this process")?;
        take(self.mouse)?;
        self.repaint().wrap_err("cannot draw after being continued")
    }
}

fn take(mouse: bool) -> Result<()> {
    enable_raw_mode().wrap_err("cannot switch the terminal to raw mode")?;
    OURS.store(true, Ordering::SeqCst);
    let Some(mut out) = writer() else { return Ok(()) };
    let taken = queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide);
    let taken = if mouse { taken.and_then(|()| queue!(out, EnableMouseCapture)) } else { taken };
    taken.and_then(|()| out.flush()).wrap_err("cannot write to the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    use std::io::Read as _;
    use std::num::NonZeroU16;

    /// Set in the process that is to panic with the terminal in its hands.
    const PANICS: &str = "COCKPIT_TEST_PANICS";

    #[test]
    fn a_panic_gives_the_terminal_back() {
        if std::env::var_os(PANICS).is_some() {
            restore_on_panic();
            let _terminal = Terminal::enter(true).unwrap();
            panic!("boom");
        }
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let settings = |pair: &portable_pty::PtyPair| {
            format!("{:?}", pair.master.get_termios().map(|t| (t.local_flags, t.input_flags)))
        };
        let before = settings(&pair);
        let mut again = CommandBuilder::new(std::env::current_exe().unwrap());
        again.args(["--exact", "runtime::terminal::tests::a_panic_gives_the_terminal_back", "--nocapture"]);
        again.env("TERM", "xterm-256color");
        again.env("RUST_BACKTRACE", "0");
        again.env(PANICS, "1");
        let mut child = pair.slave.spawn_command(again).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        assert!(!child.wait().unwrap().success());
        assert_eq!(settings(&pair), before);
        let nonzero = |n| NonZeroU16::new(n).unwrap();
        let mut screen = vt100::Parser::new(nonzero(24), nonzero(80), 0);
        while !screen.screen().contents().contains("test result") {
            screen.process(&bytes.recv().unwrap());
        }
        let screen = screen.screen();
        assert!(screen.contents().contains("boom"), "{}", screen.contents());
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }
}
