//! Two people at once: between question and answer somebody else acts, with the tools that others have. A stale plan is
//! refused, and what is said names who it was as far as managedFields tell: a client's name, and no user's.

use std::future::Future;

use release_cockpit::domain::record::action::{Outcome, Verb};

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::journal::Entry;
use release_cockpit::domain::rules::action::Plan;
use serde_json::{Value, json};
use support::check::{WAIT_TIMEOUT, holds, same, says};
use support::manifests::{canary, image, pause, weight};
use support::{Checked, Program, Pty, TestNamespace};
use tokio::time::{Instant, sleep};

use super::fresh;
use crate::cockpit;
use crate::contract::cockpit::Cockpit;

const API: &str = "rollout/api";
/// Who the other one is.
const OTHER: &str = "(by kubectl-argo-rollouts, ";

async fn at_first_pause(namespace: &TestNamespace) -> Checked<Cockpit> {
    let steps = [weight(34), pause(), weight(67), pause()];
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps)]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    // managedFields tell whole seconds: what is done in another one is told apart.
    cockpit.until_next_second().await?;
    Ok(cockpit)
}

/// The other person, with the plugin; `false` where it is not installed.
async fn other(namespace: &TestNamespace, args: &[&str]) -> Checked<bool> {
    with(namespace, "kubectl-argo-rollouts", args).await
}

async fn with(namespace: &TestNamespace, tool: &str, args: &[&str]) -> Checked<bool> {
    let Some(output) = namespace.tool(tool, args).await? else { return Ok(false) };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(true) } else { Err(format!("{tool} {args:?}: {said}").into()) }
}

/// Waits until the controller has taken note, making it look: what comes right after a write of its own it overlooks.
async fn noticed(namespace: &TestNamespace, what: &str, noted: impl Fn(&Value) -> bool) -> Checked {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while !noted(&namespace.get("Rollout", "api").await?) {
        if Instant::now() >= deadline {
            return Err(format!("the controller never took note of {what}").into());
        }
        let at = jiff::Timestamp::now().to_string();
        namespace.merge("Rollout", "api", json!({"metadata": {"annotations": {"look": at}}})).await?;
        sleep(std::time::Duration::from_millis(300)).await;
    }
    Ok(())
}

fn is_observed(object: &Value) -> bool {
    // Rollouts write the number as text.
    object["status"]["observedGeneration"].as_str() == Some(&object["metadata"]["generation"].to_string())
}

fn is_aborted(object: &Value) -> bool {
    object["status"]["abortedAt"].is_string()
}

/// Asks, lets the other one act, and answers: nothing may be written, and the journal says that it was refused and why.
async fn refused(
    cockpit: &mut Cockpit,
    verb: Verb,
    meanwhile: impl Future<Output = Checked<bool>>,
    whys: &[&str],
) -> Checked {
    let plan = cockpit.planned(verb)?;
    if !meanwhile.await? {
        return Ok(());
    }
    let why = said_to(cockpit, plan).await?;
    for wanted in whys {
        says(&why, wanted)?;
    }
    let last = cockpit.lines()?.into_iter().rev().find_map(|line| match line.entry {
        Entry::Outcome { outcome, .. } => Some(outcome.describe()),
        _ => None,
    });
    says(&last.unwrap_or_default(), &why)?;
    cockpit.check_life()
}

/// Carries out a plan that must be refused without any write; returns why.
async fn said_to(cockpit: &mut Cockpit, plan: Plan) -> Checked<String> {
    cockpit.proxy()?.forget();
    let outcome = cockpit.dispatcher.perform(plan).await;
    same("writes taken", &cockpit.proxy()?.accepted().len(), &0)?;
    match outcome {
        Outcome::Moved { what } => Ok(what),
        Outcome::Refused { why } => Ok(why),
        other => Err(format!("not refused: {}", other.describe()).into()),
    }
}

/// Somebody promotes: the plan would have skipped a step. Who it was is not told: a promotion takes a field away.
pub async fn promoted_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let promote = async {
        let done = other(namespace, &["promote", "api"]).await?;
        if done {
            noticed(namespace, "the promotion", |object| object["status"]["currentStepIndex"] == 3).await?;
        }
        Ok(done)
    };
    refused(&mut cockpit, Verb::Promote, promote, &["it is at step 4 instead of 2"]).await
}

