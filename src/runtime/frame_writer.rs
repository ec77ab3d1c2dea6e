//! Writes to the terminal on a thread of its own: one that does not read (a hung SSH connection, a stopped multiplexer)
//! stops neither the loop nor what acts by itself.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long the terminal is waited for when it is given back.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(300);

/// No more frames than this wait for a terminal that does not read; later ones are not drawn.
const MAX_WAITING_FRAMES: usize = 4;

/// Collects what is written, and hands it to the thread when flushed.
#[derive(Clone)]
pub(super) struct FrameWriter {
    collected: Vec<u8>,
    queue: mpsc::Sender<Vec<u8>>,
    pending: Arc<AtomicUsize>,
}

impl FrameWriter {
    /// Starts the thread; it ends with the last writer, or when the terminal is gone.
    pub(super) fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, handed) = mpsc::channel::<Vec<u8>>();
        let pending = Arc::<AtomicUsize>::default();
        let done = Arc::clone(&pending);
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            while let Ok(bytes) = handed.recv() {
                let written = out.write_all(&bytes).and_then(|()| out.flush());
                done.fetch_sub(1, Ordering::AcqRel);
                if written.is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { collected: Vec::new(), queue, pending })
    }

    /// Returns whether the terminal takes less than it is given.
    pub(super) fn is_busy(&self) -> bool {
        self.pending.load(Ordering::Acquire) >= MAX_WAITING_FRAMES
    }

    fn is_idle(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Waits until the terminal has taken everything, but not for ever; returns whether it has.
    pub(super) fn drain(&self) -> bool {
        let step = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while !self.is_idle() && waited < LAST_WORDS_TIMEOUT {
            std::thread::sleep(step);
            waited += step;
        }
        self.is_idle()
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.collected.is_empty() {
            return Ok(());
        }
        self.pending.fetch_add(1, Ordering::AcqRel);
        let handed = self.queue.send(std::mem::take(&mut self.collected));
        handed.map_err(|_| {
            self.pending.store(0, Ordering::Release);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what is written only when it is told to.
    struct Deaf {
        reads: mpsc::Receiver<()>,
        taken: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Deaf {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.reads.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_does_not_read_holds_up_nobody_and_misses_nothing() {
        let ((read, reads), (taken, seen)) = (mpsc::channel(), mpsc::channel());
        let mut writer = FrameWriter::start(Deaf { reads, taken }).unwrap();
        let frames = ["one", "two", "three", "four"];
        for frame in frames {
            assert!(!writer.is_busy());
            writer.write_all(frame.as_bytes()).unwrap();
            writer.flush().unwrap();
        }
        assert!(writer.is_busy() && !writer.drain());
        for frame in frames {
            read.send(()).unwrap();
            assert_eq!(seen.recv().unwrap(), frame.as_bytes());
        }
        assert!(writer.drain());
    }

    #[test]
    fn a_terminal_that_is_gone_is_an_error() {
        let ((read, reads), (taken, _seen)) = (mpsc::channel::<()>(), mpsc::channel());
        drop(read);
        let mut writer = FrameWriter::start(Deaf { reads, taken }).unwrap();
        // Ends once the thread has seen it.
        while writer.write_all(b"frame").and_then(|()| writer.flush()).is_ok() {}
    }
}
