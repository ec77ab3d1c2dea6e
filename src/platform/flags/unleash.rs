//! A client of the admin API of Unleash. It never retries.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::http::{Api, Place, fit_for_a_path};
use super::{FlagError, Known, ListsFlags, Login};
use crate::domain::facts::flag::unleash::{self, GradualRollout, RolloutStrategy};
use crate::domain::facts::flag::{Flag, FlagChange, Share};
use crate::platform::Redactor;

/// Largest answer that is read, in bytes: 5,000 flags are some 3 MB.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// Most that the search gives in one page.
const PAGE: usize = 100;
/// Most pages that are asked for.
const MAX_PAGES: usize = 100;
/// Events that are looked through for who changed a flag last.
const MAX_EVENTS: usize = 1000;
/// The API that people and programs administer flags with.
const ADMIN: [&str; 2] = ["api", "admin"];

/// A client for one project and environment. Cheap to clone.
#[derive(Clone)]
pub struct Unleash {
    api: Api,
    place: Place,
}

/// A flag as it was read.
pub struct Read {
    pub flag: Flag,
    /// What its share is changed from, or why it cannot be set.
    pub rollout: Result<GradualRollout, String>,
}

impl ListsFlags for Unleash {
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(self.list(&mut known.owners))
    }
}

impl Unleash {
    /// Makes it; nothing is asked yet.
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: Place, login: Login, redactor: Redactor) -> Result<Self, String> {
        Ok(Self { api: Api::new(&place.url, login, redactor)?, place })
    }

    /// Reads all flags of the project. Who made them, who gets them and who changed them last is read as far as the token
    /// may.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn list(&self, owners: &mut BTreeMap<String, Option<String>>) -> Result<Vec<Flag>, FlagError> {
        let features = self.features(&[]);
        let (answer, export, changes) =
            tokio::join!(self.ask(Method::GET, features, None), self.export(), self.changes());
        let strategies = export.as_ref().and_then(unleash::strategies);
        let mut tickets = export.as_ref().map(unleash::tickets).unwrap_or_default();
        let (answer, environment) = (answer?, &self.place.environment);
        let mut flags = unleash::list(&answer, environment, strategies.as_ref()).ok_or_else(not_readable)?;
        if unleash::lacks_environment(&answer, environment) {
            return Err(self.place.no_environment());
        }
        if flags.iter().any(|flag| !owners.contains_key(&flag.name)) {
            self.read_owners(owners).await;
            let names: BTreeSet<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
            owners.retain(|name, _| names.contains(name.as_str()));
            // What the search does not name is not asked for again each time.
            for flag in &flags {
                owners.entry(flag.name.clone()).or_default();
            }
        }
        for flag in &mut flags {
            flag.owner = owners.get(&flag.name).cloned().flatten();
            flag.changes = changes.get(&flag.name).cloned().unwrap_or_default();
            flag.ticket = flag.ticket.take().or_else(|| tickets.remove(&flag.name));
        }
        flags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(flags)
    }

    /// Reads one flag; `None` where it is archived or deleted.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn flag(&self, name: &str) -> Result<Option<Flag>, FlagError> {
        Ok(self.read(name).await?.map(|read| read.flag))
    }

    /// The same, with what its share is changed from.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<Read>, FlagError> {
        fit_for_a_path(name)?;
        let answer = match self.ask(Method::GET, self.features(&[name]), None).await {
            Ok(answer) => answer,
            Err(FlagError::Status(404, _)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let environment = &self.place.environment;
        if answer["archived"] != true && !unleash::has_environment(&answer, environment) {
            return Err(self.place.no_environment());
        }
        let flag = unleash::feature(&answer, environment);
        Ok(flag.map(|flag| Read { flag, rollout: GradualRollout::of(&answer, environment) }))
    }

    /// Turns a flag on or off, once. Nothing is made conditional: Unleash has no way to.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn turn(&self, name: &str, to: &str) -> Result<(), FlagError> {
        fit_for_a_path(name)?;
        let url = self.features(&[name, "environments", &self.place.environment, to]);
        self.api.send(self.api.request(Method::POST, url)).await.map(|_| ())
    }

    /// Changes the share of a strategy, once, where it still is what was read. This turns no flag on.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn set_share(&self, name: &str, strategy: &RolloutStrategy, share: Share) -> Result<(), FlagError> {
        let url = self.strategies_of(name, &[&strategy.id])?;
        self.write(Method::PATCH, url, &strategy.patch(share)).await
    }

    /// Adds a strategy that lets a share of users in, once. This turns no flag on.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn add_share(&self, name: &str, share: Share) -> Result<(), FlagError> {
        self.write(Method::POST, self.strategies_of(name, &[])?, &unleash::strategy(name, share)).await
    }

    fn strategies_of(&self, name: &str, rest: &[&str]) -> Result<Url, FlagError> {
        fit_for_a_path(name)?;
        let of_flag = [name, "environments", self.place.environment.as_str(), "strategies"];
        Ok(self.features(&[&of_flag[..], rest].concat()))
    }

    async fn write(&self, method: Method, url: Url, body: &Value) -> Result<(), FlagError> {
        let request = self.api.request(method, url).header(CONTENT_TYPE, "application/json");
        self.api.send(request.body(body.to_string())).await.map(|_| ())
    }

    /// Reads what lists have not: strategies and links.
    async fn export(&self) -> Option<Value> {
        let url = self.url(&["features-batch", "export"]);
        let what = json!({"environment": self.place.environment, "project": self.place.project});
        self.ask(Method::POST, url, Some(what)).await.ok()
    }

    async fn changes(&self) -> BTreeMap<String, Vec<FlagChange>> {
        let mut url = self.url(&["search", "events"]);
        url.query_pairs_mut()
            .append_pair("project", &format!("IS:{}", self.place.project))
            .append_pair("limit", &MAX_EVENTS.to_string());
        let events = self.ask(Method::GET, url, None).await;
        events.map(|events| unleash::changes(&events, &self.place.environment)).unwrap_or_default()
    }

    async fn read_owners(&self, owners: &mut BTreeMap<String, Option<String>>) {
        for page in 0..MAX_PAGES {
            let mut url = self.url(&["search", "features"]);
            url.query_pairs_mut()
                .append_pair("project", &format!("IS:{}", self.place.project))
                .append_pair("limit", &PAGE.to_string())
                .append_pair("offset", &(page * PAGE).to_string());
            let Ok(answer) = self.ask(Method::GET, url, None).await else { return };
            let found = unleash::owners(&answer);
            let is_last = found.len() < PAGE;
            owners.extend(found);
            if is_last {
                return;
            }
        }
    }

    fn features(&self, rest: &[&str]) -> Url {
        let project = ["projects", self.place.project.as_str(), "features"];
        self.url(&[&project[..], rest].concat())
    }

    fn url(&self, parts: &[&str]) -> Url {
        self.place.at(&[&ADMIN, parts].concat())
    }

    async fn ask(&self, method: Method, url: Url, body: Option<Value>) -> Result<Value, FlagError> {
        let mut request = self.api.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        self.api.ask(request, MAX_ANSWER_BYTES).await?.ok_or_else(not_readable)
    }
}

fn not_readable() -> FlagError {
    FlagError::NoAnswer("the answer is none of Unleash's admin API".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_hostile_name_stays_one_part_of_the_path() {
        let place = |url: &str| Place {
            url: url.parse().unwrap(),
            project: "default".to_owned(),
            environment: "production".to_owned(),
        };
        let login =
            Login::new("token".to_owned(), Arc::new(|| Box::pin(async { Err("there is one only".to_owned()) })));
        let client = |url| Unleash::new(place(url), login.clone(), Redactor::default()).unwrap();
        let bare = client("https://unleash.example");
        let prefixed = client("https://example/unleash/");
        let at = |client: &Unleash, name: &str| client.features(&[name]).to_string();
        let start = "https://unleash.example/api/admin/projects/default/features/";
        assert_eq!(at(&bare, "checkout.v2"), format!("{start}checkout.v2"));
        assert_eq!(at(&bare, "a/b?c#d"), format!("{start}a%2Fb%3Fc%23d"));
        assert!(at(&prefixed, "x").starts_with("https://example/unleash/api/admin/"), "{}", at(&prefixed, "x"));
    }
}
