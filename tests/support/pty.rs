//! A program in a pseudo terminal, watched through a terminal emulator.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

pub use vt100;

use crate::process;
use crate::program::Program;

/// How long anything may take before a test gives up; generous, for machines that are busy.
const SCREEN_TIMEOUT: Duration = Duration::from_secs(60);

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// A program in a terminal. Killed when dropped.
pub struct Pty {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the terminal's settings can be read after the program ended.
    _slave: Box<dyn SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    before: String,
    /// Its home has to be there as long as it runs.
    _program: Program,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a size is not zero")
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().map(|t| (t.local_flags, t.input_flags, t.output_flags)))
}

impl Pty {
    pub(crate) fn start(program: &Program, arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo terminal");
        let (path, arguments) = program.line(arguments);
        let mut command = CommandBuilder::new(path);
        command.args(arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in program.environment() {
            command.env(name, value);
        }
        command.cwd(program.folder());
        let before = settings(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let parser = vt100::Parser::new(nonzero(rows), nonzero(columns), 0);
        let seen = Arc::new((Mutex::new(Seen { parser, bytes: Vec::new() }), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let mut seen = shared.0.lock().expect("not poisoned");
                seen.parser.process(&buffer[..n]);
                seen.bytes.extend_from_slice(&buffer[..n]);
                shared.1.notify_all();
            }
            shared.1.notify_all();
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self { seen, writer, master: pair.master, _slave: pair.slave, child, before, _program: program.clone() }
    }

    pub fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("the terminal takes keys");
    }

    /// Presses and releases the left button on a text, in the SGR encoding.
    #[track_caller]
    pub fn click(&mut self, text: &str) {
        self.wait_text(text);
        let place = self.look(|screen| {
            let rows = screen.contents();
            let found = rows.lines().enumerate().find_map(|(row, line)| Some((row, line.split_once(text)?.0)));
            found.map(|(row, before)| (before.chars().count() + 1, row + 1))
        });
        let (column, row) = place.expect("it was there a moment ago");
        self.send(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// How many bytes were written to the terminal.
    pub fn written(&self) -> u64 {
        self.seen.0.lock().expect("not poisoned").bytes.len() as u64
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        self.seen.0.lock().expect("not poisoned").parser.screen().contents()
    }

    /// All bytes that the terminal got so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.0.lock().expect("not poisoned").bytes.clone()
    }

    pub fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.seen.0.lock().expect("not poisoned").parser.screen())
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub fn wait(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let until = Instant::now() + SCREEN_TIMEOUT;
        let mut seen = self.seen.0.lock().expect("not poisoned");
        while !wanted(seen.parser.screen()) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never seen: {what}\n{}", seen.parser.screen().contents());
            seen = self.seen.1.wait_timeout(seen, left).expect("not poisoned").0;
        }
    }

    #[track_caller]
    pub fn wait_text(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits 100 ms for a text to go away; returns whether it did.
    pub fn gone_soon(&self, text: &str) -> bool {
        let seen = self.seen.0.lock().expect("not poisoned");
        let there = |seen: &mut Seen| seen.parser.screen().contents().contains(text);
        let waited = self.seen.1.wait_timeout_while(seen, Duration::from_millis(100), there);
        !waited.expect("not poisoned").1.timed_out()
    }

    /// Answers `y` to a dialog until it closes: one that comes within 300 ms of its opening does not count.
    #[track_caller]
    pub fn confirm(&mut self, dialog: &str) {
        self.wait_text(dialog);
        let until = Instant::now() + SCREEN_TIMEOUT;
        loop {
            self.send("y");
            if self.gone_soon(dialog) {
                return;
            }
            assert!(Instant::now() < until, "{dialog} cannot be answered:\n{}", self.text());
        }
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.0.lock().expect("not poisoned");
        seen.parser.set_size(nonzero(rows), nonzero(columns));
        drop(seen);
        self.master.resize(size(columns, rows)).expect("a new size");
    }

    /// Reads nothing any more, has more drawn than a terminal takes unread, and presses a last key; returns the exit code.
    #[track_caller]
    pub fn exit_unread(&mut self, last: &str) -> u32 {
        let shared = Arc::clone(&self.seen);
        let _deaf = shared.0.lock().expect("not poisoned");
        for round in 0..40_u16 {
            self.master.resize(size(120 + round % 2 * 80, 36 + round % 2 * 20)).expect("a new size");
            self.writer.write_all(if round % 2 == 0 { b"2" } else { b"1" }).expect("the program reads keys");
        }
        self.writer.write_all(last.as_bytes()).expect("the program reads keys");
        let until = Instant::now() + SCREEN_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.exit_code();
            }
            assert!(Instant::now() < until, "it does not end while nobody reads");
            std::thread::yield_now();
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    /// Sends a signal, e.g. `TERM`.
    pub fn signal(&self, signal: &str) {
        process::signal(self.pid(), signal);
    }

    /// Waits for the end and returns the exit code.
    #[track_caller]
    pub fn exit(&mut self) -> u32 {
        let until = Instant::now() + SCREEN_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.exit_code();
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            std::thread::yield_now();
        }
    }

    /// What the terminal is left in: nothing of ours may stay.
    pub fn leftovers(&self) -> Vec<&'static str> {
        let modes = self.look(|screen| {
            [
                (screen.alternate_screen(), "alternate screen"),
                (screen.hide_cursor(), "hidden cursor"),
                (screen.bracketed_paste(), "bracketed paste"),
                (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "mouse"),
            ]
        });
        let same = settings(&*self.master) == self.before;
        modes.into_iter().chain([(!same, "raw mode")]).filter(|(left, _)| *left).map(|(_, what)| what).collect()
    }

    /// Waits until nothing of ours is left in the terminal.
    #[track_caller]
    pub fn wait_clean(&self) {
        let until = Instant::now() + SCREEN_TIMEOUT;
        while !self.leftovers().is_empty() {
            assert!(Instant::now() < until, "left in the terminal: {:?}", self.leftovers());
            std::thread::yield_now();
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
