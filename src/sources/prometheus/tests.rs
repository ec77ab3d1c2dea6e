//! Bad answers one by one, the simulator with its outages, and a real Prometheus.

mod answers;
mod flight;
mod shapes;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use super::presets::Preset;
use super::{PrometheusClient, Queries, Questions, Settings};
use crate::domain::ids::{Track, WorkloadId, WorkloadKind};
use crate::domain::signals::{Reading, Signal, Tracks};

/// The workload of the tests.
fn web() -> WorkloadId {
    WorkloadId::new(WorkloadKind::Rollout, "web")
}

/// Its tracks, with a canary under way.
fn tracks() -> Tracks {
    Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) }
}

/// Questions of a preset about the namespace `shop`.
fn questions(url: &str, preset: Preset) -> Questions {
    Questions {
        client: PrometheusClient::new(&Settings::new(url)).unwrap(),
        queries: Queries::preset(preset).unwrap(),
        namespace: "shop".to_owned(),
        labels: BTreeMap::new(),
        window: Duration::from_secs(60),
    }
}

/// One look at the workload's tracks.
async fn look(questions: &Questions) -> (BTreeMap<(Track, Signal), Reading>, Result<(), String>) {
    let mut looked = questions.look(&BTreeMap::from([(web(), tracks())])).await;
    (looked.readings.remove(&web()).unwrap(), looked.link)
}
