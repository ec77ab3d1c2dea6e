//! A real Prometheus.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::exporter::Exporter;
use crate::{Checked, until};

/// A Prometheus with its data. Killed when dropped.
pub struct Prometheus {
    process: Option<Child>,
    address: String,
    data: tempfile::TempDir,
    options: Vec<String>,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Prometheus {
    /// Starts one that scrapes pods every second.
    pub async fn scraping(exporter: &Exporter, pods: &[&str]) -> Checked<Self> {
        let mut server = Self::new(
            "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n\
             scrape_configs: [{job_name: web, file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]}]\n",
        )?;
        server.target(exporter, pods)?;
        server.run().await?;
        Ok(server)
    }

    /// Starts one that holds the samples of an `OpenMetrics` text and scrapes nothing.
    pub async fn holding(text: &str, options: &[&str]) -> Checked<Self> {
        let mut server = Self::new("global: {scrape_interval: 1h}\n")?;
        server.options = options.iter().map(|option| (*option).to_owned()).collect();
        fs::write(server.path("samples.om"), text)?;
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

    fn new(config: &str) -> Checked<Self> {
        let data = tempfile::tempdir()?;
        fs::write(data.path().join("prometheus.yml"), config)?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { process: None, address: free.to_string(), data, options: Vec::new() })
    }

    /// Says which pods there are.
    pub fn target(&self, exporter: &Exporter, pods: &[&str]) -> Checked {
        let target = |pod: &&str| {
            let labels = json!({
                "namespace": "shop", "pod": pod, "instance": pod, "__metrics_path__": format!("/{pod}"),
            });
            json!({"targets": [exporter.address], "labels": labels})
        };
        let text = Json::Array(pods.iter().map(target).collect()).to_string();
        // Replaced as a whole: it is read whenever it changes.
        let new = self.path("targets.new");
        fs::write(&new, text)?;
        fs::rename(new, self.path("targets.json"))?;
        Ok(())
    }

    /// Starts the process and waits until it answers.
    pub async fn run(&mut self) -> Checked {
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", self.path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", self.path("data").display()))
            .arg(format!("--web.listen-address={}", self.address))
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.process = Some(process);
        let url = format!("{}/-/ready", self.url());
        until("a prometheus that is ready", || async {
            reqwest::get(&url).await.ok().filter(|answer| answer.status().is_success())
        })
        .await?;
        Ok(())
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the only number that a query gives; `None` without one.
    pub async fn value(&self, query: &str) -> Option<f64> {
        let url = format!("{}/api/v1/query", self.url());
        let answer = reqwest::Client::new().post(url).form(&[("query", query)]).send().await.ok()?;
        let json: Json = answer.json().await.ok()?;
        json["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Waits until it has scraped what a pod's counter reads.
    pub async fn has_seen(&self, exporter: &Exporter, pod: &str, code: &str) -> Checked {
        let query = format!("http_requests_total{{pod=\"{pod}\",code=\"{code}\"}}");
        until(&query, || async {
            let (theirs, ours) = (self.value(&query).await, exporter.read(pod, code));
            let same = theirs.map(f64::to_bits) == ours.map(f64::to_bits);
            (same || theirs.zip(ours).is_some_and(|(a, b)| a.is_nan() && b.is_nan())).then_some(())
        })
        .await
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.data.path()).join(name)
    }
}
