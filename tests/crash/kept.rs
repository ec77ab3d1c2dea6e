//! Deaths while something is kept: a statement that is shared through the ConfigMap, and how far counters were counted.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use release_cockpit::domain::checklist::record;
use release_cockpit::executors::journal;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Checked;
use crate::program::{Program, Run};
use crate::scene::{How, Scene};
use crate::stage::{PATIENCE, Stage};

/// Settings of the program for these scenes.
pub fn settings(scene: &Scene, namespace: &str) -> Checked<String> {
    let environment = format!(
        "[[environments]]\nname = \"alice\"\ncontext = \"alice\"\nnamespace = \"{namespace}\"\nworkloads = [\"rollout/{}\"]\n\n",
        scene.workload
    );
    let more = match scene.how {
        How::Sign => "[sign_offs]\nroles = { sre = 1 }\n".to_owned(),
        _ => format!(
            "[prometheus]\nurl = \"{}\"\ninterval = \"1s\"\nwindow = \"15s\"\n\n[verdict]\nevery = \"1s\"\n",
            std::env::var("PROMETHEUS_URL")?
        ),
    };
    Ok(environment + &more)
}

/// Does what the scene is about, until it is over or the program is dead.
pub async fn act(program: &Program, scene: &Scene, at: Option<&str>) -> Checked<Run> {
    if scene.how == How::Sign {
        return program.command(&["sign", "alice", "go", "--role", "sre", "--note", "seen"], at).await;
    }
    let mut tui = program.screen(at);
    let deadline = Instant::now() + PATIENCE;
    let saved = || program.passed().iter().filter(|place| *place == "cursors.renamed").count();
    while !crate::program::is_dead(tui.pid()) && saved() < 3 && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    let killed = crate::program::is_dead(tui.pid());
    if !killed {
        crate::program::leave(&mut tui);
    }
    let said = if saved() < 3 { tui.text() } else { "done: counted".to_owned() };
    Ok(Run { passed: program.passed(), killed, said, code: None })
}

/// What is in the shared record, by key.
pub async fn shared(stage: &Stage) -> Value {
    stage.get("ConfigMap", record::NAME).await.map_or(Value::Null, |map| map["data"].clone())
}

fn keys(data: &Value) -> Vec<String> {
    data.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// Returns the keys of what the journals say that was said.
fn said(program: &Program) -> Checked<Vec<String>> {
    let mut said = Vec::new();
    if program.journals().exists() {
        for path in journal::list(&program.journals())? {
            let lines = journal::read(&path)?.lines;
            said.extend(lines.iter().filter_map(|line| record::statement(&line.entry)).map(|(key, _)| key));
        }
    }
    Ok(said)
}

/// After a death while a statement was made: what is shared was written down before, and what was written down is shared
/// by the next start, once.
pub async fn judge_sign(stage: &Stage, program: &Program, before: &Value) -> Checked<String> {
    let known = keys(before);
    let new = |data: &Value| -> Vec<String> { keys(data).into_iter().filter(|key| !known.contains(key)).collect() };
    let written = said(program)?;
    let at_death = new(&shared(stage).await);
    if at_death.iter().any(|key| !written.contains(key)) {
        return Err("it is shared, and not written down".into());
    }
    let mut tui = program.screen(None);
    let deadline = Instant::now() + PATIENCE;
    while new(&shared(stage).await) != written {
        if Instant::now() > deadline {
            return Err(format!("written down: {written:?}, shared: {:?}", new(&shared(stage).await)).into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    crate::program::leave(&mut tui);
    Ok(match (written.is_empty(), at_death.is_empty()) {
        (true, _) => "nothing said",
        (false, true) => "said, shared at the next start",
        (false, false) => "said and shared",
    }
    .to_owned())
}

fn counters(program: &Program) -> PathBuf {
    program.journals().with_file_name("alice.counters.json")
}

/// After a death while the counts were kept: the file is whole or not there, and the next start goes on from it.
pub async fn judge_counts(program: &Program, scene: &Scene) -> Checked<String> {
    let read = || fs::read(counters(program)).ok();
    let kept = read();
    if let Some(bytes) = &kept {
        serde_json::from_slice::<Value>(bytes).map_err(|error| format!("what was kept is torn: {error}"))?;
    }
    let run = act(program, scene, None).await?;
    if run.killed || !run.said.contains("done: ") || read() == kept {
        return Err(format!("the next start does not go on:\n{}", run.said).into());
    }
    Ok(if kept.is_some() { "kept whole" } else { "nothing kept yet" }.to_owned())
}
