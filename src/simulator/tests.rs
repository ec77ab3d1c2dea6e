//! The servers as clients see them, and the scenarios as people do.

mod api;
mod faults;
mod scenarios;

use std::time::Duration;

use serde_json::Value;

use super::{Cluster, Options, Scenario, Simulator};

/// Longest wait for anything; far more than it takes.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/payments/rollouts";

async fn start(scenario: &str, speed: f64) -> Simulator {
    let scenario = Scenario::load(scenario).unwrap();
    Simulator::start(&scenario, Options { speed, seed: 7 }).await.unwrap()
}

/// A client of one cluster as one person.
struct Client<'a> {
    cluster: &'a Cluster,
    token: &'a str,
    http: reqwest::Client,
}

impl<'a> Client<'a> {
    fn new(cluster: &'a Cluster, token: &'a str) -> Self {
        Self { cluster, token, http: support::http_client() }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.cluster.url())).bearer_auth(self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(reqwest::Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(reqwest::Method::POST, path).json(&body)).await
    }

    async fn patch(&self, path: &str, kind: &str, body: Value) -> (u16, Value) {
        let request = self.request(reqwest::Method::PATCH, path);
        answer(request.header("content-type", format!("application/{kind}")).body(body.to_string())).await
    }

    async fn merge(&self, path: &str, body: Value) -> (u16, Value) {
        self.patch(path, "merge-patch+json", body).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let code = response.status().as_u16();
    let text = response.text().await.unwrap();
    (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Reads a watch line by line.
struct Lines {
    response: reqwest::Response,
    rest: String,
}

impl Lines {
    fn of(response: reqwest::Response) -> Self {
        Self { response, rest: String::new() }
    }

    /// Returns the next event, `None` at the end; an error if the connection breaks.
    async fn next(&mut self) -> Result<Option<Value>, reqwest::Error> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let event = serde_json::from_str(line).unwrap();
                self.rest = rest.to_owned();
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.rest.push_str(std::str::from_utf8(&bytes).unwrap()),
                None => return Ok(None),
            }
        }
    }
}
