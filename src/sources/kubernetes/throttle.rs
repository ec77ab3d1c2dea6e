//! Keeps a watch from being begun without pause. Where something between here and the API server ends every watch at
//! once, the library begins it again at once, without a word; and a server that asks to be left alone for a while
//! (`Retry-After`) is left alone by watches: heartbeats and what a person asks for are sent all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode, Uri};
use kube::client::Body;
use tokio::time::Instant;

/// Two starts of one watch are at least this far apart. One that runs is restarted every minute.
const MIN_RESTART_GAP: Duration = Duration::from_secs(2);
/// The longest that a server is left alone because it asks for it.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// When one watch may be begun.
#[derive(Debug, Default)]
struct Pace {
    /// When it was begun last, or is going to be.
    begun: Option<Instant>,
    /// Until when the server wants to be left alone.
    quiet: Option<Instant>,
}

impl Pace {
    /// Returns how long the list that it begins from, or its start, has to wait; takes note of a start.
    fn wait(&mut self, starts: bool, now: Instant) -> Duration {
        let mut due = self.quiet.map_or(now, |quiet| quiet.max(now));
        if starts {
            due = self.begun.map_or(due, |last| (last + MIN_RESTART_GAP).max(due));
            self.begun = Some(due);
        }
        due.saturating_duration_since(now)
    }

    /// Takes note of how the server answered.
    fn answered<T>(&mut self, answer: &Response<T>, now: Instant) {
        if !matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return;
        }
        let wish = answer.headers().get(RETRY_AFTER).and_then(|wish| wish.to_str().ok()?.trim().parse().ok());
        if let Some(wish) = wish.map(Duration::from_secs) {
            self.quiet = self.quiet.max(Some(now + wish.min(MAX_RETRY_AFTER)));
        }
    }
}

/// Whether a request starts a watch; otherwise it is for the list that one begins from.
fn starts(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"))
}

/// Makes a client for one watch that keeps its pace.
pub(super) fn throttled(client: kube::Client) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let pace = Arc::new(Mutex::new(Pace::default()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, pace) = (client.clone(), Arc::clone(&pace));
        async move {
            let locked = || pace.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = locked().wait(starts(request.uri()), Instant::now());
            tokio::time::sleep(wait).await;
            let answer = client.send(request).await?;
            locked().answered(&answer, Instant::now());
            Ok::<_, kube::Error>(answer)
        }
    });
    kube::Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watch_that_ends_at_once_restarts_every_two_seconds() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let after = |millis| now + Duration::from_millis(millis);
        assert_eq!(pace.wait(true, now), Duration::ZERO);
        assert_eq!(pace.wait(true, after(10)), Duration::from_millis(1990));
        assert_eq!(pace.wait(false, after(2100)), Duration::ZERO, "a list waits for nothing");
        assert_eq!(pace.wait(true, after(2100)), Duration::from_millis(1900));
        assert_eq!(pace.wait(true, after(60_000)), Duration::ZERO);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_limit() {
        let now = Instant::now();
        let waits = |code: u16, wish: &str| {
            let mut pace = Pace::default();
            let answer = Response::builder().status(code).header(RETRY_AFTER, wish).body(()).unwrap();
            pace.answered(&answer, now);
            assert_eq!(pace.wait(false, now), pace.wait(true, now));
            pace.wait(false, now).as_secs()
        };
        assert_eq!(waits(429, "5"), 5);
        assert_eq!(waits(503, "5"), 5);
        assert_eq!(waits(429, "86400"), 30);
        assert_eq!(waits(429, "Fri, 31 Dec 1999 23:59:59 GMT"), 0);
        assert_eq!(waits(200, "5"), 0);
    }

    #[test]
    fn only_the_first_request_is_a_watch_start() {
        let of = |uri: &str| starts(&uri.parse().unwrap());
        assert!(of("/api/v1/namespaces/shop/pods?&watch=true&labelSelector=a&resourceVersion=7"));
        assert!(!of("/api/v1/namespaces/shop/pods?&limit=500&labelSelector=a"));
        assert!(!of("/api/v1/namespaces/shop/pods"));
    }
}
