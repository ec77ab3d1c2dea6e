//! A client of the REST API of LaunchDarkly. It never retries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::http::{Api, Place, fit_for_a_path};
use super::{FlagError, Known, ListsFlags, Login, Whole};
use crate::domain::facts::flag::launchdarkly::{self, Page};
use crate::domain::facts::flag::{Flag, Turn};
use crate::platform::Redactor;

/// Which version of the API is asked for, whatever the token was made for.
const VERSION: (&str, &str) = ("LD-API-Version", "20240415");
const SEMANTIC_PATCH: &str = "application/json; domain-model=launchdarkly.semanticpatch";
/// Largest answer that is read, in bytes: a hundred flags with their rules.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// Flags that are asked for in one page.
const PAGE: usize = 100;
/// Pages that are asked for at the same time.
const PAGES_AT_ONCE: usize = 4;
/// Most pages that are asked for.
const MAX_PAGES: usize = 200;
/// How often a list of several pages is read as a whole. In between only what was changed last is asked for: the account shares
/// a limit of requests in ten seconds.
const WHOLE_INTERVAL: Duration = Duration::from_secs(60);
/// Most that the audit log tells at once.
const MAX_ENTRIES: usize = 20;

/// A client for one project and environment. Cheap to clone.
#[derive(Clone)]
pub struct LaunchDarkly {
    api: Api,
    place: Place,
}

/// A flag as it was read.
pub struct Read {
    pub flag: Flag,
    answer: Value,
}

/// In what order flags are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    LatestChanged,
    /// It stays the same while pages are read.
    Created,
}

impl ListsFlags for LaunchDarkly {
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(async move {
            let (flags, log) = tokio::join!(self.flags(known), self.log());
            let mut flags = flags?;
            // A token that may not read the log lists flags all the same.
            let log = log.unwrap_or_default();
            let changes = launchdarkly::changes(&log, &self.place.project, &self.place.environment);
            let before: BTreeMap<&str, &Flag> = known.flags.iter().map(|flag| (flag.name.as_str(), flag)).collect();
            for flag in &mut flags {
                let logged = changes.get(&flag.name).map(Vec::as_slice).unwrap_or_default();
                launchdarkly::note(flag, before.get(flag.name.as_str()).copied(), logged);
            }
            Ok(flags)
        })
    }
}

impl LaunchDarkly {
    /// Makes it; nothing is asked yet.
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: Place, login: Login, redactor: Redactor) -> Result<Self, String> {
        Ok(Self { api: Api::new(&place.url, login, redactor)?, place })
    }

    /// Reads one flag; `None` where it is archived or deleted.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<Read>, FlagError> {
        fit_for_a_path(name)?;
        let mut url = self.at(&[name]);
        url.query_pairs_mut().append_pair("env", &self.place.environment);
        let answer = match self.get(url).await {
            Ok(answer) => answer,
            Err(FlagError::Status(404, _)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if answer["archived"] == true {
            return Ok(None);
        }
        let environment = &self.place.environment;
        let flag =
            launchdarkly::flag(&answer, environment).filter(|flag| flag.name == name).ok_or_else(not_readable)?;
        if !launchdarkly::has_environment(&answer, environment) {
            return Err(self.place.no_environment());
        }
        Ok(Some(Read { flag, answer }))
    }

    /// Turns a flag off, once, whatever it is.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn turn_off(&self, name: &str) -> Result<(), FlagError> {
        let body = json!({
            "environmentKey": self.place.environment,
            "comment": "turned off by Release Cockpit",
            "instructions": [{"kind": "turnFlagOff"}],
        });
        self.patch(name, SEMANTIC_PATCH, &body).await
    }

    /// Returns the changes that turn a flag on or to a share, as a JSON patch that holds only for the settings that were read:
    /// semantic patches know no conditions.
    ///
    /// # Errors
    /// Why it cannot be turned so.
    pub fn changes(&self, read: &Read, turn: Turn) -> Result<Value, String> {
        launchdarkly::changes_to(&read.answer, &self.place.environment, turn)
    }

    /// Changes a flag, once, if its settings are still those that were read.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn change(&self, name: &str, changes: &Value) -> Result<(), FlagError> {
        let body = json!({"comment": "turned by Release Cockpit", "patch": changes});
        self.patch(name, "application/json", &body).await
    }

    async fn patch(&self, name: &str, content: &str, body: &Value) -> Result<(), FlagError> {
        fit_for_a_path(name)?;
        let request = self.api.request(Method::PATCH, self.at(&[name])).header(VERSION.0, VERSION.1);
        self.api.send(request.header(CONTENT_TYPE, content).body(body.to_string())).await.map(|_| ())
    }

    /// Reads all flags: as a whole, or what was changed last where the rest was read shortly before.
    async fn flags(&self, known: &mut Known) -> Result<Vec<Flag>, FlagError> {
        let latest = self.page(Order::LatestChanged, 0).await?;
        if latest.lacks_environment {
            return Err(self.place.no_environment());
        }
        if latest.listed >= latest.total {
            return Ok(sorted(latest.flags));
        }
        if let Some(flags) = known.whole.and_then(|whole| with_latest(&known.flags, whole, &latest)) {
            return Ok(flags);
        }
        let asked_at = Instant::now();
        let (flags, total) = self.whole().await?;
        known.whole = Some(Whole { at: asked_at, total });
        Ok(flags)
    }

    /// Reads all pages; returns how many flags there are as well, archived ones among them.
    async fn whole(&self) -> Result<(Vec<Flag>, usize), FlagError> {
        let first = self.page(Order::Created, 0).await?;
        let (step, total) = (first.listed.max(1), first.total);
        if total.div_ceil(step) > MAX_PAGES {
            return Err(FlagError::NoAnswer(format!("{total} flags by {step} are too many pages")));
        }
        let offsets = futures::stream::iter((step..total).step_by(step));
        let rest: Vec<Page> =
            offsets.map(|offset| self.page(Order::Created, offset)).buffered(PAGES_AT_ONCE).try_collect().await?;
        let pages: Vec<Page> = std::iter::once(first).chain(rest).collect();
        let listed: usize = pages.iter().map(|page| page.listed).sum();
        if listed != total || pages.iter().any(|page| page.total != total) {
            return Err(FlagError::NoAnswer("the list of flags was changed while it was read".to_owned()));
        }
        Ok((sorted(pages.into_iter().flat_map(|page| page.flags).collect()), total))
    }

    async fn page(&self, order: Order, offset: usize) -> Result<Page, FlagError> {
        let mut url = self.at(&[]);
        let sort = match order {
            Order::LatestChanged => "-targetingModifiedDate",
            Order::Created => "creationDate",
        };
        url.query_pairs_mut()
            .append_pair("env", &self.place.environment)
            .append_pair("summary", "0")
            .append_pair("sort", sort)
            .append_pair("limit", &PAGE.to_string())
            .append_pair("offset", &offset.to_string());
        launchdarkly::page(&self.get(url).await?, &self.place.environment).ok_or_else(not_readable)
    }

    async fn log(&self) -> Result<Value, FlagError> {
        let mut url = self.place.at(&["api", "v2", "auditlog"]);
        url.query_pairs_mut()
            .append_pair("spec", &launchdarkly::specifier(&self.place.project, &self.place.environment))
            .append_pair("limit", &MAX_ENTRIES.to_string());
        self.get(url).await
    }

    async fn get(&self, url: Url) -> Result<Value, FlagError> {
        let request = self.api.request(Method::GET, url).header(VERSION.0, VERSION.1);
        self.api.ask(request, MAX_ANSWER_BYTES).await?.ok_or_else(not_readable)
    }

    fn at(&self, rest: &[&str]) -> Url {
        self.place.at(&[&["api", "v2", "flags", &self.place.project], rest].concat())
    }
}

