//! An Unleash as its administrator sees it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::check::holds;
use crate::{Checked, http_client};

/// The environments that a new Unleash has.
pub const DEVELOPMENT: &str = "development";
pub const PRODUCTION: &str = "production";

#[derive(Clone, Debug)]
pub struct Unleash {
    pub url: String,
    pub token: String,
}

impl Unleash {
    /// Returns the one that `UNLEASH_URL` and `UNLEASH_ADMIN_TOKEN` name.
    pub fn of_environment() -> Option<Self> {
        let [url, token] = ["UNLEASH_URL", "UNLEASH_ADMIN_TOKEN"].map(|name| std::env::var(name).ok());
        Some(Self { url: url?.trim_end_matches('/').to_owned(), token: token? })
    }

    /// Returns the same, or an error.
    pub fn find() -> Checked<Self> {
        Self::of_environment().ok_or_else(|| "no Unleash".into())
    }

    /// Asks its admin API; an answer without a body is `null`.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Checked<Value> {
        let url = format!("{}/api/admin/{path}", self.url);
        let mut request = http_client().request(method.parse()?, url).header("Authorization", &self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        holds(&format!("{method} {path}: {status} {text}"), status.is_success())?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Makes a flag with a name of its own, on for 25 % in development and for all in production.
    pub async fn create(&self, case: &str) -> Checked<String> {
        let name = format!("{case}-{}", Timestamp::now().as_nanosecond());
        let features = "projects/default/features";
        self.ask("POST", features, Some(json!({"name": name, "type": "release"}))).await?;
        let rollout = json!({
            "name": "flexibleRollout", "constraints": [], "segments": [],
            "parameters": {"rollout": "25", "stickiness": "default", "groupId": name},
        });
        let at = |environment: &str| format!("{features}/{name}/environments/{environment}");
        self.ask("POST", &format!("{}/strategies", at(DEVELOPMENT)), Some(rollout)).await?;
        for environment in [DEVELOPMENT, PRODUCTION] {
            self.ask("POST", &format!("{}/on", at(environment)), None).await?;
        }
        Ok(name)
    }

    /// How often the event log says that a flag was turned off in an environment.
    pub async fn times_off(&self, flag: &str, environment: &str) -> Checked<usize> {
        let found = self.ask("GET", &format!("search/events?feature=IS:{flag}&limit=100"), None).await?;
        let events = found["events"].as_array().cloned().unwrap_or_default();
        let is_off =
            |event: &&Value| event["type"] == "feature-environment-disabled" && event["environment"] == environment;
        Ok(events.iter().filter(is_off).count())
    }

    /// What its event log says was done to a flag in an environment, the oldest first.
    pub async fn log(&self, flag: &str, environment: &str) -> Checked<Vec<String>> {
        let found = self.ask("GET", &format!("search/events?feature=IS:{flag}&limit=100"), None).await?;
        let mut events = found["events"].as_array().cloned().unwrap_or_default();
        events.sort_by_key(|event| event["id"].as_u64());
        let here = events.iter().filter(|event| event["environment"] == environment);
        Ok(here.filter_map(|event| event["type"].as_str().map(str::to_owned)).collect())
    }

    /// The share that the first strategy of a flag lets in, as it is written.
    pub async fn rollout(&self, flag: &str, environment: &str) -> Checked<Value> {
        let feature = self.ask("GET", &format!("projects/default/features/{flag}"), None).await?;
        let environments = feature["environments"].as_array().cloned().unwrap_or_default();
        let here = environments.into_iter().find(|env| env["name"] == environment).unwrap_or_default();
        Ok(here["strategies"][0]["parameters"]["rollout"].clone())
    }

    /// Adds a tag to a flag.
    pub async fn tag(&self, flag: &str, value: &str) -> Checked {
        let tag = json!({"type": "simple", "value": value});
        self.ask("POST", &format!("features/{flag}/tags"), Some(tag)).await.map(drop)
    }

    /// Whether a flag is on in an environment.
    pub async fn is_on(&self, flag: &str, environment: &str) -> Checked<bool> {
        let feature = self.ask("GET", &format!("projects/default/features/{flag}"), None).await?;
        let environments = feature["environments"].as_array().cloned().unwrap_or_default();
        Ok(environments.iter().any(|env| env["name"] == environment && env["enabled"] == true))
    }
}
