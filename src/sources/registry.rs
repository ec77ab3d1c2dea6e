//! Watches images in a registry: asks about each of them again and again, and says what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::inbox::Outlet;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::registry::{Stored, StoredImage};
use crate::domain::world::feed::Feed;
use crate::domain::world::registry::{Answers, Looked};
use crate::platform::registry::look::{KnownImage, LookFor};
use crate::platform::registry::{Registry, RegistryError};

/// How often it is asked about an image: a digest cannot change, but can be deleted.
const INTERVAL: Duration = Duration::from_secs(60);
/// How soon it is asked again after it gave no answer; twice as long each time, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// Images that are asked about at a time.
const MAX_CONCURRENT: usize = 4;
/// Images of which what cannot change is kept.
const MAX_KNOWN: usize = 256;

/// Looks at an image in a registry.
pub trait LooksAtImages: Send + Sync {
    /// Looks; what it learns that cannot change is kept in `known`.
    fn look<'a>(
        &'a self,
        image: &'a StoredImage,
        known: &'a mut Option<KnownImage>,
        look_for: LookFor,
    ) -> BoxFuture<'a, Result<Stored, RegistryError>>;
}

impl LooksAtImages for Registry {
    fn look<'a>(
        &'a self,
        image: &'a StoredImage,
        known: &'a mut Option<KnownImage>,
        look_for: LookFor,
    ) -> BoxFuture<'a, Result<Stored, RegistryError>> {
        Box::pin(self.look(image, known, look_for))
    }
}

/// Makes the client, with the login as it is now.
pub type Connect<R> = Box<dyn Fn() -> BoxFuture<'static, Result<R, String>> + Send + Sync>;

/// What watching a registry needs.
pub struct RegistrySource<R> {
    pub env: EnvName,
    /// As images name it.
    pub host: String,
    pub connect: Connect<R>,
    pub look_for: LookFor,
    /// The images that are to be asked about, of all registries.
    pub asked: watch::Receiver<BTreeSet<StoredImage>>,
    pub outlet: Outlet,
    /// Asks for a look now.
    pub refresh: Arc<Notify>,
}

/// What is known, and when it is asked next.
#[derive(Default)]
struct Looks {
    known: BTreeMap<StoredImage, KnownImage>,
    answers: Answers,
    due: BTreeMap<StoredImage, Instant>,
    /// Until when it wants not to be asked.
    limited_until: Option<Instant>,
    /// How often in a row it gave no answer.
    failed: u32,
}

/// How one look ended.
struct Ended {
    image: StoredImage,
    at: Timestamp,
    known: Option<KnownImage>,
    result: Result<Stored, RegistryError>,
}

impl<R: LooksAtImages + 'static> RegistrySource<R> {
    /// Watches it until it is dropped.
    pub async fn run(mut self) {
        let (mut looks, mut client) = (Looks::default(), None);
        loop {
            let asked: BTreeSet<StoredImage> = self.asked.borrow_and_update().clone();
            let own = asked.into_iter().filter(|image| image.repository.host == self.host);
            let due = looks.keep(own.collect(), Instant::now());
            let next = if due.is_empty() {
                looks.next(Instant::now())
            } else {
                self.round(&mut looks, &mut client, due).await
            };
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.refresh.notified() => looks.refresh(Instant::now()),
                changed = self.asked.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Asks about what is due, and says what came of it; returns when there is something to do next.
    async fn round(&self, looks: &mut Looks, client: &mut Option<R>, due: Vec<StoredImage>) -> Instant {
        let connected = match client.take() {
            Some(known) => Ok(known),
            None => (self.connect)().await,
        };
        match connected {
            Err(why) => {
                let wait = looks.failed_again(None);
                looks.due = due.into_iter().map(|image| (image, Instant::now() + wait)).collect();
                self.tell(Link::Down(why), &looks.answers);
            }
            Ok(connected) => {
                let is_refused = self.look(looks, &connected, due).await;
                // The login may have been renewed by the next time.
                *client = (!is_refused).then_some(connected);
                self.tell(Link::Up, &looks.answers);
            }
        }
        looks.next(Instant::now())
    }

    /// Returns whether the login was refused.
    async fn look(&self, looks: &mut Looks, client: &R, due: Vec<StoredImage>) -> bool {
        let one = |image: StoredImage, mut known: Option<KnownImage>| async move {
            // As old as its first request.
            let at = Timestamp::now();
            let result = client.look(&image, &mut known, self.look_for).await;
            Ended { image, at, known, result }
        };
        let asking: Vec<_> = due.into_iter().map(|image| (looks.known.remove(&image), image)).collect();
        let asking = asking.into_iter().map(|(known, image)| one(image, known));
        let ended: Vec<Ended> = stream::iter(asking).buffer_unordered(MAX_CONCURRENT).collect().await;
        let is_refused = ended.iter().any(|ended| matches!(ended.result, Err(RegistryError::NotLoggedIn(_))));
        looks.take(ended, Instant::now());
        is_refused
    }

    fn tell(&self, link: Link, answers: &Answers) {
        let (env, host) = (self.env.clone(), self.host.clone());
        self.outlet.send(Feed::Registry { env, host, link, answers: Arc::new(answers.clone()) });
    }
}

impl Looks {
    /// Forgets what nobody asks about any more, and returns what is due.
    fn keep(&mut self, asked: BTreeSet<StoredImage>, now: Instant) -> Vec<StoredImage> {
        self.answers.0.retain(|image, _| asked.contains(image));
        self.due.retain(|image, _| asked.contains(image));
        asked.into_iter().filter(|image| self.due.get(image).is_none_or(|due| *due <= now)).collect()
    }

    /// Makes everything due, unless it wants not to be asked yet.
    fn refresh(&mut self, now: Instant) {
        if self.limited_until.is_none_or(|until| until <= now) {
            self.due.clear();
        }
    }

    fn next(&self, now: Instant) -> Instant {
        self.due.values().min().copied().unwrap_or(now + INTERVAL)
    }

    fn take(&mut self, ended: Vec<Ended>, now: Instant) {
        let error = ended.iter().find_map(|ended| ended.result.as_ref().err());
        let wait_asked = match error {
            Some(RegistryError::TooManyRequests(wait)) => *wait,
            _ => None,
        };
        let wait = if error.is_some() { self.failed_again(wait_asked) } else { INTERVAL };
        self.limited_until = wait_asked.map(|_| now + wait);
        if error.is_none() {
            self.failed = 0;
        }
        for Ended { image, at, known, result } in ended {
            let due = if result.is_ok() { INTERVAL } else { wait };
            self.due.insert(image.clone(), now + due);
            if let Some(known) = known.filter(|_| self.known.len() < MAX_KNOWN) {
                self.known.insert(image.clone(), known);
            }
            let stored = result.unwrap_or_else(|error| Stored::Unknown(error.to_string()));
            self.answers.0.insert(image, Looked { at, stored });
        }
    }

    /// How long to wait after no answer: as long as it asks for, and longer each time.
    fn failed_again(&mut self, asked: Option<Duration>) -> Duration {
        let wait = FIRST_RETRY * 2_u32.saturating_pow(self.failed.min(8));
        self.failed = self.failed.saturating_add(1);
        wait.min(INTERVAL).max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
