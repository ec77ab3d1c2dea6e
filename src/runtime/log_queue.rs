//! A queue before the log's file: whoever logs never waits for the disk.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Events that may be queued; while there are as many, further ones are dropped.
const MAX_QUEUED: usize = 16_384;
/// How long the end of the program waits for what is queued.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes events for the thread that writes them; takes none once it ended.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Mutex<Option<SyncSender<Vec<u8>>>>>);

/// Writes what is queued before it is gone.
pub(super) struct LogGuard {
    queue: LogQueue,
    /// Closed when everything is written.
    written: Receiver<()>,
}

/// Starts a thread that writes what is queued.
///
/// # Errors
/// The system starts no thread.
pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<(LogQueue, LogGuard)> {
    let (sender, events) = sync_channel(MAX_QUEUED);
    let (done, written) = sync_channel(0);
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_all(&events, to);
        drop(done);
    })?;
    let queue = LogQueue(Arc::new(Mutex::new(Some(sender))));
    Ok((queue.clone(), LogGuard { queue, written }))
}

fn write_all(events: &Receiver<Vec<u8>>, mut to: impl Write) {
    for event in events {
        // There is no other place to tell that the disk takes no log.
        let _ = to.write_all(&event);
    }
    let _ = to.flush();
}

impl Write for LogQueue {
    /// Takes a whole event: the subscriber formats it before it writes.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if let Some(sender) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = sender.try_send(event.to_owned());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        *self.queue.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = self.written.recv_timeout(FLUSH_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that takes the next event only when it is let.
    struct Gated {
        let_in: Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.let_in.recv();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_queued_is_written_before_the_end() {
        let (open, let_in) = sync_channel(0);
        let taken = Arc::default();
        let (mut queue, guard) = start(Gated { let_in, taken: Arc::clone(&taken) }).unwrap();
        for line in ["a\n", "b\n", "c\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        drop(open);
        drop(guard);
        assert_eq!(*taken.lock().unwrap(), b"a\nb\nc\n");
        queue.write_all(b"late\n").unwrap();
        assert_eq!(*taken.lock().unwrap(), b"a\nb\nc\n");
    }

    #[test]
    fn a_disk_that_hangs_holds_nobody_up() {
        let (open, let_in) = sync_channel(0);
        let taken = Arc::default();
        let (mut queue, guard) = start(Gated { let_in, taken: Arc::clone(&taken) }).unwrap();
        for _ in 0..MAX_QUEUED + 10 {
            queue.write_all(b"x").unwrap();
        }
        drop(open);
        drop(guard);
        let taken = taken.lock().unwrap().len();
        assert!((MAX_QUEUED..=MAX_QUEUED + 1).contains(&taken), "{taken}");
    }
}
