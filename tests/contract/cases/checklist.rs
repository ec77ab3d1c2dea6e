//! The checklist on real servers: people of the API server sign, a gate turns red in mid-canary. The program is run as
//! its users run it, each with a home and a state folder of their own.

use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use super::{fresh, holds, says};
use crate::Checked;
use crate::manifests::{canary, image, pause, weight};
use crate::stage::{PATIENCE, Stage};

const API: &str = "rollout/api";

/// A person at a machine of their own.
pub struct Person<'a> {
    /// Where they are.
    pub stage: &'a Stage,
    home: TempDir,
    /// Their config.
    pub config: PathBuf,
}

impl<'a> Person<'a> {
    /// Somebody who watches `rollout/api`, with more in the config.
    pub fn new(stage: &'a Stage, who: &str, more: &str) -> Checked<Self> {
        Self::with(stage, who, &[API.to_owned()], more)
    }

    /// Somebody who watches these workloads.
    pub fn with(stage: &'a Stage, who: &str, workloads: &[String], more: &str) -> Checked<Self> {
        let home = TempDir::new()?;
        let config = home.path().join("cockpit.toml");
        let environment = format!(
            "[[environments]]\nname = \"prod\"\ncontext = \"{who}\"\nnamespace = \"{}\"\nworkloads = {workloads:?}\n\n",
            stage.namespace
        );
        std::fs::write(&config, environment + more)?;
        Ok(Self { stage, home, config })
    }

    /// Runs a command; returns exit code and everything said.
    async fn run(&self, arguments: &[&str]) -> Checked<(i32, String)> {
        let output = self.output(arguments, &self.home).await?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned()))
    }

    async fn output(&self, arguments: &[&str], state: &TempDir) -> Checked<std::process::Output> {
        Ok(Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("USER", "somebody")
            .env("KUBECONFIG", self.stage.bed.kubeconfig())
            .env("XDG_STATE_HOME", state.path())
            .stdin(Stdio::null())
            .output()
            .await?)
    }

    /// Returns what `status -o json` says, in this state folder.
    pub async fn status(&self, state: &TempDir) -> Checked<serde_json::Value> {
        let output = self.output(&["status", "-o", "json"], state).await?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Looks until the journal in this state folder says something; returns all that it says.
    pub async fn until_journal(&self, state: &TempDir, text: &str) -> Checked<String> {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let output = self.output(&["log", "show"], state).await?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if said.contains(text) {
                return Ok(said);
            }
            holds(&format!("the journal never says {text:?}:\n{said}"), std::time::Instant::now() < until)?;
        }
    }

    /// Runs a command until it ends with this code.
    pub async fn until_ends(&self, code: i32, arguments: &[&str]) -> Checked {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let (ended, said) = self.run(arguments).await?;
            if ended == code {
                return Ok(());
            }
            let in_time = std::time::Instant::now() < until;
            holds(&format!("{arguments:?} never ends with {code}, but with {ended}:\n{said}"), in_time)?;
        }
    }

    /// Runs a command that has to end with this code and say this.
    pub async fn expect(&self, code: i32, arguments: &[&str], text: &str) -> Checked {
        let (ended, said) = self.run(arguments).await?;
        holds(&format!("{arguments:?} ends with {ended} instead of {code}:\n{said}"), ended == code)?;
        says(&said, text)
    }
}

/// A canary that waits at 50 %.
async fn waiting(stage: &Stage) -> Checked {
    let mut cockpit = fresh(stage, API, [canary("api", 2, &[weight(50), pause(), weight(75), pause()])]).await?;
    stage.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    Ok(())
}

