//! What really reached the API server: its audit log, which `tests/cluster/up` has it write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use jiff::Timestamp;
use serde_json::Value;
use support::Checked;
use support::cluster::RealCluster;

/// The writes of an action: how each of its requests was answered, whenever it came.
#[derive(Debug, Default)]
pub struct Writes {
    pub by_request: BTreeMap<String, Vec<u64>>,
}

/// Returns why nothing can be counted here, if so.
pub fn missing() -> Option<&'static str> {
    if let Some(reason) = RealCluster::missing() {
        return Some(reason);
    }
    let there = RealCluster::find().is_ok_and(|cluster| cluster.audit_log().exists());
    (!there).then_some("this cluster writes no audit log: tests/cluster/down, then up again")
}

impl Writes {
    /// Reads what was written to the objects of this name since then, without what only makes a controller look.
    pub fn since(start: Timestamp, namespace: &str, name: &str) -> Checked<Self> {
        let mut writes = Self::default();
        for line in BufReader::new(File::open(RealCluster::find()?.audit_log())?).lines() {
            let line = line?;
            if !line.contains(namespace) {
                continue;
            }
            let event: Value = serde_json::from_str(&line)?;
            let object = &event["objectRef"];
            let at = event["requestReceivedTimestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            if object["namespace"] != namespace || object["name"] != name || at < Some(start) {
                continue;
            }
            let mut body = event["requestObject"].clone();
            if body["metadata"]["annotations"]["release-cockpit/nudged-at"].is_string() {
                continue;
            }
            without_version(&mut body);
            let request = format!("{} {}/{} {body}", event["verb"], object["resource"], object["subresource"]);
            writes.by_request.entry(request).or_default().push(event["responseStatus"]["code"].as_u64().unwrap_or(0));
        }
        Ok(writes)
    }

    /// Returns the requests that the server took.
    pub fn taken(&self) -> usize {
        self.by_request.values().flatten().filter(|code| (200..300).contains(*code)).count()
    }

    /// Returns the requests of which nobody heard: the client was gone before the answer, be it that it was taken or not.
    pub fn unheard(&self) -> usize {
        self.by_request.values().flatten().filter(|code| !(200..500).contains(*code) || **code == 499).count()
    }

    /// Returns a request that came more than once, conflicts aside: they write nothing.
    pub fn repeated(&self) -> Option<&str> {
        let more = |codes: &Vec<u64>| codes.iter().filter(|code| **code != 409).count() > 1;
        self.by_request.iter().find(|(_, codes)| more(codes)).map(|(request, _)| request.as_str())
    }
}

/// Takes the precondition out of a body: it is another one at each try.
fn without_version(body: &mut Value) {
    if let Some(operations) = body.as_array_mut() {
        operations.retain(|operation| operation["path"] != "/metadata/resourceVersion");
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
}
