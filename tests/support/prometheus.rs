//! A real Prometheus, and a real Alertmanager.

use std::process::Command;

use crate::check::Checked;
use crate::process::is_installed;
use crate::server::RealServer;

/// What has to be installed for a Prometheus that holds given samples.
pub const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];

/// A Prometheus with this configuration, which does not run yet.
pub fn prometheus(config: &str, options: &[&str]) -> Checked<RealServer> {
    let server = RealServer::new("prometheus", |data, address| {
        let own = [
            format!("--config.file={}", data.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", data.join("data").display()),
            format!("--web.listen-address={address}"),
        ];
        own.into_iter().chain(options.iter().map(|option| (*option).to_owned())).collect()
    })?;
    server.write("prometheus.yml", config)?;
    Ok(server)
}

/// Starts a Prometheus that holds the samples of an `OpenMetrics` text and scrapes nothing.
pub async fn prometheus_with(samples: &str, options: &[&str]) -> Checked<RealServer> {
    let mut server = prometheus("global: {scrape_interval: 1h}\n", options)?;
    server.write("samples.om", samples)?;
    let imported = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=24h"])
        .args([server.path("samples.om"), server.path("data")])
        .output()?;
    if !imported.status.success() {
        return Err(format!("promtool: {}", String::from_utf8_lossy(&imported.stderr)).into());
    }
    server.run().await?;
    Ok(server)
}

/// An Alertmanager with this configuration, which does not run yet.
pub fn alertmanager(config: &str) -> Checked<RealServer> {
    let server = RealServer::new("prometheus-alertmanager", |data, address| {
        vec![
            format!("--config.file={}", data.join("config.yml").display()),
            format!("--storage.path={}", data.join("data").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ]
    })?;
    server.write("config.yml", config)?;
    Ok(server)
}

/// A Prometheus process. Killed when dropped.
#[derive(Debug)]
pub struct RealPrometheus {
    pub url: String,
    _server: RealServer,
}

impl RealPrometheus {
    /// Starts one that holds the samples of an `OpenMetrics` text; says so and gives none where it is not installed.
    pub async fn start_with(text: &str) -> Option<Self> {
        if !PROGRAMS.into_iter().all(is_installed) {
            eprintln!("ignored: no prometheus");
            return None;
        }
        let server = prometheus_with(text, &["--storage.tsdb.retention.time=100y"]).await;
        let server = server.unwrap_or_else(|failure| panic!("{}", failure.message().unwrap_or_default()));
        Some(Self { url: server.url(), _server: server })
    }
}
