//! A connection with failpoints when a request has left and when its answer arrives.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use super::failpoint;

/// How far a write request has got on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteProgress {
    /// None is in progress.
    Idle,
    /// Its bytes are being handed over.
    Leaving,
    /// They are with the kernel: the server has them, or will.
    Left,
}

/// A connection above TLS. What it passes is bytes of HTTP/1.1: a request begins with its method.
#[derive(Debug)]
pub struct FailpointStream<S> {
    stream: S,
    stage: WriteProgress,
}

impl<S> FailpointStream<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, stage: WriteProgress::Idle }
    }

    fn note(&mut self, bytes: &[u8]) {
        // Asking what one may do is a POST, and changes nothing.
        let asks = bytes.windows(12).take(256).any(|part| part == b"/selfsubject");
        let writes = [&b"PATCH "[..], b"PUT ", b"POST ", b"DELETE "].iter().any(|method| bytes.starts_with(method));
        if writes && !asks {
            self.stage = WriteProgress::Leaving;
        }
    }
}

impl<S: Write + Unpin> Write for FailpointStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note(bytes);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if self.stage == WriteProgress::Leaving && matches!(flushed, Poll::Ready(Ok(()))) {
            self.stage = WriteProgress::Left;
            failpoint(format_args!("wire.request-left"));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Read + Unpin> Read for FailpointStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.stage == WriteProgress::Left && matches!(read, Poll::Ready(Ok(()))) {
            self.stage = WriteProgress::Idle;
            failpoint(format_args!("wire.answer-unread"));
        }
        read
    }
}

impl<S: Connection> Connection for FailpointStream<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