/// Somebody on another machine freezes the environment or says NO-GO, moments before the answer: this one has not heard of
/// it yet. What moves backward is sent all the same.
pub async fn stopped_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let elsewhere = program(namespace);
    let config = format!(
        "[sign_offs]\nroles = {{ sre = 1 }}\n\n[[environments]]\nname = \"alice\"\ncontext = \"alice\"\n\
         namespace = \"{}\"\nworkloads = [\"{API}\"]\n",
        namespace.name
    );
    let config = elsewhere.write("cockpit.toml", &config).display().to_string();
    let reviewer = cockpit_with(namespace, &config);
    let [promote, abort] = [cockpit.planned(Verb::Promote)?, cockpit.planned(Verb::Abort)?];
    holds("an abort asks for no gates", abort.record().gates_asked.is_empty())?;
    stated(&elsewhere, &["freeze", "alice", "--note", "incident 4711"]).await?;
    says(&said_to(&mut cockpit, promote).await?, "froze alice until somebody ends it: “incident 4711”")?;
    stated(&elsewhere, &["unfreeze", "alice", "--note", "it is over"]).await?;
    cockpit.act(Verb::Promote).await?;
    cockpit.until_paused_at(3).await?;
    let promote = cockpit.planned(Verb::Promote)?;
    stated(&reviewer, &["sign", "alice", "no-go", "--role", "sre", "--note", "the pager is silent"]).await?;
    says(&said_to(&mut cockpit, promote).await?, "signed NO-GO as sre: “the pager is silent”")?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.check_life()
}

/// The program as alice has it, with a config.
fn cockpit_with(namespace: &TestNamespace, config: &str) -> Program {
    let kubeconfig = namespace.cluster.kubeconfig().display().to_string();
    let program = cockpit().args(["--config", config]);
    let state = program.path("state").display().to_string();
    program.env("XDG_STATE_HOME", state).env("KUBECONFIG", kubeconfig)
}

async fn stated(program: &Program, args: &[&str]) -> Checked {
    let answer = program.run_async(args).await;
    same(&format!("exit code of {args:?}: {}", answer.said()), &answer.code(), &0)
}

pub async fn aborted_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let abort = async {
        let done = other(namespace, &["abort", "api"]).await?;
        if done {
            noticed(namespace, "the abort", is_aborted).await?;
        }
        Ok(done)
    };
    refused(&mut cockpit, Verb::Promote, abort, &["it was aborted", OTHER]).await
}

/// Somebody sends another image out, and one more: neither is the one seen. Not even a rollback goes on then.
pub async fn other_images_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let rollback = cockpit.planned(Verb::Rollback)?;
    let images = async {
        let mut done = true;
        for tag in ["1.2.0", "1.3.0"] {
            done &= other(namespace, &["set", "image", "api", &format!("app={}", image("api", tag))]).await?;
        }
        if done {
            let tag = image("api", "1.3.0");
            noticed(namespace, "the image", |object| {
                let template = &object["spec"]["template"]["spec"]["containers"][0]["image"];
                *template == *tag && is_observed(object)
            })
            .await?;
        }
        Ok(done)
    };
    refused(&mut cockpit, Verb::Promote, images, &["another revision is rolling out", OTHER]).await?;
    if namespace.cluster.tool("kubectl-argo-rollouts").is_some() {
        says(&said_to(&mut cockpit, rollback).await?, "another revision is rolling out")?;
    }
    cockpit.check_life()
}

/// Somebody undoes: the old template is back.
pub async fn undone_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let undo = async {
        let done = other(namespace, &["undo", "api"]).await?;
        if done {
            noticed(namespace, "the old template", |object| object["status"]["phase"] == "Healthy").await?;
        }
        Ok(done)
    };
    refused(&mut cockpit, Verb::Promote, undo, &["another revision is rolling out", OTHER]).await
}

/// Somebody scales and restarts: nothing that the plan rests on moves, and once it is quiet the promotion goes on.
pub async fn scaled_and_restarted_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let plan = cockpit.planned(Verb::Promote)?;
    if !with(namespace, "kubectl", &["scale", "rollout", "api", "--replicas=4"]).await?
        || !other(namespace, &["restart", "api"]).await?
    {
        return Ok(());
    }
    noticed(namespace, "both", |object| {
        let status = &object["status"];
        is_observed(object)
            && status["restartedAt"] == object["spec"]["restartAt"]
            && status["availableReplicas"].as_u64() >= Some(4)
            && status["phase"] == "Paused"
    })
    .await?;
    cockpit.carry_out(plan).await?;
    cockpit.until_paused_at(3).await?;
    cockpit.check_life()
}

pub async fn deleted_meanwhile(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let rollback = cockpit.planned(Verb::Rollback)?;
    let delete = with(namespace, "kubectl", &["delete", "rollout", "api", "--wait=true"]);
    refused(&mut cockpit, Verb::Promote, delete, &["404"]).await?;
    if namespace.cluster.tool("kubectl").is_some() {
        says(&said_to(&mut cockpit, rollback).await?, "404")?;
    }
    Ok(())
}

/// A rollback goes on as long as its revision is the one seen, whatever somebody else did to it.
pub async fn rollback_goes_on(namespace: &TestNamespace) -> Checked {
    let mut cockpit = at_first_pause(namespace).await?;
    let plan = cockpit.planned(Verb::Rollback)?;
    if !other(namespace, &["promote", "api"]).await? {
        return Ok(());
    }
    noticed(namespace, "the promotion", |object| object["status"]["currentStepIndex"] == 3).await?;
    if !other(namespace, &["abort", "api"]).await? {
        return Ok(());
    }
    noticed(namespace, "the abort", is_aborted).await?;
    cockpit.carry_out(plan).await?;
    cockpit.until("1.0.0", |view| view.is(Phase::Healthy) && view.goes_out() == "1.0.0").await?;
    cockpit.check_life()
}

