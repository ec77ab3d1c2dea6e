//! Events that controllers record about objects, with the reserve of client-go's recorder.
//!
//! A controller does not get every event through: the same one again is counted up, more than ten different ones with
//! one reason are combined, and beyond 25 about one object there is one in five minutes. On a real cluster the last
//! events of a long rollout are therefore missing; they are here too.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::until;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, stamp};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part, Store};

const MAX_EVENT_KEYS: usize = 4096;
/// Different messages with one reason before they are combined.
const MAX_SIMILAR_EVENTS: usize = 10;
/// Messages are similar while they come within this time.
const SIMILAR_WINDOW: Duration = Duration::from_secs(600);
/// Events about one object that get through at once …
const BURST_EVENTS: f64 = 25.0;
/// … and the time in which one more does.
const REFILL_INTERVAL: Duration = Duration::from_secs(300);

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
}

/// Component and uid of the object.
type Subject = (String, String);

#[derive(Debug, Default)]
struct Similar {
    messages: HashSet<String>,
    last: Timestamp,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    last: Timestamp,
}

#[derive(Debug, Default)]
pub struct Recorder {
    written: HashMap<(Subject, &'static str, String), Key>,
    similar: HashMap<(Subject, &'static str), Similar>,
    buckets: HashMap<Subject, Bucket>,
    count: u64,
}

impl Recorder {
    /// Records an event about an object. `component` is who says it.
    pub fn record(
        &mut self,
        store: &Store,
        about: &Value,
        component: &str,
        severity: Severity,
        reason: &'static str,
        message: &str,
    ) {
        let now = store.clock().now();
        let subject = (component.to_owned(), object::uid(about).to_owned());
        let (key, shown) = self.combine(&subject, reason, message, store);
        if !self.gets_through(&subject, store) {
            return;
        }
        let author = Author::update(component);
        let fingerprint = (subject, reason, key);
        if let Some(key) = self.written.get(&fingerprint)
            && count_up(store, key, &shown, now, &author)
        {
            return;
        }
        self.count += 1;
        let event = new_event(about, component, severity, reason, &shown, now, self.count);
        let namespace = object::namespace(&event).to_owned();
        // A name that is taken or a namespace that is going: an event is never worth failing for.
        if let Ok(event) = store.create(Kind::Event, &namespace, event, &author) {
            if self.written.len() >= MAX_EVENT_KEYS {
                self.written.clear();
                self.similar.clear();
                self.buckets.clear();
            }
            self.written.insert(fingerprint, Key::of(Kind::Event, &event));
        }
    }

    /// Returns what tells the event from others, and the message to show.
    fn combine(&mut self, subject: &Subject, reason: &'static str, message: &str, store: &Store) -> (String, String) {
        let now = store.clock().now();
        let similar = self.similar.entry((subject.clone(), reason)).or_default();
        if store.clock().scenario_time(until(similar.last, now)) > SIMILAR_WINDOW {
            similar.messages.clear();
        }
        similar.last = now;
        similar.messages.insert(message.to_owned());
        if similar.messages.len() < MAX_SIMILAR_EVENTS {
            return (message.to_owned(), message.to_owned());
        }
        // Like the original, it forgets one so as not to grow.
        similar.messages.remove(message);
        (String::new(), format!("(combined from similar events): {message}"))
    }

    fn gets_through(&mut self, subject: &Subject, store: &Store) -> bool {
        let now = store.clock().now();
        let bucket = self.buckets.entry(subject.clone()).or_insert(Bucket { tokens: BURST_EVENTS, last: now });
        let passed = store.clock().scenario_time(until(bucket.last, now));
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() / REFILL_INTERVAL.as_secs_f64()).min(BURST_EVENTS);
        bucket.last = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

fn count_up(store: &Store, key: &Key, message: &str, now: Timestamp, author: &Author) -> bool {
    store
        .update(key, Part::Main, author, |old| {
            let mut new = old.clone();
            let count = object::number(old, "/count", 1) + 1;
            object::set(&mut new, &["count"], json!(count));
            object::set(&mut new, &["message"], json!(message));
            object::set(&mut new, &["lastTimestamp"], json!(stamp(now)));
            Ok(new)
        })
        .is_ok()
}

fn new_event(
    about: &Value,
    component: &str,
    severity: Severity,
    reason: &str,
    message: &str,
    now: Timestamp,
    number: u64,
) -> Value {
    // The real suffix is the time in nanoseconds; the number keeps names apart while the clock stands.
    let suffix = now.as_nanosecond() + i128::from(number);
    let namespace = match object::namespace(about) {
        "" => "default",
        namespace => namespace,
    };
    json!({
        "metadata": {"name": format!("{}.{suffix:x}", object::name(about)), "namespace": namespace},
        "involvedObject": {
            "apiVersion": about.get("apiVersion"),
            "kind": about.get("kind"),
            "name": object::name(about),
            "namespace": object::namespace(about),
            "resourceVersion": object::text(about, "/metadata/resourceVersion"),
            "uid": object::uid(about),
        },
        "reason": reason,
        "message": message,
        "type": match severity {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        },
        "count": 1,
        "firstTimestamp": stamp(now),
        "lastTimestamp": stamp(now),
        "eventTime": null,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn events(store: &Store) -> Vec<(String, i64)> {
        let list = store.list(Kind::Event, None).1;
        list.iter().map(|e| (object::text(e, "/message").to_owned(), object::number(e, "/count", 0))).collect()
    }

    fn record(recorder: &mut Recorder, store: &Store, reason: &'static str, message: &str) {
        let about = json!({"kind": "Rollout", "metadata": {"name": "web", "namespace": "shop", "uid": "1"}});
        recorder.record(store, &about, "c", Severity::Normal, reason, message);
    }

    #[test]
    fn events_are_counted_combined_and_rate_limited() {
        let clock = Clock::stopped_at(Timestamp::from_second(1_800_000_000).unwrap(), 1.0);
        let store = Store::new(1, clock.clone());
        let mut recorder = Recorder::default();
        record(&mut recorder, &store, "A", "same");
        record(&mut recorder, &store, "A", "same");
        assert_eq!(events(&store), [("same".to_owned(), 2)]);
        for number in 0..12 {
            record(&mut recorder, &store, "B", &format!("{number}"));
        }
        let combined = events(&store);
        assert_eq!(combined.len(), 1 + 9 + 1, "nine as they are, the rest as one");
        assert_eq!(combined.last(), Some(&("(combined from similar events): 11".to_owned(), 3)));
        for number in 0..20 {
            record(&mut recorder, &store, ["C", "D", "E", "F", "G"][number % 5], &format!("more {number}"));
        }
        let held = events(&store).len();
        assert_eq!(held, 11 + 11, "25 in all, three of them counted up");
        clock.stop_at(clock.after(REFILL_INTERVAL));
        record(&mut recorder, &store, "H", "late");
        record(&mut recorder, &store, "H", "later");
        assert_eq!(events(&store).len(), held + 1);
    }
}
