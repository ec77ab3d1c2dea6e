//! The checklist on real servers: people of the API server sign, a gate turns red in mid-canary. The program is run as
//! its users run it, each with a home and a state folder of their own.

use support::check::{WAIT_TIMEOUT, holds, says};
use support::manifests::{canary, image, pause, weight};
use support::{Checked, Program, TestNamespace};
use tempfile::TempDir;

use super::fresh;
use crate::cockpit;

const API: &str = "rollout/api";

/// A person at a machine of their own.
pub struct Person {
    /// The program as they have it.
    pub program: Program,
}

impl Person {
    /// Somebody who watches `rollout/api`, with more in the config.
    pub fn new(namespace: &TestNamespace, who: &str, more: &str) -> Self {
        Self::with(namespace, who, &[API.to_owned()], more)
    }

    /// Somebody who watches these workloads.
    pub fn with(namespace: &TestNamespace, who: &str, workloads: &[String], more: &str) -> Self {
        let program = cockpit().with_path().env("USER", "somebody");
        let program = program.env("KUBECONFIG", namespace.cluster.kubeconfig().display().to_string());
        let environment = format!(
            "[[environments]]\nname = \"prod\"\ncontext = \"{who}\"\nnamespace = \"{}\"\nworkloads = {workloads:?}\n\n",
            namespace.name
        );
        let config = program.write("cockpit.toml", &(environment + more)).display().to_string();
        Self { program: program.args(["--config", &config]) }
    }

    /// The same person at another machine, whose program keeps its state elsewhere.
    pub fn with_state(&self, folder: &str) -> Self {
        let state = self.program.path(folder).display().to_string();
        Self { program: self.program.clone().env("XDG_STATE_HOME", state) }
    }

    /// Runs a command; returns exit code and everything said.
    async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let run = self.program.run_async(arguments).await;
        (run.code(), run.said())
    }

    /// Returns what `status -o json` says.
    pub async fn status(&self) -> Checked<serde_json::Value> {
        Ok(serde_json::from_slice(&self.program.run_async(&["status", "-o", "json"]).await.stdout)?)
    }

    /// Looks until the journal says something; returns all that it says.
    pub async fn until_journal(&self, text: &str) -> Checked<String> {
        let until = std::time::Instant::now() + WAIT_TIMEOUT;
        loop {
            let said = self.program.run_async(&["log", "show"]).await.out();
            if said.contains(text) {
                return Ok(said);
            }
            holds(&format!("the journal never says {text:?}:\n{said}"), std::time::Instant::now() < until)?;
        }
    }

    /// Runs a command until it ends with this code.
    pub async fn until_ends(&self, code: i32, arguments: &[&str]) -> Checked {
        let until = std::time::Instant::now() + WAIT_TIMEOUT;
        loop {
            let (ended, said) = self.run(arguments).await;
            if ended == code {
                return Ok(());
            }
            let in_time = std::time::Instant::now() < until;
            holds(&format!("{arguments:?} never ends with {code}, but with {ended}:\n{said}"), in_time)?;
        }
    }

    /// Runs a command that has to end with this code and say this.
    pub async fn expect(&self, code: i32, arguments: &[&str], text: &str) -> Checked {
        let (ended, said) = self.run(arguments).await;
        holds(&format!("{arguments:?} ends with {ended} instead of {code}:\n{said}"), ended == code)?;
        says(&said, text)
    }
}

/// A canary that waits at 50 %.
pub async fn waiting(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 2, &[weight(50), pause(), weight(75), pause()])]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    Ok(())
}

/// Two people of the API server sign, each at a machine of their own, and read what the other signed. Nobody signs for
/// two roles, a NO-GO stops the promotion, a rollback goes through.
pub async fn two_people_sign(namespace: &TestNamespace) -> Checked {
    waiting(namespace).await?;
    let rules = "[sign_offs]\nroles = { sre = 1, product = 1 }\n";
    let alice = Person::new(namespace, "alice", rules);
    let bob = Person::new(namespace, "bob", rules);
    let promote = ["promote", "prod", "--yes"];
    alice.expect(3, &["gate", "prod"], "sign-off sre: 0 of 1").await?;
    alice.expect(3, &["sign", "prod", "go", "--role", "captain"], "no role that signs").await?;
    alice.expect(0, &["sign", "prod", "go", "--role", "sre"], "alice signed GO as sre for api 1.1.0").await?;
    alice.expect(3, &["sign", "prod", "go", "--role", "product"], "alice signed as sre already").await?;
    alice.expect(3, &promote, "sign-off product: 0 of 1").await?;
    bob.expect(2, &["sign", "prod", "no-go", "--role", "product"], "a NO-GO needs a reason").await?;
    bob.expect(0, &["sign", "prod", "no-go", "--role", "product", "--note", "too early"], "bob signed NO-GO").await?;
    // Each sees what the other said. Who wrote a text into the record, nobody vouches for.
    alice.expect(3, &["gate", "prod"], "bob signed NO-GO as product: “too early”").await?;
    bob.expect(3, &["gate", "prod", "-o", "json"], "\"who\": \"alice\",\n      \"verified\": false").await?;
    alice.expect(3, &promote, "too early").await?;
    bob.expect(0, &["sign", "prod", "go", "--role", "product"], "bob signed GO").await?;
    alice.expect(0, &["gate", "prod"], "GO").await?;
    alice.expect(0, &promote, "done").await?;
    alice.expect(0, &["log", "verify"], "unbroken").await?;
    // Another artifact: what was signed says nothing about it, and rolling back needs nobody.
    namespace.set_image("Rollout", "api", &image("api", "1.2.0")).await?;
    alice.expect(0, &["wait", "prod", "--for=paused"], "Paused").await?;
    alice.expect(3, &["gate", "prod"], "is void: given for api=api:1.1.0").await?;
    alice.expect(0, &["rollback", "prod", "--yes"], "done").await
}

/// A gate turns red in mid-canary: promotion stops, by any command, until it is green again; a rollback goes through.
pub async fn a_gate_turns_red(namespace: &TestNamespace) -> Checked {
    waiting(namespace).await?;
    let evidence = TempDir::new()?;
    let green = evidence.path().join("green");
    let checks = format!(
        "[[checks]]\nid = \"smoke\"\ngate = true\nphase = \"deploy\"\ncommand = {{ argv = [\"cat\", \"{}\"] }}\n\n\
         [[checks]]\nid = \"pager\"\ngate = true\n",
        green.display()
    );
    let alice = Person::new(namespace, "alice", &checks);
    let promote = ["promote", "prod", "--yes"];
    alice.expect(3, &promote, "smoke: ").await?;
    std::fs::write(&green, "fine\n")?;
    alice.expect(3, &promote, "pager: not acknowledged").await?;
    alice.expect(3, &["ack", "prod", "smoke", "--note", "it is fine"], "runs automatically").await?;
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
