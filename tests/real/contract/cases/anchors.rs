//! The head of a journal is anchored in the cluster: read there with kubectl, and by `log verify`.

use release_cockpit::executors::journal;
use serde_json::Value;
use support::check::{holds, same};
use support::{Checked, TestNamespace};

use super::checklist::{Person, waiting};

/// The anchor of the only journal, as the cluster has it.
async fn anchor(namespace: &TestNamespace) -> Checked<Value> {
    let get = ["get", "configmap", "release-cockpit", "-o", "json"];
    let record: Value = match namespace.tool("kubectl", &get).await? {
        Some(output) => serde_json::from_slice(&output.stdout)?,
        None => namespace.get("ConfigMap", "release-cockpit").await?,
    };
    let data = record["data"].as_object().cloned().unwrap_or_default();
    let mut anchors = data.iter().filter(|(key, _)| key.starts_with("journal."));
    let (Some((_, value)), None) = (anchors.next(), anchors.next()) else {
        return Err(format!("not one anchor: {data:?}").into());
    };
    Ok(serde_json::from_str(value.as_str().unwrap_or_default())?)
}

/// Each outcome anchors the journal's head; a journal whose end was cut off no longer fits.
pub async fn a_journal_is_anchored_at_each_outcome(namespace: &TestNamespace) -> Checked {
    waiting(namespace).await?;
    let alice = Person::new(namespace, "alice", "");
    alice.expect(0, &["abort", "prod", "--yes"], "done").await?;
    let path = journal::list(&alice.program.path(".local/state/release-cockpit/journals"))?.remove(0);
    let aborted = anchor(namespace).await?;
    let lines = journal::read(&path)?.lines;
    let line = lines.iter().find(|line| Some(line.n) == aborted["lines"].as_u64()).ok_or("no such line")?;
    same("hash", &aborted["hash"].as_str(), &Some(line.hash.as_str()))?;
    alice.expect(0, &["log", "verify"], "unbroken; fits the shared record of prod up to line").await?;
    alice.expect(0, &["retry", "prod", "--yes"], "done").await?;
    let retried = anchor(namespace).await?;
    holds("the later anchor has more lines", retried["lines"].as_u64() > aborted["lines"].as_u64())?;
    let text = std::fs::read_to_string(&path)?;
    let kept = lines.len().min(usize::try_from(retried["lines"].as_u64().unwrap_or_default())? - 1);
    let cut = text.lines().take(kept).fold(String::new(), |all, line| all + line + "\n");
    std::fs::write(&path, cut)?;
    alice.expect(1, &["log", "verify"], "its end was cut off").await?;
    std::fs::remove_file(&path)?;
    alice.expect(1, &["log", "verify"], "is missing").await
}
