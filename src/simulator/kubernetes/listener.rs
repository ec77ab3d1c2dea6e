//! The TCP side of a simulated API server: connections that can be cut, and a port that can go away and come back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::faults::Faults;

/// Accepts connections while the server is not away.
#[derive(Debug)]
pub struct ApiListener {
    address: SocketAddr,
    /// Bound but never listening: while the server is away the port stays ours and connections are refused.
    _guard: TcpSocket,
    listener: Option<TcpListener>,
    faults: Faults,
    shutdown: CancellationToken,
}

impl ApiListener {
    /// Opens a free port on 127.0.0.1.
    pub fn open(faults: Faults, shutdown: CancellationToken) -> io::Result<Self> {
        let guard = socket()?;
        guard.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = guard.local_addr()?;
        let listener = Some(listen(address)?);
        Ok(Self { address, _guard: guard, listener, faults, shutdown })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut outages = self.faults.outages();
        if *outages.borrow_and_update() {
            self.listener = None;
            // The sender lives in `self.faults`.
            let _ = outages.wait_for(|down| !*down).await;
        }
        let listener = match &mut self.listener {
            Some(listener) => listener,
            closed => closed.insert(listen(self.address)?),
        };
        tokio::select! {
            accepted = TcpListener::accept(listener) => accepted,
            _ = outages.changed() => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket()?;
    socket.bind(address)?;
    socket.listen(1024)
}

impl Listener for ApiListener {
    type Io = ApiConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ApiConnection, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.next().await {
                if self.faults.is_down() {
                    let _ = stream.set_zero_linger();
                    continue;
                }
                // Small answers must not wait for more: latency is what clients measure.
                let _ = stream.set_nodelay(true);
                let cut = self.faults.connection();
                return (ApiConnection::new(stream, cut, &self.shutdown), address);
            }
            tokio::task::yield_now().await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that resets when its token is cancelled.
pub struct ApiConnection {
    stream: TcpStream,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl ApiConnection {
    fn new(stream: TcpStream, cut: CancellationToken, shutdown: &CancellationToken) -> Self {
        let both = cut.clone();
        let (shutdown, own) = (shutdown.clone(), cut.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => own.cancel(),
                () = own.cancelled() => {}
            }
        });
        Self { stream, cancelled: Box::pin(both.cancelled_owned()), cut }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cancelled.as_mut().poll(cx).is_ready() {
            // Resets instead of closing: what a client sees when a server dies.
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for ApiConnection {
    fn drop(&mut self) {
        if self.cut.is_cancelled() {
            let _ = self.stream.set_zero_linger();
        }
        // Ends the task that listens for the shutdown.
        self.cut.cancel();
    }
}

impl AsyncRead for ApiConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ApiConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a handler knows of the connection it answers on.
#[derive(Debug, Clone)]
pub struct Connection {
    cut: CancellationToken,
}

impl Connection {
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Returns the token that is cancelled when the connection is cut.
    pub fn token(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Connected<IncomingStream<'_, ApiListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, ApiListener>) -> Self {
        Self { cut: stream.io().cut.clone() }
    }
}
