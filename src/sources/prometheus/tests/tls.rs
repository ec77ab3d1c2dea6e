//! Trust in the server's certificate.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::SignedDuration;

use super::settings;
use crate::config::Prometheus;
use crate::platform::Redactor;
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::trouble::QueryError;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("ignored: no openssl");
        return;
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Command::new("openssl")
        .args(["s_server", "-www", "-quiet", "-accept", &free.to_string()])
        .args(["-key", &path("key.pem"), "-cert", &path("cert.pem")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Killed(server.unwrap());
    let mut settings = settings(&format!("https://{free}"));
    settings.timeout = SignedDuration::from_secs(2);
    let stranger = PrometheusClient::new(&settings, &Redactor::default()).await.unwrap();
    let mut error = stranger.query("up").await.unwrap_err();
    for _ in 0..1200 {
        if !matches!(error, QueryError::Unreachable { .. }) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        error = stranger.query("up").await.unwrap_err();
    }
    assert!(matches!(error, QueryError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("set `ca_file`"), "{error}");
    settings.timeout = SignedDuration::from_millis(500);
    let trusting = Prometheus { ca_file: Some(path("cert.pem").into()), ..settings.clone() };
    let careless = Prometheus { insecure: true, ..settings };
    for settings in [trusting, careless] {
        let friend = PrometheusClient::new(&settings, &Redactor::default()).await.unwrap();
        // It speaks no HTTP that we could read, but it was let in.
        let error = friend.query("up").await.unwrap_err();
        assert!(!matches!(error, QueryError::Tls { .. } | QueryError::Unreachable { .. }), "{error:?}");
    }
}