/// Puts what was changed last into a list that was read as a whole; `None` where that is too old, or not all that changed since
/// is known.
fn with_latest(known: &[Flag], whole: Whole, latest: &Page) -> Option<Vec<Flag>> {
    if whole.at.elapsed() >= WHOLE_INTERVAL || latest.total != whole.total {
        return None;
    }
    let mut flags: BTreeMap<&str, &Flag> = known.iter().map(|flag| (flag.name.as_str(), flag)).collect();
    let mut is_seen_again = false;
    for flag in &latest.flags {
        let before = flags.insert(&flag.name, flag)?;
        is_seen_again |= before.version == flag.version;
    }
    // Where one page is not enough to come to a flag that is as it was, others may have changed, too.
    is_seen_again.then(|| flags.into_values().cloned().collect())
}

fn sorted(mut flags: Vec<Flag>) -> Vec<Flag> {
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    flags
}

fn not_readable() -> FlagError {
    FlagError::NoAnswer("the answer is none of LaunchDarkly's REST API".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::flag::FlagState;

    fn flag(name: &str, state: FlagState, version: &str) -> Flag {
        Flag { version: Some(version.to_owned()), ..Flag::of_name(name, state) }
    }

    fn latest(flags: Vec<Flag>, total: usize) -> Page {
        Page { listed: flags.len(), flags, total, lacks_environment: false }
    }

    #[test]
    fn what_was_changed_last_is_put_into_the_list_only_where_nothing_else_can_have_changed() {
        let known = [flag("a", FlagState::On, "1"), flag("b", FlagState::On, "1"), flag("c", FlagState::On, "1")];
        let whole = Whole { at: Instant::now(), total: 3 };
        let (off, same) = (flag("b", FlagState::Off, "2"), flag("a", FlagState::On, "1"));
        let page = latest(vec![off.clone(), same.clone()], 3);
        let merged = with_latest(&known, whole, &page).unwrap();
        assert_eq!(merged, [known[0].clone(), off.clone(), known[2].clone()]);
        // All of the page is new: there may be more of it on the next.
        assert_eq!(with_latest(&known, whole, &latest(vec![off.clone()], 3)), None);
        // One came or went.
        assert_eq!(with_latest(&known, whole, &latest(vec![off.clone(), same.clone()], 4)), None);
        let unknown = latest(vec![flag("d", FlagState::On, "1"), same], 3);
        assert_eq!(with_latest(&known, whole, &unknown), None);
        let Some(before) = Instant::now().checked_sub(WHOLE_INTERVAL) else { return };
        assert_eq!(with_latest(&known, Whole { at: before, total: 3 }, &page), None);
    }
}
