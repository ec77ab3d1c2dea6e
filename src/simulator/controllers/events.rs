//! Events that controllers record about objects.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::simulator::kubernetes::managed_fields::Author;
use crate::simulator::kubernetes::object::{self, stamp};
use crate::simulator::kubernetes::resources::Kind;
use crate::simulator::kubernetes::store::{Key, Part, Store};

/// Most different events remembered for counting.
const REMEMBERED: usize = 4096;

/// Writes events, and counts one up when it comes again, as client-go's recorder does.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: HashMap<(String, &'static str, String), Key>,
    written: u64,
}

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
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
        let author = Author::update(component);
        let fingerprint = (object::uid(about).to_owned(), reason, message.to_owned());
        if let Some(key) = self.seen.get(&fingerprint)
            && store
                .update(key, Part::Main, &author, |old| {
                    let mut new = old.clone();
                    let count = object::number(old, "/count", 1) + 1;
                    object::set(&mut new, &["count"], json!(count));
                    object::set(&mut new, &["lastTimestamp"], json!(stamp(now)));
                    Ok(new)
                })
                .is_ok()
        {
            return;
        }
        self.written += 1;
        // The real suffix is the time in nanoseconds; the counter keeps names apart while the clock stands.
        let suffix = now.as_nanosecond() + i128::from(self.written);
        let name = format!("{}.{suffix:x}", object::name(about));
        let namespace = object::namespace(about);
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let event = json!({
            "metadata": {"name": name, "namespace": namespace},
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
        });
        // A name that is taken or a namespace that is going: an event is never worth failing for.
        if store.create(Kind::Event, namespace, event, &author).is_ok() {
            if self.seen.len() >= REMEMBERED {
                self.seen.clear();
            }
            self.seen.insert(fingerprint, Key::new(Kind::Event, namespace, &name));
        }
    }
}
