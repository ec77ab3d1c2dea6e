//! Bad answers one by one, the simulator with its outages, and a real Prometheus.

mod answers;
mod counted;
mod demo;
mod replayed;
mod shapes;
mod tls;
mod whole_source;

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{Questions, configured};
use crate::config::{Preset, Prometheus, Secret};
use crate::domain::facts::ids::{Track, WorkloadId, WorkloadKind};
use crate::domain::facts::signals::{Reading, Signal, Tracks};
use crate::platform::Redactor;

// Only tests see the simulator from this room.
#[cfg(test)]
use simulator::prometheus as simulated;

/// The workload of the tests.
fn web() -> WorkloadId {
    WorkloadId::new(WorkloadKind::Rollout, "web")
}

/// Its tracks, with a canary in progress.
fn tracks() -> Tracks {
    Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) }
}

fn settings(url: &str) -> Prometheus {
    Prometheus { window: SignedDuration::from_secs(60), ..Prometheus::at(url.parse().unwrap()) }
}

/// A secret that a program tells.
fn secret(text: &str) -> Secret {
    Secret::Command(vec!["printf".to_owned(), "%s".to_owned(), text.to_owned()])
}

/// Asks with a preset about the namespace `shop`.
async fn questions(url: &str, preset: Preset) -> Questions {
    configured::questions(&Prometheus { preset, ..settings(url) }, "shop", &Redactor::default()).await.unwrap()
}

/// One look at the workload's tracks.
async fn look(questions: &Questions) -> (BTreeMap<(Track, Signal), Reading>, Result<(), String>) {
    let mut looked = questions.look(&BTreeMap::from([(web(), tracks())])).await;
    (looked.readings.remove(&web()).unwrap(), looked.link.map_err(|error| error.to_string()))
}
