//! The way to a server, byte by byte: it can be closed, and every connection on it can be cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Checked;

/// How the way is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Open.
    #[default]
    Open,
    /// Nobody listens.
    Closed,
    /// Open, and connections do not end but are reset.
    Resets,
}

/// A relay on a port of its own that stays the same; gone when dropped.
pub struct Relay {
    port: u16,
    /// The way, and how often all connections were cut.
    state: watch::Sender<(Way, u32)>,
    _end: DropGuard,
}

impl Relay {
    /// Opens one to a server.
    pub async fn to(server: SocketAddr) -> Checked<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = watch::Sender::new((Way::Open, 0));
        let end = CancellationToken::new();
        let (watched, ended) = (state.subscribe(), end.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serve(listener, server, watched, ended.clone()) => {}
                () = ended.cancelled() => {}
            }
        });
        Ok(Self { port, state, _end: end.drop_guard() })
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the way, and cuts every connection.
    pub fn change(&self, way: Way) {
        self.state.send_modify(|(now, cuts)| (*now, *cuts) = (way, *cuts + 1));
    }
}

async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    mut state: watch::Receiver<(Way, u32)>,
    ended: CancellationToken,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let way = state.borrow_and_update().0;
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
        tokio::select! {
            accepted = accepted => if let Ok((client, _)) = accepted {
                tokio::spawn(carry(client, server, state.clone(), ended.clone()));
            },
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

/// Carries one connection until an end of it closes, or it is cut.
async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    mut state: watch::Receiver<(Way, u32)>,
    ended: CancellationToken,
) {
    // What was changed before this connection came does not concern it.
    state.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.changed() => {}
        () = ended.cancelled() => {}
    }
    if state.borrow().0 == Way::Resets {
        let _ = client.set_zero_linger();
    }
}