/// Two people of the API server sign, each at a machine of their own, and read what the other signed. Nobody signs for
/// two roles, a NO-GO stops the promotion, a rollback goes through.
pub async fn two_people_sign(stage: &Stage) -> Checked {
    waiting(stage).await?;
    let rules = "[sign_offs]\nroles = { sre = 1, product = 1 }\n";
    let alice = Person::new(stage, "alice", rules)?;
    let bob = Person::new(stage, "bob", rules)?;
    let promote = ["promote", "prod", "--yes"];
    alice.expect(3, &["gate", "prod"], "sign-off sre: 0 of 1").await?;
    alice.expect(3, &["sign", "prod", "go", "--role", "captain"], "no role that signs").await?;
    alice.expect(0, &["sign", "prod", "go", "--role", "sre"], "alice signed GO as sre for api 1.1.0").await?;
    alice.expect(3, &["sign", "prod", "go", "--role", "product"], "alice signed as sre already").await?;
    alice.expect(3, &promote, "sign-off product: 0 of 1").await?;
    bob.expect(2, &["sign", "prod", "no-go", "--role", "product"], "a NO-GO needs a reason").await?;
    bob.expect(0, &["sign", "prod", "no-go", "--role", "product", "--note", "too early"], "bob signed NO-GO").await?;
    // Each sees what the other said, and that the API server vouches for it.
    alice.expect(3, &["gate", "prod"], "bob signed NO-GO as product: “too early”").await?;
    bob.expect(3, &["gate", "prod", "-o", "json"], "\"who\": \"alice\",\n      \"verified\": true").await?;
    alice.expect(3, &promote, "too early").await?;
    bob.expect(0, &["sign", "prod", "go", "--role", "product"], "bob signed GO").await?;
    alice.expect(0, &["gate", "prod"], "GO").await?;
    alice.expect(0, &promote, "done").await?;
    alice.expect(0, &["log", "verify"], "unbroken").await?;
    // Another artifact: what was signed says nothing about it, and rolling back needs nobody.
    stage.set_image("Rollout", "api", &image("api", "1.2.0")).await?;
    alice.expect(0, &["wait", "prod", "--for=paused"], "Paused").await?;
    alice.expect(3, &["gate", "prod"], "is void: given for api=api:1.1.0").await?;
    alice.expect(0, &["rollback", "prod", "--yes"], "done").await
}

/// A gate turns red in mid-canary: promotion stops, by any command, until it is green again; a rollback goes through.
pub async fn a_gate_turns_red(stage: &Stage) -> Checked {
    waiting(stage).await?;
    let evidence = TempDir::new()?;
    let green = evidence.path().join("green");
    let checks = format!(
        "[[checks]]\nid = \"smoke\"\ngate = true\nphase = \"deploy\"\ncommand = {{ argv = [\"cat\", \"{}\"] }}\n\n\
         [[checks]]\nid = \"pager\"\ngate = true\n",
        green.display()
    );
    let alice = Person::new(stage, "alice", &checks)?;
    let promote = ["promote", "prod", "--yes"];
    alice.expect(3, &promote, "smoke: ").await?;
    std::fs::write(&green, "fine\n")?;
    alice.expect(3, &promote, "pager: nobody acknowledged it").await?;
    alice.expect(3, &["ack", "prod", "smoke", "--note", "it is fine"], "answers itself").await?;
    alice.expect(2, &["ack", "prod", "pagr", "--note", "x"], "did you mean `pager`").await?;
    alice.expect(0, &["ack", "prod", "pager", "--note", "Ana has it"], "alice acknowledged pager").await?;
    alice.expect(0, &["check", "prod", "smoke"], "fine").await?;
    alice.expect(0, &["gate", "prod", "-o", "junit"], "failures=\"0\"").await?;
    alice.expect(0, &promote, "done").await?;
    alice.expect(0, &["wait", "prod", "--for=paused"], "Paused").await?;
    std::fs::remove_file(&green)?;
    alice.expect(3, &["gate", "prod", "-o", "junit"], "<failure").await?;
    alice.expect(3, &promote, "smoke: ").await?;
    alice.expect(3, &["promote", "prod", "--full", "--yes", "--confirm", "prod"], "smoke: ").await?;
    alice.expect(0, &["pause", "prod", "--yes"], "done").await?;
    alice.expect(0, &["rollback", "prod", "--yes"], "done").await
}
