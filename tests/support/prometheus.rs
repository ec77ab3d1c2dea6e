//! A real Prometheus that holds given samples.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A Prometheus process. Killed when dropped.
#[derive(Debug)]
pub struct RealPrometheus {
    process: Child,
    /// Its base URL.
    pub url: String,
    _data: tempfile::TempDir,
}

impl Drop for RealPrometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

impl RealPrometheus {
    /// Starts one that holds the samples of an `OpenMetrics` text; says so and gives none where it is not installed.
    pub async fn start_with(text: &str) -> Option<Self> {
        if !installed("prometheus") || !installed("promtool") {
            eprintln!("ignored: no prometheus");
            return None;
        }
        let data = tempfile::tempdir().unwrap();
        let path = |name: &str| data.path().join(name).display().to_string();
        fs::write(path("samples.om"), text).unwrap();
        fs::write(path("prometheus.yml"), "global: {scrape_interval: 1h}\n").unwrap();
        let imported = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=24h"])
            .args([path("samples.om"), path("data")])
            .output()
            .unwrap();
        assert!(imported.status.success(), "{imported:?}");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml")))
            .arg(format!("--storage.tsdb.path={}", path("data")))
            .arg(format!("--web.listen-address={free}"))
            .arg("--storage.tsdb.retention.time=100y")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let real = Self { process, url: format!("http://{free}"), _data: data };
        for _ in 0..200 {
            let ready = reqwest::get(format!("{}/-/ready", real.url)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Some(real);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("prometheus did not become ready");
    }
}
