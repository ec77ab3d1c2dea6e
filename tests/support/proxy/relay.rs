//! The way to a server, byte by byte: it can be closed, and every connection on it can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use tokio::io::{AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::io::InspectReader;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::check::Checked;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    Open,
    Closed,
    /// Open, and connections do not end but are reset.
    Resets,
}

/// A relay on a port of its own that stays the same; gone when dropped.
pub struct Relay {
    port: u16,
    /// The way, and how often all connections were cut.
    state: watch::Sender<(Way, u32)>,
    /// When the first PATCH since the last look began, where it is not encrypted.
    patched: watch::Sender<Option<Instant>>,
    _end: DropGuard,
}

impl Relay {
    /// Opens one to a server.
    pub async fn to(server: SocketAddr) -> Checked<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (state, patched, end) =
            (watch::Sender::new((Way::Open, 0)), watch::Sender::new(None), CancellationToken::new());
        let connection = Connection { server, state: state.subscribe(), patched: patched.clone(), ended: end.clone() };
        let ended = end.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = serve(listener, connection) => {}
                () = ended.cancelled() => {}
            }
        });
        Ok(Self { port, state, patched, _end: end.drop_guard() })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the way, and cuts every connection.
    pub fn change(&self, way: Way) {
        self.state.send_modify(|(now, cuts)| (*now, *cuts) = (way, *cuts + 1));
    }

    /// Forgets when a PATCH came.
    pub fn forget(&self) {
        self.patched.send_replace(None);
    }

    /// Waits for the first PATCH since then; returns when it came.
    pub async fn next_patch(&self) -> Checked<Instant> {
        let at = *self.patched.subscribe().wait_for(Option::is_some).await?;
        Ok(at.ok_or("no PATCH came")?)
    }
}

#[derive(Clone)]
struct Connection {
    server: SocketAddr,
    state: watch::Receiver<(Way, u32)>,
    patched: watch::Sender<Option<Instant>>,
    ended: CancellationToken,
}

async fn serve(listener: TcpListener, mut connection: Connection) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let way = connection.state.borrow_and_update().0;
        match (way, &listener) {
            (Way::Closed, _) => listener = None,
            (_, None) => match TcpListener::bind(address).await {
                Ok(again) => listener = Some(again),
                // Connections that are just ending may still hold the port.
                Err(_) => tokio::task::yield_now().await,
            },
            _ => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None if way == Way::Closed => std::future::pending().await,
                None => Err(std::io::ErrorKind::AddrInUse.into()),
            }
        };
        let carrier = connection.clone();
        tokio::select! {
            accepted = accepted => if let Ok((client, _)) = accepted {
                tokio::spawn(carrier.carry(client));
            },
            changed = connection.state.changed() => if changed.is_err() { return },
        }
    }
}

impl Connection {
    /// Carries one connection until an end of it closes, or it is cut.
    async fn carry(mut self, mut client: TcpStream) {
        // What was changed before this connection came does not concern it.
        self.state.mark_unchanged();
        let Ok(mut server) = TcpStream::connect(self.server).await else { return };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
        }
        tokio::select! {
            _ = copy_both(&mut client, &mut server, &self.patched) => {}
            _ = self.state.changed() => {}
            () = self.ended.cancelled() => {}
        }
        if self.state.borrow().0 == Way::Resets {
            let _ = client.set_zero_linger();
        }
    }
}

async fn copy_both(
    client: &mut TcpStream,
    server: &mut TcpStream,
    patched: &watch::Sender<Option<Instant>>,
) -> std::io::Result<()> {
    let ((from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
    let there = async {
        let mut inspected = InspectReader::new(from_client, |bytes| {
            if bytes.starts_with(b"PATCH ") {
                patched.send_if_modified(|at| at.is_none().then(|| *at = Some(Instant::now())).is_some());
            }
        });
        copy(&mut inspected, &mut to_server).await?;
        to_server.shutdown().await
    };
    let back = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(there, back).map(|_| ())
}