/// The program as alice has it, watching the rollout.
fn program(namespace: &TestNamespace) -> Program {
    let kubeconfig = namespace.cluster.kubeconfig().display().to_string();
    let program = cockpit().args(["--context", "alice", "--namespace", &namespace.name, "--workload", API]);
    let state = program.path("state").display().to_string();
    program.env("XDG_STATE_HOME", state).env("KUBECONFIG", kubeconfig)
}

/// Opens the screen on the rollout; the cockpit of before only watches.
async fn screen(program: &Program) -> Checked<Pty> {
    let program = program.clone();
    in_peace(move || {
        let pty = program.screen(&[], (140, 40));
        pty.wait_text("p would promote");
        pty
    })
    .await
}

/// Looks at a screen on a thread of its own: the simulator answers on this one.
async fn in_peace<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Checked<T> {
    Ok(tokio::task::spawn_blocking(look).await?)
}

/// Opens a question, lets the other one act, and waits for what the screen says; then `y`, which does nothing.
async fn asked_on_screen(
    namespace: &TestNamespace,
    (key, title): (&'static str, &'static str),
    meanwhile: impl Future<Output = Checked<bool>>,
    wanted: &'static [&'static str],
) -> Checked {
    let program = program(namespace);
    let mut pty = screen(&program).await?;
    let mut pty = in_peace(move || {
        pty.send(key);
        pty.wait_text(title);
        pty
    })
    .await?;
    if !meanwhile.await? {
        return Ok(());
    }
    let before = namespace.get("Rollout", "api").await?;
    in_peace(move || {
        pty.wait_text("no longer possible: the object changed");
        for text in wanted {
            pty.wait_text(text);
        }
        pty.send("y");
        pty.wait("it is still open", |screen| screen.contents().contains("no longer possible:"));
        pty.send("\x1b");
        pty.wait("it is closed", |screen| !screen.contents().contains("no longer possible:"));
        pty.send("q");
        same("exit code", &pty.exit(), &0)
    })
    .await??;
    let after = namespace.get("Rollout", "api").await?;
    same("the spec", &after["spec"], &before["spec"])?;
    same("the abort", &after["status"]["abort"], &before["status"]["abort"])?;
    let folder = program.path("state/release-cockpit/journals");
    for path in release_cockpit::executors::journal::list(&folder)? {
        let lines = release_cockpit::executors::journal::read(&path)?.lines;
        holds("nothing was asked", !lines.iter().any(|line| matches!(line.entry, Entry::Intent { .. })))?;
    }
    Ok(())
}

/// On the screen: aborted while the question to promote is open.
pub async fn aborted_under_an_open_question(namespace: &TestNamespace) -> Checked {
    at_first_pause(namespace).await?;
    let abort = async {
        let done = other(namespace, &["abort", "api"]).await?;
        if done {
            noticed(namespace, "the abort", is_aborted).await?;
        }
        Ok(done)
    };
    asked_on_screen(namespace, ("p", "Promote alice"), abort, &["it was aborted", "kubectl-argo-rollouts"]).await
}

/// On the screen: another image while the question to roll back is open.
pub async fn another_image_under_an_open_question(namespace: &TestNamespace) -> Checked {
    at_first_pause(namespace).await?;
    let tag = format!("app={}", image("api", "1.2.0"));
    let args = ["set", "image", "api", &tag];
    let images = async {
        let done = other(namespace, &args).await?;
        if done {
            noticed(namespace, "the image", is_observed).await?;
        }
        Ok(done)
    };
    // Who it was stands in the feed, which the dialog may cover.
    let wanted = &["another revision is rolling out"];
    asked_on_screen(namespace, ("R", "Roll back alice"), images, wanted).await
}

/// On the screen: deleted while the question to hold is open.
pub async fn deleted_under_an_open_question(namespace: &TestNamespace) -> Checked {
    at_first_pause(namespace).await?;
    let program = program(namespace);
    let mut pty = screen(&program).await?;
    let mut pty = in_peace(move || {
        pty.send(" ");
        pty.wait_text("Pause alice");
        pty
    })
    .await?;
    if !with(namespace, "kubectl", &["delete", "rollout", "api", "--wait=true"]).await? {
        return Ok(());
    }
    in_peace(move || {
        pty.wait_text("no longer possible: the object changed: the workload was deleted");
        pty.send("y");
        pty.send("\x1b");
        pty.wait("it is closed", |screen| !screen.contents().contains("no longer possible:"));
        pty.wait_text("does not exist");
        pty.send("q");
        same("exit code", &pty.exit(), &0)
    })
    .await?
}
