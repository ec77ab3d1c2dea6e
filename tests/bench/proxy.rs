//! A relay in front of an API server without TLS that takes the time of every write.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

pub struct Proxy {
    address: SocketAddr,
    patches: Receiver<Instant>,
}

impl Proxy {
    /// Relays to a server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, patches) = channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                relay(client, server, sender.clone());
            }
        });
        Self { address, patches }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Forgets the writes so far.
    pub fn forget(&self) {
        while self.patches.try_recv().is_ok() {}
    }

    /// Returns when the next write arrived.
    pub fn next_patch(&self) -> Instant {
        self.patches.recv_timeout(Duration::from_secs(30)).expect("a PATCH on the wire")
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a thread of its own takes them")]
fn relay(client: TcpStream, server: TcpStream, patches: Sender<Instant>) {
    let both = || Some((client.try_clone().ok()?, server.try_clone().ok()?));
    let (Some(there), Some(back)) = (both(), both()) else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    thread::spawn(move || {
        copy(there.0, there.1, |bytes| {
            if bytes.starts_with(b"PATCH ") {
                let _ = patches.send(Instant::now());
            }
        });
    });
    thread::spawn(move || copy(back.1, back.0, |_| {}));
}

fn copy(mut from: TcpStream, mut to: TcpStream, seen: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        seen(&buffer[..n]);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
