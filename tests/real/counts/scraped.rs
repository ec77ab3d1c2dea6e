//! A real Prometheus that scrapes the exporter.

use serde_json::{Value as Json, json};
use support::prometheus::prometheus;
use support::server::RealServer;
use support::{Checked, until};

use super::exporter::Exporter;

/// A Prometheus that scrapes pods every second.
pub struct Scraped {
    pub server: RealServer,
}

impl Scraped {
    pub async fn start(exporter: &Exporter, pods: &[&str]) -> Checked<Self> {
        let config = "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n\
             scrape_configs: [{job_name: web, file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]}]\n";
        let mut scraped = Self { server: prometheus(config, &[])? };
        scraped.target(exporter, pods)?;
        scraped.server.run().await?;
        Ok(scraped)
    }

    /// Says which pods there are.
    pub fn target(&self, exporter: &Exporter, pods: &[&str]) -> Checked {
        let target = |pod: &&str| {
            let labels = json!({
                "namespace": "shop", "pod": pod, "instance": pod, "__metrics_path__": format!("/{pod}"),
            });
            json!({"targets": [exporter.address], "labels": labels})
        };
        self.server.write("targets.json", &Json::Array(pods.iter().map(target).collect()).to_string())
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until it has scraped what a pod's counter reads.
    pub async fn has_seen(&self, exporter: &Exporter, pod: &str, code: &str) -> Checked {
        let (status, variant) = code.split_once(' ').unwrap_or((code, ""));
        let query = format!("http_requests_total{{pod=\"{pod}\",code=\"{status}\",variant=\"{variant}\"}}");
        until(&query, || async {
            let (theirs, ours) = (value(&self.server, &query).await, exporter.read(pod, code));
            let same = theirs.map(f64::to_bits) == ours.map(f64::to_bits);
            (same || theirs.zip(ours).is_some_and(|(a, b)| a.is_nan() && b.is_nan())).then_some(())
        })
        .await
    }
}

/// Returns the only number that a query gives; `None` without one.
pub async fn value(server: &RealServer, query: &str) -> Option<f64> {
    let url = format!("{}/api/v1/query", server.url());
    let answer = support::http_client().post(url).form(&[("query", query)]).send().await.ok()?;
    let json: Json = answer.json().await.ok()?;
    json["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}
