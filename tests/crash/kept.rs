//! Deaths while something is kept: a statement that is shared through the ConfigMap, and how far counters were counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use release_cockpit::domain::record::journal::Entry;
use release_cockpit::domain::record::shared;
use release_cockpit::executors::journal;
use serde_json::Value;
use support::check::WAIT_TIMEOUT;
use support::process::is_dead;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use crate::cases::{Case, How};
use crate::cockpit::{Cockpit, Run, leave};

/// Settings of the program for these cases.
pub fn settings(case: &Case, namespace: &str) -> Checked<String> {
    let environment = format!(
        "[[environments]]\nname = \"alice\"\ncontext = \"alice\"\nnamespace = \"{namespace}\"\nworkloads = [\"rollout/{}\"]\n\n",
        case.workload
    );
    let more = match case.how {
        How::Sign => "[sign_offs]\nroles = { sre = 1 }\n".to_owned(),
        _ => format!(
            "[prometheus]\nurl = \"{}\"\ninterval = \"1s\"\nwindow = \"15s\"\n\n[verdict]\nevery = \"1s\"\nenough = \"off\"\n",
            std::env::var("PROMETHEUS_URL")?
        ),
    };
    Ok(environment + &more)
}

/// Does what the case is about, until it is over or the program is dead.
pub async fn act(cockpit: &Cockpit, case: &Case, at: Option<&str>) -> Checked<Run> {
    if case.how == How::Sign {
        return Ok(cockpit.command(&["sign", "alice", "go", "--role", "sre", "--note", "seen"], at).await);
    }
    let mut pty = cockpit.screen(at);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    let saved = || cockpit.passed().iter().filter(|place| *place == "cursors.renamed").count();
    while !is_dead(pty.pid()) && saved() < 3 && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    let killed = is_dead(pty.pid());
    if !killed {
        leave(&mut pty);
    }
    let said = if saved() < 3 { pty.text() } else { "done: counted".to_owned() };
    Ok(Run { passed: cockpit.passed(), killed, said, code: None })
}

/// What is in the shared record, by key.
pub async fn shared(namespace: &TestNamespace) -> Value {
    namespace.get("ConfigMap", shared::NAME).await.map_or(Value::Null, |map| map["data"].clone())
}

fn keys(data: &Value) -> Vec<String> {
    data.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// Returns what the journals say that was said, by key: by people, and by checks that went red.
fn said(cockpit: &Cockpit) -> Checked<BTreeMap<String, Entry>> {
    let mut said = BTreeMap::new();
    if cockpit.journals().exists() {
        for path in journal::list(&cockpit.journals())? {
            let entries = journal::read(&path)?.lines.into_iter().map(|line| line.entry);
            said.extend(entries.filter_map(|entry| Some((shared::statement(&entry)?.0, entry))));
        }
    }
    Ok(said)
}

/// After a death while a statement was made: what is shared was written down before, and what was written down is shared
/// by the next start, once.
pub async fn judge_sign(namespace: &TestNamespace, cockpit: &Cockpit, before: &Value) -> Checked<String> {
    let known = keys(before);
    let new = |data: &Value| -> Vec<String> { keys(data).into_iter().filter(|key| !known.contains(key)).collect() };
    let written = said(cockpit)?;
    let at_death = new(&shared(namespace).await);
    if at_death.iter().any(|key| !written.contains_key(key)) {
        return Err("it is shared, and not written down".into());
    }
    // A check that is still red says so again by itself.
    let is_shared_again = |(_, entry): &(&String, &Entry)| !matches!(entry, Entry::Checked { .. });
    let people: Vec<&String> = written.iter().filter(is_shared_again).map(|(key, _)| key).collect();
    let mut pty = cockpit.screen(None);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let now = new(&shared(namespace).await);
        if people.iter().all(|key| now.contains(key)) {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("written down: {written:?}, shared: {now:?}").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    leave(&mut pty);
    Ok(match (written.is_empty(), at_death.is_empty()) {
        (true, _) => "nothing said",
        (false, true) => "said, shared at the next start",
        (false, false) => "said and shared",
    }
    .to_owned())
}

fn counters(cockpit: &Cockpit) -> PathBuf {
    cockpit.journals().with_file_name("alice.counters.json")
}

/// After a death while the counts were kept: the file is whole or not there, and the next start goes on from it.
pub async fn judge_counts(cockpit: &Cockpit, case: &Case) -> Checked<String> {
    let read = || fs::read(counters(cockpit)).ok();
    let kept = read();
    if let Some(bytes) = &kept {
        serde_json::from_slice::<Value>(bytes).map_err(|error| format!("what was kept is torn: {error}"))?;
    }
    let run = act(cockpit, case, None).await?;
    if run.killed || !run.said.contains("done: ") || read() == kept {
        return Err(format!("the next start does not go on:\n{}", run.said).into());
    }
    Ok(if kept.is_some() { "kept whole" } else { "nothing kept yet" }.to_owned())
}
