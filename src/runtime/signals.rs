//! Signals that end or stop the program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownRequest {
    End(u8),
    Stop,
}

/// The signals that are listened to.
pub(super) struct Signals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    stop: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> ShutdownRequest {
        tokio::select! {
            _ = self.terminate.recv() => ShutdownRequest::End(143),
            _ = self.hangup.recv() => ShutdownRequest::End(129),
            _ = self.interrupt.recv() => ShutdownRequest::End(130),
            _ = self.stop.recv() => ShutdownRequest::Stop,
        }
    }
}
