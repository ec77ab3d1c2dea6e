//! Certificate authorities of the tests, and a listener that answers with a certificate of one of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::check::Checked;

/// A certificate authority with one certificate for 127.0.0.1.
pub struct Authority {
    folder: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

/// The one that kubeconfigs of the tests name, and another one that nobody trusts. OpenSSL makes them.
pub struct Authorities {
    pub trusted: Authority,
    pub other: Authority,
}

impl Authorities {
    pub fn make() -> Checked<Self> {
        Ok(Self { trusted: Authority::make("one")?, other: Authority::make("other")? })
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> Checked {
    let made = Command::new("openssl").args(arguments).current_dir(folder).stdin(Stdio::null()).output()?;
    if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned().into()) }
}

impl Authority {
    fn make(name: &str) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let request = |key: &'static str, out: &'static str| {
            let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
            [["req", "-x509", "-days", "2", "-keyout", key, "-out", out].as_slice(), &curve].concat()
        };
        let subject = format!("/CN=authority {name}");
        let mut own = request("ca.key", "ca.pem");
        own.extend(["-subj", &subject, "-addext", "keyUsage=critical,keyCertSign"]);
        openssl(folder.path(), &own)?;
        let mut signed = request("server.key", "server.pem");
        signed.extend(["-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=kube-apiserver"]);
        signed.extend(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl(folder.path(), &signed)?;
        let chain = vec![CertificateDer::from_pem_file(folder.path().join("server.pem"))?];
        let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key"))?;
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { folder, server: Arc::new(server) })
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a server needs to answer with its certificate.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

/// The certificate that is shown to whoever connects next.
pub type Shown = Arc<Mutex<Arc<ServerConfig>>>;

/// A listener that speaks TLS. A handshake that does not end holds up nobody else.
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Makes it from one without.
    pub fn over(listener: TcpListener, shown: Shown) -> std::io::Result<Self> {
        let (sender, ready) = mpsc::channel(16);
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&shown.lock().unwrap_or_else(PoisonError::into_inner)));
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = sender.send((stream, from)).await;
                    }
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
